//! RPM packages, from whichever database the distribution's rpm keeps.
//!
//! | File | Extractor | Gives |
//! |---|---|---|
//! | `**/rpm/rpmdb.sqlite` | [`SQLITE`] | packages; rpm 4.16 and later |
//! | `**/rpm/rpmdb.sqlite-wal` | [`WAL`] | that rows may be missing: see [`crate::merge()`] |
//! | `**/rpm/Packages.db` | [`NDB`] | packages; SUSE |
//! | `**/rpm/Packages` | [`BERKELEY`] | packages; rpm before 4.16 |
//! | `**/rpmmanifest/container-manifest-2` | [`MANIFEST`] | packages of images without a database |
//! | `**/dnf/history.sqlite`, `**/libdnf5/transaction_history.sqlite` | [`DNF_HISTORY`] | the repository of each package |
//!
//! [`sqlite`], [`ndb`] and [`berkeley`] find the package headers in a file, [`header`] reads one. A database of another
//! kind is an error, so that its image never passes as an image without packages.

mod berkeley;
mod dnf;
mod header;
mod manifest;
mod ndb;
mod signature;
mod sqlite;

pub(crate) use dnf::DNF_HISTORY;
pub(crate) use manifest::MANIFEST;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use evidence::{Evidence, PackageType};

use crate::extractor::{Extractor, File, Notes, OwnedPaths, Wanted, has_room};
use crate::path;
use crate::report::{Fact, PackageRow, Rows};
use header::{Header, tag};

pub(crate) const SQLITE: Extractor = Extractor {
    name: "rpm-sqlite",
    version: 2,
    literals: &["rpm/rpmdb.sqlite"],
    accepts: |path| is_database(path, b"rpmdb.sqlite"),
    wanted: Wanted::RpmDatabase,
    ownable: false,
    parse: parse_sqlite,
};

pub(crate) const WAL: Extractor = Extractor {
    name: "rpm-wal",
    version: 1,
    literals: &["rpm/rpmdb.sqlite-wal"],
    accepts: |path| is_database(path, b"rpmdb.sqlite-wal"),
    wanted: Wanted::Presence,
    ownable: false,
    parse: |_, _| Rows::Present,
};

pub(crate) const NDB: Extractor = Extractor {
    name: "rpm-ndb",
    version: 1,
    literals: &["rpm/packages.db"],
    accepts: |path| is_database(path, b"Packages.db"),
    wanted: Wanted::RpmDatabase,
    ownable: false,
    parse: |file, notes| {
        let mut packages = Packages::default();
        ndb::each_header(file.content, notes, |blob, notes| packages.add(blob, notes));
        packages.into_rows()
    },
};

pub(crate) const BERKELEY: Extractor = Extractor {
    name: "rpm-bdb",
    version: 1,
    literals: &["rpm/packages"],
    accepts: |path| is_database(path, b"Packages"),
    wanted: Wanted::RpmDatabase,
    ownable: false,
    parse: |file, notes| {
        let mut packages = Packages::default();
        berkeley::each_header(file.content, notes, |blob, notes| packages.add(blob, notes));
        packages.into_rows()
    },
};

/// Where distributions keep the database.
const DIRECTORIES: [&[u8]; 3] = [b"var/lib/rpm", b"usr/lib/sysimage/rpm", b"usr/share/rpm"];

fn is_database(path: &[u8], name: &[u8]) -> bool {
    let directory = path::parent(path);
    path::basename(path) == name
        && DIRECTORIES
            .iter()
            .any(|known| path::ends_with(directory, known))
}

fn parse_sqlite(file: &File<'_>, notes: &mut Notes) -> Rows {
    let mut packages = Packages::default();
    sqlite::each_row(file.content, "Packages", notes, |record, notes| {
        let Some(blob) = record.blob(1) else {
            notes.error("rpm.bad_header", "a row of the package table has no header");
            return true;
        };
        packages.add(blob, notes)
    });
    packages.into_rows()
}

/// The packages of one database.
#[derive(Default)]
struct Packages {
    rows: Vec<PackageRow>,
    owned: OwnedPaths,
}

impl Packages {
    /// Adds the package of a header. Returns whether there is room for another.
    fn add(&mut self, blob: &[u8], notes: &mut Notes) -> bool {
        let Some(header) = Header::parse(blob) else {
            notes.error("rpm.bad_header", "a package header is damaged");
            return true;
        };
        match package(&header, &mut self.owned, notes) {
            Some(row) if has_room(self.rows.len(), notes) => self.rows.push(row),
            Some(_) => return false,
            None => {}
        }
        true
    }

    fn into_rows(self) -> Rows {
        Rows::Packages {
            kind: PackageType::Rpm,
            evidence: Evidence::OsDatabase,
            rows: self.rows,
        }
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
    let label = header.text(tag::MODULARITY_LABEL);
    let module = module(label.as_deref(), &release);
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
        ..PackageRow::default()
    };
    let number = |tag: u32| header.number(tag).map(|number| number.to_string());
    row.tell(Fact::Maintainer, header.text(tag::PACKAGER));
    row.tell(Fact::Vendor, header.text(tag::VENDOR));
    row.tell(Fact::Module, module);
    row.tell(Fact::BuiltAt, number(tag::BUILD_TIME));
    row.tell(Fact::InstalledAt, number(tag::INSTALL_TIME));
    row.tell(Fact::SigningKey, signing_key(header));
    header.each_file(|path, digest| owned.add(&mut row.owned, path, digest, notes));
    Some(row)
}

/// Returns `name:stream` of a label `name:stream:version:context:architecture`.
///
/// Rebuilds of Red Hat's packages often lack the label; their release still says that they belong to some module.
fn module(label: Option<&str>, release: &str) -> Option<String> {
    if let Some(label) = label {
        let mut parts = label.split(':');
        let (name, stream) = (parts.next()?, parts.next()?);
        return Some(format!("{name}:{stream}"));
    }
    let is_modular = release.contains(".module+el") || release.contains(".module_el");
    is_modular.then(String::new)
}

fn signing_key(header: &Header<'_>) -> Option<String> {
    let armoured = || BASE64_STANDARD.decode(header.text(tag::OPENPGP)?).ok();
    tag::SIGNATURES
        .iter()
        .find_map(|tag| signature::key_id(header.binary(*tag)?))
        .or_else(|| signature::key_id(&armoured()?))
}

/// Splits `name-version-release.src.rpm`. The epoch of a source package is not in its file name: it stays unknown.
fn source_package(file: &str) -> Option<(String, String)> {
    let stem = file.strip_suffix(".rpm")?;
    let (stem, _) = stem.rsplit_once('.')?; // `src` or `nosrc`
    let (stem, release) = stem.rsplit_once('-')?;
    let (name, version) = stem.rsplit_once('-')?;
    (!name.is_empty()).then(|| (name.to_owned(), format!("{version}-{release}")))
}

#[cfg(test)]
mod tests;
