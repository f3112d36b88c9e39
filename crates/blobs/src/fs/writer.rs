//! Writing an upload to its staged file: one pass that hashes and stores.
//!
//! Chunks gather into a batch while the batch before is hashed and written on a blocking thread; so the network, and
//! hash plus disk, work side by side, one thread hop per half mebibyte, and at most two batches are in memory. What is
//! written is sent to the disk while more arrives, so that the end of a large upload waits for its last part only.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use failpoint::Step;
use oci::{Algorithm, Digest, DigestHasher};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::budget::Share;
use super::disk::at;
use super::{FsStore, blocking, cut_staged, interrupted};
use crate::{BlobError, Checkpoint, ObjectKey, Resume, Staged};

/// Bytes gathered before a batch is handed to a blocking thread, while few uploads are under way.
const BATCH_BYTES: usize = 512 * 1024;
/// Bytes written before they are sent to the disk ahead of time.
const AHEAD_BYTES: u64 = 16 << 20;
/// The buffer for reading a staged upload again.
const REHASH_BYTES: usize = 256 * 1024;

/// A staged file under its lock, which goes with the open file.
#[derive(Debug)]
pub(crate) struct FsLocked {
    store: FsStore,
    upload: Uuid,
    file: File,
}

impl FsLocked {
    pub(super) fn new(store: FsStore, upload: Uuid, file: File) -> Self {
        Self {
            store,
            upload,
            file,
        }
    }

    pub(crate) async fn resume(self, from: Resume) -> Result<FsWriter, BlobError> {
        let (offset, hasher, key) = (from.offset, from.hasher, from.session.key);
        blocking(move || {
            let path = self.store.staged(self.upload);
            cut_staged(&self.store.disk, &self.file, &path, offset)?;
            let share = self.store.uploads.join();
            Ok(FsWriter::new(
                share,
                StagedFile {
                    store: self.store,
                    upload: self.upload,
                    key,
                    file: Arc::new(self.file),
                    durable: offset,
                    offset,
                    hasher,
                },
            ))
        })
        .await
    }
}

/// A staged file open for writing.
#[derive(Debug)]
pub(crate) struct FsWriter {
    state: State,
    batch: Vec<Bytes>,
    batch_bytes: usize,
    accepted: u64,
    share: Share,
    /// How far the disk was asked to be, and the asking.
    ahead: u64,
    syncing: Option<JoinHandle<Result<(), BlobError>>>,
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
struct StagedFile {
    store: FsStore,
    upload: Uuid,
    key: ObjectKey,
    file: Arc<File>,
    /// What a row may promise already.
    durable: u64,
    offset: u64,
    hasher: DigestHasher,
}

impl FsWriter {
    fn new(share: Share, staged: StagedFile) -> Self {
        Self {
            accepted: staged.offset,
            ahead: staged.offset,
            share,
            syncing: None,
            state: State::Idle(Box::new(staged)),
            batch: Vec::new(),
            batch_bytes: 0,
        }
    }

    /// Returns the offset after everything accepted so far, durable or not.
    pub(crate) fn offset(&self) -> u64 {
        self.accepted
    }

    /// Accepts a chunk; waits only when a whole batch is ready and the one before is still being written.
    ///
    /// # Errors
    /// [`BlobError::Full`] and other faults of this or an earlier chunk. After one, the writer accepts nothing more.
    pub(crate) async fn write(&mut self, chunk: Bytes) -> Result<(), BlobError> {
        self.accepted += chunk.len() as u64;
        self.batch_bytes += chunk.len();
        if !chunk.is_empty() {
            self.batch.push(chunk);
        }
        if self.batch_bytes >= self.share.bytes(BATCH_BYTES) {
            self.start_batch().await?;
        }
        Ok(())
    }

    /// Makes everything accepted durable.
    pub(crate) async fn checkpoint(&mut self) -> Result<Checkpoint, BlobError> {
        let mut staged = self.drain().await?;
        let (staged, checkpoint) = blocking(move || {
            staged.make_durable()?;
            let checkpoint = Checkpoint {
                offset: staged.offset,
                hash_state: staged.hasher.state(),
                staged: Staged::default(),
            };
            Ok((staged, checkpoint))
        })
        .await?;
        self.state = State::Idle(staged);
        Ok(checkpoint)
    }

