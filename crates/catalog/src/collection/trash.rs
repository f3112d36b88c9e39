//! Pass T: objects whose rows are gone. Whoever calls deletes the objects; here is only what is to be deleted.

use failpoint::Step;
use jiff::{SignedDuration, Timestamp};

use crate::dialect::{chunks, statements};
use crate::rows::{Columns as _, all, micros};
use crate::{Catalog, CatalogError};

/// The first pause after a failure; each further one is twice as long.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(30);
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(1);

/// An object that nothing refers to any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discarded {
    /// Its key.
    pub object_key: String,
    /// Its size in bytes, 0 if it is not known.
    pub size_bytes: u64,
    /// How often deleting it failed.
    pub attempts: i64,
}

statements! {
    DUE = "SELECT object_key, size_bytes, attempts FROM trash WHERE try_after <= $1
        ORDER BY since, object_key LIMIT $2";
    FORGET = "DELETE FROM trash WHERE object_key IN (
        SELECT object_key FROM trash WHERE object_key IN ({list}) {skip locked})";
    FAILED = "UPDATE trash SET attempts = attempts + 1, try_after = $1, last_error = $2 WHERE object_key IN (
        SELECT object_key FROM trash WHERE object_key IN ({list}) {skip locked})";
}

impl Catalog {
    /// Returns up to `limit` objects to delete, oldest first. Delete them, then call [`Catalog::forget_discarded`].
    pub async fn discarded(
        &self,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<Discarded>, CatalogError> {
        let rows = self
            .dialect
            .query(DUE)
            .bind(micros(now))
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| {
            Ok(Discarded {
                object_key: row.text("object_key")?,
                size_bytes: row.size("size_bytes")?,
                attempts: row.int("attempts")?,
            })
        })
    }

    /// Forgets objects that have been deleted. What another collector is just forgetting is left to it.
    pub async fn forget_discarded(&self, objects: &[Discarded]) -> Result<(), CatalogError> {
        let mut tx = self.begin().await?;
        for chunk in chunks(objects) {
            let mut query = self.dialect.query_many(FORGET, chunk.len());
            for object in chunk {
                query = query.bind(object.object_key.clone());
            }
            query.execute(&mut *tx).await?;
        }
        failpoint::before(Step::TrashForget);
        tx.commit().await?;
        failpoint::after(Step::TrashForget);
        Ok(())
    }

    /// Leaves objects alone for a while that could not be deleted.
    pub async fn postpone_discarded(
        &self,
        objects: &[Discarded],
        error: &str,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let failures = objects.iter().map(|object| object.attempts).max();
        let until = now
            .saturating_add(pause_after(failures.unwrap_or(0)))
            .unwrap_or(now);
        let mut tx = self.begin().await?;
        for chunk in chunks(objects) {
            let mut query = self
                .dialect
                .query_many(FAILED, chunk.len())
                .bind(micros(until))
                .bind(error.to_owned());
            for object in chunk {
                query = query.bind(object.object_key.clone());
            }
            query.execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

fn pause_after(failures: i64) -> SignedDuration {
    let doublings = u32::try_from(failures.clamp(0, 16)).unwrap_or(0);
    (FIRST_PAUSE * 2_i32.pow(doublings)).min(LONGEST_PAUSE)
}
