//! New advisories: stored inventories are matched again. No layer is read.

use catalog::{Lane, NewJob};
use evidence::Inventory;
use oci::Digest;

use super::{AnalysisError, image};
use crate::app::Shared;

/// The kind of the job that matches every tagged image with the snapshot in use.
pub(crate) const REMATCH: &str = "rematch";
/// Images matched between two looks at the clock and the lease.
const PAGE: u32 = 50;

/// Returns the job for a new snapshot.
pub(crate) fn job_for(snapshot: &Digest) -> NewJob {
    NewJob {
        kind: REMATCH.to_owned(),
        lane: Lane::Bulk,
        payload: serde_json::json!({ "snapshot": snapshot }).to_string(),
        dedup_key: Some(format!("{REMATCH}:{snapshot}")),
        delay: std::time::Duration::ZERO,
    }
}

/// Matches all tagged images whose report is older than the snapshot in use, and judges them again.
///
/// `keep_going` is asked between pages; when it says no, somebody else holds the job now.
pub(crate) async fn rematch<F>(
    app: &Shared,
    mut keep_going: impl FnMut() -> F,
) -> Result<u64, AnalysisError>
where
    F: Future<Output = bool>,
{
    let Some(snapshot) = app.snapshot.load_full() else {
        return Ok(0);
    };
    let id = snapshot.info().id.clone();
    let mut after: Option<Digest> = None;
    let mut matched = 0;
    loop {
        let page = app
            .catalog
            .inventories_to_rematch(&id, after.as_ref(), PAGE, app.clock.now())
            .await?;
        let Some(last) = page.last() else {
            return Ok(matched);
        };
        after = Some(last.digest.clone());
        for row in page {
            let (shared, snapshot, digest) = (app.clone(), snapshot.clone(), row.digest.clone());
            let work = move || -> Result<_, AnalysisError> {
                let inventory: Inventory = serde_json::from_slice(&row.body)?;
                image::report(&shared, &row.digest, &inventory, false, Some(&snapshot))
            };
            let report = tokio::task::spawn_blocking(work)
                .await
                .map_err(|_| AnalysisError::Panicked(digest.clone()))??;
            app.catalog
                .put_image_report(&report, app.clock.now())
                .await?;
            for repository in app.catalog.repositories_of(&digest).await? {
                super::judge_again(app, &repository, &digest).await;
                for parent in app.catalog.parents(repository.id, &digest).await? {
                    image::analyse(app, repository.id, &parent).await?;
                    super::judge_again(app, &repository, &parent).await;
                }
            }
            matched += 1;
        }
        if !keep_going().await {
            return Ok(matched);
        }
    }
}
