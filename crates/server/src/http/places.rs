//! How many connections are open at once, and how seldom the log says that there are too many.
//!
//! A process may open so many files and connections and no more. If connections took them all, nothing would be left for
//! what is asked over them: a blob to be read, the database, an upstream. So some are kept back, and who comes when the
//! places are taken waits in the system's queue until a connection ends. What asks for nothing ends by itself
//! ([`Patience`](super::Patience)).

use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Descriptors kept back for work, where the limit is not small itself.
const KEPT_BACK: u64 = 128;
/// More connections than any machine serves; also the answer where there is no limit.
const MOST: usize = 1 << 20;
/// What repeats itself is logged once in so long.
const QUIET: Duration = Duration::from_secs(10);

/// The places of a listener's connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places(pub(super) usize);

impl Places {
    /// As many as the process may open, less what work needs.
    pub(crate) fn of_process() -> Self {
        Self(for_connections(getrlimit(Resource::Nofile).current))
    }

    /// So few that they are within what work needs: for health and metrics.
    pub(crate) fn few() -> Self {
        Self(32)
    }

    /// Returns how many there are.
    pub(crate) fn count(self) -> usize {
        self.0
    }

    /// Opens the places.
    pub(super) fn open(self) -> Door {
        Door {
            places: Arc::new(Semaphore::new(self.0)),
            crowded: Seldom::default(),
        }
    }
}

/// Returns for how many connections there is room under a limit: half of it and more.
fn for_connections(limit: Option<u64>) -> usize {
    let Some(limit) = limit else { return MOST };
    let kept_back = KEPT_BACK.max(limit / 8).min(limit / 2);
    usize::try_from(limit - kept_back).map_or(MOST, |count| count.clamp(1, MOST))
}

/// Where connections get their places.
pub(super) struct Door {
    places: Arc<Semaphore>,
    crowded: Seldom,
}

impl Door {
    /// Waits for a place; it is free again when what is returned is dropped.
    pub(super) async fn place(&mut self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Some(place);
        }
        if let Some(unsaid) = self.crowded.turn(Instant::now()) {
            tracing::warn!(
                unsaid,
                "every place for a connection is taken, the next one waits until one ends"
            );
        }
        Arc::clone(&self.places).acquire_owned().await.ok()
    }
}

/// Something that would be said over and over, and is said now and then.
#[derive(Debug, Default)]
pub(super) struct Seldom {
    said: Option<Instant>,
    unsaid: u64,
}

impl Seldom {
    /// Counts an occasion. Returns how many were passed over in silence if this one may be said.
    pub(super) fn turn(&mut self, now: Instant) -> Option<u64> {
        let is_quiet = self
            .said
            .is_some_and(|said| now.saturating_duration_since(said) < QUIET);
        if is_quiet {
            self.unsaid += 1;
            return None;
        }
        self.said = Some(now);
        Some(std::mem::take(&mut self.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_keeps_its_part_of_the_descriptors() {
        for (limit, connections) in [
            (Some(0), 1),
            (Some(16), 8),
            (Some(256), 128),
            (Some(1_024), 896),
            (Some(65_536), 57_344),
            (Some(u64::MAX), MOST),
            (None, MOST),
        ] {
            assert_eq!(for_connections(limit), connections, "{limit:?}");
        }
    }

    #[test]
    fn what_repeats_itself_is_said_once_in_a_while_and_counted() {
        let (mut seldom, start) = (Seldom::default(), Instant::now());
        let after = |millis| start + Duration::from_millis(millis);
        for (at, said) in [
            (0, Some(0)),
            (200, None),
            (9_999, None),
            (10_000, Some(2)),
            (10_001, None),
            (60_000, Some(1)),
            (80_000, Some(0)),
        ] {
            assert_eq!(seldom.turn(after(at)), said, "{at}");
        }
    }
}
