//! Alpine packages: `lib/apk/db/installed`.
//!
//! One paragraph per package, one letter per field. Advisories are about the origin (`o:`), the package an `APKBUILD`
//! builds several binaries from. Not read: repositories, the world file, scripts.
//!
//! # Source
//! The Alpine wiki's "Apk spec", section "Installed database V2".

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use evidence::{Evidence, PackageType};

use crate::digest::FileDigest;
use crate::extractor::{Extractor, File, Notes, OwnedPaths, Wanted, has_room};
use crate::path;
use crate::report::{Fact, PackageRow, Rows};

pub(crate) const EXTRACTOR: Extractor = Extractor {
    name: "apk",
    version: 2,
    literals: &["lib/apk/db/installed"],
    accepts: |path| path::ends_with(path, b"lib/apk/db/installed"),
    wanted: Wanted::PackageText,
    ownable: false,
    parse,
};

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    if !file.content.is_empty() && !file.content.ends_with(b"\n") {
        notes.error(
            "apk.truncated",
            "the package database ends in the middle of a line; what stood before it was read",
        );
    }
    let mut rows = Vec::new();
    let mut owned = OwnedPaths::default();
    let mut paragraph = Paragraph::default();
    for (line, number) in file.content.split(|byte| *byte == b'\n').zip(1..) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if !line.is_empty() {
            paragraph.read(line, number, &mut owned, notes);
            continue;
        }
        if !keep(std::mem::take(&mut paragraph), &mut rows, notes) {
            return packages(rows);
        }
    }
    keep(paragraph, &mut rows, notes);
    packages(rows)
}

fn packages(rows: Vec<PackageRow>) -> Rows {
    Rows::Packages {
        kind: PackageType::Apk,
        evidence: Evidence::OsDatabase,
        rows,
    }
}

/// Keeps a paragraph's package. Returns whether there is room for another.
fn keep(paragraph: Paragraph, rows: &mut Vec<PackageRow>, notes: &mut Notes) -> bool {
    if paragraph.first_line == 0 {
        return true;
    }
    let mut row = paragraph.row;
    match (row.name.is_empty(), row.version.is_empty()) {
        (true, _) => notes.warning(
            "apk.bad_paragraph",
            format!(
                "the paragraph at line {} names no package",
                paragraph.first_line
            ),
        ),
        (false, true) => notes.error(
            "apk.bad_paragraph",
            format!(
                "`{}` at line {} has no version",
                row.name, paragraph.first_line
            ),
        ),
        (false, false) => {
            if !has_room(rows.len(), notes) {
                return false;
            }
            row.source = paragraph
                .origin
                .filter(|origin| !origin.is_empty() && *origin != row.name)
                .map(|origin| (origin, row.version.clone()));
            rows.push(row);
        }
    }
    true
}

#[derive(Default)]
struct Paragraph {
    /// 0 until a line was read.
    first_line: usize,
    row: PackageRow,
    origin: Option<String>,
    /// The directory of the `R:` lines that follow.
    directory: Vec<u8>,
    /// Whether the file of the last `R:` line was kept, so that a digest that follows is its.
    is_owned: bool,
}

impl Paragraph {
    fn read(&mut self, line: &[u8], number: usize, owned: &mut OwnedPaths, notes: &mut Notes) {
        if self.first_line == 0 {
            self.first_line = number;
        }
        let [field, b':', value @ ..] = line else {
            return notes.warning(
                "apk.bad_line",
                format!("line {number} is not one letter, a colon and a value"),
            );
        };
        match field {
            b'P' => self.row.name = text(value),
            b'V' => self.row.version = text(value),
            b'A' => self.row.arch = Some(text(value)).filter(|arch| !arch.is_empty()),
            b'L' => {
                self.row.licenses = Some(text(value))
                    .filter(|licence| !licence.is_empty())
                    .into_iter()
                    .collect();
            }
            b'o' => self.origin = Some(text(value)),
            b'm' => self.tell(Fact::Maintainer, value),
            b't' => self.tell(Fact::BuiltAt, value),
            b'F' => {
                self.directory.clear();
                self.directory.extend(value.iter().take(path::PATH_LIMIT));
            }
            b'R' => self.own(value, owned, notes),
            b'Z' => self.record(value),
            _ => {}
        }
    }

    fn tell(&mut self, fact: Fact, value: &[u8]) {
        self.row
            .tell(fact, Some(text(value)).filter(|text| !text.is_empty()));
    }

