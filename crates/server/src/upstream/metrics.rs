//! What is counted about other registries.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::metrics::WordLabel;

/// The metrics of caches and mirrors.
#[derive(Debug)]
pub(crate) struct UpstreamMetrics {
    /// Manifests asked for through a cache: `hit`, `miss`, `stale`, `error`.
    proxied: Family<WordLabel, Counter>,
    /// Blob bytes that came from upstreams.
    pub(crate) fetched_bytes: Counter,
    pub(crate) mirror_lag_seconds: Gauge<f64, AtomicU64>,
}

impl UpstreamMetrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let proxied = Family::default();
        registry.register(
            "proxied_manifests",
            "Manifests asked for through a cache, by how it went",
            proxied.clone(),
        );
        let fetched_bytes = Counter::default();
        registry.register(
            "upstream_fetched_bytes",
            "Blob bytes fetched from other registries",
            fetched_bytes.clone(),
        );
        let mirror_lag_seconds = Gauge::default();
        registry.register(
            "mirror_lag_seconds",
            "Time since the mirror that is furthest behind last succeeded, 0 without a planned mirror",
            mirror_lag_seconds.clone(),
        );
        Self {
            proxied,
            fetched_bytes,
            mirror_lag_seconds,
        }
    }

    pub(crate) fn count_proxy(&self, kind: &'static str) {
        self.proxied.get_or_create(&WordLabel { kind }).inc();
    }
}
