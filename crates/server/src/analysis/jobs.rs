//! The analysis of one manifest, and the matching of all, as jobs.

use catalog::{Claim, JobResults, Lane, RepositoryId};

use super::{ANALYSE, AnalyseJob, AnalysisError, image, judge_again, rematch};
use crate::app::Shared;
use crate::workers::{ATTEMPTS, JobError, Kind, payload};

/// Analyses and judges one manifest.
pub(crate) const ANALYSE_JOB: Kind = Kind {
    name: ANALYSE,
    lane: Lane::Interactive,
    max_attempts: ATTEMPTS,
    perform: |app, claim| Box::pin(analyse(app, claim)),
};

/// Matches all tagged images with the snapshot in use.
pub(crate) const REMATCH_JOB: Kind = Kind {
    name: rematch::REMATCH,
    lane: Lane::Bulk,
    max_attempts: ATTEMPTS,
    perform: |app, _| Box::pin(rematch_all(app)),
};

async fn analyse(app: Shared, claim: Claim) -> Result<JobResults, JobError> {
    let job: AnalyseJob = payload(&claim)?;
    let id = RepositoryId(job.repository);
    match image::analyse(&app, id, &job.digest).await {
        Ok(()) => {}
        Err(AnalysisError::ManifestGone(_)) => return Ok(JobResults::default()),
        Err(error) => return Err(error.into()),
    }
    if let Some(repository) = app.catalog.repository_by_id(id).await? {
        judge_again(&app, &repository, &job.digest).await;
    }
    Ok(JobResults::default())
}

async fn rematch_all(app: Shared) -> Result<JobResults, JobError> {
    let matched = rematch::rematch(&app, || !app.stop.is_cancelled()).await?;
    tracing::info!(images = matched, "images matched again");
    if app.stop.is_cancelled() {
        return Err(JobError::Stopping);
    }
    Ok(JobResults::default())
}
