//! One archive and what is inside it.

use std::collections::BTreeMap;

use evidence::{Evidence, PackageType};

use super::Coordinates;
use super::artifact::Archive as Artifact;
use super::manifest::Manifest;
use super::{is_archive, is_properties, pom, properties};
use crate::extractor::{File, Notes, has_room};
use crate::path;
use crate::report::Group;
use crate::zip::{Allowance, Archive, Entry, ZipError};

/// Bytes of a manifest or a descriptor.
const DOCUMENT_LIMIT: u64 = 4 << 20;
/// Bytes of an archive inside another.
const ARCHIVE_LIMIT: u64 = 256 << 20;

/// Reads an archive with everything inside it.
pub(super) fn read(file: &File<'_>, notes: &mut Notes) -> Vec<Group> {
    let mut reader = Reader {
        notes,
        allowance: Allowance::default(),
        groups: Vec::new(),
        packages: 0,
    };
    reader.archive(file.content, path::basename(file.path), "");
    reader.groups
}

struct Reader<'n> {
    notes: &'n mut Notes,
    allowance: Allowance,
    groups: Vec<Group>,
    packages: usize,
}

/// The descriptors of an archive, by their directory.
#[derive(Default)]
struct Descriptors<'a> {
    properties: BTreeMap<&'a [u8], Entry<'a>>,
    projects: BTreeMap<&'a [u8], Entry<'a>>,
}

impl Reader<'_> {
    /// Reads an archive called `name`, which is at `place` inside the file; empty for the file itself.
    fn archive(&mut self, bytes: &[u8], name: &[u8], place: &str) {
        let archive = match Archive::open(bytes, &mut self.allowance) {
            Ok(archive) => archive,
            Err(error) => return self.failed(error, place),
        };
        let (manifest, descriptors, inner) = sort(&archive);
        let manifest = manifest
            .and_then(|entry| self.document(&archive, &entry, place, Manifest::parse))
            .unwrap_or_default();
        let descriptors = self.descriptors(&archive, &descriptors, place);
        let coordinates: Vec<Coordinates> =
            descriptors.iter().map(|(_, found)| found.clone()).collect();
        let stem = String::from_utf8_lossy(name);
        let stem = stem.rsplit_once('.').map_or(&*stem, |(stem, _)| stem);
        let artifact = Artifact {
            stem,
            manifest: &manifest,
            descriptors: &coordinates,
            has: &|directory| {
                let begins = |entry: &Entry<'_>| entry.name.starts_with(directory.as_bytes());
                archive.entries.iter().any(begins)
            },
        };
        let own = artifact.own();
        let main = match own {
            Some(index) => Some(complete(&coordinates[index], &artifact)),
            None => artifact.guess(),
        };
        if let Some(main) = main {
            let evidence = if place.is_empty() {
                Evidence::InstalledMetadata
            } else {
                Evidence::Embedded
            };
            self.push(main, evidence, place.to_owned(), license(&manifest));
        }
        for (index, (directory, shaded)) in descriptors.into_iter().enumerate() {
            if Some(index) != own && !shaded.version.is_empty() {
                let place = inside(place, directory);
                self.push(shaded, Evidence::Embedded, place, None);
            }
        }
        for entry in inner {
            self.inner(&archive, &entry, place);
        }
    }

    /// Reads an archive inside another.
    fn inner(&mut self, archive: &Archive<'_>, entry: &Entry<'_>, place: &str) {
        let place = inside(place, entry.name);
        if let Err(error) = self.allowance.enter() {
            return self.failed(error, &place);
        }
        match archive.read(entry, ARCHIVE_LIMIT, &mut self.allowance) {
            Ok(content) => {
                self.archive(&content, path::basename(entry.name), &place);
                self.allowance.leave(content);
            }
            Err(error) => {
                self.allowance.leave([].as_slice().into());
                self.failed(error, &place);
            }
        }
    }

    /// Reads the descriptors: the properties, else the project file in their place.
    fn descriptors<'a>(
        &mut self,
        archive: &Archive<'a>,
        found: &Descriptors<'a>,
        place: &str,
    ) -> Vec<(&'a [u8], Coordinates)> {
        let mut directories: Vec<&[u8]> = found.properties.keys().copied().collect();
        directories.extend(found.projects.keys());
        directories.sort_unstable();
        directories.dedup();
        let mut coordinates = Vec::new();
        for directory in directories {
            let properties = found.properties.get(directory).and_then(|entry| {
                self.document(archive, entry, place, properties::parse)
                    .flatten()
            });
            let project = || {
                let entry = found.projects.get(directory)?;
                self.document(archive, entry, place, pom::parse).flatten()
            };
            if let Some(found) = properties.or_else(project) {
                coordinates.push((directory, found));
            }
        }
        coordinates
    }

    /// Reads a document of an archive.
    fn document<T>(
        &mut self,
        archive: &Archive<'_>,
        entry: &Entry<'_>,
        place: &str,
        parse: impl FnOnce(&[u8]) -> T,
    ) -> Option<T> {
        match archive.read(entry, DOCUMENT_LIMIT, &mut self.allowance) {
            Ok(content) => {
                let parsed = parse(&content);
                self.allowance.give_back(content);
                Some(parsed)
            }
            Err(error) => {
                self.failed(error, &inside(place, entry.name));
                None
            }
        }
    }

    fn push(
        &mut self,
        coordinates: Coordinates,
        evidence: Evidence,
        inside: String,
        license: Option<String>,
    ) {
        if !has_room(self.packages, self.notes) {
            return;
        }
        self.packages += 1;
        let mut row = coordinates.row();
        row.licenses.extend(license);
        self.groups.push(Group {
            kind: PackageType::Maven,
            evidence,
            inside,
            rows: vec![row],
        });
    }

    fn failed(&mut self, error: ZipError, place: &str) {
        let message = match place {
            "" => error.to_string(),
            place => format!("{place}: {error}"),
        };
        if error.is_limit() {
            self.notes.error("limit.nested", message);
        } else {
            self.notes.warning("java.bad_archive", message);
        }
    }
}

