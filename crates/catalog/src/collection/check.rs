//! What must always hold between the tables, and what a check of the store compares with them.
//!
//! Everything is read page by page and nothing is locked, so a check sees a moving house: whoever compares objects with
//! rows asks again before it believes that something is missing. A rule is one statement, so it sees one state.
//!
//! Adding a rule: a variant of [`Rule`] and its statement.

use jiff::Timestamp;
use oci::Digest;
use sqlx::any::AnyRow;

use crate::dialect::{Statement, chunks, statements};
use crate::rows::{Columns as _, all, micros};
use crate::{Catalog, CatalogError, Sparse};

/// A blob's row, as a check reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobRow {
    /// The digest.
    pub digest: Digest,
    /// The object that holds it.
    pub object_key: String,
    /// Its size in bytes.
    pub size_bytes: u64,
}

/// A rule between tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A live tag leads to a manifest that can be read.
    TagHasManifest,
    /// A manifest's layers and configuration can be read in its repository, unless they may be left out.
    ManifestHasBlobs,
    /// An index has its children, unless they may be left out.
    IndexHasChildren,
    /// A tag has at most one live row.
    TagIsOne,
    /// A manifest with a subject is found by it.
    ReferrerIsListed,
    /// What is to be deleted holds nothing that is kept.
    TrashIsUnused,
    /// A body belongs to a manifest.
    BodyIsUsed,
    /// What is counted as used is what is there.
    UsageIsRight,
    /// A manifest that nothing refers to waits to be looked at.
    ManifestIsQueued,
    /// A right to a blob that no manifest needs waits to be looked at.
    LinkIsQueued,
    /// A blob that no repository has a right to waits to be looked at.
    BlobIsQueued,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 11] = [
        Self::TagHasManifest,
        Self::ManifestHasBlobs,
        Self::IndexHasChildren,
        Self::TagIsOne,
        Self::ReferrerIsListed,
        Self::TrashIsUnused,
        Self::BodyIsUsed,
        Self::UsageIsRight,
        Self::ManifestIsQueued,
        Self::LinkIsQueued,
        Self::BlobIsQueued,
    ];

    /// Returns the rule's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TagHasManifest => "tag-has-manifest",
            Self::ManifestHasBlobs => "manifest-has-blobs",
            Self::IndexHasChildren => "index-has-children",
            Self::TagIsOne => "tag-is-one",
            Self::ReferrerIsListed => "referrer-is-listed",
            Self::TrashIsUnused => "trash-is-unused",
            Self::BodyIsUsed => "body-is-used",
            Self::UsageIsRight => "usage-is-right",
            Self::ManifestIsQueued => "manifest-is-queued",
            Self::LinkIsQueued => "link-is-queued",
            Self::BlobIsQueued => "blob-is-queued",
        }
    }

    /// Returns whether the rule bends to what a repository may leave out.
    const fn has_sparse(self) -> bool {
        matches!(self, Self::ManifestHasBlobs | Self::IndexHasChildren)
    }

    const fn statement(self) -> Statement {
        match self {
            Self::TagHasManifest => TAG_WITHOUT_MANIFEST,
            Self::ManifestHasBlobs => MANIFEST_WITHOUT_BLOB,
            Self::IndexHasChildren => INDEX_WITHOUT_CHILD,
            Self::TagIsOne => TWO_LIVE_ROWS,
            Self::ReferrerIsListed => REFERRER_UNLISTED,
            Self::TrashIsUnused => TRASH_IN_USE,
            Self::BodyIsUsed => BODY_UNUSED,
            Self::UsageIsRight => USAGE_WRONG,
            Self::ManifestIsQueued => MANIFEST_UNSEEN,
            Self::LinkIsQueued => LINK_UNSEEN,
            Self::BlobIsQueued => BLOB_UNSEEN,
        }
    }
}

