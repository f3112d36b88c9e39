//! How fast collection gives space back: images are pushed, deleted, and collected by whole runs.
//!
//! Nothing is made up but the time that passes: what was deleted waits out a restore window, a protection, graces and a
//! last reading, so before each run the rows' times are moved back (`--fill`'s `age`) instead of waiting for weeks.
//!
//! A deletion runs down from run to run: manifests, rights to blobs, blobs that are condemned, rows and objects. The time
//! of all runs together is what is measured.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use oci::Digest;
use serde_json::Value;

use crate::http::Connection;
use crate::seed::{Content, Fixture, manifest, push, put_manifest};
use crate::servers::{REPOSITORY, Registry};
use crate::settled::settle;

/// The one layer of each image.
const LAYER: usize = 64 << 10;
const PATIENCE: Duration = Duration::from_mins(10);

/// A deletion runs down in fewer runs.
const MOST_RUNS: usize = 12;

/// What runs did.
#[derive(Clone, Copy, Default)]
struct Done {
    runs: usize,
    seconds: f64,
    manifests: u64,
    links: u64,
    objects: u64,
    freed_bytes: u64,
}

/// Pushes `images`, deletes and collects them, and prints what that gave.
pub(crate) fn run(
    images: u64,
    fill: &Path,
    registry: &Registry,
    database: &str,
) -> anyhow::Result<()> {
    let fixture = Fixture::new();
    let mut client = registry.connect(1)?.remove(0);
    let config = Digest::sha256(&fixture.config);
    push(&mut client, config.as_str(), &[&fixture.config])?;
    let layer = Content::new(LAYER - 8);
    let mut deleted = Vec::new();
    for number in 0..images {
        let end = number.to_le_bytes();
        let digest = layer.digest_with(number);
        push(&mut client, &digest, &[&layer.bytes, &end])?;
        let bytes = manifest(&fixture.config, &layer, number, "to be collected");
        put_manifest(&mut client, &format!("v{number}"), &bytes)?;
        deleted.push(Digest::sha256(&bytes));
    }
    settle(&[registry])?;
    // Who said nothing for so long was hung up on.
    client = registry.connect(1)?.remove(0);
    for digest in deleted {
        let path = format!("/v2/{REPOSITORY}/manifests/{digest}");
        client.expect(202, "DELETE", &path, "", &[])?;
    }
    let mut person = registry.connect_as_person()?;
    let kind = "Content-Type: application/json\r\n";
    let pace: &[&[u8]] = &[br#"{"rate":1000000}"#];
    person.expect(200, "PATCH", "/api/v1/gc", kind, pace)?;
    let before = status(&mut person)?;
    let mut done = Done::default();
    while done.objects < images {
        if done.runs == MOST_RUNS {
            bail!("{} of {images} layers were collected", done.objects);
        }
        age(fill, database)?;
        done = collect(&mut person)?.since(&before);
    }
    let mib = done.freed_bytes as f64 / f64::from(1 << 20);
    writeln!(
        std::io::stdout(),
        "{}: {images} images of one layer of {} KiB deleted; {} runs of collection took {:.2} s together: {} manifests, \
         {} rights, {} objects, {mib:.0} MiB; {:.0} objects and {:.0} MiB in a second",
        registry.name,
        LAYER >> 10,
        done.runs,
        done.seconds,
        done.manifests,
        done.links,
        done.objects,
        done.objects as f64 / done.seconds,
        mib / done.seconds,
    )?;
    Ok(())
}

fn age(fill: &Path, database: &str) -> anyhow::Result<()> {
    let status = Command::new(fill).args(["age", database]).status()?;
    if !status.success() {
        bail!("{} age ended with {status}", fill.display());
    }
    Ok(())
}

/// What a registry says about its collection.
struct Status {
    is_idle: bool,
    runs: Done,
}

impl Status {
    fn since(&self, before: &Self) -> Done {
        let (now, then) = (self.runs, before.runs);
        Done {
            runs: now.runs - then.runs,
            seconds: now.seconds - then.seconds,
            manifests: now.manifests - then.manifests,
            links: now.links - then.links,
            objects: now.objects - then.objects,
            freed_bytes: now.freed_bytes - then.freed_bytes,
        }
    }
}

/// Starts a run and waits for its end.
fn collect(person: &mut Connection) -> anyhow::Result<Status> {
    let before = status(person)?;
    let started = Instant::now();
    person.expect(202, "POST", "/api/v1/gc/run", "", &[])?;
    loop {
        let status = status(person)?;
        // A run is written down when it is over.
        if status.is_idle && status.since(&before).runs > 0 {
            return Ok(status);
        }
        if started.elapsed() > PATIENCE {
            bail!("collection does not end");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn status(person: &mut Connection) -> anyhow::Result<Status> {
    let answer = person.expect(200, "GET", "/api/v1/gc", "", &[])?;
    let status: Value =
        serde_json::from_slice(person.last_body(&answer)).context("no status of collection")?;
    let mut runs = Done::default();
    for run in status["runs"].as_array().context("no runs")? {
        let of = |field: &str| run[field].as_u64().unwrap_or_default();
        runs.runs += 1;
        runs.seconds += seconds_between(&run["startedAt"], &run["endedAt"])?;
        runs.manifests += of("manifests");
        runs.links += of("links");
        runs.objects += of("objects");
        runs.freed_bytes += of("freedBytes");
    }
    Ok(Status {
        is_idle: status["dueSince"].is_null() && status["objects"] == 0,
        runs,
    })
}

fn seconds_between(from: &Value, to: &Value) -> anyhow::Result<f64> {
    let read = |at: &Value| at.as_str().unwrap_or_default().parse::<Timestamp>();
    Ok(read(to)?.duration_since(read(from)?).as_secs_f64())
}
