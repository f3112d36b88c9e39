//! The backend of local files: `uploads/<id>` while growing, `o/<2 hex>/<uuid>` when whole.
//!
//! Durability: bytes are `fdatasync`ed before a checkpoint is reported; an object is `fsync`ed, renamed to its key, and
//! the directory it appears in is `fsync`ed (a directory made for it, in its parent, too). A crash leaves staged
//! bytes at most, never a half object.
//!
//! File calls run on the runtime's blocking threads, in batches large enough that the hop does not matter.

pub(crate) mod reader;
pub(crate) mod writer;

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::ops::Range;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use failpoint::Step;
use futures::StreamExt as _;
use uuid::Uuid;

use self::reader::FsReader;
use self::writer::FsLocked;
use crate::{BlobError, ObjectInfo, ObjectKey};

/// Private images stay private from the machine's other users.
const OWNER_ONLY: u32 = 0o600;

/// How often, and how far apart, opening an upload that is locked is tried again. A connection that broke may still
/// have its last batch on the way to the disk.
const LOCK_ATTEMPTS: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// Directories in which objects are deleted at the same time. Each waits for the disk, and the disk serves their flushes
/// together.
const DELETIONS: usize = 16;

/// A store of local files.
#[derive(Clone, Debug)]
pub struct FsStore {
    root: Arc<Path>,
}

impl FsStore {
    pub(crate) async fn open(root: &Path) -> Result<Self, BlobError> {
        let root: Arc<Path> = root.into();
        let made = Arc::clone(&root);
        blocking(move || {
            for directory in [made.join("uploads"), made.join("o")] {
                std::fs::create_dir_all(&directory)
                    .map_err(|e| BlobError::from_io("create", &directory, e))?;
            }
            sync_directory(&made)
        })
        .await?;
        Ok(Self { root })
    }

    pub(crate) async fn begin(&self, upload: Uuid) -> Result<(), BlobError> {
        let path = self.staged(upload);
        blocking(move || {
            failpoint::before(Step::StagedCreate);
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(OWNER_ONLY)
                .open(&path)
                .map_err(|e| BlobError::from_io("create", &path, e))?;
            failpoint::after(Step::StagedCreate);
            Ok(())
        })
        .await
    }

    pub(crate) async fn lock(&self, upload: Uuid) -> Result<FsLocked, BlobError> {
        for attempt in 1.. {
            let path = self.staged(upload);
            let locked = blocking(move || lock_staged(&path)).await;
            match locked {
                Err(BlobError::Busy) if attempt < LOCK_ATTEMPTS => {
                    tokio::time::sleep(LOCK_PAUSE).await;
                }
                Err(error) => return Err(error),
                Ok(file) => return Ok(FsLocked::new(self.clone(), upload, file)),
            }
        }
        Err(BlobError::Busy)
    }

    pub(crate) async fn abort(&self, upload: Uuid) -> Result<(), BlobError> {
        let path = self.staged(upload);
        blocking(move || {
            failpoint::before(Step::StagedDelete);
            remove_if_there(&path)?;
            failpoint::after(Step::StagedDelete);
            Ok(())
        })
        .await
    }

    /// Makes the staged file the object `key`. The caller holds its lock.
    pub(crate) fn commit(
        &self,
        upload: Uuid,
        file: &File,
        key: &ObjectKey,
    ) -> Result<(), BlobError> {
        let from = self.staged(upload);
        let to = self.object(key);
        failpoint::before(Step::ObjectSync);
        file.sync_all()
            .map_err(|e| BlobError::from_io("make durable", &from, e))?;
        failpoint::after(Step::ObjectSync);
        let directory = parent(&to);
        match std::fs::create_dir(directory) {
            Ok(()) => sync_directory(parent(directory))?,
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(BlobError::from_io("create", directory, e)),
        }
        failpoint::before(Step::ObjectRename);
        std::fs::rename(&from, &to).map_err(|e| BlobError::from_io("rename", &from, e))?;
        failpoint::after(Step::ObjectRename);
        failpoint::before(Step::DirectorySync);
        sync_directory(directory)?;
        failpoint::after(Step::DirectorySync);
        Ok(())
    }

    /// Makes the directory entries of staged uploads durable.
    pub(crate) fn sync_uploads(&self) -> Result<(), BlobError> {
        sync_directory(&self.root.join("uploads"))
    }

    pub(crate) async fn open_range(
        &self,
        key: &ObjectKey,
        range: Option<Range<u64>>,
    ) -> Result<FsReader, BlobError> {
        let path = self.object(key);
        blocking(move || FsReader::open(path, range)).await
    }

    pub(crate) async fn open_blocking(&self, key: &ObjectKey) -> Result<File, BlobError> {
        let path = self.object(key);
        blocking(move || File::open(&path).map_err(|e| BlobError::from_io("open", &path, e))).await
    }

    pub(crate) fn open_staged_blocking(&self, upload: Uuid) -> Result<File, BlobError> {
        let path = self.staged(upload);
        File::open(&path).map_err(|e| BlobError::from_io("open", &path, e))
    }

    /// Deletes objects directory by directory, several at a time: a directory is made durable once for all that went
    /// from it, and the disk makes several durable with one flush.
    pub(crate) async fn delete_all(&self, keys: &[ObjectKey]) -> Result<(), BlobError> {
        let mut directories: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
        for key in keys {
            let path = self.object(key);
            directories
                .entry(parent(&path).to_owned())
                .or_default()
                .push(path);
        }
        let deletions = directories
            .into_iter()
            .map(|(directory, paths)| blocking(move || delete_in(&directory, &paths)));
        // Every directory is tried, whatever became of another.
        let mut outcomes = futures::stream::iter(deletions).buffer_unordered(DELETIONS);
        let mut outcome = Ok(());
        while let Some(deleted) = outcomes.next().await {
            outcome = outcome.and(deleted);
        }
        outcome
    }

