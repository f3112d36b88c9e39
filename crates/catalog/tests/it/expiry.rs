//! Tags that end by themselves.

use catalog::{Catalog, Sparse, TagCause};

use crate::given::{app, at, by, digest_of, pushed_image, tag, tags};
use crate::tag_life::put_labelled;

pub(crate) async fn a_tag_is_gone_at_its_expiry_before_any_job(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let body = pushed_image(&catalog, id, &dev, "[1]", &[], 1).await;
    let labels = [("tidegate.expires-after", "10m")];
    put_labelled(&catalog, id, &body, &tags(&["pr-1"]), &labels, 10)
        .await
        .unwrap();
    let resolve = async |minute| {
        catalog
            .resolve_tag(id, &tag("pr-1"), at(minute))
            .await
            .unwrap()
    };
    assert_eq!(resolve(19).await, Some(digest_of(&body)));
    assert_eq!(resolve(20).await, None);
    assert!(
        catalog
            .list_tags(id, None, 10, at(20))
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        catalog
            .tag_rows(id, "", None, 10, at(20))
            .await
            .unwrap()
            .is_empty()
    );

    // Each push counts anew.
    put_labelled(&catalog, id, &body, &tags(&["pr-1"]), &labels, 15)
        .await
        .unwrap();
    assert_eq!(resolve(24).await, Some(digest_of(&body)));
    assert_eq!(resolve(25).await, None);
    assert_eq!(
        catalog
            .tag_history(id, &tag("pr-1"), None, 10)
            .await
            .unwrap()
            .len(),
        1
    );

    assert_eq!(
        catalog
            .close_expired_tags(10, &by("system"), at(24))
            .await
            .unwrap(),
        0
    );
    assert_eq!(
        catalog
            .close_expired_tags(10, &by("system"), at(99))
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        catalog
            .close_expired_tags(10, &by("system"), at(99))
            .await
            .unwrap(),
        0
    );
    let history = catalog
        .tag_history(id, &tag("pr-1"), None, 10)
        .await
        .unwrap();
    assert_eq!(
        history[0].end,
        Some(at(25)),
        "the end is the expiry, not the job"
    );
    assert_eq!(history[0].end_cause, Some(TagCause::Expire));
    catalog
        .restore_tag(
            id,
            &tag("pr-1"),
            &digest_of(&body),
            Sparse::Index,
            &by("ops"),
            at(100),
        )
        .await
        .unwrap();
    assert_eq!(
        resolve(100_000).await,
        Some(digest_of(&body)),
        "a restored tag stays"
    );
}

pub(crate) async fn an_expiry_is_set_taken_away_and_announced_once(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    pushed_image(&catalog, id, &dev, "[1]", &tags(&["a", "b"]), 1).await;
    let set = async |name, end: Option<i64>, minute| {
        catalog
            .set_tag_expiry(id, &tag(name), end.map(at), &by("dev"), at(minute))
            .await
            .unwrap()
    };
    assert!(set("a", Some(100), 2).await);
    assert!(set("b", Some(200), 2).await);
    assert!(!set("c", Some(100), 2).await, "there is no such tag");
    let announce = async |until, minute| {
        let found = catalog
            .announce_expiring_tags(at(until), 10, at(minute))
            .await
            .unwrap();
        found.into_iter().map(|found| found.tag).collect::<Vec<_>>()
    };
    assert_eq!(announce(150, 10).await, tags(&["a"]));
    assert!(announce(150, 11).await.is_empty());
    assert_eq!(
        announce(250, 150).await,
        tags(&["b"]),
        "what is past is no news"
    );
    assert!(set("b", None, 160).await);
    assert!(
        catalog
            .resolve_tag(id, &tag("b"), at(999))
            .await
            .unwrap()
            .is_some()
    );
    assert!(!set("a", None, 160).await, "what has ended is not there");
}
