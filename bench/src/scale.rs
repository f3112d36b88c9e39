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

/// Requests of each operation before the ones that are measured.
const WARM: u64 = 100;

/// The stage that is measured.
struct Scene<'a> {
    fixture: &'a Fixture,
    /// Copies under the tags `v0`, `v1`, …
    tags: u64,
}

struct Operation {
    name: &'static str,
    who: Who,
    once: Once,
}

/// Whose connection an operation takes.
#[derive(Clone, Copy)]
enum Who {
    /// A client of the registry, with a token.
    Client,
    /// Somebody with a name and a password, for what no token opens.
    Person,
    /// Somebody who has signed in to the pages.
    Visitor,
}

impl Who {
    fn connect(self, registry: &Registry) -> anyhow::Result<Connection> {
        match self {
            Self::Client => Ok(registry.connect(1)?.remove(0)),
            Self::Person => registry.connect_as_person(),
            Self::Visitor => registry.connect_as_visitor(),
        }
    }
}

const OPERATIONS: &[Operation] = &[
    client("manifest GET by tag", |connection, scene, n| {
        get(connection, &manifest(&scene.tag(n)))
    }),
    client("manifest GET by digest", |connection, scene, _| {
        get(connection, &manifest(&scene.fixture.manifest_digest))
    }),
    client("manifest HEAD by tag", |connection, scene, n| {
        head(connection, &manifest(&scene.tag(n)))
    }),
    client("manifest HEAD by digest", |connection, scene, _| {
        head(connection, &manifest(&scene.fixture.manifest_digest))
    }),
    client("blob HEAD", |connection, scene, _| {
        let digest = scene.fixture.kilobyte.digest_with(0);
        head(connection, &format!("/v2/{REPOSITORY}/blobs/{digest}"))
    }),
    client("manifest PUT, a new tag", |connection, scene, n| {
        let body = scene.fixture.fresh_manifest(n);
        put_manifest(connection, &format!("new-{n}"), &body)
    }),
    client("manifest PUT, tag DELETE", |connection, scene, n| {
        let (tag, body) = (format!("gone-{n}"), scene.fixture.fresh_manifest(n));
        put_manifest(connection, &tag, &body)?;
        let path = manifest(&tag);
        connection.expect(202, "DELETE", &path, "", &[]).map(drop)
    }),
    client("tags, first page", |connection, _, _| {
        get(connection, &format!("/v2/{REPOSITORY}/tags/list?n=100"))
    }),
    client("tags, page in the middle", |connection, _, _| {
        let path = format!("/v2/{REPOSITORY}/tags/list?n=100&last=v5");
        get(connection, &path)
    }),
    client("20 referrers", |connection, scene, _| {
        let digest = &scene.fixture.manifest_digest;
        get(connection, &format!("/v2/{REPOSITORY}/referrers/{digest}"))
    }),
    person("catalog, 100 names", |connection, _, _| {
        get(connection, "/v2/_catalog?n=100")
    }),
    person("API: tags with verdicts", |connection, _, _| {
        get(connection, &format!("{}/tags", api()))
    }),
    person("API: history", |connection, _, _| {
        get(connection, &format!("{}/history", api()))
    }),
    person("API: history of a tag", |connection, scene, n| {
        let path = format!("{}/tags/{}/history", api(), scene.tag(n));
        get(connection, &path)
    }),
    person("API: tags at an instant", |connection, _, _| {
        let path = format!("{}/past?at=2024-01-01T00:00:00Z", api());
        get(connection, &path)
    }),
    person("API: repositories, a page", |connection, _, _| {
        get(connection, "/api/v1/repositories")
    }),
    person("API: audit", |connection, _, _| {
        get(connection, "/api/v1/audit")
    }),
    person("API: the same after a push", |connection, scene, n| {
        // A push makes what was summed up about the repository old.
        put_manifest(
            connection,
            &format!("new-{n}"),
            &scene.fixture.fresh_manifest(n),
        )?;
        get(connection, "/api/v1/repositories")
    }),
    visitor("page: images", |connection, _, _| {
        get(connection, "/images")
    }),
    visitor("page: tags", |connection, _, _| {
        get(connection, &tags_page("-pushed"))
    }),
    visitor("page: tags by name", |connection, _, _| {
        get(connection, &tags_page("name"))
    }),
    visitor("page: tags by size", |connection, _, _| {
        get(connection, &tags_page("-size"))
    }),
    visitor("page: tags by grade", |connection, _, _| {
        get(connection, &tags_page("grade"))
    }),
    visitor("page: a tag", |connection, scene, n| {
        get(connection, &format!("/r/{REPOSITORY}/-/t/{}", scene.tag(n)))
    }),
    visitor("page: history", |connection, _, _| {
        get(connection, &format!("/r/{REPOSITORY}/-/history"))
    }),
    visitor("page: audit", |connection, _, _| get(connection, "/audit")),
    visitor("page: organisation", |connection, _, _| {
        get(connection, "/organisations/team0")
    }),
    visitor("page: its usage", |connection, _, _| {
        get(connection, "/organisations/bench/usage")
    }),
    visitor("page: usage by size", |connection, _, _| {
        get(connection, "/organisations/bench/usage?sort=-size")
    }),
];

