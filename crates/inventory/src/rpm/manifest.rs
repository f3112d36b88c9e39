//! The list that distroless images of Azure Linux keep in place of a database.
//!
//! One package a line, ten columns separated by tabs: name, version-release, installation time, build time, vendor,
//! epoch, size, architecture, epoch as a number, source package. What rpm does not know it writes as `(none)`.
//!
//! # Source
//! The query format that Azure Linux's image builder passes to rpm.

use evidence::{Evidence, PackageType};

use super::source_package;
use crate::extractor::{Extractor, File, Notes, Wanted, has_room};
use crate::path;
use crate::report::{Fact, PackageRow, Rows};

pub(crate) const MANIFEST: Extractor = Extractor {
    name: "rpm-manifest",
    version: 1,
    literals: &["rpmmanifest/container-manifest-2"],
    accepts: |path| path::ends_with(path, b"rpmmanifest/container-manifest-2"),
    wanted: Wanted::PackageText,
    ownable: false,
    parse,
};

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let text = String::from_utf8_lossy(file.content);
    let mut rows = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        if line.trim().is_empty() {
            continue;
        }
        let Some(row) = package(line) else {
            notes.error(
                "rpm.bad_line",
                format!("line {number} is not a package of ten columns"),
            );
            continue;
        };
        if !has_room(rows.len(), notes) {
            break;
        }
        rows.push(row);
    }
    Rows::Packages {
        kind: PackageType::Rpm,
        evidence: Evidence::OsDatabase,
        rows,
    }
}

fn package(line: &str) -> Option<PackageRow> {
    let columns: Vec<&str> = line.split('\t').map(str::trim).collect();
    let [name, version, installed, built, vendor, epoch, _, arch, ..] = columns[..] else {
        return None;
    };
    if name.is_empty() || !version.contains('-') {
        return None;
    }
    let version = match known(epoch).and_then(|epoch| epoch.parse::<u32>().ok()) {
        Some(epoch) if epoch > 0 => format!("{epoch}:{version}"),
        _ => version.to_owned(),
    };
    let mut row = PackageRow {
        name: name.to_owned(),
        source: columns
            .get(9)
            .and_then(|file| source_package(file))
            .filter(|(source, of)| source != name || *of != version),
        version,
        arch: known(arch),
        ..PackageRow::default()
    };
    row.tell(Fact::Vendor, known(vendor));
    row.tell(Fact::BuiltAt, known(built));
    row.tell(Fact::InstalledAt, known(installed));
    Some(row)
}

/// Returns a value that rpm knew.
fn known(value: &str) -> Option<String> {
    (!value.is_empty() && value != "(none)").then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_package_and_a_bad_line_does_not_hide_the_next() {
        let content = b"bash\t5.1.8-1.cm2\t1650000000\t1640000000\tMicrosoft Corporation\t(none)\t100\tx86_64\t0\tbash-5.1.8-1.cm2.src.rpm\n\
            broken\n\
            audit-libs\t3.0.6-7.cm2\t0\t0\tMicrosoft Corporation\t2\t1\tx86_64\t2\taudit-3.0.6-7.cm2.src.rpm\n";
        let mut notes = Notes::new(b"container-manifest-2");
        let file = File {
            path: b"var/lib/rpmmanifest/container-manifest-2",
            content,
        };
        let Rows::Packages { rows, .. } = parse(&file, &mut notes) else {
            panic!("a manifest gives packages")
        };
        let summary: Vec<_> = rows
            .iter()
            .map(|row| (row.name.as_str(), row.version.as_str(), row.source.clone()))
            .collect();
        let audit = ("audit".to_owned(), "3.0.6-7.cm2".to_owned());
        assert_eq!(
            summary,
            [
                ("bash", "5.1.8-1.cm2", None),
                ("audit-libs", "2:3.0.6-7.cm2", Some(audit)),
            ]
        );
        assert_eq!(
            rows[0].facts[0],
            (Fact::Vendor, "Microsoft Corporation".to_owned())
        );
        assert_eq!(notes.into_list().len(), 1);
    }
}
