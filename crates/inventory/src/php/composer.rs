//! `vendor/composer/installed.json` in both of its forms, and `composer.lock`.
//!
//! Packages for development that were installed are there like all others. A version keeps its spelling but for the
//! leading `v` of a tag, as Composer itself compares it.

use evidence::{Evidence, Level, PackageType};
use serde_json::Value;

use crate::document;
use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::listing::Listing;
use crate::path;
use crate::report::{PackageRow, Rows};

pub(crate) const INSTALLED: Extractor = Extractor {
    name: "php",
    version: 1,
    literals: &["composer/installed.json"],
    accepts: |path| path::ends_with(path, b"composer/installed.json"),
    wanted: Wanted::Document,
    ownable: true,
    parse: |file, notes| parse(file, Evidence::InstalledMetadata, Level::Error, notes),
};

pub(crate) const LOCK: Extractor = Extractor {
    name: "php-lock",
    version: 1,
    literals: &["composer.lock"],
    accepts: is_lock,
    wanted: Wanted::Document,
    ownable: true,
    parse: |file, notes| parse(file, Evidence::Declared, Level::Warning, notes),
};

fn is_lock(path: &[u8]) -> bool {
    path::basename(path) == b"composer.lock"
        && path::ancestors(path).all(|directory| path::basename(directory) != b"vendor")
}

fn parse(file: &File<'_>, evidence: Evidence, level: Level, notes: &mut Notes) -> Rows {
    let mut listing = Listing::default();
    match document::json(file.content) {
        // The first form of the list of installed packages is the bare list.
        Ok(Value::Array(packages)) => list(&packages, &mut listing, notes),
        Ok(Value::Object(document)) => {
            for key in ["packages", "packages-dev"] {
                if let Some(packages) = document.get(key).and_then(Value::as_array) {
                    list(packages, &mut listing, notes);
                }
            }
        }
        Ok(_) => notes.warning("php.bad_json", "neither a list nor an object"),
        Err(error) => error.note("php.bad_json", level, notes),
    }
    listing.rows(PackageType::Composer, evidence)
}

fn list(packages: &[Value], listing: &mut Listing, notes: &mut Notes) {
    for package in packages {
        let text = |field: &str| package[field].as_str().unwrap_or_default();
        let licenses = package["license"].as_array().into_iter().flatten();
        let row = PackageRow {
            name: text("name").to_lowercase(),
            version: without_v(text("version")).to_owned(),
            licenses: licenses
                .filter_map(|license| license.as_str().map(str::to_owned))
                .collect(),
            ..PackageRow::default()
        };
        listing.push(row, notes);
    }
}

/// `v1.2` is the tag of `1.2`; `vendor-branch` is a name.
fn without_v(version: &str) -> &str {
    version
        .strip_prefix(['v', 'V'])
        .filter(|rest| rest.starts_with(|letter: char| letter.is_ascii_digit()))
        .unwrap_or(version)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::listing::reading;

    const PACKAGES: &str = r#"[{"name":"Monolog/Monolog","version":"v3.5.0","license":["MIT","x"]},{"name":"a/b","version":"dev-main"},{"name":"c/d"}]"#;

    #[rstest]
    #[case(PACKAGES.to_owned())]
    #[case(format!("{{\"packages\":{PACKAGES},\"dev\":true,\"dev-package-names\":[\"a/b\"]}}"))]
    fn both_forms_list_what_is_installed(#[case] content: String) {
        let found = reading::read(&INSTALLED, "srv/vendor/composer/installed.json", content);
        assert_eq!(found.evidence, Evidence::InstalledMetadata);
        assert_eq!(
            found.rows,
            ["a/b dev-main", "monolog/monolog 3.5.0 [\"MIT\", \"x\"]"]
        );
    }

    #[test]
    fn a_lock_file_declares_both_lists() {
        let content = r#"{"packages":[{"name":"a/b","version":"1.0"}],"packages-dev":[{"name":"c/d","version":"V2"}]}"#;
        let found = reading::read(&LOCK, "srv/composer.lock", content);
        assert_eq!(found.evidence, Evidence::Declared);
        assert_eq!(found.rows, ["a/b 1.0", "c/d 2"]);
    }

    #[rstest]
    #[case("[")]
    #[case("7")]
    #[case("")]
    fn damage_is_noted(#[case] content: &str) {
        let found = reading::read(&INSTALLED, "vendor/composer/installed.json", content);
        assert_eq!(found.codes, ["php.bad_json"]);
    }

    #[test]
    fn the_lock_file_of_an_installed_package_is_a_leftover() {
        assert!(!is_lock(b"srv/vendor/a/b/composer.lock"));
    }
}