    pub(crate) async fn list(
        &self,
        after: Option<&ObjectKey>,
        limit: usize,
    ) -> Result<Vec<ObjectInfo>, BlobError> {
        let objects = self.root.join("o");
        let after = after.cloned();
        blocking(move || list_objects(&objects, after.as_ref(), limit)).await
    }

    pub(crate) async fn list_uploads(&self) -> Result<Vec<Uuid>, BlobError> {
        let directory = self.root.join("uploads");
        blocking(move || {
            let names = names_in(&directory)?;
            Ok(names
                .iter()
                .filter_map(|name| Uuid::try_parse(name).ok())
                .collect())
        })
        .await
    }

    pub(crate) fn staged(&self, upload: Uuid) -> PathBuf {
        self.root
            .join("uploads")
            .join(upload.hyphenated().to_string())
    }

    fn object(&self, key: &ObjectKey) -> PathBuf {
        self.root.join(key.as_str())
    }
}

/// Runs file calls on a blocking thread. A call that was started runs to its end even if nobody waits any more.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
) -> Result<T, BlobError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(failure) => Err(interrupted(failure)),
    }
}

/// Says that a blocking task ended without a result: the runtime is shutting down.
pub(crate) fn interrupted(failure: tokio::task::JoinError) -> BlobError {
    BlobError::Io {
        attempt: "finish the work on",
        path: PathBuf::new(),
        source: io::Error::other(failure),
    }
}

/// Opens and locks a staged file. Nothing of it is changed.
///
/// The lock belongs to the open file, so it goes with the process. Whoever held it before may have committed the file
/// between our opening and our locking; then the path leads elsewhere, and what was locked is an object.
fn lock_staged(path: &Path) -> Result<File, BlobError> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .map_err(|e| BlobError::from_io("open", path, e))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(BlobError::Busy),
        Err(TryLockError::Error(e)) => return Err(BlobError::from_io("lock", path, e)),
    }
    let inspect = |e| BlobError::from_io("inspect", path, e);
    let (ours, there) = (
        file.metadata().map_err(inspect)?,
        std::fs::metadata(path).map_err(inspect)?,
    );
    if (ours.dev(), ours.ino()) != (there.dev(), there.ino()) {
        return Err(BlobError::NotFound);
    }
    Ok(file)
}

/// Cuts a locked staged file at the durable offset.
pub(crate) fn cut_staged(file: &File, path: &Path, offset: u64) -> Result<(), BlobError> {
    let metadata = file
        .metadata()
        .map_err(|e| BlobError::from_io("inspect", path, e))?;
    let found = metadata.len();
    if found < offset {
        return Err(BlobError::Lost {
            expected: offset,
            found,
        });
    }
    if found > offset {
        file.set_len(offset)
            .map_err(|e| BlobError::from_io("cut", path, e))?;
    }
    Ok(())
}

fn list_objects(
    objects: &Path,
    after: Option<&ObjectKey>,
    limit: usize,
) -> Result<Vec<ObjectInfo>, BlobError> {
    let mut found = Vec::new();
    for fan_out in names_in(objects)? {
        // Keys sort like their directories: whole directories before `after` are skipped unread.
        if after.is_some_and(|after| after.as_str() > format!("o/{fan_out}/~").as_str()) {
            continue;
        }
        let directory = objects.join(&fan_out);
        for name in names_in(&directory)? {
            let Ok(key) = format!("o/{fan_out}/{name}").parse::<ObjectKey>() else {
                continue;
            };
            if after.is_some_and(|after| key <= *after) {
                continue;
            }
            let path = directory.join(&name);
            let metadata = match std::fs::metadata(&path) {
                Ok(metadata) => metadata,
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(BlobError::from_io("inspect", &path, e)),
            };
            found.push(ObjectInfo {
                key,
                size_bytes: metadata.len(),
                modified: metadata
                    .modified()
                    .map_err(|e| BlobError::from_io("inspect", &path, e))?,
            });
            if found.len() >= limit {
                return Ok(found);
            }
        }
    }
    Ok(found)
}

/// Returns the names in a directory that are text, sorted.
fn names_in(directory: &Path) -> Result<Vec<String>, BlobError> {
    let fault = |e| BlobError::from_io("list", directory, e);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(fault)? {
        names.extend(entry.map_err(fault)?.file_name().into_string().ok());
    }
    names.sort_unstable();
    Ok(names)
}

/// Deletes objects of one directory durably.
fn delete_in(directory: &Path, paths: &[PathBuf]) -> Result<(), BlobError> {
    failpoint::before(Step::ObjectDelete);
    let mut is_changed = false;
    for path in paths {
        is_changed |= remove_if_there(path)?;
    }
    if is_changed {
        sync_directory(directory)?;
    }
    failpoint::after(Step::ObjectDelete);
    Ok(())
}

fn remove_if_there(path: &Path) -> Result<bool, BlobError> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(BlobError::from_io("delete", path, e)),
    }
}

fn sync_directory(directory: &Path) -> Result<(), BlobError> {
    File::open(directory)
        .and_then(|file| file.sync_all())
        .map_err(|e| BlobError::from_io("make durable", directory, e))
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}
