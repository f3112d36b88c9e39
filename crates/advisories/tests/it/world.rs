//! A small world: one directory with feeds in upstream shapes, and inventories to match.

use std::io::Write;
use std::path::{Path, PathBuf};

use advisories::{Builder, ImportError, Limits, Snapshot, SnapshotInfo};
use evidence::{Distro, Evidence, Inventory, Package, PackageType, Source};
use jiff::Timestamp;
use tempfile::TempDir;

/// Limits small enough to be reached by a test.
pub(crate) const SMALL: Limits = Limits {
    document_bytes: 64 << 10,
    feed_bytes: 1 << 20,
    text_bytes: 1 << 10,
    entries: 1000,
    ratio: 10,
};

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().expect("an RFC 3339 time")
}

pub(crate) fn noon() -> Timestamp {
    time("2026-11-24T12:00:00Z")
}

/// A directory with feed files.
pub(crate) struct World {
    pub(crate) directory: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().expect("a directory"),
        }
    }

    /// Writes a feed file.
    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        let mut file =
            tempfile::NamedTempFile::new_in(path.parent().expect("a parent")).expect("a file");
        file.write_all(bytes.as_ref()).expect("written");
        file.persist(&path).expect("in place");
        path
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Builds a snapshot from paths, in this order.
    pub(crate) fn build(&self, paths: &[&Path]) -> Result<(Snapshot, SnapshotInfo), ImportError> {
        let out = tempfile::Builder::new()
            .prefix(".snapshot-")
            .tempfile_in(self.path())
            .expect("a file");
        let mut builder = Builder::new(SMALL);
        for path in paths {
            builder.add_path(path)?;
        }
        let info = builder.finish(out.path(), noon())?;
        let snapshot = Snapshot::open(out.path()).expect("a whole snapshot");
        assert_eq!(*snapshot.info(), info);
        Ok((snapshot, info))
    }

    pub(crate) fn snapshot(&self, paths: &[&Path]) -> Snapshot {
        self.build(paths).expect("a snapshot").0
    }
}

/// Packs entries into a zip.
pub(crate) fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        let options = zip::write::SimpleFileOptions::default();
        writer.start_file(*name, options).expect("an entry");
        writer.write_all(bytes).expect("written");
    }
    writer.finish().expect("finished").into_inner()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("written");
    encoder.finish().expect("finished")
}

/// The Debian tracker of the tests: every rule once.
pub(crate) const TRACKER: &str = r#"{
 "openssl": {
  "CVE-2023-5363": {"description": "Issue summary: keys and IVs", "releases": {
    "bookworm": {"status": "resolved", "repositories": {"bookworm": "3.0.15-1~deb12u1", "bookworm-security": "3.0.11-1~deb12u2"}, "fixed_version": "3.0.11-1~deb12u2", "urgency": "not yet assigned"},
    "trixie": {"status": "resolved", "repositories": {"trixie": "3.5.0-1"}, "fixed_version": "0", "urgency": "not yet assigned"}}},
  "CVE-2024-0002": {"releases": {
    "bookworm": {"status": "resolved", "repositories": {"bookworm": "3.0.15-1~deb12u1"}, "fixed_version": "3.0.99-1", "urgency": "not yet assigned"}}},
  "CVE-2024-0003": {"releases": {
    "bookworm": {"status": "open", "repositories": {"bookworm": "3.0.15-1~deb12u1"}, "urgency": "unimportant"}}},
  "TEMP-0000000-ABCDEF": {"releases": {
    "bookworm": {"status": "undetermined", "repositories": {"bookworm": "3.0.15-1~deb12u1"}, "urgency": "not yet assigned"}}}
 },
 "pam": {
  "CVE-2024-10041": {"releases": {
    "bookworm": {"status": "open", "repositories": {"bookworm": "1.5.2-6"}, "urgency": "not yet assigned", "nodsa": "Minor issue", "nodsa_reason": "postponed"}}}
 },
 "linux": {
  "CVE-2024-0004": {"releases": {
    "bookworm": {"status": "open", "repositories": {"bookworm": "6.1.1-1"}, "urgency": "not yet assigned"}}}
 }
}"#;

