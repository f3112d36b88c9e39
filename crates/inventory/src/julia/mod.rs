//! Julia: the `Project.toml` of each package in a depot, and the manifest of a project.
//!
//! A depot holds `packages/NAME/SLUG/`; the slug is made from the package's tree. A manifest is a lock file: `[[deps.X]]`
//! since its second format, `[[X]]` before. Parts of Julia itself have no version of their own there and are left out.
//!
//! # Source
//! Pkg, "Project.toml and Manifest.toml".

use evidence::{Evidence, Level, PackageType};
use serde_json::Value;

use crate::document;
use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::listing::Listing;
use crate::path;
use crate::report::{Fact, PackageRow, Rows};

pub(crate) const EXTRACTOR: Extractor = Extractor {
    name: "julia",
    version: 1,
    literals: &["/project.toml"],
    accepts: is_installed,
    wanted: Wanted::Document,
    ownable: true,
    parse: installed,
};

pub(crate) const LOCK: Extractor = Extractor {
    name: "julia-lock",
    version: 1,
    literals: &["manifest.toml", "manifest-v"],
    accepts: is_manifest,
    wanted: Wanted::Document,
    ownable: true,
    parse: locked,
};

/// `packages/NAME/SLUG/Project.toml`.
fn is_installed(path: &[u8]) -> bool {
    let slug = path::parent(path);
    path::basename(path) == b"Project.toml"
        && path::basename(path::parent(path::parent(slug))) == b"packages"
}

fn is_manifest(path: &[u8]) -> bool {
    let name = path::basename(path);
    let name = name.strip_prefix(b"Julia").unwrap_or(name);
    // Since Julia 1.11 a manifest may be for one version: `Manifest-v1.11.toml`.
    name == b"Manifest.toml" || (name.starts_with(b"Manifest-v") && name.ends_with(b".toml"))
}

fn installed(file: &File<'_>, notes: &mut Notes) -> Rows {
    let mut listing = Listing::default();
    match document::toml(file.content) {
        Ok(project) => {
            let name = project["name"].as_str().unwrap_or_default();
            listing.push(row(name, &project), notes);
        }
        Err(error) => error.note("julia.bad_toml", Level::Warning, notes),
    }
    listing.rows(PackageType::Julia, Evidence::InstalledMetadata)
}

fn locked(file: &File<'_>, notes: &mut Notes) -> Rows {
    let mut listing = Listing::default();
    match document::toml(file.content) {
        Ok(manifest) => {
            let packages = manifest.get("deps").unwrap_or(&manifest).as_object();
            for (name, entries) in packages.into_iter().flatten() {
                let entries = entries.as_array().into_iter().flatten();
                for entry in entries.filter(|entry| entry["path"] == Value::Null) {
                    listing.push(row(name, entry), notes);
                }
            }
        }
        Err(error) => error.note("julia.bad_toml", Level::Warning, notes),
    }
    listing.rows(PackageType::Julia, Evidence::Declared)
}

fn row(name: &str, package: &Value) -> PackageRow {
    let text = |field: &str| package[field].as_str().map(str::to_owned);
    let mut row = PackageRow {
        name: name.to_owned(),
        version: text("version").unwrap_or_default(),
        ..PackageRow::default()
    };
    row.tell(Fact::Uuid, text("uuid"));
    row
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::listing::reading;

    #[test]
    fn a_package_of_a_depot_is_installed() {
        let content = "name = \"JSON\"\nuuid = \"682c06a0-de6a-54ab-a142-c8b1cf79cde6\"\nversion = \"0.21.4\"\n\n[deps]\nDates = \"ade2ca70-3891-5945-98fb-dc099432e06a\"\n";
        let found = reading::read(
            &EXTRACTOR,
            "root/.julia/packages/JSON/93Ea8/Project.toml",
            content,
        );
        assert_eq!(found.evidence, Evidence::InstalledMetadata);
        assert_eq!(found.rows, ["JSON 0.21.4"]);
        assert!(!is_installed(b"srv/app/Project.toml"));
    }

    #[rstest]
    #[case(
        "julia_version = \"1.9.4\"\nmanifest_format = \"2.0\"\n[[deps.JSON]]\ndeps = [\"Dates\"]\nversion = \"0.21.4\"\n[[deps.Dates]]\nuuid = \"x\"\n[[deps.Ours]]\npath = \"../Ours\"\nversion = \"0.1.0\"\n"
    )]
    #[case("[[JSON]]\nversion = \"0.21.4\"\n[[Dates]]\nuuid = \"x\"\n")]
    fn both_formats_of_the_manifest_are_declared(#[case] content: &str) {
        let found = reading::read(&LOCK, "srv/Manifest-v1.11.toml", content);
        assert_eq!(
            (found.evidence, found.rows),
            (Evidence::Declared, vec!["JSON 0.21.4".to_owned()])
        );
    }

    #[test]
    fn damage_is_noted() {
        assert_eq!(
            reading::read(&LOCK, "JuliaManifest.toml", "[").codes,
            ["julia.bad_toml"]
        );
    }
}
