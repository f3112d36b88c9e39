//! Python distributions: the metadata their installer left behind.
//!
//! `*.dist-info/METADATA`, `*.egg-info/PKG-INFO`, `EGG-INFO/PKG-INFO` of an unpacked egg, and `*.egg-info` as one file.
//! All four have the same headers, as of a mail. Names are normalised (PEP 503), versions are kept as written, because
//! a version that is not PEP 440 is something the matcher says, not the reader.
//!
//! Beside them: [`archive`] (wheels and zipped eggs), [`record`] (what came inside another distribution),
//! [`origin`] (what no index delivered), [`lock`] (what a project says it needs). Not read: what a distribution requires, and scripts of single files.
//!
//! # Source
//! The Python Packaging User Guide, "Core metadata specifications" and "Recording installed projects".

mod archive;
mod headers;
mod lock;
mod name;
mod origin;
mod record;

pub(crate) use archive::ARCHIVE;
pub(crate) use lock::LOCK;
pub(crate) use origin::{FILE as ORIGIN_FILE, ORIGIN};
pub(crate) use record::RECORD;

use evidence::{Evidence, PackageType};

use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::path;
use crate::report::{PackageRow, Rows};
use headers::Headers;
use name::normalise;

pub(crate) const EXTRACTOR: Extractor = Extractor {
    name: "python",
    version: 2,
    literals: &["dist-info/metadata", "egg-info/pkg-info", ".egg-info"],
    accepts,
    wanted: Wanted::Document,
    ownable: true,
    parse,
};

/// Case is ignored: installers on other systems wrote every variant.
fn accepts(path: &[u8]) -> bool {
    let name = path::basename(path);
    let directory = path::basename(path::parent(path));
    let ends = |text: &[u8], tail: &[u8]| {
        text.len() >= tail.len() && text[text.len() - tail.len()..].eq_ignore_ascii_case(tail)
    };
    (name.eq_ignore_ascii_case(b"metadata") && ends(directory, b"dist-info"))
        || (name.eq_ignore_ascii_case(b"pkg-info") && ends(directory, b"egg-info"))
        || ends(name, b".egg-info")
}

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    Rows::Packages {
        kind: PackageType::PyPi,
        evidence: evidence(file.path),
        rows: package(file.content, notes).into_iter().collect(),
    }
}

/// A copy below `_vendor` came inside another distribution and is updated with it.
fn evidence(path: &[u8]) -> Evidence {
    let vendored = path
        .split(|byte| *byte == b'/')
        .any(|component| component == b"_vendor" || component == b"_vendored");
    if vendored {
        Evidence::Embedded
    } else {
        Evidence::InstalledMetadata
    }
}

fn package(content: &[u8], notes: &mut Notes) -> Option<PackageRow> {
    let mut headers = Headers::parse(content);
    let Some(name) = headers
        .name
        .as_deref()
        .map(normalise)
        .filter(|name| !name.is_empty())
    else {
        notes.warning("python.bad_metadata", "the metadata has no `Name`");
        return None;
    };
    let Some(version) = headers.version.take() else {
        notes.warning("python.bad_metadata", format!("`{name}` has no `Version`"));
        return None;
    };
    Some(PackageRow {
        name,
        version,
        licenses: headers.licenses(),
        ..PackageRow::default()
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn read(content: &str) -> Option<PackageRow> {
        package(content.as_bytes(), &mut Notes::default())
    }

    #[rstest]
    #[case("Name: Typing_Extensions\nVersion: 4.4.0\n", Some(("typing-extensions", "4.4.0")))]
    #[case("Name: a..b__-c\nVersion: 1\n", Some(("a-b-c", "1")))]
    #[case("name: x\r\nversion: 2\r\n\r\nVersion: 3\r\n", Some(("x", "2")))]
    #[case("Name: x\nVersion: 1.0.0\nVersion: 2.0.0\n", Some(("x", "1.0.0")))]
    #[case("Name: x\nVersion: not a version\n", Some(("x", "not a version")))]
    #[case("Name: x\n\nVersion: 1\n", None)]
    #[case("Version: 1\n", None)]
    #[case("Name: \nVersion: 1\n", None)]
    #[case("", None)]
    fn name_and_version_come_from_the_headers(
        #[case] content: &str,
        #[case] expected: Option<(&str, &str)>,
    ) {
        let row = read(content);
        let found = row
            .as_ref()
            .map(|row| (row.name.as_str(), row.version.as_str()));
        assert_eq!(found, expected);
    }

    #[rstest]
    #[case("License: MIT", &["MIT"])]
    #[case("License: MIT\nLicense-Expression: MIT AND Apache-2.0", &["MIT AND Apache-2.0"])]
    #[case("License: UNKNOWN", &[])]
    #[case("License: The whole text\n  goes on here", &["The whole text"])]
    #[case("Classifier: License :: OSI Approved :: MIT License\nClassifier: License :: OSI Approved\nClassifier: License :: Public Domain\nClassifier: Topic :: License", &["MIT License", "Public Domain"])]
    #[case("License: MIT\nClassifier: License :: OSI Approved :: BSD License", &["MIT"])]
    fn the_licence_is_the_expression_or_the_field(#[case] header: &str, #[case] expected: &[&str]) {
        let row = read(&format!("Name: x\n{header}\nVersion: 1\n")).expect("a package");
        assert_eq!(row.licenses, expected);
    }

    #[test]
    fn a_vendored_copy_is_embedded() {
        let vendored = b"lib/setuptools/_vendor/wheel-0.43.0.dist-info/METADATA";
        assert_eq!(evidence(vendored), Evidence::Embedded);
        assert_eq!(
            evidence(b"lib/wheel-0.43.0.dist-info/METADATA"),
            Evidence::InstalledMetadata
        );
    }
}
