//! Gentoo packages: portage's database, one directory per package.
//!
//! | File | Extractor | Gives |
//! |---|---|---|
//! | `**/var/db/pkg/*/*/CONTENTS` | [`EXTRACTOR`] | the package and its files |
//! | `**/var/db/pkg/*/*/{SLOT,LICENSE,repository}` | [`DETAILS`] | one value about it: see [`crate::merge()`] |
//!
//! The directory `category/name-version` says what is installed, and is right even where somebody dropped the small
//! files to save space.
//!
//! # Source
//! The Package Manager Specification, sections 3.1 to 3.2, and `portage(5)`, "/var/db/pkg".

mod version;

use evidence::{Evidence, PackageType};

use crate::digest::FileDigest;
use crate::extractor::{Extractor, File, Notes, OwnedPaths, Wanted};
use crate::path;
use crate::report::{Detail, PackageRow, Rows};

pub(crate) const EXTRACTOR: Extractor = Extractor {
    name: "portage",
    version: 1,
    literals: &["var/db/pkg/"],
    accepts: |path| in_package(path) && path::basename(path) == b"CONTENTS",
    wanted: Wanted::PackageText,
    ownable: false,
    parse,
};

pub(crate) const DETAILS: Extractor = Extractor {
    name: "portage-details",
    version: 1,
    literals: &["var/db/pkg/"],
    accepts: |path| in_package(path) && detail(path::basename(path)).is_some(),
    wanted: Wanted::Document,
    ownable: false,
    parse: |file, _| {
        let text = String::from_utf8_lossy(file.content);
        match detail(path::basename(file.path)) {
            Some(detail) => Rows::Detail(detail, text.trim().to_owned()),
            None => Rows::Present,
        }
    },
};

fn detail(name: &[u8]) -> Option<Detail> {
    match name {
        b"SLOT" => Some(Detail::Slot),
        b"LICENSE" => Some(Detail::License),
        b"repository" => Some(Detail::Repository),
        _ => None,
    }
}

/// Returns whether a path lies directly in the directory of a package.
fn in_package(path: &[u8]) -> bool {
    let category = path::parent(path::parent(path));
    path::ends_with(path::parent(category), b"var/db/pkg")
}

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let directory = path::parent(file.path);
    let category = path::display(path::basename(path::parent(directory)));
    let package = path::display(path::basename(directory));
    let mut rows = Vec::new();
    match version::split(&package) {
        // Portage gives a package that it is installing another name, and leaves it behind when it is interrupted.
        _ if package.starts_with("-MERGING-") => notes.warning(
            "portage.not_counted",
            format!("`{package}` is half installed: its files may be there, it is not listed"),
        ),
        Some((name, version)) => rows.push(PackageRow {
            name: format!("{category}/{name}"),
            version: version.to_owned(),
            owned: owned(file.content, notes),
            ..PackageRow::default()
        }),
        None => notes.error(
            "portage.bad_directory",
            format!("`{package}` is not a name and a version"),
        ),
    }
    Rows::Packages {
        kind: PackageType::Ebuild,
        evidence: Evidence::OsDatabase,
        rows,
    }
}

/// Reads `obj path md5 time` lines; a path may have spaces. Links and directories hold no metadata.
fn owned(content: &[u8], notes: &mut Notes) -> Vec<crate::report::OwnedFile> {
    let mut paths = OwnedPaths::default();
    let mut files = Vec::new();
    for line in content.split(|byte| *byte == b'\n') {
        let Some(rest) = line.strip_prefix(b"obj ") else {
            continue;
        };
        let mut words = rest.rsplitn(3, |byte| *byte == b' ').skip(1);
        if let (Some(digest), Some(path)) = (words.next(), words.next()) {
            paths.add(&mut files, path, FileDigest::from_hex(digest), notes);
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str, content: &str) -> (Vec<PackageRow>, Vec<String>) {
        let file = File {
            path: path.as_bytes(),
            content: content.as_bytes(),
        };
        let mut notes = Notes::new(file.path);
        let Rows::Packages { rows, .. } = parse(&file, &mut notes) else {
            panic!("a database gives packages")
        };
        let codes = notes.into_list().into_iter();
        (rows, codes.map(|d| d.code.into_owned()).collect())
    }

    #[test]
    fn a_directory_is_a_package_and_its_contents_are_owned() {
        let (rows, codes) = read(
            "var/db/pkg/dev-python/six-1.16.0-r1/CONTENTS",
            "dir /usr\nobj /usr/lib/my python/six.dist-info/METADATA b1946ac92492d2347c6235b4d2611184 1649284374\n\
             sym /usr/lib/x.dist-info/METADATA -> y 1649284374\nobj broken\n",
        );
        assert!(codes.is_empty(), "{codes:?}");
        assert_eq!(
            (rows[0].name.as_str(), rows[0].version.as_str()),
            ("dev-python/six", "1.16.0-r1")
        );
        let [file] = rows[0].owned.as_slice() else {
            panic!("{:?}", rows[0].owned)
        };
        assert_eq!(
            file.path.display(),
            "usr/lib/my python/six.dist-info/METADATA"
        );
        assert!(file.digest.is_some());
    }

    #[test]
    fn what_is_no_package_is_named() {
        let check = |directory: &str, code: &str| {
            let (rows, codes) = read(&format!("var/db/pkg/{directory}/CONTENTS"), "");
            assert_eq!((rows, codes), (Vec::new(), vec![code.to_owned()]));
        };
        check("dev-python/six", "portage.bad_directory");
        check("dev-python/-MERGING-six-1.16.0", "portage.not_counted");
    }

    #[test]
    fn only_files_of_a_package_directory_are_read() {
        let wanted =
            |path: &str| (EXTRACTOR.accepts)(path.as_bytes()) || (DETAILS.accepts)(path.as_bytes());
        assert!(wanted("var/db/pkg/a/b-1/CONTENTS"));
        assert!(wanted("x/var/db/pkg/a/b-1/LICENSE"));
        assert!(!wanted("var/db/pkg/a/b-1/SIZE"));
        assert!(!wanted("var/db/pkg/a/LICENSE"));
        assert!(!wanted("var/db/pkg/a/b-1/deeper/LICENSE"));
    }
}
