//! The power fails: every call that changes the disk is written down, and replayed up to each of them with whatever was
//! not synced lost, kept, or lost in part. What was promised by then is whole, and nothing else is there in part.
//!
//! A longer run: `TEST_POWER_SEEDS=500 cargo test -p tidegate-blobs power::`.

use std::collections::BTreeMap;
use std::path::Path;

use blobs::testkit::{Change, Journal, replay};
use blobs::{Checkpoint, ObjectKey, Session, Store, UploadWriter};
use bytes::Bytes;
use oci::Digest;

use crate::suite::{begun, content, from_checkpoint, read, resumed};

/// More than the store writes at once.
const LARGE: usize = 600_000;

/// What a caller may rely on, from one place of the journal to another.
struct Promise {
    from: usize,
    until: usize,
    what: What,
}

enum What {
    /// The upload goes on behind these bytes.
    Staged(Box<Session>, Checkpoint, Bytes),
    /// The object is there, whole.
    Object(ObjectKey, Bytes),
}

/// A store at work, with the books about what it acknowledged.
struct Work {
    store: Store,
    journal: Journal,
    promises: Vec<Promise>,
    /// What each key may ever show.
    objects: BTreeMap<ObjectKey, Bytes>,
}

impl Work {
    async fn in_folder(root: &Path) -> Self {
        let journal = Journal::default();
        let store = Store::open_recorded(&root.join("blobs"), journal.clone()).await;
        Self {
            store: store.unwrap(),
            journal,
            promises: Vec::new(),
            objects: BTreeMap::new(),
        }
    }

    fn here(&self) -> usize {
        self.journal.changes().len()
    }

    /// Notes what was acknowledged just now, and returns how to take it back.
    fn promise(&mut self, what: What) -> usize {
        self.promises.push(Promise {
            from: self.here(),
            until: usize::MAX,
            what,
        });
        self.promises.len() - 1
    }

    /// Notes that a promise is about to be taken back.
    fn take_back(&mut self, promise: usize) {
        self.promises[promise].until = self.here();
    }

    async fn checkpoint(
        &mut self,
        session: &Session,
        writer: &mut UploadWriter,
        so_far: Bytes,
    ) -> (usize, Checkpoint) {
        let checkpoint = writer.checkpoint().await.unwrap();
        writer.confirm(true).await.unwrap();
        // The row that said less is true until this one is written.
        let here = self.here();
        for earlier in &mut self.promises {
            if let What::Staged(other, ..) = &earlier.what
                && other.upload == session.upload
            {
                earlier.until = earlier.until.min(here - 1);
            }
        }
        let what = What::Staged(Box::new(session.clone()), checkpoint.clone(), so_far);
        (self.promise(what), checkpoint)
    }

    async fn commit(&mut self, session: &Session, writer: UploadWriter, whole: Bytes) -> usize {
        self.objects.insert(session.key.clone(), whole.clone());
        writer.seal().await.unwrap().commit().await.unwrap();
        self.promise(What::Object(session.key.clone(), whole))
    }
}

/// Pushes in chunks, in one piece, over a broken connection; gives up and deletes.
async fn pushed(root: &Path) -> Work {
    let mut work = Work::in_folder(root).await;

    let whole = content(LARGE, 1);
    let (mut session, mut writer) = begun(&work.store).await;
    let (mut start, mut last) = (0, 0);
    for end in [1000, 1001, LARGE] {
        writer.write(whole.slice(start..end)).await.unwrap();
        let so_far = whole.slice(..end);
        let (promise, checkpoint) = work.checkpoint(&session, &mut writer, so_far).await;
        last = promise;
        // Each request opens the upload again.
        drop(writer);
        writer = resumed(&work.store, from_checkpoint(&mut session, &checkpoint)).await;
        start = end;
    }
    work.take_back(last);
    work.commit(&session, writer, whole).await;

    let small = content(3000, 2);
    let (session, mut writer) = begun(&work.store).await;
    writer.write(small.clone()).await.unwrap();
    let doomed = work.commit(&session, writer, small).await;
    let doomed_key = session.key;

    // Bytes beyond the checkpoint, a broken connection, and other bytes after it.
    let whole = content(5000, 3);
    let (mut session, mut writer) = begun(&work.store).await;
    writer.write(whole.slice(..2000)).await.unwrap();
    let so_far = whole.slice(..2000);
    let (promise, checkpoint) = work.checkpoint(&session, &mut writer, so_far).await;
    writer.write(content(LARGE, 4)).await.unwrap();
    drop(writer);
    let from = from_checkpoint(&mut session, &checkpoint);
    let mut writer = resumed(&work.store, from).await;
    writer.write(whole.slice(2000..)).await.unwrap();
    work.take_back(promise);
    work.commit(&session, writer, whole).await;

    let (session, mut writer) = begun(&work.store).await;
    writer.write(content(4000, 5)).await.unwrap();
    let so_far = content(4000, 5);
    let (promise, _) = work.checkpoint(&session, &mut writer, so_far).await;
    drop(writer);
    work.take_back(promise);
    work.store.abort(&session).await.unwrap();

    work.take_back(doomed);
    work.store.delete(&doomed_key).await.unwrap();
    work
}

