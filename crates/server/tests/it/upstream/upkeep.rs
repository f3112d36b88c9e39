//! What happens to copies with time: unused ones make room, mirrors run by their plan, and a bad release is taken back.

use catalog::{Catalog, JobState, Lane, NewJob};
use jiff::SignedDuration;
use oci::Digest;
use serde_json::{Value, json};
use server::Clock;

use super::{cache_of, pair};
use crate::world::{Answer, World, admin, eventually, image_with, now};

async fn later(world: &mut World, hours: i64) {
    let clock = Clock::Fixed(now() + SignedDuration::from_hours(hours));
    world.restart(clock).await;
}

/// Queues a job of the house as its schedule does, and waits until it is done.
async fn run(catalog: &Catalog, kind: &str) {
    let job = NewJob {
        kind: kind.to_owned(),
        lane: Lane::Upkeep,
        payload: "{}".to_owned(),
        dedup_key: None,
        delay: std::time::Duration::ZERO,
    };
    let id = catalog.enqueue(&job).await.unwrap().unwrap();
    eventually(async || {
        let mut is_open = false;
        for state in [JobState::Ready, JobState::Running, JobState::Dead] {
            let jobs = catalog.jobs_in(state, id - 1, 1).await.unwrap();
            is_open |= jobs.iter().any(|job| job.job == id);
        }
        (!is_open).then_some(())
    })
    .await;
}

async fn tags(catalog: &Catalog, repository: &str) -> Vec<String> {
    let name = repository.parse().unwrap();
    let repository = catalog.repository(&name).await.unwrap().unwrap();
    let tags = catalog.list_tags(repository.id, None, 100, now()).await;
    tags.unwrap().iter().map(ToString::to_string).collect()
}

pub(crate) async fn unused_copies_make_room(world: &mut World) {
    let mut upstream = pair(world).await;
    let (old, used) = (image_with("zlib1g", "1"), image_with("bash", "5"));
    upstream.push_image("app", "old", &old).await;
    upstream.push_image("app", "used", &used).await;
    let days = json!({ "keepSeconds": 3 * 86_400, "ttlSeconds": 3_600 });
    cache_of(world, &upstream, &days).await;
    let pull = async |world: &World, tag: &str, image: &image::testkit::TestImage| {
        let path = format!("/v2/hub/app/manifests/{tag}");
        assert_eq!(world.get(&admin(), &path).await.status, 200, "{tag}");
        let path = format!("/v2/hub/app/blobs/{}", image.layers[0].digest());
        assert_eq!(world.get(&admin(), &path).await.status, 200, "{tag}");
    };
    pull(world, "old", &old).await;
    pull(world, "used", &used).await;
    let catalog = Catalog::connect(world.database()).await.unwrap();
    // Nothing is old enough yet.
    later(world, 48).await;
    run(&catalog, "cache-evict").await;
    pull(world, "used", &used).await;
    assert_eq!(tags(&catalog, "hub/app").await, ["old", "used"]);
    later(world, 96).await;
    run(&catalog, "cache-evict").await;
    assert_eq!(tags(&catalog, "hub/app").await, ["used"]);
    // Collection takes the bytes of what nobody pulled, and only those.
    let before = catalog::testkit::object_keys(world.database()).await;
    catalog::testkit::let_time_pass(world.database()).await;
    let answer = world.send(&admin(), "POST", "/api/v1/gc/run").await;
    assert_eq!(answer.status, 202);
    let layer = old.layers[0].digest();
    eventually(async || {
        catalog::testkit::let_time_pass(world.database()).await;
        world.send(&admin(), "POST", "/api/v1/gc/run").await;
        catalog.blob(&layer).await.unwrap().is_none().then_some(())
    })
    .await;
    let after = catalog::testkit::object_keys(world.database()).await;
    assert!(after.len() < before.len());
    upstream.stop().await;
    let path = format!("/v2/hub/app/blobs/{}", used.layers[0].digest());
    let kept = world.get(&admin(), &path).await;
    assert_eq!(
        (kept.status, kept.body),
        (200, used.layers[0].bytes.clone())
    );
    catalog.close().await;
}

