//! Google's Container-Optimized OS: the list of packages that its image builder writes, `etc/cos-package-info.json`.
//!
//! Packages are Gentoo's, built in Google's own versions: the version is Google's, the source keeps the ebuild's. What
//! was only there while the image was built is not listed.

use evidence::{Evidence, PackageType};
use serde_json::Value;

use crate::document;
use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::listing::Listing;
use crate::path;
use crate::report::{PackageRow, Rows};

pub(crate) const EXTRACTOR: Extractor = Extractor {
    name: "cos",
    version: 1,
    literals: &["etc/cos-package-info.json"],
    accepts: |path| path::ends_with(path, b"etc/cos-package-info.json"),
    wanted: Wanted::Document,
    ownable: false,
    parse,
};

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let mut listing = Listing::default();
    match document::json(file.content) {
        Ok(list) => {
            let packages = list["installedPackages"].as_array();
            for package in packages.into_iter().flatten() {
                listing.push(row(package), notes);
            }
        }
        Err(error) => error.note("cos.bad_json", evidence::Level::Error, notes),
    }
    listing.rows(PackageType::Cos, Evidence::OsDatabase)
}

fn row(package: &Value) -> PackageRow {
    let text = |field: &str| package[field].as_str().unwrap_or_default();
    let (category, name) = (text("category"), text("name"));
    let full = match (category, name) {
        ("", _) | (_, "") => name.to_owned(),
        _ => format!("{category}/{name}"),
    };
    let ebuild = Some(text("ebuild_version")).filter(|version| !version.is_empty());
    PackageRow {
        source: ebuild.map(|version| (full.clone(), version.to_owned())),
        name: full,
        version: text("version").to_owned(),
        ..PackageRow::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installed_packages_are_listed_and_build_tools_are_not() {
        let content = br#"{"installedPackages":[
            {"category":"sys-libs","name":"zlib","version":"17162.336.17","ebuild_version":"1.2.11-r5"},
            {"category":"sys-libs","name":"","version":"1"}, 7],
            "buildTimePackages":[{"category":"a","name":"b","version":"1"}]}"#;
        let file = File {
            path: b"etc/cos-package-info.json",
            content,
        };
        let mut notes = Notes::new(file.path);
        let Rows::Packages { rows, .. } = parse(&file, &mut notes) else {
            panic!("a list gives packages")
        };
        let [row] = rows.as_slice() else {
            panic!("{rows:?}")
        };
        assert_eq!(
            (row.name.as_str(), row.version.as_str()),
            ("sys-libs/zlib", "17162.336.17")
        );
        let source = ("sys-libs/zlib".to_owned(), "1.2.11-r5".to_owned());
        assert_eq!(row.source, Some(source));
        assert!(notes.into_list().is_empty());
    }
}
