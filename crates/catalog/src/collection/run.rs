//! What people see of collection and how they steer it: switches, the queue, the log of runs.

use jiff::Timestamp;

use super::Collected;
use crate::dialect::statements;
use crate::rows::{Columns as _, all, micros};
use crate::{Actor, AuditAction, AuditEntry, Catalog, CatalogError};

/// How collection is steered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switches {
    /// Whether it rests until somebody resumes it.
    pub is_paused: bool,
    /// How many entries and objects it looks at in a second, at most.
    pub rate: u32,
}

/// What waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    /// How many entries there are of each kind: `blob`, `evidence`, `link`, `manifest`.
    pub entries: Vec<(String, u64)>,
    /// Since when the longest-overdue entry is due, if any is.
    pub due_since: Option<Timestamp>,
    /// How many objects wait to be deleted.
    pub objects: u64,
    /// Their known size in bytes.
    pub object_bytes: u64,
    /// How many blobs are condemned.
    pub condemned: u64,
    /// Their size in bytes.
    pub condemned_bytes: u64,
}

/// One run that found something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectionRun {
    /// Its number.
    pub id: i64,
    /// Who or what started it.
    pub cause: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// What it did.
    pub collected: Collected,
}

/// Runs that are remembered.
const KEPT_RUNS: i64 = 500;

statements! {
    SWITCHES = "SELECT name, value FROM gc_switch";
    SET_SWITCH = "UPDATE gc_switch SET value = $2 WHERE name = $1";
    ENTRIES = "SELECT kind, COUNT(*) AS entries, MIN(review_after) AS first_due FROM gc_review GROUP BY kind ORDER BY kind";
    TRASH = "SELECT COUNT(*) AS objects, CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) AS bytes FROM trash";
    CONDEMNED = "SELECT COUNT(*) AS objects, CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) AS bytes FROM blob
        WHERE state = 'condemned'";
    LOG = "INSERT INTO gc_run (cause, started_at, ended_at, reviewed, manifests, links, condemned, blobs, evidence,
            objects, freed_bytes)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    TRIM = "DELETE FROM gc_run WHERE id <= (SELECT MAX(id) FROM gc_run) - $1";
    RUNS = "SELECT * FROM gc_run ORDER BY id DESC LIMIT $1";
}

impl Catalog {
    /// Returns how collection is steered.
    pub async fn collection_switches(&self) -> Result<Switches, CatalogError> {
        let rows = self.dialect.query(SWITCHES).fetch_all(&self.reader).await?;
        let mut switches = Switches {
            is_paused: false,
            rate: u32::MAX,
        };
        for row in rows {
            match row.text("name")?.as_str() {
                "paused" => switches.is_paused = row.flag("value")?,
                "rate" => switches.rate = row.count("value")?.max(1),
                _ => {}
            }
        }
        Ok(switches)
    }

    /// Steers collection on every replica.
    pub async fn steer_collection(
        &self,
        switches: Switches,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let mut tx = self.begin().await?;
        for (name, value) in [
            ("paused", i64::from(switches.is_paused)),
            ("rate", i64::from(switches.rate.max(1))),
        ] {
            self.dialect
                .query(SET_SWITCH)
                .bind(name)
                .bind(value)
                .execute(&mut *tx)
                .await?;
        }
        let detail = format!("paused {}, {} a second", switches.is_paused, switches.rate);
        let entry = AuditEntry {
            detail: Some(&detail),
            ..AuditEntry::on(AuditAction::CollectionSteer, None, None)
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Returns what waits to be collected.
    pub async fn collection_queue(&self, now: Timestamp) -> Result<Queue, CatalogError> {
        let mut queue = Queue::default();
        for row in self.dialect.query(ENTRIES).fetch_all(&self.reader).await? {
            queue
                .entries
                .push((row.text("kind")?, row.size("entries")?));
            let first_due = row.time("first_due")?;
            if first_due <= now {
                queue.due_since = Some(queue.due_since.map_or(first_due, |due| due.min(first_due)));
            }
        }
        let trash = self.dialect.query(TRASH).fetch_one(&self.reader).await?;
        queue.objects = trash.size("objects")?;
        queue.object_bytes = trash.size("bytes")?;
        let condemned = self
            .dialect
            .query(CONDEMNED)
            .fetch_one(&self.reader)
            .await?;
        queue.condemned = condemned.size("objects")?;
        queue.condemned_bytes = condemned.size("bytes")?;
        Ok(queue)
    }

    /// Remembers a run, and forgets the oldest.
    pub async fn log_collection(
        &self,
        cause: &str,
        collected: &Collected,
        started_at: Timestamp,
        ended_at: Timestamp,
    ) -> Result<(), CatalogError> {
        let mut tx = self.begin().await?;
        self.dialect
            .query(LOG)
            .bind(cause.to_owned())
            .bind(micros(started_at))
            .bind(micros(ended_at))
            .bind(collected.reviewed as i64)
            .bind(collected.manifests as i64)
            .bind(collected.links as i64)
            .bind(collected.condemned as i64)
            .bind(collected.blobs as i64)
            .bind(collected.evidence as i64)
            .bind(collected.objects as i64)
            .bind(collected.freed_bytes as i64)
            .execute(&mut *tx)
            .await?;
        self.dialect
            .query(TRIM)
            .bind(KEPT_RUNS)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Returns the latest runs that found something to do.
    pub async fn collection_runs(&self, limit: u32) -> Result<Vec<CollectionRun>, CatalogError> {
        let rows = self
            .dialect
            .query(RUNS)
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| {
            Ok(CollectionRun {
                id: row.int("id")?,
                cause: row.text("cause")?,
                started_at: row.time("started_at")?,
                ended_at: row.time("ended_at")?,
                collected: Collected {
                    reviewed: row.size("reviewed")?,
                    manifests: row.size("manifests")?,
                    links: row.size("links")?,
                    condemned: row.size("condemned")?,
                    blobs: row.size("blobs")?,
                    evidence: row.size("evidence")?,
                    objects: row.size("objects")?,
                    freed_bytes: row.size("freed_bytes")?,
                },
            })
        })
    }
}
