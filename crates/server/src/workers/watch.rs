//! What the queues look like, for the metrics.

use std::collections::VecDeque;
use std::time::Duration;

use catalog::Lane;
use jiff::Timestamp;

use crate::app::{App, Shared};
use crate::collection;
use crate::error::chain;
use crate::upstream;

const PAUSE: Duration = Duration::from_secs(15);
/// Sights that are remembered, a quarter of a day of them. Beyond it the age is too small for what came later, never too
/// large.
const MOST_SIGHTS: usize = 1_440;

/// Measures the queues now and then until the server stops.
pub(crate) async fn run(app: Shared) {
    let mut usage = Backlog::default();
    loop {
        if let Err(error) = measure(&app, &mut usage).await {
            tracing::warn!(cause = %chain(&error), "cannot measure the queue of jobs");
        }
        collection::measure(&app).await;
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

async fn measure(app: &App, usage: &mut Backlog) -> Result<(), catalog::CatalogError> {
    let counts = app.catalog.job_counts().await?;
    for state in ["ready", "running", "dead"] {
        let count = counts.iter().find(|(counted, _)| counted == state);
        app.metrics
            .set_jobs(state, count.map_or(0, |(_, count)| *count));
    }
    upstream::mirror::measure_lag(app).await?;
    let pending = app.catalog.pending_usage_changes().await?;
    let age = usage.age(pending.ends, app.clock.now());
    app.metrics.set_usage_pending(pending.changes, age);
    let ages = app.catalog.job_ages().await?;
    for lane in Lane::ALL {
        let age = ages.iter().find(|(aged, _)| *aged == lane);
        app.metrics
            .set_job_age(lane, age.map_or(Duration::ZERO, |(_, age)| *age));
    }
    Ok(())
}

/// Tells how old the oldest row of a queue is whose rows have rising numbers and no time: a time in each would be written
/// with every push and read by nobody else.
#[derive(Debug, Default)]
struct Backlog {
    /// The newest number, and when it was first seen; only as far back as something waits.
    sights: VecDeque<(i64, Timestamp)>,
}

impl Backlog {
    /// Returns how long the oldest row was seen to wait. `ends` are the numbers of the oldest and the newest row.
    fn age(&mut self, ends: Option<(i64, i64)>, now: Timestamp) -> Duration {
        let Some((oldest, newest)) = ends else {
            self.sights.clear();
            return Duration::ZERO;
        };
        while self.sights.front().is_some_and(|(seen, _)| *seen < oldest) {
            self.sights.pop_front();
        }
        let is_new = self.sights.back().is_none_or(|(seen, _)| *seen < newest);
        if is_new && self.sights.len() < MOST_SIGHTS {
            self.sights.push_back((newest, now));
        }
        let first = self.sights.front().map_or(now, |(_, at)| *at);
        Duration::try_from(now.duration_since(first)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_row_of_a_queue_ages_until_it_is_taken() {
        let mut queue = Backlog::default();
        for (second, ends, age) in [
            (0, None, 0),
            (10, Some((1, 3)), 0),
            (20, Some((1, 3)), 10),
            (30, Some((1, 7)), 20),
            // A part is taken: the rest came between the second and the third sight.
            (40, Some((4, 9)), 10),
            (50, Some((8, 9)), 10),
            // A row that came and stayed between two sights is as old as its first sight.
            (60, Some((12, 12)), 0),
            (70, None, 0),
            (80, Some((20, 20)), 0),
            (95, Some((20, 20)), 15),
        ] {
            let now = Timestamp::from_second(second).unwrap();
            assert_eq!(queue.age(ends, now).as_secs(), age, "at {second} s");
        }
    }

    #[test]
    fn a_queue_that_nobody_empties_is_remembered_in_bounds() {
        let mut queue = Backlog::default();
        for second in 0..5_000 {
            let now = Timestamp::from_second(second).unwrap();
            let age = queue.age(Some((0, second)), now);
            assert_eq!(age.as_secs(), second.unsigned_abs());
        }
        assert_eq!(queue.sights.len(), MOST_SIGHTS);
    }
}
