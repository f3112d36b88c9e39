//! WordPress plugins: the header comment of a plugin's main file.
//!
//! WordPress looks at the first 8 KiB of each PHP file directly in a plugin's directory (or in the directory of all
//! plugins) for a line `Plugin Name:`. A plugin is known by its directory, which is its name in the public directory.
//!
//! # Source
//! WordPress, "Header requirements" of the plugin handbook.

use evidence::{Evidence, PackageType};

use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::listing::Listing;
use crate::path;
use crate::report::{PackageRow, Rows};

pub(crate) const EXTRACTOR: Extractor = Extractor {
    name: "wordpress",
    version: 1,
    literals: &["wp-content/plugins/"],
    accepts: |path| slug(path).is_some(),
    wanted: Wanted::Head(8192),
    ownable: true,
    parse,
};

/// `wp-content/plugins/SLUG/*.php` or `wp-content/plugins/SLUG.php`.
fn slug(path: &[u8]) -> Option<&[u8]> {
    let stem = path.strip_suffix(b".php")?;
    let directory = path::parent(path);
    if path::ends_with(directory, b"wp-content/plugins") {
        return Some(path::basename(stem));
    }
    path::ends_with(path::parent(directory), b"wp-content/plugins")
        .then(|| path::basename(directory))
}

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let mut listing = Listing::default();
    let text = String::from_utf8_lossy(file.content);
    let header = |name: &str| text.lines().find_map(|line| value(line, name));
    if header("Plugin Name").is_some() {
        let row = PackageRow {
            name: path::display(slug(file.path).unwrap_or_default()),
            version: header("Version").unwrap_or_default().to_owned(),
            licenses: header("License").into_iter().map(str::to_owned).collect(),
            ..PackageRow::default()
        };
        listing.push(row, notes);
    }
    listing.rows(PackageType::WordPress, Evidence::InstalledMetadata)
}

/// ` * Version: 5.3`, behind whatever decorates a comment.
fn value<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let line = line.trim_start_matches([' ', '\t', '/', '*', '#', '@']);
    let value = line.strip_prefix(name)?.trim_start().strip_prefix(':')?;
    let value = value
        .trim()
        .trim_end_matches("*/")
        .trim_end_matches("?>")
        .trim();
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::listing::reading;

    #[rstest]
    #[case("var/www/html/wp-content/plugins/akismet/akismet.php", &["akismet 5.3 [\"GPLv2 or later\"]"])]
    #[case("var/www/html/wp-content/plugins/hello.php", &["hello 5.3 [\"GPLv2 or later\"]"])]
    fn a_plugin_is_known_by_its_directory(#[case] path: &str, #[case] expected: &[&str]) {
        let content = "<?php\n/**\n * @package Akismet\n */\n/*\nPlugin Name: Akismet: Spam\nVersion: 5.3\nLicense: GPLv2 or later\n*/\n";
        let found = reading::read(&EXTRACTOR, path, content);
        assert_eq!(found.evidence, Evidence::InstalledMetadata);
        assert_eq!(found.rows, expected);
    }

    #[test]
    fn other_files_of_a_plugin_are_passed_over() {
        let path = "wp-content/plugins/akismet/class.php";
        assert!(
            reading::read(&EXTRACTOR, path, "<?php\n// Version: 1\n")
                .rows
                .is_empty()
        );
        assert_eq!(slug(b"wp-content/plugins/akismet/views/x.php"), None);
    }
}
