//! What a snapshot says about itself, and why one cannot be opened.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use jiff::Timestamp;
use oci::Digest;
use serde::{Deserialize, Serialize};

use crate::feed::FeedKind;

/// One feed inside a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedRow {
    /// `debian`, `debian-advisories`, `osv:PyPI`, `kev`, `epss`.
    pub name: String,
    /// The shape it came in.
    pub kind: FeedKind,
    /// The documents read: (source package, vulnerability) pairs, advisories, records, or rows.
    pub records: u64,
    /// Records about ecosystems that cannot be matched. Their severities and dates still serve their aliases.
    pub not_used: u64,
    /// Records that upstream has withdrawn; they are dropped.
    pub withdrawn: u64,
    /// Documents that could not be read.
    pub skipped: u64,
    /// The newest date that upstream gives its data, if it gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_modified: Option<Timestamp>,
    /// The digest of the file; of a directory, the digest over its files' names and digests.
    pub sha256: Digest,
    /// The licence upstream states, where it states one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
}

/// What a snapshot is, without its contents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotInfo {
    /// The logical digest: SHA-256 over the sorted (table, key, value) rows. The same feeds give the same id in any
    /// order and at any time.
    pub id: Digest,
    /// When it was built.
    pub built_at: Timestamp,
    /// The version of the program that built it.
    pub builder: String,
    /// The feeds inside, by name.
    pub feeds: Vec<FeedRow>,
    /// The releases with data (`debian/bookworm`, `pypi/`) and how many of their packages have statements.
    pub releases: BTreeMap<String, u64>,
    /// The number of vulnerabilities.
    pub vulnerabilities: u64,
}

impl SnapshotInfo {
    /// Returns the instant that each feed's data describes: its own date, else the snapshot's. A feed that does not
    /// date itself is never taken for newer than the file it came in with.
    pub fn feed_dates(&self) -> impl Iterator<Item = (&str, Timestamp)> {
        self.feeds.iter().map(|feed| {
            (
                feed.name.as_str(),
                feed.upstream_modified.unwrap_or(self.built_at),
            )
        })
    }
}

/// Why a snapshot could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file could not be read.
    #[error("cannot read the advisory snapshot `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The file does not begin as a snapshot does.
    #[error("`{}` is not an advisory snapshot; `tidegate advisories import` makes one", path.display())]
    NotASnapshot {
        /// The file.
        path: PathBuf,
    },
    /// The file has a schema of another version of this program.
    #[error(
        "`{}` has snapshot schema {found}, this version reads schema {supported}; import the feeds again",
        path.display()
    )]
    UnknownSchema {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: u32,
        /// The schema of this version.
        supported: u32,
    },
    /// The file is cut or changed: its checksum does not match its contents.
    #[error("the advisory snapshot `{}` is damaged: {reason}; import the feeds again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
}
