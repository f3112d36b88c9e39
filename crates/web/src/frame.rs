//! What surrounds every page: language, theme, navigation, account, and the state of the advisories.
//!
//! Adding a navigation entry: a [`Section`], its link in `templates/base.html`. Only addresses that answer are linked.

use evidence::SnapshotRef;
use jiff::Timestamp;

/// The surroundings of a page.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The instant of the request; all relative times are counted from it.
    pub now: Timestamp,
    /// The visitor's theme, from [`Theme::COOKIE`].
    pub theme: Theme,
    /// Who is signed in. Without an account the navigation is left out.
    pub account: Option<Account>,
    /// The advisories in use.
    pub feeds: FeedsNote,
    /// The path and query of this page, to come back to after signing in.
    pub address: String,
}

/// The signed-in person.
#[derive(Clone, Debug)]
pub struct Account {
    /// The name shown.
    pub name: String,
    /// Whether everything is open to them.
    pub superuser: bool,
    /// The token that every form of theirs carries.
    pub csrf: String,
}

/// The advisories in use, as the header says it.
#[derive(Clone, Debug, Default)]
pub struct FeedsNote {
    /// The current snapshot; `None` until the first import.
    pub snapshot: Option<SnapshotRef>,
    /// Whether the snapshot, or a feed in it, is older than its limit: every page then carries a banner.
    pub stale: bool,
}

/// The colour scheme.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system says.
    #[default]
    System,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

impl Theme {
    /// The name of the cookie that keeps the choice. It is rendered into `<html data-theme>`, so nothing flashes.
    pub const COOKIE: &str = "theme";

    /// Reads a cookie's value; anything unknown follows the system.
    pub fn from_cookie(value: &str) -> Self {
        match value {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::System,
        }
    }

    /// Returns the value of `data-theme`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// The entry of the navigation a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Repositories, tags, images.
    Images,
    /// Organisations, their teams and members.
    Organisations,
    /// Advisories.
    Feeds,
    /// The audit trail.
    Audit,
    /// What the server does by itself.
    System,
    /// None of them.
    Elsewhere,
}

impl Section {
    /// Returns the `aria-current` attribute for the entry `here`, empty for all others.
    pub(crate) fn current(self, here: &str) -> &'static str {
        match (self, here) {
            (Self::Images, "images")
            | (Self::Organisations, "organisations")
            | (Self::Feeds, "feeds")
            | (Self::Audit, "audit")
            | (Self::System, "system") => " aria-current=page",
            _ => "",
        }
    }
}

impl Frame {
    /// Returns the token that forms carry, empty for who has none.
    pub(crate) fn csrf(&self) -> &str {
        self.account.as_ref().map_or("", |account| &account.csrf)
    }

    /// Returns whether `as_of` differs from the current snapshot, so that a number must say how old it is. Whole seconds
    /// count: stored times are less exact than the snapshot's own.
    pub(crate) fn is_older_data(&self, as_of: &Timestamp) -> bool {
        self.feeds
            .snapshot
            .as_ref()
            .is_none_or(|snapshot| snapshot.built_at.as_second() != as_of.as_second())
    }
}
