//! Small recurring work on tags and figures: closing what ran out, announcing what will, folding figures, removing the rows
//! of deleted repositories, forgetting old pull statistics.
//!
//! Readers never wait for any of it: an expired tag is gone for them at its instant, and what is used is the folded
//! figure plus what is pending.

use std::time::Duration;

use catalog::{Actor, Claim, DELETE_REPOSITORY, JobResults, Lane, RepositoryId};
use serde::Deserialize;

use crate::app::Shared;
use crate::workers::{ATTEMPTS, JobError, Kind, payload};

/// The kind of the job that closes and announces expired tags, and folds figures.
pub(crate) const TAGS: &str = "tag-upkeep";
/// The kind of the job that counts usage anew and forgets old statistics.
pub(crate) const RECOUNT: &str = "usage-recount";

/// Rows of one step.
const BATCH: u32 = 500;
/// Between two steps of folding: on SQLite, what another program writes comes in here.
const PAUSE: Duration = Duration::from_millis(50);
/// How long before its end a tag's expiry is announced.
const NOTICE: Duration = Duration::from_hours(24);
/// How long pulls are remembered by day.
const PULLS_KEPT: Duration = Duration::from_hours(24 * 400);

/// Closes what ran out, announces what will, folds figures.
pub(crate) const TAGS_JOB: Kind = Kind {
    name: TAGS,
    lane: Lane::Upkeep,
    max_attempts: ATTEMPTS,
    perform: |app, _| Box::pin(tags(app)),
};

/// Counts usage anew.
pub(crate) const RECOUNT_JOB: Kind = Kind {
    name: RECOUNT,
    lane: Lane::Upkeep,
    max_attempts: ATTEMPTS,
    perform: |app, _| Box::pin(recount(app)),
};

/// Removes the rows of a deleted repository.
pub(crate) const DELETE_REPOSITORY_JOB: Kind = Kind {
    name: DELETE_REPOSITORY,
    lane: Lane::Bulk,
    max_attempts: ATTEMPTS,
    perform: |app, claim| Box::pin(delete_repository(app, claim)),
};

#[derive(Deserialize)]
struct DeleteRepository {
    repository: i64,
}

async fn tags(app: Shared) -> Result<JobResults, JobError> {
    let (now, system) = (app.clock.now(), Actor::named("system"));
    while app.catalog.close_expired_tags(BATCH, &system, now).await? == BATCH {
        stopping(&app)?;
    }
    let until = now.saturating_add(NOTICE).unwrap_or(now);
    loop {
        let announced = app
            .catalog
            .announce_expiring_tags(until, BATCH, now)
            .await?;
        if announced.len() < BATCH as usize {
            break;
        }
        stopping(&app)?;
    }
    while app.catalog.fold_some_tag_figures().await? {
        stopping(&app)?;
        tokio::time::sleep(PAUSE).await;
    }
    app.catalog.fold_usage(now).await?;
    Ok(JobResults::default())
}

async fn recount(app: Shared) -> Result<JobResults, JobError> {
    let now = app.clock.now();
    app.catalog.recompute_usage(now).await?;
    if let Ok(before) = now.checked_sub(PULLS_KEPT) {
        app.catalog.forget_pulls(before).await?;
    }
    Ok(JobResults::default())
}

async fn delete_repository(app: Shared, claim: Claim) -> Result<JobResults, JobError> {
    let job: DeleteRepository = payload(&claim)?;
    let repository = RepositoryId(job.repository);
    while app
        .catalog
        .remove_repository_rows(repository, BATCH, app.clock.now())
        .await?
    {
        stopping(&app)?;
    }
    Ok(JobResults::default())
}

fn stopping(app: &Shared) -> Result<(), JobError> {
    if app.stop.is_cancelled() {
        return Err(JobError::Stopping);
    }
    Ok(())
}
