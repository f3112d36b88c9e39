//! The packages of one metadata file of a language, as they are collected.
//!
//! A package has a name and a version; what has only one of them names nothing that could be looked up, and is left
//! out. That is common and no damage: a project without a version locks itself, a development copy has none.

use evidence::{Evidence, PackageType};

use crate::extractor::{self, Notes};
use crate::report::{PackageRow, Rows};

/// Packages under collection.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    rows: Vec<PackageRow>,
    full: bool,
}

impl Listing {
    /// Adds a package, if it has both a name and a version.
    pub(crate) fn add(&mut self, name: &str, version: &str, notes: &mut Notes) {
        let row = PackageRow {
            name: name.trim().to_owned(),
            version: version.trim().to_owned(),
            ..PackageRow::default()
        };
        self.push(row, notes);
    }

    /// Adds a row, if it has both a name and a version.
    pub(crate) fn push(&mut self, row: PackageRow, notes: &mut Notes) {
        if row.name.is_empty() || row.version.is_empty() || self.full {
            return;
        }
        self.full = !extractor::has_room(self.rows.len(), notes);
        if !self.full {
            self.rows.push(row);
        }
    }

    /// Returns the rows of the file.
    pub(crate) fn rows(self, kind: PackageType, evidence: Evidence) -> Rows {
        Rows::Packages {
            kind,
            evidence,
            rows: self.rows,
        }
    }
}

/// What an extractor reads from one file, for the tests of those that list packages.
#[cfg(test)]
pub(crate) mod reading {
    use super::{Evidence, Notes, PackageType, Rows};
    use crate::extractor::{Extractor, File};

    /// The outcome: packages as `name version` with `(architecture)` and `[licences]` where there are any, and the
    /// codes of what was noted.
    #[derive(Debug)]
    pub(crate) struct Reading {
        pub(crate) kind: PackageType,
        pub(crate) evidence: Evidence,
        pub(crate) rows: Vec<String>,
        pub(crate) codes: Vec<String>,
    }

    #[track_caller]
    pub(crate) fn read(extractor: &Extractor, path: &str, content: impl AsRef<[u8]>) -> Reading {
        assert!((extractor.accepts)(path.as_bytes()), "{path} is not wanted");
        let mut notes = Notes::default();
        let file = File {
            path: path.as_bytes(),
            content: content.as_ref(),
        };
        let Rows::Packages {
            kind,
            evidence,
            rows,
        } = (extractor.parse)(&file, &mut notes)
        else {
            panic!("{path} gives packages")
        };
        let rows = rows.iter().map(|row| {
            let arch = row.arch.iter().map(|arch| format!(" ({arch})"));
            let licenses = (!row.licenses.is_empty()).then(|| format!(" {:?}", row.licenses));
            let extra: String = arch.chain(licenses).collect();
            format!("{} {}{extra}", row.name, row.version)
        });
        let mut rows: Vec<String> = rows.collect();
        rows.sort();
        Reading {
            kind,
            evidence,
            rows,
            codes: notes
                .into_list()
                .into_iter()
                .map(|note| note.code.into_owned())
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_has_a_name_and_a_version() {
        let (mut listing, mut notes) = (Listing::default(), Notes::default());
        for (name, version) in [(" a ", "1"), ("", "1"), ("b", " "), ("c", "2\n")] {
            listing.add(name, version, &mut notes);
        }
        let Rows::Packages { rows, .. } = listing.rows(PackageType::Npm, Evidence::Declared) else {
            panic!("a listing gives packages")
        };
        let names: Vec<_> = rows
            .iter()
            .map(|row| format!("{}@{}", row.name, row.version))
            .collect();
        assert_eq!(names, ["a@1", "c@2"]);
    }
}
