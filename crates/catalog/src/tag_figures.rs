//! What pages of tags are ordered by and repositories are summed up from, kept beside the tags.
//!
//! Each live tag has a row of `tag_figure`, its size, grade and verdict, and `tag_tally` counts them. Whatever changes
//! one of these appends a row to `tag_pending` in its own transaction (triggers do), so no two pushes wait for one counter;
//! [`Catalog::fold_tag_figures`] makes what is named there anew, from the rows that are the truth. A fold that is repeated
//! or comes late changes nothing: nothing is added up from what was said, only from what is.
//!
//! Readers fold one batch before they look, and so see what they did themselves. Behind a longer queue, a rematch of
//! every image, figures are a minute old at most.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::any::AnyRow;

use crate::connection::Tx;
use crate::dialect::{Prepared, chunks, statements};
use crate::rows::{Columns as _, all};
use crate::{Catalog, CatalogError};

/// The grade of a tag that has none.
pub(crate) const UNGRADED: i64 = -1;

/// Pending rows folded in one transaction.
const BATCH: i64 = 500;

statements! {
    IS_PENDING = "SELECT id FROM tag_pending LIMIT 1";
    LOCK = "SELECT value FROM system_state WHERE name = 'figures' {for update}";
    TAKE = "DELETE FROM tag_pending WHERE id IN (SELECT id FROM tag_pending ORDER BY id LIMIT $1)
        RETURNING tag_id, digest";
    ON_DIGESTS = "SELECT id FROM tag WHERE digest IN ({list}) AND live_name IS NOT NULL";
    DROP = "DELETE FROM tag_figure WHERE tag_id IN ({list}) RETURNING repository_id, grade, verdict";
    MAKE = "INSERT INTO tag_figure (tag_id, repository_id, live_name, size_bytes, grade, verdict)
        SELECT t.id, t.repository_id, t.live_name, COALESCE(m.closure_bytes, 0), COALESCE(i.grade, -1), COALESCE(d.verdict, '')
        FROM tag t
        LEFT JOIN manifest m ON m.repository_id = t.repository_id AND m.digest = t.digest
        LEFT JOIN image_report i ON i.digest = t.digest
        LEFT JOIN decision d ON d.repository_id = t.repository_id AND d.digest = t.digest AND d.is_current = 1
        WHERE t.id IN ({list}) AND t.live_name IS NOT NULL
        RETURNING repository_id, grade, verdict";
    COUNT = "INSERT INTO tag_tally (repository_id, grade, verdict, tags) VALUES ($1, $2, $3, $4)
        ON CONFLICT (repository_id, grade, verdict) DO UPDATE SET tags = tag_tally.tags + excluded.tags";
    FORGET = "DELETE FROM tag_tally WHERE repository_id = $1 AND grade = $2 AND verdict = $3 AND tags = 0";
}

/// A repository's tags of one grade and one verdict.
type Cell = (i64, i64, String);

impl Catalog {
    /// Makes every figure anew that may be old, and returns how many changes there were. Who shares the database should
    /// rather take [`Catalog::fold_some_tag_figures`], with pauses.
    pub async fn fold_tag_figures(&self) -> Result<u64, CatalogError> {
        let mut folded = 0;
        loop {
            let batch = self.fold_tag_figures_once().await?;
            folded += batch;
            if batch < BATCH as u64 {
                return Ok(folded);
            }
        }
    }

    /// Makes figures anew for one transaction's worth of changes. Returns whether there may be more.
    pub async fn fold_some_tag_figures(&self) -> Result<bool, CatalogError> {
        Ok(self.fold_tag_figures_once().await? == BATCH as u64)
    }

    /// Folds what changed lately, before figures are read.
    pub(crate) async fn refresh_tag_figures(&self) -> Result<(), CatalogError> {
        let query = self.dialect.query(IS_PENDING);
        if query.fetch_optional(&self.reader).await?.is_some() {
            // A full disk closes no page: it shows what was folded before, and the job that folds tells of the fault.
            let _ = self.fold_tag_figures_once().await;
        }
        Ok(())
    }

    async fn fold_tag_figures_once(&self) -> Result<u64, CatalogError> {
        let mut tx = self.begin().await?;
        // Whoever folds is alone: two would make one row twice.
        self.dialect.query(LOCK).fetch_all(&mut *tx).await?;
        // What is taken is read before the rows that it names: who changes them later appends another.
        let query = self.dialect.query(TAKE).bind(BATCH);
        let taken = query.fetch_all(&mut *tx).await?;
        let tags = self.tags_named_in(&mut tx, &taken).await?;
        let mut changes: BTreeMap<Cell, i64> = BTreeMap::new();
        for (statement, sign) in [(DROP, -1), (MAKE, 1)] {
            for chunk in chunks(&tags) {
                let mut query = self.dialect.query_many(statement, chunk.len());
                for tag in chunk {
                    query = query.bind(*tag);
                }
                for row in query.fetch_all(&mut *tx).await? {
                    *changes.entry(cell(&row)?).or_default() += sign;
                }
            }
        }
        for (cell, tags) in changes.into_iter().filter(|(_, tags)| *tags != 0) {
            let query = on_cell(self.dialect.query(COUNT), &cell).bind(tags);
            query.execute(&mut *tx).await?;
            if tags < 0 {
                let query = on_cell(self.dialect.query(FORGET), &cell);
                query.execute(&mut *tx).await?;
            }
        }
        tx.commit().await?;
        Ok(taken.len() as u64)
    }

    /// Returns the tags that pending rows name, each once.
    async fn tags_named_in(&self, tx: &mut Tx, taken: &[AnyRow]) -> Result<Vec<i64>, CatalogError> {
        let mut tags = BTreeSet::new();
        let mut digests = BTreeSet::new();
        for row in taken {
            tags.extend(row.maybe_int("tag_id")?);
            digests.extend(row.maybe_text("digest")?);
        }
        let digests: Vec<String> = digests.into_iter().collect();
        for chunk in chunks(&digests) {
            let mut query = self.dialect.query_many(ON_DIGESTS, chunk.len());
            for digest in chunk {
                query = query.bind(digest.clone());
            }
            let rows = query.fetch_all(&mut **tx).await?;
            tags.extend(all(rows, |row| row.int("id"))?);
        }
        Ok(tags.into_iter().collect())
    }
}

fn cell(row: &AnyRow) -> Result<Cell, CatalogError> {
    Ok((
        row.int("repository_id")?,
        row.int("grade")?,
        row.text("verdict")?,
    ))
}

fn on_cell(query: Prepared, cell: &Cell) -> Prepared {
    let (repository, grade, verdict) = cell;
    query.bind(*repository).bind(*grade).bind(verdict.clone())
}
