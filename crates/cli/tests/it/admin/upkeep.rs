//! `tidegate admin gc`, `jobs` and `schedule`.

use std::time::Duration;

use catalog::{Catalog, Lane, NewJob};
use rstest::rstest;

use super::End::{Does, Misused, Nothing, Refuses, Shows};
use super::{admin, document, walk};
use crate::serve::{Engine, Site};
use crate::wire::{manifest_path, push_image};
use crate::world::image_of;

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
fn what_would_come_back_is_told_and_stays(#[case] engine: Engine) {
    let site = Site::on(engine);
    let server = site.start();
    admin(&site, &["gc", "pause"]).ends_with(0);
    let image = image_of(&[("a", "text")]);
    let digest = push_image(&server, "team/app", "1.0", &image);
    server
        .request("DELETE", &manifest_path("team/app", &digest))
        .send()
        .expect(202);
    let told = admin(&site, &["gc", "report"]).ends_with(0);
    told.shows("manifests").says("bytes would come back");
    let mut report = document(&site, &["gc", "report"]);
    let mut answer = server.get("/api/v1/gc/report").expect(200).json();
    for document in [&mut report, &mut answer] {
        document["at"].take();
    }
    assert_eq!(report, answer);
    let causes = report["causes"].as_array().expect("a list").iter();
    let waits = causes
        .filter_map(|cause| cause["queued"].as_u64())
        .sum::<u64>();
    assert!(waits > 0, "{report}");
    // A dry run: telling twice tells the same.
    let mut again = document(&site, &["gc", "report"]);
    again["at"].take();
    assert_eq!(again, report);
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
