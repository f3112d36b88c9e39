//! Spans of tags in odd times: clocks that go back, ends that nobody has written yet, moves under one's hands; and the
//! end of an image for good.

use catalog::{
    AuditFilter, Catalog, CatalogError, DeleteOutcome, PurgeOutcome, Referenced, RestoreError,
    Scope, Sparse,
};
use oci::Digest;

use crate::given::{
    app, at, blob, by, digest_of, image, index, pushed_image, put, repository, tag, tags,
};
use crate::tag_life::{put_labelled, rule};

pub(crate) async fn spans_follow_each_other_whatever_the_clock_does(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let v1 = tag("v1");
    let first = pushed_image(&catalog, id, &dev, "[1]", &tags(&["v1"]), 10).await;
    catalog
        .delete_tag(id, &v1, &by("dev"), at(20))
        .await
        .unwrap();
    // Another replica's clock is five minutes late.
    let second = pushed_image(&catalog, id, &dev, "[2]", &tags(&["v1"]), 15).await;
    catalog
        .delete_tag(id, &v1, &by("dev"), at(16))
        .await
        .unwrap();
    let history = catalog.tag_history(id, &v1, None, 10).await.unwrap();
    let spans: Vec<_> = history.iter().map(|row| (row.start, row.end)).collect();
    assert_eq!(
        spans,
        [(at(20), Some(at(20))), (at(10), Some(at(20)))],
        "the later one begins where the earlier ended, and ends not before it began"
    );
    assert_eq!(
        catalog.tag_at(id, &v1, at(17)).await.unwrap(),
        Some(digest_of(&first))
    );
    let past = catalog.tags_at(id, at(17), None, 10).await.unwrap();
    assert_eq!(past.len(), 1, "a tag has one target at an instant");
    assert_eq!(catalog.tag_at(id, &v1, at(20)).await.unwrap(), None);
    put(&catalog, id, &second, &tags(&["v1"]), 30).await;
    assert_eq!(
        catalog.tag_at(id, &v1, at(30)).await.unwrap(),
        Some(digest_of(&second))
    );
}

pub(crate) async fn what_ran_out_holds_nothing_before_it_is_closed(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let child = pushed_image(&catalog, id, &dev, "[1]", &tags(&["child"]), 1).await;
    let multi = index(&[(&child, "amd64")]);
    let short = [("tidegate.expires-after", "1h")];
    put_labelled(&catalog, id, &multi, &tags(&["short"]), &short, 2)
        .await
        .unwrap();
    let follows = async |minute| {
        let found = catalog.tag_candidates(id, None, 10, at(minute)).await;
        let found = found.unwrap();
        let child = found.iter().find(|candidate| candidate.tag == tag("child"));
        child.expect("a tag").follows
    };
    assert!(follows(3).await);
    assert!(!follows(63).await, "its index has no tag any more");

    let deleted = catalog
        .delete_manifest(
            id,
            &digest_of(&multi),
            Referenced::Refuse,
            &by("dev"),
            at(63),
        )
        .await
        .unwrap();
    assert_eq!(
        deleted,
        DeleteOutcome::Deleted { tags: Vec::new() },
        "a tag that ran out is not ended again"
    );

    let other = repository(&catalog, "other", &dev).await.id;
    pushed_image(&catalog, other, &dev, "[2]", &tags(&["v1"]), 1).await;
    catalog
        .set_tag_expiry(other, &tag("v1"), Some(at(60)), &by("dev"), at(2))
        .await
        .unwrap();
    catalog
        .add_immutability_rule(
            &Scope::Repository(other),
            &rule(None, Some("v1")),
            &by("ops"),
            at(3),
        )
        .await
        .unwrap();
    let held = catalog.delete_repository(other, &by("ops"), at(59)).await;
    assert!(held.is_err(), "{held:?}");
    catalog
        .delete_repository(other, &by("ops"), at(60))
        .await
        .expect("what ran out holds no repository");
}

pub(crate) async fn a_tag_that_moves_meanwhile_is_found(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let bodies = [
        pushed_image(&catalog, id, &dev, "[1]", &tags(&["v1"]), 1).await,
        pushed_image(&catalog, id, &dev, "[2]", &tags(&["v1"]), 1).await,
    ];
    let mover = {
        let catalog = catalog.clone();
        tokio::spawn(async move {
            for n in 0..100 {
                put(&catalog, id, &bodies[n % 2], &tags(&["v1"]), 2).await;
            }
        })
    };
    let (v1, by) = (tag("v1"), by("dev"));
    let mut looks = 0;
    while !mover.is_finished() {
        let expires = Some(at(1_000 + looks));
        let set = catalog.set_tag_expiry(id, &v1, expires, &by, at(2)).await;
        assert!(set.unwrap(), "look {looks}: the tag is there all the time");
        looks += 1;
    }
    mover.await.unwrap();
    assert!(looks > 0);
}

