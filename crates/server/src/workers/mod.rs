//! Background work: a queue of jobs in the catalog, and this process's workers on it.
//!
//! A job is a row with a kind, a payload and a lane. [`KINDS`] says what a kind does; [`lane`] claims jobs one by one
//! and does them; [`schedules`] queues what recurs; [`signals`] hears what other processes queue. The catalog's lease
//! and fence make sure that a job whose worker died is done by another, and that a worker which was thought dead
//! writes nothing.
//!
//! # Adding a kind of job
//!
//! 1. In the module that knows the work: a name, and a `pub(crate) const JOB: Kind`. What it does takes the server and
//!    the claim, and may be repeated at any point: a worker that dies leaves the job to the next. Rows that must be
//!    written exactly once go into the [`JobResults`] it returns, which are committed together with the job's end
//!    under its fence; a new sort of result is a field there.
//! 2. One line in [`KINDS`].
//! 3. Queue it: in the catalog, in the transaction of its cause (`enqueue_in`, or the `jobs` of a manifest), or with
//!    `Catalog::enqueue` followed by [`App::wake_workers`](crate::app::App::wake_workers). A `dedup_key` keeps the same
//!    work from being queued twice while it is open.
//! 4. If it recurs: one line in [`schedules::RECURRING`], or a row by `Catalog::put_schedule` for what people plan.
//!
//! A failure is tried again after 30 s, 1 min, 2 min … 1 h; after [`Kind::max_attempts`] the job is dead, listed at
//! `/api/v1/jobs?state=dead` and by `tidegate admin jobs list`, and comes back by a retry there.

pub(crate) mod lane;
pub(crate) mod schedules;
pub(crate) mod signals;
pub(crate) mod watch;

use catalog::{CatalogError, Claim, JobResults, Lane};
use futures::future::BoxFuture;

use crate::analysis::AnalysisError;
use crate::app::Shared;
use crate::error::Cause;
use crate::{analysis, audit, collection, error, notify, retention, upkeep, upstream};

/// Every kind of job this version does, by name.
pub(crate) const KINDS: &[Kind] = &[
    analysis::jobs::ANALYSE_JOB,
    audit::rotate::ROTATE_JOB,
    upstream::proxy::EVICT_JOB,
    collection::COLLECT_JOB,
    upkeep::DELETE_REPOSITORY_JOB,
    notify::jobs::DELIVER_JOB,
    notify::jobs::FAN_OUT_JOB,
    notify::jobs::FORGET_JOB,
    upstream::mirror::JOB,
    collection::reconcile::RECONCILE_JOB,
    analysis::jobs::REMATCH_JOB,
    retention::prune::RETENTION_JOB,
    upkeep::TAGS_JOB,
    upkeep::RECOUNT_JOB,
    collection::verify::VERIFY_JOB,
];

/// A job's outcome on its way.
pub(crate) type Work = BoxFuture<'static, Result<JobResults, JobError>>;

/// What a kind of job is.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    /// The word in its rows.
    pub(crate) name: &'static str,
    /// Where it is queued when a schedule queues it.
    pub(crate) lane: Lane,
    /// After how many failures it is dead.
    pub(crate) max_attempts: i64,
    /// Does it.
    pub(crate) perform: fn(Shared, Claim) -> Work,
}

/// How often most kinds are tried.
pub(crate) const ATTEMPTS: i64 = 8;

/// Why a job did not end well.
#[derive(Debug)]
pub(crate) enum JobError {
    /// It may succeed later.
    Later(Cause),
    /// It never will: its payload says nothing this version can do.
    Never(Cause),
    /// The server stops; whoever claims the job next goes on.
    Stopping,
}

impl JobError {
    /// Wraps a failure that may pass.
    pub(crate) fn later(cause: impl Into<Cause>) -> Self {
        Self::Later(cause.into())
    }
}

impl From<CatalogError> for JobError {
    fn from(error: CatalogError) -> Self {
        Self::later(error)
    }
}

impl From<blobs::BlobError> for JobError {
    fn from(error: blobs::BlobError) -> Self {
        Self::later(error)
    }
}

impl From<AnalysisError> for JobError {
    fn from(error: AnalysisError) -> Self {
        match error {
            AnalysisError::Stopping => Self::Stopping,
            other => Self::later(other),
        }
    }
}

/// Reads a job's payload.
pub(crate) fn payload<T: serde::de::DeserializeOwned>(claim: &Claim) -> Result<T, JobError> {
    serde_json::from_str(&claim.payload).map_err(|error| JobError::Never(error.into()))
}

fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// Returns a failure's text for the row and the log.
fn words(cause: &Cause) -> String {
    error::chain(cause.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_sorted_and_named_once() {
        assert!(KINDS.is_sorted_by(|a, b| a.name < b.name));
    }

    #[test]
    fn what_recurs_is_a_kind_and_can_be_read() {
        let start = "2026-11-24T06:00:00Z".parse().unwrap();
        for recurring in schedules::RECURRING {
            assert!(kind(recurring.name).is_some(), "{}", recurring.name);
            assert!(
                schedules::next_after(recurring.cron, start).is_ok(),
                "{}",
                recurring.cron
            );
        }
    }
}