type Once = fn(&mut Connection, &Scene<'_>, u64) -> anyhow::Result<()>;

const fn client(name: &'static str, once: Once) -> Operation {
    let who = Who::Client;
    Operation { name, who, once }
}

const fn person(name: &'static str, once: Once) -> Operation {
    let who = Who::Person;
    Operation { name, who, once }
}

const fn visitor(name: &'static str, once: Once) -> Operation {
    let who = Who::Visitor;
    Operation { name, who, once }
}

impl Scene<'_> {
    /// One of a hundred tags, spread over all.
    fn tag(&self, n: u64) -> String {
        format!("v{}", (n % 100) * self.tags / 100)
    }
}

fn api() -> String {
    format!("/api/v1/repositories/{}", REPOSITORY.replace('/', "%2F"))
}

fn manifest(reference: &str) -> String {
    format!("/v2/{REPOSITORY}/manifests/{reference}")
}

fn tags_page(sort: &str) -> String {
    format!("/r/{REPOSITORY}/-/tags?sort={sort}")
}

fn head(connection: &mut Connection, path: &str) -> anyhow::Result<()> {
    connection.expect(200, "HEAD", path, "", &[]).map(drop)
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
    /// Seconds of the registry's processor time for one.
    processor: f64,
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
    // Lists of repositories have a full page from the beginning.
    copies(fill, "few", database, 2_000_000_000, 2_000_010_000)?;
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
    let mut person = registry.connect_as_person()?;
    for name in ["bench", "team0"] {
        let body = format!("{{\"name\":\"{name}\"}}");
        let kind = "Content-Type: application/json\r\n";
        let path = "/api/v1/organizations";
        person.expect(201, "POST", path, kind, &[body.as_bytes()])?;
    }
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
        let mut connection = operation.who.connect(registry)?;
        let mut times = Vec::new();
        let mut used = 0.0;
        // What every first request of a tag brings along, a verdict to be stored among it, is not what is measured.
        for round in 0..scale.times + WARM {
            if round == WARM {
                used = registry.processor_seconds()?;
            }
            let started = Instant::now();
            (operation.once)(&mut connection, &scene, fresh())
                .with_context(|| format!("{} of {tags} tags", operation.name))?;
            if round >= WARM {
                times.push(started.elapsed());
            }
        }
        let processor = (registry.processor_seconds()? - used) / scale.times as f64;
        times.sort_unstable();
        let at = |hundredths: usize| times[(times.len() * hundredths / 100).min(times.len() - 1)];
        took.push(Took {
            median: at(50),
            p99: at(99),
            processor,
        });
    }
    Ok(took)
}

fn print(registry: &Registry, stages: &[String], columns: &[Vec<Took>]) -> anyhow::Result<()> {
    let mut output = std::io::stdout();
    writeln!(
        output,
        "{}, one connection, p50 / p99 / processor time in ms\n",
        registry.name
    )?;
    write!(output, "| {:26} |", "operation")?;
    for stage in stages {
        write!(output, " {stage:>22} |")?;
    }
    write!(output, " {:>12} |\n|{:-<28}|", "last ÷ first", "")?;
    for _ in stages {
        write!(output, "{:->24}|", "")?;
    }
    writeln!(output, "{:->14}|", "")?;
    let milliseconds = |time: Duration| time.as_secs_f64() * 1_000.0;
    for (place, operation) in OPERATIONS.iter().enumerate() {
        write!(output, "| {:26} |", operation.name)?;
        for column in columns {
            let took = column[place];
            let (median, p99) = (milliseconds(took.median), milliseconds(took.p99));
            let processor = took.processor * 1_000.0;
            write!(output, " {median:>6.2} / {p99:>6.2} / {processor:>4.2} |")?;
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
