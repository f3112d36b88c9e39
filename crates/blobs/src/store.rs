//! The store: one enum over its backends.

use std::ops::Range;
use std::path::Path;
use std::time::SystemTime;

use uuid::Uuid;

use crate::fs::FsStore;
use crate::{BlobError, Download, LockedUpload, ObjectKey};

/// An object as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Its key.
    pub key: ObjectKey,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// When it was last written to.
    pub modified: SystemTime,
}

/// Where bytes live. Cloning is cheap; all clones are the same store.
///
/// An upload runs `begin` → (`lock` → `resume` → write … → checkpoint)* → `lock` → `resume` → `seal` → `commit`. Nothing but the commit
/// of a sealed upload makes an object.
#[derive(Clone, Debug)]
pub enum Store {
    /// Files in one directory.
    Fs(FsStore),
}

impl Store {
    /// Opens a store of files in `root`, creating its directories.
    pub async fn open_fs(root: &Path) -> Result<Self, BlobError> {
        FsStore::open(root).await.map(Self::Fs)
    }

    /// Begins an upload.
    ///
    /// # Errors
    /// [`BlobError::Full`]; an id that is in use already is [`BlobError::Io`].
    pub async fn begin(&self, upload: Uuid) -> Result<(), BlobError> {
        match self {
            Self::Fs(store) => store.begin(upload).await,
        }
    }

    /// Locks an upload against other writers. Read its row *after* this, then [`LockedUpload::resume`]: a row read
    /// before may be older than the bytes.
    ///
    /// # Errors
    /// [`BlobError::Busy`] while another writer is at work, [`BlobError::NotFound`] if there is no such upload.
    pub async fn lock(&self, upload: Uuid) -> Result<LockedUpload, BlobError> {
        match self {
            Self::Fs(store) => store.lock(upload).await,
        }
    }

    /// Gives an upload up and deletes its bytes. One that is gone already counts as given up.
    pub async fn abort(&self, upload: Uuid) -> Result<(), BlobError> {
        match self {
            Self::Fs(store) => store.abort(upload).await,
        }
    }

    /// Opens an object, whole or in part. The range is half open and lies inside the object.
    ///
    /// # Errors
    /// [`BlobError::NotFound`]; [`BlobError::Range`] for a range that is not inside the object.
    pub async fn open_range(
        &self,
        key: &ObjectKey,
        range: Option<Range<u64>>,
    ) -> Result<Download, BlobError> {
        match self {
            Self::Fs(store) => store.open_range(key, range).await.map(Download::Stream),
        }
    }

    /// Opens an object for synchronous reading: for analysers, which run on threads of their own.
    pub fn open_blocking(&self, key: &ObjectKey) -> Result<std::fs::File, BlobError> {
        match self {
            Self::Fs(store) => store.open_blocking(key),
        }
    }

    /// Opens a staged upload for synchronous reading while it grows: for an analyser that follows the writer.
    pub fn open_staged(&self, upload: Uuid) -> Result<std::fs::File, BlobError> {
        match self {
            Self::Fs(store) => store.open_staged_blocking(upload),
        }
    }

    /// Deletes an object durably. One that is gone already counts as deleted.
    pub async fn delete(&self, key: &ObjectKey) -> Result<(), BlobError> {
        match self {
            Self::Fs(store) => store.delete(key).await,
        }
    }

    /// Lists up to `limit` objects in order of their keys, beginning after `after`.
    pub async fn list(
        &self,
        after: Option<&ObjectKey>,
        limit: usize,
    ) -> Result<Vec<ObjectInfo>, BlobError> {
        match self {
            Self::Fs(store) => store.list(after, limit).await,
        }
    }

    /// Lists the staged uploads, in no particular order: those without a row are leftovers.
    pub async fn list_uploads(&self) -> Result<Vec<Uuid>, BlobError> {
        match self {
            Self::Fs(store) => store.list_uploads().await,
        }
    }
}