/// Returns what is wrong with the disk that a failure after `count` changes leaves.
async fn broken_promises(
    work: &Work,
    root: &Path,
    count: usize,
    is_done: impl Fn(&Change) -> bool,
    keeps: impl FnMut() -> bool,
) -> Vec<String> {
    let changes: Vec<Change> = work.journal.changes()[..count]
        .iter()
        .filter(|change| is_done(change))
        .cloned()
        .collect();
    // In memory: nobody fails the power of this one.
    let disk = tempfile::tempdir_in("/dev/shm").unwrap();
    replay(&changes, root, disk.path(), keeps);
    let store = Store::open_fs(&disk.path().join("blobs")).await.unwrap();
    let mut broken = Vec::new();
    for found in store.list(None, 100).await.unwrap() {
        if read(&store, &found.key).await != work.objects[&found.key] {
            broken.push(format!("{count}: object {} in part", found.key));
        }
    }
    for promise in &work.promises {
        if !(promise.from..=promise.until).contains(&count) {
            continue;
        }
        let kept = match &promise.what {
            What::Object(key, bytes) => is_object(&store, key, bytes).await,
            What::Staged(session, checkpoint, bytes) => {
                goes_on(&store, session, checkpoint, bytes).await
            }
        };
        if let Err(what) = kept {
            broken.push(format!("{count}: {what}"));
        }
    }
    broken
}

async fn is_object(store: &Store, key: &ObjectKey, bytes: &Bytes) -> Result<(), String> {
    let reader = store.open_range(key, None).await;
    reader.map_err(|error| format!("object {key}: {error}"))?;
    let found = read(store, key).await;
    (found == *bytes)
        .then_some(())
        .ok_or_else(|| format!("object {key} has other bytes"))
}

/// Continues the upload where its row says, and looks at the object it becomes.
async fn goes_on(
    store: &Store,
    session: &Session,
    checkpoint: &Checkpoint,
    bytes: &Bytes,
) -> Result<(), String> {
    let say = |error: blobs::BlobError| format!("upload {}: {error}", session.upload);
    let locked = store.lock(session.upload).await.map_err(say)?;
    let from = from_checkpoint(&mut session.clone(), checkpoint);
    let mut writer = locked.resume(from).await.map_err(say)?;
    writer.write(content(700, 6)).await.map_err(say)?;
    let sealed = writer.seal().await.map_err(say)?;
    let whole = [bytes.clone(), content(700, 6)].concat();
    assert_eq!(*sealed.digest(), Digest::sha256(&whole));
    sealed.commit().await.map_err(say)?;
    is_object(store, &session.key, &whole.into()).await
}

/// Answers that are the same for the same seed; of the first two, one keeps nothing and one keeps all.
fn choices(seed: u64) -> impl FnMut() -> bool {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        match seed {
            0 => false,
            1 => true,
            _ => state >> 60 < 8,
        }
    }
}

/// The call after which the store is open; before it nothing is promised.
fn first(work: &Work) -> usize {
    let changes = work.journal.changes();
    let create = |change: &Change| matches!(change, Change::Create(_));
    changes.iter().position(create).expect("an upload")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_power_may_fail_after_any_call() {
    let seeds: u64 = std::env::var("TEST_POWER_SEEDS")
        .map_or(12, |text| text.parse().expect("a number of seeds"));
    let root = tempfile::tempdir().unwrap();
    let work = pushed(root.path()).await;
    let changes = work.journal.changes().len();
    assert!(changes - first(&work) > 30, "{changes} calls");
    for count in first(&work)..=changes {
        for seed in 0..seeds {
            let broken = broken_promises(&work, root.path(), count, |_| true, choices(seed)).await;
            assert!(broken.is_empty(), "seed {seed}: {broken:#?}");
        }
    }
}

/// Says of a call whether it is left out.
type Omission = Box<dyn Fn(&Change) -> bool>;

/// What the promises rest on: without one of the syncs, the same disk breaks them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_sync_is_needed() {
    let root = tempfile::tempdir().unwrap();
    let work = pushed(root.path()).await;
    let top = root.path().to_owned();
    let store = top.join("blobs");
    let (uploads, objects) = (store.join("uploads"), store.join("o"));
    let omitted: [(&str, Omission); 6] = [
        (
            "files",
            Box::new(|change| matches!(change, Change::SyncFile(_))),
        ),
        ("the store's own name", of_directory(top)),
        ("the names of its folders", of_directory(store)),
        ("the names of uploads", of_directory(uploads)),
        (
            "the names of folders of objects",
            of_directory(objects.clone()),
        ),
        (
            "the names of objects",
            Box::new(move |change| match change {
                Change::SyncDirectory(path) => path.parent() == Some(&objects),
                _ => false,
            }),
        ),
    ];
    for (name, is_omitted) in omitted {
        let mut is_missed = false;
        for count in first(&work)..=work.journal.changes().len() {
            let is_done = |change: &Change| !is_omitted(change);
            let broken = broken_promises(&work, root.path(), count, is_done, choices(0)).await;
            is_missed |= !broken.is_empty();
        }
        assert!(is_missed, "nobody misses the sync of {name}");
    }
}

fn of_directory(directory: std::path::PathBuf) -> Omission {
    Box::new(move |change| *change == Change::SyncDirectory(directory.clone()))
}
