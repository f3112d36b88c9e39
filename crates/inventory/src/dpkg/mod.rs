//! Debian packages: the dpkg database, and the one file per package of distroless images.
//!
//! | File | Extractor | Gives |
//! |---|---|---|
//! | `**/lib/dpkg/status` | [`STATUS`] | installed packages |
//! | `**/lib/dpkg/status.d/*` | [`STATUS_DIRECTORY`] | one package, without a `Status` field |
//! | `**/lib/dpkg/info/*.list`, `*.md5sums`, `**/status.d/*.md5sums` | [`FILE_LIST`] | the package's files |
//! | `**/lib/opkg/status`, `info/*.list` | [`OPKG`], [`FILE_LIST`] | the same of OpenWrt |
//! | `**/chisel/manifest.wall` | [`CHISEL`] | packages of which only slices are there, and their files |
//!
//! Not read: diversions, and `copyright` files, which nobody needs until somebody asks for a licence.

mod chisel;
mod files;
mod opkg;
mod stanza;

pub(crate) use chisel::CHISEL;
pub(crate) use files::FILE_LIST;
pub(crate) use opkg::OPKG;

use evidence::{Evidence, PackageType};

use crate::extractor::{Extractor, File, Notes, Wanted, has_room};
use crate::path;
use crate::report::{Fact, PackageRow, Rows};
use stanza::Stanza;

pub(crate) const STATUS: Extractor = Extractor {
    name: "dpkg-status",
    version: 2,
    literals: &["lib/dpkg/status"],
    accepts: |path| path::ends_with(path, b"lib/dpkg/status"),
    wanted: Wanted::PackageText,
    ownable: false,
    parse: parse_status,
};

pub(crate) const STATUS_DIRECTORY: Extractor = Extractor {
    name: "dpkg-status-d",
    version: 2,
    literals: &["lib/dpkg/status.d/"],
    accepts: is_status_file,
    wanted: Wanted::PackageText,
    ownable: false,
    parse: parse_status_file,
};

/// What stands beside the package files of `status.d`: checksums, configuration lists and maintainer scripts.
const NOT_STATUS: [&[u8]; 7] = [
    b".md5sums",
    b".conffiles",
    b".list",
    b".preinst",
    b".postinst",
    b".prerm",
    b".postrm",
];

fn is_status_file(path: &[u8]) -> bool {
    path::ends_with(path::parent(path), b"lib/dpkg/status.d")
        && !NOT_STATUS.iter().any(|suffix| path.ends_with(suffix))
}

fn parse_status(file: &File<'_>, notes: &mut Notes) -> Rows {
    check_end(file.content, notes);
    packages(read(file.content, as_stated, notes))
}

fn parse_status_file(file: &File<'_>, notes: &mut Notes) -> Rows {
    packages(read(file.content, unless_stated, notes))
}

fn packages(rows: Vec<PackageRow>) -> Rows {
    Rows::Packages {
        kind: PackageType::Deb,
        evidence: Evidence::OsDatabase,
        rows,
    }
}

/// dpkg ends every stanza of its database with a blank line; what ends otherwise was cut, or written by another tool.
fn check_end(content: &[u8], notes: &mut Notes) {
    if content.is_empty() || content.ends_with(b"\n\n") {
        return;
    }
    if content.ends_with(b"\n") {
        notes.info(
            "dpkg.no_final_blank_line",
            "the package database does not end with a blank line",
        );
    } else {
        notes.error(
            "dpkg.truncated",
            "the package database ends in the middle of a line; what stood before it was read",
        );
    }
}

/// Whether a package is installed.
enum Installed {
    Yes,
    No,
    /// Its files may be there, but it is not what an administrator would call installed.
    Uncounted,
}

