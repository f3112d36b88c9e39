//! Restore, permanent deletion, expiry, immutability by rules, and what may be written where.

use std::collections::BTreeMap;

use catalog::{
    Catalog, DeleteOutcome, NewImmutabilityRule, PutError, PutManifest, PutOutcome, Referenced,
    RepositoryId, RestoreError, RestoreWindow, Scope, Sparse, TagCause, Writer,
};
use oci::{Manifest, Tag};

use crate::given::{app, at, by, digest_of, index, pushed_image, put, tag, tags};

const DAY: i64 = 24 * 60;

/// Stores an image with labels of its configuration.
pub(crate) async fn put_labelled(
    catalog: &Catalog,
    repository: RepositoryId,
    body: &str,
    tags: &[Tag],
    labels: &[(&str, &str)],
    minutes: i64,
) -> Result<PutOutcome, PutError> {
    let manifest = Manifest::parse(body.as_bytes(), "").unwrap();
    let labels: BTreeMap<String, String> = labels
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let put = PutManifest {
        repository,
        digest: &digest_of(body),
        bytes: body.as_bytes(),
        manifest: &manifest,
        tags,
        sparse: Sparse::Index,
        jobs: &[],
        labels: &labels,
        writer: Writer::Person,
    };
    catalog.put_manifest(put, &by("dev"), at(minutes)).await
}

pub(crate) fn rule(repository: Option<&str>, tag: Option<&str>) -> NewImmutabilityRule {
    NewImmutabilityRule {
        repository: repository.map(|pattern| pattern.parse().unwrap()),
        tag: tag.map(|pattern| pattern.parse().unwrap()),
        ..NewImmutabilityRule::default()
    }
}

pub(crate) async fn a_deleted_tag_is_restored_inside_its_window(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let first = pushed_image(&catalog, id, &dev, "[1]", &tags(&["v1"]), 1).await;
    let second = pushed_image(&catalog, id, &dev, "[2]", &tags(&["v1"]), 2).await;
    catalog
        .delete_tag(id, &tag("v1"), &by("dev"), at(3))
        .await
        .unwrap();

    let restored = catalog
        .restore_tag(
            id,
            &tag("v1"),
            &digest_of(&first),
            Sparse::Index,
            &by("ops"),
            at(4),
        )
        .await
        .unwrap();
    assert_eq!(restored, None, "nothing was there");
    let now = catalog.resolve_tag(id, &tag("v1"), at(5)).await.unwrap();
    assert_eq!(now, Some(digest_of(&first)));
    let history = catalog.tag_history(id, &tag("v1"), None, 10).await.unwrap();
    assert_eq!(history[0].cause, TagCause::Restore);
    assert_eq!(history[0].reverts, Some(history[2].id));
    assert_eq!(history[0].actor, "ops");

    // The window is two weeks unless somebody says otherwise, and its end is exact.
    let edge = at(3 + 14 * DAY);
    let outside = catalog
        .restore_tag(
            id,
            &tag("v1"),
            &digest_of(&second),
            Sparse::Index,
            &by("ops"),
            edge,
        )
        .await;
    assert!(
        matches!(
            outside,
            Err(RestoreError::OutsideWindow {
                window: RestoreWindow::TwoWeeks,
                ..
            })
        ),
        "{outside:?}"
    );
    let inside = edge - jiff::SignedDuration::from_micros(1);
    catalog
        .restore_tag(
            id,
            &tag("v1"),
            &digest_of(&second),
            Sparse::Index,
            &by("ops"),
            inside,
        )
        .await
        .unwrap();

    let never = digest_of("never pushed");
    let refused = catalog
        .restore_tag(id, &tag("v1"), &never, Sparse::Index, &by("ops"), inside)
        .await;
    assert!(
        matches!(refused, Err(RestoreError::NoSpan { .. })),
        "{refused:?}"
    );
}

pub(crate) async fn windows_are_per_namespace(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let first = pushed_image(&catalog, id, &dev, "[1]", &tags(&["v1"]), 1).await;
    assert_eq!(
        catalog.restore_window("app").await.unwrap(),
        RestoreWindow::TwoWeeks
    );
    for window in RestoreWindow::ALL {
        catalog
            .set_restore_window("app", window, &by("ops"), at(1))
            .await
            .unwrap();
        assert_eq!(catalog.restore_window("app").await.unwrap(), window);
    }
    assert_eq!(
        catalog.restore_window("other").await.unwrap(),
        RestoreWindow::TwoWeeks
    );
    catalog
        .set_restore_window("app", RestoreWindow::None, &by("ops"), at(2))
        .await
        .unwrap();
    catalog
        .delete_tag(id, &tag("v1"), &by("dev"), at(3))
        .await
        .unwrap();
    let refused = catalog
        .restore_tag(
            id,
            &tag("v1"),
            &digest_of(&first),
            Sparse::Index,
            &by("ops"),
            at(3),
        )
        .await;
    assert!(
        matches!(refused, Err(RestoreError::OutsideWindow { .. })),
        "{refused:?}"
    );
}

