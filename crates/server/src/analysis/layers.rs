//! Layer reports: each layer is analysed once per analyser version, by whoever gets there first.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use blobs::ObjectKey;
use image::Limits;
use inventory::{ANALYSER_VERSION, LayerReport};
use oci::Digest;
use tokio::sync::watch;

use super::AnalysisError;
use super::tap::Watched;
use crate::app::{App, Shared};
use crate::error::chain;

/// The layers being analysed in this process, so that nobody starts the same one twice.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    layers: Arc<Mutex<HashMap<Digest, watch::Receiver<()>>>>,
}

/// Marks a layer as in work until it is dropped.
#[derive(Debug)]
pub(crate) struct InWork {
    layers: Arc<Mutex<HashMap<Digest, watch::Receiver<()>>>>,
    digest: Digest,
    _done: watch::Sender<()>,
}

impl InFlight {
    /// Begins work on a layer, unless somebody in this process works on it already: then it returns what to wait for.
    pub(crate) fn begin(&self, digest: &Digest) -> Result<InWork, watch::Receiver<()>> {
        let mut layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = layers.get(digest) {
            return Err(waiting.clone());
        }
        let (done, waiting) = watch::channel(());
        layers.insert(digest.clone(), waiting);
        Ok(InWork {
            layers: Arc::clone(&self.layers),
            digest: digest.clone(),
            _done: done,
        })
    }
}

impl Drop for InWork {
    fn drop(&mut self) {
        self.layers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.digest);
    }
}

/// Returns a layer's report: the stored one, the one in work, or a new one from the stored blob.
pub(crate) async fn report(app: &Shared, digest: &Digest) -> Result<LayerReport, AnalysisError> {
    let in_work = loop {
        match app.analyses.in_flight.begin(digest) {
            Ok(in_work) => break in_work,
            // The sender never sends; it is dropped when the work ends, and that is the news.
            Err(mut waiting) => drop(waiting.changed().await),
        }
    };
    if let Some(report) = stored(app, digest).await? {
        return Ok(report);
    }
    let report = analyse_stored(app, digest).await?;
    store(app, digest, &report).await;
    drop(in_work);
    Ok(report)
}

/// Returns stored reports by their layers. A row this version cannot read is left out, and analysed again.
pub(crate) fn readable(rows: Vec<catalog::LayerReport>) -> HashMap<Digest, LayerReport> {
    rows.into_iter()
        .filter_map(|row| Some((row.digest, LayerReport::decode(&row.body).ok()?)))
        .collect()
}

async fn stored(app: &App, digest: &Digest) -> Result<Option<LayerReport>, AnalysisError> {
    let digests = std::slice::from_ref(digest);
    let rows = app.catalog.layer_reports(digests, ANALYSER_VERSION).await?;
    Ok(readable(rows).remove(digest))
}

/// Stores a report. A failure only costs a second analysis later, so it is logged and not passed on.
pub(crate) async fn store(app: &App, digest: &Digest, report: &LayerReport) {
    let row = catalog::LayerReport {
        digest: digest.clone(),
        analyser_version: ANALYSER_VERSION.to_owned(),
        diff_id: report.diff_id.clone(),
        body: report.encode(),
    };
    if let Err(error) = app.catalog.put_layer_report(&row, app.clock.now()).await {
        tracing::error!(%digest, cause = %chain(&error), "cannot store a layer report");
    }
}

async fn analyse_stored(app: &App, digest: &Digest) -> Result<LayerReport, AnalysisError> {
    let blob = app
        .catalog
        .blob(digest)
        .await?
        .ok_or_else(|| AnalysisError::BlobGone(digest.clone()))?;
    let key: ObjectKey = blob
        .object_key
        .parse()
        .map_err(|_| AnalysisError::BlobGone(digest.clone()))?;
    let file = app.store.open_blocking(&key).await?;
    let permit = Arc::clone(&app.analyses.stored_slots)
        .acquire_owned()
        .await
        .map_err(|_| AnalysisError::Stopping)?;
    app.metrics.count_layer("stored");
    let (report, broken) = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let broken = Arc::new(AtomicBool::new(false));
        let watched = Watched {
            inner: file,
            broken: Arc::clone(&broken),
        };
        (
            inventory::analyse_layer(watched, &Limits::default()),
            broken,
        )
    })
    .await
    .map_err(|_| AnalysisError::Panicked(digest.clone()))?;
    if broken.load(Ordering::Relaxed) {
        return Err(AnalysisError::Unreadable(digest.clone()));
    }
    Ok(report)
}
