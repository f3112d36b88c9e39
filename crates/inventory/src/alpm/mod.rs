//! Arch Linux packages: the local database of pacman, one directory per package.
//!
//! | File | Extractor | Gives |
//! |---|---|---|
//! | `**/var/lib/pacman/local/*/desc` | [`EXTRACTOR`] | the package |
//! | `**/var/lib/pacman/local/*/files`, `mtree` | [`FILES`] | the package's files; `mtree` with their digests |
//!
//! Not read: what depends on what, scripts, the databases of repositories.
//!
//! # Source
//! libalpm's local database, version 9: `%FIELD%`, one value a line, a blank line. `mtree(5)` for the list of files.

mod files;

pub(crate) use files::FILES;

use evidence::{Evidence, PackageType};

use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::path;
use crate::report::{Fact, PackageRow, Rows};

pub(crate) const EXTRACTOR: Extractor = Extractor {
    name: "alpm",
    version: 1,
    literals: &["lib/pacman/local/"],
    accepts: |path| in_package(path) && path::basename(path) == b"desc",
    wanted: Wanted::PackageText,
    ownable: false,
    parse,
};

/// Returns whether a path lies directly in the directory of a package.
fn in_package(path: &[u8]) -> bool {
    let database = path::parent(path::parent(path));
    path::ends_with(database, b"var/lib/pacman/local")
}

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let text = String::from_utf8_lossy(file.content);
    if !text.is_empty() && !text.ends_with('\n') {
        notes.error(
            "alpm.truncated",
            "the description ends in the middle of a line; what stood before it was read",
        );
    }
    let mut row = PackageRow::default();
    let mut base = None;
    let mut field = "";
    for line in text.lines().map(str::trim_end) {
        if line.is_empty() {
            field = "";
            continue;
        }
        let name = line
            .strip_prefix('%')
            .and_then(|line| line.strip_suffix('%'));
        if let (Some(name), "") = (name, field) {
            field = name;
            continue;
        }
        let value = || Some(line.to_owned());
        match field {
            "NAME" => line.clone_into(&mut row.name),
            "VERSION" => line.clone_into(&mut row.version),
            "ARCH" => row.arch = value(),
            "BASE" => base = value(),
            "LICENSE" => row.licenses.extend(value()),
            "PACKAGER" => row.tell(Fact::Maintainer, value()),
            "BUILDDATE" => row.tell(Fact::BuiltAt, value()),
            "INSTALLDATE" => row.tell(Fact::InstalledAt, value()),
            _ => {}
        }
    }
    let mut rows = Vec::new();
    if row.name.is_empty() || row.version.is_empty() {
        notes.error(
            "alpm.bad_description",
            "the description of an installed package lacks its name or version",
        );
    } else {
        row.source = base
            .filter(|base| *base != row.name)
            .map(|base| (base, row.version.clone()));
        rows.push(row);
    }
    Rows::Packages {
        kind: PackageType::Alpm,
        evidence: Evidence::OsDatabase,
        rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &str) -> (Vec<PackageRow>, Vec<String>) {
        let file = File {
            path: b"var/lib/pacman/local/gmp-6.2.1-2/desc",
            content: content.as_bytes(),
        };
        let mut notes = Notes::new(file.path);
        let Rows::Packages { rows, .. } = parse(&file, &mut notes) else {
            panic!("a description gives a package")
        };
        let codes = notes.into_list().into_iter();
        (rows, codes.map(|d| d.code.into_owned()).collect())
    }

    const DESC: &str = "%NAME%\nlibalpha-devel\n\n%VERSION%\n1:6.2.1-2\n\n%BASE%\nlibalpha\n\n%DESC%\nA library\n\n\n\
        %ARCH%\nx86_64\n\n%BUILDDATE%\n1653121258\n\n%PACKAGER%\nA B <a@archlinux.org>\n\n%LICENSE%\nLGPL3\nGPL\n\n\
        %DEPENDS%\nsh\n";

    #[test]
    fn a_description_is_a_package() {
        let (rows, codes) = read(DESC);
        assert!(codes.is_empty(), "{codes:?}");
        let [row] = rows.as_slice() else {
            panic!("{rows:?}")
        };
        assert_eq!(
            (row.name.as_str(), row.version.as_str()),
            ("libalpha-devel", "1:6.2.1-2")
        );
        assert_eq!(row.arch.as_deref(), Some("x86_64"));
        assert_eq!(
            row.source,
            Some(("libalpha".to_owned(), "1:6.2.1-2".to_owned()))
        );
        assert_eq!(row.licenses, ["LGPL3", "GPL"]);
        assert_eq!(
            row.facts,
            [
                (Fact::BuiltAt, "1653121258".to_owned()),
                (Fact::Maintainer, "A B <a@archlinux.org>".to_owned()),
            ]
        );
    }

    #[test]
    fn a_damaged_description_is_named() {
        assert_eq!(
            read("%NAME%\nx\n\n%VER.6-1\n\n%BASE%\nx\n"),
            (Vec::new(), vec!["alpm.bad_description".to_owned()])
        );
        let (rows, codes) = read(&DESC[..DESC.len() - 1]);
        assert_eq!((rows.len(), codes), (1, vec!["alpm.truncated".to_owned()]));
    }

    #[test]
    fn only_files_of_a_package_directory_are_read() {
        assert!((EXTRACTOR.accepts)(
            b"var/lib/pacman/local/gmp-6.2.1-2/desc"
        ));
        assert!((EXTRACTOR.accepts)(
            b"root/var/lib/pacman/local/gmp-6.2.1-2/desc"
        ));
        assert!(!(EXTRACTOR.accepts)(b"var/lib/pacman/local/desc"));
        assert!(!(EXTRACTOR.accepts)(b"var/lib/pacman/local/a/b/desc"));
        assert!(!(EXTRACTOR.accepts)(
            b"var/lib/pacman/local/ALPM_DB_VERSION"
        ));
    }
}
