//! Tags: history, order, immutability, races.

use catalog::{Catalog, CatalogError, PutError, Referenced, Sparse, TagCause};
use oci::Tag;

use crate::given::{app, at, blob, by, digest_of, image, pushed_image, put, tag, tags, try_put};

pub(crate) async fn a_moved_tag_keeps_its_history(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let first = pushed_image(&catalog, id, &dev, "[1]", &tags(&["v1"]), 1).await;
    blob(&catalog, id, &dev, "[2]").await;
    let second = image("[2]", &[], "");
    let moved = put(&catalog, id, &second, &tags(&["v1"]), 2).await.moved;
    assert_eq!(moved.len(), 1);
    assert_eq!(moved[0].previous, Some(digest_of(&first)));
    let ended = catalog
        .delete_tag(id, &tag("v1"), &by("dev"), at(3))
        .await
        .unwrap();
    assert_eq!(ended, Some(digest_of(&second)));
    let ended = catalog
        .delete_tag(id, &tag("v1"), &by("dev"), at(3))
        .await
        .unwrap();
    assert_eq!(ended, None);

    let history = catalog.tag_history(id, &tag("v1"), None, 10).await.unwrap();
    let spans: Vec<_> = history
        .iter()
        .map(|row| {
            (
                row.digest.clone(),
                row.start,
                row.end,
                row.cause,
                row.end_cause,
            )
        })
        .collect();
    assert_eq!(
        spans,
        [
            (
                digest_of(&second),
                at(2),
                Some(at(3)),
                TagCause::Move,
                Some(TagCause::Delete)
            ),
            (
                digest_of(&first),
                at(1),
                Some(at(2)),
                TagCause::Push,
                Some(TagCause::Move)
            ),
        ]
    );
    assert!(
        catalog
            .manifest(id, &digest_of(&second))
            .await
            .unwrap()
            .is_some()
    );
}

pub(crate) async fn tags_are_listed_in_ascii_order_by_pages(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let all = tags(&["a", "B", "_", "1", "b", "A", "a-1", "a.1", "a_1", "10", "2"]);
    let body = pushed_image(&catalog, id, &dev, "{}", &all, 1).await;
    let mut expected = all.clone();
    expected.sort_unstable();
    assert_eq!(
        catalog.list_tags(id, None, 100, at(2)).await.unwrap(),
        expected
    );
    assert_eq!(
        catalog.tags_of(id, &digest_of(&body), at(2)).await.unwrap(),
        expected
    );

    let mut paged: Vec<Tag> = Vec::new();
    loop {
        let after = paged.last().map(Tag::as_str);
        let page = catalog.list_tags(id, after, 3, at(2)).await.unwrap();
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, expected);
    assert!(
        catalog
            .list_tags(id, None, 0, at(2))
            .await
            .unwrap()
            .is_empty()
    );
}

pub(crate) async fn tags_that_prefix_each_other_are_all_listed(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let all = tags(&["v1", "v1.0", "v1.0.0", "v10"]);
    pushed_image(&catalog, id, &dev, "{}", &all, 1).await;
    assert_eq!(
        catalog.list_tags(id, Some("v1"), 10, at(2)).await.unwrap(),
        tags(&["v1.0", "v1.0.0", "v10"])
    );
}

pub(crate) async fn an_immutable_tag_neither_moves_nor_ends(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let first = pushed_image(&catalog, id, &dev, "[1]", &tags(&["v1"]), 1).await;
    assert!(
        catalog
            .set_immutable(id, &tag("v1"), true, &by("dev"), at(2))
            .await
            .unwrap()
    );
    blob(&catalog, id, &dev, "[2]").await;
    let second = image("[2]", &[], "");

    let refused = try_put(&catalog, id, &second, &tags(&["a", "v1"]), Sparse::Index, 2).await;
    assert!(matches!(refused, Err(PutError::Immutable(t)) if t == tag("v1")));
    assert_eq!(
        catalog.manifest(id, &digest_of(&second)).await.unwrap(),
        None
    );
    let refused = catalog.delete_tag(id, &tag("v1"), &by("dev"), at(2)).await;
    assert!(matches!(refused, Err(CatalogError::Immutable(_))));
    let refused = catalog
        .delete_manifest(
            id,
            &digest_of(&first),
            Referenced::Refuse,
            &by("dev"),
            at(2),
        )
        .await;
    assert!(matches!(refused, Err(CatalogError::Immutable(_))));

    let again = put(&catalog, id, &first, &tags(&["v1"]), 3).await;
    assert!(again.moved.is_empty(), "the same digest again is no move");
    assert!(
        catalog
            .set_immutable(id, &tag("v1"), false, &by("dev"), at(2))
            .await
            .unwrap()
    );
    assert_eq!(
        put(&catalog, id, &second, &tags(&["v1"]), 4)
            .await
            .moved
            .len(),
        1
    );
}

pub(crate) async fn several_tags_move_together_or_not_at_all(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    pushed_image(&catalog, id, &dev, "[1]", &tags(&["a", "z"]), 1).await;
    catalog
        .set_immutable(id, &tag("z"), true, &by("dev"), at(2))
        .await
        .unwrap();
    blob(&catalog, id, &dev, "[2]").await;
    let body = image("[2]", &[], "");
    let before = catalog.resolve_tag(id, &tag("a"), at(2)).await.unwrap();
    assert!(
        try_put(
            &catalog,
            id,
            &body,
            &tags(&["a", "b", "z"]),
            Sparse::Index,
            2
        )
        .await
        .is_err()
    );
    assert_eq!(
        catalog.resolve_tag(id, &tag("a"), at(3)).await.unwrap(),
        before
    );
    assert_eq!(
        catalog.resolve_tag(id, &tag("b"), at(3)).await.unwrap(),
        None
    );

    let ten: Vec<Tag> = (0..10).map(|n| tag(&format!("t{n}"))).collect();
    assert_eq!(put(&catalog, id, &body, &ten, 4).await.moved.len(), 10);
}

pub(crate) async fn many_pushes_of_one_tag_leave_one_live_row(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    for n in 0..8 {
        blob(&catalog, id, &dev, &format!("[{n}]")).await;
    }
    let tasks: Vec<_> = (0..8)
        .map(|n| {
            let catalog = catalog.clone();
            tokio::spawn(async move {
                let body = image(&format!("[{n}]"), &[], "");
                put(&catalog, id, &body, &tags(&["latest"]), 1).await;
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let history = catalog
        .tag_history(id, &tag("latest"), None, 100)
        .await
        .unwrap();
    assert_eq!(history.len(), 8, "each push has its span");
    assert_eq!(history.iter().filter(|row| row.end.is_none()).count(), 1);
}
