//! Feeds in their upstream shapes: recognised by content, read as streams, reported by count.
//!
//! A reader turns a shape into statements and nothing else; joining and ordering happen in `import`. A document that
//! cannot be read is skipped, counted and named; more than one in a hundred and the whole feed is refused.
//!
//! Adding a feed: a reader beside `kev.rs`, a variant of [`FeedKind`], its recognition in `sniff.rs`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::snapshot::FeedRow;

mod advisory_list;
mod archive;
mod epss;
mod kev;
mod sniff;
mod source;
mod tally;
mod tracker;

pub(crate) use advisory_list::{AdvisoryDates, read as read_advisory_list};
pub(crate) use archive::{read_file as read_osv_file, read_zip as read_osv_zip};
pub(crate) use epss::{EpssTable, read as read_epss};
pub(crate) use kev::{KevCatalogue, read as read_kev};
pub(crate) use sniff::{Shape, sniff};
pub(crate) use source::hash_file;
pub(crate) use tally::Tally;
pub(crate) use tracker::read as read_tracker;

/// The supported shapes, as an error names them.
pub(crate) const SUPPORTED: &str = "Debian security tracker JSON, DSA/DLA list, OSV records (JSON, JSON lines, YAML, \
     or a zip or directory of these), CISA KEV JSON, EPSS CSV; each also gzipped";

/// The shapes of feeds that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeedKind {
    /// The Debian security tracker's JSON: source package → vulnerability → releases.
    DebianTracker,
    /// The tracker's `data/DSA/list` and `data/DLA/list`: publication dates of Debian's advisories.
    DebianAdvisories,
    /// OSV records, as JSON, JSON lines, YAML, or a zip or directory of these.
    Osv,
    /// CISA's catalogue of known exploited vulnerabilities.
    Kev,
    /// FIRST's exploit prediction scores.
    Epss,
}

/// What one feed gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedReport {
    /// The file or directory read.
    pub path: PathBuf,
    /// The counts and the origin, as they stand in the snapshot.
    pub feed: FeedRow,
    /// The first documents skipped, at most [`FeedReport::NAMED`]; `feed.skipped` counts all.
    pub skipped: Vec<SkippedDocument>,
}

impl FeedReport {
    /// How many skipped documents a report names.
    pub const NAMED: usize = 20;
}

/// A document that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedDocument {
    /// Its name inside the feed: a file, a line, or the keys that lead to it.
    pub name: String,
    /// What was wrong with it.
    pub reason: String,
}
