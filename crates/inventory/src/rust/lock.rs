//! `Cargo.lock`: the crates of a project that come from a registry or a repository.
//!
//! A crate without a source is the project itself. Cargo keeps the sources of crates with the lock files of their own
//! development in `.cargo/registry/src`; those are leftovers.

use evidence::{Evidence, Level, PackageType};

use crate::document;
use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::listing::Listing;
use crate::path;
use crate::report::Rows;

pub(crate) const LOCK: Extractor = Extractor {
    name: "rust-lock",
    version: 1,
    literals: &["cargo.lock"],
    accepts,
    wanted: Wanted::Document,
    ownable: true,
    parse,
};

fn accepts(path: &[u8]) -> bool {
    let is_cache = |directory: &[u8]| {
        path::ends_with(directory, b"registry/src") || path::ends_with(directory, b"git/checkouts")
    };
    path::basename(path) == b"Cargo.lock" && !path::ancestors(path).any(is_cache)
}

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let mut listing = Listing::default();
    match document::toml(file.content) {
        Ok(lock) => {
            let crates = lock["package"].as_array().into_iter().flatten();
            for package in crates.filter(|package| package["source"].is_string()) {
                let text = |field: &str| package[field].as_str().unwrap_or_default();
                listing.add(text("name"), text("version"), notes);
            }
        }
        Err(error) => error.note("rust.bad_lock", Level::Warning, notes),
    }
    listing.rows(PackageType::Cargo, Evidence::Declared)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::reading;

    #[test]
    fn crates_from_elsewhere_are_declared() {
        let content = "version = 3\n\n[[package]]\nname = \"ours\"\nversion = \"0.1.0\"\ndependencies = [\n \"serde\",\n]\n\n\
            [[package]]\nname = \"serde\"\nversion = \"1.0.195\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = \"63\"\n";
        let found = reading::read(&LOCK, "srv/Cargo.lock", content);
        assert_eq!(
            (found.evidence, found.rows),
            (Evidence::Declared, vec!["serde 1.0.195".to_owned()])
        );
        assert!(!accepts(
            b"root/.cargo/registry/src/index.crates.io-6f17/serde-1.0.195/Cargo.lock"
        ));
    }

    #[test]
    fn damage_is_noted() {
        assert_eq!(
            reading::read(&LOCK, "Cargo.lock", "[").codes,
            ["rust.bad_lock"]
        );
    }
}
