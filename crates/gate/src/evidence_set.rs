//! What is known about a subject at the moment of the decision, and why something is not.

use evidence::{Inventory, MatchReport};
use jiff::Timestamp;
use oci::Digest;

/// The state of one advisory feed inside the snapshot in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedState<'a> {
    /// The feed's name: `debian`, `kev`, `epss`, `osv:PyPI`.
    pub name: &'a str,
    /// The instant its data describes.
    pub as_of: Timestamp,
}

/// The evidence at hand. What is `None` is unknown, and unknown is never a pass.
#[derive(Clone, Copy, Debug, Default)]
pub struct EvidenceSet<'a> {
    /// What is inside.
    pub inventory: Option<&'a Inventory>,
    /// The id of the stored inventory, for links and replay.
    pub inventory_id: Option<&'a Digest>,
    /// What is known about it.
    pub matches: Option<&'a MatchReport>,
    /// The id of the stored match report, for links and replay.
    pub matches_id: Option<&'a Digest>,
    /// Whether a job that will bring the missing evidence exists.
    pub pending: bool,
    /// When that job was queued; with it, a policy's `pending.maxAge` ends the waiting.
    pub pending_since: Option<Timestamp>,
    /// Why the analysis ended without a result, in words without internals.
    pub failed: Option<&'a str>,
    /// Why the content cannot be analysed at all: `not an image (application/vnd.example)`.
    pub unsupported: Option<&'a str>,
    /// The feeds of the snapshot; empty when they are not known to the caller.
    pub feeds: &'a [FeedState<'a>],
}
