//! What the server does by itself, for administrators: one page for each kind of work.
//!
//! [`SystemPage`] says what needs a person and shows collection and the schedules; `jobs`, `webhooks` and `upstreams`
//! have their own pages. Each form posts to the address of its page and comes back to it with a [`Done`].
//!
//! Adding a page: a module with its struct, a template that includes `system/head.html`, a [`SystemTab`].

pub mod jobs;
pub mod rules;
pub mod upstreams;
pub mod webhooks;

use askama::Template;
use jiff::Timestamp;

use crate::frame::{Frame, Section};
use crate::routes::Route;
use crate::tabs::TabLink;

/// The views of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemTab {
    /// What needs a person, collection, schedules.
    Overview,
    /// Work that waits, runs or gave up.
    Jobs,
    /// Who is told of events.
    Webhooks,
    /// Other registries.
    Upstreams,
    /// What neither moves nor ends anywhere, and what ends by itself.
    Rules,
    /// What everybody uses, and may use.
    Usage,
}

impl SystemTab {
    pub(crate) fn all(self) -> [TabLink; 6] {
        let link = |tab, label, route| TabLink::new(label, route, tab == self);
        [
            link(Self::Overview, "Overview", Route::System),
            link(Self::Jobs, "Jobs", Route::Jobs),
            link(Self::Webhooks, "Webhooks", Route::Webhooks),
            link(Self::Upstreams, "Upstreams", Route::Upstreams),
            link(Self::Rules, "Rules", Route::SystemRules),
            link(Self::Usage, "Usage", Route::Usage),
        ]
    }
}

/// What a form has just done. It is a parameter of the page that comes after, `done`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// Collection was asked to run.
    Collect,
    /// Collection was paused.
    Pause,
    /// Collection was resumed.
    Resume,
    /// A job that gave up is due again.
    Retry,
    /// A mirror was asked to run.
    Mirror,
    /// A delivery is due again.
    Redeliver,
    /// A webhook was asked to show that it works.
    Test,
    /// A webhook was switched on.
    SwitchOn,
    /// A webhook was switched off.
    SwitchOff,
}

impl Done {
    const ALL: [Self; 9] = [
        Self::Collect,
        Self::Pause,
        Self::Resume,
        Self::Retry,
        Self::Mirror,
        Self::Redeliver,
        Self::Test,
        Self::SwitchOn,
        Self::SwitchOff,
    ];

    /// Returns the word in the address.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Collect => "collect",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Retry => "retry",
            Self::Mirror => "mirror",
            Self::Redeliver => "redeliver",
            Self::Test => "test",
            Self::SwitchOn => "on",
            Self::SwitchOff => "off",
        }
    }

    /// Reads the word; anything else has done nothing.
    pub fn from_parameter(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|done| done.as_str() == word)
    }

    pub(crate) const fn sentence(self) -> &'static str {
        match self {
            Self::Collect => "Collection runs as soon as a worker is free.",
            Self::Pause => "Collection is paused.",
            Self::Resume => "Collection goes on.",
            Self::Retry => "The job is due again.",
            Self::Mirror => "The mirror runs as soon as a worker is free.",
            Self::Redeliver => "The delivery is on its way again.",
            Self::Test => "A test is on its way; reload to see what came of it.",
            Self::SwitchOn => "The webhook is switched on.",
            Self::SwitchOff => "The webhook is switched off.",
        }
    }
}

/// What needs a person, and the page where it is mended.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// What is wrong, as a sentence without its period.
    pub text: String,
    /// Where more is said.
    pub route: Route,
}

/// The first page for administrators.
#[derive(Clone, Debug, Template)]
#[template(path = "system/overview.html", whitespace = "minimize")]
pub struct SystemPage {
    /// The surroundings.
    pub frame: Frame,
    /// What was just done.
    pub done: Option<Done>,
    /// What needs a person.
    pub troubles: Vec<Trouble>,
    /// Collection.
    pub collection: CollectionCard,
    /// The latest runs that found something to do.
    pub runs: Vec<RunRow>,
    /// What recurs.
    pub schedules: Vec<ScheduleRow>,
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

impl SystemPage {
    const SECTION: Section = Section::System;
    const TAB: SystemTab = SystemTab::Overview;
}

/// Renders the first page.
pub fn render_system(page: &SystemPage) -> Result<String, askama::Error> {
    page.render()
}

#[cfg(test)]
mod tests {
    use super::Done;

    #[test]
    fn what_was_done_is_read_from_its_word_and_from_no_other() {
        for done in Done::ALL {
            assert_eq!(Done::from_parameter(done.as_str()), Some(done));
        }
        assert_eq!(Done::from_parameter("<b>"), None);
        assert_eq!(Done::from_parameter(""), None);
    }
}
