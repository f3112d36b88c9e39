//! Robots: programs with names, rights and secrets of their own.

use askama::Template;
use jiff::Timestamp;

use super::{HomeHead, HomeTab, SecretRow, ShownSecret};
use crate::draft::Draft;
use crate::frame::{Frame, Section};
use crate::homes::HomeView;
use crate::paging::NamePaging;
use crate::routes::Route;

/// The robots of a home.
#[derive(Clone, Debug, Template)]
#[template(path = "people/robots.html", whitespace = "minimize")]
pub struct RobotsPage {
    /// The surroundings.
    pub frame: Frame,
    /// Whose robots.
    pub head: HomeHead,
    /// Which of its robots.
    pub paging: NamePaging,
    /// They, by name.
    pub rows: Vec<RobotRow>,
    /// The form that was refused.
    pub draft: Draft,
}

/// A robot in the list.
#[derive(Clone, Debug)]
pub struct RobotRow {
    /// `owner+name`.
    pub name: String,
    /// In people's words.
    pub description: String,
    /// Whether it can sign in.
    pub state: RobotState,
    /// How many secrets it has.
    pub secrets: u64,
    /// When one of them was last used.
    pub used: Option<Timestamp>,
    /// When it ends by itself.
    pub ends: Option<Timestamp>,
}

/// Whether a robot can sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RobotState {
    /// It can.
    Active,
    /// It, or its owner, is disabled.
    Disabled,
    /// Its end has come.
    Ended,
}

/// One robot.
#[derive(Clone, Debug, Template)]
#[template(path = "people/robot.html", whitespace = "minimize")]
pub struct RobotPage {
    /// The surroundings.
    pub frame: Frame,
    /// Whose robot.
    pub head: HomeHead,
    /// `owner+name`.
    pub name: String,
    /// In people's words.
    pub description: String,
    /// Whether it can sign in.
    pub state: RobotState,
    /// When it was created.
    pub created: Timestamp,
    /// When it ends by itself.
    pub ends: Option<Timestamp>,
    /// Its secrets, the oldest first.
    pub secrets: Vec<SecretRow>,
    /// What it was given, but for patterns.
    pub roles: Vec<GivenRole>,
    /// A secret that was made just now.
    pub shown: Option<ShownSecret>,
    /// The form that was refused.
    pub draft: Draft,
}

/// A role on a repository.
#[derive(Clone, Debug)]
pub struct GivenRole {
    /// The repository.
    pub repository: oci::RepositoryName,
    /// `read`, `write` or `admin`.
    pub role: &'static str,
}

/// When a new robot or secret ends, in days; the empty word is never.
pub(crate) const ENDS: [(&str, &str); 4] = [
    ("", "never"),
    ("30", "in 30 days"),
    ("90", "in 90 days"),
    ("366", "in 366 days"),
];

impl RobotsPage {
    const SECTION: Section = Section::Elsewhere;
    const TAB: HomeTab = HomeTab::Robots;

    fn target(&self) -> Route {
        self.head.home.at(HomeView::Robots)
    }
}

impl RobotPage {
    const SECTION: Section = Section::Elsewhere;
    const TAB: HomeTab = HomeTab::Robots;

    fn target(&self) -> Route {
        self.head.home.robot(&self.name)
    }
}

/// Renders the robots of a home.
pub fn render_robots(page: &RobotsPage) -> Result<String, askama::Error> {
    page.render()
}

/// Renders one robot.
pub fn render_robot(page: &RobotPage) -> Result<String, askama::Error> {
    page.render()
}
