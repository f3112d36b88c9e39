//! What recurring checks of the blob store count.

use catalog::Fault;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

use super::{Book, Words};

/// The numbers of the checks.
#[derive(Debug)]
pub(crate) struct StoreMetrics {
    faults: Words<Gauge>,
    unknown_objects: Gauge,
    pub(crate) verified_bytes: Counter,
}

impl StoreMetrics {
    pub(super) fn register(book: &mut Book) -> Self {
        Self {
            faults: book.each(
                (
                    "store_faults",
                    "Blobs in quarantine because their objects are missing or damaged",
                ),
                ("fault", &Fault::ALL.map(Fault::as_str)),
                Gauge::default as fn() -> Gauge,
            ),
            unknown_objects: book.one(
                "store_unknown_objects",
                "Objects that no row names and that are left alone yet, at the last comparison",
                Gauge::default(),
            ),
            verified_bytes: book.one(
                "store_verified_bytes",
                "Bytes of objects that were read again and hashed",
                Counter::default(),
            ),
        }
    }

    pub(crate) fn set_faults(&self, fault: Fault, count: u64) {
        if let Some(gauge) = self.faults.of(fault.as_str()) {
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    pub(crate) fn set_unknown_objects(&self, count: u64) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.unknown_objects.set(count);
    }
}
