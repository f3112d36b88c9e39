//! The sweeper: objects nobody refers to, uploads given up, sessions that ran out.
//!
//! Every object is named in a row before it exists, so a crash leaves a row that leads here, never an orphan. Each
//! step may be repeated; a deleted object that is deleted again is a success.

use std::time::Duration;

use jiff::SignedDuration;

use crate::analysis::tap;
use crate::app::{App, Shared};
use crate::auth::uses;
use crate::collection::{OBJECTS, objects};
use crate::error::{Cause, chain};
use crate::registry::transfer::session_of;

const PAUSE: Duration = Duration::from_mins(1);
const BATCH: u32 = 100;

/// Sweeps when woken, and at least once a minute, until the server stops.
pub(crate) async fn run(app: Shared) {
    said("uploads without a session", stray_uploads(&app).await);
    loop {
        let filled = app.trash_filled.notified();
        // Each on its own: an object that cannot be deleted is no reason to keep sessions.
        said("trash", trash(&app).await);
        said("expired uploads", expired_uploads(&app).await);
        said("expired sessions", expired_sessions(&app).await);
        said("ended credentials", ended_credentials(&app).await);
        said("old refusals", old_refusals(&app).await);
        said("finished jobs", finished_jobs(&app).await);
        tokio::select! {
            () = app.stop.cancelled() => {
                said("uses of credentials", uses::write(&app).await.map_err(Cause::from));
                return;
            }
            () = filled => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

fn said(what: &'static str, swept: Result<(), Cause>) {
    if let Err(error) = swept {
        tracing::warn!(what, cause = %chain(error.as_ref()), "sweeping failed, it is tried again");
    }
}

async fn trash(app: &App) -> Result<(), Cause> {
    while objects::delete_discarded(app, OBJECTS).await?.objects > 0 {}
    Ok(())
}

async fn expired_uploads(app: &App) -> Result<(), Cause> {
    loop {
        let expired = app
            .catalog
            .take_expired_uploads(app.clock.now(), BATCH)
            .await?;
        for upload in &expired {
            tap::abandon(app, upload.id);
            // A crash between the object and its row leaves the object under the key that the session names: it goes
            // with the rest.
            match session_of(upload) {
                Ok(session) => app.store.abort(&session).await?,
                Err(_) => app.store.remove_stray(upload.id).await?,
            }
        }
        if expired.len() < BATCH as usize {
            return Ok(());
        }
    }
}

async fn expired_sessions(app: &App) -> Result<(), Cause> {
    app.catalog.delete_expired_sessions(app.clock.now()).await?;
    Ok(())
}

/// Credentials that ended are shown as such for a month.
async fn ended_credentials(app: &App) -> Result<(), Cause> {
    uses::write(app).await?;
    let before = app.clock.now() - SignedDuration::from_hours(24 * 30);
    app.catalog.delete_dead_credentials(before).await?;
    Ok(())
}

async fn old_refusals(app: &App) -> Result<(), Cause> {
    let now = app.clock.now();
    app.catalog.delete_expired_login_failures(now).await?;
    Ok(())
}

async fn finished_jobs(app: &App) -> Result<(), Cause> {
    app.catalog.sweep_jobs().await?;
    Ok(())
}

/// A session's row comes before its bytes and goes with them, so bytes listed before the rows are read, and without a
/// row, are what a crash left.
async fn stray_uploads(app: &App) -> Result<(), Cause> {
    let staged = app.store.list_uploads().await?;
    let stray = app.catalog.unknown_uploads(&staged).await?;
    for upload in &stray {
        app.store.remove_stray(*upload).await?;
    }
    if !stray.is_empty() {
        tracing::info!(uploads = stray.len(), "bytes of ended uploads removed");
    }
    Ok(())
}
