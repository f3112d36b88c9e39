//! What one operation costs as tags and manifests grow: the same requests, one at a time, at each size.
//!
//! One image is pushed; the database makes the copies (`--fill`, an example program of the catalog), because pushing a
//! million would take a day and show nothing else. The repository `bench/app` grows to each size in turn, and at last
//! other repositories grow around it.
//!
//! Adding an operation: a line in [`OPERATIONS`] and its function below.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Args;

use crate::http::Connection;
use crate::seed::{Fixture, IMAGE, push, put_manifest};
use crate::servers::{REPOSITORY, Registry};
use crate::work::fresh;

/// What grows, and how far.
#[derive(Args)]
pub(crate) struct Scale {
    /// The program that copies images: measures what more rows cost, and no other registry.
    #[arg(long)]
    pub(crate) fill: Option<PathBuf>,
    /// How many tags the repository has, from stage to stage.
    #[arg(long, value_delimiter = ',', default_values_t = [100, 1_000, 10_000, 100_000])]
    sizes: Vec<u64>,
    /// How many manifests the registry has in the last stage.
    #[arg(long, default_value_t = 1_000_000)]
    manifests: u64,
    /// How often each operation is measured at each stage.
    #[arg(long, default_value_t = 400)]
    times: u64,
}

/// The stage that is measured.
struct Scene<'a> {
    fixture: &'a Fixture,
    /// Copies under the tags `v0`, `v1`, …
    tags: u64,
}

struct Operation {
    name: &'static str,
    once: fn(&mut Connection, &Scene<'_>, u64) -> anyhow::Result<()>,
}

const OPERATIONS: &[Operation] = &[
    Operation {
        name: "manifest GET by tag",
        once: |connection, scene, n| {
            get(
                connection,
                &format!("/v2/{REPOSITORY}/manifests/{}", scene.tag(n)),
            )
        },
    },
    Operation {
        name: "manifest GET by digest",
        once: |connection, scene, _| {
            let digest = &scene.fixture.manifest_digest;
            get(connection, &format!("/v2/{REPOSITORY}/manifests/{digest}"))
        },
    },
    Operation {
        name: "manifest HEAD by tag",
        once: |connection, scene, n| {
            let path = format!("/v2/{REPOSITORY}/manifests/{}", scene.tag(n));
            connection.expect(200, "HEAD", &path, "", &[]).map(drop)
        },
    },
    Operation {
        name: "blob HEAD",
        once: |connection, scene, _| {
            let digest = scene.fixture.kilobyte.digest_with(0);
            let path = format!("/v2/{REPOSITORY}/blobs/{digest}");
            connection.expect(200, "HEAD", &path, "", &[]).map(drop)
        },
    },
    Operation {
        name: "manifest PUT",
        once: |connection, scene, n| {
            put_manifest(
                connection,
                &format!("new-{n}"),
                &scene.fixture.fresh_manifest(n),
            )
        },
    },
    Operation {
        name: "tags, first page",
        once: |connection, _, _| get(connection, &format!("/v2/{REPOSITORY}/tags/list?n=100")),
    },
    Operation {
        name: "tags, page in the middle",
        once: |connection, _, _| {
            let path = format!("/v2/{REPOSITORY}/tags/list?n=100&last=v5");
            get(connection, &path)
        },
    },
    Operation {
        name: "tags, last page",
        once: |connection, _, _| {
            let path = format!("/v2/{REPOSITORY}/tags/list?n=100&last=v98");
            get(connection, &path)
        },
    },
    Operation {
        name: "20 referrers",
        once: |connection, scene, _| {
            let digest = &scene.fixture.manifest_digest;
            get(connection, &format!("/v2/{REPOSITORY}/referrers/{digest}"))
        },
    },
    Operation {
        name: "catalog, first page",
        once: |connection, _, _| get(connection, "/v2/_catalog?n=100"),
    },
    Operation {
        name: "tags with verdicts",
        once: |connection, _, _| get(connection, &format!("{}/tags", api())),
    },
    Operation {
        name: "history",
        once: |connection, _, _| get(connection, &format!("{}/history", api())),
    },
    Operation {
        name: "history of a tag",
        once: |connection, scene, n| {
            get(
                connection,
                &format!("{}/tags/{}/history", api(), scene.tag(n)),
            )
        },
    },
    Operation {
        name: "tags at an instant",
        once: |connection, _, _| {
            get(
                connection,
                &format!("{}/past?at=2024-01-01T00:00:00Z", api()),
            )
        },
    },
    Operation {
        name: "repositories, first page",
        once: |connection, _, _| get(connection, "/api/v1/repositories"),
    },
];

impl Scene<'_> {
    /// One of a hundred tags, spread over all.
    fn tag(&self, n: u64) -> String {
        format!("v{}", (n % 100) * self.tags / 100)
    }
}

fn api() -> String {
    format!("/api/v1/repositories/{}", REPOSITORY.replace('/', "%2F"))
}

fn get(connection: &mut Connection, path: &str) -> anyhow::Result<()> {
    let accept = format!("Accept: {IMAGE}, application/json\r\n");
    connection.expect(200, "GET", path, &accept, &[]).map(drop)
}

/// Half of the requests are faster, and 99 of 100.
#[derive(Clone, Copy)]
struct Took {
    median: Duration,
    p99: Duration,
}

