//! Public advisory feeds: imported whole, counted, and matched against facts read from the data by other means.

mod languages;
mod vectors;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::OnceLock;

use advisories::{Builder, FeedKind, FeedReport, ImportError, Limits, Snapshot, SnapshotInfo};
use evidence::{
    Coverage, Distro, Evidence, Finding, Fix, Grade, ImageFacts, Inventory, Package, PackageType,
    Severity, Status,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

fn now() -> Timestamp {
    "2026-11-24T06:00:00Z".parse().expect("a time")
}

const FEEDS: [&str; 9] = [
    "advisories/debian/tracker.json",
    "advisories/debian/DSA-list.txt",
    "advisories/debian/DSA-list-2023-2024-subset.txt",
    "advisories/debian/DLA-list.txt",
    "advisories/pypi/all.zip",
    "advisories/npm/all.zip",
    "advisories/kev/known_exploited_vulnerabilities.json",
    "advisories/epss/epss_scores-2026-08-16.csv.gz",
    "advisories/bitnami/all.zip",
];

fn build(feeds: &[&str]) -> (Snapshot, SnapshotInfo, Vec<FeedReport>) {
    let directory = tempfile::tempdir().expect("a directory");
    let out = directory.path().join("advisories");
    let mut builder = Builder::new(Limits::default());
    let mut reports = Vec::new();
    for feed in feeds {
        reports.extend(builder.add_path(&corpus::path(feed)).expect("a feed"));
    }
    let info = builder.finish(&out, now()).expect("a snapshot");
    (
        Snapshot::open(&out).expect("a whole snapshot"),
        info,
        reports,
    )
}

/// The snapshot of all feeds, built once.
fn everything() -> &'static (Snapshot, SnapshotInfo, Vec<FeedReport>) {
    static EVERYTHING: OnceLock<(Snapshot, SnapshotInfo, Vec<FeedReport>)> = OnceLock::new();
    EVERYTHING.get_or_init(|| build(&FEEDS))
}

fn image(distro: Option<(&str, &str)>, packages: Vec<Package>) -> Inventory {
    Inventory {
        analyser: "corpus".into(),
        distro: distro.map(|(id, version)| Distro {
            id: id.into(),
            version_id: Some(version.into()),
            ..Distro::default()
        }),
        layers: vec![],
        packages,
        facts: ImageFacts::default(),
        coverage: Coverage::Complete,
        diagnostics: vec![],
    }
}

fn package(kind: PackageType, name: &str, version: &str) -> Package {
    Package {
        kind,
        name: name.into(),
        version: version.into(),
        arch: None,
        source: None,
        licenses: vec![],
        evidence: if kind.is_os() {
            Evidence::OsDatabase
        } else {
            Evidence::InstalledMetadata
        },
        path: "somewhere".into(),
        layer: None,
        owned_by: None,
        disowned: None,
        provenance: None,
    }
}

fn findings(
    distro: Option<(&str, &str)>,
    kind: PackageType,
    name: &str,
    version: &str,
) -> Vec<Finding> {
    let (snapshot, ..) = everything();
    let report =
        snapshot.match_inventory(&image(distro, vec![package(kind, name, version)]), now());
    assert!(report.diagnostics.is_empty(), "{:?}", report.diagnostics);
    report.findings
}