pub(crate) async fn an_image_deleted_for_good_is_gone_at_once(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    // `[1]` is the secret's; `a layer` belongs to everything.
    let secret = pushed_image(&catalog, id, &dev, "[1]", &tags(&["v1"]), 1).await;
    let kept = pushed_image(&catalog, id, &dev, "[2]", &tags(&["kept"]), 1).await;
    let multi = index(&[(&secret, "amd64"), (&kept, "arm64")]);
    put(&catalog, id, &multi, &tags(&["v1", "multi"]), 2).await;
    put(&catalog, id, &kept, &tags(&["multi"]), 3).await;
    let purge = async |body: &str, minute| {
        catalog
            .purge_manifest(id, &digest_of(body), &by("admin"), at(minute))
            .await
    };
    assert_eq!(
        purge(&secret, 4).await.unwrap(),
        PurgeOutcome::Referenced {
            by: digest_of(&multi)
        }
    );
    catalog
        .set_immutable(id, &tag("v1"), true, &by("dev"), at(4))
        .await
        .unwrap();
    let refused = purge(&multi, 5).await;
    assert!(
        matches!(refused, Err(CatalogError::Immutable(_))),
        "{refused:?}"
    );
    catalog
        .set_immutable(id, &tag("v1"), false, &by("dev"), at(5))
        .await
        .unwrap();

    let used = catalog.used_bytes(&Scope::System).await.unwrap();
    // The secret is the index's child, and a way back of `v1` leads to it: it stays until that is closed.
    assert_eq!(
        purge(&multi, 6).await.unwrap(),
        PurgeOutcome::Purged {
            manifests: 1,
            blobs: 0
        }
    );
    assert_eq!(
        purge(&secret, 7).await.unwrap(),
        PurgeOutcome::Purged {
            manifests: 1,
            blobs: 1
        }
    );
    assert_eq!(purge(&secret, 8).await.unwrap(), PurgeOutcome::NotFound);
    let config = Digest::sha256(b"[1]");
    assert_eq!(
        catalog.blob_in_repo(id, &config).await.unwrap(),
        None,
        "nobody reads it from now on, however fresh it was"
    );
    let freed = multi.len() + secret.len() + "[1]".len();
    assert_eq!(
        catalog.used_bytes(&Scope::System).await.unwrap(),
        used - freed as u64
    );
    for body in [&secret, &multi] {
        let refused = catalog
            .restore_tag(
                id,
                &tag("v1"),
                &digest_of(body),
                Sparse::Index,
                &by("dev"),
                at(9),
            )
            .await;
        assert!(
            matches!(refused, Err(RestoreError::NoSpan { .. })),
            "{refused:?}"
        );
    }
    let listed = catalog.list_tags(id, None, 10, at(9)).await.unwrap();
    assert_eq!(listed, tags(&["kept", "multi"]));
    let purges = AuditFilter {
        action: Some("manifest.purge".to_owned()),
        ..AuditFilter::default()
    };
    let entries = catalog.audit_page(&purges, None, 10).await.unwrap();
    assert_eq!(entries.len(), 2);
}

pub(crate) async fn a_child_that_only_the_index_led_to_goes_with_it(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    for content in ["[1]", "a layer"] {
        blob(&catalog, id, &dev, content).await;
    }
    let child = image("[1]", &["a layer"], "");
    put(&catalog, id, &child, &[], 1).await;
    let multi = index(&[(&child, "amd64")]);
    put(&catalog, id, &multi, &tags(&["v1"]), 2).await;
    catalog
        .delete_manifest(
            id,
            &digest_of(&multi),
            Referenced::Refuse,
            &by("dev"),
            at(3),
        )
        .await
        .unwrap();
    let purged = catalog
        .purge_manifest(id, &digest_of(&multi), &by("admin"), at(4))
        .await
        .unwrap();
    let all = PurgeOutcome::Purged {
        manifests: 2,
        blobs: 2,
    };
    assert_eq!(purged, all, "what was deleted can be purged too");
    assert_eq!(catalog.used_bytes(&Scope::System).await.unwrap(), 0);
}

pub(crate) async fn a_child_that_was_never_there_is_not_counted(catalog: Catalog) {
    let (_, id) = app(&catalog).await;
    let sparse = index(&[(&image("[1]", &["a layer"], ""), "amd64")]);
    put(&catalog, id, &sparse, &tags(&["v1"]), 1).await;
    let purged = catalog
        .purge_manifest(id, &digest_of(&sparse), &by("admin"), at(2))
        .await
        .unwrap();
    let only = PurgeOutcome::Purged {
        manifests: 1,
        blobs: 0,
    };
    assert_eq!(purged, only);
}