/// Reads `want flag status`. A hold keeps an installed package as it is; it is installed.
fn as_stated(stanza: &Stanza) -> Installed {
    let status = stanza.status.as_deref().unwrap_or_default();
    match status.split_whitespace().collect::<Vec<_>>()[..] {
        ["install" | "hold", "ok", "installed"] => Installed::Yes,
        [_, _, "config-files" | "not-installed"] => Installed::No,
        [_, _, _] => Installed::Uncounted,
        _ => Installed::No,
    }
}

/// `status.d` holds only installed packages, which do not say so.
fn unless_stated(stanza: &Stanza) -> Installed {
    match stanza.status {
        Some(_) => as_stated(stanza),
        None => Installed::Yes,
    }
}

fn read(content: &[u8], installed: fn(&Stanza) -> Installed, notes: &mut Notes) -> Vec<PackageRow> {
    let mut rows = Vec::new();
    for stanza in stanza::split(content) {
        let Some(row) = package(&stanza, installed, notes) else {
            continue;
        };
        if !has_room(rows.len(), notes) {
            break;
        }
        rows.push(row);
    }
    rows
}

fn package(
    stanza: &Stanza,
    installed: fn(&Stanza) -> Installed,
    notes: &mut Notes,
) -> Option<PackageRow> {
    if stanza.bad_lines > 0 {
        notes.warning(
            "dpkg.bad_stanza",
            format!(
                "{} lines from line {} are not `Field: value`",
                stanza.bad_lines, stanza.line
            ),
        );
    }
    if stanza.port_version {
        return None; // vcpkg writes a file of the same name and shape
    }
    let Some(name) = stanza.package.clone() else {
        notes.warning(
            "dpkg.bad_stanza",
            format!("the stanza at line {} names no package", stanza.line),
        );
        return None;
    };
    match installed(stanza) {
        Installed::Yes => {}
        Installed::Uncounted => {
            let status = stanza.status.as_deref().unwrap_or_default();
            notes.warning(
                "dpkg.not_counted",
                format!(
                    "`{name}` is in the state `{status}`: its files may be there, it is not listed"
                ),
            );
            return None;
        }
        Installed::No => return None,
    }
    let Some(version) = stanza.version.clone() else {
        notes.error(
            "dpkg.bad_stanza",
            format!("`{name}` at line {} has no version", stanza.line),
        );
        return None;
    };
    let source = stanza
        .source
        .as_deref()
        .map(|source| source_package(source, &version))
        .filter(|(source, source_version)| *source != name || *source_version != version);
    let mut row = PackageRow {
        name,
        version,
        arch: stanza.architecture.clone(),
        source,
        licenses: stanza.license.clone().into_iter().collect(),
        ..PackageRow::default()
    };
    row.tell(Fact::Maintainer, stanza.maintainer.clone());
    row.tell(Fact::InstalledAt, stanza.installed_time.clone());
    Some(row)
}

