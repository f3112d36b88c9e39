//! What only an object store can do wrong.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use blobs::testkit::Seaweed;
use blobs::{BlobError, Checkpoint, Session, Store};
use bytes::Bytes;
use oci::{Algorithm, Digest};
use uuid::Uuid;

use crate::suite::{begun, content, from_checkpoint, from_start, read, resumed, stored};

/// More than two parts, and an odd rest.
const LARGE: usize = 2 * (16 << 20) + 123_457;

async fn store() -> Store {
    Seaweed::shared().await.store().await
}

async fn written(store: &Store, content: &Bytes) -> (Session, Checkpoint) {
    let (session, mut writer) = begun(store).await;
    for chunk in content.chunks(100_000) {
        writer.write(Bytes::copy_from_slice(chunk)).await.unwrap();
    }
    let checkpoint = writer.checkpoint().await.unwrap();
    assert!(writer.confirm(true).await.is_ok());
    (session, checkpoint)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_upload_goes_on_in_another_replica() {
    let config = Seaweed::shared().await.config();
    let (first, second) = (
        Store::open_s3(&config).await.unwrap(),
        Store::open_s3(&config).await.unwrap(),
    );
    let whole = content(LARGE, 1);
    let (mut session, checkpoint) = written(&first, &whole.slice(..20 << 20)).await;
    assert_eq!(
        checkpoint.staged.parts.lines().count(),
        2,
        "a size and one part"
    );
    assert!(checkpoint.staged.tail.is_some());
    let mut writer = resumed(&second, from_checkpoint(&mut session, &checkpoint)).await;
    writer.write(whole.slice(20 << 20..)).await.unwrap();
    let sealed = writer.seal().await.unwrap();
    assert_eq!(*sealed.digest(), Digest::sha256(&whole));
    sealed.commit().await.unwrap();
    first.clear(&session).await.unwrap();
    assert!(
        read(&first, &session.key).await == whole,
        "the bytes differ"
    );
    assert!(first.list_uploads().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fits_into_one_part_needs_no_multipart_upload() {
    let store = store().await;
    let whole = content(16 << 20, 2);
    let (mut session, checkpoint) = written(&store, &whole).await;
    assert_eq!(checkpoint.staged.multipart, None);
    let writer = resumed(&store, from_checkpoint(&mut session, &checkpoint)).await;
    writer.seal().await.unwrap().commit().await.unwrap();
    assert!(read(&store, &session.key).await == whole);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_upload_is_hashed_again_when_the_algorithm_comes_last() {
    let store = store().await;
    let whole = content(LARGE, 3);
    let (mut session, checkpoint) = written(&store, &whole).await;
    let writer = resumed(&store, from_checkpoint(&mut session, &checkpoint)).await;
    let sealed = writer.seal().await.unwrap();
    let sealed = sealed.rehash(Algorithm::Sha512).await.unwrap();
    assert_eq!(*sealed.digest(), Digest::compute(Algorithm::Sha512, &whole));
    sealed.commit().await.unwrap();
    assert!(read(&store, &session.key).await == whole);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_was_lost_is_repeated_with_the_same_content_only() {
    let store = store().await;
    let whole = content(LARGE, 4);
    let (mut session, checkpoint) = written(&store, &whole).await;
    let from = from_checkpoint(&mut session, &checkpoint);
    resumed(&store, from)
        .await
        .seal()
        .await
        .unwrap()
        .commit()
        .await
        .unwrap();

    // The process died before the row said so. The client sends its last request again.
    let from = from_checkpoint(&mut session, &checkpoint);
    let again = resumed(&store, from).await.seal().await.unwrap();
    again
        .commit()
        .await
        .expect("the object is there and is this content");
    assert!(read(&store, &session.key).await == whole);

    // Or another one, of the same size.
    let from = from_checkpoint(&mut session, &checkpoint);
    let mut writer = resumed(&store, from).await;
    writer.write(Bytes::from_static(b"x")).await.unwrap();
    let refused = writer.seal().await.unwrap().commit().await;
    assert!(
        matches!(refused, Err(BlobError::Lost { .. })),
        "{refused:?}"
    );
    assert!(
        read(&store, &session.key).await == whole,
        "and nothing is harmed"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_loser_of_two_replicas_leaves_nothing_and_harms_nobody() {
    let config = Seaweed::shared().await.config();
    let (first, second) = (
        Store::open_s3(&config).await.unwrap(),
        Store::open_s3(&config).await.unwrap(),
    );
    let (mut session, base) = written(&first, &content(1000, 5)).await;
    let from = from_checkpoint(&mut session, &base);
    let mut winner = resumed(&first, from).await;
    let mut loser = resumed(&second, from_checkpoint(&mut session, &base)).await;
    winner.write(content(17 << 20, 6)).await.unwrap();
    loser.write(content(18 << 20, 7)).await.unwrap();
    let won = winner.checkpoint().await.unwrap();
    let lost = loser.checkpoint().await.unwrap();
    assert_ne!(won.staged.multipart, lost.staged.multipart);
    winner.confirm(true).await.unwrap();
    loser.confirm(false).await.unwrap();
    assert!(loser.write(content(600_000, 8)).await.is_err());
    drop((winner, loser));

    let writer = resumed(&second, from_checkpoint(&mut session, &won)).await;
    let sealed = writer.seal().await.unwrap();
    let whole = [content(1000, 5), content(17 << 20, 6)].concat();
    assert_eq!(*sealed.digest(), Digest::sha256(&whole));
    sealed.commit().await.unwrap();
    first.clear(&session).await.unwrap();
    assert!(read(&first, &session.key).await == whole);
    assert!(first.list_uploads().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_that_another_writer_replaced_are_never_served() {
    let config = Seaweed::shared().await.config();
    let (store, elsewhere) = (
        Store::open_s3(&config).await.unwrap(),
        Store::open_s3(&config).await.unwrap(),
    );
    let (mut session, base) = written(&store, &content(17 << 20, 9)).await;
    let from = from_checkpoint(&mut session, &base);
    let mut first = resumed(&store, from).await;
    let mut late = resumed(&elsewhere, from_checkpoint(&mut session, &base)).await;
    first.write(content(17 << 20, 10)).await.unwrap();
    let durable = first.checkpoint().await.unwrap();
    first.confirm(true).await.unwrap();
    drop(first);
    // Somebody who read the older row sends the same part number late.
    late.write(content(17 << 20, 11)).await.unwrap();
    late.checkpoint().await.unwrap();
    late.confirm(false).await.unwrap();
    drop(late);
    let writer = resumed(&store, from_checkpoint(&mut session, &durable)).await;
    let whole = [content(17 << 20, 9), content(17 << 20, 10)].concat();
    let sealed = writer.seal().await.unwrap();
    assert_eq!(*sealed.digest(), Digest::sha256(&whole));
    match sealed.commit().await {
        Ok(()) => assert!(read(&store, &session.key).await == whole),
        Err(error) => assert!(matches!(error, BlobError::Lost { .. }), "{error:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_aborted_upload_leaves_nothing_in_the_bucket() {
    let store = store().await;
    let (mut session, checkpoint) = written(&store, &content(20 << 20, 12)).await;
    session.staged = checkpoint.staged.clone();
    store.abort(&session).await.unwrap();
    assert!(store.list_uploads().await.unwrap().is_empty());
    let from = from_checkpoint(&mut session, &checkpoint);
    let locked = store.lock(session.upload).await.unwrap();
    let gone = locked.resume(from).await;
    assert!(matches!(gone, Err(BlobError::NotFound)), "{gone:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_row_starts_no_upload() {
    let store = store().await;
    let other = stored(&store, &content(5, 13), 5).await;
    let (session, checkpoint) = written(&store, &content(5, 14)).await;
    let tail = checkpoint.staged.tail.clone();
    for (multipart, parts, tail) in [
        (Some("id"), "", tail.clone()),
        (None, "16777216\n\"a\"", tail.clone()),
        (None, "nonsense", tail),
        (None, "", Some(other.as_str().to_owned())),
        (
            None,
            "",
            Some(format!("t/{}/{}", Uuid::new_v4(), Uuid::new_v4())),
        ),
        (
            None,
            "",
            Some(format!("t/{}/../../{other}", session.upload)),
        ),
        (None, "", None),
    ] {
        let mut from = from_start(&session);
        from.offset = 5;
        from.session.staged.multipart = multipart.map(str::to_owned);
        from.session.staged.parts = parts.to_owned();
        from.session.staged.tail.clone_from(&tail);
        let locked = store.lock(session.upload).await.unwrap();
        let refused = locked.resume(from).await;
        assert!(
            matches!(refused, Err(BlobError::Lost { .. } | BlobError::NotFound)),
            "{multipart:?} {parts} {tail:?}: {refused:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_bucket_key_or_address_is_told_at_once() {
    let server = Seaweed::shared().await;
    let mut bucket = server.config();
    bucket.bucket = "nobodys".to_owned();
    let mut secret = server.config();
    secret.credentials.as_mut().unwrap().secret_access_key = "wrong".into();
    let mut address = server.config();
    address.endpoint = Some("http://127.0.0.1:1".to_owned());
    address.retry_timeout = std::time::Duration::ZERO;
    for config in [bucket, secret, address] {
        let refused = Store::open_s3(&config).await;
        assert!(
            matches!(refused, Err(BlobError::Remote { .. })),
            "{config:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_presigned_address_needs_no_credential_and_ends() {
    let store = store().await;
    let key = stored(&store, &content(1000, 15), 1000).await;
    let valid_for = std::time::Duration::from_mins(5);
    let address = store.presign(&key, valid_for).await.unwrap().unwrap();
    assert!(address.contains("X-Amz-Expires=300"), "{address}");
    assert!(!address.contains("canary"), "{address}");
    let files = crate::fs_backend().await;
    assert_eq!(files.store.presign(&key, valid_for).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_presigned_address_whose_time_is_over_opens_nothing() {
    let store = store().await;
    let key = stored(&store, &content(1000, 16), 1000).await;
    let valid_for = Duration::from_secs(2);
    let address = store.presign(&key, valid_for).await.unwrap().unwrap();
    assert!(fetched(&address).starts_with(b"HTTP/1.1 200"));
    let asked = Instant::now();
    let refused = loop {
        let answer = fetched(&address);
        if !answer.starts_with(b"HTTP/1.1 200") {
            break answer;
        }
        assert!(asked.elapsed() < Duration::from_secs(10), "it never ends");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(refused.starts_with(b"HTTP/1.1 403"));
    let bytes = content(1000, 16);
    let leaks = refused.windows(16).any(|window| window == &bytes[..16]);
    assert!(!leaks, "the refusal holds content");
}

/// Asks as anybody would, without a credential.
fn fetched(address: &str) -> Vec<u8> {
    let rest = address.strip_prefix("http://").expect("a plain address");
    let (host, path) = rest.split_once('/').expect("a path");
    let mut stream = TcpStream::connect(host).expect("the store");
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    answer
}
