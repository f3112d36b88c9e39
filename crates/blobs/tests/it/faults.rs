//! What an object store, or the way to it, does wrong: no acknowledged byte is lost, no wrong byte is served, and an
//! upload goes on or is refused cleanly.

use std::time::Duration;

use blobs::testkit::{Fault, FaultProxy, Seaweed};
use blobs::{BlobError, Store};
use bytes::Bytes;
use futures::StreamExt as _;
use oci::Digest;

use crate::suite::{begun, content, from_checkpoint, read, resumed, stored};

/// One part, and more.
const LARGE: usize = (17 << 20) + 99;

struct World {
    proxy: FaultProxy,
    store: Store,
    /// The same bucket, by a way without faults.
    truth: Store,
}

async fn world() -> World {
    let server = Seaweed::shared().await;
    let mut config = server.config();
    let truth = Store::open_s3(&config).await.unwrap();
    let proxy = FaultProxy::start(&server.endpoint());
    config.endpoint = Some(proxy.endpoint());
    config.stall_timeout = Duration::from_secs(20);
    // Few retries, so that a fault that lasts is one soon.
    config.retry_timeout = Duration::from_millis(700);
    let store = Store::open_s3(&config).await.unwrap();
    World {
        proxy,
        store,
        truth,
    }
}

const PASSING: [Fault; 5] = [
    Fault::Refuse(500, "InternalError"),
    Fault::Refuse(503, "SlowDown"),
    Fault::LoseAnswer,
    Fault::LoseRequest,
    Fault::Repeat,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_fault_of_every_kind_at_every_step_is_overcome() {
    let world = world().await;
    let small = content(1000, 1);
    let large = content(LARGE, 2);
    for fault in PASSING {
        world.proxy.spoil("PUT", "/o/", fault, 1);
        let key = stored(&world.store, &small, 300).await;
        assert_eq!(read(&world.truth, &key).await, small, "{fault:?}");
        for (method, part) in [
            ("POST", "uploads"),
            ("PUT", "partNumber=1"),
            ("PUT", "partNumber=2"),
            ("POST", "uploadId"),
        ] {
            world.proxy.spoil(method, part, fault, 1);
        }
        let key = stored(&world.store, &large, 700_000).await;
        assert!(read(&world.truth, &key).await == large, "{fault:?}");
        world.proxy.heal();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_that_lasts_is_told_and_the_upload_goes_on_afterwards() {
    let world = world().await;
    let whole = content(LARGE, 3);
    let (mut session, mut writer) = begun(&world.store).await;
    writer.write(whole.slice(..500_000)).await.unwrap();
    let kept = writer.checkpoint().await.unwrap();
    writer.confirm(true).await.unwrap();
    for fault in [
        Fault::Refuse(500, "InternalError"),
        Fault::Refuse(503, "SlowDown"),
        Fault::LoseRequest,
    ] {
        world.proxy.spoil("PUT", "/o/", fault, usize::MAX);
        world.proxy.spoil("PUT", "/t/", fault, usize::MAX);
        let mut broken = resumed_again(&world.store, writer, &mut session, &kept).await;
        let mut refused = None;
        for chunk in whole.slice(500_000..).chunks(1 << 20) {
            if let Err(error) = broken.write(Bytes::copy_from_slice(chunk)).await {
                refused = Some(error);
                break;
            }
        }
        let refused = match refused {
            Some(error) => error,
            None => broken.checkpoint().await.unwrap_err(),
        };
        assert!(
            matches!(refused, BlobError::Remote { .. }),
            "{fault:?}: {refused:?}"
        );
        assert!(
            broken.checkpoint().await.is_err(),
            "a failed writer promises nothing"
        );
        world.proxy.heal();
        writer = broken;
    }
    let mut writer = resumed_again(&world.store, writer, &mut session, &kept).await;
    writer.write(whole.slice(500_000..)).await.unwrap();
    let sealed = writer.seal().await.unwrap();
    assert_eq!(*sealed.digest(), Digest::sha256(&whole));
    sealed.commit().await.unwrap();
    assert!(read(&world.truth, &session.key).await == whole);
}

async fn resumed_again(
    store: &Store,
    before: blobs::UploadWriter,
    session: &mut blobs::Session,
    kept: &blobs::Checkpoint,
) -> blobs::UploadWriter {
    drop(before);
    resumed(store, from_checkpoint(session, kept)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_completion_whose_every_answer_is_lost_is_found_to_have_happened() {
    let world = world().await;
    let whole = content(LARGE, 4);
    // The first completion arrives, its answer does not; the client's retries are told that there is no such upload.
    world.proxy.spoil("POST", "uploadId", Fault::LoseAnswer, 1);
    let key = stored(&world.store, &whole, 900_000).await;
    assert!(read(&world.truth, &key).await == whole);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_cut_short_is_never_a_whole_one() {
    let world = world().await;
    let whole = content(2_000_000, 5);
    let key = stored(&world.truth, &whole, 500_000).await;
    for bytes in [0, 1, 999_999, 1_999_999] {
        world
            .proxy
            .spoil("GET", "/o/", Fault::Truncate(bytes), usize::MAX);
        let mut got = Vec::new();
        let mut fault = None;
        match world.store.open_range(&key, None).await {
            Err(error) => fault = Some(error),
            Ok(mut reader) => {
                while let Some(chunk) = reader.next().await {
                    match chunk {
                        Ok(chunk) => got.extend_from_slice(&chunk),
                        Err(error) => fault = Some(error),
                    }
                }
            }
        }
        // A client that asks for the rest each time may get there; an end without a fault is the whole.
        let is_told = matches!(fault, Some(BlobError::Remote { .. }));
        assert!(is_told || got == whole, "{bytes}: {fault:?}");
        assert!(whole.starts_with(&got), "what came is right");
        world.proxy.heal();
        // Cut once, the rest is asked for again.
        world.proxy.spoil("GET", "/o/", Fault::Truncate(bytes), 1);
        assert!(read(&world.store, &key).await == whole, "{bytes}");
        world.proxy.heal();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_key_that_is_not_seen_yet_is_not_found_and_then_there() {
    let world = world().await;
    let key = stored(&world.store, &content(1000, 6), 1000).await;
    world
        .proxy
        .spoil("GET", "/o/", Fault::Refuse(404, "NoSuchKey"), 1);
    let early = world.store.open_range(&key, None).await;
    assert!(matches!(early, Err(BlobError::NotFound)), "{early:?}");
    assert_eq!(read(&world.store, &key).await, content(1000, 6));
    world
        .proxy
        .spoil("GET", "/o/", Fault::Refuse(404, "NoSuchBucket"), 1);
    let gone = world.store.open_range(&key, None).await;
    assert!(
        matches!(gone, Err(BlobError::Remote { .. })),
        "a fault: {gone:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abort_that_was_lost_is_repeated() {
    let world = world().await;
    let (mut session, mut writer) = begun(&world.store).await;
    writer.write(content(LARGE, 7)).await.unwrap();
    session.staged = writer.checkpoint().await.unwrap().staged;
    writer.confirm(true).await.unwrap();
    drop(writer);
    for fault in [
        Fault::LoseAnswer,
        Fault::LoseRequest,
        Fault::Refuse(503, "SlowDown"),
    ] {
        world.proxy.spoil("DELETE", "uploadId", fault, usize::MAX);
        assert!(world.store.abort(&session).await.is_err(), "{fault:?}");
        world.proxy.heal();
    }
    world.store.abort(&session).await.unwrap();
    assert!(world.truth.list_uploads().await.unwrap().is_empty());
    assert!(world.truth.list(None, 1).await.unwrap().is_empty());
}
