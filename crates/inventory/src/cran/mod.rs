//! R packages: the `DESCRIPTION` of each installed one.
//!
//! Installation adds the field `Built`; a source tree that happens to lie there does not have it. Many programs have a
//! file of this name, so what is none of R's is passed over in silence.
//!
//! # Source
//! "Writing R Extensions", section 1.1.1.

use evidence::{Evidence, PackageType};

use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::listing::Listing;
use crate::path;
use crate::report::{PackageRow, Rows};

pub(crate) const EXTRACTOR: Extractor = Extractor {
    name: "cran",
    version: 1,
    literals: &["/description"],
    accepts: |path| path::basename(path) == b"DESCRIPTION",
    wanted: Wanted::Document,
    ownable: true,
    parse,
};

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let mut listing = Listing::default();
    let text = String::from_utf8_lossy(file.content);
    let field = |name: &str| {
        text.lines()
            .filter(|line| !line.starts_with([' ', '\t']))
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.trim().to_owned())
    };
    if let (Some(name), Some(version), Some(_)) =
        (field("Package"), field("Version"), field("Built"))
    {
        let row = PackageRow {
            name,
            version,
            licenses: field("License")
                .into_iter()
                .filter(|license| !license.is_empty())
                .collect(),
            ..PackageRow::default()
        };
        listing.push(row, notes);
    }
    listing.rows(PackageType::Cran, Evidence::InstalledMetadata)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::listing::reading;

    #[rstest]
    #[case(
        "Package: jsonlite\nVersion: 1.8.8\nDescription: Reads\n Version: 9\nLicense: MIT + file LICENSE\nBuilt: R 4.3.2; x86_64-pc-linux-gnu\n",
        &["jsonlite 1.8.8 [\"MIT + file LICENSE\"]"]
    )]
    #[case::a_source_tree("Package: jsonlite\nVersion: 1.8.8\n", &[])]
    #[case::another_program("A program.\n", &[])]
    fn installed_packages_are_listed(#[case] content: &str, #[case] expected: &[&str]) {
        let found = reading::read(
            &EXTRACTOR,
            "usr/lib/R/library/jsonlite/DESCRIPTION",
            content,
        );
        assert_eq!(found.rows, expected);
        assert!(found.codes.is_empty());
    }
}
