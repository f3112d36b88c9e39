//! What is known: feeds become an immutable snapshot, a snapshot matches inventories, findings become a health grade.
//!
//! The way of the data: [`Builder::add_path`] reads feeds in their upstream shapes, [`Builder::finish`] writes one
//! file, [`Snapshot::open`] verifies and opens it, [`Snapshot::match_inventory`] compares an inventory with it.
//! [`grade`] and [`advice`] are pure functions over findings.
//!
//! Deliberately absent: the network (feeds arrive as files), the clock (a parameter), and any decision about an image
//! (that is `gate`).
//!
//! Adding a feed: its shape and reader in `feed/`, its recognition in `feed/sniff.rs`, its statements in `record.rs`,
//! and the rule that reads them in `matching/`.

pub mod advice;
pub mod cvss;
mod distro;
mod feed;
pub mod grade;
mod import;
mod matching;
mod osv;
mod priority;
mod record;
mod snapshot;

pub use feed::{FeedKind, FeedReport, SkippedDocument};
pub use import::{Builder, ImportError, Limits};
pub use priority::priority;
pub use snapshot::{FeedRow, Snapshot, SnapshotError, SnapshotInfo};