pub(crate) async fn an_image_deleted_by_digest_comes_back_whole(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let amd = pushed_image(&catalog, id, &dev, "[1]", &[], 1).await;
    let arm = pushed_image(&catalog, id, &dev, "[2]", &[], 1).await;
    let multi = index(&[(&amd, "amd64"), (&arm, "arm64")]);
    put(&catalog, id, &multi, &tags(&["v1", "latest"]), 2).await;
    for body in [&multi, &amd] {
        let deleted = catalog
            .delete_manifest(id, &digest_of(body), Referenced::Refuse, &by("dev"), at(3))
            .await
            .unwrap();
        assert!(
            matches!(deleted, DeleteOutcome::Deleted { .. }),
            "{deleted:?}"
        );
        assert_eq!(catalog.manifest(id, &digest_of(body)).await.unwrap(), None);
    }
    let again = catalog
        .delete_manifest(
            id,
            &digest_of(&multi),
            Referenced::Refuse,
            &by("dev"),
            at(3),
        )
        .await
        .unwrap();
    assert_eq!(again, DeleteOutcome::NotFound);
    assert!(
        catalog
            .parents(id, &digest_of(&arm))
            .await
            .unwrap()
            .is_empty()
    );

    catalog
        .restore_tag(
            id,
            &tag("v1"),
            &digest_of(&multi),
            Sparse::Index,
            &by("ops"),
            at(4),
        )
        .await
        .unwrap();
    let children = catalog.children(id, &digest_of(&multi)).await.unwrap();
    assert!(children.iter().all(|child| child.present), "{children:?}");
    let stored = catalog
        .manifest(id, &digest_of(&amd))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(stored.bytes, amd.as_bytes());
    assert_eq!(
        catalog.list_tags(id, None, 10, at(5)).await.unwrap(),
        tags(&["v1"]),
        "only the tag asked for"
    );
}

pub(crate) async fn a_push_shows_a_deleted_manifest_again(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let body = pushed_image(&catalog, id, &dev, "[1]", &tags(&["v1"]), 1).await;
    catalog
        .delete_manifest(id, &digest_of(&body), Referenced::Refuse, &by("dev"), at(2))
        .await
        .unwrap();
    let pushed = put(&catalog, id, &body, &tags(&["v1"]), 3).await;
    assert!(pushed.created);
    assert!(
        catalog
            .manifest(id, &digest_of(&body))
            .await
            .unwrap()
            .is_some()
    );
    let config = oci::Digest::sha256(b"[1]");
    assert_eq!(
        catalog.manifests_of_blob(id, &config, 10).await.unwrap(),
        [digest_of(&body)]
    );
}

pub(crate) async fn a_blob_of_a_deleted_image_may_leave_and_ends_the_way_back(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let body = pushed_image(&catalog, id, &dev, "[1]", &tags(&["v1"]), 1).await;
    catalog
        .delete_manifest(id, &digest_of(&body), Referenced::Refuse, &by("dev"), at(2))
        .await
        .unwrap();
    let config = oci::Digest::sha256(b"[1]");
    let unlinked = catalog
        .unlink_blob(id, &config, Referenced::Refuse, &by("dev"), at(3))
        .await
        .unwrap();
    assert_eq!(unlinked, catalog::UnlinkOutcome::Unlinked);
    let refused = catalog
        .restore_tag(
            id,
            &tag("v1"),
            &digest_of(&body),
            Sparse::Index,
            &by("ops"),
            at(4),
        )
        .await;
    assert!(matches!(refused, Err(RestoreError::Gone(_))), "{refused:?}");
    // Where the whole server takes sparse images, it brings them back as well.
    catalog
        .restore_tag(
            id,
            &tag("v1"),
            &digest_of(&body),
            Sparse::All,
            &by("ops"),
            at(4),
        )
        .await
        .unwrap();
}

pub(crate) async fn a_permanent_deletion_leaves_no_way_back(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let secret = pushed_image(&catalog, id, &dev, "[1]", &tags(&["v1", "v2"]), 1).await;
    let other = pushed_image(&catalog, id, &dev, "[2]", &tags(&["v1"]), 2).await;
    let spans = async |name| catalog.tag_history(id, &tag(name), None, 10).await.unwrap();
    let old = spans("v1").await[1].clone();
    let present = spans("v1").await[0].clone();
    let purge = async |name, ids: &[i64], minute| {
        catalog
            .purge_history(id, &tag(name), ids, &by("ops"), at(minute))
            .await
            .unwrap()
    };
    assert_eq!(
        purge("v1", &[present.id], 3).await,
        0,
        "the present is no history"
    );
    assert_eq!(purge("v2", &[old.id], 3).await, 0, "another tag's span");
    assert_eq!(purge("v1", &[old.id], 3).await, 1);
    assert_eq!(purge("v1", &[old.id], 3).await, 0);
    assert!(
        catalog
            .manifest(id, &digest_of(&secret))
            .await
            .unwrap()
            .is_some(),
        "v2 still leads to it"
    );
    let refused = catalog
        .restore_tag(
            id,
            &tag("v1"),
            &digest_of(&secret),
            Sparse::Index,
            &by("ops"),
            at(4),
        )
        .await;
    assert!(
        matches!(refused, Err(RestoreError::NoSpan { .. })),
        "{refused:?}"
    );

    catalog
        .delete_tag(id, &tag("v2"), &by("dev"), at(5))
        .await
        .unwrap();
    let last = spans("v2").await[0].id;
    assert_eq!(purge("v2", &[last], 6).await, 1);
    assert_eq!(
        catalog.manifest(id, &digest_of(&secret)).await.unwrap(),
        None
    );
    let config = oci::Digest::sha256(b"[1]");
    let unlinked = catalog
        .unlink_blob(id, &config, Referenced::Refuse, &by("dev"), at(7))
        .await
        .unwrap();
    assert_eq!(
        unlinked,
        catalog::UnlinkOutcome::Unlinked,
        "nothing holds its bytes"
    );
    assert!(
        catalog
            .manifest(id, &digest_of(&other))
            .await
            .unwrap()
            .is_some()
    );
}

