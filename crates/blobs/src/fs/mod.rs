//! The backend of local files: `uploads/<id>` while growing, `o/<2 hex>/<uuid>` when whole.
//!
//! Durability: bytes are `fdatasync`ed before a checkpoint is reported; an object is `fsync`ed, renamed to its key, and
//! the directory it appears in is `fsync`ed, and so is what that directory is in, before the store promises anything
//! inside: another writer, or a process that died, may have made a directory and not have got to its sync. A crash leaves
//! staged bytes at most, never a half object.
//!
//! File calls run on the runtime's blocking threads, in batches large enough that the hop does not matter.

mod budget;
pub(crate) mod disk;
pub(crate) mod reader;
pub(crate) mod writer;

use std::collections::{BTreeMap, HashSet};
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::ops::Range;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use failpoint::Step;
use futures::StreamExt as _;
use uuid::Uuid;

use self::budget::Budget;
use self::disk::{Disk, at};
use self::reader::FsReader;
use self::writer::FsLocked;
use crate::{BlobError, ObjectInfo, ObjectKey};

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
    disk: Disk,
    /// The directories of objects that are durable for certain.
    fan_outs: Arc<Mutex<HashSet<PathBuf>>>,
    downloads: Budget,
    uploads: Budget,
}

impl FsStore {
    pub(crate) async fn open(root: &Path, disk: Disk) -> Result<Self, BlobError> {
        let store = Self {
            root: root.into(),
            disk,
            fan_outs: Arc::default(),
            downloads: Budget::default(),
            uploads: Budget::default(),
        };
        let made = store.clone();
        blocking(move || made.make_directories()).await?;
        Ok(store)
    }

    fn make_directories(&self) -> Result<(), BlobError> {
        self.make_root(&self.root)?;
        for directory in ["uploads", "o"] {
            self.disk.make_directory(&self.root.join(directory))?;
        }
        self.sync(&self.root)
    }

    fn make_root(&self, directory: &Path) -> Result<(), BlobError> {
        let above = directory.parent().filter(|above| *above != Path::new(""));
        let is_new = match (self.disk.make_directory(directory), above) {
            (Err(BlobError::NotFound), Some(above)) => {
                self.make_root(above)?;
                self.disk.make_directory(directory)?
            }
            (made, _) => made?,
        };
        match self.sync(above.unwrap_or(Path::new("."))) {
            // Directories above one that was given may be closed to us.
            Err(_) if !is_new => Ok(()),
            synced => synced,
        }
    }

    /// Makes the directory of an object.
    fn make_fan_out(&self, directory: &Path) -> Result<(), BlobError> {
        let is_new = self.disk.make_directory(directory)?;
        if !is_new && self.known_fan_outs().contains(directory) {
            return Ok(());
        }
        self.disk
            .sync_directory(parent(directory), Step::FanOutSync)?;
        self.known_fan_outs().insert(directory.to_owned());
        Ok(())
    }

    fn known_fan_outs(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.fan_outs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sync(&self, directory: &Path) -> Result<(), BlobError> {
        self.disk.sync_directory(directory, Step::DirectorySync)
    }

    pub(crate) async fn begin(&self, upload: Uuid) -> Result<(), BlobError> {
        let (path, disk) = (self.staged(upload), self.disk.clone());
        blocking(move || disk.create(&path)).await
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
        let (path, disk) = (self.staged(upload), self.disk.clone());
        blocking(move || disk.remove(&path, Step::StagedDelete)).await?;
        Ok(())
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
        self.disk.sync_all(file, &from, Step::ObjectSync)?;
        self.make_fan_out(parent(&to))?;
        self.disk.rename(&from, &to)?;
        self.sync(parent(&to))
    }

    /// Makes the directory entries of staged uploads durable.
    pub(crate) fn sync_uploads(&self) -> Result<(), BlobError> {
        let uploads = self.root.join("uploads");
        self.disk
            .sync_directory(&uploads, Step::StagedDirectorySync)
    }

    pub(crate) async fn open_range(
        &self,
        key: &ObjectKey,
        range: Option<Range<u64>>,
    ) -> Result<FsReader, BlobError> {
        let path = self.object(key);
        let share = self.downloads.join();
        blocking(move || FsReader::open(path, range, share)).await
    }

    pub(crate) async fn open_blocking(&self, key: &ObjectKey) -> Result<File, BlobError> {
        let path = self.object(key);
        blocking(move || {
            at(Step::ObjectOpen, || File::open(&path))
                .map_err(|e| BlobError::from_io("open", &path, e))
        })
        .await
    }

    pub(crate) fn open_staged_blocking(&self, upload: Uuid) -> Result<File, BlobError> {
        let path = self.staged(upload);
        at(Step::StagedOpen, || File::open(&path)).map_err(|e| BlobError::from_io("open", &path, e))
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
        let deletions = directories.into_iter().map(|(directory, paths)| {
            let store = self.clone();
            blocking(move || store.delete_in(&directory, &paths))
        });
        // Every directory is tried, whatever became of another.
        let mut outcomes = futures::stream::iter(deletions).buffer_unordered(DELETIONS);
        let mut outcome = Ok(());
        while let Some(deleted) = outcomes.next().await {
            outcome = outcome.and(deleted);
        }
        outcome
    }

    /// Deletes objects of one directory durably.
    fn delete_in(&self, directory: &Path, paths: &[PathBuf]) -> Result<(), BlobError> {
        let mut is_changed = false;
        for path in paths {
            is_changed |= self.disk.remove(path, Step::ObjectDelete)?;
        }
        if is_changed {
            self.sync(directory)?;
        }
        Ok(())
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

/// Says that a blocking task ended without a result. What it panicked with may hold anything, and stays out.
pub(crate) fn interrupted(failure: tokio::task::JoinError) -> BlobError {
    let why = if failure.try_into_panic().is_ok() {
        "the thread that did it panicked"
    } else {
        "the program stops"
    };
    BlobError::Io {
        attempt: "finish the work on",
        path: PathBuf::new(),
        source: io::Error::other(why),
    }
}

/// Opens and locks a staged file. Nothing of it is changed.
///
/// The lock belongs to the open file, so it goes with the process. Whoever held it before may have committed the file
/// between our opening and our locking; then the path leads elsewhere, and what was locked is an object.
fn lock_staged(path: &Path) -> Result<File, BlobError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    let file = at(Step::StagedOpen, || options.open(path))
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
pub(crate) fn cut_staged(
    disk: &Disk,
    file: &File,
    path: &Path,
    offset: u64,
) -> Result<(), BlobError> {
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
        disk.cut(file, path, offset)?;
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

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}
