//! What every backend promises.

use std::io::Read as _;

use blobs::{BlobError, Checkpoint, ObjectKey, Resume, Session, Staged, Store, UploadWriter};
use bytes::Bytes;
use futures::StreamExt as _;
use oci::{Algorithm, Digest, DigestHasher};
use uuid::Uuid;

/// Content that neither repeats nor compresses, the same in each run.
pub(crate) fn content(length: usize, seed: u64) -> Bytes {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes.into()
}

pub(crate) fn key() -> ObjectKey {
    ObjectKey::new(Uuid::new_v4())
}

fn fresh() -> DigestHasher {
    DigestHasher::new(Algorithm::Sha256)
}

/// A session in the test's hands, as a row would tell it.
pub(crate) fn session() -> Session {
    Session {
        upload: Uuid::new_v4(),
        key: key(),
        staged: Staged::default(),
    }
}

/// From where a session starts.
pub(crate) fn from_start(session: &Session) -> Resume {
    Resume {
        session: session.clone(),
        offset: 0,
        hasher: fresh(),
        expected_bytes: None,
    }
}

/// From where a session goes on, with its row as the checkpoint says.
pub(crate) fn from_checkpoint(session: &mut Session, checkpoint: &Checkpoint) -> Resume {
    session.staged = checkpoint.staged.clone();
    Resume {
        session: session.clone(),
        offset: checkpoint.offset,
        hasher: DigestHasher::resume(Algorithm::Sha256, &checkpoint.hash_state)
            .expect("the state of this hasher"),
        expected_bytes: None,
    }
}

pub(crate) async fn resumed(store: &Store, from: Resume) -> UploadWriter {
    let locked = store.lock(from.session.upload).await.expect("a lock");
    locked.resume(from).await.expect("a writer")
}

pub(crate) async fn begun(store: &Store) -> (Session, UploadWriter) {
    let session = session();
    store.begin(session.upload).await.expect("a new upload");
    let writer = resumed(store, from_start(&session)).await;
    (session, writer)
}

/// Stores content in chunks of `chunk` bytes.
pub(crate) async fn stored(store: &Store, content: &Bytes, chunk: usize) -> ObjectKey {
    let (session, mut writer) = begun(store).await;
    let mut rest = content.clone();
    while !rest.is_empty() {
        let piece = rest.split_to(chunk.min(rest.len()));
        writer.write(piece).await.expect("room");
    }
    let sealed = writer.seal().await.expect("a sealed upload");
    assert_eq!(sealed.size_bytes(), content.len() as u64);
    assert_eq!(*sealed.digest(), Digest::sha256(content));
    sealed.commit().await.expect("an object");
    session.key
}

pub(crate) async fn read(store: &Store, key: &ObjectKey) -> Vec<u8> {
    let mut reader = store.open_range(key, None).await.expect("an object");
    let mut bytes = Vec::new();
    while let Some(chunk) = reader.next().await {
        bytes.extend_from_slice(&chunk.expect("a chunk"));
    }
    bytes
}

pub(crate) async fn what_is_written_comes_back_whole(store: Store) {
    for length in [0, 1, 1024, 256 * 1024, 256 * 1024 + 1, 3_000_000] {
        let content = content(length, 1);
        let key = stored(&store, &content, 8192).await;
        assert_eq!(read(&store, &key).await, content, "{length} bytes");
        let reader = store.open_range(&key, None).await.unwrap();
        assert_eq!(
            (reader.size_bytes(), reader.range()),
            (length as u64, 0..length as u64)
        );
    }
}

pub(crate) async fn chunks_of_every_size_make_the_same_object(store: Store) {
    let content = content(1_200_000, 2);
    for chunk in [1000, 8192, 512 * 1024, 600_000, 1_200_000] {
        let key = stored(&store, &content, chunk).await;
        assert_eq!(read(&store, &key).await, content, "chunks of {chunk}");
    }
}

pub(crate) async fn nothing_is_visible_before_the_commit(store: Store) {
    // A crash is an end without another call: at each step, drop what there is.
    let bytes = content(700_000, 3);
    let (after_begin, writer) = begun(&store).await;
    drop(writer);
    let (after_write, mut writer) = begun(&store).await;
    writer.write(bytes.clone()).await.unwrap();
    drop(writer);
    let (mut after_checkpoint, mut writer) = begun(&store).await;
    writer.write(bytes.clone()).await.unwrap();
    after_checkpoint.staged = writer.checkpoint().await.unwrap().staged;
    writer.confirm(true).await.unwrap();
    drop(writer);
    let (after_seal, mut writer) = begun(&store).await;
    writer.write(bytes.clone()).await.unwrap();
    drop(writer.seal().await.unwrap());

    assert_eq!(store.list(None, 10).await.unwrap(), []);
    let mut staged = store.list_uploads().await.unwrap();
    let mut expected = match store {
        Store::Fs(_) => vec![&after_begin, &after_write, &after_checkpoint, &after_seal],
        // Only what is durable is there at all.
        Store::S3(_) => vec![&after_checkpoint],
    };
    staged.sort();
    expected.sort_by_key(|session| session.upload);
    let expected: Vec<Uuid> = expected.iter().map(|session| session.upload).collect();
    assert_eq!(staged, expected, "what is left can be found and deleted");

    let (session, mut writer) = begun(&store).await;
    writer.write(bytes.clone()).await.unwrap();
    writer.seal().await.unwrap().commit().await.unwrap();
    let listed = store.list(None, 10).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (&listed[0].key, listed[0].size_bytes),
        (&session.key, 700_000)
    );
    assert_eq!(store.list_uploads().await.unwrap(), staged);

    for session in [after_begin, after_write, after_checkpoint, after_seal] {
        store.abort(&session).await.unwrap();
    }
    assert!(store.list_uploads().await.unwrap().is_empty());
    assert_eq!(store.list(None, 10).await.unwrap().len(), 1);
}

