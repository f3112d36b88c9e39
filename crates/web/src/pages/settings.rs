//! A repository's settings: who may use it, what may change in it, what ends by itself.

use askama::Template;
use oci::RepositoryName;

use crate::draft::Draft;
use crate::frame::{Frame, Section};
use crate::pages::repository::RepositoryTab;
use crate::pages::rules::Rules;
use crate::routes::{Query, Route};

/// The settings, for whoever administers the repository.
#[derive(Clone, Debug, Template)]
#[template(path = "settings.html", whitespace = "minimize")]
pub struct SettingsPage {
    /// The surroundings.
    pub frame: Frame,
    /// The repository.
    pub repository: RepositoryName,
    /// What its people say about it.
    pub description: String,
    /// `private` or `public`.
    pub visibility: &'static str,
    /// `normal` or `read_only`; `None` where an upstream decides.
    pub state: Option<&'static str>,
    /// `none`, `index`, `all`; empty for what the server's settings say.
    pub sparse: &'static str,
    /// Roles on this repository.
    pub permissions: Vec<RoleRow>,
    /// Roles on patterns that match it.
    pub patterns: Vec<RoleRow>,
    /// What neither moves nor ends, and what ends by itself.
    pub rules: Rules,
    /// The form that was refused.
    pub draft: Draft,
}

/// A role that somebody has here.
#[derive(Clone, Debug)]
pub struct RoleRow {
    /// `dev`, `acme+ci`, `acme/backend`.
    pub subject: String,
    /// `person`, `robot` or `team`.
    pub kind: &'static str,
    /// `read`, `write` or `admin`.
    pub role: &'static str,
    /// The pattern that gives it; `None` for a role on this very repository.
    pub pattern: Option<String>,
}

impl SettingsPage {
    const SECTION: Section = Section::Images;
    const TAB: RepositoryTab = RepositoryTab::About;

    fn target(&self) -> Route {
        Route::Settings(self.repository.clone())
    }

    fn audit(&self) -> Query {
        Route::Audit.with("repository", self.repository.as_str())
    }
}

/// Renders the settings of a repository.
pub fn render_settings(page: &SettingsPage) -> Result<String, askama::Error> {
    page.render()
}
