//! The snapshot: one immutable file that holds everything known, and its reader.
//!
//! `file` is the envelope (magic, schema, checksum), `rows` the tables inside. Matching itself is in `matching`.
//!
//! Deliberately absent: writing. A snapshot is built once, by `import`, and read forever after; new data is a new file
//! with another id, and whoever holds the old one keeps reading it.

mod file;
mod info;
mod rows;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use evidence::{Inventory, MatchReport};
use jiff::Timestamp;

use crate::matching;
use crate::record::{EpssRow, KevEntry, Statement, Vulnerability};

pub(crate) use file::publish;
pub use info::{FeedRow, SnapshotError, SnapshotInfo};
pub(crate) use rows::{ReadError, Reader, Rows};

/// An open snapshot. Cheap to clone and to share between threads; the file is verified once, when it is opened.
#[derive(Clone)]
pub struct Snapshot {
    inner: Arc<Inner>,
}

struct Inner {
    info: SnapshotInfo,
    reader: Reader,
}

impl Snapshot {
    /// Verifies magic, schema and checksum, in this order and before anything is decoded, then opens the tables.
    ///
    /// The whole file is hashed; the file is read, never mapped, so its size does not become memory.
    pub fn open(path: &Path) -> Result<Self, SnapshotError> {
        let (info, database) = file::open(path)?;
        let reader = Reader::new(database).map_err(|error| SnapshotError::Damaged {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Self {
            inner: Arc::new(Inner { info, reader }),
        })
    }

    /// Returns what the snapshot is.
    pub fn info(&self) -> &SnapshotInfo {
        &self.inner.info
    }

    /// Matches an inventory: findings most urgent first, the health grade at `now`, and what could not be matched.
    ///
    /// Packages that are only declared (a lock file) are not matched.
    pub fn match_inventory(&self, inventory: &Inventory, now: Timestamp) -> MatchReport {
        matching::match_inventory(self, inventory, now)
    }

    /// Returns the statements about a package key.
    pub(crate) fn statements(&self, key: &str) -> Result<Vec<Statement>, ReadError> {
        self.inner.reader.statements(key)
    }

    /// Returns a vulnerability by its display id.
    pub(crate) fn vulnerability(&self, id: &str) -> Result<Option<Vulnerability>, ReadError> {
        self.inner.reader.vulnerability(id)
    }

    /// Returns the EPSS row of a CVE.
    pub(crate) fn epss(&self, cve: &str) -> Result<Option<EpssRow>, ReadError> {
        self.inner.reader.epss(cve)
    }

    /// Returns the KEV entry of a CVE.
    pub(crate) fn kev(&self, cve: &str) -> Result<Option<KevEntry>, ReadError> {
        self.inner.reader.kev(cve)
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Snapshot")
            .field(&self.inner.info.id)
            .finish()
    }
}
