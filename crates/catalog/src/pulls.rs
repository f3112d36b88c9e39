//! Who is pulled, how often and when: counted elsewhere, written here in batches.

use std::time::Duration;

use jiff::Timestamp;
use oci::{Digest, Tag};

use crate::dialect::statements;
use crate::rows::{Columns as _, all, micros};
use crate::{Catalog, CatalogError, RepositoryId};

const DAY: Duration = Duration::from_hours(24);

/// Pulls of one manifest by one name since the last batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullCount {
    /// Where.
    pub repository: RepositoryId,
    /// What.
    pub digest: Digest,
    /// By which tag; `None` by digest.
    pub tag: Option<Tag>,
    /// How often.
    pub pulls: u64,
    /// When last.
    pub last: Timestamp,
}

/// Pulls of a manifest on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullDay {
    /// The day's beginning, UTC.
    pub day: Timestamp,
    /// By which tag; `None` by digest.
    pub tag: Option<Tag>,
    /// How often.
    pub pulls: u64,
    /// When last.
    pub last: Timestamp,
}

statements! {
    ADD = "INSERT INTO pull_stat (repository_id, digest, tag, day, pulls, last_at)
        SELECT r.id, $2, $3, $4, $5, $6 FROM repository r WHERE r.id = $1 AND r.live_name IS NOT NULL
        ON CONFLICT (repository_id, digest, tag, day) DO UPDATE SET pulls = pull_stat.pulls + excluded.pulls,
            last_at = CASE WHEN excluded.last_at > pull_stat.last_at THEN excluded.last_at ELSE pull_stat.last_at END";
    TOUCH = "UPDATE manifest SET last_pulled_at = $3
        WHERE repository_id = $1 AND digest = $2 AND (last_pulled_at IS NULL OR last_pulled_at < $3)";
    OF_MANIFEST = "SELECT day, tag, pulls, last_at FROM pull_stat
        WHERE repository_id = $1 AND digest = $2 ORDER BY day DESC, tag LIMIT $3";
    FORGET = "DELETE FROM pull_stat WHERE day < $1";
}

impl Catalog {
    /// Adds a batch of pulls, in one transaction. Those of repositories that are gone are dropped.
    pub async fn add_pulls(&self, pulls: &[PullCount]) -> Result<(), CatalogError> {
        let mut ordered: Vec<&PullCount> = pulls.iter().collect();
        // Two replicas' batches touch rows in one order.
        ordered.sort_unstable_by_key(|pull| (pull.repository, &pull.digest, &pull.tag));
        let mut tx = self.begin().await?;
        for pull in ordered {
            let last = micros(pull.last);
            self.dialect
                .query(ADD)
                .bind(pull.repository.0)
                .bind(pull.digest.to_string())
                .bind(
                    pull.tag
                        .as_ref()
                        .map(ToString::to_string)
                        .unwrap_or_default(),
                )
                .bind(day_of(last))
                .bind(pull.pulls as i64)
                .bind(last)
                .execute(&mut *tx)
                .await?;
            self.dialect
                .query(TOUCH)
                .bind(pull.repository.0)
                .bind(pull.digest.to_string())
                .bind(last)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Returns a manifest's pulls, latest day first.
    pub async fn pulls_of(
        &self,
        repository: RepositoryId,
        digest: &Digest,
        limit: u32,
    ) -> Result<Vec<PullDay>, CatalogError> {
        let rows = self
            .dialect
            .query(OF_MANIFEST)
            .bind(repository.0)
            .bind(digest.to_string())
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| {
            let tag = row.text("tag")?;
            Ok(PullDay {
                day: row.time("day")?,
                tag: (!tag.is_empty()).then(|| row.tag("tag")).transpose()?,
                pulls: row.size("pulls")?,
                last: row.time("last_at")?,
            })
        })
    }

    /// Forgets the pulls of days before an instant and returns how many rows there were; the last pull stays known.
    pub async fn forget_pulls(&self, before: Timestamp) -> Result<u64, CatalogError> {
        let query = self.dialect.query(FORGET).bind(micros(before));
        Ok(query.execute(&self.writer).await?.rows_affected())
    }
}

/// Returns the beginning of an instant's day, in microseconds.
fn day_of(instant: i64) -> i64 {
    let day = crate::rows::span(DAY);
    instant.div_euclid(day) * day
}
