//! What a Python project says it needs: lock files, and requirements that name one version.
//!
//! All of it is declared, with one exception: the list that pip keeps of the copies inside itself, which lie there
//! without metadata of their own.

mod document;
mod requirements;

use evidence::{Evidence, PackageType};

use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::listing::Listing;
use crate::path;
use crate::report::Rows;

pub(crate) const LOCK: Extractor = Extractor {
    name: "python-lock",
    version: 1,
    literals: &[
        "pipfile.lock",
        "poetry.lock",
        "uv.lock",
        "pdm.lock",
        "pylock.",
        "requirements",
        "pip/_vendor/vendor.txt",
    ],
    accepts,
    wanted: Wanted::Document,
    ownable: true,
    parse,
};

/// One way in which versions are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Pipfile,
    /// A list of packages in TOML: Poetry, uv, PDM, `pylock`.
    Toml,
    Requirements,
    /// pip's own copies.
    Vendored,
}

impl Format {
    fn of(path: &[u8]) -> Option<Self> {
        let name = path::basename(path);
        match name {
            b"vendor.txt" => {
                path::ends_with(path, b"pip/_vendor/vendor.txt").then_some(Self::Vendored)
            }
            // What lies inside an installed distribution is what its authors needed to build it.
            _ if is_installed(path) => None,
            b"Pipfile.lock" => Some(Self::Pipfile),
            b"poetry.lock" | b"uv.lock" | b"pdm.lock" => Some(Self::Toml),
            _ if name.starts_with(b"pylock.") && name.ends_with(b".toml") => Some(Self::Toml),
            _ if !name.ends_with(b".txt") => None,
            _ if name.starts_with(b"requirements") => Some(Self::Requirements),
            _ => (path::basename(path::parent(path)) == b"requirements")
                .then_some(Self::Requirements),
        }
    }
}

fn is_installed(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/')
        .any(|part| part == b"site-packages" || part == b"dist-packages")
}

fn accepts(path: &[u8]) -> bool {
    Format::of(path).is_some()
}

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let mut listing = Listing::default();
    let mut evidence = Evidence::Declared;
    match Format::of(file.path) {
        Some(Format::Pipfile) => document::pipfile(file.content, &mut listing, notes),
        Some(Format::Toml) => document::packages(file.content, &mut listing, notes),
        Some(Format::Requirements) | None => requirements::read(file.content, &mut listing, notes),
        Some(Format::Vendored) => {
            evidence = Evidence::Embedded;
            requirements::read(file.content, &mut listing, notes);
        }
    }
    listing.rows(PackageType::PyPi, evidence)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("srv/Pipfile.lock", Some(Format::Pipfile))]
    #[case("srv/uv.lock", Some(Format::Toml))]
    #[case("srv/pylock.prod.toml", Some(Format::Toml))]
    #[case("srv/requirements.txt", Some(Format::Requirements))]
    #[case("srv/requirements-dev.txt", Some(Format::Requirements))]
    #[case("srv/requirements/prod.txt", Some(Format::Requirements))]
    #[case("srv/requirements.txt.in", None)]
    #[case("usr/lib/python3/dist-packages/x/requirements.txt", None)]
    #[case("lib/site-packages/pip/_vendor/vendor.txt", Some(Format::Vendored))]
    #[case("lib/site-packages/other/_vendor/vendor.txt", None)]
    fn a_file_is_known_by_its_name(#[case] path: &str, #[case] expected: Option<Format>) {
        assert_eq!(Format::of(path.as_bytes()), expected);
    }

    fn read(path: &str, content: &str) -> (Evidence, Vec<String>, usize) {
        let mut notes = Notes::default();
        let file = File {
            path: path.as_bytes(),
            content: content.as_bytes(),
        };
        let Rows::Packages { evidence, rows, .. } = parse(&file, &mut notes) else {
            panic!("a lock file gives packages")
        };
        let rows = rows
            .iter()
            .map(|row| format!("{} {}", row.name, row.version))
            .collect();
        (evidence, rows, notes.into_list().len())
    }

    #[rstest]
    #[case(
        "Pipfile.lock",
        r#"{"_meta":{"hash":{}},"default":{"Requests":{"version":"==2.31.0"},"local":{"path":"."},
            "wild":{"version":"*"}},"develop":{"pytest":{"version":"==7.4"}}}"#,
        &["requests 2.31.0", "pytest 7.4"]
    )]
    #[case(
        "poetry.lock",
        "[[package]]\nname = \"Jinja2\"\nversion = \"3.1.2\"\ndescription = \"\"\"a\n[[package]]\"\"\"\n\n[package.dependencies]\nMarkupSafe = \">=2\"\n\n\
         [[package]]\nname = \"ours\"\nversion = \"0.1\"\n[package.source]\ntype = \"directory\"\nurl = \"../ours\"\n",
        &["jinja2 3.1.2"]
    )]
    #[case(
        "uv.lock",
        "version = 1\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\nsource = { virtual = \".\" }\n\n\
         [[package]]\nname = \"anyio\"\nversion = \"4.3.0\"\nsource = { registry = \"https://pypi.org/simple\" }\n\n\
         [[package]]\nname = \"dynamic\"\nsource = { git = \"https://example.com/x?rev=1#1\" }\n",
        &["anyio 4.3.0"]
    )]
    #[case(
        "pdm.lock",
        "[[package]]\nname = \"idna\"\nversion = \"3.6\"\n[[package]]\nname = \"ours\"\nversion = \"1\"\npath = \"./ours\"\n",
        &["idna 3.6"]
    )]
    #[case(
        "pylock.toml",
        "lock-version = \"1.0\"\n[[packages]]\nname = \"attrs\"\nversion = \"25.1.0\"\n[[packages]]\nname = \"ours\"\nversion = \"1\"\ndirectory = { path = \".\" }\n",
        &["attrs 25.1.0"]
    )]
    #[case("requirements.txt", "Flask==3.0.0\n", &["flask 3.0.0"])]
    fn a_lock_file_declares_what_comes_from_an_index(
        #[case] path: &str,
        #[case] content: &str,
        #[case] expected: &[&str],
    ) {
        let (evidence, rows, noted) = read(path, content);
        assert_eq!((evidence, noted), (Evidence::Declared, 0));
        assert_eq!(rows, expected);
    }

    #[test]
    fn what_pip_carries_inside_itself_is_embedded() {
        let content = "CacheControl==0.14.0\nrequests==2.32.3\n    urllib3==1.26.20\n";
        let (evidence, rows, _) = read("lib/site-packages/pip/_vendor/vendor.txt", content);
        assert_eq!(evidence, Evidence::Embedded);
        assert_eq!(
            rows,
            ["cachecontrol 0.14.0", "requests 2.32.3", "urllib3 1.26.20"]
        );
    }

    #[rstest]
    #[case("Pipfile.lock", "{")]
    #[case("poetry.lock", "[[package]\n")]
    fn a_damaged_file_is_noted(#[case] path: &str, #[case] content: &str) {
        let (_, rows, noted) = read(path, content);
        assert_eq!((rows.len(), noted), (0, 1));
    }
}
