//! The advisories in use: the snapshot and the feeds it was built from.

use askama::Template;
use jiff::Timestamp;

use crate::frame::{Frame, Section};

/// The feeds page. The snapshot itself is in the frame.
#[derive(Clone, Debug, Template)]
#[template(path = "feeds.html", whitespace = "minimize")]
pub struct FeedsPage {
    /// The surroundings.
    pub frame: Frame,
    /// The age at which a snapshot counts as stale, in hours, if a limit is set.
    pub limit_hours: Option<u32>,
    /// Records in the snapshot.
    pub records: usize,
    /// The feeds, by name.
    pub rows: Vec<FeedRow>,
}

/// One feed in the snapshot.
#[derive(Clone, Debug)]
pub struct FeedRow {
    /// `debian`, `osv:PyPI`, `kev`, `epss`.
    pub name: String,
    /// What it brings, for people: `Debian security tracker`.
    pub title: String,
    /// How many records it gave.
    pub records: usize,
    /// When its content was published or last changed, if it says so.
    pub updated: Option<Timestamp>,
    /// The digest of the file it was read from.
    pub digest: Option<String>,
    /// Whether it is older than its limit.
    pub stale: bool,
    /// What could not be read, in a few words.
    pub problem: Option<String>,
}

impl FeedsPage {
    const SECTION: Section = Section::Feeds;
}

/// Renders the page.
pub fn render_feeds(page: &FeedsPage) -> Result<String, askama::Error> {
    page.render()
}
