//! An upload in the hands of one request, on either backend.

use bytes::Bytes;
use oci::{Algorithm, Digest};

use crate::fs::writer::{FsLocked, FsSealed, FsWriter};
use crate::s3::writer::{S3Locked, S3Sealed, S3Writer};
use crate::{BlobError, Checkpoint, Resume};

/// An upload that no other writer of this process can touch, as it was found. Dropping it changes nothing.
#[derive(Debug)]
pub struct LockedUpload(pub(crate) Locked);

#[derive(Debug)]
pub(crate) enum Locked {
    Fs(FsLocked),
    S3(S3Locked),
}

impl LockedUpload {
    /// Opens it for writing where its row says; what lies beyond is cut off.
    ///
    /// # Errors
    /// [`BlobError::Lost`] if fewer bytes are there than the row promises, or the row is damaged.
    pub async fn resume(self, from: Resume) -> Result<UploadWriter, BlobError> {
        let writer = match self.0 {
            Locked::Fs(locked) => Writer::Fs(locked.resume(from).await?),
            Locked::S3(locked) => Writer::S3(Box::new(locked.resume(from).await?)),
        };
        Ok(UploadWriter(writer))
    }
}

/// An upload open for writing. Dropping it keeps the bytes; those beyond the last checkpoint are cut off by the next
/// one who opens the upload.
#[derive(Debug)]
pub struct UploadWriter(Writer);

#[derive(Debug)]
enum Writer {
    Fs(FsWriter),
    S3(Box<S3Writer>),
}

impl UploadWriter {
    /// Returns the offset after everything accepted so far, durable or not.
    pub fn offset(&self) -> u64 {
        match &self.0 {
            Writer::Fs(writer) => writer.offset(),
            Writer::S3(writer) => writer.offset(),
        }
    }

    /// Accepts a chunk; waits only while the store is slower than the client.
    ///
    /// # Errors
    /// [`BlobError::Full`] and other faults of this or an earlier chunk. After one, the writer accepts nothing more.
    pub async fn write(&mut self, chunk: Bytes) -> Result<(), BlobError> {
        match &mut self.0 {
            Writer::Fs(writer) => writer.write(chunk).await,
            Writer::S3(writer) => writer.write(chunk).await,
        }
    }

    /// Makes everything accepted durable. The caller writes it to the session's row, then calls
    /// [`UploadWriter::confirm`].
    pub async fn checkpoint(&mut self) -> Result<Checkpoint, BlobError> {
        match &mut self.0 {
            Writer::Fs(writer) => writer.checkpoint().await,
            Writer::S3(writer) => writer.checkpoint().await,
        }
    }

    /// Says whether the row took the last checkpoint, so that what nothing names any more is deleted: what the row named
    /// before, or, if another writer was faster, what this one staged.
    pub async fn confirm(&mut self, is_taken: bool) -> Result<(), BlobError> {
        match &mut self.0 {
            Writer::Fs(_) => Ok(()),
            Writer::S3(writer) => writer.confirm(is_taken).await,
        }
    }

    /// Ends the content and its hash. Nothing is visible until the sealed upload is committed.
    pub async fn seal(self) -> Result<SealedUpload, BlobError> {
        let sealed = match self.0 {
            Writer::Fs(writer) => Sealed::Fs(writer.seal().await?),
            Writer::S3(writer) => Sealed::S3(Box::new(writer.seal().await?)),
        };
        Ok(SealedUpload(sealed))
    }
}

/// An upload whose content is complete and hashed, but not yet an object. Dropping it keeps what is staged.
#[derive(Debug)]
pub struct SealedUpload(Sealed);

#[derive(Debug)]
enum Sealed {
    Fs(FsSealed),
    S3(Box<S3Sealed>),
}

impl SealedUpload {
    /// Returns the size in bytes.
    pub fn size_bytes(&self) -> u64 {
        match &self.0 {
            Sealed::Fs(sealed) => sealed.size_bytes(),
            Sealed::S3(sealed) => sealed.size_bytes(),
        }
    }

    /// Returns the digest computed while streaming, or by [`SealedUpload::rehash`].
    pub fn digest(&self) -> &Digest {
        match &self.0 {
            Sealed::Fs(sealed) => sealed.digest(),
            Sealed::S3(sealed) => sealed.digest(),
        }
    }

    /// Computes the digest with another algorithm, which reads the content once more: for clients that name theirs
    /// only at the end.
    pub async fn rehash(self, algorithm: Algorithm) -> Result<Self, BlobError> {
        if algorithm == self.digest().algorithm() {
            return Ok(self);
        }
        let sealed = match self.0 {
            Sealed::Fs(sealed) => Sealed::Fs(sealed.rehash(algorithm).await?),
            Sealed::S3(sealed) => Sealed::S3(Box::new(sealed.rehash(algorithm).await?)),
        };
        Ok(Self(sealed))
    }

    /// Makes the content the object of its session's key, durably. The row that names the key is the caller's next step;
    /// after it, [`crate::Store::clear`].
    ///
    /// # Errors
    /// [`BlobError::Lost`] if the staged bytes are gone, or another writer finished the session with other content.
    pub async fn commit(self) -> Result<(), BlobError> {
        match self.0 {
            Sealed::Fs(sealed) => sealed.commit().await,
            Sealed::S3(sealed) => sealed.commit().await,
        }
    }

    /// Deletes what no row names: the content was not what the client promised. What the session's row names goes with
    /// [`crate::Store::abort`].
    pub async fn discard(self) -> Result<(), BlobError> {
        match self.0 {
            Sealed::Fs(sealed) => sealed.discard().await,
            Sealed::S3(sealed) => sealed.discard().await,
        }
    }
}
