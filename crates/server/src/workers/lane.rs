//! The workers of one lane: claim, work, complete.
//!
//! Each lane has workers of its own, so that bulk work never holds up a push. A worker that dies leaves a lease that
//! runs out; whoever claims the job next finds the work half done or done.

use std::time::Duration;

use catalog::{Claim, JobResults, Lane};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{ATTEMPTS, JobError, kind, words};
use crate::app::Shared;
use crate::error::chain;
use crate::panics;

const LEASE: Duration = Duration::from_mins(1);
/// Polling is the fallback: for delays that end, for leases that run out, for signals that were lost.
const POLL: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("its workers did not live to say why it failed")]
    KilledItsWorkers,
    #[error("no version of the server that runs here knows this kind of job")]
    UnknownKind,
}

/// Starts every lane's workers.
pub(crate) fn spawn_all(app: &Shared, tasks: &mut JoinSet<()>) {
    for lane in Lane::ALL {
        for _ in 0..workers_of(lane) {
            tasks.spawn(run(app.clone(), lane));
        }
    }
}

/// How many jobs of a lane this process works on at once. Analysis has further limits of its own.
const fn workers_of(lane: Lane) -> usize {
    match lane {
        Lane::Interactive | Lane::Manual => 2,
        Lane::Bulk => 1,
        // Comparing the store and reading it again take long; collection goes on beside them.
        Lane::Upkeep => 3,
        // They wait for other machines, each endpoint's job for one at a time.
        Lane::Notify => 4,
    }
}

/// Works on one lane until the server stops.
async fn run(app: Shared, lane: Lane) {
    let owner = Uuid::new_v4().simple().to_string();
    while !app.stop.is_cancelled() {
        // Interest is registered before looking, so a job queued in between is not slept over.
        let queued = app.jobs_queued.notified();
        match app.catalog.claim(lane, &owner, LEASE).await {
            Ok(Some(claim)) => {
                work(&app, &claim).await;
                continue;
            }
            Ok(None) => {}
            Err(error) => tracing::error!(cause = %chain(&error), "cannot claim a job"),
        }
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = queued => {}
            // Replicas that started together do not ask together.
            () = tokio::time::sleep(POLL + jitter()) => {}
        }
    }
}

fn jitter() -> Duration {
    Duration::from_millis(u64::from(Uuid::new_v4().as_bytes()[0]))
}

async fn work(app: &Shared, claim: &Claim) {
    // A panic is this job's trouble, not its lane's.
    let performed = panics::contained(perform(app, claim));
    let outcome = tokio::select! {
        outcome = performed => outcome.unwrap_or_else(|panicked| Err(JobError::later(panicked))),
        () = lease_lost(app, claim) => {
            tracing::warn!(job = claim.job, kind = %claim.kind, "the job belongs to another worker now");
            return;
        }
        // Nothing is lost: the lease runs out and somebody claims the job.
        () = app.stop.cancelled() => return,
    };
    let max_attempts = kind(&claim.kind).map_or(ATTEMPTS, |kind| kind.max_attempts);
    let ended = match outcome {
        Ok(results) => {
            let has_followers = !results.follow_ups.is_empty();
            let completed = app
                .catalog
                .complete_with(claim, &results, app.clock.now())
                .await;
            if has_followers {
                app.wake_workers();
            }
            completed
        }
        Err(JobError::Stopping) => return,
        Err(JobError::Later(cause)) => fail(app, claim, &words(&cause), max_attempts).await,
        Err(JobError::Never(cause)) => fail(app, claim, &words(&cause), 0).await,
    };
    if let Err(error) = ended {
        tracing::error!(job = claim.job, cause = %chain(&error), "cannot end a job");
    }
}

async fn fail(
    app: &Shared,
    claim: &Claim,
    cause: &str,
    max_attempts: i64,
) -> Result<bool, catalog::CatalogError> {
    tracing::warn!(job = claim.job, kind = %claim.kind, attempts = claim.attempts, cause, "job failed");
    app.catalog
        .fail(claim, cause, max_attempts, jitter() * 8)
        .await
}

/// Extends the lease at half its time; ends when it is lost.
async fn lease_lost(app: &Shared, claim: &Claim) {
    loop {
        tokio::time::sleep(LEASE / 2).await;
        if matches!(app.catalog.heartbeat(claim, LEASE).await, Ok(false)) {
            return;
        }
    }
}

async fn perform(app: &Shared, claim: &Claim) -> Result<JobResults, JobError> {
    let Some(kind) = kind(&claim.kind) else {
        return Err(JobError::later(Broken::UnknownKind));
    };
    if claim.attempts > kind.max_attempts {
        return Err(JobError::Never(Broken::KilledItsWorkers.into()));
    }
    (kind.perform)(app.clone(), claim.clone()).await
}
