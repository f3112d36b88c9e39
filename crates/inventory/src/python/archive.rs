//! Wheels and zipped eggs, by the names of their files.
//!
//! A zipped egg is imported from as it lies there: it is installed. A wheel is what an installer would unpack (the one
//! of pip inside `ensurepip`, the leftovers of a build): it states a package that nobody installed.

use evidence::{Evidence, PackageType};

use super::name;
use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::listing::Listing;
use crate::path;
use crate::report::Rows;

pub(crate) const ARCHIVE: Extractor = Extractor {
    name: "python-archive",
    version: 1,
    literals: &[".whl", ".egg"],
    accepts,
    wanted: Wanted::Presence,
    ownable: true,
    parse,
};

fn accepts(path: &[u8]) -> bool {
    path.ends_with(b".whl") || path.ends_with(b".egg")
}

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let mut listing = Listing::default();
    let file_name = path::display(path::basename(file.path));
    if let Some((name, version)) = name::of_wheel(&file_name) {
        listing.add(&name::normalise(name), version, notes);
        return listing.rows(PackageType::PyPi, Evidence::Declared);
    }
    if let Some((name, version)) = name::of_egg(&file_name) {
        listing.add(&name::normalise(&name), &version, notes);
    }
    listing.rows(PackageType::PyPi, Evidence::InstalledMetadata)
}
