//! The joined queries behind the pages.

use std::time::Duration;

use ::evidence::Grade;
use catalog::{
    Actor, Attempt, Catalog, DeliveryState, EndpointScope, EndpointSecret, EndpointSettings,
    EventFormat, EventKind, TagListing, TagOrder, VerdictCounts,
};

use crate::evidence::{decision, report, summary};
use crate::given::{app, at, by, digest_of, index, pushed_image, put, tag, tags};

pub(crate) async fn the_tag_page_joins_everything_known(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let known = pushed_image(&catalog, id, &dev, "[1]", &tags(&["known"]), 1).await;
    let fresh = pushed_image(&catalog, id, &dev, "[2]", &tags(&["fresh"]), 2).await;
    let multi = index(&[(&known, "amd64"), (&fresh, "arm64"), (&fresh, "unknown")]);
    put(&catalog, id, &multi, &tags(&["multi"]), 3).await;
    let verdict = decision(id, &digest_of(&known), "deny");
    catalog
        .put_image_report(&report(&digest_of(&known), "old", Grade::D), at(4))
        .await
        .unwrap();
    catalog
        .put_decision(&decision(id, &digest_of(&known), "pending"), at(4))
        .await
        .unwrap();
    catalog.put_decision(&verdict, at(5)).await.unwrap();

    let rows = catalog.tag_rows(id, "", None, 10, at(6)).await.unwrap();
    let names: Vec<_> = rows.iter().map(|row| row.tag.as_str()).collect();
    assert_eq!(names, ["fresh", "known", "multi"]);

    let [fresh_row, known_row, multi_row] = rows.as_slice() else {
        unreachable!()
    };
    assert_eq!(known_row.digest, digest_of(&known));
    assert_eq!(known_row.grade, Some(Grade::D));
    assert_eq!(known_row.counts, Some(summary(Grade::D).counts));
    assert_eq!(known_row.fixable, Some(summary(Grade::D).fixable));
    assert_eq!(known_row.verdict.as_deref(), Some("deny"));
    assert_eq!(known_row.decision, Some(verdict.id));
    assert_eq!(known_row.platforms, ["linux/amd64"]);
    assert_eq!(
        (known_row.pushed_at, known_row.pushed_by.as_str()),
        (at(1), "dev")
    );
    let blobs = ("[1]".len() + "a layer".len()) as u64;
    assert_eq!(known_row.size_bytes, known.len() as u64 + blobs);

    assert_eq!(
        (fresh_row.grade, fresh_row.counts, fresh_row.decision),
        (None, None, None)
    );
    assert_eq!(multi_row.platforms, ["linux/amd64", "linux/arm64"]);
    // Both configurations, the layer they share once, both children, the index itself.
    let below = (known.len() + fresh.len() + "[1][2]".len() + "a layer".len()) as u64;
    assert_eq!(multi_row.size_bytes, multi.len() as u64 + below);

    let page = catalog
        .tag_rows(id, "", Some("fresh"), 1, at(6))
        .await
        .unwrap();
    assert_eq!(page, rows[1..2]);
}

pub(crate) async fn the_repository_list_sums_up(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let good = pushed_image(&catalog, id, &dev, "[1]", &tags(&["a", "b"]), 1).await;
    let bad = pushed_image(&catalog, id, &dev, "[2]", &tags(&["c"]), 2).await;
    pushed_image(&catalog, id, &dev, "[3]", &tags(&["d"]), 3).await;
    let gone = pushed_image(&catalog, id, &dev, "[4]", &[], 9).await;
    for (body, grade, verdict) in [
        (&good, Grade::A, "allow"),
        (&bad, Grade::C, "deny"),
        (&gone, Grade::F, "deny"),
    ] {
        catalog
            .put_image_report(&report(&digest_of(body), "old", grade), at(4))
            .await
            .unwrap();
        catalog
            .put_decision(&decision(id, &digest_of(body), verdict), at(4))
            .await
            .unwrap();
    }
    let list = catalog
        .list_repositories(&dev, "", None, 10, at(5))
        .await
        .unwrap();
    assert_eq!(list.len(), 1);
    assert_eq!(list[0].tag_count, 4);
    assert_eq!(list[0].last_push, Some(at(3)));
    assert_eq!(
        list[0].worst_grade,
        Some(Grade::C),
        "untagged images do not count"
    );
    assert_eq!(
        list[0].verdicts,
        VerdictCounts {
            allow: 2,
            warn: 0,
            deny: 1,
            pending: 1
        }
    );
}

pub(crate) async fn figures_hold_while_their_stamp_stands_still(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let stamp = async || {
        let heads = catalog.repository_heads(&dev, "", None, 10).await.unwrap();
        assert_eq!(heads[0].repository.id, id);
        heads[0].stamp
    };
    let mut stamps = vec![stamp().await];
    let body = pushed_image(&catalog, id, &dev, "[1]", &tags(&["a"]), 1).await;
    stamps.push(stamp().await);
    // The same instant twice: a clock says nothing here.
    for verdict in ["allow", "deny"] {
        catalog
            .put_decision(&decision(id, &digest_of(&body), verdict), at(1))
            .await
            .unwrap();
        stamps.push(stamp().await);
    }
    catalog
        .delete_tag(id, &tag("a"), &by("dev"), at(2))
        .await
        .unwrap();
    stamps.push(stamp().await);
    for pair in stamps.windows(2) {
        assert_ne!(pair[0], pair[1], "{stamps:?}");
    }
    assert_eq!(stamp().await, stamps[4]);
    let figures = catalog.repository_figures(&[id], at(3)).await.unwrap();
    assert_eq!(figures[&id].tag_count, 0);
}

