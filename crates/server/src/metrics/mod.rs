//! The catalogue of metrics: every number the server counts is a field here.
//!
//! Names that users chose are no labels: their number is not bounded. All series are made at the start and held where
//! they are counted; see [`book`].
//!
//! Adding a metric: a field, registered in [`Metrics::new`]; `UPDATE=1 cargo test -p tidegate-server --test it metrics`
//! writes it into `docs/reference/metrics.md`.

mod book;
mod reference;
mod requests;
mod store;
mod waits;

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use catalog::{Collected, DeliveryState, Lane};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

pub(crate) use book::{Book, Words};
pub use reference::metrics_reference;
pub(crate) use requests::{Requests, Surface};
use store::StoreMetrics;
pub(crate) use waits::{StoreOperation, Waits};

use crate::upstream::metrics::UpstreamMetrics;

/// A number that may have a fraction.
pub(crate) type Level = Gauge<f64, AtomicU64>;

/// Makes the counters of a metric with labels.
pub(crate) const COUNTER: fn() -> Counter = Counter::default;

/// The metrics of one process.
#[derive(Debug)]
pub(crate) struct Metrics {
    book: Book,
    pub(crate) requests: Requests,
    pub(crate) waits: Waits,
    pub(crate) bytes_received: Counter,
    pub(crate) bytes_sent: Counter,
    pub(crate) uploads_in_flight: Gauge,
    pub(crate) passwords: PasswordMetrics,
    layers_analysed: Words<Counter>,
    pub(crate) analysis_seconds: Histogram,
    verdicts: Words<Counter>,
    pub(crate) snapshot_built_at_seconds: Level,
    pub(crate) login_failures: Counter,
    pub(crate) logins_throttled: Counter,
    gc_reviewed: Counter,
    gc_condemned: Counter,
    gc_freed_bytes: Counter,
    pub(crate) gc_queue_age_seconds: Level,
    pub(crate) store: StoreMetrics,
    usage_pending: Gauge,
    usage_pending_age_seconds: Level,
    deliveries: Words<Counter>,
    pub(crate) upstream: UpstreamMetrics,
    jobs: Words<Gauge>,
    job_age_seconds: Words<Level>,
}

/// How passwords were verified.
#[derive(Clone, Debug)]
pub(crate) struct PasswordMetrics {
    /// Verified less than a minute ago.
    pub(crate) remembered: Counter,
    /// Hashed anew.
    pub(crate) hashed: Counter,
}

