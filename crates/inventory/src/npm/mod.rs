//! npm packages: `node_modules/<name>/package.json`, as npm, yarn, pnpm and Bun install them, globally too.
//!
//! Only the `package.json` of a package's own directory counts. Those below it are test fixtures, build flavours and
//! the odd bundled copy: naming them as installed would be guessing. A directory may differ from the name inside: that
//! is an alias, and the file names the real package. Versions are kept as written.
//!
//! Beside it: [`lock`], the lock files. Not read: yarn's zip cache, whose packages its lock file names.

mod document;
mod lock;

pub(crate) use lock::LOCK;

use evidence::{Evidence, Level, PackageType};

use crate::document::measured_json;
use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::path;
use crate::report::{PackageRow, Rows};
use document::Document;

/// Directories of a package whose modules only its own tests load.
const FIXTURES: [&[u8]; 9] = [
    b"test",
    b"tests",
    b"__tests__",
    b"testdata",
    b"fixture",
    b"fixtures",
    b"__fixtures__",
    b"example",
    b"examples",
];

pub(crate) const EXTRACTOR: Extractor = Extractor {
    name: "npm",
    version: 2,
    literals: &["/package.json"],
    accepts,
    wanted: Wanted::Document,
    ownable: true,
    parse,
};

fn accepts(path: &[u8]) -> bool {
    let Some(directory) = path.strip_suffix(b"/package.json") else {
        return false;
    };
    let modules = |path| path::basename(path) == b"node_modules";
    let above = path::parent(directory);
    let scoped = path::basename(above).starts_with(b"@") && modules(path::parent(above));
    path::basename(directory) != b"node_modules"
        && (modules(above) || scoped)
        && !is_fixture(directory)
}

/// Returns whether a package lies in the tests of another: `node_modules/a/test/node_modules/b`.
fn is_fixture(directory: &[u8]) -> bool {
    let mut inside_package = false;
    let mut inside_fixture = false;
    for component in path::parent(directory).split(|byte| *byte == b'/') {
        inside_fixture |= inside_package && FIXTURES.contains(&component);
        inside_package |= component == b"node_modules";
    }
    inside_fixture
}

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    Rows::Packages {
        kind: PackageType::Npm,
        evidence: Evidence::InstalledMetadata,
        rows: package(file.content, notes).into_iter().collect(),
    }
}

fn package(content: &[u8], notes: &mut Notes) -> Option<PackageRow> {
    let content = match measured_json(content) {
        Ok(content) => content,
        Err(error) => {
            error.note("npm.bad_json", Level::Warning, notes);
            return None;
        }
    };
    let document = match Document::parse(content) {
        Ok(document) => document,
        Err(error) => {
            notes.warning("npm.bad_json", format!("not a package.json: {error}"));
            return None;
        }
    };
    // Node needs neither: without both it is a directory with settings, not a package.
    let (Some(name), Some(version)) = (document.name, document.version) else {
        return None;
    };
    Some(PackageRow {
        name,
        version,
        licenses: document.licenses,
        ..PackageRow::default()
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn read(content: &str) -> (Option<PackageRow>, usize) {
        let mut notes = Notes::default();
        let row = package(content.as_bytes(), &mut notes);
        (row, notes.into_list().len())
    }

    #[rstest]
    #[case(r#"{"name":"ms","version":"2.1.1"}"#, Some(("ms", "2.1.1")))]
    #[case(r#"{"name":"@babel/parser","version":"7.23.6"}"#, Some(("@babel/parser", "7.23.6")))]
    #[case(r#"{"name":"x","version":"latest-ish"}"#, Some(("x", "latest-ish")))]
    #[case(r#"{"name":"first","name":"last","version":"1"}"#, Some(("last", "1")))]
    #[case("\u{feff}{\"name\":\"x\",\"version\":\"1\"}", Some(("x", "1")))]
    #[case(r#"{"name":"x","version":""}"#, None)]
    #[case(r#"{"name":["x"],"version":{"a":1}}"#, None)]
    #[case(r#"{"type":"module"}"#, None)]
    fn a_package_has_a_name_and_a_version(
        #[case] content: &str,
        #[case] expected: Option<(&str, &str)>,
    ) {
        let (row, notes) = read(content);
        let found = row
            .as_ref()
            .map(|row| (row.name.as_str(), row.version.as_str()));
        assert_eq!((found, notes), (expected, 0));
    }

    #[rstest]
    #[case("")]
    #[case("[]")]
    #[case(r#"{"name":"x","version":"1""#)]
    fn what_is_no_document_is_noted(#[case] content: &str) {
        assert_eq!(read(content), (None, 1));
    }

    #[rstest]
    #[case(r#""MIT""#, &["MIT"])]
    #[case(r#"{"type":"ISC","url":"x"}"#, &["ISC"])]
    #[case(r#"["MIT",{"type":"BSD-2-Clause"}]"#, &["MIT", "BSD-2-Clause"])]
    #[case("7", &[])]
    fn a_licence_is_a_text_an_object_or_a_list(#[case] licence: &str, #[case] expected: &[&str]) {
        for field in ["license", "licenses"] {
            let (row, _) = read(&format!(
                r#"{{"name":"x","version":"1","{field}":{licence}}}"#
            ));
            assert_eq!(row.expect("a package").licenses, expected);
        }
    }
}
