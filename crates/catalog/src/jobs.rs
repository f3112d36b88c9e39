//! Background work: leased one by one, fenced, retried, and visible when dead.
//!
//! Leases and due times are compared with the database's clock, because workers on several machines must agree.
//! Durations and jitter are the caller's. Work never runs inside the claiming transaction.

use std::time::Duration;

use jiff::Timestamp;

use crate::batch::Batch;
use crate::connection::Tx;
use crate::dialect::{Dialect, statements};
use crate::rows::{Columns as _, all, span};
use crate::{Actor, AuditAction, AuditEntry, Catalog, CatalogError, EndpointId};

/// A lane: each has its own workers, so that bulk work never starves a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// Somebody waits for it.
    Interactive,
    /// Somebody asked for it.
    Manual,
    /// Nobody waits.
    Bulk,
    /// The house cleans itself: collection, checks.
    Upkeep,
    /// Others are told: their machines answer when they like.
    Notify,
}

impl Lane {
    /// Every lane, the most urgent first.
    pub const ALL: [Self; 5] = [
        Self::Interactive,
        Self::Manual,
        Self::Bulk,
        Self::Upkeep,
        Self::Notify,
    ];

    /// Returns the word shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Manual => "manual",
            Self::Bulk => "bulk",
            Self::Upkeep => "upkeep",
            Self::Notify => "notify",
        }
    }

    pub(crate) const fn priority(self) -> i64 {
        match self {
            Self::Interactive => 0,
            Self::Manual => 1,
            Self::Bulk => 2,
            Self::Upkeep => 3,
            Self::Notify => 4,
        }
    }

    fn of_priority(priority: i64) -> Result<Self, CatalogError> {
        let mut lanes = Self::ALL.into_iter();
        lanes
            .find(|lane| lane.priority() == priority)
            .ok_or(CatalogError::Corrupt("lane of a job"))
    }
}

/// What has become of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobState {
    /// It waits for its time or for a worker.
    Ready,
    /// A worker has it.
    Running,
    /// It failed too often; [`Catalog::retry_dead`] gives it another chance.
    Dead,
    /// It ended well. The row goes soon after.
    Done,
}

impl JobState {
    /// Returns the word stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Dead => "dead",
            Self::Done => "done",
        }
    }

    /// Reads the word shown.
    pub fn parse(text: &str) -> Option<Self> {
        let states = [Self::Ready, Self::Running, Self::Dead, Self::Done];
        states.into_iter().find(|state| state.as_str() == text)
    }
}

/// A job to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// What kind of work.
    pub kind: String,
    /// Its lane.
    pub lane: Lane,
    /// What to work on, as JSON.
    pub payload: String,
    /// While a job with this key is open, another is not queued.
    pub dedup_key: Option<String>,
    /// How long to wait first.
    pub delay: Duration,
}

/// A job in the hands of one worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The job.
    pub job: i64,
    /// What kind of work.
    pub kind: String,
    /// What to work on, as JSON.
    pub payload: String,
    /// How often it has been claimed, this time included.
    pub attempts: i64,
    /// The number that must still be current when the result is committed.
    pub fence: i64,
}

/// A job as an administrator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRow {
    /// The job.
    pub job: i64,
    /// What kind of work.
    pub kind: String,
    /// Its lane.
    pub lane: Lane,
    /// What to work on, as JSON.
    pub payload: String,
    /// What has become of it.
    pub state: JobState,
    /// When it is due.
    pub run_after: Timestamp,
    /// How often it was tried.
    pub attempts: i64,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
}

/// What a job leaves behind, committed together with its end.
#[derive(Clone, Debug, Default)]
pub struct JobResults {
    /// Jobs that follow.
    pub follow_ups: Vec<NewJob>,
    /// The endpoint whose deliveries this job worked off, and how long its next one waits at least.
    pub deliveries_of: Option<(EndpointId, Duration)>,
}

/// The first pause after a failure; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

