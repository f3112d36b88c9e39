//! One report with every kind of fact, for the tests of all formats.

use jiff::Timestamp;
use oci::Digest;

use super::Writing;
use crate::{
    Coverage, Cvss, Diagnostic, Distro, Epss, Evidence, Finding, Fix, Grade, GradeReport,
    GradeStep, ImageFacts, ImageReport, Inventory, Kev, LayerInfo, Level, MatchReport, Origin,
    Package, PackageType, Severity, SnapshotRef, Source, Status, Subject, Suppression,
};

pub(crate) fn writing() -> Writing<'static> {
    Writing {
        tool_version: "0.0.0-test",
        at: at("2026-11-24T06:10:00Z"),
    }
}

pub(crate) fn report() -> ImageReport {
    ImageReport {
        schema_version: 1,
        subject: Subject {
            name: "payments/api:2.3.7".into(),
            digest: Some(Digest::sha256(b"manifest")),
        },
        inventory: Inventory {
            analyser: "inventory/1".into(),
            distro: Some(Distro {
                id: "debian".into(),
                version_id: Some("12".into()),
                codename: Some("bookworm".into()),
                pretty_name: Some("Debian GNU/Linux 12 (bookworm)".into()),
                ..Distro::default()
            }),
            layers: vec![LayerInfo {
                digest: Digest::sha256(b"layer"),
                diff_id: Some(Digest::sha256(b"tar")),
                size_bytes: 4096,
                created_by: Some("ADD rootfs".into()),
            }],
            packages: packages(),
            facts: ImageFacts {
                platform: Some("linux/amd64".into()),
                ..ImageFacts::default()
            },
            coverage: Coverage::Complete,
            diagnostics: vec![
                Diagnostic::new("dpkg.stanza", Level::Warning, "a stanza has no version")
                    .at("var/lib/dpkg/status")
                    .in_layer(0),
            ],
        },
        matches: Some(MatchReport {
            snapshot: SnapshotRef {
                id: Digest::sha256(b"snapshot"),
                built_at: at("2026-11-24T06:00:00Z"),
            },
            matched_at: at("2026-11-24T06:10:00Z"),
            findings: findings(),
            grade: GradeReport {
                grade: Grade::C,
                reason: "a high fix is 40 days old".into(),
                basis: None,
                schedule: vec![GradeStep {
                    grade: Grade::C,
                    from: None,
                }],
            },
            diagnostics: Vec::new(),
        }),
    }
}

fn packages() -> Vec<Package> {
    vec![
        Package {
            kind: PackageType::Deb,
            name: "libssl3".into(),
            version: "3.0.11-1~deb12u2".into(),
            arch: Some("amd64".into()),
            source: Some(Source {
                name: "openssl".into(),
                version: "3.0.11-1~deb12u2".into(),
            }),
            licenses: Vec::new(),
            evidence: Evidence::OsDatabase,
            path: "var/lib/dpkg/status".into(),
            layer: Some(0),
            owned_by: None,
            disowned: None,
            provenance: None,
        },
        Package {
            kind: PackageType::Npm,
            name: "@scope/widget".into(),
            version: "1.2.3".into(),
            arch: None,
            source: None,
            licenses: vec!["MIT OR Apache-2.0".into()],
            evidence: Evidence::InstalledMetadata,
            path: "srv/node_modules/@scope/widget/package.json".into(),
            layer: Some(0),
            owned_by: None,
            disowned: None,
            provenance: None,
        },
        python("opt/app/a b/requests-2.25.0.dist-info/METADATA", None),
        python(
            "usr/lib/python3/dist-packages/requests-2.25.0.dist-info/METADATA",
            Some("python3-requests"),
        ),
    ]
}

fn python(path: &str, owned_by: Option<&str>) -> Package {
    Package {
        kind: PackageType::PyPi,
        name: "requests".into(),
        version: "2.25.0".into(),
        arch: None,
        source: None,
        licenses: vec!["Apache 2.0".into()],
        evidence: Evidence::InstalledMetadata,
        path: path.into(),
        layer: Some(0),
        owned_by: owned_by.map(str::to_owned),
        disowned: None,
        provenance: None,
    }
}

fn findings() -> Vec<Finding> {
    let openssl = Finding {
        id: "CVE-2024-0001".into(),
        aliases: vec!["DSA-5555-1".into()],
        package_type: PackageType::Deb,
        package: "libssl3".into(),
        version: "3.0.11-1~deb12u2".into(),
        source_package: Some("openssl".into()),
        path: "var/lib/dpkg/status".into(),
        layer: Some(0),
        severity: Severity::Critical,
        severity_source: "cvss".into(),
        cvss: Some(Cvss {
            vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H".into(),
            score: 9.8,
        }),
        epss: Some(Epss {
            probability: 0.93,
            percentile: 0.99,
        }),
        kev: Some(Kev {
            added: "2026-08-03".into(),
            due: "2026-08-24".into(),
            ransomware: false,
        }),
        status: Status::Affected,
        fix: Fix::Available {
            version: "3.0.11-1~deb12u3".into(),
            published: Some(at("2026-10-10T00:00:00Z")),
            estimated: false,
        },
        published: Some(at("2026-08-01T12:00:00Z")),
        note: String::new(),
        summary: "A handshake can be made to read past its buffer.".into(),
        origin: Origin {
            feed: "debian".into(),
            record: "CVE-2024-0001".into(),
        },
        suppressed: None,
    };
    let requests = Finding {
        id: "CVE-2023-32681".into(),
        aliases: vec!["GHSA-j8r2-6x86-q33q".into(), "PYSEC-2023-74".into()],
        package_type: PackageType::PyPi,
        package: "requests".into(),
        version: "2.25.0".into(),
        source_package: None,
        path: "opt/app/a b/requests-2.25.0.dist-info/METADATA".into(),
        severity: Severity::Medium,
        cvss: None,
        epss: None,
        kev: None,
        fix: Fix::Available {
            version: "2.31.0".into(),
            published: None,
            estimated: false,
        },
        summary: String::new(),
        origin: Origin {
            feed: "osv:PyPI".into(),
            record: "GHSA-j8r2-6x86-q33q".into(),
        },
        ..openssl.clone()
    };
    let owned = Finding {
        path: "usr/lib/python3/dist-packages/requests-2.25.0.dist-info/METADATA".into(),
        suppressed: Some(Suppression {
            reason: "owned-by-os-package".into(),
            source: "python3-requests carries its own fixes".into(),
        }),
        ..requests.clone()
    };
    let waiting = Finding {
        id: "CVE-2025-0002".into(),
        aliases: Vec::new(),
        severity: Severity::Unknown,
        severity_source: String::new(),
        cvss: None,
        epss: None,
        kev: None,
        status: Status::UnderInvestigation,
        fix: Fix::NoneYet,
        published: None,
        ..openssl.clone()
    };
    vec![openssl, requests, owned, waiting]
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time in the sample")
}
