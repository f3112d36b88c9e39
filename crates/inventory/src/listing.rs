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
