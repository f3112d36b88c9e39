//! Conda environments: one document per package in `conda-meta`, with the files it owns.
//!
//! A Python package that conda installed leaves the same `.dist-info` as pip would. Conda owns it, as an operating
//! system's package owns its files, but no distribution's statements cover conda: the Python package is matched, under
//! the name that advisories use, and says who owns it.
//!
//! # Source
//! conda, "Package metadata": `conda-meta/*.json`.

use evidence::{Evidence, Level, PackageType};
use serde_json::Value;

use crate::digest::FileDigest;
use crate::document;
use crate::extractor::{Extractor, File, Notes, OwnedPaths, Wanted};
use crate::listing::Listing;
use crate::path;
use crate::report::{Fact, PackageRow, Rows};

pub(crate) const EXTRACTOR: Extractor = Extractor {
    name: "conda",
    version: 1,
    literals: &["conda-meta/"],
    accepts: |path| path.ends_with(b".json") && path::basename(path::parent(path)) == b"conda-meta",
    wanted: Wanted::Document,
    ownable: true,
    parse,
};

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let mut listing = Listing::default();
    match document::json(file.content) {
        Ok(package) => {
            let environment = path::parent(path::parent(file.path));
            listing.push(row(&package, environment, notes), notes);
        }
        Err(error) => error.note("conda.bad_json", Level::Error, notes),
    }
    listing.rows(PackageType::Conda, Evidence::InstalledMetadata)
}

fn row(package: &Value, environment: &[u8], notes: &mut Notes) -> PackageRow {
    let text = |field: &str| {
        let text = package[field].as_str().unwrap_or_default();
        (!text.is_empty()).then(|| text.to_owned())
    };
    let mut row = PackageRow {
        name: text("name").unwrap_or_default(),
        version: text("version").unwrap_or_default(),
        arch: text("subdir"),
        licenses: text("license").into_iter().collect(),
        ..PackageRow::default()
    };
    row.tell(Fact::Build, text("build"));
    row.tell(Fact::Repository, text("channel").map(without_token));
    let mut owned = OwnedPaths::default();
    for (path, digest) in files(package) {
        let path = path::join(environment, path.as_bytes());
        owned.add(&mut row.owned, &path, digest, notes);
    }
    row
}

/// The files, with what was recorded of each: since conda 4.3 the digest of the file as it was installed.
fn files(package: &Value) -> impl Iterator<Item = (&str, Option<FileDigest>)> {
    let recorded = package["paths_data"]["paths"].as_array();
    let named = package["files"].as_array().filter(|_| recorded.is_none());
    let recorded = recorded.into_iter().flatten().filter_map(|file| {
        let digest = ["sha256_in_prefix", "sha256"]
            .iter()
            .find_map(|field| file[field].as_str());
        let digest = digest.and_then(|digest| FileDigest::from_hex(digest.as_bytes()));
        Some((file["_path"].as_str()?, digest))
    });
    let named = named.into_iter().flatten().filter_map(Value::as_str);
    recorded.chain(named.map(|path| (path, None)))
}

/// A private channel may have its token in the address: `https://host/t/TOKEN/channel`.
fn without_token(channel: String) -> String {
    match channel.split_once("/t/") {
        Some((host, rest)) => match rest.split_once('/') {
            Some((_, path)) => format!("{host}/{path}"),
            None => host.to_owned(),
        },
        None => channel,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::reading;

    const META: &str = r#"{"name":"requests","version":"2.31.0","build":"py311h06a4308_0","subdir":"linux-64",
        "channel":"https://repo.anaconda.com/pkgs/main/linux-64","license":"Apache-2.0",
        "files":["bin/x","lib/python3.11/site-packages/requests-2.31.0.dist-info/METADATA",7]}"#;

    #[test]
    fn a_package_of_an_environment_is_listed() {
        let found = reading::read(
            &EXTRACTOR,
            "opt/conda/conda-meta/requests-2.31.0.json",
            META,
        );
        assert_eq!(found.evidence, Evidence::InstalledMetadata);
        assert_eq!(found.rows, ["requests 2.31.0 (linux-64) [\"Apache-2.0\"]"]);
    }

    #[test]
    fn a_token_in_a_channel_s_address_is_not_kept() {
        let check = |channel: &str, expected: &str| {
            assert_eq!(without_token(channel.to_owned()), expected);
        };
        check(
            "https://conda.example.com/t/to-ken/main/linux-64",
            "https://conda.example.com/main/linux-64",
        );
        check(
            "https://conda.example.com/t/to-ken",
            "https://conda.example.com",
        );
        check(
            "https://conda.anaconda.org/conda-forge/linux-64",
            "https://conda.anaconda.org/conda-forge/linux-64",
        );
        check("defaults", "defaults");
    }

    #[test]
    fn files_carry_the_digest_of_what_was_installed() {
        let digest = "ab".repeat(32);
        let package = serde_json::json!({"files": ["a", "b"], "paths_data": {"paths": [
            {"_path": "a", "sha256": "cd".repeat(32), "sha256_in_prefix": digest},
            {"_path": "b", "sha256": "short"}, {}]}});
        let found: Vec<_> = files(&package).collect();
        assert_eq!(
            found,
            [("a", FileDigest::from_hex(digest.as_bytes())), ("b", None)]
        );
        let old = serde_json::json!({"files": ["a"]});
        assert_eq!(files(&old).collect::<Vec<_>>(), [("a", None)]);
    }

    #[test]
    fn damage_is_a_loss() {
        let found = reading::read(&EXTRACTOR, "opt/conda/conda-meta/a.json", "{\"name\":");
        assert_eq!(found.codes, ["conda.bad_json"]);
    }
}
