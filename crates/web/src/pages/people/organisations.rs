//! Organisations: their list, what one of them has, who is in it.

use askama::Template;
use jiff::Timestamp;
use oci::RepositoryName;

use super::usage::QuotaCard;
use super::{HomeHead, HomeTab};
use crate::draft::Draft;
use crate::frame::{Frame, Section};
use crate::homes::{Home, HomeView};
use crate::paging::NamePaging;
use crate::routes::{Query, Route};

/// The organisations that the visitor may know of.
#[derive(Clone, Debug, Template)]
#[template(path = "people/organisations.html", whitespace = "minimize")]
pub struct OrganisationsPage {
    /// The surroundings.
    pub frame: Frame,
    /// Which of the organisations.
    pub paging: NamePaging,
    /// They, by name.
    pub rows: Vec<OrganisationRow>,
    /// Whether the list holds all there are, and not the visitor's own only.
    pub holds_all: bool,
    /// Whether the visitor makes organisations.
    pub may_create: bool,
    /// The form that was refused.
    pub draft: Draft,
}

/// An organisation in the list.
#[derive(Clone, Debug)]
pub struct OrganisationRow {
    /// The name, which is also the namespace.
    pub name: String,
    /// An address for people to read.
    pub email: Option<String>,
    /// When it was created.
    pub created: Timestamp,
}

/// What an organisation has.
#[derive(Clone, Debug, Template)]
#[template(path = "people/organisation.html", whitespace = "minimize")]
pub struct OrganisationPage {
    /// The surroundings.
    pub frame: Frame,
    /// Whose page it is.
    pub head: HomeHead,
    /// An address for people to read.
    pub email: Option<String>,
    /// When it was created.
    pub created: Timestamp,
    /// Some of its repositories that the visitor may pull, by name.
    pub repositories: Vec<OwnedRepository>,
    /// Whether there are more of them.
    pub has_more: bool,
    /// Its teams and their members.
    pub teams: u64,
    /// Who is in one of them.
    pub members: u64,
    /// Its robots, and what it uses of its quota; `None` for those who do not own it.
    pub owned: Option<(u64, QuotaCard)>,
    /// Whether the visitor ends organisations.
    pub may_delete: bool,
    /// The form that was refused.
    pub draft: Draft,
}

/// A repository of an organisation.
#[derive(Clone, Debug)]
pub struct OwnedRepository {
    /// The name.
    pub name: RepositoryName,
    /// How many tags it has.
    pub tags: u64,
    /// When a tag last moved.
    pub pushed: Option<Timestamp>,
}

/// Who is in an organisation.
#[derive(Clone, Debug, Template)]
#[template(path = "people/members.html", whitespace = "minimize")]
pub struct MembersPage {
    /// The surroundings.
    pub frame: Frame,
    /// Whose page it is.
    pub head: HomeHead,
    /// Which of the members.
    pub paging: NamePaging,
    /// They, by name.
    pub rows: Vec<MemberRow>,
    /// The names of the teams.
    pub teams: Vec<String>,
    /// The form that was refused.
    pub draft: Draft,
}

/// A member of an organisation.
#[derive(Clone, Debug)]
pub struct MemberRow {
    /// The name.
    pub name: String,
    /// `person` or `robot`.
    pub kind: &'static str,
    /// The teams, each with what its members are.
    pub teams: Vec<(String, &'static str)>,
}

impl OrganisationsPage {
    const SECTION: Section = Section::Organisations;

    /// The visitor's own name, the first guess at an owner.
    fn me(&self) -> &str {
        self.frame
            .account
            .as_ref()
            .map_or("", |account| &account.name)
    }

    #[expect(clippy::unused_self, reason = "templates call methods only")]
    fn address(&self, name: &str) -> Route {
        Home::Organisation(name.to_owned()).at(HomeView::Front)
    }
}

impl OrganisationPage {
    const SECTION: Section = Section::Organisations;
    const TAB: HomeTab = HomeTab::Front;

    fn target(&self) -> Route {
        self.head.home.at(HomeView::Front)
    }

    fn images(&self) -> Query {
        Route::Images.with("q", &format!("{}/", self.head.name))
    }

    fn audit(&self) -> Query {
        Route::Audit.with("namespace", &self.head.name)
    }
}

impl MembersPage {
    const SECTION: Section = Section::Organisations;
    const TAB: HomeTab = HomeTab::Members;

    fn target(&self) -> Route {
        self.head.home.at(HomeView::Members)
    }

    fn team(&self, name: &str) -> Route {
        self.head.home.at(HomeView::Team(name.to_owned()))
    }
}

/// Renders the organisations.
pub fn render_organisations(page: &OrganisationsPage) -> Result<String, askama::Error> {
    page.render()
}

/// Renders an organisation.
pub fn render_organisation(page: &OrganisationPage) -> Result<String, askama::Error> {
    page.render()
}

/// Renders who is in an organisation.
pub fn render_members(page: &MembersPage) -> Result<String, askama::Error> {
    page.render()
}
