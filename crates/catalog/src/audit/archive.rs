//! Old entries of the trail, moved out of the table that pages are read from.
//!
//! A segment is some thousand entries in one compressed row; the transaction that writes it deletes what it holds, so an
//! entry is in one place at every instant. Segments stay in the database and not in the blob store: they move, are
//! copied and are restored together with the rows they were. What a segment's bytes mean is the caller's.

use jiff::Timestamp;

use super::AuditRow;
use super::trail::{AuditFilter, read_row};
use crate::dialect::{chunks, statements};
use crate::rows::{Columns as _, all, micros};
use crate::{Catalog, CatalogError};

statements! {
    OLDEST = "SELECT * FROM audit WHERE at < $1 ORDER BY at, id LIMIT $2";
    NTH_LATEST = "SELECT at FROM audit ORDER BY at DESC, id DESC LIMIT 1 OFFSET $1";
    KEEP = "INSERT INTO audit_archive (first_at, last_at, entries, content) VALUES ($1, $2, $3, $4)";
    REMOVE = "DELETE FROM audit WHERE id IN ({list})";
    NEXT = "SELECT id, content FROM audit_archive WHERE id < $1 AND last_at >= $2 AND first_at < $3
        ORDER BY id DESC LIMIT 1";
}

/// A segment of old entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditSegment {
    /// Its number; a later one holds later entries.
    pub id: i64,
    /// What was given to [`Catalog::archive_audit`].
    pub content: Vec<u8>,
}

impl Catalog {
    /// Returns the oldest entries before an instant, oldest first.
    pub async fn audit_before(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<AuditRow>, CatalogError> {
        let query = self.dialect.query(OLDEST);
        let query = query.bind(micros(before)).bind(i64::from(limit));
        all(query.fetch_all(&self.reader).await?, |row| read_row(&row))
    }

    /// Returns the instant of the entry after the latest `count`; `None` if there are no more than that.
    pub async fn audit_beyond(&self, count: u64) -> Result<Option<Timestamp>, CatalogError> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let query = self.dialect.query(NTH_LATEST).bind(count);
        let row = query.fetch_optional(&self.reader).await?;
        row.map(|row| row.time("at")).transpose()
    }

    /// Moves entries into a segment with this content. Returns whether they were still there, all of them; if somebody
    /// else has moved one, nothing is changed.
    pub async fn archive_audit(
        &self,
        rows: &[AuditRow],
        content: &[u8],
    ) -> Result<bool, CatalogError> {
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
            return Ok(true);
        };
        let mut tx = self.begin().await?;
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let mut removed = 0;
        for chunk in chunks(&ids) {
            let mut query = self.dialect.query_many(REMOVE, chunk.len());
            for id in chunk {
                query = query.bind(*id);
            }
            removed += query.execute(&mut *tx).await?.rows_affected();
        }
        if removed != rows.len() as u64 {
            return Ok(false);
        }
        self.dialect
            .query(KEEP)
            .bind(micros(first.at))
            .bind(micros(last.at))
            .bind(i64::try_from(rows.len()).unwrap_or(i64::MAX))
            .bind(content.to_vec())
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Returns the next older segment that may hold entries of the filter's time, beginning below the segment `after`.
    pub async fn audit_segment(
        &self,
        filter: &AuditFilter,
        after: Option<i64>,
    ) -> Result<Option<AuditSegment>, CatalogError> {
        let row = self
            .dialect
            .query(NEXT)
            .bind(after.unwrap_or(i64::MAX))
            .bind(filter.from.map_or(i64::MIN, micros))
            .bind(filter.to.map_or(i64::MAX, micros))
            .fetch_optional(&self.reader)
            .await?;
        let read = |row: sqlx::any::AnyRow| {
            Ok(AuditSegment {
                id: row.int("id")?,
                content: row.bytes("content")?,
            })
        };
        row.map(read).transpose()
    }
}