statements! {
    ENQUEUE = "INSERT INTO job (kind, lane, payload, dedup_key, state, run_after, attempts, fence)
        VALUES ($1, $2, $3, $4, 'ready', {clock} + CAST($5 AS BIGINT), 0, 0)
        ON CONFLICT (dedup_key) DO NOTHING RETURNING id";
    HASTEN = "UPDATE job SET run_after = {clock}
        WHERE dedup_key = $1 AND state = 'ready' AND attempts = 0 AND run_after > {clock} RETURNING lane";
    OBVIATE = "DELETE FROM job
        WHERE dedup_key = $1 AND state = 'ready' AND attempts = 0 AND run_after > {clock}";
    IS_DUE = "SELECT 1 AS due FROM job
        WHERE lane = $1 AND ((state = 'ready' AND run_after <= {clock}) OR (state = 'running' AND lease_until <= {clock}))
        LIMIT 1";
    CLAIM = "WITH picked AS (
            SELECT id FROM job
            WHERE lane = $1 AND ((state = 'ready' AND run_after <= {clock}) OR (state = 'running' AND lease_until <= {clock}))
            ORDER BY run_after, id LIMIT 1 {skip locked}
        )
        UPDATE job SET state = 'running', fence = job.fence + 1, attempts = job.attempts + 1,
            lease_owner = $2, lease_until = {clock} + CAST($3 AS BIGINT)
        FROM picked WHERE job.id = picked.id
        RETURNING job.id, job.kind, job.payload, job.attempts, job.fence";
    HEARTBEAT = "UPDATE job SET lease_until = {clock} + CAST($3 AS BIGINT)
        WHERE id = $1 AND fence = $2 AND state = 'running'";
    COMPLETE = "UPDATE job SET state = 'done', dedup_key = NULL, lease_owner = NULL, lease_until = NULL
        WHERE id = $1 AND fence = $2 AND state = 'running'";
    RETRY = "UPDATE job SET state = 'ready', run_after = {clock} + CAST($3 AS BIGINT), last_error = $4,
            lease_owner = NULL, lease_until = NULL
        WHERE id = $1 AND fence = $2 AND state = 'running'";
    BURY = "UPDATE job SET state = 'dead', dedup_key = NULL, last_error = $3, lease_owner = NULL, lease_until = NULL
        WHERE id = $1 AND fence = $2 AND state = 'running'";
    COUNTS = "SELECT state, COUNT(*) AS jobs FROM job WHERE state <> 'done' GROUP BY state ORDER BY state";
    IN_STATE = "SELECT id, kind, lane, payload, state, run_after, attempts, last_error FROM job
        WHERE state = $1 AND id > $2 ORDER BY id LIMIT $3";
    OLDEST_DUE = "SELECT lane, {clock} - MIN(run_after) AS waited FROM job
        WHERE state = 'ready' AND run_after <= {clock} GROUP BY lane";
    ANNOUNCE = "SELECT {announce} AS announced";
    REVIVE = "UPDATE job SET state = 'ready', run_after = {clock}, attempts = 0 WHERE id = $1 AND state = 'dead'
        RETURNING kind, lane";
    SWEEP = "DELETE FROM job WHERE state = 'done'";
}

/// Deletes, in a batch, the job of this key whose work was done before its time. One that somebody made due, or that
/// has begun, stays.
pub(crate) fn obviate(batch: &mut Batch, dedup_key: &str) {
    batch.add(OBVIATE).bind(dedup_key.to_owned());
}