/// Reads `name` or `name (version)`; without a version the source has the binary's.
fn source_package(source: &str, version: &str) -> (String, String) {
    match source.split_once('(') {
        Some((name, rest)) => (
            name.trim().to_owned(),
            rest.trim_end().trim_end_matches(')').trim().to_owned(),
        ),
        None => (source.trim().to_owned(), version.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn status(content: &str) -> (Vec<PackageRow>, Vec<String>) {
        let mut notes = Notes::new(b"var/lib/dpkg/status");
        let file = File {
            path: b"var/lib/dpkg/status",
            content: content.as_bytes(),
        };
        let Rows::Packages { rows, .. } = parse_status(&file, &mut notes) else {
            panic!("a database gives packages")
        };
        let codes = notes
            .into_list()
            .into_iter()
            .map(|d| d.code.into_owned())
            .collect();
        (rows, codes)
    }

    #[rstest]
    #[case::installed("install ok installed", 1)]
    #[case::held("hold ok installed", 1)]
    #[case::removed("deinstall ok config-files", 0)]
    #[case::unpacked("install ok unpacked", 0)]
    #[case::half_installed("install reinstreq half-installed", 0)]
    #[case::to_be_removed("deinstall ok installed", 0)]
    #[case::empty("", 0)]
    fn only_installed_packages_count(#[case] state: &str, #[case] count: usize) {
        let (rows, _) = status(&format!("Package: a\nStatus: {state}\nVersion: 1\n\n"));
        assert_eq!(rows.len(), count);
    }

    #[rstest]
    #[case::none("", None)]
    #[case::itself("Source: a\n", None)]
    #[case::name("Source: src\n", Some(("src", "2:1.0-1")))]
    #[case::own_version("Source: src (1.0)\n", Some(("src", "1.0")))]
    #[case::itself_with_another_version("Source: a (1.0)\n", Some(("a", "1.0")))]
    fn the_source_may_carry_its_own_version(
        #[case] field: &str,
        #[case] expected: Option<(&str, &str)>,
    ) {
        let (rows, _) = status(&format!(
            "Package: a\nStatus: install ok installed\n{field}Version: 2:1.0-1\n\n"
        ));
        let source = rows[0].source.as_ref();
        assert_eq!(source.map(|(n, v)| (n.as_str(), v.as_str())), expected);
    }

    #[test]
    fn a_package_whose_files_may_be_there_is_not_left_out_silently() {
        for state in ["install ok unpacked", "deinstall ok installed"] {
            let (_, codes) = status(&format!("Package: a\nStatus: {state}\nVersion: 1\n\n"));
            assert_eq!(codes, ["dpkg.not_counted"], "{state}");
        }
    }

    #[test]
    fn a_bad_stanza_does_not_end_the_parse() {
        let (rows, codes) = status(
            "Package: a\nStatus: install ok installed\nVersion: 1\n\n\
             this is no stanza\n\n\
             Package: b\nStatus: install ok installed\n\n\
             Package: c\nStatus: install ok installed\nVersion: 3\nArchitecture: amd64\n\n",
        );
        let names: Vec<_> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["a", "c"]);
        assert_eq!(rows[1].arch.as_deref(), Some("amd64"));
        assert_eq!(codes, ["dpkg.bad_stanza"; 3]);
    }

    #[test]
    fn a_database_cut_in_the_middle_keeps_what_stood_before() {
        let whole = include_str!("testdata/status");
        let (all, codes) = status(whole);
        assert!(codes.is_empty(), "{codes:?}");
        let (part, codes) = status(&whole[..whole.len() / 2]);
        assert!(codes.contains(&"dpkg.truncated".to_owned()));
        assert!(!part.is_empty() && part.len() < all.len());
        assert_eq!(part[..], all[..part.len()]);
    }

    #[test]
    fn a_package_says_who_maintains_it() {
        let (rows, _) = status(
            "Package: a\nStatus: install ok installed\nVersion: 1\nMaintainer: A B <a@debian.org>\n\n",
        );
        assert_eq!(
            rows[0].facts,
            [(Fact::Maintainer, "A B <a@debian.org>".to_owned())]
        );
    }

    #[test]
    fn a_vcpkg_file_of_the_same_name_gives_nothing() {
        let (rows, _) = status(
            "Package: zlib\nVersion: 1.3\nPort-Version: 1\nStatus: install ok installed\n\n",
        );
        assert!(rows.is_empty());
    }

    #[test]
    fn a_distroless_file_needs_no_status() {
        let file = File {
            path: b"var/lib/dpkg/status.d/base",
            content: b"Package: base-files\nVersion: 12.4\nArchitecture: amd64\nDescription: x\n folded: text\n",
        };
        let mut notes = Notes::new(file.path);
        let Rows::Packages { rows, .. } = parse_status_file(&file, &mut notes) else {
            panic!("a status file gives packages")
        };
        assert_eq!(
            (rows[0].name.as_str(), rows[0].version.as_str()),
            ("base-files", "12.4")
        );
        assert!(notes.into_list().is_empty());
    }
}
