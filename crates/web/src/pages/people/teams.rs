//! Teams: what their members are in the organisation, and who they are.

use askama::Template;
use jiff::Timestamp;

use super::robots::GivenRole;
use super::{HomeHead, HomeTab};
use crate::draft::Draft;
use crate::frame::{Frame, Section};
use crate::homes::HomeView;
use crate::paging::NamePaging;
use crate::routes::Route;

/// The teams of an organisation.
#[derive(Clone, Debug, Template)]
#[template(path = "people/teams.html", whitespace = "minimize")]
pub struct TeamsPage {
    /// The surroundings.
    pub frame: Frame,
    /// Whose page it is.
    pub head: HomeHead,
    /// Which of its teams.
    pub paging: NamePaging,
    /// They, by name.
    pub rows: Vec<TeamRow>,
    /// The form that was refused.
    pub draft: Draft,
}

/// A team.
#[derive(Clone, Debug)]
pub struct TeamRow {
    /// The name inside the organisation.
    pub name: String,
    /// `member`, `creator` or `admin`.
    pub role: &'static str,
    /// In people's words.
    pub description: String,
    /// The provider and group that members come from.
    pub sync: Option<(String, String)>,
    /// How many members it has.
    pub members: u64,
    /// When it was created.
    pub created: Timestamp,
}

/// One team.
#[derive(Clone, Debug, Template)]
#[template(path = "people/team.html", whitespace = "minimize")]
pub struct TeamPage {
    /// The surroundings.
    pub frame: Frame,
    /// Whose page it is.
    pub head: HomeHead,
    /// The team.
    pub team: TeamRow,
    /// Which of its members.
    pub paging: NamePaging,
    /// They, by name.
    pub members: Vec<TeamMemberRow>,
    /// What it was given on single repositories; `None` for those who do not own the organisation.
    pub roles: Option<Vec<GivenRole>>,
    /// Whether the visitor binds teams to groups of a provider.
    pub may_bind: bool,
    /// The form that was refused.
    pub draft: Draft,
}

/// A member of a team.
#[derive(Clone, Debug)]
pub struct TeamMemberRow {
    /// The name.
    pub name: String,
    /// `person` or `robot`.
    pub kind: &'static str,
    /// The provider that the membership comes from; `None` if somebody made it.
    pub source: Option<String>,
    /// Since when.
    pub added: Timestamp,
}

/// What the members of a team are, and how it is called.
pub(crate) const TEAM_ROLES: [(&str, &str); 3] = [
    ("member", "members: what the team is given"),
    ("creator", "creators: they also create repositories"),
    ("admin", "owners: everything here is theirs"),
];

impl TeamsPage {
    const SECTION: Section = Section::Organisations;
    const TAB: HomeTab = HomeTab::Teams;

    fn target(&self) -> Route {
        self.head.home.at(HomeView::Teams)
    }

    fn team(&self, name: &str) -> Route {
        self.head.home.at(HomeView::Team(name.to_owned()))
    }
}

impl TeamPage {
    const SECTION: Section = Section::Organisations;
    const TAB: HomeTab = HomeTab::Teams;

    fn target(&self) -> Route {
        self.head.home.at(HomeView::Team(self.team.name.clone()))
    }

    fn source(&self) -> &str {
        self.team.sync.as_ref().map_or("", |(source, _)| source)
    }

    fn group(&self) -> &str {
        self.team.sync.as_ref().map_or("", |(_, group)| group)
    }
}

/// Returns what the members of a team with this role are, in a word or two.
pub(crate) fn role_words(role: &str) -> &'static str {
    match role {
        "admin" => "owners",
        "creator" => "creators",
        _ => "members",
    }
}

/// Renders the teams of an organisation.
pub fn render_teams(page: &TeamsPage) -> Result<String, askama::Error> {
    page.render()
}

/// Renders one team.
pub fn render_team(page: &TeamPage) -> Result<String, askama::Error> {
    page.render()
}
