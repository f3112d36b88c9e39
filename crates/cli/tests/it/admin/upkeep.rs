//! `tidegate admin gc`, `jobs` and `schedule`.

use std::time::Duration;

use catalog::{Catalog, Lane, NewJob};
use rstest::rstest;

use super::End::{Does, Misused, Nothing, Refuses, Shows};
use super::{document, walk};
use crate::serve::{Engine, Site};

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
fn collection_is_seen_and_steered(#[case] engine: Engine) {
    let site = Site::on(engine);
    let server = site.start();
    walk(
        &site,
        &[
            ("gc status", Shows("paused no")),
            ("gc pause", Does("collection rests", &["collection.steer"])),
            ("gc status", Shows("paused yes")),
        ],
    );
    assert_eq!(server.get("/api/v1/gc").expect(200).json()["paused"], true);
    walk(
        &site,
        &[
            (
                "gc resume --rate 500",
                Does(
                    "collection goes on, at most 500 a second",
                    &["collection.steer"],
                ),
            ),
            ("gc resume --rate 0", Misused("0")),
            (
                "gc run",
                Does(
                    "a run is queued, 0 entries became due for it",
                    &["collection.run"],
                ),
            ),
            ("schedule list", Shows("collect")),
        ],
    );
    let status = server.get("/api/v1/gc").expect(200).json();
    let shown = document(&site, &["gc", "status"]);
    for field in ["paused", "rate", "queue", "objects", "condemned"] {
        assert_eq!(shown[field], status[field], "{field}");
    }
    let schedules = document(&site, &["schedule", "list"]);
    let collect = schedules.as_array().expect("a list").iter();
    let collect = collect.filter(|schedule| schedule["name"] == "collect");
    assert_eq!(collect.count(), 1, "{schedules}");
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
fn dead_jobs_are_listed_and_tried_again(#[case] engine: Engine) {
    let site = Site::on(engine);
    site.start().stop();
    let job = dead_job(&site.catalog());
    let retry = format!("jobs retry {job}");
    let due: &'static str = format!("job {job} is due again").leak();
    walk(
        &site,
        &[
            ("jobs list", Shows("no luck")),
            ("jobs list --state running", Nothing),
            (
                "jobs list --state lost",
                Misused("expected dead, ready, running or done"),
            ),
            (&retry, Does(due, &["job.retry"])),
            (
                &retry,
                Refuses("`tidegate admin jobs list` shows those there are"),
            ),
            ("jobs list", Nothing),
        ],
    );
    let ready = document(&site, &["jobs", "list", "--state", "ready"]);
    let ids = ready.as_array().expect("a list").iter();
    assert!(ids.clone().any(|item| item["id"] == job), "{ready}");
}

/// Lets a job fail for good. Returns its id.
fn dead_job(address: &str) -> i64 {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let catalog = Catalog::connect(address).await.expect("the catalog");
        let job = NewJob {
            kind: "test".to_owned(),
            lane: Lane::Interactive,
            payload: "{}".to_owned(),
            dedup_key: None,
            delay: Duration::ZERO,
        };
        let id = catalog.enqueue(&job).await.expect("queued").expect("new");
        let lease = Duration::from_secs(30);
        let claim = catalog.claim(Lane::Interactive, "test", lease).await;
        let claim = claim.expect("claimed").expect("a job");
        let failed = catalog.fail(&claim, "no luck", 1, Duration::ZERO).await;
        assert!(failed.expect("failed"));
        catalog.close().await;
        id
    })
}
