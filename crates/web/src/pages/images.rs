//! The repositories, with the figures of all of them above. It is also the overview.

use askama::Template;
use jiff::Timestamp;
use oci::RepositoryName;

use crate::chips::{Health, VerdictTally};
use crate::frame::{Frame, Section};
use crate::paging::{PageLinks, Paging};
use crate::routes::Route;

/// The list of repositories.
#[derive(Clone, Debug, Template)]
#[template(path = "images.html", whitespace = "minimize")]
pub struct ImagesPage {
    /// The surroundings.
    pub frame: Frame,
    /// The filter: a part of the name.
    pub query: String,
    /// Figures over everything the visitor may see, whatever the filter.
    pub figures: Figures,
    /// The repositories on this page of the list, by name.
    pub rows: Vec<RepositoryRow>,
    /// Which part of the list that is.
    pub paging: Paging,
    /// The registry's host and port as clients write it, for the command shown while the list is empty.
    pub registry_host: String,
}

/// The figures above the list.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Repositories.
    pub repositories: usize,
    /// Tags.
    pub tags: usize,
    /// Tags whose verdict is allow.
    pub allowed: usize,
    /// Tags whose verdict is warn.
    pub warned: usize,
    /// Tags whose verdict is deny.
    pub blocked: usize,
    /// Tags without a verdict yet.
    pub pending: usize,
    /// The instant the figures are true for.
    pub as_of: Option<Timestamp>,
}

/// One repository.
#[derive(Clone, Debug)]
pub struct RepositoryRow {
    /// Its name.
    pub name: RepositoryName,
    /// How many tags it has.
    pub tags: usize,
    /// The worst grade among its tags.
    pub worst: Option<Health>,
    /// The verdicts of its tags.
    pub verdicts: VerdictTally,
    /// The last push.
    pub pushed: Option<Timestamp>,
}

impl ImagesPage {
    const SECTION: Section = Section::Images;

    fn page_links(&self) -> PageLinks {
        self.paging
            .links(|page| Route::Images.with("q", &self.query).with("page", page))
    }
}

impl RepositoryRow {
    fn address(&self) -> Route {
        Route::Tags(self.name.clone())
    }
}

/// Renders the page.
pub fn render_images(page: &ImagesPage) -> Result<String, askama::Error> {
    page.render()
}
