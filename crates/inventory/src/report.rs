//! What one layer says: raw rows of its evidence files, and the path facts a merge needs.
//!
//! Rows are kept as their files state them. Which of them win, who owns what and when a package came is decided by
//! [`merge`](crate::merge()), because one layer cannot know it. The shape is stored: a change needs a new version in
//! [`codec`](crate::codec) and leaves the frozen fixtures of the old one readable or refused, never misread.

use std::borrow::Cow;
use std::collections::BTreeMap;

use evidence::{Diagnostic, Evidence, Level, PackageType};
use oci::Digest;
use serde::{Deserialize, Serialize};

use crate::digest::{Digests, FileDigest};
use crate::path::{ImagePath, NodeSet};

/// The analysis of one layer. Stored once per (layer, [`ANALYSER_VERSION`](crate::ANALYSER_VERSION)).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerReport {
    /// The digest of the uncompressed bytes, computed while reading. A directory has none.
    pub diff_id: Option<Digest>,
    /// How much was read.
    pub totals: Totals,
    /// Whether the whole layer was read.
    pub complete: bool,
    /// The evidence files by path as the layer spells it.
    pub(crate) files: BTreeMap<ImagePath, EvidenceFile>,
    /// The symbolic links and their targets.
    pub(crate) links: BTreeMap<ImagePath, ImagePath>,
    /// Paths of lower layers that this layer removes.
    pub(crate) whiteouts: Vec<ImagePath>,
    /// Directories whose lower content this layer hides.
    pub(crate) opaques: Vec<ImagePath>,
    /// All paths of this layer.
    pub(crate) nodes: NodeSet,
    /// What was odd about the layer itself.
    pub(crate) diagnostics: Vec<Note>,
}

impl LayerReport {
    /// Returns what was odd: about the layer in the order it was seen, then about its files in the order of their paths.
    pub fn diagnostics(&self) -> impl Iterator<Item = Diagnostic> {
        let files = self.files.values().flat_map(|file| &file.notes);
        self.diagnostics
            .iter()
            .chain(files)
            .map(Note::to_diagnostic)
    }
}

/// How much of a layer was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Entries of the tar, or files and directories of a directory.
    pub entries: u64,
    /// Bytes of the uncompressed tar, or of the files.
    pub bytes: u64,
    /// Bytes as stored; 0 for a directory.
    pub blob_bytes: u64,
}

/// One file that some extractor read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EvidenceFile {
    /// Its size in bytes.
    pub(crate) size: u64,
    /// What it says.
    pub(crate) rows: Rows,
    /// What was odd about it. A merge reports it only while the file is there.
    pub(crate) notes: Vec<Note>,
    /// Its digests, when it was read in whole and a package of the operating system may own it.
    pub(crate) digests: Option<Box<Digests>>,
}

/// The rows of one evidence file. A new variant goes to the end: what is stored names them by position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Rows {
    /// Packages, all of one kind.
    Packages {
        kind: PackageType,
        evidence: Evidence,
        rows: Vec<PackageRow>,
    },
    /// The files of one operating system package.
    Owned {
        owner: String,
        files: Vec<OwnedFile>,
    },
    /// A distribution's name for itself.
    Release(ReleaseRow),
    /// The user database.
    Users(Vec<UserRow>),
    /// The file is there; it was not read.
    Present,
    /// The file is another name for this path.
    Hardlink(ImagePath),
    /// The metadata of other packages that came inside this one.
    Bundled(Vec<ImagePath>),
    /// Packages of several kinds or places: what an executable or an archive holds.
    Groups(Vec<Group>),
    /// One value about the package whose directory the file lies in.
    Detail(Detail, String),
    /// Where packages were installed from.
    Repositories(Vec<RepositoryRow>),
    /// What a layer was built from.
    Content(ContentRow),
    /// Labels that identify a container.
    Labels(Vec<(String, String)>),
    /// Where the package came from whose metadata lies beside this file; empty when it does not say.
    Origin(String),
}

/// The repository of one installed package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RepositoryRow {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) arch: String,
    pub(crate) repository: String,
}

/// A content manifest of Red Hat's build system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ContentRow {
    pub(crate) sets: Vec<String>,
    pub(crate) from_dnf_hint: bool,
    pub(crate) layer_index: Option<u32>,
}

/// What the value of a file of its own is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Detail {
    Slot,
    License,
    Repository,
}

/// Packages of one kind at one place inside a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) kind: PackageType,
    pub(crate) evidence: Evidence,
    /// The place inside the file, for people: `BOOT-INF/lib/a.jar`. Empty for the file itself.
    pub(crate) inside: String,
    pub(crate) rows: Vec<PackageRow>,
}

impl Rows {
    /// Returns the packages with their kind, evidence and place inside the file.
    pub(crate) fn packages(
        &self,
    ) -> impl Iterator<Item = (PackageType, Evidence, &str, &PackageRow)> {
        let (one, many) = match self {
            Self::Packages {
                kind,
                evidence,
                rows,
            } => (Some((*kind, *evidence, "", rows)), [].as_slice()),
            Self::Groups(groups) => (None, groups.as_slice()),
            _ => (None, [].as_slice()),
        };
        let many = many.iter().map(|group| {
            (
                group.kind,
                group.evidence,
                group.inside.as_str(),
                &group.rows,
            )
        });
        one.into_iter()
            .chain(many)
            .flat_map(|(kind, evidence, inside, rows)| {
                rows.iter().map(move |row| (kind, evidence, inside, row))
            })
    }