    /// Ends the content and its hash. Nothing is visible until the sealed upload is committed.
    pub(crate) async fn seal(mut self) -> Result<FsSealed, BlobError> {
        let staged = self.drain().await?;
        Ok(FsSealed {
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
        let staged = self.settle().await?;
        // Its error is told once, to whoever asked first: it must not be lost here.
        if let Some(syncing) = self.syncing.take() {
            syncing.await.map_err(interrupted)??;
        }
        Ok(staged)
    }

    async fn start_batch(&mut self) -> Result<(), BlobError> {
        let staged = self.settle().await?;
        self.sync_ahead(&staged).await?;
        let batch = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        self.state = State::Writing(tokio::task::spawn_blocking(move || staged.append(&batch)));
        Ok(())
    }

    /// Sends what is written to the disk, if that is much and the last time is over. Nothing is promised by it.
    async fn sync_ahead(&mut self, staged: &StagedFile) -> Result<(), BlobError> {
        if staged.offset - self.ahead < AHEAD_BYTES {
            return Ok(());
        }
        if let Some(syncing) = &self.syncing
            && !syncing.is_finished()
        {
            return Ok(());
        }
        if let Some(syncing) = self.syncing.take() {
            syncing.await.map_err(interrupted)??;
        }
        self.ahead = staged.offset;
        let (file, path) = (Arc::clone(&staged.file), staged.store.staged(staged.upload));
        self.syncing = Some(tokio::task::spawn_blocking(move || {
            at(Step::StagedSync, || file.sync_data())
                .map_err(|e| BlobError::from_io("make durable", &path, e))
        }));
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
    fn append(mut self: Box<Self>, batch: &[Bytes]) -> Result<Box<Self>, BlobError> {
        let path = self.store.staged(self.upload);
        failpoint::before(Step::StagedWrite);
        for chunk in batch {
            if let Err(error) = self.store.disk.write(&self.file, &path, chunk, self.offset) {
                self.give_back(&path);
                return Err(error);
            }
            self.hasher.update(chunk);
            self.offset += chunk.len() as u64;
        }
        failpoint::after(Step::StagedWrite);
        Ok(self)
    }

    /// Gives the room of what nobody was promised back at once: a disk that is full would stay so until the upload is
    /// touched again, or runs out. Should this fail too, the next one who opens the upload cuts it.
    fn give_back(&self, path: &Path) {
        let _ = cut_staged(&self.store.disk, &self.file, path, self.durable);
    }

    fn make_durable(&mut self) -> Result<(), BlobError> {
        let path = self.store.staged(self.upload);
        self.store
            .disk
            .sync_data(&self.file, &path, Step::StagedSync)?;
        // The first checkpoint is also the first promise that the file itself survives.
        if self.durable == 0 {
            self.store.sync_uploads()?;
        }
        self.durable = self.offset;
        Ok(())
    }

    fn rehash(&mut self, algorithm: Algorithm) -> Result<Digest, BlobError> {
        use std::io::Seek as _;
        let mut hasher = DigestHasher::new(algorithm);
        let mut buffer = vec![0; REHASH_BYTES];
        let mut file = &*self.file;
        file.rewind().map_err(|e| self.fault("read", e))?;
        loop {
            match at(Step::StagedRead, || file.read(&mut buffer)) {
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

/// A staged file whose content is complete and hashed.
#[derive(Debug)]
pub(crate) struct FsSealed {
    size_bytes: u64,
    digest: Digest,
    staged: Box<StagedFile>,
}

impl FsSealed {
    /// Returns the size in bytes.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Returns the digest computed while streaming.
    pub(crate) fn digest(&self) -> &Digest {
        &self.digest
    }

    pub(crate) async fn rehash(mut self, algorithm: Algorithm) -> Result<Self, BlobError> {
        blocking(move || {
            self.digest = self.staged.rehash(algorithm)?;
            Ok(self)
        })
        .await
    }

    pub(crate) async fn commit(self) -> Result<(), BlobError> {
        blocking(move || {
            let StagedFile {
                store,
                upload,
                key,
                file,
                ..
            } = *self.staged;
            store.commit(upload, &file, &key)
        })
        .await
    }

    pub(crate) async fn discard(self) -> Result<(), BlobError> {
        let (store, upload) = (self.staged.store.clone(), self.staged.upload);
        drop(self);
        store.abort(upload).await
    }
}
