//! Collection at work: the passes of the catalog, and the objects behind them, again and again until nothing is due.
//!
//! A job of its own lane does it each minute, and whenever somebody asks. What is taken away is decided in the catalog,
//! batch by batch; here is the pace, the deletion of objects, and what people see of it. Any number of replicas may be
//! at it together.

pub(crate) mod check;
mod look;
pub(crate) mod objects;
pub(crate) mod reconcile;
pub(crate) mod verify;

use std::time::{Duration, Instant};

use catalog::{Claim, Collected, Fault, JobResults, Lane, NewJob, Pass};
use serde::{Deserialize, Serialize};

use crate::app::{App, Shared};
use crate::error::chain;
use crate::workers::{ATTEMPTS, JobError, Kind, payload};

/// The kind of the job, and the name of its schedule.
pub(crate) const COLLECT: &str = "collect";

/// Takes away what is due.
pub(crate) const COLLECT_JOB: Kind = Kind {
    name: COLLECT,
    lane: Lane::Upkeep,
    max_attempts: ATTEMPTS,
    perform: |app, claim| Box::pin(perform(app, claim)),
};

/// Entries in one transaction.
const BATCH: u32 = 128;
/// Objects in one deletion: as many as an object store takes in one request.
pub(crate) const OBJECTS: u32 = 1_000;

#[derive(Debug, Default, Serialize, Deserialize)]
struct CollectJob {
    /// Who asked; nobody, when it is just time.
    asked_by: Option<String>,
}

/// Returns the job for somebody who does not want to wait for the next minute.
pub(crate) fn job_for(asked_by: &str) -> NewJob {
    let payload = CollectJob {
        asked_by: Some(asked_by.to_owned()),
    };
    NewJob {
        kind: COLLECT.to_owned(),
        lane: Lane::Manual,
        payload: serde_json::to_string(&payload).expect("a name is JSON"),
        // Each for itself: one that is just ending would not look again.
        dedup_key: None,
        delay: Duration::ZERO,
    }
}

async fn perform(app: Shared, claim: Claim) -> Result<JobResults, JobError> {
    let job: CollectJob = payload(&claim)?;
    let cause = job.asked_by.as_deref().unwrap_or("schedule");
    run(&app, cause).await?;
    Ok(JobResults::default())
}

/// Collects until nothing is due, collection is paused or the server stops.
async fn run(app: &App, cause: &str) -> Result<Collected, JobError> {
    let (started_at, mut total) = (app.clock.now(), Collected::default());
    let outcome = rounds(app, &mut total).await;
    if total != Collected::default() {
        tracing::info!(
            cause,
            reviewed = total.reviewed,
            manifests = total.manifests,
            blobs = total.blobs,
            objects = total.objects,
            freed_bytes = total.freed_bytes,
            "collected"
        );
        let ended_at = app.clock.now();
        app.catalog
            .log_collection(cause, &total, started_at, ended_at)
            .await?;
    }
    outcome?;
    if app.stop.is_cancelled() {
        return Err(JobError::Stopping);
    }
    Ok(total)
}

async fn rounds(app: &App, total: &mut Collected) -> Result<(), JobError> {
    while !app.stop.is_cancelled() {
        let switches = app.catalog.collection_switches().await?;
        if switches.is_paused {
            return Ok(());
        }
        let started = Instant::now();
        let round = round(app).await?;
        *total += round;
        app.metrics.count_collected(&round);
        let looked_at = round.reviewed + round.objects;
        if looked_at == 0 {
            return Ok(());
        }
        let pace = Duration::from_secs_f64(looked_at as f64 / f64::from(switches.rate));
        tokio::time::sleep(pace.saturating_sub(started.elapsed())).await;
    }
    Ok(())
}

async fn round(app: &App) -> Result<Collected, JobError> {
    let mut round = Collected::default();
    for pass in Pass::ALL {
        round += app.catalog.collect(pass, BATCH, app.clock.now()).await?;
    }
    round += objects::delete_discarded(app, OBJECTS).await?;
    Ok(round)
}

/// Measures what waits and what is at fault, for the metrics.
pub(crate) async fn measure(app: &App) {
    let now = app.clock.now();
    match app.catalog.collection_queue(now).await {
        Ok(queue) => {
            let age = queue.due_since.map_or(Duration::ZERO, |since| {
                now.duration_since(since).try_into().unwrap_or_default()
            });
            app.metrics.gc_queue_age_seconds.set(age.as_secs_f64());
        }
        Err(error) => {
            tracing::warn!(cause = %chain(&error), "cannot measure the queue of collection");
        }
    }
    measure_faults(app).await;
}

/// Counts what checks of the store found, for the metrics that raise an alert.
async fn measure_faults(app: &App) {
    match app.catalog.store_faults().await {
        Ok(faults) => {
            for fault in Fault::ALL {
                let count = faults.iter().find(|(counted, _)| *counted == fault);
                let count = count.map_or(0, |(_, count)| *count);
                app.metrics.store.set_faults(fault, count);
            }
        }
        Err(error) => {
            tracing::warn!(cause = %chain(&error), "cannot count what checks of the store found");
        }
    }
}
