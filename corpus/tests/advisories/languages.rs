//! Packages of languages, against the archives of PyPA and GitHub.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{PackageType, Severity};

use super::{everything, findings, image, now, package};

#[test]
fn python_packages_are_matched_as_pypa_lists_them() {
    let ids = |name: &str, version: &str| -> BTreeSet<String> {
        findings(None, PackageType::PyPi, name, version)
            .into_iter()
            .map(|finding| finding.id)
            .collect()
    };
    // PYSEC-2023-74: 2.3.0 ≤ v < 2.31.0. PYSEC-2018-28: v < 2.20.0. Both read from the archive.
    assert!(ids("requests", "2.30.0").contains("CVE-2023-32681"));
    assert!(!ids("requests", "2.31.0").contains("CVE-2023-32681"));
    assert!(ids("requests", "2.19.1").contains("CVE-2018-18074"));
    // PYSEC-2021-142: PyYAML before 5.4; names are normalised.
    assert!(ids("PyYAML", "5.3.1").contains("CVE-2020-14343"));
    assert!(!ids("pyyaml", "5.4").contains("CVE-2020-14343"));
    assert!(ids("Jinja2", "2.11.2").contains("CVE-2020-28493"));
}

#[test]
fn npm_packages_are_matched_as_github_lists_them() {
    let one = |name: &str, version: &str, id: &str| {
        let found = findings(None, PackageType::Npm, name, version);
        found.into_iter().find(|finding| finding.id == id)
    };
    let lodash = one("lodash", "4.17.20", "CVE-2021-23337").expect("affected");
    assert_eq!(lodash.fix.version(), Some("4.17.21"));
    assert_eq!(
        (lodash.severity, lodash.origin.record.as_str()),
        (Severity::High, "GHSA-35jh-r3h4-6jhm")
    );
    assert!(one("lodash", "4.17.21", "CVE-2021-23337").is_none());
    let passport = |version: &str| {
        one("@fastify/passport", version, "CVE-2023-29020")
            .map(|f| f.fix.version().map(str::to_owned))
    };
    assert_eq!(passport("1.0.9"), Some(Some("1.1.0".to_owned())));
    assert_eq!(passport("1.1.0"), None);
    assert_eq!(passport("2.2.9"), Some(Some("2.3.0".to_owned())));
}

/// Evaluates every record of the PyPA archive with a second, naive reading of the rule: each version that a record
/// lists must be reported for its package.
#[test]
fn every_version_that_pypa_lists_is_reported() {
    let (snapshot, ..) = everything();
    let mut listed = BTreeMap::<(String, String), Vec<String>>::new();
    for (name, version, id) in listed_versions() {
        listed.entry((name, version)).or_default().push(id);
    }
    assert!(listed.len() > 2000, "{}", listed.len());
    let mut missing = Vec::new();
    for ((name, version), ids) in &listed {
        let inventory = image(None, vec![package(PackageType::PyPi, name, version)]);
        let report = snapshot.match_inventory(&inventory, now());
        for id in ids {
            let is_there = report.findings.iter().any(|finding| {
                finding.origin.record == *id || finding.id == *id || finding.aliases.contains(id)
            });
            if !is_there {
                missing.push(format!("{name} {version} {id}"));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "{}: {:#?}",
        missing.len(),
        &missing[..missing.len().min(20)]
    );
}

/// Reads (package, first and last listed version, record id) from the archive's text, without a YAML parser.
fn listed_versions() -> Vec<(String, String, String)> {
    let mut rows = Vec::new();
    for document in archive_texts("advisories/pypi/all.zip") {
        let (mut id, mut name, mut versions, mut inside) =
            (String::new(), String::new(), Vec::new(), false);
        let mut packages = 0;
        for line in document.lines() {
            let bare = |text: &str| text.trim().trim_matches(['"', '\'']).to_owned();
            if let Some(rest) = line.strip_prefix("id: ") {
                id = bare(rest);
            } else if let Some(rest) = line.trim_start().strip_prefix("name: ") {
                name = bare(rest);
                packages += 1;
            } else if line == "  versions:" {
                inside = true;
            } else if let Some(version) = line.strip_prefix("  - ").filter(|_| inside) {
                versions.push(bare(version));
            } else {
                inside = false;
            }
        }
        if packages == 1 && !document.contains("\nwithdrawn:") {
            for version in versions.first().into_iter().chain(versions.last()) {
                rows.push((name.clone(), version.clone(), id.clone()));
            }
        }
    }
    rows
}

fn archive_texts(path: &str) -> Vec<String> {
    let file = fs_err::File::open(corpus::path(path)).expect("readable");
    let mut archive = zip::ZipArchive::new(file).expect("a zip");
    (0..archive.len())
        .map(|index| {
            let mut text = String::new();
            std::io::Read::read_to_string(
                &mut archive.by_index(index).expect("an entry"),
                &mut text,
            )
            .expect("text");
            text
        })
        .collect()
}
