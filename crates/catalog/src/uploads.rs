//! Upload sessions: the row that says how many bytes are durable.
//!
//! The row and the bytes never disagree for long: bytes are made durable first, then the row advances. Whoever finds
//! more bytes than the row knows cuts them off. Offset, hash state and where the bytes are change together, and only if
//! nobody else moved the row in the meantime.

use std::collections::HashSet;

use failpoint::Step;
use jiff::Timestamp;
use oci::{Algorithm, MidState};
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::dialect::{chunks, statements};
use crate::rows::{Columns as _, all, micros};
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

/// Where an object store keeps the durable bytes of a session. The texts belong to the store; files have none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Staging {
    /// The id of the multipart upload.
    pub multipart_id: Option<String>,
    /// Its parts so far.
    pub parts: String,
    /// The object with the bytes after the last part.
    pub tail: Option<String>,
}

/// How far a session has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advance {
    /// How many bytes are durable.
    pub offset: u64,
    /// The hasher's state there.
    pub hash_state: MidState,
    /// Where the bytes are.
    pub staging: Staging,
    /// When the session is given up unless it advances again.
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
    /// Where the durable bytes are.
    pub staging: Staging,
    /// Counts the advances; guards against two writers.
    pub version: i64,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it is given up unless it advances.
    pub expires_at: Timestamp,
}

statements! {
    INSERT = "INSERT INTO upload (id, repository_id, principal_kind, principal_id, object_key, algorithm,
            durable_bytes, version, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, 0, 0, $7, $8)";
    GET = "SELECT * FROM upload
        WHERE id = $1 AND repository_id = $2 AND principal_kind = $3 AND principal_id = $4 AND expires_at > $5";
    ADVANCE = "UPDATE upload SET durable_bytes = $3, hash_state = $4, expires_at = $5, multipart_id = $6, parts = $7,
            tail = $8, version = version + 1
        WHERE id = $1 AND version = $2";
    CLOSE = "DELETE FROM upload
        WHERE id = $1 AND repository_id = $2 AND principal_kind = $3 AND principal_id = $4 RETURNING *";
    KNOWN = "SELECT id FROM upload WHERE id IN ({list})";
    TAKE_EXPIRED = "WITH picked AS (
            SELECT id FROM upload WHERE expires_at <= $1 ORDER BY expires_at, id LIMIT $2 {skip locked}
        )
        DELETE FROM upload WHERE id IN (SELECT id FROM picked) RETURNING *";
}

impl Catalog {
    /// Opens a session.
    pub async fn create_upload(
        &self,
        upload: &NewUpload,
        now: Timestamp,
    ) -> Result<Upload, CatalogError> {
        failpoint::before(Step::UploadRow);
        self.dialect
            .query(INSERT)
            .bind(upload.id.to_string())
            .bind(upload.repository.0)
            .bind(upload.principal.kind())
            .bind(upload.principal.number())
            .bind(upload.object_key.clone())
            .bind(upload.algorithm.as_str())
            .bind(micros(now))
            .bind(micros(upload.expires_at))
            .execute(&self.writer)
            .await
            .map_err(|e| CatalogError::from(e).conflict_on("upload id"))?;
        failpoint::after(Step::UploadRow);
        Ok(Upload {
            id: upload.id,
            repository: upload.repository,
            object_key: upload.object_key.clone(),
            algorithm: upload.algorithm,
            offset: 0,
            hash_state: None,
            staging: Staging::default(),
            version: 0,
            created_at: now,
            expires_at: upload.expires_at,
        })
    }

    /// Returns the session, if it is bound to this repository and principal and has not expired.
    pub async fn upload(
        &self,
        id: Uuid,
        repository: RepositoryId,
        principal: PrincipalId,
        now: Timestamp,
    ) -> Result<Option<Upload>, CatalogError> {
        let row = self
            .dialect
            .query(GET)
            .bind(id.to_string())
            .bind(repository.0)
            .bind(principal.kind())
            .bind(principal.number())
            .bind(micros(now))
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read_upload).transpose()
    }

    /// Moves the session to a new durable offset. Returns false if another writer was faster, or the session is gone.
    pub async fn advance_upload(
        &self,
        id: Uuid,
        version: i64,
        to: &Advance,
    ) -> Result<bool, CatalogError> {
        failpoint::before(Step::UploadAdvance);
        let updated = self
            .dialect
            .query(ADVANCE)
            .bind(id.to_string())
            .bind(version)
            .bind(to.offset as i64)
            .bind(to.hash_state.0.clone())
            .bind(micros(to.expires_at))
            .bind(to.staging.multipart_id.clone())
            .bind(to.staging.parts.clone())
            .bind(to.staging.tail.clone())
            .execute(&self.writer)
            .await?;
        failpoint::after(Step::UploadAdvance);
        Ok(updated.rows_affected() == 1)
    }

    /// Ends the session without a blob. Returns its last state, if it was there: the caller deletes the bytes.
    pub async fn close_upload(
        &self,
        id: Uuid,
        repository: RepositoryId,
        principal: PrincipalId,
    ) -> Result<Option<Upload>, CatalogError> {
        failpoint::before(Step::UploadClose);
        let closed = self
            .dialect
            .query(CLOSE)
            .bind(id.to_string())
            .bind(repository.0)
            .bind(principal.kind())
            .bind(principal.number())
            .fetch_optional(&self.writer)
            .await?;
        failpoint::after(Step::UploadClose);
        closed.as_ref().map(read_upload).transpose()
    }

    /// Returns those of `ids` that no session has: bytes staged under them belong to nobody.
    pub async fn unknown_uploads(&self, ids: &[Uuid]) -> Result<Vec<Uuid>, CatalogError> {
        let mut known = HashSet::new();
        for chunk in chunks(ids) {
            let mut query = self.dialect.query_many(KNOWN, chunk.len());
            for id in chunk {
                query = query.bind(id.to_string());
            }
            for row in query.fetch_all(&self.reader).await? {
                known.insert(row.uuid("id")?);
            }
        }
        let unknown = ids.iter().filter(|id| !known.contains(id));
        Ok(unknown.copied().collect())
    }

    /// Removes up to `limit` sessions that expired before `now`, oldest first, and returns them: the caller deletes
    /// their bytes. Bytes whose row is gone are found by the listing of staged uploads, should the caller die between.
    pub async fn take_expired_uploads(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Upload>, CatalogError> {
        let mut tx = self.begin().await?;
        let rows = self
            .dialect
            .query(TAKE_EXPIRED)
            .bind(micros(now))
            .bind(i64::from(limit))
            .fetch_all(&mut *tx)
            .await?;
        tx.commit().await?;
        all(rows, |row| read_upload(&row))
    }
}

fn read_upload(row: &AnyRow) -> Result<Upload, CatalogError> {
    Ok(Upload {
        id: row.uuid("id")?,
        repository: RepositoryId(row.int("repository_id")?),
        object_key: row.text("object_key")?,
        algorithm: row
            .text("algorithm")?
            .parse()
            .map_err(|_| CatalogError::Corrupt("algorithm"))?,
        offset: row.size("durable_bytes")?,
        hash_state: row.maybe_bytes("hash_state")?.map(MidState),
        staging: Staging {
            multipart_id: row.maybe_text("multipart_id")?,
            parts: row.text("parts")?,
            tail: row.maybe_text("tail")?,
        },
        version: row.int("version")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
    })
}