#[test]
fn every_feed_has_the_counts_of_its_read_me() {
    let (_, info, reports) = everything();
    let told: Vec<(&str, FeedKind, u64, u64, u64)> = reports
        .iter()
        .map(|report| {
            let feed = &report.feed;
            (
                feed.name.as_str(),
                feed.kind,
                feed.records,
                feed.not_used,
                feed.skipped,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("debian", FeedKind::DebianTracker, 4440, 0, 0),
            ("debian-advisories", FeedKind::DebianAdvisories, 5406, 0, 0),
            ("debian-advisories", FeedKind::DebianAdvisories, 16, 0, 0),
            ("debian-advisories", FeedKind::DebianAdvisories, 3534, 0, 0),
            ("osv:PyPI", FeedKind::Osv, 2661, 0, 0),
            ("osv:npm", FeedKind::Osv, 10, 0, 0),
            ("kev", FeedKind::Kev, 1404, 0, 0),
            ("epss", FeedKind::Epss, 241_034, 0, 0),
            ("osv:Bitnami", FeedKind::Osv, 2785, 2785, 0),
        ]
    );
    assert_eq!(info.feeds.len(), 9);
    let packages = |scope: &str| info.releases[scope];
    let tracker = tracker();
    for release in ["bullseye", "bookworm", "trixie"] {
        let expected = tracker
            .values()
            .filter(|flaws| {
                flaws
                    .values()
                    .any(|flaw| flaw.releases.contains_key(release))
            })
            .count() as u64;
        assert_eq!(
            packages(&format!("debian/{release}")),
            expected,
            "{release}"
        );
    }
    assert_eq!(tracker.len(), 252);
}

#[derive(Deserialize)]
struct Flaw {
    releases: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    status: String,
    #[serde(default)]
    fixed_version: Option<String>,
    urgency: String,
    #[serde(default)]
    nodsa_reason: Option<String>,
}

fn tracker() -> BTreeMap<String, BTreeMap<String, Flaw>> {
    let bytes = fs_err::read(corpus::path("advisories/debian/tracker.json")).expect("readable");
    serde_json::from_slice(&bytes).expect("the tracker's shape")
}

#[test]
fn every_entry_of_the_tracker_gives_the_state_that_its_rule_names() {
    let (snapshot, ..) = everything();
    let numbers = BTreeMap::from([("bullseye", "11"), ("bookworm", "12"), ("trixie", "13")]);
    let tracker = tracker();
    let mut met = BTreeMap::<&str, u64>::new();
    for (release, number) in numbers {
        // Nothing is older than `0~`, so every flaw of the release shows.
        let oldest: Vec<Package> = tracker
            .keys()
            .map(|source| package(PackageType::Deb, source, "0~"))
            .collect();
        let report = snapshot.match_inventory(&image(Some(("debian", number)), oldest), now());
        let by_key: BTreeMap<(&str, &str), &Finding> = report
            .findings
            .iter()
            .map(|finding| {
                (
                    (finding.package.as_str(), finding.origin.record.as_str()),
                    finding,
                )
            })
            .collect();
        assert_eq!(
            by_key.len(),
            report.findings.len(),
            "one finding for a flaw in a package"
        );
        for (source, flaws) in &tracker {
            for (cve, flaw) in flaws {
                let finding = by_key.get(&(source.as_str(), cve.as_str()));
                let Some(entry) = flaw.releases.get(release) else {
                    assert!(
                        finding.is_none(),
                        "{source} {cve} says nothing about {release}"
                    );
                    continue;
                };
                if entry.fixed_version.as_deref() == Some("0") {
                    assert!(finding.is_none(), "{source} {cve} was never affected");
                    *met.entry("never affected").or_default() += 1;
                    continue;
                }
                let finding = finding.unwrap_or_else(|| panic!("{source} {cve} in {release}"));
                assert_eq!(finding.status, Status::Affected);
                let unimportant = entry.urgency == "unimportant";
                assert_eq!(finding.suppressed.is_some(), unimportant, "{source} {cve}");
                if unimportant {
                    assert_eq!(finding.severity, Severity::Negligible);
                    *met.entry("unimportant").or_default() += 1;
                }
                let state = match (
                    &finding.fix,
                    entry.status.as_str(),
                    entry.nodsa_reason.as_deref(),
                ) {
                    (Fix::Available { version, .. }, "resolved", _) => {
                        assert_eq!(Some(version), entry.fixed_version.as_ref());
                        "fixed"
                    }
                    (Fix::NoneYet, "resolved", _) if finding.note.contains("not yet published") => {
                        "unpublished"
                    }
                    (Fix::Deferred, "open", Some("postponed")) => "deferred",
                    (Fix::WillNotFix, "open", Some("ignored")) => "will not fix",
                    (Fix::NoneYet, "open", Some("") | None) => "none yet",
                    other => panic!("{source} {cve}: {other:?}"),
                };
                *met.entry(state).or_default() += 1;
            }
        }
    }
    // Counted once from the file with other tools.
    let expected = [
        ("deferred", 1),
        ("fixed", 6026),
        ("never affected", 8),
        ("none yet", 137),
        ("unimportant", 110),
        ("unpublished", 2),
        ("will not fix", 11),
    ];
    assert_eq!(met, BTreeMap::from(expected));
}

#[derive(Deserialize)]
struct Mention {
    source: String,
    release: String,
    cve: String,
    first_version: String,
}

/// A package that carries the version whose changelog says "fixed" must not be reported. The changelogs are another
/// source than the tracker's statements about most pairs; a mention is a strong hint, not a proof.
#[test]
fn a_version_whose_changelog_fixes_a_flaw_is_not_reported_with_it() {
    let (snapshot, ..) = everything();
    let text = fs_err::read_to_string(corpus::path("advisories/debian/changelog-fixed.jsonl"))
        .expect("readable");
    let numbers = BTreeMap::from([("bullseye", "11"), ("bookworm", "12"), ("trixie", "13")]);
    let tracker = tracker();
    let (mut silent, mut reported) = (0_u64, 0_u64);
    for line in text.lines() {
        let mention: Mention = serde_json::from_str(line).expect("a mention");
        let number = numbers[mention.release.as_str()];
        let inventory = image(
            Some(("debian", number)),
            vec![package(
                PackageType::Deb,
                &mention.source,
                &mention.first_version,
            )],
        );
        let report = snapshot.match_inventory(&inventory, now());
        if report.open().all(|finding| finding.id != mention.cve) {
            silent += 1;
            continue;
        }
        reported += 1;
        // Where they disagree, it must be the two sources that do: the tracker names a later version, or none.
        let entry = &tracker[&mention.source][&mention.cve].releases[&mention.release];
        let is_later = entry.fixed_version.as_deref().is_none_or(|fixed| {
            versions::compare(versions::Ecosystem::Deb, fixed, &mention.first_version)
                .expect("versions")
                .is_gt()
        });
        assert!(
            is_later,
            "{} {} {}",
            mention.source, mention.first_version, mention.cve
        );
    }
    assert_eq!(silent + reported, 4106);
    // 45 mentions disagree, most of them apache2 of bullseye, whose backports name flaws that the DSA fixed later.
    assert!(reported <= 45, "{reported} mentions disagree");
}

#[test]
fn a_fix_has_the_date_of_its_advisory() {
    let date = |name: &str, number: &str, version: &str, cve: &str| {
        let found = findings(Some(("debian", number)), PackageType::Deb, name, version);
        let finding = found
            .iter()
            .find(|finding| finding.id == cve)
            .unwrap_or_else(|| panic!("{cve}"));
        match &finding.fix {
            Fix::Available {
                version,
                published: Some(date),
                estimated,
            } => (version.clone(), date.strftime("%F").to_string(), *estimated),
            other => panic!("{other:?}"),
        }
    };
    // DSA-5514-1, DSA-5523-1 and DSA-5532-1, read from the list by eye.
    let told = |version: &str, day: &str| (version.to_owned(), day.to_owned(), false);
    assert_eq!(
        date("glibc", "12", "2.36-9", "CVE-2023-4911"),
        told("2.36-9+deb12u3", "2023-10-03")
    );
    assert_eq!(
        date("curl", "11", "7.74.0-1.3", "CVE-2023-38545"),
        told("7.74.0-1.3+deb11u10", "2023-10-11")
    );
    assert_eq!(
        date("openssl", "12", "3.0.9-1", "CVE-2023-5363"),
        told("3.0.11-1~deb12u2", "2023-10-24")
    );
}

#[test]
fn severities_come_from_vectors_of_any_ecosystem() {
    let (snapshot, ..) = everything();
    let oldest: Vec<Package> = tracker()
        .into_keys()
        .map(|source| package(PackageType::Deb, &source, "0~"))
        .collect();
    let report = snapshot.match_inventory(&image(Some(("debian", "12")), oldest), now());
    let scored = report
        .findings
        .iter()
        .filter(|finding| finding.severity_source == "cvss")
        .count();
    assert!(scored > 100, "{scored} of {}", report.findings.len());
    assert!(
        report
            .findings
            .iter()
            .filter(|finding| finding.epss.is_some())
            .count()
            > 500
    );
    assert!(report.findings.iter().any(|finding| finding.kev.is_some()));
    assert!(
        report.findings[0].kev.is_some(),
        "known exploited comes first"
    );
    assert_eq!(report.grade.grade, Grade::F);
}

#[test]
fn almalinux_bulletins_speak_about_binary_packages() {
    let (snapshot, info, reports) = build(&["advisories/almalinux/all.zip"]);
    assert_eq!(
        (reports[0].feed.name.as_str(), reports[0].feed.records),
        ("osv:AlmaLinux", 5680)
    );
    assert_eq!((reports[0].feed.not_used, reports[0].feed.skipped), (0, 0));
    assert_eq!(
        info.releases.keys().map(String::as_str).collect::<Vec<_>>(),
        ["almalinux/10", "almalinux/8", "almalinux/9"]
    );
    let inventory = image(
        Some(("almalinux", "10.0")),
        vec![package(PackageType::Rpm, "golang-src", "1.24.4-1.el10_0")],
    );
    let report = snapshot.match_inventory(&inventory, now());
    // ALSA-2025:13941 fixes golang-src in 1.24.6-1.el10_0.alma.1.
    let finding = report
        .findings
        .iter()
        .find(|finding| finding.origin.record == "ALSA-2025:13941")
        .expect("affected");
    assert_eq!(finding.fix.version(), Some("1.24.6-1.el10_0.alma.1"));
    assert_eq!(finding.severity, Severity::High);
}

#[test]
fn a_feed_is_used_as_far_as_its_ecosystem_is_known() {
    let (_, _, reports) = build(&["advisories/go/all.zip", "advisories/maven/all.zip"]);
    assert_eq!(
        (
            reports[0].feed.records,
            reports[0].feed.not_used,
            reports[0].feed.withdrawn
        ),
        (4291, 0, 17)
    );
    assert_eq!(reports[1].feed.records, 369);
    assert!(
        reports[1].feed.not_used >= 360,
        "{}",
        reports[1].feed.not_used
    );
}

#[test]
fn feeds_of_other_shapes_are_named_as_unknown() {
    for feed in [
        "advisories/crates.io/all.zip",
        "advisories/packagist/all.zip",
        "advisories/rubygems/all.zip",
        "advisories/hackage/all.zip",
        "advisories/endoflife/endoflife.json",
        "advisories/npm/retirejs-jsrepository-v4.json",
        "advisories/npm/nodejs-security-wg.jsonl",
        "advisories/debian/provenance.jsonl",
        "advisories/debian/CVE-list.txt",
        "advisories/debian/distributions.json",
        "advisories/alpine/advisories.jsonl.zst",
        "advisories/cve5/CVE-2023-0044.json",
    ] {
        let path = corpus::path(feed);
        let error = Builder::new(Limits::default())
            .add_path(&path)
            .expect_err(feed);
        assert!(
            matches!(error, ImportError::UnknownFeed { .. }),
            "{feed}: {error:?}"
        );
        let name = Path::new(feed)
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        assert!(error.to_string().contains(&name), "{error}");
    }
}

#[test]
fn the_order_of_feeds_does_not_change_the_id() {
    let (_, info, _) = everything();
    let mut turned = FEEDS;
    turned.reverse();
    let (_, other, _) = build(&turned);
    assert_eq!(info, &other);
}

#[test]
fn the_catalogue_of_exploited_flaws_reaches_findings() {
    let bytes = fs_err::read(corpus::path(FEEDS[6])).expect("readable");
    let catalogue: Value = serde_json::from_slice(&bytes).expect("JSON");
    let exploited: BTreeSet<&str> = catalogue["vulnerabilities"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|entry| entry["cveID"].as_str())
        .collect();
    let found = findings(
        Some(("debian", "11")),
        PackageType::Deb,
        "apache-log4j2",
        "2.13.3-1",
    );
    let log4shell = found
        .iter()
        .find(|finding| finding.id == "CVE-2021-44228")
        .expect("affected");
    assert!(exploited.contains("CVE-2021-44228"));
    let kev = log4shell.kev.as_ref().expect("an entry");
    assert_eq!((kev.added.as_str(), kev.ransomware), ("2021-12-10", true));
    assert!((log4shell.epss.expect("a row").probability) > 0.9);
}
