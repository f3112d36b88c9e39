//! New advisories, or a new day: stored inventories are matched again. No layer is read.

use std::time::Duration;

use catalog::{Lane, NewJob, StoredInventory};
use inventory::ANALYSER_VERSION;
use oci::Digest;

use super::{AnalysisError, image};
use crate::app::{App, Shared};
use crate::error::chain;

/// The kind of the job that matches every tagged image with the snapshot in use.
pub(crate) const REMATCH: &str = "rematch";
/// Images matched between two looks at whether to go on.
const PAGE: u32 = 50;

/// Returns the job for a snapshot. The payload is for people: a worker matches with the snapshot it has in use.
fn job_for(snapshot: &Digest) -> NewJob {
    NewJob {
        kind: REMATCH.to_owned(),
        lane: Lane::Bulk,
        payload: serde_json::json!({ "snapshot": snapshot }).to_string(),
        dedup_key: Some(format!("{REMATCH}:{snapshot}")),
        delay: Duration::ZERO,
    }
}

/// Matches all tagged images whose report is not what the snapshot in use and today's date say, and judges them again.
///
/// An inventory of another analyser version is made anew where its layers are at hand; until then the old one counts.
/// An image that cannot be matched is said in the log and holds nobody else up. `keep_going` is asked between pages;
/// when it says no, the rest is left to the next worker.
pub(crate) async fn rematch(
    app: &Shared,
    keep_going: impl Fn() -> bool,
) -> Result<u64, AnalysisError> {
    let Some(snapshot) = app.snapshot.load_full() else {
        return Ok(0);
    };
    let id = snapshot.info().id.clone();
    let mut after: Option<Digest> = None;
    let mut matched = 0;
    loop {
        let page = app
            .catalog
            .inventories_to_rematch(&id, after.as_ref(), PAGE, ANALYSER_VERSION, app.clock.now())
            .await?;
        let Some(last) = page.last() else {
            return Ok(matched);
        };
        after = Some(last.digest.clone());
        for row in page {
            let digest = row.digest.clone();
            match rematch_one(app, row).await {
                Ok(()) => matched += 1,
                // The database is everybody's trouble: the job tries again later.
                Err(error @ AnalysisError::Catalog(_)) => return Err(error),
                Err(error) => {
                    tracing::warn!(%digest, cause = %chain(&error), "an image cannot be matched again");
                }
            }
        }
        if !keep_going() {
            return Ok(matched);
        }
    }
}

async fn rematch_one(app: &Shared, row: StoredInventory) -> Result<(), AnalysisError> {
    let digest = row.digest.clone();
    let repositories = app.catalog.repositories_of(&digest).await?;
    if row.analyser_version != ANALYSER_VERSION
        && let Some(repository) = repositories.first()
        && let Err(error) = image::analyse(app, repository.id, &digest).await
    {
        tracing::warn!(%digest, cause = %chain(&error), "not analysed anew, the old inventory is matched");
    }
    // The one in use now, not the one the job began with: that may be old already.
    if let Some(snapshot) = app.snapshot.load_full() {
        image::match_again(app, &digest, &snapshot).await?;
    }
    for repository in repositories {
        super::judge_again(app, &repository, &digest).await;
        for parent in app.catalog.parents(repository.id, &digest).await? {
            match image::analyse(app, repository.id, &parent).await {
                Ok(()) | Err(AnalysisError::ManifestGone(_)) => {}
                Err(error) => return Err(error),
            }
            super::judge_again(app, &repository, &parent).await;
        }
    }
    Ok(())
}

/// Queues a re-match with the snapshot in use, if there is one and none is queued.
pub(crate) async fn enqueue(app: &App) {
    let Some(id) = app.snapshot.load().as_ref().map(|s| s.info().id.clone()) else {
        return;
    };
    match app.catalog.enqueue(&job_for(&id)).await {
        Ok(_) => app.wake_workers(),
        Err(error) => tracing::error!(cause = %chain(&error), "cannot queue the re-match"),
    }
}
