//! Hearing that another process queued a job, where the database tells.

use std::time::Duration;

use catalog::JobSignals;
use secrecy::ExposeSecret as _;

use crate::app::Shared;
use crate::error::chain;

/// How long to leave a database alone that does not answer. The workers look at the queue meanwhile.
const PAUSE: Duration = Duration::from_secs(5);

/// Wakes the workers at every signal until the server stops.
pub(crate) async fn run(app: Shared) {
    loop {
        tokio::select! {
            () = app.stop.cancelled() => return,
            heard = listen(&app) => match heard {
                Ok(()) => return,
                Err(error) => tracing::warn!(cause = %chain(&error), "cannot hear about queued jobs, the queue is looked at instead"),
            }
        }
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// Returns at once if there is nothing to listen to.
async fn listen(app: &Shared) -> Result<(), catalog::CatalogError> {
    let url = app.settings.database.expose_secret();
    let Some(mut signals) = JobSignals::listen(url).await? else {
        return Ok(());
    };
    loop {
        signals.next().await?;
        app.jobs_queued.notify_waiters();
    }
}
