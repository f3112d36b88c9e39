//! One image: what was decided, how healthy it is, what is inside, and what to do about it.
//!
//! The head of the page (verdict, grade, state) is the same on all tabs. [`TabContent`] holds only what its tab shows,
//! so the server loads no more than it sends.

mod state;
mod tabs;

use std::borrow::Borrow;

use askama::Template;
use evidence::GradeReport;
use gate::Verdict;
use jiff::Timestamp;
use oci::{Digest, RepositoryName, Tag};

pub(crate) use state::level_word;
pub use state::{Analysed, Analysis, Matched};
pub(crate) use tabs::instruction_of;
pub use tabs::{
    FindingsTab, LayerRow, LayersTab, Overview, PackageFilter, PackageRow, PackagesTab, Tab,
    TabContent,
};

use crate::chips::Tally;
use crate::findings::{FindingFilter, Show};
use crate::frame::{Frame, Section};
use crate::paging::PageLinks;
use crate::routes::{Query, Route};

/// The image page.
#[derive(Clone, Debug, Template)]
#[template(path = "image.html", whitespace = "minimize")]
pub struct ImagePage {
    /// The surroundings.
    pub frame: Frame,
    /// The repository.
    pub repository: RepositoryName,
    /// The tag in the address; `None` when the image was asked for by digest.
    pub tag: Option<Tag>,
    /// What the tag resolved to, or the digest asked for: a manifest or an index.
    pub digest: Digest,
    /// The media type of the manifest.
    pub media_type: String,
    /// The sum of the layers as stored.
    pub size_bytes: u64,
    /// When it was pushed.
    pub pushed: Option<Timestamp>,
    /// The children of an index; empty for a single manifest.
    pub platforms: Vec<PlatformLink>,
    /// The `platform` parameter of the address, kept in the tabs' links.
    pub platform: Option<String>,
    /// The registry's host and port as clients write it.
    pub registry_host: String,
    /// What the policy says.
    pub verdict: Option<VerdictCard>,
    /// What is known of the content.
    pub analysis: Analysis,
    /// The tab. Its content is shown once the analysis is ready.
    pub content: TabContent,
}

/// A child of an index.
#[derive(Clone, Debug)]
pub struct PlatformLink {
    /// `linux/arm64`.
    pub platform: String,
    /// Whether it is the one shown.
    pub shown: bool,
    /// Its counts.
    pub tally: Tally,
}

/// The verdict with the way out of it.
#[derive(Clone, Debug)]
pub struct VerdictCard {
    /// The verdict; the card links to its page if it has an id.
    pub verdict: Verdict,
    /// The one thing to do that helps most, in a sentence.
    pub advice: Option<String>,
}

impl ImagePage {
    const SECTION: Section = Section::Images;

    fn route(&self) -> Route {
        match &self.tag {
            Some(tag) => Route::ImageByTag(self.repository.clone(), tag.clone()),
            None => self.digest_route(),
        }
    }

    fn digest_route(&self) -> Route {
        Route::ImageByDigest(self.repository.clone(), self.digest.clone())
    }

    fn tags_route(&self) -> Route {
        Route::Tags(self.repository.clone())
    }

    fn title(&self) -> String {
        match &self.tag {
            Some(tag) => format!("{}:{tag}", self.repository),
            None => format!("{}@{}", self.repository, self.digest.short()),
        }
    }

    fn tab_address(&self, tab: impl Borrow<Tab>) -> Query {
        self.route()
            .with("tab", tab.borrow().as_str())
            .with("platform", self.platform.as_deref().unwrap_or_default())
    }

    fn platform_address(&self, child: &PlatformLink) -> Query {
        self.route()
            .with("tab", self.content.tab().as_str())
            .with("platform", &child.platform)
    }

    fn findings_links(&self, tab: &FindingsTab) -> PageLinks {
        tab.paging.links(|page| {
            self.findings_show_address(tab, tab.filter.show)
                .with("page", page)
        })
    }

    fn findings_show_address(&self, tab: &FindingsTab, show: Show) -> Query {
        tab.filter
            .showing(show)
            .address(self.route())
            .with("platform", self.platform.as_deref().unwrap_or_default())
    }

    fn packages_links(&self, tab: &PackagesTab) -> PageLinks {
        tab.paging.links(|page| {
            tab.filter
                .address(self.route())
                .with("platform", self.platform.as_deref().unwrap_or_default())
                .with("page", page)
        })
    }

    /// Returns the name a client pulls by tag, if there is a tag.
    fn pull_by_tag(&self) -> Option<String> {
        let tag = self.tag.as_ref()?;
        Some(format!("{}/{}:{tag}", self.registry_host, self.repository))
    }

    fn pull_by_digest(&self) -> String {
        format!("{}/{}@{}", self.registry_host, self.repository, self.digest)
    }

    fn schedule_svg(&self, report: &GradeReport) -> Result<String, askama::Error> {
        crate::schedule::svg(report, self.frame.now)
    }
}

/// Renders the page.
pub fn render_image(page: &ImagePage) -> Result<String, askama::Error> {
    page.render()
}
