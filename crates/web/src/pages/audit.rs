//! The audit trail: who did what, where from, and how it ended.

use askama::Template;
use jiff::Timestamp;

use crate::frame::{Frame, Section};
use crate::routes::{Query, Route};

/// A page of the trail, latest first.
#[derive(Clone, Debug, Template)]
#[template(path = "audit.html", whitespace = "minimize")]
pub struct AuditPage {
    /// The surroundings.
    pub frame: Frame,
    /// What is asked for, as it was written.
    pub filter: AuditFields,
    /// Why there are no rows: the filter asks for what this visitor may not see, or makes no sense.
    pub problem: Option<String>,
    /// The entries.
    pub rows: Vec<AuditLine>,
    /// Whether entries come before these.
    pub is_continued: bool,
    /// The `cursor` of the next page, if there is one.
    pub next: Option<String>,
}

/// The filter, empty where it allows everything.
#[derive(Clone, Debug, Default)]
pub struct AuditFields {
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// `success`, `failure` or `denied`.
    pub outcome: String,
    /// In which namespace.
    pub namespace: String,
    /// In which repository.
    pub repository: String,
    /// Not before.
    pub from: String,
    /// Before.
    pub to: String,
}

/// One entry.
#[derive(Clone, Debug)]
pub struct AuditLine {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// From which address.
    pub ip: Option<String>,
    /// What: `tag.move`.
    pub action: String,
    /// How it ended: `success`, `failure`, `denied`.
    pub outcome: &'static str,
    /// Where: a repository, else a namespace.
    pub place: Option<String>,
    /// On what.
    pub target: Option<String>,
    /// What else is known.
    pub detail: Option<String>,
    /// How often it happened.
    pub occurrences: u64,
}

impl AuditFields {
    /// The parameters of this filter, by name.
    fn pairs(&self) -> [(&'static str, &str); 7] {
        [
            ("actor", &self.actor),
            ("action", &self.action),
            ("outcome", &self.outcome),
            ("namespace", &self.namespace),
            ("repository", &self.repository),
            ("from", &self.from),
            ("to", &self.to),
        ]
    }

    fn is_empty(&self) -> bool {
        self.pairs().iter().all(|(_, value)| value.is_empty())
    }
}

impl AuditPage {
    const SECTION: Section = Section::Audit;

    fn first_page(&self) -> Query {
        let empty = Route::Audit.with("", "");
        let pairs = self.filter.pairs().into_iter();
        pairs.fold(empty, |query, (name, value)| query.with(name, value))
    }

    fn next_page(&self, cursor: &str) -> Query {
        self.first_page().with("cursor", cursor)
    }
}

/// Renders the page.
pub fn render_audit(page: &AuditPage) -> Result<String, askama::Error> {
    page.render()
}