pub(crate) async fn an_upload_continues_from_its_checkpoint(store: Store) {
    let whole = content(1_500_000, 4);
    let (mut session, mut writer) = begun(&store).await;
    let mut at = 0;
    for end in [0, 10, 600_000, 600_001, 1_500_000] {
        writer.write(whole.slice(at..end)).await.unwrap();
        let checkpoint = writer.checkpoint().await.unwrap();
        assert_eq!(checkpoint.offset, end as u64);
        writer.confirm(true).await.unwrap();
        drop(writer);
        writer = resumed(&store, from_checkpoint(&mut session, &checkpoint)).await;
        assert_eq!(writer.offset(), end as u64);
        at = end;
    }
    let sealed = writer.seal().await.unwrap();
    assert_eq!(*sealed.digest(), Digest::sha256(&whole));
    sealed.commit().await.unwrap();
    store.clear(&session).await.unwrap();
    assert_eq!(read(&store, &session.key).await, whole);
    assert!(store.list_uploads().await.unwrap().is_empty());
}

pub(crate) async fn bytes_beyond_the_checkpoint_are_cut_off(store: Store) {
    let (mut session, mut writer) = begun(&store).await;
    writer.write(Bytes::from_static(b"durable")).await.unwrap();
    let checkpoint = writer.checkpoint().await.unwrap();
    writer.confirm(true).await.unwrap();
    writer.write(content(900_000, 5)).await.unwrap();
    drop(writer.seal().await.unwrap());

    let mut writer = resumed(&store, from_checkpoint(&mut session, &checkpoint)).await;
    writer
        .write(Bytes::from_static(b", then more"))
        .await
        .unwrap();
    let sealed = writer.seal().await.unwrap();
    assert_eq!(*sealed.digest(), Digest::sha256(b"durable, then more"));
    sealed.commit().await.unwrap();
    assert_eq!(read(&store, &session.key).await, b"durable, then more");
}

pub(crate) async fn an_upload_that_lost_durable_bytes_says_so(store: Store) {
    let (mut session, mut writer) = begun(&store).await;
    writer.write(Bytes::from_static(b"12345")).await.unwrap();
    let mut checkpoint = writer.checkpoint().await.unwrap();
    writer.confirm(true).await.unwrap();
    drop(writer);
    checkpoint.offset = 9;
    let from = from_checkpoint(&mut session, &checkpoint);
    let locked = store.lock(session.upload).await.unwrap();
    let lost = locked.resume(from).await;
    assert!(
        matches!(
            lost,
            Err(BlobError::Lost {
                expected: 9,
                found: 5
            })
        ),
        "{lost:?}"
    );
}

pub(crate) async fn a_second_writer_is_refused_while_the_first_is_at_work(store: Store) {
    let (session, mut first) = begun(&store).await;
    first.write(Bytes::from_static(b"mine")).await.unwrap();
    let second = store.lock(session.upload).await;
    assert!(matches!(second, Err(BlobError::Busy)), "{second:?}");
    let sealed = first.seal().await.unwrap();
    assert_eq!(*sealed.digest(), Digest::sha256(b"mine"));
    drop(sealed);
    assert!(store.lock(session.upload).await.is_ok());
}

pub(crate) async fn whoever_waited_for_the_lock_finds_the_bytes_untouched(store: Store) {
    let (mut session, mut first) = begun(&store).await;
    first.write(Bytes::from_static(b"first")).await.unwrap();
    let waiting = tokio::spawn({
        let (store, upload) = (store.clone(), session.upload);
        async move { store.lock(upload).await }
    });
    tokio::task::yield_now().await;
    let checkpoint = first.checkpoint().await.unwrap();
    first.confirm(true).await.unwrap();
    drop(first);
    let locked = waiting.await.unwrap().unwrap();
    let from = from_checkpoint(&mut session, &checkpoint);
    let sealed = locked.resume(from).await.unwrap().seal().await.unwrap();
    assert_eq!(*sealed.digest(), Digest::sha256(b"first"));
}

