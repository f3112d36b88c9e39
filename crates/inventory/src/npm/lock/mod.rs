//! Lock files of npm, yarn, pnpm and Bun: what a project says it would install.
//!
//! One folder, because they lock the same registry's packages under the same rules; one file per format. What lies on
//! this disk (workspaces, links, `file:`) is the project itself and not listed. An alias stands under the name of the
//! package it leads to. A lock file inside `node_modules` is a leftover of a package's own development.

mod bun;
mod package_lock;
mod pnpm;
mod yarn;

use evidence::{Evidence, Level, PackageType};

use crate::document::Unreadable;
use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::listing::Listing;
use crate::path;
use crate::report::Rows;

pub(crate) const LOCK: Extractor = Extractor {
    name: "npm-lock",
    version: 1,
    literals: &[
        "package-lock.json",
        "npm-shrinkwrap.json",
        "yarn.lock",
        "pnpm-lock.yaml",
        "bun.lock",
    ],
    accepts,
    wanted: Wanted::Document,
    ownable: true,
    parse,
};

type Reader = fn(&[u8], &mut Listing, &mut Notes) -> Result<(), Unreadable>;

fn reader(path: &[u8]) -> Option<Reader> {
    Some(match path::basename(path) {
        b"package-lock.json" | b"npm-shrinkwrap.json" => package_lock::read,
        b"yarn.lock" => yarn::read,
        b"pnpm-lock.yaml" => pnpm::read,
        b"bun.lock" => bun::read,
        _ => return None,
    })
}

fn accepts(path: &[u8]) -> bool {
    reader(path).is_some()
        && path::ancestors(path).all(|directory| path::basename(directory) != b"node_modules")
}

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let mut listing = Listing::default();
    if let Some(read) = reader(file.path)
        && let Err(error) = read(file.content, &mut listing, notes)
    {
        error.note("npm.bad_lock", Level::Warning, notes);
    }
    listing.rows(PackageType::Npm, Evidence::Declared)
}

/// Takes `name@rest` apart, where the name may have a scope: `@babel/core@^7`.
fn split_at_version(text: &str) -> Option<(&str, &str)> {
    let start = usize::from(text.starts_with('@'));
    let at = start + text[start..].find('@')?;
    Some((&text[..at], &text[at + 1..]))
}

