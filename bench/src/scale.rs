//! What one operation costs as tags and manifests grow: the same requests, one at a time, to registries of each size.
//!
//! In each registry one image is pushed; the database makes the copies (`--fill`, an example program of the catalog),
//! because pushing a million would take a day and show nothing else. The repository `bench/app` has as many tags as the
//! stage says; in the last stage other repositories lie around it.
//!
//! The registries run side by side and are asked in turn, a few requests each: whatever else the machine does, it does to
//! all of them. Before an operation is measured, every registry has done what the one before left to be done.
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
use crate::settled::settle;
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
    /// How many images are pushed, deleted and collected.
    #[arg(long, default_value_t = 2_000)]
    collected: u64,
}

/// Requests of each operation before the ones that are measured.
const WARM: u64 = 100;

/// Requests to one registry before it is the next one's turn.
const TURN: u64 = 20;

/// What the registries are made of.
pub(crate) struct Making<'a> {
    pub(crate) tidegate: &'a Path,
    pub(crate) fill: &'a Path,
    pub(crate) folder: &'a Path,
    /// Empty for SQLite.
    pub(crate) databases: &'a [String],
}

/// A registry of one size.
struct Stage {
    name: String,
    registry: Registry,
    database: String,
    tags: u64,
}

/// What an operation asks.
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

/// Makes a registry for each stage, measures and prints the table.
pub(crate) fn run(scale: &Scale, making: &Making<'_>) -> anyhow::Result<()> {
    let fixture = Fixture::new();
    let mut stages = Vec::new();
    for &tags in &scale.sizes {
        stages.push(making.stage(&fixture, stages.len(), tags, 0)?);
    }
    if let Some(&tags) = scale.sizes.last()
        && scale.manifests > tags
    {
        let around = scale.manifests - tags;
        stages.push(making.stage(&fixture, stages.len(), tags, around)?);
    }
    let registries: Vec<&Registry> = stages.iter().map(|stage| &stage.registry).collect();
    said("at rest", settle(&registries)?)?;
    let mut rows = Vec::new();
    for operation in OPERATIONS {
        rows.push(measure(scale, operation, &stages, &fixture)?);
        settle(&registries)?;
    }
    print(&stages, &rows)?;
    if let (Some(stage), 1..) = (stages.first(), scale.collected) {
        crate::collection::run(
            scale.collected,
            making.fill,
            &stage.registry,
            &stage.database,
        )?;
    }
    Ok(())
}

impl Making<'_> {
    /// Makes a registry with so many tags in one repository, and so many manifests around it.
    fn stage(
        &self,
        fixture: &Fixture,
        number: usize,
        tags: u64,
        around: u64,
    ) -> anyhow::Result<Stage> {
        let folder = self.folder.join(number.to_string());
        let given = match self.databases {
            [] => None,
            databases => Some(databases.get(number).context("a database for each stage")?),
        };
        let registry = Registry::tidegate(self.tidegate, &folder, given.map(String::as_str))?;
        let database = match given {
            Some(given) => given.clone(),
            None => format!("sqlite:{}", folder.join("tidegate/tidegate.db").display()),
        };
        seed(fixture, &registry)?;
        // Copies are copies of an image that was analysed.
        settle(&[&registry])?;
        let copies = |what, first, last| copies(self.fill, what, &database, first, last);
        // Lists of repositories have a full page everywhere.
        copies("few", 2_000_000_000, 2_000_010_000)?;
        copies("tags", 0, tags)?;
        if around > 0 {
            copies("spread", 1_000_000_000, 1_000_000_000 + around)?;
        }
        let name = match around {
            0 => format!("{tags} tags"),
            _ => format!("{} manifests", tags + around),
        };
        Ok(Stage {
            name,
            registry,
            database,
            tags,
        })
    }
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
    said(&format!("{} copies", last - first), started.elapsed())
}

/// Tells whoever waits how long something took.
fn said(what: &str, took: Duration) -> anyhow::Result<()> {
    writeln!(std::io::stderr(), "{what} in {:.0} s", took.as_secs_f64())?;
    Ok(())
}

/// Measures one operation at every stage, in turn.
fn measure(
    scale: &Scale,
    operation: &Operation,
    stages: &[Stage],
    fixture: &Fixture,
) -> anyhow::Result<Vec<Took>> {
    let mut open = Vec::new();
    for stage in stages {
        open.push(operation.who.connect(&stage.registry)?);
    }
    let mut times = vec![Vec::new(); stages.len()];
    let mut used = vec![0.0; stages.len()];
    // What every first request of a tag brings along, a verdict to be stored among it, is not what is measured.
    let turns = [(WARM, false), (scale.times, true)];
    for (requests, is_measured) in turns {
        for (place, stage) in stages.iter().enumerate() {
            used[place] = stage.registry.processor_seconds()?;
        }
        for first in (0..requests).step_by(TURN as usize) {
            for (place, stage) in stages.iter().enumerate() {
                let tags = stage.tags;
                let scene = Scene { fixture, tags };
                for _ in first..requests.min(first + TURN) {
                    let started = Instant::now();
                    (operation.once)(&mut open[place], &scene, fresh())
                        .with_context(|| format!("{} of {}", operation.name, stage.name))?;
                    if is_measured {
                        times[place].push(started.elapsed());
                    }
                }
            }
        }
    }
    let mut took = Vec::new();
    for ((stage, mut times), used) in stages.iter().zip(times).zip(used) {
        let processor = (stage.registry.processor_seconds()? - used) / scale.times as f64;
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

fn print(stages: &[Stage], rows: &[Vec<Took>]) -> anyhow::Result<()> {
    let mut output = std::io::stdout();
    let name = stages.first().map_or("", |stage| &stage.registry.name);
    writeln!(
        output,
        "{name}, one connection: p50 / p99 / processor time in ms, × the first p50\n"
    )?;
    write!(output, "| {:26} |", "operation")?;
    for stage in stages {
        write!(output, " {:>30} |", stage.name)?;
    }
    write!(output, "\n|{:-<28}|", "")?;
    for _ in stages {
        write!(output, "{:->32}|", "")?;
    }
    writeln!(output)?;
    let milliseconds = |time: Duration| time.as_secs_f64() * 1_000.0;
    for (operation, row) in OPERATIONS.iter().zip(rows) {
        write!(output, "| {:26} |", operation.name)?;
        let first = row
            .first()
            .map_or(f64::NAN, |took| milliseconds(took.median));
        for took in row {
            let (median, p99) = (milliseconds(took.median), milliseconds(took.p99));
            let processor = took.processor * 1_000.0;
            let ratio = median / first;
            write!(
                output,
                " {median:>6.2} / {p99:>6.2} / {processor:>5.2} ×{ratio:>4.2} |"
            )?;
        }
        writeln!(output)?;
    }
    writeln!(output)?;
    for stage in stages {
        writeln!(
            output,
            "{}: {:.1} MiB resident at its peak",
            stage.name,
            stage.registry.peak_mib()?
        )?;
    }
    writeln!(output)?;
    Ok(())
}
