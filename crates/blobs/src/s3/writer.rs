//! Writing an upload to the bucket: one pass that hashes, and sends a part when one is full.
//!
//! Three things work side by side: the network fills a batch, a blocking thread hashes the batch before, and a full part
//! is on its way to the store. Memory stays within one part and one MiB: while a part is being sent, half a MiB more is
//! taken, and then the client waits.

use bytes::Bytes;
use failpoint::Step;
use futures::StreamExt as _;
use object_store::multipart::{MultipartStore as _, PartId};
use oci::{Algorithm, Digest, DigestHasher};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::fault::{fault, is_part_lost};
use super::parts::{MAX_PARTS, Parts};
use super::{Guard, S3Store};
use crate::{BlobError, Checkpoint, Resume, Session, Staged};

/// Bytes gathered before a batch is handed to a blocking thread.
const BATCH_BYTES: usize = 512 * 1024;
/// Bytes taken while a part is being sent.
const AHEAD_BYTES: u64 = 512 * 1024;

/// An upload that no other writer of this process touches.
#[derive(Debug)]
pub(crate) struct S3Locked {
    store: S3Store,
    guard: Guard,
}

impl S3Locked {
    pub(super) fn new(store: S3Store, guard: Guard) -> Self {
        Self { store, guard }
    }

    /// Takes the tail back into memory; the parts stay where they are.
    pub(crate) async fn resume(self, from: Resume) -> Result<S3Writer, BlobError> {
        let Resume {
            session,
            offset,
            hasher,
            expected_bytes,
        } = from;
        let lost = |found| BlobError::Lost {
            expected: offset,
            found,
        };
        let parts = Parts::decode(&session.staged.parts, expected_bytes).ok_or(lost(0))?;
        if parts.tags.is_empty() != session.staged.multipart.is_none() {
            return Err(lost(0));
        }
        let buffer = match &session.staged.tail {
            None => Vec::new(),
            Some(tail) => self.tail(session.upload, tail, &parts).await?,
        };
        let buffered = length(&buffer);
        if parts.bytes() + buffered != offset {
            return Err(lost(parts.bytes() + buffered));
        }
        Ok(S3Writer {
            kept: session.staged.clone(),
            kept_offset: offset,
            staged: session.staged.clone(),
            store: self.store,
            _guard: self.guard,
            session,
            parts,
            accepted: offset,
            hashing: Hashing::Idle(Box::new(hasher)),
            sending: None,
            batch: Vec::new(),
            batch_bytes: 0,
            buffer,
            buffered,
            has_failed: false,
        })
    }

    async fn tail(&self, upload: Uuid, tail: &str, parts: &Parts) -> Result<Vec<Bytes>, BlobError> {
        // Only a name that this upload can have: a row is foreign to whoever reads it.
        let is_ours = tail
            .strip_prefix(&format!("t/{upload}/"))
            .is_some_and(|id| Uuid::try_parse(id).is_ok());
        if !is_ours {
            return Err(BlobError::NotFound);
        }
        let mut reader = self.store.read(tail, None).await?;
        if reader.size_bytes() > parts.part_bytes {
            return Err(BlobError::NotFound);
        }
        let mut chunks = Vec::new();
        while let Some(chunk) = reader.next().await {
            chunks.push(chunk?);
        }
        Ok(chunks)
    }
}

/// An upload open for writing.
#[derive(Debug)]
pub(crate) struct S3Writer {
    store: S3Store,
    _guard: Guard,
    session: Session,
    /// What the row says, and up to where.
    kept: Staged,
    kept_offset: u64,
    /// What the last checkpoint said.
    staged: Staged,
    parts: Parts,
    accepted: u64,
    hashing: Hashing,
    sending: Option<JoinHandle<Result<String, BlobError>>>,
    /// Not hashed yet.
    batch: Vec<Bytes>,
    batch_bytes: usize,
    /// Hashed, or being hashed, and not in a part yet.
    buffer: Vec<Bytes>,
    buffered: u64,
    has_failed: bool,
}

