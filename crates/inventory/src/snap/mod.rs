//! Snaps: what `meta/snap.yaml` of an unpacked snap says.
//!
//! A snap brings its own libraries, whose metadata other extractors read. Not read: squashfs images of snaps.

use evidence::{Evidence, Level, PackageType};

use crate::document;
use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::listing::Listing;
use crate::path;
use crate::report::{PackageRow, Rows};

pub(crate) const EXTRACTOR: Extractor = Extractor {
    name: "snap",
    version: 1,
    literals: &["meta/snap.yaml"],
    accepts: |path| path::ends_with(path, b"meta/snap.yaml"),
    wanted: Wanted::Document,
    ownable: true,
    parse,
};

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let mut listing = Listing::default();
    match document::yaml(file.content) {
        Ok(documents) => {
            for snap in documents {
                let text = |field: &str| snap[field].as_str().unwrap_or_default().to_owned();
                let arches = snap["architectures"].as_array();
                let arch = match arches.map(Vec::as_slice) {
                    // More than one: the snap has no binaries of its own, or all of them.
                    Some([only]) => only.as_str().map(str::to_owned),
                    _ => None,
                };
                let row = PackageRow {
                    name: text("name"),
                    version: text("version"),
                    arch,
                    licenses: Some(text("license"))
                        .filter(|text| !text.is_empty())
                        .into_iter()
                        .collect(),
                    ..PackageRow::default()
                };
                listing.push(row, notes);
            }
        }
        Err(error) => error.note("snap.bad_yaml", Level::Warning, notes),
    }
    listing.rows(PackageType::Snap, Evidence::InstalledMetadata)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("name: core\nversion: 16-2.61.4\narchitectures:\n- amd64\n", Some(("core", "16-2.61.4", Some("amd64"))))]
    #[case("name: core\nversion: '16'\narchitectures: [amd64, arm64]\n", Some(("core", "16", None)))]
    #[case("name: core\n", None)]
    #[case("version: 16-2.61.4\n", None)]
    #[case("asdf\nlkjh\n", None)]
    fn a_snap_has_a_name_and_a_version(
        #[case] content: &str,
        #[case] expected: Option<(&str, &str, Option<&str>)>,
    ) {
        let file = File {
            path: b"snap/core/1/meta/snap.yaml",
            content: content.as_bytes(),
        };
        let Rows::Packages { rows, .. } = parse(&file, &mut Notes::new(file.path)) else {
            panic!("a document gives packages")
        };
        let found = rows
            .first()
            .map(|row| (row.name.as_str(), row.version.as_str(), row.arch.as_deref()));
        assert_eq!(found, expected);
    }
}
