//! Writing an upload: one pass that hashes and stores.
//!
//! Chunks gather into a batch while the batch before is hashed and written on a blocking thread; so the network, and
//! hash plus disk, work side by side, one thread hop per half mebibyte, and at most two batches are in memory.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;

use bytes::Bytes;
use oci::{Algorithm, Digest, DigestHasher, MidState};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::fs::{FsStore, blocking, cut_staged, interrupted};
use crate::{BlobError, ObjectKey};

/// Bytes gathered before a batch is handed to a blocking thread.
const BATCH_BYTES: usize = 512 * 1024;
/// The buffer for reading a staged upload again.
const REHASH_BYTES: usize = 256 * 1024;

/// A point up to which an upload is durable: what its row may say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// How many bytes are durable.
    pub offset: u64,
    /// The hasher's state there.
    pub hash_state: MidState,
}

/// An upload that no other writer can touch, as it was found. Dropping it changes nothing.
#[derive(Debug)]
pub struct LockedUpload {
    store: FsStore,
    upload: Uuid,
    file: File,
}

impl LockedUpload {
    pub(crate) fn new(store: FsStore, upload: Uuid, file: File) -> Self {
        Self {
            store,
            upload,
            file,
        }
    }

    /// Opens it for writing at `offset`, cutting off bytes beyond it; `hasher` stands at the same offset.
    ///
    /// # Errors
    /// [`BlobError::Lost`] if fewer bytes are there.
    pub async fn resume(
        self,
        offset: u64,
        hasher: DigestHasher,
    ) -> Result<UploadWriter, BlobError> {
        blocking(move || {
            cut_staged(&self.file, &self.store.staged(self.upload), offset)?;
            let staged = StagedFile::new(self.store, self.upload, self.file, offset, hasher);
            Ok(UploadWriter::new(staged))
        })
        .await
    }
}

/// An upload open for writing. Dropping it keeps the bytes; those beyond the last checkpoint are cut off by the next
/// one who opens the upload.
#[derive(Debug)]
pub struct UploadWriter {
    state: State,
    batch: Vec<Bytes>,
    batch_bytes: usize,
    accepted: u64,
}

#[derive(Debug)]
enum State {
    Idle(Box<StagedFile>),
    Writing(JoinHandle<Result<Box<StagedFile>, BlobError>>),
    /// A write failed; the error has been returned.
    Failed,
}

/// The open file with everything that advances with it.
#[derive(Debug)]
pub(crate) struct StagedFile {
    store: FsStore,
    upload: Uuid,
    file: File,
    started_at: u64,
    offset: u64,
    hasher: DigestHasher,
}

impl UploadWriter {
    pub(crate) fn new(staged: StagedFile) -> Self {
        Self {
            accepted: staged.offset,
            state: State::Idle(Box::new(staged)),
            batch: Vec::new(),
            batch_bytes: 0,
        }
    }

    /// Returns the offset after everything accepted so far, durable or not.
    pub fn offset(&self) -> u64 {
        self.accepted
    }

    /// Accepts a chunk; waits only when a whole batch is ready and the one before is still being written.
    ///
    /// # Errors
    /// [`BlobError::Full`] and other faults of this or an earlier chunk. After one, the writer accepts nothing more.
    pub async fn write(&mut self, chunk: Bytes) -> Result<(), BlobError> {
        self.accepted += chunk.len() as u64;
        self.batch_bytes += chunk.len();
        if !chunk.is_empty() {
            self.batch.push(chunk);
        }
        if self.batch_bytes >= BATCH_BYTES {
            self.start_batch().await?;
        }
        Ok(())
    }

    /// Makes everything accepted durable.
    pub async fn checkpoint(&mut self) -> Result<Checkpoint, BlobError> {
        let staged = self.drain().await?;
        let (staged, checkpoint) = blocking(move || {
            staged.make_durable()?;
            let checkpoint = Checkpoint {
                offset: staged.offset,
                hash_state: staged.hasher.state(),
            };
            Ok((staged, checkpoint))
        })
        .await?;
        self.state = State::Idle(staged);
        Ok(checkpoint)
    }

