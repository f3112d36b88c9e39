//! What tags were: every span of every tag, the tags at an instant, and the way back.

use askama::Template;
use jiff::Timestamp;
use oci::{Digest, RepositoryName, Tag};

use crate::frame::{Frame, Section};
use crate::pages::repository::RepositoryTab;
use crate::routes::{Query, Route};

/// The spans of a repository's tags, latest first.
#[derive(Clone, Debug, Template)]
#[template(path = "history.html", whitespace = "minimize")]
pub struct HistoryPage {
    /// The surroundings.
    pub frame: Frame,
    /// The repository.
    pub repository: RepositoryName,
    /// The filter: one tag, as it was written.
    pub tag: String,
    /// The spans.
    pub rows: Vec<SpanRow>,
    /// The `before` of the next page, if there is one.
    pub next: Option<i64>,
    /// How long what is deleted can be brought back, in words.
    pub restore_window: &'static str,
}

/// A time in which a tag led to one manifest.
#[derive(Clone, Debug)]
pub struct SpanRow {
    /// The tag.
    pub tag: Tag,
    /// What it led to.
    pub digest: Digest,
    /// How it began: `pushed`, `brought back`.
    pub began: &'static str,
    /// Who began it.
    pub actor: String,
    /// From when.
    pub start: Timestamp,
    /// Until when, and how it ended: `moved on`, `deleted`.
    pub ended: Option<(Timestamp, &'static str)>,
    /// When it ends by itself.
    pub expires: Option<Timestamp>,
    /// Whether it can be brought back, by this visitor, now.
    pub restorable: bool,
}

impl HistoryPage {
    const SECTION: Section = Section::Images;
    const TAB: RepositoryTab = RepositoryTab::History;

    fn image(&self, row: &SpanRow) -> Route {
        Route::ImageByDigest(self.repository.clone(), row.digest.clone())
    }

    fn of_tag(&self, row: &SpanRow) -> Query {
        Route::History(self.repository.clone()).with("tag", row.tag.as_str())
    }

    fn as_of(&self, row: &SpanRow) -> Query {
        Route::Tags(self.repository.clone()).with("as_of", &row.start.to_string())
    }

    fn restore(&self, row: &SpanRow) -> Query {
        Route::Restore(self.repository.clone())
            .with("tag", row.tag.as_str())
            .with("digest", row.digest.as_str())
    }

    fn next_page(&self) -> Option<Query> {
        let before = self.next?.to_string();
        let history = Route::History(self.repository.clone()).with("tag", &self.tag);
        Some(history.with("before", &before))
    }
}

/// Renders the history.
pub fn render_history(page: &HistoryPage) -> Result<String, askama::Error> {
    page.render()
}

/// The tags of a repository at an instant. It has no forms that change anything.
#[derive(Clone, Debug, Template)]
#[template(path = "past_tags.html", whitespace = "minimize")]
pub struct PastTagsPage {
    /// The surroundings.
    pub frame: Frame,
    /// The repository.
    pub repository: RepositoryName,
    /// The instant.
    pub at: Timestamp,
    /// When the repository was created: before that there is nothing.
    pub created: Timestamp,
    /// The tags, by name.
    pub rows: Vec<PastTagRow>,
    /// The `cursor` of the next page, if there is one.
    pub next: Option<Tag>,
}

/// A tag as it was.
#[derive(Clone, Debug)]
pub struct PastTagRow {
    /// The tag.
    pub tag: Tag,
    /// What it led to.
    pub digest: Digest,
    /// Since when.
    pub since: Timestamp,
    /// Whether it leads elsewhere now, or nowhere.
    pub changed: bool,
}

impl PastTagsPage {
    const SECTION: Section = Section::Images;
    const TAB: RepositoryTab = RepositoryTab::Tags;

    fn image(&self, row: &PastTagRow) -> Route {
        Route::ImageByDigest(self.repository.clone(), row.digest.clone())
    }

    fn of_tag(&self, row: &PastTagRow) -> Query {
        Route::History(self.repository.clone()).with("tag", row.tag.as_str())
    }

    fn next_page(&self, cursor: &Tag) -> Query {
        Route::Tags(self.repository.clone())
            .with("as_of", &self.at.to_string())
            .with("cursor", cursor.as_str())
    }
}

/// Renders the tags at an instant.
pub fn render_past_tags(page: &PastTagsPage) -> Result<String, askama::Error> {
    page.render()
}

/// The question before a tag is brought back.
#[derive(Clone, Debug, Template)]
#[template(path = "restore.html", whitespace = "minimize")]
pub struct RestorePage {
    /// The surroundings.
    pub frame: Frame,
    /// The repository.
    pub repository: RepositoryName,
    /// The tag.
    pub tag: Tag,
    /// What it leads to now.
    pub current: Option<Digest>,
    /// What it will lead to.
    pub digest: Digest,
    /// Why the last attempt changed nothing.
    pub problem: Option<String>,
}

impl RestorePage {
    const SECTION: Section = Section::Images;
    const TAB: RepositoryTab = RepositoryTab::History;

    fn target(&self) -> Route {
        Route::Restore(self.repository.clone())
    }

    fn history(&self) -> Query {
        Route::History(self.repository.clone()).with("tag", self.tag.as_str())
    }
}

/// Renders the question.
pub fn render_restore(page: &RestorePage) -> Result<String, askama::Error> {
    page.render()
}