/// Grows, measures at each stage, and prints the table.
pub(crate) fn run(
    scale: &Scale,
    fill: &Path,
    registry: &Registry,
    database: &str,
) -> anyhow::Result<()> {
    let fixture = Fixture::new();
    seed(&fixture, registry)?;
    let mut stages = Vec::new();
    let mut columns: Vec<Vec<Took>> = Vec::new();
    let mut tags = 0;
    for &size in &scale.sizes {
        copies(fill, "tags", database, tags, size)?;
        tags = size;
        stages.push(format!("{size} tags"));
        columns.push(measure(scale, registry, &fixture, tags)?);
    }
    if scale.manifests > tags {
        let first = 1_000_000_000;
        let last = first + scale.manifests - tags;
        copies(fill, "spread", database, first, last)?;
        stages.push(format!("{} manifests", scale.manifests));
        columns.push(measure(scale, registry, &fixture, tags)?);
    }
    print(registry, &stages, &columns)
}

/// Pushes the image that is copied, and what refers to it.
fn seed(fixture: &Fixture, registry: &Registry) -> anyhow::Result<()> {
    let mut connection = registry.connect(1)?.remove(0);
    let config = oci::Digest::sha256(&fixture.config);
    push(&mut connection, config.as_str(), &[&fixture.config])?;
    let layer = &fixture.kilobyte;
    let number = 0_u64.to_le_bytes();
    push(
        &mut connection,
        &layer.digest_with(0),
        &[&layer.bytes, &number],
    )?;
    put_manifest(&mut connection, "seed", &fixture.manifest)?;
    for number in 0..20 {
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": IMAGE,
            "artifactType": "application/spdx+json",
            "config": { "mediaType": "application/vnd.oci.empty.v1+json", "digest": config, "size": fixture.config.len() },
            "layers": [],
            "subject": { "mediaType": IMAGE, "digest": fixture.manifest_digest, "size": fixture.manifest.len() },
            "annotations": { "number": number.to_string() },
        });
        let bytes = manifest.to_string().into_bytes();
        let digest = oci::Digest::sha256(&bytes);
        put_manifest(&mut connection, digest.as_str(), &bytes)?;
    }
    Ok(())
}

fn copies(fill: &Path, what: &str, database: &str, first: u64, last: u64) -> anyhow::Result<()> {
    let started = Instant::now();
    let status = Command::new(fill)
        .args([what, database, REPOSITORY, "seed"])
        .args([first.to_string(), last.to_string()])
        .status()
        .with_context(|| format!("cannot run {}", fill.display()))?;
    if !status.success() {
        bail!("{} ended with {status}", fill.display());
    }
    writeln!(
        std::io::stderr(),
        "{} copies in {:.0} s",
        last - first,
        started.elapsed().as_secs_f64()
    )?;
    Ok(())
}

fn measure(
    scale: &Scale,
    registry: &Registry,
    fixture: &Fixture,
    tags: u64,
) -> anyhow::Result<Vec<Took>> {
    let scene = Scene { fixture, tags };
    let mut took = Vec::new();
    for operation in OPERATIONS {
        let mut connection = registry.connect_as_person()?;
        let mut times = Vec::new();
        // What every first request of a tag brings along, a verdict to be stored among it, is not what is measured.
        for round in 0..scale.times + 100 {
            let started = Instant::now();
            (operation.once)(&mut connection, &scene, fresh())
                .with_context(|| format!("{} of {tags} tags", operation.name))?;
            if round >= 100 {
                times.push(started.elapsed());
            }
        }
        times.sort_unstable();
        let at = |hundredths: usize| times[(times.len() * hundredths / 100).min(times.len() - 1)];
        took.push(Took {
            median: at(50),
            p99: at(99),
        });
    }
    Ok(took)
}

fn print(registry: &Registry, stages: &[String], columns: &[Vec<Took>]) -> anyhow::Result<()> {
    let mut output = std::io::stdout();
    writeln!(
        output,
        "{}, one connection, p50 / p99 in ms\n",
        registry.name
    )?;
    write!(output, "| {:24} |", "operation")?;
    for stage in stages {
        write!(output, " {stage:>17} |")?;
    }
    write!(output, " {:>12} |\n|{:-<26}|", "last ÷ first", "")?;
    for _ in stages {
        write!(output, "{:->19}|", "")?;
    }
    writeln!(output, "{:->14}|", "")?;
    let milliseconds = |time: Duration| time.as_secs_f64() * 1_000.0;
    for (place, operation) in OPERATIONS.iter().enumerate() {
        write!(output, "| {:24} |", operation.name)?;
        for column in columns {
            let took = column[place];
            let (median, p99) = (milliseconds(took.median), milliseconds(took.p99));
            write!(output, " {median:>8.2} / {p99:>6.2} |")?;
        }
        let (first, last) = (columns.first(), columns.last());
        let ratio = first.zip(last).map_or(f64::NAN, |(first, last)| {
            last[place].median.as_secs_f64() / first[place].median.as_secs_f64()
        });
        writeln!(output, " {ratio:>12.2} |")?;
    }
    writeln!(
        output,
        "\n{:.1} MiB resident at its peak",
        registry.peak_mib()?
    )?;
    Ok(())
}
