//! `package-lock.json` and `npm-shrinkwrap.json`, formats 1 to 3.
//!
//! # Source
//! npm, "package-lock.json". The second format carries the first one's tree for older programs; it is not read twice.

use serde_json::{Map, Value};

use super::{is_elsewhere, split_at_version};
use crate::document::{self, Unreadable};
use crate::extractor::Notes;
use crate::listing::Listing;

pub(super) fn read(
    content: &[u8],
    listing: &mut Listing,
    notes: &mut Notes,
) -> Result<(), Unreadable> {
    let lock = document::json(content)?;
    match (
        lock["packages"].as_object(),
        lock["dependencies"].as_object(),
    ) {
        (Some(packages), _) => places(packages, listing, notes),
        (None, Some(dependencies)) => tree(dependencies, listing, notes),
        (None, None) => {}
    }
    Ok(())
}

/// `node_modules/a/node_modules/@s/b`: the name is what follows the last `node_modules`. Other places are workspaces.
fn places(packages: &Map<String, Value>, listing: &mut Listing, notes: &mut Notes) {
    for (place, package) in packages {
        let Some((_, directory)) = place.rsplit_once("node_modules/") else {
            continue;
        };
        if package["link"] != true {
            let name = package["name"].as_str().unwrap_or(directory);
            listing.add(name, package["version"].as_str().unwrap_or_default(), notes);
        }
    }
}

/// Format 1. The reader of the document has bounded how deep it goes.
fn tree(dependencies: &Map<String, Value>, listing: &mut Listing, notes: &mut Notes) {
    for (name, package) in dependencies {
        let version = package["version"].as_str().unwrap_or_default();
        let alias = version.strip_prefix("npm:").and_then(split_at_version);
        let (name, version) = alias.unwrap_or((name, version));
        if !is_elsewhere(version) {
            listing.add(name, version, notes);
        }
        if let Some(dependencies) = package["dependencies"].as_object() {
            tree(dependencies, listing, notes);
        }
    }
}