async fn mirror(world: &World, repository: &str, more: &Value) {
    let mut body = json!({ "repository": repository, "upstream": "hub", "source": "app" });
    for (key, value) in more.as_object().expect("an object") {
        body[key] = value.clone();
    }
    let request = world.request(&admin(), "POST", "/api/v1/mirrors");
    let answer = Answer::of(request.json(&body)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

async fn last(world: &World, repository: &str) -> Value {
    let path = format!("/api/v1/mirrors/{repository}/-");
    world.get(&admin(), &path).await.json()["last"].clone()
}

pub(crate) async fn a_mirror_runs_by_its_plan_and_not_before(world: &mut World) {
    let upstream = pair(world).await;
    let image = image_with("zlib1g", "1");
    upstream.push_image("app", "v1", &image).await;
    cache_of(world, &upstream, &json!({ "namespace": null })).await;
    mirror(world, "copies/planned", &json!({ "cron": "0 3 * * *" })).await;
    mirror(
        world,
        "copies/paused",
        &json!({ "cron": "0 3 * * *", "enabled": false }),
    )
    .await;
    mirror(world, "copies/unplanned", &json!({})).await;
    let catalog = Catalog::connect(world.database()).await.unwrap();
    let planned = |schedules: Vec<catalog::Schedule>| {
        let of_mirrors = schedules
            .into_iter()
            .filter(|schedule| schedule.name.starts_with("mirror:"));
        of_mirrors.map(|schedule| schedule.name).collect::<Vec<_>>()
    };
    // Whatever the hour is: not due yet, and due once within a day.
    assert!(planned(catalog.due_schedules(now()).await.unwrap()).is_empty());
    let tomorrow = now() + SignedDuration::from_hours(25);
    let due = planned(catalog.due_schedules(tomorrow).await.unwrap());
    assert_eq!(due, ["mirror:copies/planned"]);
    assert_eq!(last(world, "copies/planned").await, Value::Null);
    later(world, 25).await;
    let ran = eventually(async || {
        let last = last(world, "copies/planned").await;
        (!last.is_null()).then_some(last)
    })
    .await;
    assert_eq!(
        (&ran["outcome"], &ran["report"]["copied"]),
        (&json!("ok"), &json!(1)),
        "{ran}"
    );
    assert_eq!(last(world, "copies/paused").await, Value::Null);
    assert_eq!(last(world, "copies/unplanned").await, Value::Null);
    // The plan has moved on, and another replica does not run it again.
    assert!(planned(catalog.due_schedules(tomorrow).await.unwrap()).is_empty());
    let path = "/v2/copies/planned/manifests/v1";
    assert_eq!(world.get(&admin(), path).await.body, image.manifest());
    catalog.close().await;
}

pub(crate) async fn a_mirrored_release_is_taken_back_until_the_next_one(world: &mut World) {
    let upstream = pair(world).await;
    let releases = ["1", "2", "3"].map(|version| image_with("zlib1g", version));
    let digests = releases
        .each_ref()
        .map(|image| Digest::sha256(&image.manifest()));
    cache_of(world, &upstream, &json!({ "namespace": null })).await;
    upstream.push_image("app", "stable", &releases[0]).await;
    mirror(world, "copies/app", &json!({})).await;
    let run = async |world: &World| -> Value {
        let before = last(world, "copies/app").await["finishedAt"].clone();
        let answer = world
            .send(&admin(), "POST", "/api/v1/mirrors/copies/app/-/run")
            .await;
        assert_eq!(answer.status, 202, "{answer:?}");
        eventually(async || {
            let last = last(world, "copies/app").await;
            (last["finishedAt"] != before).then_some(last["report"].clone())
        })
        .await
    };
    let stable = async |world: &World| {
        let answer = world.get(&admin(), "/v2/copies/app/manifests/stable").await;
        Digest::sha256(&answer.body)
    };
    assert_eq!(run(world).await["copied"], 1);
    upstream.push_image("app", "stable", &releases[1]).await;
    assert_eq!(run(world).await["copied"], 1);
    assert_eq!(stable(world).await, digests[1]);
    // The second release is bad: back to the first, although nobody may push here.
    let path = "/api/v1/repositories/copies/app/-/tags/stable/restore";
    let restore = world.request(&admin(), "POST", path);
    let restored = Answer::of(restore.json(&json!({ "digest": digests[0] }))).await;
    assert_eq!(restored.status, 200, "{restored:?}");
    assert_eq!(stable(world).await, digests[0]);
    let plan = world
        .get(&admin(), "/api/v1/mirrors/copies/app/-/plan")
        .await;
    assert!(plan.text().contains("\"held\""), "{}", plan.text());
    for _ in 0..2 {
        let report = run(world).await;
        assert_eq!(
            (&report["held"], &report["copied"]),
            (&json!(1), &json!(0)),
            "{report}"
        );
        assert_eq!(stable(world).await, digests[0]);
    }
    // The upstream moves on, and the mirror follows again.
    upstream.push_image("app", "stable", &releases[2]).await;
    assert_eq!(run(world).await["copied"], 1);
    assert_eq!(stable(world).await, digests[2]);
}
