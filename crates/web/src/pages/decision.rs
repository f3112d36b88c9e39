//! One stored decision, explained rule by rule. Its address is permanent.

use askama::Template;
use evidence::SnapshotRef;
use jiff::Timestamp;
use oci::{Digest, RepositoryName, Tag};

use crate::chips::VerdictWord;
use crate::frame::{Frame, Section};
use crate::routes::Route;
use crate::rules::{self, RuleRow};

/// The decision page.
#[derive(Clone, Debug, Template)]
#[template(path = "decision.html", whitespace = "minimize")]
pub struct DecisionPage {
    /// The surroundings.
    pub frame: Frame,
    /// The decision's id.
    pub id: String,
    /// The answer.
    pub verdict: VerdictWord,
    /// `enforce`, `warn` or `audit`.
    pub mode: String,
    /// The door that asked: `push`, `pull`, `ci`.
    pub door: String,
    /// The repository.
    pub repository: RepositoryName,
    /// The tag asked for, if one was.
    pub tag: Option<Tag>,
    /// The image decided about.
    pub digest: Digest,
    /// The platform, for a child of an index.
    pub platform: Option<String>,
    /// The policies that applied.
    pub policies: Vec<PolicyRef>,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// Until when it holds, if something in it ends.
    pub valid_until: Option<Timestamp>,
    /// The advisories used.
    pub snapshot: Option<SnapshotRef>,
    /// Who asked, if the visitor may know.
    pub identity: Option<String>,
    /// All rules, worst first.
    pub rules: Vec<RuleRow>,
    /// The exact text the client got.
    pub client_text: String,
    /// The decision document, pretty-printed.
    pub input_json: String,
}

/// A policy at one version.
#[derive(Clone, Debug)]
pub struct PolicyRef {
    /// Its name.
    pub name: String,
    /// Its version, if it is numbered.
    pub version: Option<u64>,
    /// The digest of its text, in hexadecimal.
    pub hash: String,
}

impl DecisionPage {
    fn section(&self) -> Section {
        Section::Images
    }

    fn subject(&self) -> String {
        match &self.tag {
            Some(tag) => format!("{}:{tag}", self.repository),
            None => format!("{}@{}", self.repository, self.digest.short()),
        }
    }

    fn image_address(&self) -> Route {
        Route::ImageByDigest(self.repository.clone(), self.digest.clone())
    }

    fn loud_count(&self) -> usize {
        rules::loud(&self.rules).len()
    }
}

/// Renders the page.
pub fn render_decision(page: &DecisionPage) -> Result<String, askama::Error> {
    page.render()
}
