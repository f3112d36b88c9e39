//! Reading manifests and the edges between them.
//!
//! Referrers are read along their own index, one row for each: a `CROSS JOIN` keeps SQLite from going through every
//! manifest of the repository instead, to save nothing.

use jiff::Timestamp;
use oci::{Digest, Reference};
use sqlx::any::AnyRow;

use super::{ChildRow, Referrer, StoredManifest};
use crate::batch::{Answer, Batch};
use crate::dialect::statements;
use crate::rows::{Columns as _, all, micros};
use crate::{Catalog, CatalogError, RepositoryId};

statements! {
    GET = "SELECT m.digest, m.media_type, b.bytes, m.subject, m.artifact_type, m.pushed_at, m.protected_until,
            CAST(NULL AS BIGINT) AS expires_us
        FROM manifest m JOIN manifest_body b ON b.digest = m.digest
        WHERE m.repository_id = $1 AND m.digest = $2 AND m.deleted_at IS NULL";
    GET_BY_TAG = "SELECT m.digest, m.media_type, b.bytes, m.subject, m.artifact_type, m.pushed_at, m.protected_until,
            t.expires_us
        FROM tag t
        JOIN manifest m ON m.repository_id = t.repository_id AND m.digest = t.digest
        JOIN manifest_body b ON b.digest = m.digest
        WHERE t.repository_id = $1 AND t.live_name = $2 AND (t.expires_us IS NULL OR t.expires_us > $3)
          AND m.deleted_at IS NULL";
    REFERRERS = "SELECT m.digest, m.media_type, m.size_bytes, m.artifact_type, m.annotations
        FROM referrer r CROSS JOIN manifest m
        WHERE r.repository_id = $1 AND r.subject = $2 AND r.digest > $3 AND (r.source = 'subject'
            OR r.source = 'fallback_index' AND NOT EXISTS (SELECT 1 FROM referrer o WHERE o.repository_id = $1
                AND o.subject = $2 AND o.digest = r.digest AND o.source = 'subject'))
          AND m.repository_id = $1 AND m.digest = r.digest AND m.deleted_at IS NULL
        ORDER BY r.digest LIMIT $4";
    REFERRERS_OF_TYPE = "SELECT m.digest, m.media_type, m.size_bytes, m.artifact_type, m.annotations
        FROM referrer r CROSS JOIN manifest m
        WHERE r.repository_id = $1 AND r.subject = $2 AND r.digest > $3 AND (r.source = 'subject'
            OR r.source = 'fallback_index' AND NOT EXISTS (SELECT 1 FROM referrer o WHERE o.repository_id = $1
                AND o.subject = $2 AND o.digest = r.digest AND o.source = 'subject'))
          AND m.repository_id = $1 AND m.digest = r.digest AND m.deleted_at IS NULL AND m.artifact_type IN ({list})
        ORDER BY r.digest LIMIT $4";
    PARENTS = "SELECT DISTINCT r.parent FROM manifest_ref r
        JOIN manifest m ON m.repository_id = r.repository_id AND m.digest = r.parent AND m.deleted_at IS NULL
        WHERE r.repository_id = $1 AND r.digest = $2 AND r.kind = 'child' ORDER BY r.parent";
    CHILDREN = "SELECT r.digest, r.media_type, r.size_bytes, r.platform,
            CASE WHEN m.digest IS NULL THEN 0 ELSE 1 END AS present
        FROM manifest_ref r
        LEFT JOIN manifest m ON m.repository_id = r.repository_id AND m.digest = r.digest AND m.deleted_at IS NULL
        WHERE r.repository_id = $1 AND r.parent = $2 AND r.kind = 'child' ORDER BY r.ordinal";
    OF_BLOB = "SELECT DISTINCT m.digest, m.pushed_at FROM manifest_ref r
        JOIN manifest m ON m.repository_id = r.repository_id AND m.digest = r.parent AND m.deleted_at IS NULL
        WHERE r.repository_id = $1 AND r.digest = $2 AND r.kind IN ('config', 'layer', 'foreign')
        ORDER BY m.pushed_at DESC, m.digest LIMIT $3";
}