impl Catalog {
    /// Queues a job. Returns its id, or `None` if one with the same key is open.
    pub async fn enqueue(&self, job: &NewJob) -> Result<Option<i64>, CatalogError> {
        let mut tx = self.begin_short().await?;
        let id = self.enqueue_in(&mut tx, job).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Makes a queued job due that was queued with a delay; one that waits after a failure keeps waiting. Returns whether
    /// there was one.
    pub async fn hasten(&self, dedup_key: &str) -> Result<bool, CatalogError> {
        let mut tx = self.begin_short().await?;
        let hastened = self.hasten_in(&mut tx, dedup_key).await?;
        tx.commit().await?;
        Ok(hastened)
    }

    pub(crate) async fn hasten_in(
        &self,
        tx: &mut Tx,
        dedup_key: &str,
    ) -> Result<bool, CatalogError> {
        let hastened = self
            .dialect
            .query(HASTEN)
            .bind(dedup_key.to_owned())
            .fetch_optional(&mut **tx)
            .await?;
        let Some(row) = hastened else {
            return Ok(false);
        };
        self.announce_in(tx, Lane::of_priority(row.int("lane")?)?)
            .await?;
        Ok(true)
    }

    /// Takes the next due job of a lane, or one whose lease has run out.
    ///
    /// A lane where nothing is due is only read: idle workers ask every second, and are in nobody's way.
    pub async fn claim(
        &self,
        lane: Lane,
        owner: &str,
        lease: Duration,
    ) -> Result<Option<Claim>, CatalogError> {
        let query = self.dialect.query(IS_DUE).bind(lane.priority());
        if query.fetch_optional(&self.reader).await?.is_none() {
            return Ok(None);
        }
        let mut tx = self.begin_short().await?;
        let row = self
            .dialect
            .query(CLAIM)
            .bind(lane.priority())
            .bind(owner.to_owned())
            .bind(span(lease))
            .fetch_optional(&mut *tx)
            .await?;
        tx.commit().await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Claim {
            job: row.int("id")?,
            kind: row.text("kind")?,
            payload: row.text("payload")?,
            attempts: row.int("attempts")?,
            fence: row.int("fence")?,
        }))
    }

    /// Extends the lease. Returns false if the job belongs to somebody else now: stop working.
    pub async fn heartbeat(&self, claim: &Claim, lease: Duration) -> Result<bool, CatalogError> {
        let updated = self
            .dialect
            .query(HEARTBEAT)
            .bind(claim.job)
            .bind(claim.fence)
            .bind(span(lease))
            .execute(&self.writer)
            .await?;
        Ok(updated.rows_affected() == 1)
    }

    /// Writes the results and ends the job, together. Returns false, with nothing written, if the fence has moved.
    pub async fn complete_with(
        &self,
        claim: &Claim,
        results: &JobResults,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        if let Some((endpoint, _)) = results.deliveries_of {
            self.lock_endpoint(&mut tx, endpoint).await?;
        }
        let completed = self
            .dialect
            .query(COMPLETE)
            .bind(claim.job)
            .bind(claim.fence)
            .execute(&mut *tx)
            .await?;
        if completed.rows_affected() == 0 {
            return Ok(false);
        }
        for job in &results.follow_ups {
            self.enqueue_in(&mut tx, job).await?;
        }
        if let Some((endpoint, pause)) = results.deliveries_of {
            self.continue_delivery_in(&mut tx, endpoint, pause, now)
                .await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Gives the job back for another attempt after `min(2ⁿ · 30 s, 1 h) + jitter`, or, once `attempts` reaches
    /// `max_attempts`, declares it dead. Returns false if the fence has moved.
    pub async fn fail(
        &self,
        claim: &Claim,
        error: &str,
        max_attempts: i64,
        jitter: Duration,
    ) -> Result<bool, CatalogError> {
        let query = if claim.attempts >= max_attempts {
            self.dialect
                .query(BURY)
                .bind(claim.job)
                .bind(claim.fence)
                .bind(error.to_owned())
        } else {
            self.dialect
                .query(RETRY)
                .bind(claim.job)
                .bind(claim.fence)
                .bind(span(pause_after(claim.attempts) + jitter))
                .bind(error.to_owned())
        };
        let updated = query.execute(&self.writer).await?;
        Ok(updated.rows_affected() == 1)
    }

    /// Returns how many jobs of each open state exist: `dead`, `ready`, `running`.
    pub async fn job_counts(&self) -> Result<Vec<(String, u64)>, CatalogError> {
        let rows = self.dialect.query(COUNTS).fetch_all(&self.reader).await?;
        all(rows, |row| Ok((row.text("state")?, row.size("jobs")?)))
    }

    /// Returns the jobs in a state, oldest first, beginning after the job `after`.
    pub async fn jobs_in(
        &self,
        state: JobState,
        after: i64,
        limit: u32,
    ) -> Result<Vec<JobRow>, CatalogError> {
        let rows = self
            .dialect
            .query(IN_STATE)
            .bind(state.as_str())
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| {
            Ok(JobRow {
                job: row.int("id")?,
                kind: row.text("kind")?,
                lane: Lane::of_priority(row.int("lane")?)?,
                payload: row.text("payload")?,
                state: JobState::parse(&row.text("state")?)
                    .ok_or(CatalogError::Corrupt("state of a job"))?,
                run_after: row.time("run_after")?,
                attempts: row.int("attempts")?,
                last_error: row.maybe_text("last_error")?,
            })
        })
    }

    /// Returns how long the longest-waiting due job of each lane has been waiting; lanes without one are left out.
    pub async fn job_ages(&self) -> Result<Vec<(Lane, Duration)>, CatalogError> {
        let rows = self
            .dialect
            .query(OLDEST_DUE)
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| {
            let waited = Duration::from_micros(row.size("waited")?);
            Ok((Lane::of_priority(row.int("lane")?)?, waited))
        })
    }

    /// Makes a dead job due again. Returns whether it was dead.
    pub async fn retry_dead(
        &self,
        job: i64,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        let revived = self
            .dialect
            .query(REVIVE)
            .bind(job)
            .fetch_optional(&mut *tx)
            .await?;
        let Some(row) = revived else {
            return Ok(false);
        };
        let (kind, target) = (row.text("kind")?, job.to_string());
        let entry = AuditEntry {
            detail: Some(&kind),
            ..AuditEntry::on(AuditAction::JobRetry, None, Some(&target))
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        self.announce_in(&mut tx, Lane::of_priority(row.int("lane")?)?)
            .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Deletes the rows of jobs that are done and returns how many.
    pub async fn sweep_jobs(&self) -> Result<u64, CatalogError> {
        let deleted = self.dialect.query(SWEEP).execute(&self.writer).await?;
        Ok(deleted.rows_affected())
    }

    /// Queues a job at the end of a transaction. One that is due at once is announced, and queued at once.
    pub(crate) async fn enqueue_later(
        &self,
        tx: &mut Tx,
        job: &NewJob,
    ) -> Result<(), CatalogError> {
        if job.delay.is_zero() {
            return self.enqueue_in(tx, job).await.map(drop);
        }
        tx.later()
            .await?
            .add(ENQUEUE)
            .bind(job.kind.clone())
            .bind(job.lane.priority())
            .bind(job.payload.clone())
            .bind(job.dedup_key.clone())
            .bind(span(job.delay));
        Ok(())
    }

    pub(crate) async fn enqueue_in(
        &self,
        tx: &mut Tx,
        job: &NewJob,
    ) -> Result<Option<i64>, CatalogError> {
        let row = self
            .dialect
            .query(ENQUEUE)
            .bind(job.kind.clone())
            .bind(job.lane.priority())
            .bind(job.payload.clone())
            .bind(job.dedup_key.clone())
            .bind(span(job.delay))
            .fetch_optional(&mut **tx)
            .await?;
        // One that waits first is found by the look that every lane takes now and then. On PostgreSQL transactions
        // that announce something commit one after another, and pushes queue their jobs with a delay.
        if row.is_some() && job.delay.is_zero() {
            self.announce_in(tx, job.lane).await?;
        }
        row.map(|row| row.int("id")).transpose()
    }

    /// Tells other processes that a lane has work, once the transaction commits.
    async fn announce_in(&self, tx: &mut Tx, lane: Lane) -> Result<(), CatalogError> {
        if self.dialect == Dialect::Postgres {
            self.dialect
                .query(ANNOUNCE)
                .bind(lane.priority().to_string())
                .fetch_one(&mut **tx)
                .await?;
        }
        Ok(())
    }
}

fn pause_after(attempts: i64) -> Duration {
    let doublings = u32::try_from(attempts.clamp(1, 16) - 1).unwrap_or(0);
    (FIRST_PAUSE * 2u32.pow(doublings)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(attempts: i64, seconds: u64) {
        assert_eq!(pause_after(attempts), Duration::from_secs(seconds));
    }

    #[test]
    fn pauses_double_up_to_an_hour() {
        check(1, 30);
        check(2, 60);
        check(3, 120);
        check(7, 1920);
        check(8, 3600);
        check(1000, 3600);
    }
}