#[derive(Debug)]
enum Hashing {
    Idle(Box<DigestHasher>),
    Busy(JoinHandle<Box<DigestHasher>>),
    /// The thread ended without a result.
    Lost,
}

impl S3Writer {
    pub(crate) fn offset(&self) -> u64 {
        self.accepted
    }

    pub(crate) async fn write(&mut self, chunk: Bytes) -> Result<(), BlobError> {
        self.accepted += chunk.len() as u64;
        self.batch_bytes += chunk.len();
        if !chunk.is_empty() {
            self.batch.push(chunk);
        }
        if self.batch_bytes < BATCH_BYTES {
            return Ok(());
        }
        self.guarded(async |writer| writer.take_batch().await).await
    }

    pub(crate) async fn checkpoint(&mut self) -> Result<Checkpoint, BlobError> {
        self.guarded(async |writer| writer.stage().await).await
    }

    /// Once anything failed, what is in memory and what is stored may disagree.
    async fn guarded<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Self) -> Result<T, BlobError>,
    ) -> Result<T, BlobError> {
        if self.has_failed {
            return Err(self.broken("go on after a failed write of"));
        }
        let outcome = work(self).await;
        self.has_failed = outcome.is_err();
        outcome
    }

    async fn take_batch(&mut self) -> Result<(), BlobError> {
        let batch = std::mem::take(&mut self.batch);
        self.buffered += std::mem::take(&mut self.batch_bytes) as u64;
        let mut hasher = self.hasher().await?;
        self.buffer.extend(batch.iter().cloned());
        self.hashing = Hashing::Busy(tokio::task::spawn_blocking(move || {
            for chunk in &batch {
                hasher.update(chunk);
            }
            hasher
        }));
        if self.sending.is_some() && self.buffered > AHEAD_BYTES {
            self.settle_part().await?;
        }
        // Strictly more than one part: what fits into one needs no multipart upload.
        while self.buffered > self.parts.part_bytes {
            self.send_part().await?;
        }
        Ok(())
    }

    /// Waits for the hash of everything handed over, and takes the hasher.
    async fn hasher(&mut self) -> Result<Box<DigestHasher>, BlobError> {
        match std::mem::replace(&mut self.hashing, Hashing::Lost) {
            Hashing::Idle(hasher) => Ok(hasher),
            Hashing::Busy(task) => task.await.map_err(|_| self.broken("hash")),
            Hashing::Lost => Err(self.broken("hash")),
        }
    }

    /// Begins to send one full part.
    async fn send_part(&mut self) -> Result<(), BlobError> {
        self.settle_part().await?;
        if self.parts.tags.len() + 1 >= MAX_PARTS {
            return Err(BlobError::TooLarge {
                limit_bytes: self.parts.part_bytes * MAX_PARTS as u64,
            });
        }
        let multipart = self.multipart().await?;
        let part = take_front(&mut self.buffer, self.parts.part_bytes);
        self.buffered -= self.parts.part_bytes;
        let (store, key, index) = (
            self.store.clone(),
            self.session.key.clone(),
            self.parts.tags.len(),
        );
        self.sending = Some(tokio::spawn(async move {
            store.put_part(key.as_str(), &multipart, index, &part).await
        }));
        Ok(())
    }

    async fn settle_part(&mut self) -> Result<(), BlobError> {
        let Some(task) = self.sending.take() else {
            return Ok(());
        };
        let tag = task.await.map_err(|_| self.broken("send a part of"))?;
        match tag {
            Ok(tag) => self.parts.tags.push(tag),
            // The multipart upload ended under us: whatever is durable is not what the row says any more.
            Err(BlobError::NotFound) => {
                return Err(BlobError::Lost {
                    expected: self.kept_offset,
                    found: 0,
                });
            }
            Err(other) => return Err(other),
        }
        Ok(())
    }

    async fn multipart(&mut self) -> Result<String, BlobError> {
        if let Some(multipart) = &self.staged.multipart {
            return Ok(multipart.clone());
        }
        let key = self.session.key.as_str();
        failpoint::before(Step::BucketBegin);
        let created = self
            .store
            .client
            .create_multipart(&self.store.path(key))
            .await;
        let multipart = created.map_err(|e| fault("begin to write", key, e))?;
        failpoint::after(Step::BucketBegin);
        self.staged.multipart = Some(multipart.clone());
        Ok(multipart)
    }

    async fn stage(&mut self) -> Result<Checkpoint, BlobError> {
        self.take_batch().await?;
        let hasher = self.hasher().await?;
        let hash_state = hasher.state();
        self.hashing = Hashing::Idle(hasher);
        self.settle_part().await?;
        if self.accepted != self.kept_offset {
            self.staged.parts = self.parts.encode();
            self.staged.tail = None;
            // Until the first part is stored, its multipart upload is nothing that a row could continue.
            if self.buffered > 0 {
                let tail = format!("t/{}/{}", self.session.upload, Uuid::new_v4());
                self.store.put(&tail, &self.buffer).await?;
                self.staged.tail = Some(tail);
            }
        }
        Ok(Checkpoint {
            offset: self.accepted,
            hash_state,
            staged: self.staged.clone(),
        })
    }

    pub(crate) async fn confirm(&mut self, is_taken: bool) -> Result<(), BlobError> {
        if !is_taken {
            self.has_failed = true;
            return self.discard().await;
        }
        let before = std::mem::replace(&mut self.kept, self.staged.clone());
        self.kept_offset = self.accepted;
        match before.tail {
            Some(tail) if self.kept.tail.as_ref() != Some(&tail) => {
                self.store.delete_paths(vec![self.store.path(&tail)]).await
            }
            _ => Ok(()),
        }
    }

    /// Deletes what this writer staged and the row does not name.
    async fn discard(&mut self) -> Result<(), BlobError> {
        if let Some(tail) = self.staged.tail.take()
            && self.kept.tail.as_ref() != Some(&tail)
        {
            self.store
                .delete_paths(vec![self.store.path(&tail)])
                .await?;
        }
        match self.staged.multipart.take() {
            Some(multipart) if self.kept.multipart.as_ref() != Some(&multipart) => {
                self.store
                    .abort_multipart(&self.session.key, &multipart)
                    .await
            }
            _ => Ok(()),
        }
    }

    pub(crate) async fn seal(mut self) -> Result<S3Sealed, BlobError> {
        let digest = self
            .guarded(async |writer| {
                writer.take_batch().await?;
                let hasher = writer.hasher().await?;
                writer.settle_part().await?;
                Ok(hasher.finish())
            })
            .await?;
        Ok(S3Sealed {
            digest,
            writer: self,
            is_object: false,
        })
    }

    fn broken(&self, attempt: &'static str) -> BlobError {
        BlobError::Remote {
            attempt,
            key: self.session.key.as_str().to_owned(),
            source: "the writer had to stop".into(),
        }
    }
}

