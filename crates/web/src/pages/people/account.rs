//! The visitor's own account: who they are here, their tokens, their password.

use askama::Template;
use jiff::Timestamp;

use super::{HomeHead, HomeTab, SecretRow, ShownSecret};
use crate::draft::Draft;
use crate::frame::{Frame, Section};

/// The page of an account.
#[derive(Clone, Debug, Template)]
#[template(path = "people/account.html", whitespace = "minimize")]
pub struct AccountPage {
    /// The surroundings.
    pub frame: Frame,
    /// Whose page it is.
    pub head: HomeHead,
    /// The address for people to read.
    pub email: Option<String>,
    /// What the account may do everywhere, in words; `None` for most.
    pub standing: Option<&'static str>,
    /// When it was created.
    pub created: Timestamp,
    /// Whether it has a password here; else somebody else vouches for it.
    pub has_password: bool,
    /// Its tokens, the oldest first.
    pub tokens: Vec<SecretRow>,
    /// A token that was made just now.
    pub shown: Option<ShownSecret>,
    /// The form that was refused.
    pub draft: Draft,
}

/// What a new token may do, and how it is called.
pub(crate) const GRANTS: [(&str, &str); 4] = [
    ("all", "everything that I may do"),
    ("pull", "pull"),
    ("pull,push", "pull and push"),
    ("pull,push,delete", "pull, push and delete"),
];

/// How long a new secret is good for, in days.
pub(crate) const DAYS: [(&str, &str); 5] = [
    ("7", "7 days"),
    ("30", "30 days"),
    ("90", "90 days"),
    ("180", "180 days"),
    ("366", "366 days"),
];

impl AccountPage {
    const SECTION: Section = Section::Elsewhere;
    const TAB: HomeTab = HomeTab::Front;
}

/// Renders the page of an account.
pub fn render_account(page: &AccountPage) -> Result<String, askama::Error> {
    page.render()
}
