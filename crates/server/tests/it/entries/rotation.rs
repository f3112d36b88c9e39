//! Old entries are packed, and an export is as whole as before.

use catalog::{Catalog, Lane, NewJob};
use jiff::SignedDuration;
use server::{AuditRules, Clock};

use super::entries_after;
use crate::world::{World, admin, eventually, now};

async fn export(world: &World, query: &str) -> Vec<String> {
    let path = format!("/api/v1/audit/export?{query}");
    let answer = world.get(&admin(), &path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let lines = answer.text();
    // Exports are told too, and come on top.
    let is_export = |line: &&str| line.contains("audit.export");
    lines
        .lines()
        .filter(|line| !is_export(line))
        .map(str::to_owned)
        .collect()
}

/// Queues the job as its schedule does, and waits until as few entries are left as it should leave.
async fn rotate(catalog: &Catalog, at_most: usize) {
    let job = NewJob {
        kind: "audit-rotate".to_owned(),
        lane: Lane::Upkeep,
        payload: "{}".to_owned(),
        dedup_key: None,
        delay: std::time::Duration::ZERO,
    };
    catalog.enqueue(&job).await.unwrap();
    eventually(async || (left(catalog).await <= at_most).then_some(())).await;
}

async fn left(catalog: &Catalog) -> usize {
    catalog.list_audit(None, 1_000).await.unwrap().len()
}

pub(crate) async fn old_entries_are_packed_and_exported_all_the_same(world: &mut World) {
    let catalog = Catalog::connect(world.database()).await.unwrap();
    for number in 0..40 {
        world.push_blob(&admin(), "team/app", &[number]).await;
        world.push_blob(&admin(), "other/app", &[number]).await;
    }
    let keep = |entries| {
        move |settings: &mut server::Settings| {
            settings.audit = AuditRules {
                keep_days: 0,
                keep_entries: entries,
            };
        }
    };
    let queries = [
        "",
        "repository=team/app",
        "namespace=other&action=blob.push",
        "actor=nobody",
        "format=csv&repository=other/app",
    ];
    let mut before = Vec::new();
    for query in queries {
        before.push(export(world, query).await);
    }
    assert!(before[0].len() >= 82 && before[1].len() >= 40 && before[3].is_empty());
    // Twice, so that there are two segments.
    for entries in [60, 10] {
        world.reconfigure(Clock::System, keep(entries)).await;
        rotate(&catalog, entries as usize + 8).await;
        for (query, before) in queries.iter().zip(&before) {
            assert_eq!(&export(world, query).await, before, "{query}");
        }
    }
    // What time it was still narrows.
    let all = catalog.list_audit(None, 1_000).await.unwrap();
    let edge = all.last().unwrap().at;
    let (later, earlier) = (
        export(world, &format!("from={edge}")).await,
        export(world, &format!("to={edge}")).await,
    );
    assert_eq!([later, earlier.clone()].concat(), before[0]);
    assert!(earlier.len() > 60, "{}", earlier.len());
    catalog.close().await;
}

pub(crate) async fn entries_of_an_age_are_packed_and_younger_ones_are_not(world: &mut World) {
    let catalog = Catalog::connect(world.database()).await.unwrap();
    world.push_blob(&admin(), "team/app", b"old").await;
    let days = |days: i64| Clock::Fixed(now() + SignedDuration::from_hours(24 * days));
    world.restart(days(300)).await;
    world.push_blob(&admin(), "team/app", b"young").await;
    let count = left(&catalog).await;
    world.restart(days(366)).await;
    rotate(&catalog, count - 1).await;
    let kept = entries_after(&catalog, 0).await;
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(export(world, "action=blob.push").await.len(), 2);
    catalog.close().await;
}