impl Catalog {
    /// Returns a manifest of the repository.
    pub async fn manifest(
        &self,
        repository: RepositoryId,
        digest: &Digest,
    ) -> Result<Option<StoredManifest>, CatalogError> {
        let row = self
            .dialect
            .query(GET)
            .bind(repository.0)
            .bind(digest.to_string())
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read_manifest).transpose()
    }

    /// Returns the manifest that a tag or digest names, in one query.
    pub async fn manifest_by_reference(
        &self,
        repository: RepositoryId,
        reference: &Reference,
        now: Timestamp,
    ) -> Result<Option<StoredManifest>, CatalogError> {
        let tag = match reference {
            Reference::Digest(digest) => return self.manifest(repository, digest).await,
            Reference::Tag(tag) => tag,
        };
        let row = self
            .dialect
            .query(GET_BY_TAG)
            .bind(repository.0)
            .bind(tag.to_string())
            .bind(micros(now))
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read_manifest).transpose()
    }

    /// Lists what refers to `subject`, by digest, beginning after `after`; with `artifact_types`, only those.
    pub async fn referrers(
        &self,
        repository: RepositoryId,
        subject: &Digest,
        artifact_types: &[String],
        after: Option<&Digest>,
        limit: u32,
    ) -> Result<Vec<Referrer>, CatalogError> {
        let statement = if artifact_types.is_empty() {
            REFERRERS
        } else {
            REFERRERS_OF_TYPE
        };
        let mut query = self
            .dialect
            .query_many(statement, artifact_types.len())
            .bind(repository.0)
            .bind(subject.to_string())
            .bind(after.map_or("", Digest::as_str).to_owned())
            .bind(i64::from(limit));
        for artifact_type in artifact_types {
            query = query.bind(artifact_type.clone());
        }
        all(query.fetch_all(&self.reader).await?, |row| {
            Ok(Referrer {
                digest: row.digest("digest")?,
                media_type: row.text("media_type")?,
                size_bytes: row.size("size_bytes")?,
                artifact_type: row.maybe_text("artifact_type")?,
                annotations: serde_json::from_str(&row.text("annotations")?)
                    .map_err(|_| CatalogError::Corrupt("map of annotations"))?,
            })
        })
    }

    /// Returns the indexes of the repository that hold a manifest.
    pub async fn parents(
        &self,
        repository: RepositoryId,
        digest: &Digest,
    ) -> Result<Vec<Digest>, CatalogError> {
        let mut batch = self.batch();
        ask_parents(&mut batch, repository, digest);
        read_parents(batch.read(&self.reader).await?.next()?)
    }

    /// Returns the children of an index, in its order.
    pub async fn children(
        &self,
        repository: RepositoryId,
        digest: &Digest,
    ) -> Result<Vec<ChildRow>, CatalogError> {
        let rows = self
            .dialect
            .query(CHILDREN)
            .bind(repository.0)
            .bind(digest.to_string())
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| {
            Ok(ChildRow {
                digest: row.digest("digest")?,
                media_type: row.text("media_type")?,
                size_bytes: row.size("size_bytes")?,
                platform: row.maybe_text("platform")?,
                present: row.flag("present")?,
            })
        })
    }

    /// Returns up to `limit` manifests of the repository that name a blob as configuration or layer, latest first.
    /// A layer that may live elsewhere counts: where it was pushed all the same, its manifest decides about it too.
    pub async fn manifests_of_blob(
        &self,
        repository: RepositoryId,
        digest: &Digest,
        limit: u32,
    ) -> Result<Vec<Digest>, CatalogError> {
        let rows = self
            .dialect
            .query(OF_BLOB)
            .bind(repository.0)
            .bind(digest.to_string())
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| row.digest("digest"))
    }
}

/// Asks in a batch for the indexes that hold a manifest.
pub(crate) fn ask_parents(batch: &mut Batch, repository: RepositoryId, digest: &Digest) {
    batch
        .add(PARENTS)
        .bind(repository.0)
        .bind(digest.to_string());
}

/// Reads the answer to [`ask_parents`].
pub(crate) fn read_parents(answer: Answer) -> Result<Vec<Digest>, CatalogError> {
    all(answer.rows, |row| row.digest("parent"))
}

fn read_manifest(row: &AnyRow) -> Result<StoredManifest, CatalogError> {
    Ok(StoredManifest {
        digest: row.digest("digest")?,
        media_type: row.text("media_type")?,
        bytes: row.bytes("bytes")?,
        subject: row.maybe_digest("subject")?,
        artifact_type: row.maybe_text("artifact_type")?,
        pushed_at: row.time("pushed_at")?,
        kept_until: row.time("protected_until")?,
        expires_at: row.maybe_time("expires_us")?,
    })
}
