//! What only files can do wrong.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use blobs::{BlobError, Store};
use bytes::Bytes;
use uuid::Uuid;

use crate::fs_backend;
use crate::suite::{begun, content, from_checkpoint, from_start, read, resumed, session, stored};

/// `/dev/full` refuses each write as a full disk does, for every user and on every Linux.
#[tokio::test]
async fn a_full_disk_is_an_error_of_its_own_and_harms_nobody_else() {
    let backend = fs_backend().await;
    let before = stored(&backend.store, &content(1000, 1), 1000).await;
    let session = session();
    let staged = backend.root.path().join("uploads");
    let staged = staged.join(session.upload.to_string());
    symlink("/dev/full", &staged).unwrap();

    let mut writer = resumed(&backend.store, from_start(&session)).await;
    writer
        .write(content(1000, 2))
        .await
        .expect("small chunks wait for a batch");
    let full = writer.checkpoint().await;
    assert!(
        matches!(&full, Err(BlobError::Full { path }) if *path == staged),
        "{full:?}"
    );
    let after = writer.write(content(600_000, 3)).await;
    assert!(after.is_err(), "a failed writer accepts no batch");
    assert!(writer.seal().await.is_err(), "and seals nothing");

    assert_eq!(read(&backend.store, &before).await, content(1000, 1));
    let other = stored(&backend.store, &content(1000, 4), 1000).await;
    assert_eq!(read(&backend.store, &other).await, content(1000, 4));
    assert_eq!(backend.store.list(None, 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_full_disk_in_the_middle_of_a_stream_is_reported_by_a_later_chunk() {
    let backend = fs_backend().await;
    let session = session();
    let staged = backend.root.path().join("uploads");
    symlink("/dev/full", staged.join(session.upload.to_string())).unwrap();
    let mut writer = resumed(&backend.store, from_start(&session)).await;
    let mut refusal = None;
    for _ in 0..4 {
        if let Err(error) = writer.write(content(512 * 1024, 5)).await {
            refusal = Some(error);
            break;
        }
    }
    assert!(
        matches!(refusal, Some(BlobError::Full { .. })),
        "{refusal:?}"
    );
}

#[tokio::test]
async fn objects_and_uploads_survive_a_new_start() {
    let backend = fs_backend().await;
    let key = stored(&backend.store, &content(1000, 6), 1000).await;
    let (mut session, mut writer) = begun(&backend.store).await;
    writer.write(Bytes::from_static(b"half")).await.unwrap();
    let checkpoint = writer.checkpoint().await.unwrap();
    drop(writer);

    let again = Store::open_fs(backend.root.path()).await.unwrap();
    assert_eq!(read(&again, &key).await, content(1000, 6));
    assert_eq!(again.list_uploads().await.unwrap(), [session.upload]);
    let writer = resumed(&again, from_checkpoint(&mut session, &checkpoint)).await;
    assert_eq!(writer.offset(), 4);
}

#[tokio::test]
async fn an_upload_whose_file_was_lost_must_begin_again() {
    let backend = fs_backend().await;
    let upload = Uuid::new_v4();
    let lost = backend.store.lock(upload).await;
    assert!(matches!(lost, Err(BlobError::NotFound)), "{lost:?}");
    backend.store.begin(upload).await.unwrap();
    assert!(backend.store.lock(upload).await.is_ok());
}

#[tokio::test]
async fn an_id_in_use_cannot_begin_again() {
    let backend = fs_backend().await;
    let (session, _writer) = begun(&backend.store).await;
    let refused = backend.store.begin(session.upload).await;
    assert!(matches!(refused, Err(BlobError::Io { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_file_cut_short_behind_our_back_is_a_fault_and_no_short_answer() {
    use futures::StreamExt as _;
    let backend = fs_backend().await;
    let key = stored(&backend.store, &content(900_000, 7), 900_000).await;
    let mut reader = backend.store.open_range(&key, None).await.unwrap();
    let path = backend.root.path().join(key.as_str());
    std::fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(300_000)
        .unwrap();
    let mut fault = None;
    while let Some(chunk) = reader.next().await {
        fault = chunk.err();
    }
    assert!(matches!(fault, Some(BlobError::Io { .. })), "{fault:?}");
}

#[tokio::test]
async fn strangers_among_the_objects_are_not_listed() {
    let backend = fs_backend().await;
    let key = stored(&backend.store, &content(10, 8), 10).await;
    let directory = backend.root.path().join("o").join(&key.as_str()[2..4]);
    let stranger = directory.join("notes.txt");
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(stranger)
        .unwrap();
    let listed = backend.store.list(None, 10).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].key, key);
}

#[tokio::test]
async fn an_unusable_root_is_a_fault() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&file)
        .unwrap();
    let refused = Store::open_fs(&file.join("below")).await;
    assert!(matches!(refused, Err(BlobError::Io { .. })), "{refused:?}");
}

#[tokio::test]
async fn content_is_readable_by_its_owner_alone() {
    let backend = fs_backend().await;
    let key = stored(&backend.store, &content(10, 9), 10).await;
    let path = backend.root.path().join(key.as_str());
    let mode = std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
}

#[tokio::test]
async fn a_committed_upload_cannot_be_locked() {
    let backend = fs_backend().await;
    let (session, mut writer) = begun(&backend.store).await;
    writer.write(Bytes::from_static(b"whole")).await.unwrap();
    let waiting = tokio::spawn({
        let (store, upload) = (backend.store.clone(), session.upload);
        async move { store.lock(upload).await }
    });
    tokio::task::yield_now().await;
    writer.seal().await.unwrap().commit().await.unwrap();
    let late = waiting.await.unwrap();
    assert!(matches!(late, Err(BlobError::NotFound)), "{late:?}");
}

#[tokio::test]
async fn the_durable_part_of_an_upload_can_be_read() {
    use std::io::Read as _;
    let backend = fs_backend().await;
    let (session, mut writer) = begun(&backend.store).await;
    writer.write(Bytes::from_static(b"so far")).await.unwrap();
    writer.checkpoint().await.unwrap();
    let mut bytes = Vec::new();
    let mut staged = backend.store.open_staged(session.upload).unwrap();
    staged.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, b"so far");
    let unknown = backend.store.open_staged(Uuid::new_v4());
    assert!(matches!(unknown, Err(BlobError::NotFound)));
}
