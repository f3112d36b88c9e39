//! How long a match takes: 600 operating system packages against a warm snapshot, and a cold open with a first match.
//!
//! The snapshot is synthetic and shaped as Debian's tracker is: 1,500 source packages with 12 flaws each, in three
//! releases, plus PyPI records.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use advisories::{Builder, Limits, Snapshot};
use criterion::{Criterion, criterion_group, criterion_main};
use evidence::{Coverage, Distro, Evidence, ImageFacts, Inventory, Package, PackageType, Source};
use jiff::Timestamp;

const SOURCES: usize = 1500;
const FLAWS: usize = 12;

fn now() -> Timestamp {
    "2026-11-24T06:00:00Z".parse().expect("a time")
}

fn tracker() -> String {
    let mut json = String::from("{");
    for source in 0..SOURCES {
        let separator = if source == 0 { "" } else { "," };
        write!(json, "{separator}\"source-{source}\":{{").expect("written");
        for flaw in 0..FLAWS {
            let separator = if flaw == 0 { "" } else { "," };
            let number = source * FLAWS + flaw + 1000;
            write!(
                json,
                "{separator}\"CVE-2024-{number}\":{{\"description\":\"a flaw\",\"releases\":{{"
            )
            .expect("written");
            for (index, release) in ["bullseye", "bookworm", "trixie"].into_iter().enumerate() {
                let separator = if index == 0 { "" } else { "," };
                write!(
                    json,
                    "{separator}\"{release}\":{{\"status\":\"resolved\",\"fixed_version\":\"1.{flaw}-1+deb12u{index}\",\"urgency\":\"low\"}}"
                )
                .expect("written");
            }
            json.push_str("}}");
        }
        json.push('}');
    }
    json.push('}');
    json
}

fn records() -> String {
    let mut lines = String::new();
    for package in 0..400 {
        writeln!(
            lines,
            r#"{{"id":"GHSA-{package}","modified":"2024-01-01T00:00:00Z","aliases":["CVE-2023-{}"],"affected":[{{"package":{{"ecosystem":"PyPI","name":"package-{package}"}},"ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}},{{"fixed":"2.0"}}]}}]}}]}}"#,
            package + 1000
        )
        .expect("written");
    }
    lines
}

fn build(directory: &Path) -> PathBuf {
    let out = directory.join("advisories");
    let mut builder = Builder::new(Limits::default());
    for (name, text) in [("debian.json", tracker()), ("osv.jsonl", records())] {
        let file = tempfile::NamedTempFile::new_in(directory).expect("a file");
        std::io::Write::write_all(&mut file.as_file(), text.as_bytes()).expect("written");
        let path = directory.join(name);
        file.persist(&path).expect("in place");
        builder.add_path(&path).expect("a feed");
    }
    builder.finish(&out, now()).expect("a snapshot");
    out
}

/// 600 Debian packages of 300 sources, each of which lacks two fixes, and Python packages that lack one.
fn inventory(language_packages: usize) -> Inventory {
    let package =
        |kind: PackageType, name: String, version: &str, source: Option<String>| Package {
            kind,
            name,
            version: version.into(),
            arch: None,
            source: source.map(|name| Source {
                name,
                version: version.into(),
            }),
            licenses: vec![],
            evidence: if kind.is_os() {
                Evidence::OsDatabase
            } else {
                Evidence::InstalledMetadata
            },
            path: "var/lib/dpkg/status".into(),
            layer: Some(0),
            owned_by: None,
            disowned: None,
            provenance: None,
        };
    let os = (0..600).map(|n| {
        package(
            PackageType::Deb,
            format!("package-{n}"),
            "1.10-1",
            Some(format!("source-{}", n % 300)),
        )
    });
    let language = (0..language_packages)
        .map(|n| package(PackageType::PyPi, format!("package-{n}"), "1.0", None));
    Inventory {
        analyser: "bench".into(),
        distro: Some(Distro {
            id: "debian".into(),
            version_id: Some("12".into()),
            ..Distro::default()
        }),
        layers: vec![],
        packages: os.chain(language).collect(),
        facts: ImageFacts::default(),
        coverage: Coverage::Complete,
        diagnostics: vec![],
    }
}

fn bench(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a directory");
    let out = build(directory.path());
    let snapshot = Snapshot::open(&out).expect("a snapshot");
    let os = inventory(0);
    let mixed = inventory(1400);
    assert_eq!(snapshot.match_inventory(&os, now()).findings.len(), 1200);
    criterion.bench_function("match 600 OS packages, warm", |bencher| {
        bencher.iter(|| snapshot.match_inventory(&os, now()));
    });
    criterion.bench_function("match 2,000 mixed packages, warm", |bencher| {
        bencher.iter(|| snapshot.match_inventory(&mixed, now()));
    });
    criterion.bench_function("open a snapshot and match 600 OS packages", |bencher| {
        bencher.iter(|| {
            let snapshot = Snapshot::open(&out).expect("a snapshot");
            snapshot.match_inventory(&os, now())
        });
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
