//! The snapshot in use: opened at start, replaced when its file is.
//!
//! `advisories import` writes a temporary file and renames it over the old one, so a changed inode or time means a
//! whole new snapshot. A file that does not open leaves the old snapshot in use and says so in the log.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use advisories::Snapshot;

use super::rematch;
use crate::app::Shared;
use crate::error::chain;

/// How often the file is looked at.
const POLL: Duration = Duration::from_secs(1);

/// What tells one file from its successor.
pub(crate) type Stamp = (u64, i64, i64, u64);

/// Watches the snapshot's file until the server stops. `seen` is the file that was opened at start.
pub(crate) async fn watch(app: Shared, mut seen: Option<Stamp>) {
    let path = app.settings.advisories.clone();
    loop {
        if let Some(stamp) = stamp(&path).await
            && seen != Some(stamp)
        {
            seen = Some(stamp);
            replace(&app, &path).await;
        }
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

/// Opens the snapshot's file, if there is one, before the first request.
pub(crate) async fn open_first(app: &Shared) -> Option<Stamp> {
    let path = app.settings.advisories.clone();
    let stamp = stamp(&path).await?;
    replace(app, &path).await;
    Some(stamp)
}

async fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = tokio::fs::metadata(path).await.ok()?;
    Some((
        metadata.ino(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.len(),
    ))
}

async fn replace(app: &Shared, path: &Path) {
    let owned = path.to_owned();
    let opened = tokio::task::spawn_blocking(move || Snapshot::open(&owned)).await;
    let snapshot = match opened {
        Ok(Ok(snapshot)) => snapshot,
        Ok(Err(error)) => {
            tracing::error!(path = %path.display(), cause = %chain(&error), "advisory snapshot refused, the old one stays");
            return;
        }
        Err(_) => return,
    };
    let (id, built_at) = (snapshot.info().id.clone(), snapshot.info().built_at);
    if app
        .snapshot
        .load()
        .as_ref()
        .is_some_and(|current| current.info().id == id)
    {
        return;
    }
    app.snapshot.store(Some(Arc::new(snapshot)));
    app.metrics
        .snapshot_built_at_seconds
        .set(built_at.as_second() as f64);
    tracing::info!(snapshot = %id.short(), %built_at, "advisory snapshot in use");
    rematch::enqueue(app).await;
}
