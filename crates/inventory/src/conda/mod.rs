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

use crate::document;
use crate::extractor::{Extractor, File, Notes, OwnedPaths, Wanted};
use crate::listing::Listing;
use crate::path;
use crate::report::{PackageRow, Rows};

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
    let mut owned = OwnedPaths::default();
    for path in package["files"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        let path = path::join(environment, path.as_bytes());
        owned.add(&mut row.owned, &path, None, notes);
    }
    row
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
    fn damage_is_a_loss() {
        let found = reading::read(&EXTRACTOR, "opt/conda/conda-meta/a.json", "{\"name\":");
        assert_eq!(found.codes, ["conda.bad_json"]);
    }
}
