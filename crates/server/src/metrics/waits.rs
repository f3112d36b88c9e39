//! Waiting for what the server stands on: the object store, and connections to the database.

use std::sync::Arc;
use std::time::Instant;

use catalog::OnWait;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

use super::book::{Book, Words};

/// What the store is asked to do; an operation's place in [`OPERATIONS`] is its number.
#[derive(Clone, Copy, Debug)]
pub(crate) enum StoreOperation {
    /// An upload begins.
    Begin,
    /// What arrived is made durable.
    Checkpoint,
    /// An upload becomes an object.
    Commit,
    /// What was staged is removed.
    Clear,
    /// An object is opened for reading.
    Open,
    /// Objects are deleted.
    Delete,
}

const OPERATIONS: [&str; 6] = ["begin", "checkpoint", "commit", "clear", "open", "delete"];

/// How long things take that are not the server's own work.
#[derive(Debug)]
pub(crate) struct Waits {
    store: Vec<Histogram>,
    database: Words<Histogram>,
}

impl Waits {
    pub(super) fn register(book: &mut Book) -> Self {
        // A tenth of a millisecond to six seconds and a half.
        let buckets =
            (|| Histogram::new(exponential_buckets(0.000_1, 2.0, 17))) as fn() -> Histogram;
        let store = book.each(
            (
                "store_seconds",
                "Time that the blob store takes for an operation; reading an opened object is not in it",
            ),
            ("operation", &OPERATIONS),
            buckets,
        );
        Self {
            store: OPERATIONS
                .iter()
                .filter_map(|operation| store.of(operation).cloned())
                .collect(),
            database: book.each(
                (
                    "database_wait_seconds",
                    "Time that a statement waits for a connection, and a writing one for its transaction; with SQLite that is the line before the one writer",
                ),
                ("access", &["read", "write"]),
                buckets,
            ),
        }
    }

    /// Does a piece of the store's work and notes how long it took, whether it succeeds or not.
    pub(crate) async fn on_store<T>(
        &self,
        operation: StoreOperation,
        work: impl Future<Output = T>,
    ) -> T {
        let started = Instant::now();
        let done = work.await;
        self.store[operation as usize].observe(started.elapsed().as_secs_f64());
        done
    }

    /// Returns who is told of waits for a connection, for `read` or `write`.
    pub(crate) fn on_database(&self, access: &str) -> OnWait {
        let histogram = self.database.of(access).cloned();
        Arc::new(move |waited| {
            if let Some(histogram) = &histogram {
                histogram.observe(waited.as_secs_f64());
            }
        })
    }
}