    /// Keeps the first `room` packages. Returns how many there are then, and whether some were dropped.
    pub(crate) fn keep_first(&mut self, room: usize) -> (usize, bool) {
        let lists: Vec<&mut Vec<PackageRow>> = match self {
            Self::Packages { rows, .. } => vec![rows],
            Self::Groups(groups) => groups.iter_mut().map(|group| &mut group.rows).collect(),
            _ => Vec::new(),
        };
        let (mut kept, mut dropped) = (0, false);
        for rows in lists {
            dropped |= rows.len() > room - kept;
            rows.truncate(room - kept);
            kept += rows.len();
        }
        (kept, dropped)
    }

    /// Returns whether they are rows of an operating system's package database.
    pub(crate) fn is_database(&self) -> bool {
        matches!(self, Self::Packages { kind, .. } if kind.is_os())
    }

    /// Returns how many bytes of text the rows hold.
    pub(crate) fn weight(&self) -> usize {
        let paths = |files: &[OwnedFile]| files.iter().map(|file| file.path.len()).sum::<usize>();
        match self {
            Self::Packages { .. } | Self::Groups(_) => self
                .packages()
                .map(|(_, _, _, row)| {
                    let licenses: usize = row.licenses.iter().map(String::len).sum();
                    let facts: usize = row.facts.iter().map(|(_, text)| text.len()).sum();
                    row.name.len() + row.version.len() + licenses + facts + paths(&row.owned)
                })
                .sum(),
            Self::Owned { owner, files } => owner.len() + paths(files),
            Self::Users(users) => users.iter().map(|user| user.name.len()).sum(),
            Self::Hardlink(target) => target.len(),
            Self::Origin(address) => address.len(),
            Self::Bundled(paths) => paths.iter().map(|path| path.len()).sum(),
            Self::Detail(_, text) => text.len(),
            Self::Repositories(rows) => rows
                .iter()
                .map(|row| {
                    row.name.len() + row.version.len() + row.arch.len() + row.repository.len()
                })
                .sum(),
            Self::Content(row) => row.sets.iter().map(String::len).sum(),
            Self::Labels(labels) => labels
                .iter()
                .map(|(key, text)| key.len() + text.len())
                .sum(),
            Self::Release(_) | Self::Present => 0,
        }
    }
}

/// One package as its file states it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PackageRow {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) arch: Option<String>,
    /// Name and version of the source package, where they differ from the binary's.
    pub(crate) source: Option<(String, String)>,
    pub(crate) licenses: Vec<String>,
    /// What else its database says, each fact at most once.
    pub(crate) facts: Vec<(Fact, String)>,
    /// The files of the package that a language extractor would read.
    pub(crate) owned: Vec<OwnedFile>,
}

impl PackageRow {
    /// Adds a fact, unless there is nothing to say.
    pub(crate) fn tell(&mut self, fact: Fact, text: Option<String>) {
        self.facts.extend(text.map(|text| (fact, text)));
    }
}

/// What a package database says beside the columns of [`PackageRow`]: see [`evidence::Provenance`].
///
/// Adding one: at the end, because its number is stored, and an arm in `merge`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Fact {
    Maintainer,
    Vendor,
    Module,
    Slot,
    Repository,
    /// Seconds of Unix time, in decimal.
    BuiltAt,
    /// Seconds of Unix time, in decimal.
    InstalledAt,
    SigningKey,
    Build,
    Uuid,
}

/// A file that a package owns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OwnedFile {
    pub(crate) path: ImagePath,
    /// What its database recorded of the content.
    pub(crate) digest: Option<FileDigest>,
}

/// The fields of `os-release` and its older relatives that the house reads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReleaseRow {
    pub(crate) id: String,
    pub(crate) version_id: Option<String>,
    pub(crate) codename: Option<String>,
    pub(crate) pretty_name: Option<String>,
    pub(crate) id_like: Vec<String>,
    pub(crate) cpe_name: Option<String>,
}

/// One line of `passwd`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UserRow {
    pub(crate) name: String,
    pub(crate) uid: u32,
}

/// A diagnostic in its stored shape: [`Diagnostic`] leaves absent fields out, which postcard cannot read back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) code: Cow<'static, str>,
    pub(crate) level: Level,
    pub(crate) message: String,
    pub(crate) path: Option<String>,
}

impl Note {
    pub(crate) fn to_diagnostic(&self) -> Diagnostic {
        Diagnostic {
            code: self.code.clone(),
            level: self.level,
            message: self.message.clone(),
            path: self.path.clone(),
            layer: None,
        }
    }
}

impl From<Diagnostic> for Note {
    fn from(diagnostic: Diagnostic) -> Self {
        Self {
            code: diagnostic.code,
            level: diagnostic.level,
            message: diagnostic.message,
            path: diagnostic.path,
        }
    }
}
