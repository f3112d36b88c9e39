//! The rules of the system: those of every namespace and repository that has none of its own, or besides.

use askama::Template;

use super::{Done, SystemTab};
use crate::draft::Draft;
use crate::frame::{Frame, Section};
use crate::pages::people::usage::QuotaCard;
use crate::pages::rules::Rules;
use crate::routes::Route;

/// The rules of the system.
#[derive(Clone, Debug, Template)]
#[template(path = "system/rules.html", whitespace = "minimize")]
pub struct SystemRulesPage {
    /// The surroundings.
    pub frame: Frame,
    /// What was just done.
    pub done: Option<Done>,
    /// What neither moves nor ends, and what ends by itself.
    pub rules: Rules,
    /// What is used of the quota.
    pub quota: QuotaCard,
    /// The form that was refused.
    pub draft: Draft,
}

impl SystemRulesPage {
    const SECTION: Section = Section::System;
    const TAB: SystemTab = SystemTab::Rules;

    #[expect(clippy::unused_self, reason = "templates call methods only")]
    fn target(&self) -> Route {
        Route::SystemRules
    }
}

/// Renders the rules of the system.
pub fn render_system_rules(page: &SystemRulesPage) -> Result<String, askama::Error> {
    page.render()
}
