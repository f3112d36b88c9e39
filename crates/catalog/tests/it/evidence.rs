//! Reports, inventories, decisions, policies.

use ::evidence::{Grade, Severity, SeverityCounts};
use catalog::{
    Catalog, EvidenceStamp, ImageSummary, LayerReport, NewDecision, NewImageReport, PackageKey,
};
use oci::Digest;
use uuid::Uuid;

use crate::given::{app, at, by, digest_of, index, pushed_image, put, tag, tags};

pub(crate) fn summary(grade: Grade) -> ImageSummary {
    let counts: SeverityCounts = [
        Severity::Critical,
        Severity::High,
        Severity::High,
        Severity::Negligible,
    ]
    .into_iter()
    .collect();
    ImageSummary {
        grade: Some(grade),
        next_drop: Some((Grade::F, at(1_000))),
        as_of: Some(at(-3)),
        counts,
        fixable: [Severity::High].into_iter().collect(),
        packages: 86,
        complete: true,
        platform: Some("linux/amd64".into()),
    }
}

/// The analyser version of [`report`].
const VERSION: &str = "1";

pub(crate) fn report(digest: &Digest, snapshot: &str, grade: Grade) -> NewImageReport {
    NewImageReport {
        digest: digest.clone(),
        analyser_version: VERSION.into(),
        snapshot: Some(Digest::sha256(snapshot.as_bytes())),
        body: vec![0, 1, 255],
        summary: summary(grade),
        inventory: None,
    }
}

fn package(name: &str) -> PackageKey {
    PackageKey {
        kind: "deb".into(),
        name: name.into(),
    }
}

pub(crate) fn decision(
    repository: catalog::RepositoryId,
    digest: &Digest,
    verdict: &str,
) -> NewDecision {
    NewDecision {
        id: Uuid::new_v4(),
        repository,
        digest: digest.clone(),
        tag: Some(tag("v1")),
        door: "push".into(),
        policy_sha256: Digest::sha256(b"policy"),
        verdict: verdict.into(),
        loud_rules: 2,
        document: r#"{"reasons":[]}"#.into(),
        valid_until: Some(at(100)),
    }
}

pub(crate) async fn the_first_layer_report_stays(catalog: Catalog) {
    let layer = |content: &str, version: &str, body: u8| LayerReport {
        digest: Digest::sha256(content.as_bytes()),
        analyser_version: version.into(),
        diff_id: Some(Digest::sha256(b"tar")),
        body: vec![body],
    };
    let first = layer("one", "1", 1);
    assert!(catalog.put_layer_report(&first, at(0)).await.unwrap());
    assert!(
        !catalog
            .put_layer_report(&layer("one", "1", 2), at(1))
            .await
            .unwrap()
    );
    assert!(
        catalog
            .put_layer_report(&layer("one", "2", 3), at(1))
            .await
            .unwrap()
    );
    let asked = [Digest::sha256(b"one"), Digest::sha256(b"two")];
    assert_eq!(catalog.layer_reports(&asked, "1").await.unwrap(), [first]);
    assert!(catalog.layer_reports(&[], "1").await.unwrap().is_empty());
}

pub(crate) async fn an_image_report_is_replaced(catalog: Catalog) {
    let digest = Digest::sha256(b"image");
    assert_eq!(catalog.image_report(&digest).await.unwrap(), None);
    catalog
        .put_image_report(&report(&digest, "monday", Grade::A), at(0))
        .await
        .unwrap();
    catalog
        .put_image_report(&report(&digest, "tuesday", Grade::C), at(1))
        .await
        .unwrap();
    let stored = catalog.image_report(&digest).await.unwrap().unwrap();
    assert_eq!(stored.summary, summary(Grade::C));
    assert_eq!(stored.snapshot, Some(Digest::sha256(b"tuesday")));
    assert_eq!(stored.body, [0, 1, 255]);
    assert_eq!(stored.stored_at, at(1));
}

