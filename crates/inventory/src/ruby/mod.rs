//! Ruby gems: the specifications that RubyGems keeps of what it installed, and Bundler's lock file.
//!
//! `specifications/NAME-VERSION.gemspec`, and `specifications/default/` for the gems that come with Ruby. A gem's own
//! `.gemspec` inside its directory is source code that builds one and is not read. Nothing is evaluated: see [`gemspec`].
//!
//! # Source
//! RubyGems, "Specification Reference"; Bundler, "Gemfile.lock".

mod gemspec;
mod lock;

use evidence::{Evidence, PackageType};

use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::listing::Listing;
use crate::path;
use crate::report::{PackageRow, Rows};

pub(crate) use lock::LOCK;

pub(crate) const EXTRACTOR: Extractor = Extractor {
    name: "ruby",
    version: 1,
    literals: &["specifications/"],
    accepts,
    wanted: Wanted::Document,
    ownable: true,
    parse,
};

fn accepts(path: &[u8]) -> bool {
    path.ends_with(b".gemspec")
        && path::ancestors(path).any(|directory| path::basename(directory) == b"specifications")
}

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let mut listing = Listing::default();
    match gemspec::read(file.content) {
        Some(row) => listing.push(row, notes),
        None => notes.warning(
            "ruby.bad_gemspec",
            "the specification states no name and version as literals",
        ),
    }
    listing.rows(PackageType::Gem, Evidence::InstalledMetadata)
}

/// A gem built for one platform names it as its architecture; `ruby` is every platform.
fn row(name: &str, version: &str, platform: &str) -> PackageRow {
    PackageRow {
        name: name.to_owned(),
        version: version.to_owned(),
        arch: (!platform.is_empty() && platform != "ruby").then(|| platform.to_owned()),
        ..PackageRow::default()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::listing::reading;

    #[rstest]
    #[case(
        "usr/local/lib/ruby/gems/3.2.0/specifications/rake-13.0.6.gemspec",
        true
    )]
    #[case(
        "usr/lib/ruby/gems/3.2.0/specifications/default/json-2.6.3.gemspec",
        true
    )]
    #[case("srv/vendor/bundle/ruby/3.2.0/specifications/rack-3.0.gemspec", true)]
    #[case("usr/lib/ruby/gems/3.2.0/gems/rake-13.0.6/rake.gemspec", false)]
    #[case("srv/specifications/readme.md", false)]
    fn specifications_are_those_of_rubygems(#[case] path: &str, #[case] expected: bool) {
        assert_eq!(accepts(path.as_bytes()), expected);
    }

    #[test]
    fn an_installed_gem_is_listed() {
        let path = "usr/lib/ruby/gems/3.2.0/specifications/nokogiri-1.15.4.gemspec";
        let found = reading::read(
            &EXTRACTOR,
            path,
            include_bytes!("testdata/nokogiri.gemspec"),
        );
        assert_eq!(found.evidence, Evidence::InstalledMetadata);
        assert_eq!(found.rows, ["nokogiri 1.15.4 (x86_64-linux) [\"MIT\"]"]);
        assert!(found.codes.is_empty());
    }

    #[test]
    fn a_specification_that_computes_its_name_is_noted() {
        let path = "a/specifications/x.gemspec";
        let found = reading::read(
            &EXTRACTOR,
            path,
            "Gem::Specification.new do |s|\n  s.name = NAME\nend\n",
        );
        assert!(found.rows.is_empty());
        assert_eq!(found.codes, ["ruby.bad_gemspec"]);
    }
}