/// Returns whether what follows a name is an address or a path and no version of the registry.
fn is_elsewhere(version: &str) -> bool {
    version.contains([':', '/'])
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("ms@2.1.3", Some(("ms", "2.1.3")))]
    #[case("@babel/core@npm:^7@x", Some(("@babel/core", "npm:^7@x")))]
    #[case("@babel/core", None)]
    #[case("", None)]
    fn a_name_ends_at_the_version(#[case] text: &str, #[case] expected: Option<(&str, &str)>) {
        assert_eq!(split_at_version(text), expected);
    }

    #[track_caller]
    fn check(name: &str, content: &str, expected: &[&str]) {
        let mut notes = Notes::default();
        let file = File {
            path: name.as_bytes(),
            content: content.as_bytes(),
        };
        let Rows::Packages { evidence, rows, .. } = parse(&file, &mut notes) else {
            panic!("a lock file gives packages")
        };
        assert_eq!(evidence, Evidence::Declared);
        let sorted = |mut rows: Vec<String>| {
            rows.sort();
            rows
        };
        let rows = rows
            .iter()
            .map(|row| format!("{} {}", row.name, row.version));
        let expected = expected.iter().map(ToString::to_string);
        assert_eq!(sorted(rows.collect()), sorted(expected.collect()));
        assert_eq!(notes.into_list(), []);
    }

    #[test]
    fn npm_of_the_first_format_nests_dependencies() {
        check(
            "package-lock.json",
            r#"{"lockfileVersion":1,"dependencies":{
                "a":{"version":"1.0.0","dependencies":{"b":{"version":"2.0.0"},"local":{"version":"file:../x"}}},
                "alias":{"version":"npm:@s/real@3.0.0"},
                "git":{"version":"git+ssh://git@example.com/x.git#1"}}}"#,
            &["a 1.0.0", "b 2.0.0", "@s/real 3.0.0"],
        );
    }

    #[test]
    fn npm_of_the_later_formats_lists_places() {
        check(
            "npm-shrinkwrap.json",
            r#"{"lockfileVersion":3,"packages":{"":{"name":"app","version":"1.0.0"},
                "node_modules/a":{"version":"1.0.0"},
                "node_modules/a/node_modules/@s/b":{"version":"2.0.0","dev":true},
                "node_modules/alias":{"name":"real","version":"3.0.0"},
                "node_modules/ws":{"resolved":"packages/ws","link":true},
                "packages/ws":{"name":"ws","version":"0.1.0"}}}"#,
            &["a 1.0.0", "@s/b 2.0.0", "real 3.0.0"],
        );
    }

    #[test]
    fn the_second_format_is_read_once() {
        check(
            "package-lock.json",
            r#"{"lockfileVersion":2,"packages":{"node_modules/a":{"version":"1.0.0"}},"dependencies":{"a":{"version":"1.0.0"}}}"#,
            &["a 1.0.0"],
        );
    }

    #[test]
    fn yarn_of_the_first_format_lists_descriptors() {
        check(
            "yarn.lock",
            "# yarn lockfile v1\n\n\n\"@s/a@^1\", \"@s/a@^1.2\":\n  version \"1.2.3\"\n  resolved \"https://example.com/a.tgz#1\"\n  dependencies:\n    b \"2\"\n    version \"^9\"\n\n\
             \"alias@npm:@s/real@^2\":\r\n  version \"2.0.1\"\r\n\nlocal@file:../x:\n  version \"0.0.1\"\n\ngit@https://example.com/x.git:\n  version \"3.0.0\"\n",
            &["@s/a 1.2.3", "@s/real 2.0.1", "git 3.0.0"],
        );
    }

    #[test]
    fn yarn_of_the_later_formats_lists_resolutions() {
        check(
            "yarn.lock",
            "__metadata:\n  version: 8\n  cacheKey: 10\n\n\"a@npm:^1, a@npm:^1.2\":\n  version: 1.2.3\n  resolution: \"a@npm:1.2.3\"\n  dependencies:\n    b: \"npm:2\"\n\n\
             \"alias@npm:real@^2\":\n  version: 2.0.1\n  resolution: \"real@npm:2.0.1\"\n\n\
             \"p@patch:p@npm%3A1.0.0#./p.patch\":\n  version: 1.0.0\n  resolution: \"p@patch:p@npm%3A1.0.0#./p.patch::version=1.0.0\"\n\n\
             \"app@workspace:.\":\n  version: 0.0.0-use.local\n  resolution: \"app@workspace:.\"\n",
            &["a 1.2.3", "real 2.0.1", "p 1.0.0"],
        );
    }

    #[rstest]
    #[case(
        "5.4",
        "  /a/1.0.0:\n    dev: true\n  /@s/b/2.0.0_a@1.0.0:\n    dev: false\n  example.com/c/3.0.0:\n    dev: true\n"
    )]
    #[case(
        "'6.0'",
        "  /a@1.0.0:\n    dev: true\n  /@s/b@2.0.0(a@1.0.0)(x@1):\n    dev: false\n  example.com/c@3.0.0:\n    dev: true\n"
    )]
    #[case(
        "'9.0'",
        "  a@1.0.0:\n    engines: {node: '1'}\n  '@s/b@2.0.0(a@1.0.0)':\n    engines: {}\n  c@https://example.com/c.tgz:\n    version: 3.0.0\n"
    )]
    fn pnpm_names_packages_by_their_keys(#[case] version: &str, #[case] packages: &str) {
        let local = "  file:../x:\n    name: x\n    version: 1.0.0\n";
        let content = format!("lockfileVersion: {version}\npackages:\n{packages}{local}");
        check(
            "pnpm-lock.yaml",
            &content,
            &["a 1.0.0", "@s/b 2.0.0", "c 3.0.0"],
        );
    }

    #[test]
    fn pnpm_may_lock_itself_in_a_document_of_its_own() {
        check(
            "pnpm-lock.yaml",
            "---\nlockfileVersion: '9.0'\npackages:\n  pnpm@10.0.0: {}\n---\nlockfileVersion: '9.0'\npackages:\n  a@1.0.0: {}\n",
            &["pnpm 10.0.0", "a 1.0.0"],
        );
    }

    #[test]
    fn bun_lists_tuples() {
        check(
            "bun.lock",
            "{\n  // written by bun\n  \"lockfileVersion\": 1,\n  \"packages\": {\n    \"a\": [\"a@1.0.0\", \"\", {}, \"sha512-x\"],\n    \"alias\": [\"@s/real@2.0.0\", \"\", {}],\n\
                 \"ws\": [\"ws@workspace:packages/ws\"],\n    \"git\": [\"git@github:o/r#1\", {}, \"1\"],\n  },\n}\n",
            &["a 1.0.0", "@s/real 2.0.0"],
        );
    }

    #[rstest]
    #[case("package-lock.json", "{broken}")]
    #[case("pnpm-lock.yaml", "packages: [")]
    #[case("bun.lock", "{")]
    fn a_damaged_file_is_noted(#[case] name: &str, #[case] content: &str) {
        let mut notes = Notes::default();
        parse(
            &File {
                path: name.as_bytes(),
                content: content.as_bytes(),
            },
            &mut notes,
        );
        assert_eq!(notes.into_list()[0].code, "npm.bad_lock");
    }

    #[rstest]
    #[case("srv/yarn.lock", true)]
    #[case("yarn.lock", true)]
    #[case("srv/my-yarn.lock", false)]
    #[case("srv/node_modules/x/yarn.lock", false)]
    fn a_lock_file_is_that_of_a_project(#[case] path: &str, #[case] expected: bool) {
        assert_eq!(accepts(path.as_bytes()), expected);
    }
}
