//! Dart and Flutter: `pubspec.lock`.
//!
//! A compiled program says nothing about its packages; the lock file is what images carry. Packages of a path are the
//! project itself, those of the SDK have the version 0.0.0 and go with it.

use evidence::{Evidence, Level, PackageType};

use crate::document;
use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::listing::Listing;
use crate::path;
use crate::report::Rows;

pub(crate) const LOCK: Extractor = Extractor {
    name: "dart-lock",
    version: 1,
    literals: &["pubspec.lock"],
    accepts: |path| path::basename(path) == b"pubspec.lock",
    wanted: Wanted::Document,
    ownable: true,
    parse,
};

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let mut listing = Listing::default();
    let documents = match document::yaml(file.content) {
        Ok(documents) => documents,
        Err(error) => {
            error.note("dart.bad_lock", Level::Warning, notes);
            Vec::new()
        }
    };
    let packages = documents
        .iter()
        .filter_map(|lock| lock["packages"].as_object());
    for (name, package) in packages.flatten() {
        if package["source"] == "hosted" || package["source"] == "git" {
            listing.add(name, package["version"].as_str().unwrap_or_default(), notes);
        }
    }
    listing.rows(PackageType::Pub, Evidence::Declared)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::reading;

    #[test]
    fn hosted_packages_are_declared() {
        let content = "packages:\n  http:\n    dependency: \"direct main\"\n    description:\n      name: http\n    source: hosted\n    version: \"1.1.0\"\n  \
            ours:\n    source: path\n    version: \"0.1.0\"\n  flutter:\n    source: sdk\n    version: \"0.0.0\"\nsdks:\n  dart: \">=3.0.0 <4.0.0\"\n";
        let found = reading::read(&LOCK, "app/pubspec.lock", content);
        assert_eq!(
            (found.evidence, found.rows),
            (Evidence::Declared, vec!["http 1.1.0".to_owned()])
        );
    }

    #[test]
    fn damage_is_noted() {
        assert_eq!(
            reading::read(&LOCK, "pubspec.lock", "a: [").codes,
            ["dart.bad_lock"]
        );
    }
}