pub(crate) const DSA_LIST: &str = "[24 Oct 2023] DSA-5532-1 openssl - security update\n\t{CVE-2023-5363}\n\t[bookworm] - openssl 3.0.11-1~deb12u2\n\tNOTE: fixed in testing at time of DSA\n";

pub(crate) const KEV: &str = r#"{"title":"CISA Catalog","catalogVersion":"2026.11.20","dateReleased":"2026-11-20T00:00:00.0000Z","count":1,
 "vulnerabilities":[{"cveID":"CVE-2023-5363","vendorProject":"OpenSSL","product":"OpenSSL","dateAdded":"2023-11-01","dueDate":"2023-11-22","knownRansomwareCampaignUse":"Known"}]}"#;

pub(crate) const EPSS: &str = "#model_version:v2025.03.14,score_date:2026-11-23T00:00:00+0000\ncve,epss,percentile\nCVE-2023-5363,0.5,0.97\nCVE-2024-99999,0.1,0.5\n";

pub(crate) const GHSA_CVSS: &str = r#"{"schema_version":"1.4.0","id":"GHSA-xxxx-0001-aaaa","modified":"2024-01-01T00:00:00Z","published":"2023-10-20T00:00:00Z",
 "aliases":["CVE-2023-5363"],"summary":"OpenSSL in a crate","severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
 "affected":[{"package":{"ecosystem":"crates.io","name":"openssl-src"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"300.1.6"}]}]}],
 "database_specific":{"severity":"HIGH"}}"#;

pub(crate) const PYSEC: &str = "id: PYSEC-2023-74\ndetails: Requests leaks headers\naffected:\n- package:\n    name: requests\n    ecosystem: PyPI\n  ranges:\n  - type: ECOSYSTEM\n    events:\n    - introduced: 2.3.0\n    - fixed: 2.31.0\n  versions:\n  - 2.3.0\n  - 2.25.0\naliases:\n- CVE-2023-32681\nmodified: \"2023-06-05T01:13:00Z\"\npublished: \"2023-05-26T18:15:00Z\"\n";

pub(crate) const GHSA_REQUESTS: &str = r#"{"id":"GHSA-j8r2-6x86-q33q","modified":"2024-01-01T00:00:00Z","published":"2023-05-22T20:36:32Z","aliases":["CVE-2023-32681"],
 "summary":"Unintended leak of Proxy-Authorization header in requests","severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:C/C:H/I:N/A:N"}],
 "affected":[{"package":{"ecosystem":"PyPI","name":"requests"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"2.3.0"},{"fixed":"2.31.0"}]}]}],
 "database_specific":{"severity":"MODERATE"}}"#;

/// An inventory of a Debian 12 image.
pub(crate) fn bookworm(packages: Vec<Package>) -> Inventory {
    image("debian", Some("12"), packages)
}

pub(crate) fn image(id: &str, version: Option<&str>, packages: Vec<Package>) -> Inventory {
    Inventory {
        analyser: "test".into(),
        distro: (!id.is_empty()).then(|| Distro {
            id: id.into(),
            version_id: version.map(Into::into),
            ..Distro::default()
        }),
        layers: vec![],
        packages,
        facts: evidence::ImageFacts::default(),
        coverage: evidence::Coverage::Complete,
        diagnostics: vec![],
    }
}

pub(crate) fn deb(name: &str, version: &str, source: &str) -> Package {
    let mut package = package(PackageType::Deb, name, version);
    package.source = (source != name).then(|| Source {
        name: source.into(),
        version: version.into(),
    });
    package
}

pub(crate) fn package(kind: PackageType, name: &str, version: &str) -> Package {
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
        path: "var/lib/dpkg/status".into(),
        layer: Some(0),
        owned_by: None,
        disowned: None,
        provenance: None,
    }
}
