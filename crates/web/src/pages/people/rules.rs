//! The rules of a namespace.

use askama::Template;

use super::usage::QuotaCard;
use super::{HomeHead, HomeTab};
use crate::draft::Draft;
use crate::frame::{Frame, Section};
use crate::homes::HomeView;
use crate::pages::rules::Rules;
use crate::routes::{Query, Route};

/// The rules of a namespace, for whoever owns it.
#[derive(Clone, Debug, Template)]
#[template(path = "people/rules.html", whitespace = "minimize")]
pub struct NamespaceRulesPage {
    /// The surroundings.
    pub frame: Frame,
    /// Whose page it is.
    pub head: HomeHead,
    /// What neither moves nor ends, and what ends by itself.
    pub rules: Rules,
    /// How long what is deleted can be brought back: `0`, `1d`, `1w`, `2w` or `4w`.
    pub window: &'static str,
    /// What is used of the quota.
    pub quota: QuotaCard,
    /// The form that was refused.
    pub draft: Draft,
}

/// How long what is deleted can be brought back, and how it is called.
pub(crate) const WINDOWS: [(&str, &str); 5] = [
    ("0", "not at all"),
    ("1d", "for 24 hours"),
    ("1w", "for 7 days"),
    ("2w", "for 14 days"),
    ("4w", "for 28 days"),
];

impl NamespaceRulesPage {
    const SECTION: Section = Section::Elsewhere;
    const TAB: HomeTab = HomeTab::Rules;

    fn target(&self) -> Route {
        self.head.home.at(HomeView::Rules)
    }

    fn audit(&self) -> Query {
        Route::Audit.with("namespace", &self.head.name)
    }
}

/// Renders the rules of a namespace.
pub fn render_namespace_rules(page: &NamespaceRulesPage) -> Result<String, askama::Error> {
    page.render()
}
