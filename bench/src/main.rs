//! Two registries side by side on one disk, driven by one load generator, compared by medians of rounds in turn.
//!
//! The peer works without authentication, which is its default and its fastest; Tidegate checks a token, a permission
//! and a verdict on every request, and analyses what is pushed. The generator uses plain threads and sockets, because it
//! shares the processors with what it measures.
//!
//! With `--fill` there is no peer: [`scale`] measures what each operation costs as tags and manifests grow, and
//! [`collection`] how fast space comes back (`make bench-scale`).
//!
//! What it does not do: it judges nothing. The table is for people, who know how noisy their machine is.
//!
//! Adding a workload: a line in [`work::WORKLOADS`] and its function beside the others. Adding a registry: a function in
//! [`servers`].

mod collection;
mod http;
mod load;
mod report;
mod scale;
mod seed;
mod servers;
mod settled;
mod work;
mod yardstick;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;

use crate::report::Row;
use crate::seed::Fixture;
use crate::servers::Registry;

/// Compares Tidegate with another registry.
#[derive(Parser)]
struct Options {
    /// The program `tidegate`.
    #[arg(long)]
    tidegate: PathBuf,
    /// The program `docker-registry` of CNCF distribution 2.x, or `registry` of 3.x.
    #[arg(long, default_value = "/usr/bin/docker-registry")]
    peer: PathBuf,
    /// A PostgreSQL database for Tidegate instead of its own file; with `--fill`, one for each stage.
    #[arg(long)]
    database: Vec<String>,
    /// How often each pair is measured; the first round only warms up.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long one measurement lasts.
    #[arg(long, default_value_t = 1.5)]
    seconds: f64,
    /// How many connections work at once.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8, 64])]
    connections: Vec<usize>,
    /// Only workloads whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// Where both keep their data; the system's temporary folder when absent.
    #[arg(long)]
    folder: Option<PathBuf>,
    #[command(flatten)]
    scale: scale::Scale,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let folder = match &options.folder {
        Some(folder) => tempfile::tempdir_in(folder),
        None => tempfile::tempdir(),
    }
    .context("no folder for the data")?;
    if let Some(fill) = &options.scale.fill {
        let made = scale::Making {
            tidegate: &options.tidegate,
            fill,
            folder: folder.path(),
            databases: &options.database,
        };
        return scale::run(&options.scale, &made);
    }
    let database = options.database.first().map(String::as_str);
    let ours = Registry::tidegate(&options.tidegate, folder.path(), database)?;
    let theirs = Registry::distribution(&options.peer, folder.path())?;
    report::opening(&[&ours, &theirs])?;

    let fixture = Fixture::new();
    for registry in [&ours, &theirs] {
        fixture
            .seed(registry)
            .with_context(|| format!("cannot fill {}", registry.name))?;
    }
    yardstick::print(&fixture, folder.path())?;

    report::heading()?;
    for workload in work::WORKLOADS {
        if !workload.name.contains(&options.only) {
            continue;
        }
        for &connections in &options.connections {
            if connections > workload.most_connections {
                continue;
            }
            let mut row = Row::new(workload.name, connections);
            for round in 0..=options.rounds {
                for (place, registry) in [&ours, &theirs].into_iter().enumerate() {
                    let length = Duration::from_secs_f64(options.seconds);
                    let measured = load::run(registry, &fixture, workload, connections, length)
                        .with_context(|| format!("{} at {}", workload.name, registry.name))?;
                    if round > 0 {
                        row.add(place, measured);
                    }
                }
            }
            row.print()?;
        }
    }
    report::closing(&[&ours, &theirs])
}
