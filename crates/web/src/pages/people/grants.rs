//! Rights below a namespace: roles on patterns, and what new repositories give.

use askama::Template;
use jiff::Timestamp;

use super::{HomeHead, HomeTab};
use crate::draft::Draft;
use crate::frame::{Frame, Section};
use crate::homes::HomeView;
use crate::routes::Route;

/// The rights below a namespace.
#[derive(Clone, Debug, Template)]
#[template(path = "people/grants.html", whitespace = "minimize")]
pub struct GrantsPage {
    /// The surroundings.
    pub frame: Frame,
    /// Whose page it is.
    pub head: HomeHead,
    /// Roles on patterns.
    pub patterns: Vec<GrantRow>,
    /// What new repositories give.
    pub defaults: Vec<DefaultRow>,
    /// The form that was refused.
    pub draft: Draft,
}

/// A role on a pattern.
#[derive(Clone, Debug)]
pub struct GrantRow {
    /// The pattern of repositories' names.
    pub pattern: String,
    /// Who has it: `dev`, `acme+ci`, `acme/backend`.
    pub subject: String,
    /// `person`, `robot` or `team`.
    pub kind: &'static str,
    /// `read`, `write` or `admin`.
    pub role: &'static str,
    /// Who gave it.
    pub by: String,
    /// When.
    pub since: Timestamp,
}

/// What new repositories give to somebody.
#[derive(Clone, Debug)]
pub struct DefaultRow {
    /// Its number, by which it is removed.
    pub id: i64,
    /// Whose new repositories; `None` for everybody's.
    pub creator: Option<String>,
    /// Who is given the role.
    pub delegate: String,
    /// `person`, `robot` or `team`.
    pub kind: &'static str,
    /// `read`, `write` or `admin`.
    pub role: &'static str,
}

impl GrantsPage {
    const SECTION: Section = Section::Elsewhere;
    const TAB: HomeTab = HomeTab::Grants;

    fn target(&self) -> Route {
        self.head.home.at(HomeView::Grants)
    }
}

/// Renders the rights below a namespace.
pub fn render_grants(page: &GrantsPage) -> Result<String, askama::Error> {
    page.render()
}
