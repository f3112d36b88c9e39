//! Why an import failed, and what it may read.

use std::io;
use std::path::PathBuf;

use crate::feed::{SUPPORTED, SkippedDocument};

/// What an import may read. The defaults fit every feed known; a test or a small machine lowers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// One document: an OSV record, a (source package, vulnerability) pair, the KEV catalogue.
    pub document_bytes: u64,
    /// One feed, decompressed.
    pub feed_bytes: u64,
    /// One text inside a record; longer ones are cut.
    pub text_bytes: usize,
    /// The files of one archive or directory.
    pub entries: u64,
    /// Decompressed bytes per compressed byte, over a whole file, beyond the first [`Limits::document_bytes`].
    pub ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            document_bytes: 64 << 20,
            feed_bytes: 8 << 30,
            text_bytes: 256 << 10,
            entries: 1_000_000,
            ratio: 200,
        }
    }
}

/// Why an import failed. Nothing of a refused feed is kept, and no snapshot is replaced.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file could not be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The content is none of the feeds that can be read.
    #[error("`{}` is not a feed that can be read: found {found}; supported: {SUPPORTED}", path.display())]
    UnknownFeed {
        /// The file.
        path: PathBuf,
        /// What the content looks like.
        found: String,
    },
    /// A directory holds no feed at all.
    #[error("`{}` holds no feed; supported: {SUPPORTED}", path.display())]
    NoFeed {
        /// The directory.
        path: PathBuf,
    },
    /// The feed as a whole is broken.
    #[error("`{}` cannot be read as {shape}: {reason}", path.display())]
    BadFeed {
        /// The file.
        path: PathBuf,
        /// The shape it was recognised as.
        shape: &'static str,
        /// What is wrong and where.
        reason: String,
    },
    /// More than one document in a hundred is bad.
    #[error(
        "`{}` is refused: {skipped} of {total} documents cannot be read (more than 1 %), first `{}`: {}",
        path.display(), first.name, first.reason
    )]
    TooManyBadDocuments {
        /// The file or directory.
        path: PathBuf,
        /// The bad documents.
        skipped: u64,
        /// All documents.
        total: u64,
        /// The first bad one.
        first: SkippedDocument,
    },
    /// A limit was reached.
    #[error("`{}` is beyond the limit of {limit} {what}", path.display())]
    Limit {
        /// The file or directory.
        path: PathBuf,
        /// What is limited.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// A second, different Debian tracker: the shape carries no date, so neither can be called the newer one.
    #[error("`{}` is a second Debian security tracker with other contents; give one", path.display())]
    SecondTracker {
        /// The second file.
        path: PathBuf,
    },
    /// There is nothing to write.
    #[error("no feed was added, there is nothing to build a snapshot from")]
    Empty,
    /// The temporary data of the build could not be kept.
    #[error("cannot keep the temporary data of the import")]
    Spool(#[source] io::Error),
    /// The snapshot could not be written.
    #[error("cannot write the snapshot `{}`", path.display())]
    Write {
        /// The target.
        path: PathBuf,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