pub(crate) async fn filters_take_wildcards_literally(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    pushed_image(&catalog, id, &dev, "{}", &tags(&["a_b", "axb", "A_B2"]), 1).await;
    let matching = async |filter| {
        let rows = catalog.tag_rows(id, filter, None, 10, at(2)).await.unwrap();
        rows.into_iter().map(|row| row.tag).collect::<Vec<_>>()
    };
    assert_eq!(matching("a_b").await, [tag("A_B2"), tag("a_b")]);
    assert!(matching("%").await.is_empty());
    assert!(matching("!").await.is_empty());
}

pub(crate) async fn tags_come_in_every_order_page_by_page(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let small = pushed_image(&catalog, id, &dev, "[1]", &tags(&["v1.9"]), 3).await;
    let large = pushed_image(&catalog, id, &dev, "[12345]", &tags(&["v1.10"]), 1).await;
    pushed_image(&catalog, id, &dev, "[123]", &tags(&["v1.10-rc1"]), 2).await;
    for (body, grade) in [(&small, Grade::F), (&large, Grade::A)] {
        catalog
            .put_image_report(&report(&digest_of(body), "old", grade), at(4))
            .await
            .unwrap();
    }
    for (order, expected) in [
        (TagOrder::Newest, ["v1.9", "v1.10-rc1", "v1.10"]),
        (TagOrder::Oldest, ["v1.10", "v1.10-rc1", "v1.9"]),
        (TagOrder::Version, ["v1.9", "v1.10-rc1", "v1.10"]),
        (TagOrder::VersionReversed, ["v1.10", "v1.10-rc1", "v1.9"]),
        (TagOrder::Smallest, ["v1.9", "v1.10-rc1", "v1.10"]),
        (TagOrder::Largest, ["v1.10", "v1.10-rc1", "v1.9"]),
        (TagOrder::Best, ["v1.10", "v1.9", "v1.10-rc1"]),
        (TagOrder::Worst, ["v1.9", "v1.10", "v1.10-rc1"]),
    ] {
        for limit in [1, 2, 3] {
            let mut listing = TagListing {
                order,
                limit,
                ..TagListing::default()
            };
            let mut found = Vec::new();
            loop {
                let (rows, next) = catalog.tag_page(id, &listing, at(5)).await.unwrap();
                found.extend(rows.into_iter().map(|row| row.tag.to_string()));
                let Some(next) = next else { break };
                listing.after = Some(next);
            }
            assert_eq!(found, expected, "{order:?} by {limit}");
        }
    }
    let digest = digest_of(&large);
    for filter in ["1.10", digest.hex(), "RC"] {
        let listing = TagListing {
            filter,
            limit: 10,
            ..TagListing::default()
        };
        let (rows, next) = catalog.tag_page(id, &listing, at(5)).await.unwrap();
        assert_eq!(
            (rows.len(), next),
            (if filter == "1.10" { 2 } else { 1 }, None)
        );
    }
}

pub(crate) async fn endpoints_tell_how_they_fare(catalog: Catalog) {
    let by = Actor::named("root");
    let settings = EndpointSettings {
        name: "ci".to_owned(),
        url: "https://ci.example.com/".to_owned(),
        secret: EndpointSecret::new("a secret that signs".to_owned()),
        format: EventFormat::CloudEvents,
        kinds: Vec::new(),
        repositories: Vec::new(),
        tags: Vec::new(),
        enabled: true,
    };
    let mut ids = Vec::new();
    for minute in 0..3 {
        let created = catalog.create_endpoint(&EndpointScope::System, &settings, &by, at(minute));
        ids.push(created.await.unwrap());
    }
    for (endpoint, minute) in [(ids[0], 4), (ids[0], 5), (ids[0], 6), (ids[2], 7)] {
        let told = catalog.ping_endpoint(endpoint, &by, at(minute)).await;
        assert!(told.unwrap().is_some());
    }
    assert_eq!(catalog.endpoints_in_trouble().await.unwrap(), 0);
    for state in [DeliveryState::Dead, DeliveryState::Delivered] {
        let due = catalog.due_delivery(ids[0], at(8)).await.unwrap().unwrap();
        let attempt = Attempt {
            state,
            due_at: at(8),
            status: Some(500),
            excerpt: None,
            took: Duration::from_millis(38),
            disable: None,
        };
        assert!(catalog.record_attempt(&due, &attempt, at(8)).await.unwrap());
        // What came through makes up for what did not.
        let is_failing = state == DeliveryState::Dead;
        let troubled = catalog.endpoints_in_trouble().await.unwrap();
        assert_eq!(troubled, u64::from(is_failing));
    }

    let health = catalog.endpoint_health(ids[0], ids[1]).await.unwrap();
    assert_eq!(
        health.len(),
        1,
        "the second was told nothing, the third is not asked about"
    );
    let first = &health[&ids[0]];
    assert_eq!((first.pending, first.dead), (1, 1));
    let latest = first.latest.as_ref().unwrap();
    assert_eq!(
        (latest.event.kind, latest.event.at, latest.state),
        (EventKind::Ping, at(6), DeliveryState::Pending)
    );
    let third = catalog.endpoint_health(ids[1], ids[2]).await.unwrap();
    assert_eq!((third[&ids[2]].pending, third.len()), (1, 1));
}
