//! The clock jumps between two starts.

use jiff::{SignedDuration, Timestamp};
use oci::Digest;
use server::Clock;

use super::{assert_sound, offset};
use crate::world::{Answer, World, admin, image_with, now};

fn hours_from(now: Timestamp, hours: i64) -> Clock {
    Clock::Fixed(now + SignedDuration::from_hours(hours))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_counts_only_inside_its_time_wherever_the_clock_jumps() {
    let mut world = World::sqlite().await;
    let image = image_with("zlib1g", "1");
    world.push_image("team/app", "1", &image).await;
    let now = now();
    world.restart(Clock::Fixed(now)).await;
    let token = world.token(&admin(), &["repository:team/app:pull"]).await;
    let path = "/v2/team/app/manifests/1";
    assert_eq!(world.get(&token, path).await.status, 200);
    for (hours, status) in [(1, 401), (-1, 401), (24 * 400, 401), (0, 200)] {
        world.restart(hours_from(now, hours)).await;
        let answer = world.get(&token, path).await;
        assert_eq!(answer.status, status, "{hours} hours: {answer:?}");
        // A password needs no clock.
        let answer = world.get(&admin(), path).await;
        assert_eq!(answer.status, 200, "{hours} hours: {answer:?}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_survives_a_clock_set_back_and_ends_when_its_time_is_over() {
    let mut world = World::sqlite().await;
    let now = now();
    world.restart(Clock::Fixed(now)).await;
    let location = world.session(&admin(), "team/app").await;
    let request = world.request(&admin(), "PATCH", &location).body("first ");
    assert_eq!(Answer::of(request).await.status, 202);

    world.restart(hours_from(now, -48)).await;
    assert_eq!(offset(&world, &location).await, Some(6));
    let digest = Digest::sha256(b"first second");
    let path = format!("{location}?digest={digest}");
    let request = world.request(&admin(), "PUT", &path).body("second");
    assert_eq!(Answer::of(request).await.status, 201);
    let path = format!("/v2/team/app/blobs/{digest}");
    assert_eq!(world.get(&admin(), &path).await.text(), "first second");

    let location = world.session(&admin(), "team/app").await;
    world.restart(hours_from(now, 24 * 10)).await;
    assert_eq!(offset(&world, &location).await, None);
    assert_sound(&world).await;
    world.stop().await;
}

/// Leases are counted by the database's clock: a replica whose own is wrong neither steals nor starves a job.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_with_a_wrong_clock_works_like_any_other() {
    let mut world = World::postgres().await;
    for (number, hours) in [-1000, 1000].into_iter().enumerate() {
        world.restart(hours_from(now(), hours)).await;
        let repository = format!("team/app{number}");
        let image = image_with("zlib1g", "1");
        let digest = world.push_image(&repository, "1", &image).await;
        catalog::testkit::make_jobs_due(world.database()).await;
        world.report(&repository, &digest).await;
    }
    world.stop().await;
}
