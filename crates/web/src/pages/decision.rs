//! One stored decision, explained rule by rule. Its address is permanent.

use askama::Template;
use gate::Verdict;
use jiff::Timestamp;
use oci::{Digest, RepositoryName};

use crate::frame::{Frame, Section};
use crate::routes::Route;

/// The decision page.
#[derive(Clone, Debug, Template)]
#[template(path = "decision.html", whitespace = "minimize")]
pub struct DecisionPage {
    /// The surroundings.
    pub frame: Frame,
    /// The decision's id.
    pub id: String,
    /// The repository decided about.
    pub repository: RepositoryName,
    /// The stored verdict.
    pub verdict: Verdict,
    /// The build time of the advisories in `verdict.inputs`, if that snapshot is known.
    pub advisories_built_at: Option<Timestamp>,
    /// Who asked, if the visitor may know.
    pub identity: Option<String>,
    /// The exact text the client got.
    pub client_text: String,
    /// The decision document as JSON, indented.
    pub document: String,
}

impl DecisionPage {
    const SECTION: Section = Section::Images;

    fn tags_address(&self) -> Route {
        Route::Tags(self.repository.clone())
    }

    fn image_address(&self, digest: &Digest) -> Route {
        Route::ImageByDigest(self.repository.clone(), digest.clone())
    }
}

/// Renders the page.
pub fn render_decision(page: &DecisionPage) -> Result<String, askama::Error> {
    page.render()
}
