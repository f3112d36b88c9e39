//! Haskell: `stack.yaml.lock` and `cabal.project.freeze`. A compiled program says nothing about its packages.

use evidence::{Evidence, Level, PackageType};

use crate::document;
use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::listing::Listing;
use crate::path;
use crate::report::Rows;

pub(crate) const LOCK: Extractor = Extractor {
    name: "haskell-lock",
    version: 1,
    literals: &["stack.yaml.lock", "cabal.project.freeze"],
    accepts: |path| {
        matches!(
            path::basename(path),
            b"stack.yaml.lock" | b"cabal.project.freeze"
        )
    },
    wanted: Wanted::Document,
    ownable: true,
    parse,
};

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let mut listing = Listing::default();
    if path::basename(file.path) == b"stack.yaml.lock" {
        stack(file.content, &mut listing, notes);
    } else {
        freeze(file.content, &mut listing, notes);
    }
    listing.rows(PackageType::Hackage, Evidence::Declared)
}

/// `hackage: name-1.2.3@sha256:…,size` of what was resolved; packages from elsewhere have fields instead.
fn stack(content: &[u8], listing: &mut Listing, notes: &mut Notes) {
    let documents = match document::yaml(content) {
        Ok(documents) => documents,
        Err(error) => return error.note("haskell.bad_lock", Level::Warning, notes),
    };
    let packages = documents
        .iter()
        .filter_map(|lock| lock["packages"].as_array());
    for package in packages.flatten() {
        let completed = &package["completed"];
        let text = |field: &str| completed[field].as_str().unwrap_or_default();
        let locked = text("hackage").split('@').next().unwrap_or_default();
        match locked.rsplit_once('-') {
            Some((name, version)) => listing.add(name, version, notes),
            None => listing.add(text("name"), text("version"), notes),
        }
    }
}

/// `constraints: any.aeson ==2.1.2.1,` and the same without the first word; flags have no version.
fn freeze(content: &[u8], listing: &mut Listing, notes: &mut Notes) {
    let text = String::from_utf8_lossy(content);
    for line in text.lines().map(str::trim) {
        let constraint = line.strip_prefix("constraints:").unwrap_or(line).trim();
        let constraint = constraint.trim_end_matches(',');
        if let Some((name, version)) = constraint.split_once(" ==") {
            listing.add(name.strip_prefix("any.").unwrap_or(name), version, notes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::reading;

    #[test]
    fn stack_locks_what_it_resolved() {
        let content = "packages:\n- completed:\n    hackage: hw-json-1.3.2.4@sha256:ab,123\n    pantry-tree:\n      size: 1\n  original:\n    hackage: hw-json-1.3.2.4\n\
            - completed:\n    name: ours\n    version: 0.1.0\n    git: https://example.com/x\nsnapshots: []\n";
        let found = reading::read(&LOCK, "srv/stack.yaml.lock", content);
        assert_eq!(found.evidence, Evidence::Declared);
        assert_eq!(found.rows, ["hw-json 1.3.2.4", "ours 0.1.0"]);
    }

    #[test]
    fn cabal_freezes_constraints() {
        let content = "active-repositories: hackage.haskell.org:merge\nconstraints: any.aeson ==2.1.2.1,\n             aeson -cffi +ordered-keymap,\n             any.base ==4.18.1.0\nindex-state: x\n";
        let found = reading::read(&LOCK, "srv/cabal.project.freeze", content);
        assert_eq!(found.rows, ["aeson 2.1.2.1", "base 4.18.1.0"]);
    }

    #[test]
    fn damage_is_noted() {
        assert_eq!(
            reading::read(&LOCK, "stack.yaml.lock", "a: [").codes,
            ["haskell.bad_lock"]
        );
    }
}
