//! `go.mod`: the modules that a project requires, a replacement in place of what it replaces.
//!
//! A module kept in the module cache, or vendored, has its own `go.mod`; those are leftovers. A directory in place of a
//! module is the project itself.
//!
//! # Source
//! Go, "Go Modules Reference", "go.mod files".

use std::collections::BTreeMap;

use evidence::{Evidence, PackageType};

use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::listing::Listing;
use crate::path;
use crate::report::Rows;

pub(crate) const REQUIREMENTS: Extractor = Extractor {
    name: "go-mod",
    version: 1,
    literals: &["go.mod"],
    accepts,
    wanted: Wanted::Document,
    ownable: true,
    parse,
};

fn accepts(path: &[u8]) -> bool {
    let is_cache = |directory: &[u8]| {
        path::ends_with(directory, b"pkg/mod") || path::basename(directory) == b"vendor"
    };
    path::basename(path) == b"go.mod" && !path::ancestors(path).any(is_cache)
}

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let text = String::from_utf8_lossy(file.content);
    let mut required = Vec::new();
    // What a module is replaced with, for all of its versions or for one.
    let mut replaced: BTreeMap<(String, Option<String>), Vec<String>> = BTreeMap::new();
    let mut block = None;
    for line in text.lines() {
        let mut words = words(line);
        if words.is_empty() {
            continue;
        }
        let directive = match &block {
            Some(_) if words == [")"] => {
                block = None;
                continue;
            }
            Some(directive) => String::clone(directive),
            None => words.remove(0),
        };
        if words == ["("] {
            block = Some(directive);
            continue;
        }
        match (directive.as_str(), words.as_slice()) {
            ("require", [name, version]) => required.push((name.clone(), version.clone())),
            ("replace", [name, arrow, with @ ..]) if arrow == "=>" => {
                replaced.insert((name.clone(), None), with.to_vec());
            }
            ("replace", [name, version, arrow, with @ ..]) if arrow == "=>" => {
                replaced.insert((name.clone(), Some(version.clone())), with.to_vec());
            }
            _ => {}
        }
    }
    let mut listing = Listing::default();
    for (name, version) in required {
        let one = (name.clone(), Some(version.clone()));
        let with = replaced
            .get(&one)
            .or_else(|| replaced.get(&(name.clone(), None)));
        match with.map(Vec::as_slice) {
            None => listing.add(&name, &version, notes),
            Some([name, version]) => listing.add(name, version, notes),
            Some(_) => {}
        }
    }
    listing.rows(PackageType::Golang, Evidence::Declared)
}

/// The words of a line without its comment; a word may be quoted.
fn words(line: &str) -> Vec<String> {
    let line = line.split("//").next().unwrap_or_default();
    line.split_whitespace()
        .map(|word| word.trim_matches(['"', '`']).to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::reading;

    #[test]
    fn requirements_are_declared_as_they_are_replaced() {
        let content = "module example.com/app\n\ngo 1.21\n\nrequire golang.org/x/net v0.20.0 // indirect\n\nrequire (\n\tgithub.com/a/b v1.2.3\n\t\"github.com/c/d\" v2.0.0+incompatible\n\t\
            example.com/local v0.0.0\n\tgithub.com/e/f v1.0.0\n)\n\nreplace example.com/local => ../local\n\nreplace (\n\tgithub.com/a/b v1.2.3 => github.com/fork/b v1.2.4\n\tgithub.com/e/f v9.9.9 => github.com/fork/f v1.0.1\n)\n\
            exclude github.com/x/y v1.0.0\n";
        let found = reading::read(&REQUIREMENTS, "src/go.mod", content);
        assert_eq!(found.evidence, Evidence::Declared);
        assert_eq!(
            found.rows,
            [
                "github.com/c/d v2.0.0+incompatible",
                "github.com/e/f v1.0.0",
                "github.com/fork/b v1.2.4",
                "golang.org/x/net v0.20.0"
            ]
        );
        assert!(!accepts(b"root/go/pkg/mod/github.com/a/b@v1.2.3/go.mod"));
        assert!(!accepts(b"srv/vendor/github.com/a/b/go.mod"));
    }

    #[test]
    fn a_cut_file_keeps_what_was_read() {
        let found = reading::read(
            &REQUIREMENTS,
            "go.mod",
            "require (\n\ta.b/c v1.0.0\n\td.e/f",
        );
        assert_eq!(found.rows, ["a.b/c v1.0.0"]);
    }
}
