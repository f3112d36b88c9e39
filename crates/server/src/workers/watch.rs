//! What the queues look like, for the metrics.

use std::time::Duration;

use catalog::Lane;

use crate::app::{App, Shared};
use crate::collection;
use crate::error::chain;
use crate::upstream;

const PAUSE: Duration = Duration::from_secs(15);

/// Measures the queues now and then until the server stops.
pub(crate) async fn run(app: Shared) {
    loop {
        if let Err(error) = measure(&app).await {
            tracing::warn!(cause = %chain(&error), "cannot measure the queue of jobs");
        }
        collection::measure(&app).await;
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

async fn measure(app: &App) -> Result<(), catalog::CatalogError> {
    let counts = app.catalog.job_counts().await?;
    for state in ["ready", "running", "dead"] {
        let count = counts.iter().find(|(counted, _)| counted == state);
        app.metrics
            .set_jobs(state, count.map_or(0, |(_, count)| *count));
    }
    upstream::mirror::measure_lag(app).await?;
    let pending = app.catalog.pending_usage_changes().await?;
    app.metrics.set_usage_pending(pending);
    let ages = app.catalog.job_ages().await?;
    for lane in Lane::ALL {
        let age = ages.iter().find(|(aged, _)| *aged == lane);
        app.metrics
            .set_job_age(lane, age.map_or(Duration::ZERO, |(_, age)| *age));
    }
    Ok(())
}
