//! Programs that images install without a package: runtimes and servers that somebody copied or compiled.
//!
//! A class knows a program by its file name and by how its version stands in its bytes: see `classes`, one row each.
//! Runtimes that state their version in a small file beside them are read there (`files`). What is found is listed as
//! `generic`, the kind without advisories of its own, and only where no package of the operating system brings the same
//! program: see `answers`.
//!
//! Not known: programs whose version stands nowhere, and builds that changed their name.
//!
//! Adding a program: a row in `classes`, with a snippet of a real one.

mod classes;
mod files;

use std::sync::OnceLock;

use evidence::{Evidence, PackageType};
use regex::bytes::Regex;

use crate::executable::{self, Probe, Window};
use crate::extractor::{Extractor, Notes, Wanted};
use crate::path;
use crate::report::{Group, PackageRow};
use classes::{CLASSES, Class};

pub(crate) use files::EXTRACTOR as FILES;

pub(crate) const EXTRACTOR: Extractor = Extractor {
    name: "classifier",
    version: 2,
    literals: &[],
    accepts: |_| false,
    wanted: Wanted::Executable(probe),
    ownable: true,
    parse: |file, notes| executable::read(probe(file.path), file, notes),
};

/// The patterns, compiled when a program needs them.
static PATTERNS: [OnceLock<Regex>; CLASSES.len()] = [const { OnceLock::new() }; CLASSES.len()];

/// Returns whether a file of this name may be a program that a class knows.
pub(crate) fn is_known(path: &[u8]) -> bool {
    let name = path::basename(path);
    CLASSES.iter().any(|class| class.has(name))
}

/// Returns whether a package of the operating system is the same program: its own data answers then, and nothing is
/// listed twice.
pub(crate) fn answers(owner: &str, product: &str) -> bool {
    CLASSES
        .iter()
        .map(|class| (class.product, class.owners))
        .chain(files::OWNERS)
        .filter(|(of, _)| *of == product)
        .flat_map(|(_, owners)| owners)
        .any(|begin| owner.starts_with(begin))
}

fn probe(path: &[u8]) -> Box<dyn Probe> {
    let name = path::basename(path);
    let classes = CLASSES
        .iter()
        .zip(&PATTERNS)
        .filter(|(class, _)| class.has(name))
        .map(|(class, pattern)| Candidate {
            class,
            pattern: pattern.get_or_init(|| {
                Regex::new(class.pattern).expect("the tests compile every pattern")
            }),
            version: None,
        })
        .collect();
    Box::new(Classifier {
        name: name.to_vec(),
        classes,
    })
}

/// The probe.
struct Classifier {
    name: Vec<u8>,
    /// The classes whose name fits; mostly none.
    classes: Vec<Candidate>,
}

struct Candidate {
    class: &'static Class,
    pattern: &'static Regex,
    version: Option<String>,
}

impl Probe for Classifier {
    fn look(&mut self, window: &Window<'_>) {
        for candidate in &mut self.classes {
            if candidate.version.is_some() {
                continue;
            }
            // The first that begins in this window's own bytes; what begins later is whole in the next window.
            candidate.version = candidate
                .pattern
                .captures_iter(window.bytes)
                .take_while(|found| found.get_match().start() < window.ready)
                .filter_map(|found| std::str::from_utf8(found.get(1)?.as_bytes()).ok())
                .find(|version| !candidate.class.is_in_name || fits_name(version, &self.name))
                .map(str::to_owned);
        }
    }

    fn finish(self: Box<Self>, _notes: &mut Notes) -> Vec<Group> {
        let found = self.classes.into_iter().filter_map(|candidate| {
            let version = candidate.version?;
            Some(row(candidate.class.product, version))
        });
        vec![group(found.collect())]
    }
}

fn row(product: &str, version: String) -> PackageRow {
    PackageRow {
        name: product.to_owned(),
        version,
        ..PackageRow::default()
    }
}

fn group(rows: Vec<PackageRow>) -> Group {
    Group {
        kind: PackageType::Generic,
        evidence: Evidence::ClassifiedBinary,
        inside: String::new(),
        rows,
    }
}

/// Returns whether a file's name has the first two numbers of a version: `libpython3.11.so.1.0` is 3.11.
fn fits_name(version: &str, name: &[u8]) -> bool {
    let end = version
        .match_indices('.')
        .nth(1)
        .map_or(version.len(), |(at, _)| at);
    memchr::memmem::find(name, &version.as_bytes()[..end]).is_some()
}

#[cfg(test)]
mod tests;
