//! Upload sessions: the row that says how many bytes are durable.
//!
//! The row and the file never disagree for long: bytes are made durable first, then the row advances. Whoever finds
//! more bytes than the row knows cuts them off.

use jiff::Timestamp;
use oci::{Algorithm, MidState};
use uuid::Uuid;

use crate::{Catalog, CatalogError, PrincipalId, RepositoryId};

/// A session to be opened.
#[derive(Clone, Debug)]
pub struct NewUpload {
    /// Its id, random: the only secret in the address.
    pub id: Uuid,
    /// The repository it is bound to.
    pub repository: RepositoryId,
    /// The principal it is bound to.
    pub principal: PrincipalId,
    /// The object's key, drawn now and never reused.
    pub object_key: String,
    /// The hash computed while streaming.
    pub algorithm: Algorithm,
    /// When it is given up unless it advances.
    pub expires_at: Timestamp,
}

/// An open session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The id.
    pub id: Uuid,
    /// The repository it is bound to.
    pub repository: RepositoryId,
    /// The object's key.
    pub object_key: String,
    /// The hash computed while streaming.
    pub algorithm: Algorithm,
    /// How many bytes are durable.
    pub offset: u64,
    /// The hasher's state at `offset`; `None` at offset 0.
    pub hash_state: Option<MidState>,
    /// Counts the advances; guards against two writers.
    pub version: i64,
    /// When it is given up unless it advances.
    pub expires_at: Timestamp,
}

impl Catalog {
    /// Opens a session.
    pub async fn create_upload(
        &self,
        upload: &NewUpload,
        now: Timestamp,
    ) -> Result<Upload, CatalogError> {
        todo!()
    }

    /// Returns the session, if it is bound to this repository and principal and has not expired.
    pub async fn upload(
        &self,
        id: Uuid,
        repository: RepositoryId,
        principal: PrincipalId,
        now: Timestamp,
    ) -> Result<Option<Upload>, CatalogError> {
        todo!()
    }

    /// Moves the session to a new durable offset. Returns false if another writer was faster, or the session is gone.
    pub async fn advance_upload(
        &self,
        id: Uuid,
        version: i64,
        offset: u64,
        hash_state: &MidState,
        expires_at: Timestamp,
    ) -> Result<bool, CatalogError> {
        todo!()
    }

    /// Ends the session without a blob. Returns whether it was there.
    pub async fn close_upload(
        &self,
        id: Uuid,
        repository: RepositoryId,
        principal: PrincipalId,
    ) -> Result<bool, CatalogError> {
        todo!()
    }

    /// Removes up to `limit` sessions that expired before `now`, oldest first, and returns them: the caller deletes
    /// their bytes. Bytes whose row is gone are found by the listing of staged uploads, should the caller die between.
    pub async fn take_expired_uploads(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Upload>, CatalogError> {
        todo!()
    }
}
