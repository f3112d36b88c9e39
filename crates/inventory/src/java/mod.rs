//! Java archives: what a jar is, what was shaded into it, and the jars inside wars, ears and programs in one file.
//!
//! Every `pom.properties` (or `pom.xml` where there is none) names an artifact. The one that fits the archive is the
//! archive itself; all others were shaded into it. An archive without one is known by its manifest and its file name;
//! then only a few groups are known, and what has no group is listed by its artifact alone, which matches no advisory:
//! a guess must not accuse. An archive inside another is read like the outer one, in memory, to a bounded depth.
//!
//! Not read: classes, signatures, an index of known checksums, Gradle's and Maven's lock files.
//!
//! # Source
//! The Java SE "JAR File Specification"; Apache Maven Archiver, "addMavenDescriptor"; `zip` has the container.

mod archive;
mod artifact;
mod manifest;
mod pom;
mod properties;

use evidence::{Evidence, PackageType};

use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::path;
use crate::report::{PackageRow, Rows};

pub(crate) const ARCHIVE: Extractor = Extractor {
    name: "java-archive",
    version: 1,
    literals: &[
        ".jar", ".war", ".ear", ".par", ".sar", ".nar", ".hpi", ".jpi", ".kar", ".lpkg",
    ],
    accepts: is_archive,
    wanted: Wanted::Archive,
    ownable: true,
    parse: |file, notes| Rows::Groups(archive::read(file, notes)),
};

/// The metadata of an archive that lies unpacked: an exploded war, a jar that somebody opened.
pub(crate) const PROPERTIES: Extractor = Extractor {
    name: "java-properties",
    version: 1,
    literals: &["/pom.properties"],
    accepts: is_properties,
    wanted: Wanted::Document,
    ownable: true,
    parse: properties,
};

/// Returns whether a path, of a file or of an entry of an archive, is that of a Java archive.
fn is_archive(path: &[u8]) -> bool {
    let name = path::basename(path);
    let Some(dot) = name.iter().rposition(|byte| *byte == b'.') else {
        return false;
    };
    let extension = &name[dot..];
    dot > 0
        && ARCHIVE
            .literals
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known.as_bytes()))
}

/// `META-INF/maven/<group>/<artifact>/pom.properties`
fn is_properties(path: &[u8]) -> bool {
    pom::directory(path).is_some_and(|_| path::basename(path) == b"pom.properties")
}

fn properties(file: &File<'_>, notes: &mut Notes) -> Rows {
    let coordinates = properties::parse(file.content);
    if coordinates.is_none() {
        notes.warning(
            "java.bad_properties",
            "the properties name no artifact or no version",
        );
    }
    Rows::Packages {
        kind: PackageType::Maven,
        evidence: Evidence::InstalledMetadata,
        rows: coordinates.into_iter().map(Coordinates::row).collect(),
    }
}

/// What names an artifact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Coordinates {
    /// Empty when it is not known.
    group: String,
    artifact: String,
    version: String,
}

impl Coordinates {
    /// `group:artifact`, as advisories write it.
    fn row(self) -> PackageRow {
        let name = if self.group.is_empty() {
            self.artifact
        } else {
            format!("{}:{}", self.group, self.artifact)
        };
        PackageRow {
            name,
            version: self.version,
            ..PackageRow::default()
        }
    }
}

#[cfg(test)]
mod tests;