statements! {
    BLOBS = "SELECT digest, object_key, size_bytes FROM blob WHERE digest > $1 ORDER BY digest LIMIT $2";
    BLOB = "SELECT digest, object_key, size_bytes FROM blob WHERE digest = $1";
    BODIES = "SELECT digest, bytes FROM manifest_body WHERE digest > $1 ORDER BY digest LIMIT $2";
    TAG_WITHOUT_MANIFEST = "SELECT r.name || ':' || t.live_name || ' names ' || t.digest AS breach FROM tag t
        JOIN repository r ON r.id = t.repository_id AND r.live_name IS NOT NULL
        WHERE t.live_name IS NOT NULL AND (t.expires_us IS NULL OR t.expires_us > $1) AND NOT EXISTS (
            SELECT 1 FROM manifest m JOIN manifest_body b ON b.digest = m.digest
            WHERE m.repository_id = t.repository_id AND m.digest = t.digest AND m.deleted_at IS NULL)
        LIMIT $2";
    MANIFEST_WITHOUT_BLOB = "SELECT r.name || '@' || f.parent || ' needs ' || f.digest AS breach FROM manifest_ref f
        JOIN manifest m ON m.repository_id = f.repository_id AND m.digest = f.parent AND m.deleted_at IS NULL
        JOIN repository r ON r.id = f.repository_id AND r.live_name IS NOT NULL
        WHERE f.kind IN ('config', 'layer') AND m.pushed_at <= $1
          AND CASE WHEN r.sparse = 'default' THEN $3 ELSE r.sparse END <> 'all'
          AND NOT EXISTS (SELECT 1 FROM repo_blob l JOIN blob b ON b.digest = l.digest
            WHERE l.repository_id = f.repository_id AND l.digest = f.digest)
        LIMIT $2";
    INDEX_WITHOUT_CHILD = "SELECT r.name || '@' || f.parent || ' needs ' || f.digest AS breach FROM manifest_ref f
        JOIN manifest m ON m.repository_id = f.repository_id AND m.digest = f.parent AND m.deleted_at IS NULL
        JOIN repository r ON r.id = f.repository_id AND r.live_name IS NOT NULL
        WHERE f.kind = 'child' AND m.pushed_at <= $1
          AND CASE WHEN r.sparse = 'default' THEN $3 ELSE r.sparse END = 'none'
          AND NOT EXISTS (SELECT 1 FROM manifest c JOIN manifest_body b ON b.digest = c.digest
            WHERE c.repository_id = f.repository_id AND c.digest = f.digest AND c.deleted_at IS NULL)
        LIMIT $2";
    TWO_LIVE_ROWS = "SELECT CAST(repository_id AS TEXT) || ':' || name AS breach FROM tag
        WHERE live_name IS NOT NULL AND start_us <= $1 GROUP BY repository_id, name HAVING COUNT(*) > 1 LIMIT $2";
    REFERRER_UNLISTED = "SELECT r.name || '@' || m.digest || ' is about ' || m.subject AS breach FROM manifest m
        JOIN repository r ON r.id = m.repository_id
        WHERE m.subject IS NOT NULL AND m.deleted_at IS NULL AND m.pushed_at <= $1 AND NOT EXISTS (
            SELECT 1 FROM referrer e WHERE e.repository_id = m.repository_id AND e.subject = m.subject
              AND e.digest = m.digest AND e.source = 'subject')
        LIMIT $2";
    TRASH_IN_USE = "SELECT t.object_key AS breach FROM trash t
        WHERE t.since <= $1 AND (EXISTS (SELECT 1 FROM blob b WHERE b.object_key = t.object_key))
        LIMIT $2";
    BODY_UNUSED = "SELECT b.digest AS breach FROM manifest_body b
        WHERE CAST($1 AS BIGINT) > 0 AND NOT EXISTS (SELECT 1 FROM manifest m WHERE m.digest = b.digest)
        LIMIT $2";
    USAGE_WRONG = "SELECT p.scope || ' says ' || CAST(p.said AS TEXT) || ', is ' || CAST(p.held AS TEXT) AS breach FROM (
            SELECT u.scope, CAST(SUM(u.said) AS BIGINT) AS said, CAST(SUM(u.held) AS BIGINT) AS held FROM (
                SELECT scope, bytes AS said, 0 AS held FROM usage
                UNION ALL SELECT scope, bytes AS said, 0 AS held FROM usage_delta
                UNION ALL SELECT 'namespace:' || l.namespace AS scope, 0 AS said, b.size_bytes AS held
                    FROM (SELECT DISTINCT namespace, digest FROM repo_blob) l JOIN blob b ON b.digest = l.digest
                UNION ALL SELECT 'system' AS scope, 0 AS said, b.size_bytes AS held FROM blob b
                    WHERE EXISTS (SELECT 1 FROM repo_blob l WHERE l.digest = b.digest)
                UNION ALL SELECT 'namespace:' || r.namespace AS scope, 0 AS said, m.size_bytes AS held
                    FROM manifest m JOIN repository r ON r.id = m.repository_id
                UNION ALL SELECT 'system' AS scope, 0 AS said, m.size_bytes AS held FROM manifest m
                UNION ALL SELECT 'repository:' || CAST(l.repository_id AS TEXT) AS scope, 0 AS said, b.size_bytes AS held
                    FROM repo_blob l JOIN blob b ON b.digest = l.digest
                UNION ALL SELECT 'repository:' || CAST(m.repository_id AS TEXT) AS scope, 0 AS said, m.size_bytes AS held
                    FROM manifest m
            ) u GROUP BY u.scope
        ) p WHERE p.said <> p.held AND CAST($1 AS BIGINT) > 0 ORDER BY p.scope LIMIT $2";
    MANIFEST_UNSEEN = "SELECT r.name || '@' || m.digest AS breach FROM manifest m
        JOIN repository r ON r.id = m.repository_id
        WHERE m.pushed_at <= $1
          AND NOT EXISTS (SELECT 1 FROM tag t WHERE t.repository_id = m.repository_id AND t.digest = m.digest)
          AND NOT EXISTS (SELECT 1 FROM manifest_ref f
            WHERE f.repository_id = m.repository_id AND f.digest = m.digest AND f.kind = 'child')
          AND NOT EXISTS (SELECT 1 FROM referrer e
            WHERE e.repository_id = m.repository_id AND (e.digest = m.digest OR e.subject = m.digest))
          AND NOT EXISTS (SELECT 1 FROM gc_review q
            WHERE q.kind = 'manifest' AND q.repository_id = m.repository_id AND q.digest = m.digest)
        LIMIT $2";
    LINK_UNSEEN = "SELECT r.name || ' has ' || l.digest AS breach FROM repo_blob l
        JOIN repository r ON r.id = l.repository_id
        WHERE l.linked_at <= $1
          AND NOT EXISTS (SELECT 1 FROM manifest_ref f
            WHERE f.repository_id = l.repository_id AND f.digest = l.digest)
          AND NOT EXISTS (SELECT 1 FROM gc_review q
            WHERE q.kind = 'link' AND q.repository_id = l.repository_id AND q.digest = l.digest)
        LIMIT $2";
    BLOB_UNSEEN = "SELECT b.digest AS breach FROM blob b
        WHERE b.created_at <= $1
          AND NOT EXISTS (SELECT 1 FROM repo_blob l WHERE l.digest = b.digest)
          AND NOT EXISTS (SELECT 1 FROM gc_review q
            WHERE q.kind = 'blob' AND q.repository_id = 0 AND q.digest = b.digest)
        LIMIT $2";
    KNOWN_KEYS = "SELECT object_key FROM blob WHERE object_key IN ({list})
        UNION SELECT object_key FROM upload WHERE object_key IN ({list})
        UNION SELECT object_key FROM trash WHERE object_key IN ({list})";
}

