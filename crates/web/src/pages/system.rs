//! What the server does by itself: collection, schedules, and the jobs that gave up.

use askama::Template;
use jiff::Timestamp;

use crate::frame::{Frame, Section};

/// The page for administrators.
#[derive(Clone, Debug, Template)]
#[template(path = "system.html", whitespace = "minimize")]
pub struct SystemPage {
    /// The surroundings.
    pub frame: Frame,
    /// Collection.
    pub collection: CollectionCard,
    /// The latest runs that found something to do.
    pub runs: Vec<RunRow>,
    /// What recurs.
    pub schedules: Vec<ScheduleRow>,
    /// Jobs that gave up, the oldest first.
    pub dead: Vec<JobLine>,
    /// Whether there are more of them.
    pub has_more_dead: bool,
}

/// What collection is doing.
#[derive(Clone, Debug, Default)]
pub struct CollectionCard {
    /// Whether it rests until somebody resumes it.
    pub paused: bool,
    /// How much it looks at in a second, at most.
    pub rate: u32,
    /// How many entries wait to be looked at.
    pub waiting: u64,
    /// Since when the longest-overdue one is due.
    pub due_since: Option<Timestamp>,
    /// Objects that wait to be deleted, and their size.
    pub objects: (u64, u64),
    /// Blobs in their last minutes, and their size.
    pub condemned: (u64, u64),
}

/// One run.
#[derive(Clone, Debug)]
pub struct RunRow {
    /// When it began.
    pub started: Timestamp,
    /// How long it took, in seconds.
    pub seconds: u64,
    /// Who asked for it, or `schedule`.
    pub cause: String,
    /// Manifests that went.
    pub manifests: u64,
    /// Objects that went.
    pub objects: u64,
    /// Their size.
    pub freed_bytes: u64,
}

/// One schedule.
#[derive(Clone, Debug)]
pub struct ScheduleRow {
    /// Its name.
    pub name: String,
    /// Its expression.
    pub cron: String,
    /// When it is due.
    pub next: Timestamp,
    /// When it was last.
    pub last: Option<Timestamp>,
}

/// One job that gave up.
#[derive(Clone, Debug)]
pub struct JobLine {
    /// Its number.
    pub id: i64,
    /// What kind of work.
    pub kind: String,
    /// What it works on.
    pub payload: String,
    /// How often it was tried.
    pub attempts: i64,
    /// Why it gave up.
    pub error: Option<String>,
}

impl SystemPage {
    const SECTION: Section = Section::System;
}

/// Renders the page.
pub fn render_system(page: &SystemPage) -> Result<String, askama::Error> {
    page.render()
}
