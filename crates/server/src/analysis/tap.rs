//! The tap: analysing a layer while its bytes arrive.
//!
//! The same pass that hashes and stores an upload offers each chunk to a [`super::feed`]; a blocking thread reads the
//! other end. The report counts only once the blob's digest was verified ([`finish`]); until then it is a guess about
//! bytes nobody vouched for, and a broken, restarted or out-of-order upload throws it away.

use std::collections::HashMap;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use image::Limits;
use inventory::LayerReport;
use oci::Digest;
use tokio::sync::{Semaphore, oneshot};
use uuid::Uuid;

use super::feed::{FeedWriter, feed};
use super::layers;
use crate::app::App;

/// Layers analysed live at the same time; further ones are analysed from the stored blob.
const LIVE_SLOTS: usize = 16;

/// The taps that are open now.
#[derive(Debug)]
pub(crate) struct Taps {
    open: Mutex<HashMap<Uuid, Tap>>,
    slots: Arc<Semaphore>,
}

#[derive(Debug)]
struct Tap {
    writer: FeedWriter,
    report: oneshot::Receiver<Option<LayerReport>>,
}

impl Taps {
    pub(crate) fn new() -> Self {
        Self {
            open: Mutex::new(HashMap::new()),
            slots: Arc::new(Semaphore::new(LIVE_SLOTS)),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, Tap>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Offers a chunk that begins at `offset`. The first chunk of something that looks like a layer opens the tap.
pub(crate) fn offer(app: &App, upload: Uuid, offset: u64, chunk: &Bytes) {
    let taps = &app.analyses.taps;
    if offset == 0 {
        let opened = if looks_like_layer(chunk) {
            open(app, upload)
        } else {
            None
        };
        let mut open = taps.lock();
        match opened {
            // An earlier attempt at this upload ends here.
            Some(tap) => drop(open.insert(upload, tap)),
            None => drop(open.remove(&upload)),
        }
    }
    let mut open = taps.lock();
    let Some(tap) = open.get(&upload) else { return };
    if tap.writer.written() == offset {
        tap.writer.offer(chunk);
    } else {
        open.remove(&upload);
    }
}

/// Gives the live analysis of an upload up.
pub(crate) fn abandon(app: &App, upload: Uuid) {
    app.analyses.taps.lock().remove(&upload);
}

/// Says that the upload is a published blob: its report is stored as soon as it exists.
pub(crate) fn finish(app: &Arc<App>, upload: Uuid, digest: &Digest, size: u64) {
    let Some(tap) = app.analyses.taps.lock().remove(&upload) else {
        return;
    };
    if tap.writer.written() != size {
        return;
    }
    // Somebody who works on the same layer already is as good.
    let Ok(done) = app.analyses.in_flight.begin(digest) else {
        return;
    };
    tap.writer.complete();
    let (app, digest) = (Arc::clone(app), digest.clone());
    tokio::spawn(async move {
        if let Ok(Some(report)) = tap.report.await {
            app.metrics.count_layer("live");
            layers::store(&app, &digest, &report).await;
        }
        drop(done);
    });
}

/// Configurations and signatures are blobs too; only compressed data and tar are worth a thread.
fn looks_like_layer(first: &[u8]) -> bool {
    const TAR_MAGIC: usize = 257;
    first.starts_with(&[0x1f, 0x8b])
        || first.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
        || (first.len() > 4 && first[0] & 0xf0 == 0x50 && first[1..4] == [0x2a, 0x4d, 0x18])
        || first.get(TAR_MAGIC..TAR_MAGIC + 5) == Some(b"ustar")
}

fn open(app: &App, upload: Uuid) -> Option<Tap> {
    let permit = Arc::clone(&app.analyses.taps.slots)
        .try_acquire_owned()
        .ok()?;
    let (writer, reader) = feed(app.store.open_staged(upload).ok());
    let (sender, report) = oneshot::channel();
    let job = move || {
        let _permit = permit;
        let broken = Arc::new(AtomicBool::new(false));
        let watched = Watched {
            inner: reader,
            broken: Arc::clone(&broken),
        };
        let report = inventory::analyse_layer(watched, &Limits::default());
        // A read error is the connection's story, not the layer's.
        let report = (!broken.load(Ordering::Relaxed)).then_some(report);
        drop(sender.send(report));
    };
    tokio::task::spawn_blocking(job);
    Some(Tap { writer, report })
}

/// A reader that remembers whether it failed.
pub(crate) struct Watched<R> {
    pub(crate) inner: R,
    pub(crate) broken: Arc<AtomicBool>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer);
        if read
            .as_ref()
            .is_err_and(|error| error.kind() != std::io::ErrorKind::Interrupted)
        {
            self.broken.store(true, Ordering::Relaxed);
        }
        read
    }
}