pub(crate) async fn only_tagged_images_with_another_snapshot_are_matched_again(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let mut digests = Vec::new();
    for (config, tag) in [
        ("[0]", Some("a")),
        ("[1]", None),
        ("[2]", None),
        ("[3]", Some("d")),
    ] {
        let tags: Vec<_> = tag.iter().flat_map(|tag| tags(&[tag])).collect();
        let body = pushed_image(&catalog, id, &dev, config, &tags, 1).await;
        let digest = digest_of(&body);
        let snapshot = if config == "[3]" { "new" } else { "old" };
        let mut report = report(&digest, snapshot, Grade::A);
        report.inventory = Some((config.as_bytes().to_vec(), vec![]));
        catalog.put_image_report(&report, at(1)).await.unwrap();
        digests.push((digest, body));
    }
    let parent = index(&[(&digests[1].1, "amd64")]);
    put(&catalog, id, &parent, &tags(&["multi"]), 2).await;

    let new = Digest::sha256(b"new");
    let mut expected = vec![digests[0].0.clone(), digests[1].0.clone()];
    expected.sort();
    let found = catalog
        .inventories_to_rematch(&new, None, 10, VERSION, at(10))
        .await
        .unwrap();
    let found: Vec<Digest> = found
        .into_iter()
        .map(|inventory| inventory.digest)
        .collect();
    assert_eq!(found, expected);
    let rest = catalog
        .inventories_to_rematch(&new, Some(&expected[0]), 10, VERSION, at(10))
        .await
        .unwrap();
    assert_eq!(rest.len(), 1);

    catalog
        .put_image_report(&report(&digests[0].0, "new", Grade::B), at(3))
        .await
        .unwrap();
    let kept = catalog.inventory(&digests[0].0).await.unwrap().unwrap();
    assert_eq!(kept.body, b"[0]", "a match leaves the inventory alone");
    assert_eq!(
        catalog
            .inventories_to_rematch(&new, None, 10, VERSION, at(10))
            .await
            .unwrap()
            .len(),
        1
    );
}

pub(crate) async fn a_grade_that_has_dropped_is_matched_again(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let body = pushed_image(&catalog, id, &dev, "[0]", &tags(&["a"]), 1).await;
    let digest = digest_of(&body);
    let mut report = report(&digest, "new", Grade::A);
    report.inventory = Some((vec![1], vec![]));
    catalog.put_image_report(&report, at(1)).await.unwrap();
    let new = Digest::sha256(b"new");
    for (now, due) in [(999, 0), (1_000, 1)] {
        let found = catalog
            .inventories_to_rematch(&new, None, 10, VERSION, at(now))
            .await
            .unwrap();
        assert_eq!(found.len(), due, "at {now}");
    }
    let newer = catalog
        .inventories_to_rematch(&new, None, 10, "2", at(2))
        .await
        .unwrap();
    assert_eq!(newer.len(), 1, "another analyser version made it");
    let stored = catalog.image_report(&digest).await.unwrap().unwrap();
    assert_eq!(stored.summary, summary(Grade::A));
    let holders = catalog.repositories_of(&digest).await.unwrap();
    assert_eq!(holders.len(), 1);
    assert_eq!(holders[0].id, id);
}

pub(crate) async fn a_stamp_changes_with_the_report(catalog: Catalog) {
    let (one, two) = (Digest::sha256(b"one"), Digest::sha256(b"two"));
    let mut first = report(&one, "old", Grade::A);
    first.inventory = Some((vec![1], vec![]));
    catalog.put_image_report(&first, at(1)).await.unwrap();
    // Without an inventory there is nothing to judge.
    let bare = report(&two, "old", Grade::A);
    catalog.put_image_report(&bare, at(1)).await.unwrap();
    let wanted = [one.clone(), two, Digest::sha256(b"three")];
    let stamps = catalog.evidence_stamps(&wanted).await.unwrap();
    let expected = EvidenceStamp {
        analyser_version: VERSION.into(),
        snapshot: Some(Digest::sha256(b"old")),
        as_of: Some(at(-3)),
        stored_at: at(1),
    };
    assert_eq!(stamps.len(), 1);
    assert_eq!(stamps[&one], expected);
    catalog
        .put_image_report(&report(&one, "new", Grade::A), at(2))
        .await
        .unwrap();
    let later = catalog.evidence_stamps(&wanted).await.unwrap();
    assert_ne!(later[&one], expected);
}

