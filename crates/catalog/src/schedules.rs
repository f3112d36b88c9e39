//! Schedules: recurring work that some replica queues, once.
//!
//! A row says when its job is due next. Every replica sees that, and tries to move the row on to the occurrence after;
//! one of them succeeds and queues the job in the same transaction. There is no leader, and what a time expression
//! means is not known here: whoever calls has read it and brings the next instant.

use jiff::Timestamp;
use sqlx::any::AnyRow;

use crate::dialect::statements;
use crate::rows::{Columns as _, all, micros};
use crate::{Catalog, CatalogError, NewJob};

/// A schedule as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Its name.
    pub name: String,
    /// When it recurs, as a cron expression in UTC.
    pub cron: String,
    /// When it is due next.
    pub next_run: Timestamp,
    /// When its job was last queued.
    pub last_run: Option<Timestamp>,
}

statements! {
    PUT = "INSERT INTO schedule (name, cron, next_run) VALUES ($1, $2, $3)
        ON CONFLICT (name) DO UPDATE SET cron = excluded.cron, next_run = excluded.next_run
        WHERE schedule.cron <> excluded.cron";
    REMOVE = "DELETE FROM schedule WHERE name = $1";
    ALL = "SELECT name, cron, next_run, last_run FROM schedule ORDER BY name";
    PAGE = "SELECT name, cron, next_run, last_run FROM schedule WHERE name > $1 ORDER BY name LIMIT $2";
    DUE = "SELECT name, cron, next_run, last_run FROM schedule WHERE next_run <= $1 ORDER BY next_run, name";
    ADVANCE = "UPDATE schedule SET next_run = $3, last_run = $4 WHERE name = $1 AND next_run = $2";
}

impl Catalog {
    /// Makes a schedule, or gives it another expression; with the one it has, it keeps its place. Returns whether
    /// anything changed.
    pub async fn put_schedule(
        &self,
        name: &str,
        cron: &str,
        next_run: Timestamp,
    ) -> Result<bool, CatalogError> {
        let written = self
            .dialect
            .query(PUT)
            .bind(name.to_owned())
            .bind(cron.to_owned())
            .bind(micros(next_run))
            .execute(&self.writer)
            .await?;
        Ok(written.rows_affected() == 1)
    }

    /// Ends a schedule. Returns whether there was one.
    pub async fn remove_schedule(&self, name: &str) -> Result<bool, CatalogError> {
        let removed = self
            .dialect
            .query(REMOVE)
            .bind(name.to_owned())
            .execute(&self.writer)
            .await?;
        Ok(removed.rows_affected() == 1)
    }

    /// Returns every schedule, by name.
    pub async fn schedules(&self) -> Result<Vec<Schedule>, CatalogError> {
        let rows = self.dialect.query(ALL).fetch_all(&self.reader).await?;
        all(rows, |row| read_schedule(&row))
    }

    /// Returns up to `limit` schedules whose names come after a name, by name.
    pub async fn schedules_after(
        &self,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Schedule>, CatalogError> {
        let rows = self
            .dialect
            .query(PAGE)
            .bind(after.to_owned())
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| read_schedule(&row))
    }

    /// Returns the schedules that are due at `now`, the longest overdue first.
    pub async fn due_schedules(&self, now: Timestamp) -> Result<Vec<Schedule>, CatalogError> {
        let rows = self
            .dialect
            .query(DUE)
            .bind(micros(now))
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| read_schedule(&row))
    }

    /// Moves a due schedule on to its next occurrence and queues its job, together. Returns false, with nothing
    /// queued, if another replica was faster.
    pub async fn run_schedule(
        &self,
        due: &Schedule,
        next_run: Timestamp,
        job: &NewJob,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        let advanced = self
            .dialect
            .query(ADVANCE)
            .bind(due.name.clone())
            .bind(micros(due.next_run))
            .bind(micros(next_run))
            .bind(micros(now))
            .execute(&mut *tx)
            .await?;
        if advanced.rows_affected() == 0 {
            return Ok(false);
        }
        self.enqueue_in(&mut tx, job).await?;
        tx.commit().await?;
        Ok(true)
    }
}

fn read_schedule(row: &AnyRow) -> Result<Schedule, CatalogError> {
    Ok(Schedule {
        name: row.text("name")?,
        cron: row.text("cron")?,
        next_run: row.time("next_run")?,
        last_run: row.maybe_time("last_run")?,
    })
}
