//! `bun.lock`: JSON with trailing commas, whose packages are tuples that begin with `name@version`.
//!
//! Not read: `bun.lockb`, the binary form before it.

use super::{is_elsewhere, split_at_version};
use crate::document::{self, Unreadable};
use crate::extractor::Notes;
use crate::listing::Listing;

pub(super) fn read(
    content: &[u8],
    listing: &mut Listing,
    notes: &mut Notes,
) -> Result<(), Unreadable> {
    let lock = document::relaxed_json(content)?;
    for package in lock["packages"].as_object().into_iter().flatten() {
        let resolved = package.1[0].as_str().unwrap_or_default();
        match split_at_version(resolved) {
            Some((name, version)) if !is_elsewhere(version) => listing.add(name, version, notes),
            _ => {}
        }
    }
    Ok(())
}
