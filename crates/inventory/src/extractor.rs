//! What an extractor is: the paths it wants, how much of them, and how it reads what it is given.
//!
//! An extractor is a table row and a function. It sees one file at a time, never the layer, and cannot fail: what it
//! cannot read becomes a diagnostic in [`Notes`], what it could read before that is returned.

use evidence::{Diagnostic, Level};
use image::{FileLimits, Want};

use crate::digest::FileDigest;
use crate::executable::Probe;
use crate::path::{self, PATH_LIMIT};
use crate::registry;
use crate::report::{OwnedFile, Rows};

/// Packages of one file or one layer.
pub(crate) const PACKAGE_LIMIT: usize = 500_000;
/// Bytes of owned paths kept for one file. Debian with 2,000 packages needs some 100 KiB.
const OWNED_LIMIT: usize = 32 << 20;

/// One way to read one kind of file.
pub(crate) struct Extractor {
    /// A stable word.
    pub(crate) name: &'static str,
    /// Rises whenever the rows made from the same bytes change; every layer is then analysed again.
    pub(crate) version: u8,
    /// Texts, one of which every wanted path contains, in any case; none for what reads executables.
    /// They feed the one automaton that dismisses nearly all paths.
    pub(crate) literals: &'static [&'static str],
    /// Whether a path that contains a literal is wanted.
    pub(crate) accepts: fn(path: &[u8]) -> bool,
    /// How much of the file is wanted.
    pub(crate) wanted: Wanted,
    /// Whether such a file may belong to an operating system package, which then answers for it.
    pub(crate) ownable: bool,
    /// Reads the file.
    pub(crate) parse: fn(file: &File<'_>, notes: &mut Notes) -> Rows,
}

/// How much of a file an extractor wants.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted {
    /// It is enough to know that the file is there: the extractor sees its path and no bytes.
    Presence,
    /// The first bytes.
    Head(usize),
    /// A text database.
    PackageText,
    /// A metadata document.
    Document,
    /// An rpm database.
    RpmDatabase,
    /// An archive, which is read from its end.
    Archive,
    /// Executables, whatever their path: they are known by their first bytes and pass by a probe, which the function
    /// makes for a path.
    Executable(fn(path: &[u8]) -> Box<dyn Probe>),
}

impl Wanted {
    /// Returns what a walk is asked for.
    pub(crate) fn want(self, limits: &FileLimits) -> Want {
        let limit = match self {
            Self::Presence => return Want::Nothing,
            Self::Head(bytes) => return Want::Head(bytes),
            Self::PackageText => limits.package_text,
            Self::Document => limits.document,
            Self::RpmDatabase => limits.rpm_database,
            Self::Archive => limits.archive,
            Self::Executable(_) => {
                let limit = limits.executable;
                return Want::Pieces { limit };
            }
        };
        Want::Whole { limit }
    }
}

/// One file as an extractor sees it.
pub(crate) struct File<'a> {
    /// Its path inside the image.
    pub(crate) path: &'a [u8],
    /// Its bytes, or those below the limit.
    pub(crate) content: &'a [u8],
}

/// What was odd about one file.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    path: String,
    list: Vec<Diagnostic>,
}

impl Notes {
    /// A damaged file may be wrong in every line; more of the same tells nobody anything.
    const LIMIT: usize = 20;

    pub(crate) fn new(path: &[u8]) -> Self {
        Self {
            path: path::display(path),
            list: Vec::new(),
        }
    }

    /// Notes that something was lost: the coverage becomes partial.
    pub(crate) fn error(&mut self, code: &'static str, message: impl Into<String>) {
        self.push(code, Level::Error, message.into());
    }

    /// Notes something that is not as it should be, without loss of packages that are in use.
    pub(crate) fn warning(&mut self, code: &'static str, message: impl Into<String>) {
        self.push(code, Level::Warning, message.into());
    }

    /// Notes an oddity.
    pub(crate) fn info(&mut self, code: &'static str, message: impl Into<String>) {
        self.push(code, Level::Info, message.into());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn into_list(self) -> Vec<Diagnostic> {
        self.list
    }

    fn push(&mut self, code: &'static str, level: Level, message: String) {
        let same = self.list.iter().filter(|seen| seen.code == code).count();
        if same < Self::LIMIT {
            self.list
                .push(Diagnostic::new(code, level, message).at(self.path.clone()));
        }
    }
}

/// Collects the files of operating system packages, keeping those that a language extractor would read.
///
/// The few that matter are a thousandth of all: storing the rest would make a report larger than its database.
#[derive(Default)]
pub(crate) struct OwnedPaths {
    bytes: usize,
    full: bool,
}

impl OwnedPaths {
    /// Adds a path as its database writes it, if it matters.
    pub(crate) fn add(
        &mut self,
        into: &mut Vec<OwnedFile>,
        path: &[u8],
        digest: Option<FileDigest>,
        notes: &mut Notes,
    ) {
        let path = path::relative(path);
        if self.full || path.len() > PATH_LIMIT || !registry::is_ownable(path) {
            return;
        }
        self.bytes += path.len();
        if self.bytes > OWNED_LIMIT {
            self.full = true;
            notes.warning(
                "limit.owned_paths",
                format!("more than {OWNED_LIMIT} bytes of owned paths, the rest is ignored"),
            );
            return;
        }
        let path = path.into();
        into.push(OwnedFile { path, digest });
    }
}

/// Returns whether there is room for another package, and notes when there is not.
pub(crate) fn has_room(packages: usize, notes: &mut Notes) -> bool {
    if packages < PACKAGE_LIMIT {
        return true;
    }
    notes.error(
        "limit.packages",
        format!("more than {PACKAGE_LIMIT} packages, the rest is ignored"),
    );
    false
}
