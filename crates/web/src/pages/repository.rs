//! What the pages of one repository share, and the page about it.

use askama::Template;
use jiff::Timestamp;
use oci::RepositoryName;

use crate::frame::{Frame, Section};
use crate::routes::{Query, Route};
use crate::tabs::TabLink;

/// The tabs of a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepositoryTab {
    /// Its tags.
    Tags,
    /// What its tags were.
    History,
    /// Its settings and who may use it.
    About,
}

impl RepositoryTab {
    pub(crate) fn all(self, repository: &RepositoryName) -> [TabLink; 3] {
        let link = |tab, label, route| TabLink::new(label, route, tab == self);
        [
            link(Self::Tags, "Tags", Route::Tags(repository.clone())),
            link(Self::History, "History", Route::History(repository.clone())),
            link(Self::About, "About", Route::About(repository.clone())),
        ]
    }
}

/// The page about a repository.
#[derive(Clone, Debug, Template)]
#[template(path = "about.html", whitespace = "minimize")]
pub struct AboutPage {
    /// The surroundings.
    pub frame: Frame,
    /// The repository.
    pub repository: RepositoryName,
    /// What its people say about it.
    pub description: String,
    /// Whether everybody may pull.
    pub public: bool,
    /// What it is open for, in a word.
    pub state: &'static str,
    /// What that means, in a sentence.
    pub state_means: &'static str,
    /// What its manifests may leave out, in a sentence.
    pub sparse: &'static str,
    /// When it was created.
    pub created: Timestamp,
    /// How long what is deleted can be brought back, in words.
    pub restore_window: &'static str,
    /// The rules that make tags immutable here.
    pub immutability: Vec<RuleRow>,
    /// Who was given a role here; `None` for those who do not administer it.
    pub permissions: Option<Vec<PermissionRow>>,
}

/// A rule in force.
#[derive(Clone, Debug)]
pub struct RuleRow {
    /// What it matches.
    pub matches: String,
    /// Where it was set: `system`, `namespace`, `repository`.
    pub scope: &'static str,
    /// Who set it.
    pub author: String,
    /// When.
    pub since: Timestamp,
}

/// A role that somebody was given.
#[derive(Clone, Debug)]
pub struct PermissionRow {
    /// `user`, `robot` or `team`.
    pub kind: &'static str,
    /// Their name.
    pub name: String,
    /// `read`, `write` or `admin`.
    pub role: &'static str,
}

impl AboutPage {
    const SECTION: Section = Section::Images;
    const TAB: RepositoryTab = RepositoryTab::About;

    fn audit(&self) -> Query {
        Route::Audit.with("repository", self.repository.as_str())
    }
}

/// Renders the page about a repository.
pub fn render_about(page: &AboutPage) -> Result<String, askama::Error> {
    page.render()
}
