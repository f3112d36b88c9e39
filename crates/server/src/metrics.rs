//! The catalogue of metrics: every number the server counts is a field here.
//!
//! No repository names as labels: their number is not bounded.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use catalog::Collected;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::upstream::metrics::UpstreamMetrics;

/// Labels of a finished request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RequestLabels {
    /// `registry`, `page`, `api`, `token`, `operations`.
    pub(crate) surface: &'static str,
    pub(crate) method: &'static str,
    pub(crate) status: u16,
}

/// One word as a label.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct WordLabel {
    pub(crate) kind: &'static str,
}

/// The metrics of one process.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    pub(crate) requests: Family<RequestLabels, Counter>,
    pub(crate) request_seconds: Histogram,
    pub(crate) bytes_received: Counter,
    pub(crate) bytes_sent: Counter,
    pub(crate) uploads_in_flight: Gauge,
    /// How a layer was analysed: `live` during its push, `stored` from the blob afterwards.
    pub(crate) layers_analysed: Family<WordLabel, Counter>,
    pub(crate) analysis_seconds: Histogram,
    /// Verdicts given at the pull door, by word.
    pub(crate) verdicts: Family<WordLabel, Counter>,
    pub(crate) snapshot_built_at_seconds: Gauge<f64, AtomicU64>,
    pub(crate) login_failures: Counter,
    /// Attempts to sign in that were not looked at.
    pub(crate) logins_throttled: Counter,
    gc_reviewed: Counter,
    gc_condemned: Counter,
    gc_freed_bytes: Counter,
    pub(crate) gc_queue_age_seconds: Gauge<f64, AtomicU64>,
    /// Attempts to deliver an event, by what has become of the delivery.
    deliveries: Family<WordLabel, Counter>,
    pub(crate) upstream: UpstreamMetrics,
    jobs: Family<WordLabel, Gauge>,
    job_age_seconds: Family<WordLabel, Gauge<f64, AtomicU64>>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("tidegate");
        let requests = Family::default();
        registry.register("requests", "Requests answered", requests.clone());
        let request_seconds = Histogram::new(exponential_buckets(0.000_25, 2.0, 16));
        registry.register(
            "request_seconds",
            "Time to the answer's head",
            request_seconds.clone(),
        );
        let bytes_received = Counter::default();
        registry.register(
            "blob_received_bytes",
            "Blob bytes received",
            bytes_received.clone(),
        );
        let bytes_sent = Counter::default();
        registry.register("blob_sent_bytes", "Blob bytes sent", bytes_sent.clone());
        let uploads_in_flight = Gauge::default();
        registry.register(
            "uploads_in_flight",
            "Blob uploads receiving bytes",
            uploads_in_flight.clone(),
        );
        let layers_analysed = Family::default();
        registry.register(
            "layers_analysed",
            "Layers analysed",
            layers_analysed.clone(),
        );
        let analysis_seconds = Histogram::new(exponential_buckets(0.001, 2.0, 16));
        registry.register(
            "analysis_seconds",
            "Time from a manifest's arrival to its stored verdict",
            analysis_seconds.clone(),
        );
        let verdicts = Family::default();
        registry.register(
            "pull_verdicts",
            "Verdicts at the pull door",
            verdicts.clone(),
        );
        let snapshot_built_at_seconds = Gauge::default();
        registry.register(
            "advisories_built_at_seconds",
            "Unix time at which the advisory snapshot in use was built, 0 without one",
            snapshot_built_at_seconds.clone(),
        );
        let login_failures = Counter::default();
        registry.register(
            "login_failures",
            "Refused credentials",
            login_failures.clone(),
        );
        let logins_throttled = Counter::default();
        registry.register(
            "logins_throttled",
            "Sign-ins that had to wait after earlier refusals",
            logins_throttled.clone(),
        );
        let gc_reviewed = Counter::default();
        registry.register(
            "gc_reviewed",
            "Entries of the queue of collection that were looked at",
            gc_reviewed.clone(),
        );
        let gc_condemned = Counter::default();
        registry.register(
            "gc_condemned",
            "Blobs that no repository had a right to any more",
            gc_condemned.clone(),
        );
        let gc_freed_bytes = Counter::default();
        registry.register(
            "gc_freed_bytes",
            "Bytes of objects that collection deleted",
            gc_freed_bytes.clone(),
        );
        let gc_queue_age_seconds = Gauge::default();
        registry.register(
            "gc_queue_age_seconds",
            "How long the longest-overdue entry of the queue of collection has been due",
            gc_queue_age_seconds.clone(),
        );
        let deliveries = Family::default();
        registry.register(
            "event_deliveries",
            "Attempts to deliver an event to an endpoint, by what has become of the delivery",
            deliveries.clone(),
        );
        let jobs = Family::default();
        registry.register(
            "jobs",
            "Background jobs that have not ended, by state",
            jobs.clone(),
        );
        let job_age_seconds = Family::default();
        registry.register(
            "job_age_seconds",
            "How long the longest-waiting due job of a lane has been waiting",
            job_age_seconds.clone(),
        );
        let upstream = UpstreamMetrics::register(&mut registry);
        Self {
            registry,
            requests,
            request_seconds,
            bytes_received,
            bytes_sent,
            uploads_in_flight,
            layers_analysed,
            analysis_seconds,
            verdicts,
            snapshot_built_at_seconds,
            login_failures,
            logins_throttled,
            gc_reviewed,
            gc_condemned,
            gc_freed_bytes,
            gc_queue_age_seconds,
            deliveries,
            upstream,
            jobs,
            job_age_seconds,
        }
    }

    pub(crate) fn count_collected(&self, collected: &Collected) {
        self.gc_reviewed.inc_by(collected.reviewed);
        self.gc_condemned.inc_by(collected.condemned);
        self.gc_freed_bytes.inc_by(collected.freed_bytes);
    }

    pub(crate) fn count_delivery(&self, kind: &'static str) {
        self.deliveries.get_or_create(&WordLabel { kind }).inc();
    }

    pub(crate) fn set_jobs(&self, state: &'static str, count: u64) {
        let gauge = self.jobs.get_or_create(&WordLabel { kind: state });
        gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub(crate) fn set_job_age(&self, lane: &'static str, age: Duration) {
        let label = WordLabel { kind: lane };
        self.job_age_seconds
            .get_or_create(&label)
            .set(age.as_secs_f64());
    }

    pub(crate) fn observe_request(&self, labels: &RequestLabels, took: Duration) {
        self.requests.get_or_create(labels).inc();
        self.request_seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn count_verdict(&self, kind: &'static str) {
        self.verdicts.get_or_create(&WordLabel { kind }).inc();
    }

    pub(crate) fn count_layer(&self, kind: &'static str) {
        self.layers_analysed
            .get_or_create(&WordLabel { kind })
            .inc();
    }

    /// Writes all metrics in the OpenMetrics text format.
    pub(crate) fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
