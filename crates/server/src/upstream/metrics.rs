//! What is counted about other registries.

use prometheus_client::metrics::counter::Counter;

use crate::metrics::{Book, COUNTER, Level, Words};

/// The metrics of caches and mirrors.
#[derive(Debug)]
pub(crate) struct UpstreamMetrics {
    proxied_manifests: Words<Counter>,
    /// Blob bytes that came from upstreams.
    pub(crate) fetched_bytes: Counter,
    pub(crate) mirror_lag_seconds: Level,
}

impl UpstreamMetrics {
    pub(crate) fn register(book: &mut Book) -> Self {
        Self {
            proxied_manifests: book.each(
                (
                    "proxied_manifests",
                    "Manifests asked for through a cache: answered from it, fetched, answered from it because the upstream failed, or failed",
                ),
                ("outcome", &["hit", "miss", "stale", "error"]),
                COUNTER,
            ),
            fetched_bytes: book.one(
                "upstream_fetched_bytes",
                "Blob bytes fetched from other registries",
                Counter::default(),
            ),
            mirror_lag_seconds: book.one(
                "mirror_lag_seconds",
                "Time since the mirror that is furthest behind last succeeded, 0 without a planned mirror",
                Level::default(),
            ),
        }
    }

    /// Counts a manifest: `hit`, `miss`, `stale` or `error`.
    pub(crate) fn count_proxy(&self, outcome: &'static str) {
        if let Some(counter) = self.proxied_manifests.of(outcome) {
            counter.inc();
        }
    }
}