    /// Takes in the digest of the file that the line before named: `Q1`, or `Q2` since apk 3, and base64.
    fn record(&mut self, value: &[u8]) {
        let digest = match value {
            [b'Q', b'1', digest @ ..] => bytes(digest).map(FileDigest::Sha1),
            [b'Q', b'2', digest @ ..] => bytes(digest).map(FileDigest::Sha256),
            _ => None,
        };
        if let Some(file) = self.row.owned.last_mut().filter(|_| self.is_owned) {
            file.digest = digest;
        }
    }

    fn own(&mut self, name: &[u8], owned: &mut OwnedPaths, notes: &mut Notes) {
        let before = self.row.owned.len();
        let length = self.directory.len();
        if length > 0 {
            self.directory.push(b'/');
        }
        self.directory.extend(name);
        owned.add(&mut self.row.owned, &self.directory, None, notes);
        self.directory.truncate(length);
        self.is_owned = self.row.owned.len() > before;
    }
}

fn bytes<const N: usize>(base64: &[u8]) -> Option<[u8; N]> {
    BASE64_STANDARD.decode(base64).ok()?.try_into().ok()
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value.trim_ascii()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &[u8]) -> (Vec<PackageRow>, Vec<String>) {
        let path = b"lib/apk/db/installed";
        let mut notes = Notes::new(path);
        let Rows::Packages { rows, .. } = parse(&File { path, content }, &mut notes) else {
            panic!("a database gives packages")
        };
        let codes = notes
            .into_list()
            .into_iter()
            .map(|d| d.code.into_owned())
            .collect();
        (rows, codes)
    }

    const INSTALLED: &[u8] = include_bytes!("testdata/installed");

    #[test]
    fn packages_carry_their_origin_and_their_files() {
        let (rows, codes) = read(INSTALLED);
        assert!(codes.is_empty(), "{codes:?}");
        let summary: Vec<_> = rows
            .iter()
            .map(|row| {
                let source = row.source.as_ref().map(|(name, _)| name.as_str());
                (row.name.as_str(), row.version.as_str(), source)
            })
            .collect();
        assert_eq!(
            summary,
            [
                ("alpha", "1.2.3-r0", None),
                ("beta-libs", "4.5_git20230717-r4", Some("beta")),
                ("py3-gamma", "6-r1", None),
            ]
        );
        assert_eq!(rows[0].licenses, ["MIT AND BSD-3-Clause"]);
        let owned: Vec<_> = rows[2]
            .owned
            .iter()
            .map(|file| file.path.display())
            .collect();
        assert_eq!(
            owned,
            ["usr/lib/python3.11/site-packages/gamma-6.dist-info/METADATA"]
        );
    }

    #[test]
    fn a_package_says_who_built_it_and_what_its_files_were() {
        let (rows, codes) = read(
            b"P:a\nV:1\nm:A B <a@alpinelinux.org>\nt:1700000000\nF:usr/lib/node_modules/npm\nR:README.md\n\
              Z:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\nR:package.json\na:0:0:644\nZ:Q19XLTlvrpIGYocU+yzgD3LpTyJY8=\n\n",
        );
        assert_eq!(codes, [""; 0]);
        let facts = [
            (Fact::Maintainer, "A B <a@alpinelinux.org>".to_owned()),
            (Fact::BuiltAt, "1700000000".to_owned()),
        ];
        assert_eq!(rows[0].facts, facts);
        let [file] = rows[0].owned.as_slice() else {
            panic!("{:?}", rows[0].owned)
        };
        let hello = crate::digest::Digests::of(b"hello\n");
        assert!(hello.fits(&file.digest.expect("recorded")));
    }

    #[test]
    fn a_database_cut_in_the_middle_keeps_what_stood_before() {
        let (all, _) = read(INSTALLED);
        let (part, codes) = read(&INSTALLED[..INSTALLED.len() * 2 / 3]);
        assert_eq!(codes, ["apk.truncated"]);
        assert!(!part.is_empty() && part.len() <= all.len());
        assert_eq!(part[0], all[0]);
    }

    #[test]
    fn a_bad_paragraph_does_not_hide_the_next_package() {
        let (rows, codes) = read(b"garbage here\n\nP:a\n\nP:b\nV:1\n\nV:2\n\n");
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].name, "b");
        assert_eq!(
            codes,
            [
                "apk.bad_line",
                "apk.bad_paragraph",
                "apk.bad_paragraph",
                "apk.bad_paragraph"
            ]
        );
    }
}
