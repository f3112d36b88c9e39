//! Other registries: what is cached from them, what is mirrored from them, and how that goes.

use askama::Template;
use jiff::Timestamp;
use oci::RepositoryName;

use super::{Done, SystemTab};
use crate::frame::{Frame, Section};
use crate::routes::{Query, Route};

/// The upstreams, and a page of mirrors by repository.
#[derive(Clone, Debug, Template)]
#[template(path = "system/upstreams.html", whitespace = "minimize")]
pub struct UpstreamsPage {
    /// The surroundings.
    pub frame: Frame,
    /// What was just done.
    pub done: Option<Done>,
    /// The upstreams by name.
    pub upstreams: Vec<UpstreamRow>,
    /// The mirrors.
    pub mirrors: Vec<MirrorRow>,
    /// Whether mirrors come before these.
    pub is_continued: bool,
    /// The repository that the next page begins after, if there is one.
    pub next: Option<RepositoryName>,
}

/// One upstream.
#[derive(Clone, Debug)]
pub struct UpstreamRow {
    /// What administrators call it.
    pub name: String,
    /// Its address, without a path.
    pub url: String,
    /// The name it is asked with.
    pub username: Option<String>,
    /// The namespace below which it is cached, and what is put before names there. `None` is a source of mirrors only.
    pub cache: Option<CacheWords>,
    /// How it answered last, as far as this process knows.
    pub last: Option<LastAnswer>,
}

/// How an upstream is cached.
#[derive(Clone, Debug)]
pub struct CacheWords {
    /// The first component of names here.
    pub namespace: String,
    /// What is put before the rest of the name there; may be empty.
    pub prefix: String,
    /// For how many seconds a tag is served without asking again.
    pub ttl_seconds: u64,
}

/// How an upstream answered.
#[derive(Clone, Debug)]
pub struct LastAnswer {
    /// When.
    pub at: Timestamp,
    /// What was wrong; `None` if nothing was.
    pub problem: Option<String>,
}

/// One mirror.
#[derive(Clone, Debug)]
pub struct MirrorRow {
    /// The repository that is one.
    pub repository: RepositoryName,
    /// The name of its upstream.
    pub upstream: String,
    /// The repository there.
    pub source: String,
    /// When it runs: an expression, or `None` for by hand.
    pub cron: Option<String>,
    /// Whether its plan runs.
    pub enabled: bool,
    /// Whether it runs now, and since when.
    pub running_since: Option<Timestamp>,
    /// How the last run that ended went.
    pub last: Option<MirrorResult>,
    /// When a run last ended without a failure.
    pub succeeded: Option<Timestamp>,
    /// When the plan is due, if it has one.
    pub next: Option<Timestamp>,
}

/// How a run went.
#[derive(Clone, Debug)]
pub struct MirrorResult {
    /// How it ended.
    pub outcome: MirrorOutcome,
    /// When.
    pub at: Timestamp,
    /// Tags that are new or moved.
    pub copied: u64,
    /// Tags that were as they should be.
    pub unchanged: u64,
    /// Tags that ended.
    pub ended: u64,
    /// Tags that failed.
    pub failed: u64,
    /// Why some failed, by tag.
    pub failures: Vec<(String, String)>,
    /// Why the whole run ended early.
    pub error: Option<String>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MirrorOutcome {
    /// Everything is as it is there.
    Ok,
    /// Some tags are not.
    Partial,
    /// Nothing came of it.
    Failed,
}

impl UpstreamsPage {
    const SECTION: Section = Section::System;
    const TAB: SystemTab = SystemTab::Upstreams;

    fn next_page(&self) -> Option<Query> {
        let after = self.next.as_ref()?;
        Some(Route::Upstreams.with("after", after.as_str()))
    }
}

/// Renders the page.
pub fn render_upstreams(page: &UpstreamsPage) -> Result<String, askama::Error> {
    page.render()
}