impl PasswordMetrics {
    fn register(book: &mut Book) -> Self {
        let checks = book.each(
            (
                "password_checks",
                "Passwords checked, from the memory of the last minute or by hashing",
            ),
            ("from", &["memory", "hash"]),
            COUNTER,
        );
        let of = |word| checks.of(word).cloned().unwrap_or_default();
        Self {
            remembered: of("memory"),
            hashed: of("hash"),
        }
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut book = Book::new();
        let pages = &mut book;
        Self {
            requests: Requests::register(pages),
            waits: Waits::register(pages),
            bytes_received: pages.one(
                "blob_received_bytes",
                "Blob bytes received",
                Counter::default(),
            ),
            bytes_sent: pages.one("blob_sent_bytes", "Blob bytes sent", Counter::default()),
            uploads_in_flight: pages.one(
                "uploads_in_flight",
                "Blob uploads receiving bytes",
                Gauge::default(),
            ),
            passwords: PasswordMetrics::register(pages),
            layers_analysed: pages.each(
                (
                    "layers_analysed",
                    "Layers analysed, during their push or from the stored blob afterwards",
                ),
                ("when", &["live", "stored"]),
                COUNTER,
            ),
            analysis_seconds: pages.one(
                "analysis_seconds",
                "Time from a manifest's arrival to its stored verdict",
                Histogram::new(exponential_buckets(0.001, 2.0, 16)),
            ),
            verdicts: pages.each(
                ("pull_verdicts", "Verdicts at the pull door"),
                ("verdict", &["allow", "warn", "pending", "deny"]),
                COUNTER,
            ),
            snapshot_built_at_seconds: pages.one(
                "advisories_built_at_seconds",
                "Unix time at which the advisory snapshot in use was built, 0 without one",
                Level::default(),
            ),
            login_failures: pages.one("login_failures", "Refused credentials", Counter::default()),
            logins_throttled: pages.one(
                "logins_throttled",
                "Sign-ins that had to wait after earlier refusals",
                Counter::default(),
            ),
            gc_reviewed: pages.one(
                "gc_reviewed",
                "Entries of the queue of collection that were looked at",
                Counter::default(),
            ),
            gc_condemned: pages.one(
                "gc_condemned",
                "Blobs that no repository had a right to any more",
                Counter::default(),
            ),
            gc_freed_bytes: pages.one(
                "gc_freed_bytes",
                "Bytes of objects that collection deleted",
                Counter::default(),
            ),
            gc_queue_age_seconds: pages.one(
                "gc_queue_age_seconds",
                "How long the longest-overdue entry of the queue of collection has been due",
                Level::default(),
            ),
            store: StoreMetrics::register(pages),
            usage_pending: pages.one(
                "usage_pending_changes",
                "Changes of usage that are not folded into its figures yet; quotas count them, pages show them later",
                Gauge::default(),
            ),
            usage_pending_age_seconds: pages.one(
                "usage_pending_age_seconds",
                "How long the oldest change of usage that is not folded yet has waited, since this process first saw it",
                Level::default(),
            ),
            deliveries: pages.each(
                (
                    "event_deliveries",
                    "Attempts to deliver an event to an endpoint, by what has become of the delivery",
                ),
                ("state", &DeliveryState::ALL.map(DeliveryState::as_str)),
                COUNTER,
            ),
            upstream: UpstreamMetrics::register(pages),
            jobs: pages.each(
                ("jobs", "Background jobs that have not ended"),
                ("state", &["ready", "running", "dead"]),
                Gauge::default as fn() -> Gauge,
            ),
            job_age_seconds: pages.each(
                (
                    "job_age_seconds",
                    "How long the longest-waiting due job of a lane has been waiting",
                ),
                ("lane", &Lane::ALL.map(Lane::as_str)),
                Level::default as fn() -> Level,
            ),
            book,
        }
    }

    pub(crate) fn count_collected(&self, collected: &Collected) {
        self.gc_reviewed.inc_by(collected.reviewed);
        self.gc_condemned.inc_by(collected.condemned);
        self.gc_freed_bytes.inc_by(collected.freed_bytes);
    }

    pub(crate) fn count_delivery(&self, state: DeliveryState) {
        count(&self.deliveries, state.as_str());
    }

    pub(crate) fn set_jobs(&self, state: &'static str, count: u64) {
        if let Some(gauge) = self.jobs.of(state) {
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    pub(crate) fn set_job_age(&self, lane: Lane, age: Duration) {
        if let Some(gauge) = self.job_age_seconds.of(lane.as_str()) {
            gauge.set(age.as_secs_f64());
        }
    }

    pub(crate) fn set_usage_pending(&self, changes: u64, age: Duration) {
        let changes = i64::try_from(changes).unwrap_or(i64::MAX);
        self.usage_pending.set(changes);
        self.usage_pending_age_seconds.set(age.as_secs_f64());
    }

    pub(crate) fn count_verdict(&self, verdict: &'static str) {
        count(&self.verdicts, verdict);
    }

    /// Counts an analysed layer: `live` during its push, `stored` from the blob afterwards.
    pub(crate) fn count_layer(&self, when: &'static str) {
        count(&self.layers_analysed, when);
    }

    /// Writes all metrics in the OpenMetrics text format.
    pub(crate) fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.book.registry)?;
        Ok(text)
    }
}

fn count(counters: &Words<Counter>, word: &str) {
    if let Some(counter) = counters.of(word) {
        counter.inc();
    }
}