/// An upload whose content is complete and hashed.
#[derive(Debug)]
pub(crate) struct S3Sealed {
    digest: Digest,
    writer: S3Writer,
    is_object: bool,
}

impl S3Sealed {
    pub(crate) fn size_bytes(&self) -> u64 {
        self.writer.accepted
    }

    pub(crate) fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Parts cannot be read before they are an object, so it becomes one first. Nothing names it yet.
    pub(crate) async fn rehash(mut self, algorithm: Algorithm) -> Result<Self, BlobError> {
        self.make_object().await?;
        self.digest = self.read_back(algorithm).await?;
        Ok(self)
    }

    pub(crate) async fn commit(mut self) -> Result<(), BlobError> {
        self.make_object().await
    }

    pub(crate) async fn discard(mut self) -> Result<(), BlobError> {
        self.writer.discard().await
    }

    async fn make_object(&mut self) -> Result<(), BlobError> {
        if self.is_object {
            return Ok(());
        }
        let writer = &self.writer;
        match writer.staged.multipart.clone() {
            None => {
                writer
                    .store
                    .put(writer.session.key.as_str(), &writer.buffer)
                    .await?;
            }
            Some(multipart) => match self.complete(&multipart).await {
                Ok(()) => {}
                // An answer was lost, or an earlier attempt died before its commit: then the object is there, and
                // whether it is this content is for its bytes to say.
                Err(BlobError::Lost { .. }) => self.check_object().await?,
                Err(error) => return Err(error),
            },
        }
        self.is_object = true;
        Ok(())
    }