    /// Ends the content and its hash. Nothing is visible until the sealed upload is committed.
    pub async fn seal(mut self) -> Result<SealedUpload, BlobError> {
        let staged = self.drain().await?;
        Ok(SealedUpload {
            size_bytes: staged.offset,
            digest: staged.hasher.clone().finish(),
            staged,
        })
    }

    /// Writes out what is left and takes the file. Until it is put back, the writer accepts nothing.
    async fn drain(&mut self) -> Result<Box<StagedFile>, BlobError> {
        if !self.batch.is_empty() {
            self.start_batch().await?;
        }
        self.settle().await
    }

    async fn start_batch(&mut self) -> Result<(), BlobError> {
        let staged = self.settle().await?;
        let batch = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        self.state = State::Writing(tokio::task::spawn_blocking(move || staged.append(&batch)));
        Ok(())
    }

    async fn settle(&mut self) -> Result<Box<StagedFile>, BlobError> {
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Idle(staged) => Ok(staged),
            State::Writing(task) => task.await.map_err(interrupted)?,
            State::Failed => Err(BlobError::Io {
                attempt: "go on after a failed write to",
                path: std::path::PathBuf::new(),
                source: std::io::ErrorKind::BrokenPipe.into(),
            }),
        }
    }
}

impl StagedFile {
    pub(crate) fn new(
        store: FsStore,
        upload: Uuid,
        file: File,
        offset: u64,
        hasher: DigestHasher,
    ) -> Self {
        Self {
            store,
            upload,
            file,
            started_at: offset,
            offset,
            hasher,
        }
    }

    fn append(mut self: Box<Self>, batch: &[Bytes]) -> Result<Box<Self>, BlobError> {
        for chunk in batch {
            self.file
                .write_all_at(chunk, self.offset)
                .map_err(|e| self.fault("write to", e))?;
            self.hasher.update(chunk);
            self.offset += chunk.len() as u64;
        }
        Ok(self)
    }

    fn make_durable(&self) -> Result<(), BlobError> {
        self.file
            .sync_data()
            .map_err(|e| self.fault("make durable", e))?;
        // The first checkpoint is also the first promise that the file itself survives.
        if self.started_at == 0 {
            self.store.sync_uploads()?;
        }
        Ok(())
    }

    fn rehash(&mut self, algorithm: Algorithm) -> Result<Digest, BlobError> {
        use std::io::Seek as _;
        let mut hasher = DigestHasher::new(algorithm);
        let mut buffer = vec![0; REHASH_BYTES];
        self.file.rewind().map_err(|e| self.fault("read", e))?;
        loop {
            match self.file.read(&mut buffer) {
                Ok(0) => return Ok(hasher.finish()),
                Ok(read) => hasher.update(&buffer[..read]),
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(self.fault("read", e)),
            }
        }
    }

    fn fault(&self, attempt: &'static str, error: std::io::Error) -> BlobError {
        BlobError::from_io(attempt, &self.store.staged(self.upload), error)
    }
}

/// An upload whose content is complete and hashed, but not yet an object. Dropping it keeps the staged bytes.
#[derive(Debug)]
pub struct SealedUpload {
    size_bytes: u64,
    digest: Digest,
    staged: Box<StagedFile>,
}

impl SealedUpload {
    /// Returns the size in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Returns the digest computed while streaming.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Computes the digest with another algorithm, which reads the content once more: for clients that name theirs
    /// only at the end.
    pub async fn rehash(mut self, algorithm: Algorithm) -> Result<Self, BlobError> {
        if algorithm == self.digest.algorithm() {
            return Ok(self);
        }
        blocking(move || {
            self.digest = self.staged.rehash(algorithm)?;
            Ok(self)
        })
        .await
    }

    /// Makes the content the object `key`, durably. The row that names the key is the caller's next step.
    pub async fn commit(self, key: &ObjectKey) -> Result<(), BlobError> {
        let key = key.clone();
        blocking(move || {
            let StagedFile {
                store,
                upload,
                file,
                ..
            } = *self.staged;
            store.commit(upload, &file, &key)
        })
        .await
    }

    /// Deletes the content: it was not what the client promised.
    pub async fn abort(self) -> Result<(), BlobError> {
        let (store, upload) = (self.staged.store.clone(), self.staged.upload);
        drop(self);
        store.abort(upload).await
    }
}
