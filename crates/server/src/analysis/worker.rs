//! Job workers: claim, work, complete; each lane has its own, so that bulk work never holds up a push.
//!
//! A worker that dies leaves a lease that runs out; whoever claims the job next finds the work half done or done, and
//! every step here may be repeated.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use catalog::{Claim, JobResults, Lane, RepositoryId};
use futures::FutureExt as _;
use uuid::Uuid;

use super::{ANALYSE, AnalyseJob, AnalysisError, image, judge_again, rematch};
use crate::app::Shared;
use crate::error::chain;

const LEASE: Duration = Duration::from_mins(1);
/// Polling is the fallback; in this process a queued job wakes its worker.
const POLL: Duration = Duration::from_secs(1);
const MAX_ATTEMPTS: i64 = 8;

/// Works on one lane until the server stops.
pub(crate) async fn run(app: Shared, lane: Lane) {
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
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

async fn work(app: &Shared, claim: &Claim) {
    // A panic is this job's trouble, not its lane's.
    let performed = AssertUnwindSafe(perform(app, claim)).catch_unwind();
    let outcome = tokio::select! {
        outcome = performed => outcome.unwrap_or(Err(AnalysisError::JobPanicked)),
        () = lease_lost(app, claim) => {
            tracing::warn!(job = claim.job, kind = %claim.kind, "the job belongs to another worker now");
            return;
        }
        // Nothing is lost: the lease runs out and somebody claims the job.
        () = app.stop.cancelled() => return,
    };
    let ended = match outcome {
        Ok(()) | Err(AnalysisError::ManifestGone(_)) => {
            app.catalog
                .complete_with(claim, &JobResults::default(), app.clock.now())
                .await
        }
        Err(AnalysisError::Stopping) => return,
        Err(error) => {
            let cause = chain(&error);
            tracing::warn!(job = claim.job, kind = %claim.kind, attempts = claim.attempts, %cause, "job failed");
            let jitter = Duration::from_millis(u64::from(Uuid::new_v4().as_bytes()[0]) * 8);
            app.catalog.fail(claim, &cause, MAX_ATTEMPTS, jitter).await
        }
    };
    if let Err(error) = ended {
        tracing::error!(job = claim.job, cause = %chain(&error), "cannot end a job");
    }
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

async fn perform(app: &Shared, claim: &Claim) -> Result<(), AnalysisError> {
    // Its workers did not even live to say that it failed.
    if claim.attempts > MAX_ATTEMPTS {
        return Err(AnalysisError::JobPanicked);
    }
    match claim.kind.as_str() {
        ANALYSE => {
            let job: AnalyseJob = serde_json::from_str(&claim.payload)?;
            let id = RepositoryId(job.repository);
            image::analyse(app, id, &job.digest).await?;
            if let Some(repository) = app.catalog.repository_by_id(id).await? {
                judge_again(app, &repository, &job.digest).await;
            }
            Ok(())
        }
        rematch::REMATCH => {
            let matched = rematch::rematch(app, || !app.stop.is_cancelled()).await?;
            tracing::info!(images = matched, "images matched again");
            if app.stop.is_cancelled() {
                Err(AnalysisError::Stopping)
            } else {
                Ok(())
            }
        }
        other => {
            tracing::warn!(kind = other, "a job of a kind this version does not know");
            Ok(())
        }
    }
}
