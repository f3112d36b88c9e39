//! What was there: a tag's spans, a repository's spans, and the answer at an instant.
//!
//! A span covers `start ≤ t < end`; one that ran out covers nothing from its expiry on, whether or not its row has been
//! closed since. Spans of a tag follow each other in the order of their ids and never overlap, so the last one that began
//! by an instant is the only one that can cover it (ADR 0015).

use jiff::Timestamp;
use oci::{Digest, Tag};
use sqlx::any::AnyRow;

use super::TagCause;
use crate::connection::Tx;
use crate::dialect::statements;
use crate::rows::{Columns as _, all, micros};
use crate::{Catalog, CatalogError, RepositoryId};

/// One span of a tag's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRow {
    /// Its number; spans of a repository are ordered by it.
    pub id: i64,
    /// The tag.
    pub tag: Tag,
    /// What it pointed at.
    pub digest: Digest,
    /// From when.
    pub start: Timestamp,
    /// Until when; `None` for the present.
    pub end: Option<Timestamp>,
    /// When it ends, or would have ended, by itself.
    pub expires: Option<Timestamp>,
    /// Who did it.
    pub actor: String,
    /// Why.
    pub cause: TagCause,
    /// Why it no longer does.
    pub end_cause: Option<TagCause>,
    /// The span that this one brought back.
    pub reverts: Option<i64>,
    /// Since when it is no way back any more, because somebody deleted it permanently.
    pub purged: Option<Timestamp>,
    /// Whether somebody made the tag immutable; rules are another question.
    pub immutable: bool,
}

/// A tag of a repository at an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryTag {
    /// The tag.
    pub tag: Tag,
    /// What it pointed at.
    pub digest: Digest,
    /// Since when.
    pub since: Timestamp,
}

statements! {
    OF_TAG = "SELECT * FROM tag WHERE repository_id = $1 AND name = $2 AND id < $3
          AND start_us <= COALESCE((SELECT c.start_us FROM tag c WHERE c.repository_id = $1 AND c.id = $3), 9223372036854775807)
        ORDER BY start_us DESC, id DESC LIMIT $4";
    OF_REPOSITORY = "SELECT * FROM tag WHERE repository_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
    TAG_AT = "SELECT last.digest FROM (
            SELECT digest, end_us, expires_us FROM tag WHERE repository_id = $1 AND name = $2 AND start_us <= $3
            ORDER BY start_us DESC, id DESC LIMIT 1
        ) last
        WHERE (last.end_us IS NULL OR last.end_us > $3) AND (last.expires_us IS NULL OR last.expires_us > $3)";
    TAGS_AT = "SELECT name, digest, start_us FROM tag
        WHERE repository_id = $1 AND name > $2 AND start_us <= $3 AND (end_us IS NULL OR end_us > $3)
          AND (expires_us IS NULL OR expires_us > $3)
        ORDER BY name LIMIT $4";
    KEPT_BY_HISTORY = "SELECT id FROM tag
        WHERE repository_id = $1 AND digest = $2 AND purged_at IS NULL AND (end_us IS NULL OR end_us > $3) LIMIT 1";
}

impl Catalog {
    /// Returns a tag's spans, latest first, beginning below the number `before`.
    pub async fn tag_history(
        &self,
        repository: RepositoryId,
        tag: &Tag,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<HistoryRow>, CatalogError> {
        let rows = self
            .dialect
            .query(OF_TAG)
            .bind(repository.0)
            .bind(tag.to_string())
            .bind(before.unwrap_or(i64::MAX))
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| read_span(&row))
    }

    /// Returns the spans of every tag of a repository, latest first, beginning below the number `before`.
    pub async fn repository_history(
        &self,
        repository: RepositoryId,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<HistoryRow>, CatalogError> {
        let rows = self
            .dialect
            .query(OF_REPOSITORY)
            .bind(repository.0)
            .bind(before.unwrap_or(i64::MAX))
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| read_span(&row))
    }

    /// Returns what a tag pointed at, at an instant.
    pub async fn tag_at(
        &self,
        repository: RepositoryId,
        tag: &Tag,
        at: Timestamp,
    ) -> Result<Option<Digest>, CatalogError> {
        let row = self
            .dialect
            .query(TAG_AT)
            .bind(repository.0)
            .bind(tag.to_string())
            .bind(micros(at))
            .fetch_optional(&self.reader)
            .await?;
        row.map(|row| row.digest("digest")).transpose()
    }

    /// Returns the tags a repository had at an instant, in ASCII order, beginning after `after`.
    pub async fn tags_at(
        &self,
        repository: RepositoryId,
        at: Timestamp,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<RepositoryTag>, CatalogError> {
        let rows = self
            .dialect
            .query(TAGS_AT)
            .bind(repository.0)
            .bind(after.unwrap_or_default().to_owned())
            .bind(micros(at))
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| {
            Ok(RepositoryTag {
                tag: row.tag("name")?,
                digest: row.digest("digest")?,
                since: row.time("start_us")?,
            })
        })
    }

    /// Returns whether a tag leads to a manifest, now or by a way back inside the restore window: the collector's
    /// question. A span that ran out and is not closed yet counts, so that nothing is lost before its window begins.
    ///
    /// Ask it after locking the manifest's row: a restore takes the same lock before it opens the way again.
    pub(crate) async fn is_kept_by_tags_in(
        &self,
        tx: &mut Tx,
        repository: RepositoryId,
        digest: &Digest,
        window_begin: Timestamp,
    ) -> Result<bool, CatalogError> {
        let row = self
            .dialect
            .query(KEPT_BY_HISTORY)
            .bind(repository.0)
            .bind(digest.to_string())
            .bind(micros(window_begin))
            .fetch_optional(&mut **tx)
            .await?;
        Ok(row.is_some())
    }
}

fn read_span(row: &AnyRow) -> Result<HistoryRow, CatalogError> {
    Ok(HistoryRow {
        id: row.int("id")?,
        tag: row.tag("name")?,
        digest: row.digest("digest")?,
        start: row.time("start_us")?,
        end: row.maybe_time("end_us")?,
        expires: row.maybe_time("expires_us")?,
        actor: row.text("actor")?,
        cause: TagCause::parse(&row.text("cause")?)?,
        end_cause: row
            .maybe_text("end_cause")?
            .map(|cause| TagCause::parse(&cause))
            .transpose()?,
        reverts: row.maybe_int("reverts_id")?,
        purged: row.maybe_time("purged_at")?,
        immutable: row.flag("immutable")?,
    })
}
