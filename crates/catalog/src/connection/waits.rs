//! How long a call waits before the database: for a connection, and with SQLite in the line before the one writer.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Is told how long a call waited.
pub type OnWait = Arc<dyn Fn(Duration) + Send + Sync>;

/// Whom to tell, if anybody.
#[derive(Clone, Default)]
pub(super) struct Waits(Option<OnWait>);

impl Waits {
    pub(super) fn told_to(on_wait: OnWait) -> Self {
        Self(Some(on_wait))
    }

    /// Waits, and tells how long it took, whatever came of it.
    pub(super) async fn timed<T>(&self, waiting: impl Future<Output = T>) -> T {
        let Some(on_wait) = &self.0 else {
            return waiting.await;
        };
        let asked = Instant::now();
        let outcome = waiting.await;
        on_wait(asked.elapsed());
        outcome
    }
}

impl fmt::Debug for Waits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Waits").field(&self.0.is_some()).finish()
    }
}
