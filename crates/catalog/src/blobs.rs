//! Blobs: which object holds which digest, and which repository may read it.
//!
//! `repo_blob` is the only right to read a blob. An object key is written once and never reused, so deleting a key
//! cannot hit content that was uploaded again.

use jiff::Timestamp;
use oci::Digest;
use uuid::Uuid;

use crate::{Actor, Catalog, CatalogError, Principal, RepositoryId};

/// A blob that a repository may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// The digest.
    pub digest: Digest,
    /// The size in bytes.
    pub size_bytes: u64,
    /// The object that holds it.
    pub object_key: String,
}

/// What became of an uploaded object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// The digest is new; the object holds it now.
    New,
    /// The digest was there; the uploaded object is in the trash.
    Kept {
        /// The uploaded object's key.
        discard: String,
    },
    /// The digest was condemned; the uploaded object replaces the old one, which is in the trash.
    Revived {
        /// The old object's key.
        discard: String,
    },
}

/// Whether a blob left its repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnlinkOutcome {
    /// It left.
    Unlinked,
    /// It was not there.
    NotFound,
    /// This manifest of the repository refers to it.
    Referenced {
        /// The manifest.
        by: Digest,
    },
}

impl Catalog {
    /// Makes a finished object visible as `digest` in a repository and ends its session, in one transaction.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] if the session is gone; nothing becomes visible then.
    pub async fn publish_blob(
        &self,
        repository: RepositoryId,
        digest: &Digest,
        size_bytes: u64,
        object_key: &str,
        upload: Uuid,
        now: Timestamp,
    ) -> Result<Published, CatalogError> {
        todo!()
    }

    /// Returns the blob, if this repository may read it.
    pub async fn blob_in_repo(
        &self,
        repository: RepositoryId,
        digest: &Digest,
    ) -> Result<Option<Blob>, CatalogError> {
        todo!()
    }

    /// Returns the blob wherever it is: for the analyser's jobs, never for a request.
    pub async fn blob(&self, digest: &Digest) -> Result<Option<Blob>, CatalogError> {
        todo!()
    }

    /// Links a blob of `from` into `to`. Returns whether `from` has it. The caller has checked the right to pull `from`.
    pub async fn mount_blob(
        &self,
        from: RepositoryId,
        to: RepositoryId,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        todo!()
    }

    /// Links a blob of any repository that `viewer` may pull into `to`. Returns whether there is one.
    pub async fn mount_blob_from_any(
        &self,
        viewer: &Principal,
        to: RepositoryId,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        todo!()
    }

    /// Returns those of `digests` that the repository may not read, in the order given.
    pub async fn missing_blobs(
        &self,
        repository: RepositoryId,
        digests: &[Digest],
    ) -> Result<Vec<Digest>, CatalogError> {
        todo!()
    }

    /// Takes a blob out of a repository; refused while one of its manifests refers to it.
    pub async fn unlink_blob(
        &self,
        repository: RepositoryId,
        digest: &Digest,
        by: &Actor,
        now: Timestamp,
    ) -> Result<UnlinkOutcome, CatalogError> {
        todo!()
    }

    /// Returns up to `limit` object keys that nothing refers to any more, oldest first. Delete each object, then
    /// call [`Catalog::forget_trash`].
    pub async fn take_trash(&self, limit: u32) -> Result<Vec<String>, CatalogError> {
        todo!()
    }

    /// Forgets a key whose object has been deleted.
    pub async fn forget_trash(&self, object_key: &str) -> Result<(), CatalogError> {
        todo!()
    }
}
