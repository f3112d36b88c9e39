//! What recurring checks of the store found, and how far they have come.
//!
//! A blob whose object is missing or is not what its digest says is quarantined: reads of it fail and say so, clients
//! are told to send it again, and whoever does replaces the object (see [`Catalog::publish_blob`]). The finding tells
//! people why. It goes with the quarantine: by a new upload, by a later look that finds the object whole, or with the
//! blob itself.
//!
//! What it does not do: look at the store. The server lists, reads and hashes, and brings what it saw.

use jiff::Timestamp;
use oci::Digest;
use sqlx::any::AnyRow;

use crate::collection::BlobRow;
use crate::connection::Tx;
use crate::dialect::{chunks, statements};
use crate::rows::{Columns as _, all, micros};
use crate::{Catalog, CatalogError};

/// What is wrong with an object that a row names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not in the store.
    Missing,
    /// It has another size, or its bytes have another hash.
    Damaged,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 2] = [Self::Missing, Self::Damaged];

    /// Returns the word stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Damaged => "damaged",
        }
    }
}

/// A fault that somebody should look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreFinding {
    /// The blob.
    pub digest: Digest,
    /// What is wrong.
    pub fault: Fault,
    /// The object.
    pub object_key: String,
    /// What was seen.
    pub detail: String,
    /// When it was found.
    pub found_at: Timestamp,
}

/// A recurring check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreCheck {
    /// Objects against rows.
    Reconcile,
    /// Bytes against digests.
    Verify,
}

impl StoreCheck {
    /// Every check.
    pub const ALL: [Self; 2] = [Self::Reconcile, Self::Verify];

    /// Returns the word stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reconcile => "reconcile",
            Self::Verify => "verify",
        }
    }
}

/// How far a check has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckProgress {
    /// Where the round under way goes on; empty at its beginning, and between rounds.
    pub position: String,
    /// When the round began.
    pub started_at: Timestamp,
    /// When it ended, unless it is under way.
    pub ended_at: Option<Timestamp>,
    /// Objects looked at.
    pub objects: u64,
    /// Their bytes, as far as they were read.
    pub bytes: u64,
    /// Objects that no row names.
    pub unknown_objects: u64,
    /// Their bytes.
    pub unknown_bytes: u64,
}

impl CheckProgress {
    /// A round that begins.
    pub fn begun_at(now: Timestamp) -> Self {
        Self {
            position: String::new(),
            started_at: now,
            ended_at: None,
            objects: 0,
            bytes: 0,
            unknown_objects: 0,
            unknown_bytes: 0,
        }
    }
}

statements! {
    LOCK = "SELECT object_key, state FROM blob WHERE digest = $1 {for update}";
    QUARANTINE = "UPDATE blob SET state = 'quarantined', condemned_at = NULL WHERE digest = $1 AND state = 'live'";
    RELEASE = "UPDATE blob SET state = 'live' WHERE digest = $1 AND state = 'quarantined'";
    FIND = "INSERT INTO store_finding (digest, kind, object_key, detail, found_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (digest) DO UPDATE SET kind = excluded.kind, object_key = excluded.object_key,
            detail = excluded.detail";
    FORGET = "DELETE FROM store_finding WHERE digest = $1";
    FORGET_GONE = "DELETE FROM store_finding WHERE NOT EXISTS (
        SELECT 1 FROM blob b WHERE b.digest = store_finding.digest AND b.object_key = store_finding.object_key)";
    FINDINGS = "SELECT digest, kind, object_key, detail, found_at FROM store_finding
        WHERE digest > $1 ORDER BY digest LIMIT $2";
    COUNTS = "SELECT kind, COUNT(*) AS things FROM store_finding GROUP BY kind ORDER BY kind";
    PROGRESS = "SELECT * FROM store_check WHERE name = $1";
    ADVANCE = "INSERT INTO store_check (name, position, started_at, ended_at, objects, bytes, unknown_objects, unknown_bytes)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (name) DO UPDATE SET position = excluded.position, started_at = excluded.started_at,
            ended_at = excluded.ended_at, objects = excluded.objects, bytes = excluded.bytes,
            unknown_objects = excluded.unknown_objects, unknown_bytes = excluded.unknown_bytes";
    BETWEEN = "SELECT digest, object_key, size_bytes FROM blob
        WHERE object_key > $1 AND object_key <= $2 ORDER BY object_key LIMIT $3";
    DISCARD_UNKNOWN = "INSERT INTO trash (object_key, since, size_bytes)
        SELECT CAST($1 AS TEXT), CAST($2 AS BIGINT), CAST($3 AS BIGINT)
        WHERE NOT EXISTS (SELECT 1 FROM blob WHERE object_key = $1)
          AND NOT EXISTS (SELECT 1 FROM upload WHERE object_key = $1)
        ON CONFLICT (object_key) DO NOTHING";
    UNKNOWN_DIGESTS = "SELECT digest FROM store_finding WHERE kind = 'missing' AND digest IN ({list})";
}

