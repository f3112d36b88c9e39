//! Swift packages: `Package.resolved`, in its three formats.
//!
//! A package has no registry and no name but the address of its repository, so that is what it is called:
//! `github.com/apple/swift-nio`. What follows a branch has a commit and no version.
//!
//! # Source
//! The purl type definition of `swift`.

use evidence::{Evidence, Level, PackageType};

use crate::document;
use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::listing::Listing;
use crate::path;
use crate::report::Rows;

pub(crate) const LOCK: Extractor = Extractor {
    name: "swift-lock",
    version: 1,
    literals: &["package.resolved"],
    accepts: |path| {
        matches!(
            path::basename(path),
            b"Package.resolved" | b".package.resolved"
        )
    },
    wanted: Wanted::Document,
    ownable: true,
    parse,
};

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let mut listing = Listing::default();
    match document::json(file.content) {
        Ok(resolved) => {
            let pins = [&resolved["pins"], &resolved["object"]["pins"]];
            for pin in pins.iter().filter_map(|pins| pins.as_array()).flatten() {
                let address = pin["location"]
                    .as_str()
                    .or_else(|| pin["repositoryURL"].as_str());
                let version = pin["state"]["version"].as_str().unwrap_or_default();
                listing.add(&name(address.unwrap_or_default()), version, notes);
            }
        }
        Err(error) => error.note("swift.bad_json", Level::Warning, notes),
    }
    listing.rows(PackageType::Swift, Evidence::Declared)
}

/// `https://user@github.com/a/b.git` and `git@github.com:a/b.git` → `github.com/a/b`.
fn name(address: &str) -> String {
    let (scheme, rest) = address
        .split_once("://")
        .map_or((None, address), |(scheme, rest)| (Some(scheme), rest));
    let (host, path) = match rest.split_once('/') {
        Some((host, path)) if scheme.is_some() || !host.contains(':') => (host, path),
        _ => rest.split_once(':').unwrap_or(("", rest)),
    };
    let host = host.rsplit('@').next().unwrap_or_default();
    let path = path.trim_end_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    if host.is_empty() {
        path.to_owned()
    } else {
        format!("{host}/{path}")
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::listing::reading;

    #[rstest]
    #[case("https://github.com/apple/swift-nio.git", "github.com/apple/swift-nio")]
    #[case("https://token@example.com/a/b/", "example.com/a/b")]
    #[case("git@github.com:apple/swift-log.git", "github.com/apple/swift-log")]
    #[case("ssh://git@github.com:22/a/b", "github.com:22/a/b")]
    #[case("mona.LinkedList", "mona.LinkedList")]
    #[case("", "")]
    fn a_package_is_called_after_its_address(#[case] address: &str, #[case] expected: &str) {
        assert_eq!(name(address), expected);
    }

    #[rstest]
    #[case(r#"{"object":{"pins":[{"package":"NIO","repositoryURL":"https://github.com/apple/swift-nio.git","state":{"branch":null,"revision":"1","version":"2.62.0"}}]},"version":1}"#)]
    #[case(r#"{"pins":[{"identity":"swift-nio","kind":"remoteSourceControl","location":"https://github.com/apple/swift-nio","state":{"revision":"1","version":"2.62.0"}},
        {"identity":"x","location":"https://github.com/a/x","state":{"branch":"main","revision":"1"}}],"version":3}"#)]
    fn every_format_is_read(#[case] content: &str) {
        let found = reading::read(&LOCK, "srv/Package.resolved", content);
        assert_eq!(found.evidence, Evidence::Declared);
        assert_eq!(found.rows, ["github.com/apple/swift-nio 2.62.0"]);
    }

    #[test]
    fn damage_is_noted() {
        assert_eq!(
            reading::read(&LOCK, "Package.resolved", "{").codes,
            ["swift.bad_json"]
        );
    }
}
