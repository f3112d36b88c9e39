//! Bitnami's own record of what it put into an image: `/opt/bitnami/NAME/.spdx-NAME.spdx`, SPDX in JSON.
//!
//! Only the components that Bitnami itself names and versions are read here. What their files contain is read from the
//! files.

use evidence::{Evidence, Level, PackageType};
use serde_json::Value;

use crate::document;
use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::listing::Listing;
use crate::path;
use crate::report::{PackageRow, Rows};

pub(crate) const EXTRACTOR: Extractor = Extractor {
    name: "bitnami",
    version: 1,
    literals: &[".spdx-"],
    accepts,
    wanted: Wanted::Document,
    ownable: true,
    parse,
};

fn accepts(path: &[u8]) -> bool {
    let name = path::basename(path);
    name.starts_with(b".spdx-") && name.ends_with(b".spdx")
}

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let mut listing = Listing::default();
    match document::json(file.content) {
        Ok(document) => {
            for package in document["packages"].as_array().into_iter().flatten() {
                if let Some(row) = row(package) {
                    listing.push(row, notes);
                }
            }
        }
        Err(error) => error.note("bitnami.bad_json", Level::Error, notes),
    }
    listing.rows(PackageType::Bitnami, Evidence::InstalledMetadata)
}

/// A component with a reference `pkg:bitnami/NAME@VERSION?arch=…`, whose name and version the document repeats.
fn row(package: &Value) -> Option<PackageRow> {
    let references = package["externalRefs"].as_array().into_iter().flatten();
    let purl = references
        .filter_map(|reference| reference["referenceLocator"].as_str())
        .find(|purl| purl.starts_with("pkg:bitnami/"))?;
    let qualifiers = purl
        .split_once('?')
        .map_or("", |(_, qualifiers)| qualifiers);
    let text = |field: &str| package[field].as_str().unwrap_or_default();
    let license = text("licenseDeclared");
    let is_stated = !license.is_empty() && license != "NOASSERTION" && license != "NONE";
    Some(PackageRow {
        name: text("name").to_owned(),
        version: text("versionInfo").to_owned(),
        arch: qualifiers
            .split('&')
            .find_map(|pair| pair.strip_prefix("arch="))
            .map(str::to_owned),
        licenses: is_stated.then(|| license.to_owned()).into_iter().collect(),
        ..PackageRow::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::reading;

    #[test]
    fn components_of_bitnami_are_listed() {
        let content = r#"{"spdxVersion":"SPDX-2.3","packages":[
            {"name":"redis","versionInfo":"7.2.4-0","licenseDeclared":"BSD-3-Clause","externalRefs":[
                {"referenceType":"cpe23Type","referenceLocator":"cpe:2.3:*:redis:redis:7.2.4"},
                {"referenceType":"purl","referenceLocator":"pkg:bitnami/redis@7.2.4-0?arch=amd64&distro=debian-12"}]},
            {"name":"jemalloc","versionInfo":"5.3","externalRefs":[{"referenceLocator":"pkg:generic/jemalloc@5.3"}]}]}"#;
        let found = reading::read(&EXTRACTOR, "opt/bitnami/redis/.spdx-redis.spdx", content);
        assert_eq!(found.evidence, Evidence::InstalledMetadata);
        assert_eq!(found.rows, ["redis 7.2.4-0 (amd64) [\"BSD-3-Clause\"]"]);
    }

    #[test]
    fn damage_is_a_loss() {
        assert_eq!(
            reading::read(&EXTRACTOR, ".spdx-a.spdx", "{").codes,
            ["bitnami.bad_json"]
        );
    }
}
