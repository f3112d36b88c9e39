//! The store: one enum over its backends.

use std::ops::Range;
use std::path::Path;
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use crate::fs::FsStore;
use crate::fs::disk::Disk;
use crate::reader::Source;
use crate::s3::S3Store;
use crate::upload::Locked;
use crate::{BlobError, BlockingReader, LockedUpload, ObjectKey, Reader, S3Config, Session};

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
/// An upload runs `begin` → (`lock` → `resume` → write … → checkpoint → `confirm`)* → `lock` → `resume` → `seal` →
/// `commit` → `clear`. Nothing but the commit of a sealed upload makes an object.
#[derive(Clone, Debug)]
pub enum Store {
    /// Files in one directory.
    Fs(FsStore),
    /// Objects in an S3 bucket.
    S3(S3Store),
}

impl Store {
    /// Opens a store of files in `root`, creating its directories.
    pub async fn open_fs(root: &Path) -> Result<Self, BlobError> {
        FsStore::open(root, Disk::default()).await.map(Self::Fs)
    }

    /// Opens a store of files that writes down what it does to the disk.
    ///
    /// # Errors
    /// As [`Store::open_fs`].
    #[cfg(feature = "testkit")]
    pub async fn open_recorded(
        root: &Path,
        journal: crate::testkit::Journal,
    ) -> Result<Self, BlobError> {
        let disk = Disk::recorded(journal);
        FsStore::open(root, disk).await.map(Self::Fs)
    }

    /// Opens a store in a bucket, and asks the bucket once: wrong credentials and names are told now.
    ///
    /// # Errors
    /// [`BlobError::Remote`] if the bucket does not answer, or refuses.
    pub async fn open_s3(config: &S3Config) -> Result<Self, BlobError> {
        S3Store::open(config).await.map(Self::S3)
    }

    /// Begins an upload.
    ///
    /// # Errors
    /// [`BlobError::Full`]; with files, an id that is in use already is [`BlobError::Io`].
    pub async fn begin(&self, upload: Uuid) -> Result<(), BlobError> {
        match self {
            Self::Fs(store) => store.begin(upload).await,
            // Nothing until there is data: most objects are one request.
            Self::S3(_) => Ok(()),
        }
    }

    /// Locks an upload against other writers of this process; with files, against those of the machine. Read its row
    /// *after* this, then [`LockedUpload::resume`]: a row read before may be older than the bytes. Writers of other
    /// replicas are told apart by the row's version.
    ///
    /// # Errors
    /// [`BlobError::Busy`] while another writer is at work; with files, [`BlobError::NotFound`] if there is no such upload.
    pub async fn lock(&self, upload: Uuid) -> Result<LockedUpload, BlobError> {
        let locked = match self {
            Self::Fs(store) => Locked::Fs(store.lock(upload).await?),
            Self::S3(store) => Locked::S3(store.lock(upload).await?),
        };
        Ok(LockedUpload(locked))
    }

    /// Deletes everything of an upload whose row is gone, including an object that was made for it and never published.
    /// What is gone already counts as deleted.
    pub async fn abort(&self, session: &Session) -> Result<(), BlobError> {
        match self {
            Self::Fs(store) => {
                store.abort(session.upload).await?;
                store.delete_all(std::slice::from_ref(&session.key)).await
            }
            Self::S3(store) => store.abort(session).await,
        }
    }

    /// Deletes what was staged for a session that became an object: call it once the object is published.
    pub async fn clear(&self, session: &Session) -> Result<(), BlobError> {
        match self {
            // The staged file is the object now.
            Self::Fs(_) => Ok(()),
            Self::S3(store) => store.clear(session).await,
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
    ) -> Result<Reader, BlobError> {
        let source = match self {
            Self::Fs(store) => Source::Fs(store.open_range(key, range).await?),
            Self::S3(store) => Source::S3(store.open_range(key, range).await?),
        };
        Ok(Reader(source))
    }

    /// Returns an address from which a client may fetch the object itself for as long as `valid_for`, without a
    /// credential; `None` where objects are files.
    pub async fn presign(
        &self,
        key: &ObjectKey,
        valid_for: Duration,
    ) -> Result<Option<String>, BlobError> {
        match self {
            Self::Fs(_) => Ok(None),
            Self::S3(store) => store.presign(key, valid_for).await.map(Some),
        }
    }

    /// Opens an object for synchronous reading: for analysers, which run on threads of their own.
    pub async fn open_blocking(&self, key: &ObjectKey) -> Result<BlockingReader, BlobError> {
        match self {
            Self::Fs(store) => store.open_blocking(key).await.map(BlockingReader::of_file),
            Self::S3(store) => store
                .open_range(key, None)
                .await
                .map(BlockingReader::of_stream),
        }
    }

    /// Opens a staged upload for synchronous reading while it grows: for an analyser that follows the writer.
    ///
    /// # Errors
    /// [`BlobError::NotFound`]: no such upload, or none that could be read before it is whole, as in an object store.
    pub fn open_staged(&self, upload: Uuid) -> Result<std::fs::File, BlobError> {
        match self {
            Self::Fs(store) => store.open_staged_blocking(upload),
            Self::S3(_) => Err(BlobError::NotFound),
        }
    }

    /// Deletes an object durably. One that is gone already counts as deleted.
    pub async fn delete(&self, key: &ObjectKey) -> Result<(), BlobError> {
        self.delete_all(std::slice::from_ref(key)).await
    }

    /// Deletes objects durably, many with one request where the store can. Those that are gone already count as deleted.
    /// After an error some of them may be gone; deleting again is right.
    pub async fn delete_all(&self, keys: &[ObjectKey]) -> Result<(), BlobError> {
        match self {
            Self::Fs(store) => store.delete_all(keys).await,
            Self::S3(store) => store.delete_all(keys).await,
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
            Self::S3(store) => store.list(after, limit).await,
        }
    }

    /// Lists the uploads that have staged bytes, in no particular order: those without a row are leftovers.
    pub async fn list_uploads(&self) -> Result<Vec<Uuid>, BlobError> {
        match self {
            Self::Fs(store) => store.list_uploads().await,
            Self::S3(store) => store.list_uploads().await,
        }
    }

    /// Deletes the bytes that are staged under an id which no row has.
    pub async fn remove_stray(&self, upload: Uuid) -> Result<(), BlobError> {
        match self {
            Self::Fs(store) => store.abort(upload).await,
            Self::S3(store) => store.remove_tails(upload).await,
        }
    }
}
