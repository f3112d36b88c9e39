//! The object store, or the way to it, fails under a whole server.

use std::time::Duration;

use blobs::testkit::{Fault, FaultProxy, Seaweed};
use bytes::Bytes;
use oci::Digest;
use server::Storage;

use super::{assert_fault, assert_sound, blob, offset};
use crate::storage::content;
use crate::world::{Answer, World, admin};

/// The first chunk: one part, and more.
const FIRST: usize = (16 << 20) + 99;

/// A server whose way to the bucket can be spoilt.
async fn world() -> (World, FaultProxy) {
    let server = Seaweed::shared().await;
    let mut config = server.config();
    let proxy = FaultProxy::start(&server.endpoint());
    config.endpoint = Some(proxy.endpoint());
    config.stall_timeout = Duration::from_secs(2);
    // Few retries, so that a fault that lasts is one soon.
    config.retry_timeout = Duration::from_millis(700);
    (World::sqlite_in(Storage::S3(config)).await, proxy)
}

async fn patch(world: &World, location: &str, chunk: Bytes) -> Answer {
    Answer::of(world.request(&admin(), "PATCH", location).body(chunk)).await
}

async fn finish(world: &World, location: &str, rest: Bytes, digest: &Digest) -> Answer {
    let path = format!("{location}?digest={digest}");
    Answer::of(world.request(&admin(), "PUT", &path).body(rest)).await
}

/// Goes on where the server says the upload stands, or begins again where there is none.
async fn go_on(world: &World, location: &str, acknowledged: usize, whole: &Bytes) {
    let digest = Digest::sha256(whole);
    if let Some(at) = offset(world, location).await {
        assert!(at >= acknowledged, "{at} of {acknowledged} bytes");
        let answer = finish(world, location, whole.slice(at..), &digest).await;
        if answer.status == 201 {
            return;
        }
        answer.error(404, "BLOB_UPLOAD_UNKNOWN");
    }
    world.push_blob(&admin(), "team/app", whole).await;
}

