//! `Gemfile.lock` and `gems.locked`: sections of two columns' indentation, specs at four.

use evidence::{Evidence, PackageType};

use super::row;
use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::listing::Listing;
use crate::path;
use crate::report::Rows;

pub(crate) const LOCK: Extractor = Extractor {
    name: "ruby-lock",
    version: 1,
    literals: &["gemfile.lock", "gems.locked"],
    accepts,
    wanted: Wanted::Document,
    ownable: true,
    parse,
};

/// An installed gem may carry the lock file of its own development.
fn accepts(path: &[u8]) -> bool {
    matches!(path::basename(path), b"Gemfile.lock" | b"gems.locked")
        && path::ancestors(path).all(|directory| path::basename(directory) != b"gems")
}

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let mut listing = Listing::default();
    let text = String::from_utf8_lossy(file.content);
    let mut section = "";
    for line in text.lines() {
        if !line.starts_with(' ') {
            section = line.trim_end();
        }
        // A gem of `PATH` is the project itself.
        let is_listed = matches!(section, "GEM" | "GIT" | "PLUGIN SOURCE");
        if let Some((name, version, platform)) = spec(line).filter(|_| is_listed) {
            listing.push(row(name, version, platform), notes);
        }
    }
    listing.rows(PackageType::Gem, Evidence::Declared)
}

/// `    name (version-platform)`; a version has no hyphen. What a gem depends on stands two columns further in.
fn spec(line: &str) -> Option<(&str, &str, &str)> {
    let line = line
        .strip_prefix("    ")
        .filter(|rest| !rest.starts_with(' '))?;
    let (name, rest) = line.split_once(" (")?;
    let version = rest.trim_end().strip_suffix(')')?;
    let (version, platform) = version.split_once('-').unwrap_or((version, ""));
    Some((name, version, platform))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::reading;

    #[test]
    fn a_lock_file_declares_what_comes_from_elsewhere() {
        let found = reading::read(
            &LOCK,
            "srv/Gemfile.lock",
            "GIT\n  remote: https://example.com/x.git\n  revision: 1\n  specs:\n    x (0.1.0)\n      rack (>= 2)\n\n\
             PATH\n  remote: .\n  specs:\n    app (9.9)\n\n\
             GEM\n  remote: https://rubygems.org/\n  specs:\n    nokogiri (1.15.4-x86_64-linux)\n      racc (~> 1.4)\r\n    rack (3.0.0.rc1)\n\n\
             PLATFORMS\n  ruby\n\nDEPENDENCIES\n    odd (1)\n\nBUNDLED WITH\n   2.4.1\n",
        );
        assert_eq!(found.evidence, Evidence::Declared);
        assert_eq!(
            found.rows,
            [
                "nokogiri 1.15.4 (x86_64-linux)",
                "rack 3.0.0.rc1",
                "x 0.1.0"
            ]
        );
    }

    #[test]
    fn the_lock_file_of_an_installed_gem_is_a_leftover() {
        assert!(!accepts(b"usr/lib/ruby/gems/3.2.0/gems/x-1/Gemfile.lock"));
    }
}