impl Catalog {
    /// Returns up to `limit` blobs in order of their digests, beginning after `after`.
    pub async fn blob_rows(&self, after: &str, limit: u32) -> Result<Vec<BlobRow>, CatalogError> {
        let rows = self
            .dialect
            .query(BLOBS)
            .bind(after.to_owned())
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| read_blob(&row))
    }

    /// Returns a blob's row as it is now.
    pub async fn blob_row(&self, digest: &Digest) -> Result<Option<BlobRow>, CatalogError> {
        let query = self.dialect.query(BLOB).bind(digest.to_string());
        let row = query.fetch_optional(&self.reader).await?;
        row.as_ref().map(read_blob).transpose()
    }

    /// Returns up to `limit` manifest bodies in order of their digests, beginning after `after`.
    pub async fn manifest_bodies(
        &self,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(Digest, Vec<u8>)>, CatalogError> {
        let rows = self
            .dialect
            .query(BODIES)
            .bind(after.to_owned())
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| Ok((row.digest("digest")?, row.bytes("bytes")?)))
    }

    /// Returns up to `limit` breaches of a rule, each named. `sparse` is what manifests may leave out where their
    /// repository does not say; what was written after `now` is left out.
    pub async fn breaches(
        &self,
        rule: Rule,
        sparse: Sparse,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<String>, CatalogError> {
        let mut query = self
            .dialect
            .query(rule.statement())
            .bind(micros(now))
            .bind(i64::from(limit));
        if rule.has_sparse() {
            query = query.bind(sparse.as_str());
        }
        let rows = query.fetch_all(&self.reader).await?;
        all(rows, |row| row.text("breach"))
    }

    /// Returns those of `keys` that no row names: no blob, no upload, no archive, and not the trash.
    pub async fn unknown_objects(&self, keys: &[String]) -> Result<Vec<String>, CatalogError> {
        let mut known = std::collections::HashSet::new();
        for chunk in chunks(keys) {
            let mut query = self.dialect.query_many(KNOWN_KEYS, chunk.len());
            for key in chunk {
                query = query.bind(key.clone());
            }
            for row in query.fetch_all(&self.reader).await? {
                known.insert(row.text("object_key")?);
            }
        }
        let unknown = keys.iter().filter(|key| !known.contains(*key));
        Ok(unknown.cloned().collect())
    }
}

fn read_blob(row: &AnyRow) -> Result<BlobRow, CatalogError> {
    Ok(BlobRow {
        digest: row.digest("digest")?,
        object_key: row.text("object_key")?,
        size_bytes: row.size("size_bytes")?,
    })
}
