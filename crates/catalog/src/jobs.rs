//! Background work: leased one by one, fenced, retried, and visible when dead.
//!
//! Leases and due times are compared with the database's clock, because workers on several machines must agree.
//! Durations and jitter are the caller's. Work never runs inside the claiming transaction.

use std::time::Duration;

use jiff::Timestamp;

use crate::{Catalog, CatalogError, LayerReport, NewDecision, NewImageReport};

/// A lane: each has its own workers, so that bulk work never starves a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// Somebody waits for it.
    Interactive,
    /// Somebody asked for it.
    Manual,
    /// Nobody waits.
    Bulk,
}

impl Lane {
    pub(crate) const fn priority(self) -> i64 {
        match self {
            Self::Interactive => 0,
            Self::Manual => 1,
            Self::Bulk => 2,
        }
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

/// What a job leaves behind, committed together with its end.
#[derive(Clone, Debug, Default)]
pub struct JobResults {
    /// Layer reports; the first of each layer stays.
    pub layer_reports: Vec<LayerReport>,
    /// Image reports, replacing earlier ones.
    pub image_reports: Vec<NewImageReport>,
    /// Decisions.
    pub decisions: Vec<NewDecision>,
    /// Jobs that follow.
    pub follow_ups: Vec<NewJob>,
}

impl Catalog {
    /// Queues a job. Returns its id, or `None` if one with the same key is open.
    pub async fn enqueue(&self, job: &NewJob) -> Result<Option<i64>, CatalogError> {
        todo!()
    }

    /// Takes the next due job of a lane, or one whose lease has run out.
    pub async fn claim(
        &self,
        lane: Lane,
        owner: &str,
        lease: Duration,
    ) -> Result<Option<Claim>, CatalogError> {
        todo!()
    }

    /// Extends the lease. Returns false if the job belongs to somebody else now: stop working.
    pub async fn heartbeat(&self, claim: &Claim, lease: Duration) -> Result<bool, CatalogError> {
        todo!()
    }

    /// Writes the results and ends the job, together. Returns false, with nothing written, if the fence has moved.
    pub async fn complete_with(
        &self,
        claim: &Claim,
        results: &JobResults,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        todo!()
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
        todo!()
    }

    /// Returns how many jobs of each state exist: `ready`, `running`, `dead`.
    pub async fn job_counts(&self) -> Result<Vec<(String, u64)>, CatalogError> {
        todo!()
    }
}