pub(crate) async fn an_image_is_found_by_its_packages(catalog: Catalog) {
    let many: Vec<PackageKey> = (0..300).map(|n| package(&format!("lib{n}"))).collect();
    let (one, two) = (Digest::sha256(b"one"), Digest::sha256(b"two"));
    for (digest, packages) in [
        (&one, many.clone()),
        (&two, vec![package("lib7"), package("lib7")]),
    ] {
        let mut report = report(digest, "old", Grade::A);
        report.inventory = Some((vec![1], packages));
        catalog.put_image_report(&report, at(0)).await.unwrap();
    }
    let mut both = vec![one.clone(), two.clone()];
    both.sort();
    assert_eq!(
        catalog
            .images_with_package(&package("lib7"), None, 10)
            .await
            .unwrap(),
        both
    );
    assert_eq!(
        catalog
            .images_with_package(&package("lib299"), None, 10)
            .await
            .unwrap(),
        std::slice::from_ref(&one)
    );
    assert_eq!(
        catalog
            .images_with_package(&package("lib7"), Some(&both[0]), 10)
            .await
            .unwrap(),
        both[1..]
    );

    let mut smaller = report(&one, "old", Grade::A);
    smaller.inventory = Some((vec![2], vec![package("lib1")]));
    catalog.put_image_report(&smaller, at(1)).await.unwrap();
    assert_eq!(
        catalog
            .images_with_package(&package("lib7"), None, 10)
            .await
            .unwrap(),
        [two]
    );
}

pub(crate) async fn the_latest_decision_is_the_current_one(catalog: Catalog) {
    let (_, id) = app(&catalog).await;
    let digest = Digest::sha256(b"image");
    let policy = Digest::sha256(b"policy");
    assert_eq!(catalog.current_decision(id, &digest).await.unwrap(), None);
    let first = decision(id, &digest, "pending");
    let second = decision(id, &digest, "deny");
    catalog.put_decision(&first, at(0)).await.unwrap();
    catalog.put_decision(&second, at(1)).await.unwrap();
    let again = catalog.put_decision(&first, at(2)).await;
    assert!(
        matches!(again, Err(catalog::CatalogError::Conflict("decision id"))),
        "{again:?}"
    );

    let stored = catalog.decision(first.id).await.unwrap().unwrap();
    assert_eq!(
        (stored.verdict.as_str(), stored.repository_name.as_str()),
        ("pending", "app")
    );
    assert_eq!(
        (stored.valid_until, stored.decided_at),
        (Some(at(100)), at(0))
    );
    assert_eq!(stored.document, first.document);
    for found in [
        catalog.current_decision(id, &digest).await.unwrap(),
        catalog.latest_decision(id, &digest, &policy).await.unwrap(),
    ] {
        assert_eq!(found.unwrap().id, second.id);
    }
    let other = Digest::sha256(b"another policy");
    assert_eq!(
        catalog.latest_decision(id, &digest, &other).await.unwrap(),
        None
    );
}

pub(crate) async fn decisions_are_listed_latest_first_by_pages(catalog: Catalog) {
    let (_, id) = app(&catalog).await;
    let digest = Digest::sha256(b"image");
    // Two at the same instant: the order must still be total.
    for minutes in [0, 1, 1, 2] {
        catalog
            .put_decision(&decision(id, &digest, "allow"), at(minutes))
            .await
            .unwrap();
    }
    let all = catalog.list_decisions(id, None, 10).await.unwrap();
    assert_eq!(all.len(), 4);
    assert!(all.is_sorted_by(|a, b| a.decided_at >= b.decided_at));
    let mut paged = catalog.list_decisions(id, None, 2).await.unwrap();
    paged.extend(
        catalog
            .list_decisions(id, Some(paged[1].id), 2)
            .await
            .unwrap(),
    );
    assert_eq!(paged, all);
}

pub(crate) async fn a_policy_text_is_published_once_per_change(catalog: Catalog) {
    let by = by("admin");
    let first = catalog
        .publish_policy("default", "rules: []", &by, at(0))
        .await
        .unwrap();
    let same = catalog
        .publish_policy("default", "rules: []", &by, at(1))
        .await
        .unwrap();
    assert_eq!(first, same);
    let second = catalog
        .publish_policy("default", "rules: [x]", &by, at(2))
        .await
        .unwrap();
    catalog
        .publish_policy("audit", "rules: []", &by, at(3))
        .await
        .unwrap();
    assert_eq!((first.version, second.version), (1, 2));
    assert_eq!(second.sha256, Digest::sha256(b"rules: [x]"));
    let current = catalog.current_policies().await.unwrap();
    let names: Vec<_> = current
        .iter()
        .map(|p| (p.name.as_str(), p.version))
        .collect();
    assert_eq!(names, [("audit", 1), ("default", 2)]);
    assert_eq!(catalog.policy("default", 1).await.unwrap(), Some(first));
    assert_eq!(catalog.policy("default", 3).await.unwrap(), None);
}
