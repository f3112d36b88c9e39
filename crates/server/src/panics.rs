//! Panics as incidents: a bug of ours costs one request or one attempt of a job, and tells nobody a secret.
//!
//! A panic's text is made from whatever was at hand, a row, a header, a decrypted value, so it is shown only where it
//! was written into the program. [`log_panics`] logs every panic of the process that way, under an incident id;
//! [`contained`] stops one and says under which id it was logged. A panic on a thread of its own is an error of whoever
//! waits for that thread; such errors never repeat its text either.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};

use futures::FutureExt as _;
use tokio::task::JoinError;
use uuid::Uuid;

/// Work of ours that panicked, and the incident it was logged as.
#[derive(Debug, thiserror::Error)]
#[error("a panic, incident {incident}")]
pub(crate) struct Panicked {
    pub(crate) incident: Uuid,
}

/// Work on a thread of its own that gave no result. What it panicked with stays out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Lost {
    #[error("the thread that did it panicked")]
    Panicked,
    #[error("the server stopped before it was done")]
    Stopped,
}

impl From<JoinError> for Lost {
    fn from(error: JoinError) -> Self {
        if error.is_panic() {
            Self::Panicked
        } else {
            Self::Stopped
        }
    }
}

thread_local! {
    /// The incident of the latest panic on this thread, until somebody catches it.
    static LATEST: Cell<Option<Uuid>> = const { Cell::new(None) };
}

/// Has every panic of this process logged, instead of written to standard error with its text.
pub fn log_panics() {
    panic::set_hook(Box::new(|panic| {
        LATEST.set(Some(log(panic)));
    }));
}

/// Logs a panic and returns its incident. The request or job it belongs to is in the span around the line.
fn log(panic: &PanicHookInfo<'_>) -> Uuid {
    let incident = Uuid::new_v4();
    let text = written_text(panic);
    let location = panic.location().map(ToString::to_string);
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then_some(backtrace);
    tracing::error!(
        %incident,
        location,
        text = text.unwrap_or("not shown, it may hold anything"),
        backtrace = backtrace.as_ref().map(tracing::field::display),
        "panicked"
    );
    incident
}

/// Returns a panic's text if it is a part of the program: such a text was there before any secret.
fn written_text(panic: &PanicHookInfo<'_>) -> Option<&'static str> {
    panic.payload().downcast_ref().copied()
}

/// Does work whose panic is an error. The panic unwinds through this very poll, so it is the latest of this thread.
pub(crate) async fn contained<T>(work: impl Future<Output = T>) -> Result<T, Panicked> {
    let outcome = AssertUnwindSafe(work).catch_unwind().await;
    outcome.map_err(|_| Panicked {
        // Without the hook of the program, as in tests, nothing was logged.
        incident: LATEST.take().unwrap_or_else(Uuid::new_v4),
    })
}
