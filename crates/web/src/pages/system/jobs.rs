//! Background work: what waits, what runs, what gave up.

use askama::Template;
use jiff::Timestamp;

use super::{Done, SystemTab};
use crate::frame::{Frame, Section};
use crate::routes::{Query, Route};

/// What has become of the jobs that are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JobList {
    /// They failed too often.
    #[default]
    Dead,
    /// They wait for their time or for a worker.
    Ready,
    /// A worker has them.
    Running,
}

impl JobList {
    /// Every list, in the order of the choice.
    pub const ALL: [Self; 3] = [Self::Dead, Self::Ready, Self::Running];

    /// Returns the word in the address.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dead => "dead",
            Self::Ready => "ready",
            Self::Running => "running",
        }
    }

    /// Reads the word; anything unknown is the list that matters most.
    pub fn from_parameter(word: &str) -> Self {
        let mut lists = Self::ALL.into_iter();
        lists.find(|list| list.as_str() == word).unwrap_or_default()
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Dead => "gave up",
            Self::Ready => "waiting",
            Self::Running => "running",
        }
    }

    /// The word in the address, empty for the list that is shown without one.
    fn parameter(self) -> &'static str {
        if self == Self::default() {
            ""
        } else {
            self.as_str()
        }
    }
}

/// A page of jobs, oldest first.
#[derive(Clone, Debug, Template)]
#[template(path = "system/jobs.html", whitespace = "minimize")]
pub struct JobsPage {
    /// The surroundings.
    pub frame: Frame,
    /// What was just done.
    pub done: Option<Done>,
    /// Which are listed.
    pub list: JobList,
    /// How many there are of each list.
    pub counts: [(JobList, u64); 3],
    /// For each lane in which a job is due: since when the longest-waiting one is.
    pub lanes: Vec<(&'static str, Timestamp)>,
    /// The jobs.
    pub rows: Vec<JobLine>,
    /// Whether jobs come before these.
    pub is_continued: bool,
    /// The job that the next page begins after, if there is one.
    pub next: Option<i64>,
}

/// One job.
#[derive(Clone, Debug)]
pub struct JobLine {
    /// Its number.
    pub id: i64,
    /// What kind of work.
    pub kind: String,
    /// Whose workers do it.
    pub lane: &'static str,
    /// What it works on.
    pub payload: String,
    /// When it is, or was, due.
    pub due: Timestamp,
    /// How often it was tried.
    pub attempts: i64,
    /// Why the last attempt failed.
    pub error: Option<String>,
}

impl JobsPage {
    const SECTION: Section = Section::System;
    const TAB: SystemTab = SystemTab::Jobs;

    fn first_page(&self) -> Query {
        Route::Jobs.with("state", self.list.parameter())
    }

    fn next_page(&self) -> Option<Query> {
        let after = self.next?.to_string();
        Some(self.first_page().with("after", &after))
    }

    fn count(&self, list: JobList) -> u64 {
        let found = self.counts.iter().find(|(of, _)| *of == list);
        found.map_or(0, |(_, count)| *count)
    }
}

/// Renders the page.
pub fn render_jobs(page: &JobsPage) -> Result<String, askama::Error> {
    page.render()
}
