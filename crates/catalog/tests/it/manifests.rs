//! Manifests and the graph they form.

use catalog::{Catalog, DeleteOutcome, Lane, NewJob, PutError, PutManifest, Referenced, Sparse};
use oci::{Digest, Manifest, Reference};

use crate::given::{
    IMAGE, app, at, blob, by, digest_of, image, index, pushed_image, put, subject, tag, tags,
    try_put,
};

pub(crate) async fn the_bytes_come_back_exactly(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    for content in ["{}", "layer"] {
        blob(&catalog, id, &dev, content).await;
    }
    let body = image("{}", &["layer"], r#", "annotations" : { "k":"v" } ,"x": 1"#);
    let outcome = put(&catalog, id, &body, &tags(&["v1"]), 1).await;
    assert!(outcome.created);

    let stored = catalog
        .manifest(id, &digest_of(&body))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(stored.bytes, body.as_bytes());
    assert_eq!(stored.media_type, IMAGE);
    assert_eq!(stored.pushed_at, at(1));
    let by_tag = Reference::Tag(tag("v1"));
    let by_digest = Reference::Digest(digest_of(&body));
    for reference in [by_tag, by_digest] {
        let found = catalog
            .manifest_by_reference(id, &reference, at(2))
            .await
            .unwrap();
        assert_eq!(found.as_ref(), Some(&stored));
    }
    let absent = Reference::Tag(tag("v2"));
    assert_eq!(
        catalog
            .manifest_by_reference(id, &absent, at(2))
            .await
            .unwrap(),
        None
    );
}

pub(crate) async fn a_missing_blob_refuses_the_manifest(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    blob(&catalog, id, &dev, "{}").await;
    let body = image("{}", &["not there", "nor this", "not there"], "");
    let refused = try_put(&catalog, id, &body, &tags(&["v1"]), Sparse::Index, 1).await;
    let Err(PutError::Missing(digests)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(
        digests,
        [Digest::sha256(b"not there"), Digest::sha256(b"nor this")]
    );
    assert_eq!(catalog.manifest(id, &digest_of(&body)).await.unwrap(), None);
    assert_eq!(
        catalog.resolve_tag(id, &tag("v1"), at(2)).await.unwrap(),
        None
    );
}

pub(crate) async fn a_wrong_size_refuses_the_manifest(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    blob(&catalog, id, &dev, "{}").await;
    let body = image("{}", &[], "").replace(r#""size":2"#, r#""size":3"#);
    let refused = try_put(&catalog, id, &body, &[], Sparse::All, 1).await;
    assert!(
        matches!(
            refused,
            Err(PutError::Size {
                declared: 3,
                stored: 2,
                ..
            })
        ),
        "{refused:?}"
    );
}

pub(crate) async fn pushing_again_changes_nothing(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let body = pushed_image(&catalog, id, &dev, "{}", &tags(&["v1"]), 1).await;
    let trail = catalog.list_audit(None, 100).await.unwrap();
    let again = put(&catalog, id, &body, &tags(&["v1"]), 5).await;
    assert!(!again.created);
    assert!(again.moved.is_empty());
    assert_eq!(
        catalog
            .tag_history(id, &tag("v1"), None, 10)
            .await
            .unwrap()
            .len(),
        1
    );
    assert_eq!(catalog.list_audit(None, 100).await.unwrap(), trail);
}

pub(crate) async fn sparse_settings_decide_what_may_be_missing(catalog: Catalog) {
    let (_, id) = app(&catalog).await;
    let child = image("{}", &["layer"], "");
    let parent = index(&[(&child, "amd64")]);
    let accepts =
        async |body: &str, sparse| try_put(&catalog, id, body, &[], sparse, 1).await.is_ok();
    assert!(!accepts(&parent, Sparse::None).await);
    assert!(!accepts(&child, Sparse::None).await);
    assert!(!accepts(&child, Sparse::Index).await);
    assert!(accepts(&parent, Sparse::Index).await);
    let children = catalog.children(id, &digest_of(&parent)).await.unwrap();
    assert!(!children[0].present);
    assert!(accepts(&child, Sparse::All).await);
    let children = catalog.children(id, &digest_of(&parent)).await.unwrap();
    assert!(children[0].present);
    assert_eq!(children[0].platform.as_deref(), Some("linux/amd64"));
    assert!(accepts(&parent, Sparse::None).await);
}

pub(crate) async fn a_child_of_a_live_index_cannot_be_deleted(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let child = pushed_image(&catalog, id, &dev, "{}", &tags(&["child"]), 1).await;
    let parent = index(&[(&child, "amd64")]);
    put(&catalog, id, &parent, &tags(&["multi"]), 2).await;
    let (child, parent) = (digest_of(&child), digest_of(&parent));
    assert_eq!(
        catalog.parents(id, &child).await.unwrap(),
        std::slice::from_ref(&parent)
    );

    let by = by("dev");
    let refused = catalog
        .delete_manifest(id, &child, Referenced::Refuse, &by, at(3))
        .await
        .unwrap();
    assert_eq!(refused, DeleteOutcome::Referenced { by: parent.clone() });
    let still = catalog.resolve_tag(id, &tag("child"), at(4)).await.unwrap();
    assert_eq!(still, Some(child.clone()), "a refusal ends no tag");

    for digest in [&parent, &child] {
        let outcome = catalog
            .delete_manifest(id, digest, Referenced::Refuse, &by, at(5))
            .await
            .unwrap();
        assert!(
            matches!(outcome, DeleteOutcome::Deleted { .. }),
            "{outcome:?}"
        );
        assert_eq!(catalog.manifest(id, digest).await.unwrap(), None);
    }
    assert_eq!(
        catalog
            .delete_manifest(id, &child, Referenced::Refuse, &by, at(6))
            .await
            .unwrap(),
        DeleteOutcome::NotFound
    );
}

pub(crate) async fn deleting_a_manifest_ends_its_tags(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let body = pushed_image(&catalog, id, &dev, "{}", &tags(&["a", "b"]), 1).await;
    pushed_image(&catalog, id, &dev, "{ }", &tags(&["c"]), 2).await;
    let deleted = catalog
        .delete_manifest(id, &digest_of(&body), Referenced::Refuse, &by("dev"), at(3))
        .await
        .unwrap();
    assert_eq!(
        deleted,
        DeleteOutcome::Deleted {
            tags: tags(&["a", "b"])
        }
    );
    assert_eq!(
        catalog.list_tags(id, None, 10, at(4)).await.unwrap(),
        tags(&["c"])
    );

    let again = put(&catalog, id, &body, &tags(&["a"]), 5).await;
    assert!(again.created, "a deleted manifest can be pushed again");
}

pub(crate) async fn referrers_are_listed_by_subject_type_and_page(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let body = pushed_image(&catalog, id, &dev, "{}", &[], 1).await;
    let mut expected = Vec::new();
    for (number, kind) in ["a/sbom", "a/signature", "a/sbom"].iter().enumerate() {
        let more = format!(
            r#","artifactType":"{kind}","annotations":{{"n":"{number}"}}{}"#,
            subject(&body)
        );
        let referrer = image("{}", &[], &more);
        put(&catalog, id, &referrer, &[], 2).await;
        expected.push((digest_of(&referrer), (*kind).to_owned()));
    }
    let untyped = image("{}", &[], &subject(&body));
    put(&catalog, id, &untyped, &[], 2).await;
    expected.push((
        digest_of(&untyped),
        "application/vnd.oci.image.config.v1+json".to_owned(),
    ));
    expected.sort();

    let target = digest_of(&body);
    let all = catalog.referrers(id, &target, &[], None, 10).await.unwrap();
    let listed: Vec<_> = all
        .iter()
        .map(|r| (r.digest.clone(), r.artifact_type.clone().unwrap()))
        .collect();
    assert_eq!(listed, expected);
    assert!(
        all.iter()
            .any(|r| r.annotations.get("n").is_some_and(|n| n == "1"))
    );

    let sboms = catalog
        .referrers(id, &target, &["a/sbom".into()], None, 10)
        .await
        .unwrap();
    assert_eq!(sboms.len(), 2);
    let either = ["a/sbom".to_owned(), "a/signature".to_owned()];
    assert_eq!(
        catalog
            .referrers(id, &target, &either, None, 10)
            .await
            .unwrap()
            .len(),
        3
    );
    let page = catalog
        .referrers(id, &target, &[], Some(&all[0].digest), 2)
        .await
        .unwrap();
    assert_eq!(page, all[1..3]);
    let nobody = Digest::sha256(b"nobody");
    assert!(
        catalog
            .referrers(id, &nobody, &[], None, 10)
            .await
            .unwrap()
            .is_empty()
    );
}

pub(crate) async fn the_subject_may_come_later(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    blob(&catalog, id, &dev, "{}").await;
    let body = image("{}", &[], "");
    let referrer = image("{}", &[], &subject(&body));
    put(&catalog, id, &referrer, &[], 1).await;
    put(&catalog, id, &body, &[], 2).await;
    let found = catalog
        .referrers(id, &digest_of(&body), &[], None, 10)
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].digest, digest_of(&referrer));

    catalog
        .delete_manifest(
            id,
            &digest_of(&referrer),
            Referenced::Refuse,
            &by("dev"),
            at(3),
        )
        .await
        .unwrap();
    let found = catalog
        .referrers(id, &digest_of(&body), &[], None, 10)
        .await
        .unwrap();
    assert!(found.is_empty(), "gone at once");
}

pub(crate) async fn a_signature_by_tag_is_not_in_the_referrers_list(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let body = pushed_image(&catalog, id, &dev, "{}", &[], 1).await;
    let target = digest_of(&body);
    let signature_tag = tag(&format!("sha256-{}.sig", target.hex()));
    let first = pushed_image(
        &catalog,
        id,
        &dev,
        "[1]",
        std::slice::from_ref(&signature_tag),
        2,
    )
    .await;
    pushed_image(
        &catalog,
        id,
        &dev,
        "[2]",
        std::slice::from_ref(&signature_tag),
        3,
    )
    .await;
    assert!(
        catalog
            .referrers(id, &target, &[], None, 10)
            .await
            .unwrap()
            .is_empty()
    );
    let deleted = catalog
        .delete_manifest(
            id,
            &digest_of(&first),
            Referenced::Refuse,
            &by("dev"),
            at(4),
        )
        .await
        .unwrap();
    assert_eq!(deleted, DeleteOutcome::Deleted { tags: vec![] });
}

pub(crate) async fn an_index_under_a_subjects_tag_attaches_what_names_the_subject(
    catalog: Catalog,
) {
    let (dev, id) = app(&catalog).await;
    let body = pushed_image(&catalog, id, &dev, "{}", &[], 1).await;
    let target = digest_of(&body);
    blob(&catalog, id, &dev, "[1]").await;
    let referrer = image("[1]", &[], &subject(&body));
    let stranger = image("[1]", &[], &subject("somebody else"));
    for manifest in [&referrer, &stranger] {
        put(&catalog, id, manifest, &[], 2).await;
    }
    let listed = index(&[(&referrer, "a"), (&stranger, "b"), (&body, "c")]);
    let under = tag(&format!("sha256-{}", target.hex()));
    put(&catalog, id, &listed, std::slice::from_ref(&under), 3).await;
    // Under another subject's tag it attaches nothing.
    let other = tag(&format!("sha256-{}", "0".repeat(64)));
    put(&catalog, id, &listed, std::slice::from_ref(&other), 3).await;
    let ways = async || {
        let attached = catalog.attached_to(id, &target).await.unwrap();
        assert!(
            attached
                .iter()
                .all(|(digest, _)| *digest == digest_of(&referrer))
        );
        let ways: Vec<String> = attached.into_iter().map(|(_, way)| way).collect();
        ways
    };
    assert_eq!(ways().await, ["fallback_index", "subject"]);
    let shown = catalog.referrers(id, &target, &[], None, 10).await.unwrap();
    assert_eq!(shown.len(), 1, "attached twice, listed once");
    catalog
        .delete_tag(id, &under, &by("dev"), at(4))
        .await
        .unwrap();
    assert_eq!(ways().await, ["subject"]);
}

pub(crate) async fn a_blob_leads_to_its_manifests(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let first = pushed_image(&catalog, id, &dev, "[1]", &[], 1).await;
    let second = pushed_image(&catalog, id, &dev, "[2]", &[], 2).await;
    let (layer, config) = (Digest::sha256(b"a layer"), Digest::sha256(b"[1]"));
    assert_eq!(
        catalog.manifests_of_blob(id, &layer, 10).await.unwrap(),
        [digest_of(&second), digest_of(&first)]
    );
    assert_eq!(
        catalog.manifests_of_blob(id, &layer, 1).await.unwrap(),
        [digest_of(&second)]
    );
    assert_eq!(
        catalog.manifests_of_blob(id, &config, 10).await.unwrap(),
        [digest_of(&first)]
    );
}

pub(crate) async fn a_large_index_keeps_every_child_in_order(catalog: Catalog) {
    let (_, id) = app(&catalog).await;
    let bodies: Vec<String> = (0..777)
        .map(|n| image(&format!("[{n}]"), &[], ""))
        .collect();
    let children: Vec<(&str, &str)> = bodies.iter().map(|body| (body.as_str(), "amd64")).collect();
    let parent = index(&children);
    put(&catalog, id, &parent, &[], 1).await;
    let stored = catalog.children(id, &digest_of(&parent)).await.unwrap();
    let digests: Vec<Digest> = stored.into_iter().map(|child| child.digest).collect();
    let expected: Vec<Digest> = bodies.iter().map(|body| digest_of(body)).collect();
    assert_eq!(digests, expected);
}

pub(crate) async fn jobs_exist_if_and_only_if_the_manifest_does(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let body = image("{}", &[], "");
    let manifest = Manifest::parse(body.as_bytes(), "").unwrap();
    let jobs = [NewJob {
        kind: "scan".into(),
        lane: Lane::Interactive,
        payload: "{}".into(),
        dedup_key: Some("scan:1".into()),
        delay: std::time::Duration::ZERO,
    }];
    let put = PutManifest {
        repository: id,
        digest: &digest_of(&body),
        bytes: body.as_bytes(),
        manifest: &manifest,
        tags: &[],
        sparse: Sparse::Index,
        jobs: &jobs,
        labels: &std::collections::BTreeMap::new(),
        writer: catalog::Writer::Person,
    };
    assert!(catalog.put_manifest(put, &by("dev"), at(1)).await.is_err());
    assert!(catalog.job_counts().await.unwrap().is_empty());
    blob(&catalog, id, &dev, "{}").await;
    catalog.put_manifest(put, &by("dev"), at(2)).await.unwrap();
    assert_eq!(
        catalog.job_counts().await.unwrap(),
        [("ready".to_owned(), 1)]
    );
}

pub(crate) async fn pushes_deletes_and_uploads_at_once_never_fail(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let body = pushed_image(&catalog, id, &dev, "{}", &tags(&["v1"]), 1).await;
    let digest = digest_of(&body);
    let mut tasks = Vec::new();
    for _ in 0..3 {
        let (of_push, of_body) = (catalog.clone(), body.clone());
        tasks.push(tokio::spawn(async move {
            for _ in 0..15 {
                put(&of_push, id, &of_body, &tags(&["v1", "v2"]), 2).await;
            }
        }));
        let (of_delete, of_digest) = (catalog.clone(), digest.clone());
        tasks.push(tokio::spawn(async move {
            for _ in 0..15 {
                of_delete
                    .delete_manifest(id, &of_digest, Referenced::Refuse, &by("dev"), at(3))
                    .await
                    .unwrap();
            }
        }));
        let (of_upload, of_dev) = (catalog.clone(), dev.clone());
        tasks.push(tokio::spawn(async move {
            for _ in 0..15 {
                blob(&of_upload, id, &of_dev, "a layer").await;
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    put(&catalog, id, &body, &tags(&["v1"]), 4).await;
    let stored = catalog.manifest(id, &digest).await.unwrap().unwrap();
    assert_eq!(stored.bytes, body.as_bytes());
    assert_eq!(
        catalog.resolve_tag(id, &tag("v1"), at(5)).await.unwrap(),
        Some(digest)
    );
}
