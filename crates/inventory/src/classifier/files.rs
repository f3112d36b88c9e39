//! Runtimes that say their version in a small file of their own.
//!
//! # Source
//! JEP 223 and the `release` file of every JDK since 7; `VERSION` in the root of Go's distribution.

use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::path;
use crate::report::Rows;

use super::{group, row};

pub(crate) const EXTRACTOR: Extractor = Extractor {
    name: "runtime-files",
    version: 1,
    literals: &["/release", "go/version"],
    accepts,
    wanted: Wanted::Document,
    ownable: true,
    parse,
};

/// How names of packages of the operating system begin that bring these runtimes.
pub(super) const OWNERS: [(&str, &[&str]); 2] = [
    (
        "java",
        &["openjdk", "java-", "temurin", "zulu", "msopenjdk"],
    ),
    ("go", &["golang"]),
];

fn accepts(path: &[u8]) -> bool {
    let directory = path::parent(path);
    match path::basename(path) {
        b"release" => !directory.is_empty(),
        b"VERSION" => path::basename(directory) == b"go",
        _ => false,
    }
}

/// Files of these names that say something else are none of ours, and no damage.
fn parse(file: &File<'_>, _notes: &mut Notes) -> Rows {
    let text = String::from_utf8_lossy(file.content);
    let found = if path::basename(file.path) == b"VERSION" {
        go(&text).map(|version| ("go", version))
    } else {
        java(&text).map(|version| ("java", version))
    };
    let rows = found.map(|(product, version)| row(product, version.to_owned()));
    Rows::Groups(rows.map(|row| group(vec![row])).into_iter().collect())
}

/// `go1.21.5`, and since Go 1.21 a second line with the time.
fn go(text: &str) -> Option<&str> {
    let version = text.lines().next()?.strip_prefix("go")?.trim();
    version
        .starts_with(|first: char| first.is_ascii_digit())
        .then_some(version)
}

/// `JAVA_VERSION="17.0.15"`
fn java(text: &str) -> Option<&str> {
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix("JAVA_VERSION="))?;
    let version = value.trim().trim_matches('"');
    (!version.is_empty()).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, content: &str, expected: Option<(&str, &str)>) {
        assert!(accepts(path.as_bytes()), "{path}");
        let file = File {
            path: path.as_bytes(),
            content: content.as_bytes(),
        };
        let Rows::Groups(groups) = parse(&file, &mut Notes::default()) else {
            panic!("a file gives groups")
        };
        let row = groups.first().map(|group| &group.rows[0]);
        let found = row.map(|row| (row.name.as_str(), row.version.as_str()));
        assert_eq!(found, expected, "{path}");
    }

    #[test]
    fn runtimes_say_their_version() {
        check(
            "opt/java/openjdk/release",
            "IMPLEMENTOR=\"Eclipse Adoptium\"\nJAVA_RUNTIME_VERSION=\"17.0.9+9\"\nJAVA_VERSION=\"17.0.9\"\n",
            Some(("java", "17.0.9")),
        );
        check("opt/app/release", "v1.2.3\n", None);
        check(
            "usr/local/go/VERSION",
            "go1.21.5\ntime 2023-11-29T21:21:46Z\n",
            Some(("go", "1.21.5")),
        );
        check("usr/local/go/VERSION", "devel go1.22-abcdef\n", None);
        assert!(!accepts(b"release"));
        assert!(!accepts(b"srv/VERSION"));
    }
}