    async fn complete(&self, multipart: &str) -> Result<(), BlobError> {
        let writer = &self.writer;
        let key = writer.session.key.as_str();
        let lost = || BlobError::Lost {
            expected: writer.accepted,
            found: 0,
        };
        let mut tags = writer.parts.tags.clone();
        if writer.buffered > 0 {
            let last = writer
                .store
                .put_part(key, multipart, tags.len(), &writer.buffer);
            match last.await {
                Ok(tag) => tags.push(tag),
                Err(BlobError::NotFound) => return Err(lost()),
                Err(error) => return Err(error),
            }
        }
        let parts = tags
            .into_iter()
            .map(|content_id| PartId { content_id })
            .collect();
        let path = writer.store.path(key);
        failpoint::before(Step::BucketComplete);
        let completed = writer
            .store
            .client
            .complete_multipart(&path, &multipart.to_owned(), parts)
            .await;
        match completed {
            Ok(_) => failpoint::after(Step::BucketComplete),
            Err(error) if is_part_lost(&error) => return Err(lost()),
            Err(error) => return Err(fault("complete", key, error)),
        }
        let size = writer.store.size_of(key).await?;
        if size == writer.accepted {
            Ok(())
        } else {
            Err(lost())
        }
    }

    async fn check_object(&self) -> Result<(), BlobError> {
        let lost = |found| BlobError::Lost {
            expected: self.writer.accepted,
            found,
        };
        match self.read_back(self.digest.algorithm()).await {
            Ok(digest) if digest == self.digest => Ok(()),
            Ok(_) | Err(BlobError::NotFound) => Err(lost(0)),
            Err(error) => Err(error),
        }
    }

    async fn read_back(&self, algorithm: Algorithm) -> Result<Digest, BlobError> {
        let key = self.writer.session.key.as_str();
        let mut reader = self.writer.store.read(key, None).await?;
        let mut hasher = DigestHasher::new(algorithm);
        while let Some(chunk) = reader.next().await {
            hasher.update(&chunk?);
        }
        Ok(hasher.finish())
    }
}

impl S3Store {
    async fn put_part(
        &self,
        key: &str,
        multipart: &str,
        index: usize,
        chunks: &[Bytes],
    ) -> Result<String, BlobError> {
        let payload = chunks.iter().cloned().collect();
        failpoint::before(Step::BucketPart);
        let part = self
            .client
            .put_part(&self.path(key), &multipart.to_owned(), index, payload)
            .await
            .map_err(|e| fault("write a part of", key, e))?;
        failpoint::after(Step::BucketPart);
        Ok(part.content_id)
    }
}

fn length(chunks: &[Bytes]) -> u64 {
    chunks.iter().map(|chunk| chunk.len() as u64).sum()
}

/// Takes exactly `bytes` from the front; there are at least so many.
fn take_front(buffer: &mut Vec<Bytes>, bytes: u64) -> Vec<Bytes> {
    let mut missing = bytes;
    let mut whole = 0;
    for chunk in buffer.iter() {
        if chunk.len() as u64 > missing {
            break;
        }
        missing -= chunk.len() as u64;
        whole += 1;
    }
    let mut front: Vec<Bytes> = buffer.drain(..whole).collect();
    if missing > 0
        && let Some(chunk) = buffer.first_mut()
    {
        front.push(chunk.split_to(missing as usize));
    }
    front
}
