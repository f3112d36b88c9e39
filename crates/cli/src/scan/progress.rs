//! One progress line, for scans that take long enough to be wondered about.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::plain;

/// Faster scans show nothing: a line that flashes tells nobody anything.
const PATIENCE: Duration = Duration::from_millis(500);
const REDRAW: Duration = Duration::from_millis(100);

/// Counters that the line shows, and the thread that draws it.
pub(super) struct Progress {
    counters: Arc<Counters>,
    drawing: Option<(Sender<()>, JoinHandle<()>)>,
}

#[derive(Default)]
struct Counters {
    bytes: AtomicU64,
    layers: AtomicU64,
    layers_done: AtomicU64,
}

impl Counters {
    /// How far it is: `: 2 of 7 layers, 31.20 MiB read`. A folder is one step, and there is nothing to say about it.
    fn words(&self) -> String {
        let bytes = self.bytes.load(Ordering::Relaxed);
        if bytes == 0 {
            return String::new();
        }
        format!(
            ": {} of {} layers, {} read",
            self.layers_done.load(Ordering::Relaxed),
            self.layers.load(Ordering::Relaxed),
            HumanBytes(bytes),
        )
    }
}

impl Progress {
    /// Starts to count, and to draw after half a second if `may_draw`.
    pub(super) fn start(may_draw: bool, what: &str) -> Self {
        let counters = Arc::new(Counters::default());
        let drawing = may_draw.then(|| {
            let (stop, stopped) = mpsc::channel();
            let shown = Arc::clone(&counters);
            let what = plain(what).into_owned();
            let thread = std::thread::spawn(move || {
                if stopped.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                    draw(&what, &shown, &stopped);
                }
            });
            (stop, thread)
        });
        Self { counters, drawing }
    }

    /// Says how many layers there are.
    pub(super) fn layers(&self, count: usize) {
        self.counters.layers.store(count as u64, Ordering::Relaxed);
    }

    /// Says that one more layer is done.
    pub(super) fn layer_done(&self) {
        self.counters.layers_done.fetch_add(1, Ordering::Relaxed);
    }

    /// Says that so many more bytes were read.
    pub(super) fn bytes(&self, count: usize) {
        self.counters
            .bytes
            .fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Removes the line. Nothing else may be written to the terminal before.
    pub(super) fn finish(self) {
        if let Some((stop, thread)) = self.drawing {
            drop(stop);
            // A drawing thread that failed has nothing to say about the scan.
            let _ = thread.join();
        }
    }
}

fn draw(what: &str, counters: &Counters, stopped: &mpsc::Receiver<()>) {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
        bar.set_style(style);
    }
    loop {
        bar.set_message(format!("{what}{}", counters.words()));
        bar.tick();
        if stopped.recv_timeout(REDRAW) != Err(RecvTimeoutError::Timeout) {
            break;
        }
    }
    bar.finish_and_clear();
    let _ = std::io::stderr().flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_and_bytes_are_said_once_there_are_any() {
        let progress = Progress::start(false, "image");
        progress.layers(7);
        assert_eq!(progress.counters.words(), "");
        progress.layer_done();
        progress.bytes(2 << 20);
        assert_eq!(progress.counters.words(), ": 1 of 7 layers, 2.00 MiB read");
        progress.finish();
    }
}
