//! One measurement: some connections repeat one thing for a while.

use std::time::{Duration, Instant};

use anyhow::anyhow;

use crate::seed::Fixture;
use crate::servers::Registry;
use crate::work::{Workload, fresh};

/// What a measurement gave.
pub(crate) struct Measured {
    pub(crate) per_second: f64,
    pub(crate) median: Duration,
    pub(crate) p99: Duration,
    /// Seconds of the registry's processor time for one operation.
    pub(crate) processor: f64,
}

/// Lets every connection repeat the workload until the time is over; what has begun is finished and counted.
pub(crate) fn run(
    registry: &Registry,
    fixture: &Fixture,
    workload: &Workload,
    connections: usize,
    length: Duration,
) -> anyhow::Result<Measured> {
    let open = registry.connect(connections)?;
    let before = registry.processor_seconds()?;
    let started = Instant::now();
    let results: Vec<anyhow::Result<Vec<Duration>>> = std::thread::scope(|scope| {
        let threads: Vec<_> = open
            .into_iter()
            .map(|mut connection| {
                scope.spawn(move || {
                    let mut took = Vec::new();
                    while started.elapsed() < length {
                        let begun = Instant::now();
                        (workload.once)(&mut connection, fixture, fresh())?;
                        took.push(begun.elapsed());
                    }
                    Ok(took)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|_| Err(anyhow!("a worker panicked")))
            })
            .collect()
    });
    let elapsed = started.elapsed().as_secs_f64();
    let processor = registry.processor_seconds()? - before;
    let mut took: Vec<Duration> = results.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
    took.sort_unstable();
    let count = took.len();
    Ok(Measured {
        per_second: count as f64 / elapsed,
        median: took[count / 2],
        p99: took[(count * 99 / 100).min(count - 1)],
        processor: processor / count as f64,
    })
}
