//! The sweeper: objects nobody refers to, uploads given up, sessions that ran out.
//!
//! Every object is named in a row before it exists, so a crash leaves a row that leads here, never an orphan. Each
//! step may be repeated; a deleted object that is deleted again is a success.

use std::time::Duration;

use blobs::ObjectKey;

use crate::analysis::tap;
use crate::app::Shared;
use crate::error::chain;

const PAUSE: Duration = Duration::from_secs(60);
const BATCH: u32 = 100;

/// Sweeps when woken, and at least once a minute, until the server stops.
pub(crate) async fn run(app: Shared) {
    loop {
        let filled = app.trash_filled.notified();
        if let Err(error) = sweep(&app).await {
            tracing::warn!(cause = %chain(error.as_ref()), "sweeping failed, it is tried again");
        }
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = filled => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

async fn sweep(app: &Shared) -> Result<(), crate::error::Cause> {
    loop {
        let keys = app.catalog.take_trash(BATCH).await?;
        for key in &keys {
            if let Ok(object) = key.parse::<ObjectKey>() {
                app.store.delete(&object).await?;
            }
            app.catalog.forget_trash(key).await?;
        }
        if keys.len() < BATCH as usize {
            break;
        }
    }
    let now = app.clock.now();
    for upload in app.catalog.take_expired_uploads(now, BATCH).await? {
        tap::abandon(app, upload.id);
        app.store.abort(upload.id).await?;
    }
    app.catalog.delete_expired_sessions(now).await?;
    Ok(())
}
