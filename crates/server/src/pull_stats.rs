//! Pull statistics: counted in memory, written in batches.
//!
//! A pull never waits for a write. What a process counted and had not written when it was killed is lost; nothing is
//! decided by the last ten seconds.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use catalog::{PullCount, RepositoryId};
use jiff::Timestamp;
use oci::{Digest, Tag};

use crate::app::Shared;
use crate::error::chain;

/// How often counts are written.
const FLUSH: Duration = Duration::from_secs(10);
/// Counts kept in memory; more different images in one interval are not counted.
const MAX_COUNTS: usize = 20_000;

/// How often an image was pulled under a tag, and when last.
type Counts = HashMap<(RepositoryId, Digest, Option<Tag>), (u64, Timestamp)>;

/// What was pulled since the last batch.
#[derive(Debug, Default)]
pub(crate) struct PullStats {
    counts: Mutex<Counts>,
}

impl PullStats {
    /// Counts a pull.
    pub(crate) fn count(
        &self,
        repository: RepositoryId,
        digest: &Digest,
        tag: Option<&Tag>,
        now: Timestamp,
    ) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (repository, digest.clone(), tag.cloned());
        if counts.len() >= MAX_COUNTS && !counts.contains_key(&key) {
            return;
        }
        let (pulls, last) = counts.entry(key).or_insert((0, now));
        *pulls += 1;
        *last = (*last).max(now);
    }

    fn take(&self) -> Vec<PullCount> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts
            .drain()
            .map(|((repository, digest, tag), (pulls, last))| PullCount {
                repository,
                digest,
                tag,
                pulls,
                last,
            })
            .collect()
    }
}

/// Writes batches until the server stops, and the last one then.
pub(crate) async fn run(app: Shared) {
    loop {
        let is_last = tokio::select! {
            () = app.stop.cancelled() => true,
            () = tokio::time::sleep(FLUSH) => false,
        };
        let counts = app.pull_stats.take();
        if !counts.is_empty()
            && let Err(error) = app.catalog.add_pulls(&counts).await
        {
            tracing::warn!(pulls = counts.len(), cause = %chain(&error), "pull statistics of ten seconds are lost");
        }
        if is_last {
            return;
        }
    }
}