/// Finds what is read of an archive: its manifest, its descriptors, the archives inside. Of a name that comes twice the
/// last entry counts.
fn sort<'a>(archive: &Archive<'a>) -> (Option<Entry<'a>>, Descriptors<'a>, Vec<Entry<'a>>) {
    let mut manifest = None;
    let mut descriptors = Descriptors::default();
    let mut inner = BTreeMap::new();
    for entry in &archive.entries {
        let name = entry.name;
        if name.eq_ignore_ascii_case(b"META-INF/MANIFEST.MF") {
            manifest = Some(*entry);
        } else if is_archive(name) {
            inner.insert(name, *entry);
        } else if let Some(directory) = pom::directory(name) {
            if is_properties(name) {
                descriptors.properties.insert(directory, *entry);
            } else if path::basename(name) == b"pom.xml" {
                descriptors.projects.insert(directory, *entry);
            }
        }
    }
    (manifest, descriptors, inner.into_values().collect())
}

/// A project file may not know its version; the manifest or the file's name does.
fn complete(own: &Coordinates, artifact: &Artifact<'_>) -> Coordinates {
    let mut own = own.clone();
    if own.version.is_empty() {
        own.version = artifact
            .guess()
            .map(|guess| guess.version)
            .unwrap_or_default();
    }
    own
}

/// The licence of a bundle, where it is a word and not a list of addresses.
fn license(manifest: &Manifest) -> Option<String> {
    let text = manifest.get("bundle-license")?.split([';', ',']).next()?;
    let text = text.trim().trim_matches('"');
    (!text.is_empty() && !text.starts_with("<<")).then(|| text.to_owned())
}

/// The place of an entry: archives are divided from what is inside them by `!/`.
fn inside(place: &str, name: &[u8]) -> String {
    let name = path::display(name);
    match place {
        "" => name,
        place => format!("{place}!/{name}"),
    }
}