/// Every request of a push to the bucket: method, and what its address contains.
const STEPS: [(&str, &str); 6] = [
    ("POST", "uploads"),
    ("PUT", "partNumber=1"),
    ("PUT", "/t/"),
    ("PUT", "partNumber=2"),
    ("POST", "uploadId"),
    ("DELETE", "/t/"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_of_the_bucket_that_passes_is_not_noticed() {
    let (mut world, proxy) = world().await;
    let faults = [
        Fault::Refuse(500, "InternalError"),
        Fault::Refuse(503, "SlowDown"),
        Fault::LoseAnswer,
        Fault::LoseRequest,
        Fault::Repeat,
    ];
    for (seed, fault) in (1..).step_by(2).zip(faults) {
        for (method, part) in STEPS {
            proxy.spoil(method, part, fault, 1);
        }
        let whole = content(seed);
        let digest = Digest::sha256(&whole);
        let location = world.session(&admin(), "team/app").await;
        let answer = patch(&world, &location, whole.slice(..FIRST)).await;
        assert_eq!(answer.status, 202, "{fault:?}: {answer:?}");
        let answer = finish(&world, &location, whole.slice(FIRST..), &digest).await;
        assert_eq!(answer.status, 201, "{fault:?}: {answer:?}");
        proxy.heal();
        assert!(blob(&world, &digest).await.body == whole, "{fault:?}");
    }
    assert_sound(&world).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_of_the_bucket_that_lasts_is_told_and_the_push_goes_on_afterwards() {
    let (mut world, proxy) = world().await;
    let earlier = world.push_blob(&admin(), "team/app", b"earlier").await;
    let cases = [
        (Fault::Refuse(500, "InternalError"), "PUT", "partNumber=1"),
        (Fault::Refuse(503, "SlowDown"), "POST", "uploads"),
        (Fault::LoseRequest, "PUT", "/t/"),
        (Fault::LoseAnswer, "PUT", "partNumber=2"),
        (Fault::Refuse(503, "SlowDown"), "POST", "uploadId"),
        (Fault::LoseAnswer, "POST", "uploadId"),
        (
            Fault::Silence(Duration::from_secs(3)),
            "PUT",
            "partNumber=2",
        ),
    ];
    for (seed, (fault, method, part)) in (101..).step_by(2).zip(cases) {
        let whole = content(seed);
        let digest = Digest::sha256(&whole);
        let location = world.session(&admin(), "team/app").await;
        proxy.spoil(method, part, fault, usize::MAX);
        let mut acknowledged = 0;
        let mut answer = patch(&world, &location, whole.slice(..FIRST)).await;
        if answer.status == 202 {
            acknowledged = FIRST;
            answer = finish(&world, &location, whole.slice(FIRST..), &digest).await;
        }
        // A completion that happened is found, although no answer ever tells.
        let is_found = fault == Fault::LoseAnswer && part == "uploadId" && answer.status == 201;
        if !is_found {
            assert_fault(&answer);
            assert_eq!(blob(&world, &digest).await.status, 404, "{fault:?}");
        }
        assert_eq!(blob(&world, &earlier).await.text(), "earlier");
        proxy.heal();
        go_on(&world, &location, acknowledged, &whole).await;
        assert!(blob(&world, &digest).await.body == whole, "{fault:?}");
    }
    assert_sound(&world).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_wrong_byte_of_the_bucket_is_served() {
    let (mut world, proxy) = world().await;
    let whole = content(201);
    let digest = world.push_blob(&admin(), "team/app", &whole).await;
    let path = format!("/v2/team/app/blobs/{digest}");

    // Cut once, the rest is fetched again.
    for bytes in [0, 1, 700_000] {
        proxy.spoil("GET", "/o/", Fault::Truncate(bytes), 1);
        assert!(blob(&world, &digest).await.body == whole, "{bytes}");
        proxy.heal();
    }
    // Cut each time, the answer is none, or ends before it is whole.
    proxy.spoil("GET", "/o/", Fault::Truncate(700_000), usize::MAX);
    let sent = world.request(&admin(), "GET", &path).send().await.unwrap();
    if sent.status() == 200 {
        match sent.bytes().await {
            Err(_) => {}
            Ok(body) => assert!(body == whole, "a wrong answer that looks whole"),
        }
    } else {
        assert_eq!(sent.status(), 500);
    }
    proxy.heal();

    // An object that is not seen is a fault: the row says that it is there.
    for code in ["NoSuchKey", "NoSuchBucket"] {
        proxy.spoil("GET", "/o/", Fault::Refuse(404, code), usize::MAX);
        assert_fault(&blob(&world, &digest).await);
        proxy.heal();
    }
    proxy.spoil("GET", "/o/", Fault::Refuse(503, "SlowDown"), usize::MAX);
    assert_fault(&blob(&world, &digest).await);
    proxy.heal();
    assert!(blob(&world, &digest).await.body == whole);
    assert_sound(&world).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_whose_end_the_bucket_does_not_hear_of_is_given_up_all_the_same() {
    let (mut world, proxy) = world().await;
    for fault in [Fault::LoseRequest, Fault::LoseAnswer] {
        let location = world.session(&admin(), "team/app").await;
        let answer = patch(&world, &location, content(301)).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        proxy.spoil("DELETE", "uploadId", fault, usize::MAX);
        let answer = world.send(&admin(), "DELETE", &location).await;
        assert_fault(&answer);
        proxy.heal();
        world
            .send(&admin(), "DELETE", &location)
            .await
            .error(404, "BLOB_UPLOAD_UNKNOWN");
    }
    // What lies there without a session goes with the next start.
    world.restart(server::Clock::System).await;
    let store = world.store().await;
    crate::world::eventually(async || {
        let staged = store.list_uploads().await.unwrap();
        staged.is_empty().then_some(())
    })
    .await;
    assert_sound(&world).await;
    world.stop().await;
}