pub(crate) async fn the_past_is_told_as_it_was(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let first = pushed_image(&catalog, id, &dev, "[1]", &tags(&["a", "b"]), 1).await;
    let second = pushed_image(&catalog, id, &dev, "[2]", &tags(&["a"]), 3).await;
    catalog
        .delete_tag(id, &tag("b"), &by("dev"), at(5))
        .await
        .unwrap();
    let past = async |minute| {
        let tags = catalog.tags_at(id, at(minute), None, 10).await.unwrap();
        tags.into_iter()
            .map(|found| (found.tag.to_string(), found.digest))
            .collect::<Vec<_>>()
    };
    let (a, b) = ("a".to_owned(), "b".to_owned());
    let (one, two) = (digest_of(&first), digest_of(&second));
    assert!(past(0).await.is_empty());
    assert_eq!(
        past(1).await,
        [(a.clone(), one.clone()), (b.clone(), one.clone())]
    );
    assert_eq!(
        past(3).await,
        [(a.clone(), two.clone()), (b.clone(), one.clone())]
    );
    assert_eq!(past(5).await, [(a.clone(), two.clone())]);
    assert_eq!(
        catalog.tag_at(id, &tag("a"), at(2)).await.unwrap(),
        Some(one)
    );
    assert_eq!(catalog.tag_at(id, &tag("b"), at(6)).await.unwrap(), None);
    let spans = catalog.repository_history(id, None, 2).await.unwrap();
    assert_eq!(spans.len(), 2);
    let rest = catalog
        .repository_history(id, Some(spans[1].id), 10)
        .await
        .unwrap();
    assert_eq!(rest.len(), 1);
}

pub(crate) async fn every_change_of_a_tags_life_is_in_the_audit_trail_once(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let body = pushed_image(&catalog, id, &dev, "[1]", &tags(&["a"]), 1).await;
    let digest = digest_of(&body);
    let actions = async || {
        let mut rows = catalog.list_audit(None, 500).await.unwrap();
        rows.reverse();
        rows.into_iter().map(|row| row.action).collect::<Vec<_>>()
    };
    let before = actions().await.len();
    let (a, ops) = (tag("a"), by("ops"));
    catalog
        .set_immutable(id, &a, true, &ops, at(2))
        .await
        .unwrap();
    catalog
        .set_immutable(id, &a, true, &ops, at(2))
        .await
        .unwrap();
    catalog
        .set_immutable(id, &a, false, &ops, at(2))
        .await
        .unwrap();
    catalog
        .set_tag_expiry(id, &a, Some(at(5)), &ops, at(3))
        .await
        .unwrap();
    catalog.close_expired_tags(9, &ops, at(6)).await.unwrap();
    catalog
        .restore_tag(id, &a, &digest, Sparse::Index, &ops, at(7))
        .await
        .unwrap();
    catalog
        .restore_tag(id, &a, &digest, Sparse::Index, &ops, at(7))
        .await
        .unwrap();
    catalog
        .end_tag(id, &a, TagCause::Prune, &ops, at(8))
        .await
        .unwrap();
    let spans = catalog.tag_history(id, &a, None, 1).await.unwrap();
    catalog
        .purge_history(id, &a, &[spans[0].id], &ops, at(9))
        .await
        .unwrap();
    catalog
        .set_restore_window("app", RestoreWindow::Day, &ops, at(9))
        .await
        .unwrap();
    let rule = rule(None, None);
    let number = catalog
        .add_immutability_rule(&Scope::System, &rule, &ops, at(9))
        .await
        .unwrap();
    catalog
        .delete_immutability_rule(&Scope::System, number, &ops, at(9))
        .await
        .unwrap();
    catalog
        .describe_repository(id, "text", &ops, at(9))
        .await
        .unwrap();
    catalog
        .describe_repository(id, "text", &ops, at(9))
        .await
        .unwrap();
    assert_eq!(
        actions().await[before..],
        [
            "tag.immutability",
            "tag.immutability",
            "tag.expiry",
            "tag.expire",
            "tag.restore",
            "tag.prune",
            "tag.purge",
            "namespace.restore-window",
            "immutability.add",
            "immutability.delete",
            "repository.describe",
        ]
    );
}