impl Catalog {
    /// Keeps anybody from reading a blob whose object is at fault, and tells why. Returns false, with nothing changed,
    /// if the blob has another object by now or is on its way out.
    pub async fn quarantine(
        &self,
        row: &BlobRow,
        fault: Fault,
        detail: &str,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        if !self.holds_in(&mut tx, row).await? {
            return Ok(false);
        }
        self.dialect
            .query(QUARANTINE)
            .bind(row.digest.to_string())
            .execute(&mut *tx)
            .await?;
        self.dialect
            .query(FIND)
            .bind(row.digest.to_string())
            .bind(fault.as_str())
            .bind(row.object_key.clone())
            .bind(detail.to_owned())
            .bind(micros(now))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Lets a blob be read again whose object was found whole. Returns whether it had been in quarantine.
    pub async fn release(&self, row: &BlobRow) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        if !self.holds_in(&mut tx, row).await? {
            return Ok(false);
        }
        let released = self
            .dialect
            .query(RELEASE)
            .bind(row.digest.to_string())
            .execute(&mut *tx)
            .await?;
        self.heal_in(&mut tx, &row.digest).await?;
        tx.commit().await?;
        Ok(released.rows_affected() == 1)
    }

    /// Locks a blob and returns whether it still has this object and is not on its way out.
    async fn holds_in(&self, tx: &mut Tx, row: &BlobRow) -> Result<bool, CatalogError> {
        let query = self.dialect.query(LOCK).bind(row.digest.to_string());
        let Some(now) = query.fetch_optional(&mut **tx).await? else {
            return Ok(false);
        };
        Ok(now.text("object_key")? == row.object_key && now.text("state")? != "condemned")
    }

    /// Forgets what was found about a digest: it has another object, or its object is whole.
    pub(crate) async fn heal_in(&self, tx: &mut Tx, digest: &Digest) -> Result<(), CatalogError> {
        let query = self.dialect.query(FORGET).bind(digest.to_string());
        query.execute(&mut **tx).await?;
        Ok(())
    }

