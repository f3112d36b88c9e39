//! RPM packages: the SQLite database of rpm 4.16 and later.
//!
//! | File | Extractor | Gives |
//! |---|---|---|
//! | `**/rpm/rpmdb.sqlite` | [`SQLITE`] | packages |
//! | `**/rpm/rpmdb.sqlite-wal` | [`WAL`] | that rows may be missing: see [`crate::merge()`] |
//! | `**/rpm/Packages`, `Packages.db` | [`OTHER_FORMAT`] | that a database in another format is there |
//!
//! [`sqlite`] reads pages, [`header`] the package headers inside. Berkeley DB and NDB are recognised and reported, so
//! that an image with such a database never passes as an image without packages.

mod header;
mod sqlite;

use evidence::{Evidence, PackageType};

use crate::extractor::{Extractor, File, Notes, OwnedPaths, Wanted, has_room};
use crate::path;
use crate::report::{PackageRow, Rows};
use header::{Header, tag};

pub(crate) const SQLITE: Extractor = Extractor {
    name: "rpm-sqlite",
    version: 1,
    literals: &["rpm/rpmdb.sqlite"],
    accepts: |path| in_rpm_directory(path) && path::basename(path) == b"rpmdb.sqlite",
    wanted: Wanted::RpmDatabase,
    ownable: false,
    parse: parse_sqlite,
};

pub(crate) const WAL: Extractor = Extractor {
    name: "rpm-wal",
    version: 1,
    literals: &["rpm/rpmdb.sqlite-wal"],
    accepts: |path| in_rpm_directory(path) && path::basename(path) == b"rpmdb.sqlite-wal",
    wanted: Wanted::Presence,
    ownable: false,
    parse: |_, _| Rows::Present,
};

pub(crate) const OTHER_FORMAT: Extractor = Extractor {
    name: "rpm-other",
    version: 1,
    literals: &["rpm/packages"],
    accepts: |path| {
        in_rpm_directory(path) && matches!(path::basename(path), b"Packages" | b"Packages.db")
    },
    wanted: Wanted::Head(16),
    ownable: false,
    parse: parse_other,
};

/// Where distributions keep the database.
const DIRECTORIES: [&[u8]; 3] = [b"var/lib/rpm", b"usr/lib/sysimage/rpm", b"usr/share/rpm"];

fn in_rpm_directory(path: &[u8]) -> bool {
    let directory = path::parent(path);
    DIRECTORIES
        .iter()
        .any(|known| path::ends_with(directory, known))
}

fn parse_sqlite(file: &File<'_>, notes: &mut Notes) -> Rows {
    let mut rows = Vec::new();
    let mut owned = OwnedPaths::default();
    sqlite::each_row(file.content, "Packages", notes, |record, notes| {
        let Some(blob) = record.blob(1) else {
            notes.error("rpm.bad_header", "a row of the package table has no header");
            return true;
        };
        let Some(header) = Header::parse(blob) else {
            notes.error("rpm.bad_header", "a package header is damaged");
            return true;
        };
        match package(&header, &mut owned, notes) {
            Some(row) if has_room(rows.len(), notes) => rows.push(row),
            Some(_) => return false,
            None => {}
        }
        true
    });
    Rows::Packages {
        kind: PackageType::Rpm,
        evidence: Evidence::OsDatabase,
        rows,
    }
}

fn package(header: &Header<'_>, owned: &mut OwnedPaths, notes: &mut Notes) -> Option<PackageRow> {
    let (Some(name), Some(version), Some(release)) = (
        header.text(tag::NAME),
        header.text(tag::VERSION),
        header.text(tag::RELEASE),
    ) else {
        notes.error(
            "rpm.bad_header",
            "a package header lacks its name, version or release",
        );
        return None;
    };
    if name == "gpg-pubkey" {
        return None; // a key that rpm trusts, kept as if it were a package
    }
    let version = match header.number(tag::EPOCH) {
        Some(epoch) if epoch > 0 => format!("{epoch}:{version}-{release}"),
        _ => format!("{version}-{release}"),
    };
    let mut row = PackageRow {
        source: header
            .text(tag::SOURCERPM)
            .as_deref()
            .and_then(source_package)
            .filter(|(source, source_version)| *source != name || *source_version != version),
        name,
        version,
        arch: header.text(tag::ARCH),
        licenses: header.text(tag::LICENSE).into_iter().collect(),
        owned: Vec::new(),
    };
    header.each_file(|path| owned.add(&mut row.owned, path, notes));
    Some(row)
}

/// Splits `name-version-release.src.rpm`. The epoch of a source package is not in its file name: it stays unknown.
fn source_package(file: &str) -> Option<(String, String)> {
    let stem = file.strip_suffix(".rpm")?;
    let (stem, _) = stem.rsplit_once('.')?; // `src` or `nosrc`
    let (stem, release) = stem.rsplit_once('-')?;
    let (name, version) = stem.rsplit_once('-')?;
    (!name.is_empty()).then(|| (name.to_owned(), format!("{version}-{release}")))
}

/// Other programs use the name `Packages` too; only a file with the magic of a database is one.
fn parse_other(file: &File<'_>, notes: &mut Notes) -> Rows {
    if let Some(format) = other_format(file.content) {
        notes.error(
            "rpm.unsupported_format",
            format!("the rpm database is in {format} format, which is not read"),
        );
    }
    Rows::Present
}

/// # Source
/// Berkeley DB keeps the magic of its access method at byte 12 in the byte order of the machine that wrote it; NDB
/// begins with `RpmP`.
fn other_format(head: &[u8]) -> Option<&'static str> {
    const BERKELEY_HASH: u32 = 0x0006_1561;
    const BERKELEY_BTREE: u32 = 0x0005_3162;
    if head.starts_with(b"RpmP") {
        return Some("NDB");
    }
    let magic: [u8; 4] = *head.get(12..)?.first_chunk()?;
    let orders = [u32::from_le_bytes(magic), u32::from_be_bytes(magic)];
    orders
        .iter()
        .any(|magic| [BERKELEY_HASH, BERKELEY_BTREE].contains(magic))
        .then_some("Berkeley DB")
}

#[cfg(test)]
mod tests;
