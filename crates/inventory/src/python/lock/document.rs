//! Lock files in JSON and TOML.

use evidence::Level;
use serde_json::Value;

use crate::document;
use crate::extractor::Notes;
use crate::listing::Listing;
use crate::python::name::normalise;

const DAMAGED: &str = "python.bad_lock";

/// Reads the packages of every group of a `Pipfile.lock`. Versions stand behind `==`.
pub(super) fn pipfile(content: &[u8], listing: &mut Listing, notes: &mut Notes) {
    let groups = match document::json(content) {
        Ok(groups) => groups,
        Err(error) => return error.note(DAMAGED, Level::Warning, notes),
    };
    let groups = groups.as_object().into_iter().flatten();
    for (_, packages) in groups.filter(|(group, _)| *group != "_meta") {
        for (name, package) in packages.as_object().into_iter().flatten() {
            let version = package["version"].as_str().unwrap_or_default();
            if let Some(version) = version.strip_prefix("==") {
                listing.add(&normalise(name), version, notes);
            }
        }
    }
}

/// Reads `[[package]]`, as Poetry, uv and PDM write it, and `[[packages]]` of `pylock.toml`.
pub(super) fn packages(content: &[u8], listing: &mut Listing, notes: &mut Notes) {
    let lock = match document::toml(content) {
        Ok(lock) => lock,
        Err(error) => return error.note(DAMAGED, Level::Warning, notes),
    };
    let packages = ["package", "packages"]
        .iter()
        .filter_map(|list| lock[list].as_array());
    for package in packages.flatten().filter(|package| !is_local(package)) {
        let text = |field: &str| package[field].as_str().unwrap_or_default();
        listing.add(&normalise(text("name")), text("version"), notes);
    }
}

/// The project itself and what lies beside it come from no index: their names are nobody's but their owner's.
fn is_local(package: &Value) -> bool {
    let source = &package["source"];
    let is_directory = source["type"] == "directory"
        || ["virtual", "editable", "directory"]
            .iter()
            .any(|kind| !source[kind].is_null());
    is_directory || !package["path"].is_null() || !package["directory"].is_null()
}