    /// Returns up to `limit` findings in order of their digests, beginning after `after`.
    pub async fn store_findings(
        &self,
        after: &str,
        limit: u32,
    ) -> Result<Vec<StoreFinding>, CatalogError> {
        let rows = self
            .dialect
            .query(FINDINGS)
            .bind(after.to_owned())
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| {
            Ok(StoreFinding {
                digest: row.digest("digest")?,
                fault: read_fault(&row)?,
                object_key: row.text("object_key")?,
                detail: row.text("detail")?,
                found_at: row.time("found_at")?,
            })
        })
    }

    /// Returns how many findings there are of each fault.
    pub async fn store_faults(&self) -> Result<Vec<(Fault, u64)>, CatalogError> {
        let rows = self.dialect.query(COUNTS).fetch_all(&self.reader).await?;
        all(rows, |row| Ok((read_fault(&row)?, row.size("things")?)))
    }

    /// Forgets findings about blobs that are gone or have another object, and returns how many there were.
    pub async fn forget_old_findings(&self) -> Result<u64, CatalogError> {
        let forgotten = self
            .dialect
            .query(FORGET_GONE)
            .execute(&self.writer)
            .await?;
        Ok(forgotten.rows_affected())
    }

    /// Returns how far a check has come, if it ever began.
    pub async fn check_progress(
        &self,
        check: StoreCheck,
    ) -> Result<Option<CheckProgress>, CatalogError> {
        let query = self.dialect.query(PROGRESS).bind(check.as_str());
        let row = query.fetch_optional(&self.reader).await?;
        row.map(|row| {
            Ok(CheckProgress {
                position: row.text("position")?,
                started_at: row.time("started_at")?,
                ended_at: row.maybe_time("ended_at")?,
                objects: row.size("objects")?,
                bytes: row.size("bytes")?,
                unknown_objects: row.size("unknown_objects")?,
                unknown_bytes: row.size("unknown_bytes")?,
            })
        })
        .transpose()
    }

    /// Writes down how far a check has come.
    pub async fn put_check_progress(
        &self,
        check: StoreCheck,
        progress: &CheckProgress,
    ) -> Result<(), CatalogError> {
        self.dialect
            .query(ADVANCE)
            .bind(check.as_str())
            .bind(progress.position.clone())
            .bind(micros(progress.started_at))
            .bind(progress.ended_at.map(micros))
            .bind(progress.objects as i64)
            .bind(progress.bytes as i64)
            .bind(progress.unknown_objects as i64)
            .bind(progress.unknown_bytes as i64)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Returns up to `limit` blobs whose object keys lie after `after` and not after `until`, in order of their keys.
    pub async fn blobs_between(
        &self,
        after: &str,
        until: &str,
        limit: u32,
    ) -> Result<Vec<BlobRow>, CatalogError> {
        let rows = self
            .dialect
            .query(BETWEEN)
            .bind(after.to_owned())
            .bind(until.to_owned())
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| {
            Ok(BlobRow {
                digest: row.digest("digest")?,
                object_key: row.text("object_key")?,
                size_bytes: row.size("size_bytes")?,
            })
        })
    }

    /// Returns those of `digests` whose objects were missing when they were last looked for.
    pub async fn once_missing(&self, digests: &[Digest]) -> Result<Vec<Digest>, CatalogError> {
        let mut missing = Vec::new();
        for chunk in chunks(digests) {
            let mut query = self.dialect.query_many(UNKNOWN_DIGESTS, chunk.len());
            for digest in chunk {
                query = query.bind(digest.to_string());
            }
            missing.extend(all(query.fetch_all(&self.reader).await?, |row| {
                row.digest("digest")
            })?);
        }
        Ok(missing)
    }

    /// Puts objects that no row names into the trash, each with its size, and returns how many went there.
    ///
    /// The key of an upload is in a row from before its object is there until the blob's row names it, so an object
    /// that nothing names at the moment of the statement will never be named.
    pub async fn discard_unknown(
        &self,
        objects: &[(String, u64)],
        now: Timestamp,
    ) -> Result<u64, CatalogError> {
        let (mut tx, mut discarded) = (self.begin().await?, 0);
        for (key, size_bytes) in objects {
            let done = self
                .dialect
                .query(DISCARD_UNKNOWN)
                .bind(key.clone())
                .bind(micros(now))
                .bind(*size_bytes as i64)
                .execute(&mut *tx)
                .await?;
            discarded += done.rows_affected();
        }
        tx.commit().await?;
        Ok(discarded)
    }
}

fn read_fault(row: &AnyRow) -> Result<Fault, CatalogError> {
    let kind = row.text("kind")?;
    Fault::ALL
        .into_iter()
        .find(|fault| fault.as_str() == kind)
        .ok_or(CatalogError::Corrupt("kind of finding"))
}