pub(crate) async fn an_aborted_upload_is_gone(store: Store) {
    let (session, mut writer) = begun(&store).await;
    writer.write(Bytes::from_static(b"no")).await.unwrap();
    writer.seal().await.unwrap().discard().await.unwrap();
    store.abort(&session).await.unwrap();
    assert!(store.list_uploads().await.unwrap().is_empty());
    store
        .abort(&session)
        .await
        .expect("aborting again succeeds");
    assert_eq!(store.list(None, 1).await.unwrap(), []);
}

pub(crate) async fn another_algorithm_is_computed_at_the_end(store: Store) {
    let content = content(600_000, 6);
    let (session, mut writer) = begun(&store).await;
    writer.write(content.clone()).await.unwrap();
    let sealed = writer
        .seal()
        .await
        .unwrap()
        .rehash(Algorithm::Sha512)
        .await
        .unwrap();
    assert_eq!(
        *sealed.digest(),
        Digest::compute(Algorithm::Sha512, &content)
    );
    sealed.commit().await.unwrap();
    assert_eq!(read(&store, &session.key).await, content);
}

pub(crate) async fn every_range_inside_the_object_is_served(store: Store) {
    let content = content(600_000, 7);
    let key = stored(&store, &content, 100_000).await;
    for range in [
        0..1,
        0..600_000,
        5..5,
        262_143..262_146,
        599_999..600_000,
        600_000..600_000,
    ] {
        let mut reader = store.open_range(&key, Some(range.clone())).await.unwrap();
        let mut bytes = Vec::new();
        while let Some(chunk) = reader.next().await {
            bytes.extend_from_slice(&chunk.unwrap());
        }
        assert_eq!(
            bytes,
            content[range.start as usize..range.end as usize],
            "{range:?}"
        );
        assert_eq!(reader.size_bytes(), 600_000);
    }
}

pub(crate) async fn a_range_outside_the_object_is_refused(store: Store) {
    let key = stored(&store, &content(10, 8), 10).await;
    #[expect(clippy::reversed_empty_ranges, reason = "that is the case")]
    for range in [0..11, 11..12, 5..4, u64::MAX - 1..u64::MAX] {
        let refused = store.open_range(&key, Some(range.clone())).await;
        assert!(
            matches!(refused, Err(BlobError::Range { size_bytes: 10 })),
            "{range:?}"
        );
    }
}

pub(crate) async fn deleting_twice_succeeds(store: Store) {
    let key = stored(&store, &content(10, 9), 10).await;
    store.delete(&key).await.unwrap();
    store.delete(&key).await.unwrap();
    assert!(matches!(
        store.open_range(&key, None).await,
        Err(BlobError::NotFound)
    ));
}

pub(crate) async fn many_objects_are_deleted_at_once(store: Store) {
    // Some in one directory, some that are not there.
    let mut keys = vec![key(), key()];
    for n in 0..40 {
        keys.push(stored(&store, &content(10, n), 10).await);
    }
    let kept = keys.pop().unwrap();
    store.delete_all(&keys).await.unwrap();
    let left = store.list(None, 10).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].key, kept);
    store.delete_all(&[]).await.unwrap();
}

pub(crate) async fn objects_are_listed_in_order_by_pages(store: Store) {
    let mut keys = Vec::new();
    for n in 0..40 {
        keys.push(stored(&store, &content(n, 10), 64).await);
    }
    keys.sort();
    let mut listed: Vec<ObjectKey> = Vec::new();
    loop {
        let page = store.list(listed.last(), 7).await.unwrap();
        if page.is_empty() {
            break;
        }
        listed.extend(page.into_iter().map(|object| object.key));
    }
    assert_eq!(listed, keys);
}

pub(crate) async fn an_unknown_key_is_not_found(store: Store) {
    let key = key();
    assert!(matches!(
        store.open_range(&key, None).await,
        Err(BlobError::NotFound)
    ));
    assert!(matches!(
        store.open_blocking(&key).await,
        Err(BlobError::NotFound)
    ));
}

pub(crate) async fn concurrent_uploads_do_not_mix(store: Store) {
    let uploads: Vec<_> = (0..12_u64)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let content = content(700_000 + n as usize, n + 100);
                let key = stored(&store, &content, 50_000).await;
                (key, content)
            })
        })
        .collect();
    for upload in uploads {
        let (key, content) = upload.await.unwrap();
        assert_eq!(read(&store, &key).await, content);
    }
    assert!(store.list_uploads().await.unwrap().is_empty());
}

pub(crate) async fn an_object_is_read_synchronously_too(store: Store) {
    let content = content(700_000, 11);
    let key = stored(&store, &content, 5000).await;
    let mut reader = store.open_blocking(&key).await.unwrap();
    let bytes = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map(|_| bytes)
    });
    assert_eq!(bytes.await.unwrap().unwrap(), content);
}
