//! People, organisations and robots: what the pages of one home share.
//!
//! A page has a [`HomeHead`] and says with `TAB` which tab it belongs to. Its forms carry what they do in the value of
//! their button, and a form that was refused comes back as a [`Draft`](crate::Draft).

pub mod account;
pub mod grants;
pub mod organisations;
pub mod robots;
pub mod rules;
pub mod teams;
pub mod usage;

use std::fmt;

use crate::homes::{Home, HomeView};
use crate::tabs::TabLink;

/// The roles on repositories, with what they mean; the empty word is none.
pub(crate) const ROLES: [(&str, &str); 4] = [
    ("", "nothing yet"),
    ("read", "read: pull"),
    ("write", "write: pull and push"),
    ("admin", "admin: everything"),
];

/// The roles that can be given.
pub(crate) const GIVEN: [(&str, &str); 3] = [
    ("read", "read: pull"),
    ("write", "write: pull and push"),
    ("admin", "admin: everything"),
];

/// The head of a home's pages.
#[derive(Clone, Debug)]
pub struct HomeHead {
    /// Whose pages.
    pub home: Home,
    /// The name, which is also the namespace.
    pub name: String,
    /// Whether the visitor owns it; others read less of it and change nothing.
    pub owns: bool,
    /// Whether the visitor reads what only owners see.
    pub sees_inside: bool,
}

/// The tabs of a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HomeTab {
    Front,
    Members,
    Teams,
    Robots,
    Grants,
    Rules,
    Usage,
}

impl HomeTab {
    pub(crate) fn all(self, head: &HomeHead) -> Vec<TabLink> {
        let link = |tab, label, view| TabLink::new(label, head.home.at(view), tab == self);
        let mut tabs = match head.home {
            Home::Account => vec![link(Self::Front, "Account", HomeView::Front)],
            Home::Organisation(_) => vec![
                link(Self::Front, "Overview", HomeView::Front),
                link(Self::Members, "Members", HomeView::Members),
                link(Self::Teams, "Teams", HomeView::Teams),
            ],
        };
        if head.sees_inside {
            tabs.push(link(Self::Robots, "Robots", HomeView::Robots));
            tabs.push(link(Self::Grants, "Permissions", HomeView::Grants));
        }
        if head.owns {
            tabs.push(link(Self::Rules, "Rules", HomeView::Rules));
            tabs.push(link(Self::Usage, "Usage", HomeView::Usage));
        }
        tabs
    }
}

/// A stored secret, as its owner sees it.
#[derive(Clone, Debug)]
pub struct SecretRow {
    /// Its id, by which it is revoked.
    pub id: String,
    /// What its owner calls it.
    pub label: String,
    /// What it is narrowed to; empty narrows nothing.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created: jiff::Timestamp,
    /// When it was last used, to about a minute.
    pub used: Option<jiff::Timestamp>,
    /// When it ends; `None` is never.
    pub ends: Option<jiff::Timestamp>,
}

impl SecretRow {
    pub(crate) fn has_ended(&self, now: &jiff::Timestamp) -> bool {
        self.ends.is_some_and(|ends| ends <= *now)
    }
}

/// A secret on the one page that ever shows it, in the forms that clients take.
#[derive(Clone)]
pub struct ShownSecret {
    /// What it is called.
    pub label: String,
    /// The registry's host and port.
    pub host: String,
    /// The user name that goes with it.
    pub user: String,
    /// The secret itself.
    pub secret: String,
    /// `auth` of the clients' own files: user name and secret, as base64.
    pub auth: String,
    /// When it ends; `None` is never.
    pub ends: Option<jiff::Timestamp>,
}

/// A page may be logged; the secret may not.
impl fmt::Debug for ShownSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShownSecret")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl ShownSecret {
    /// Returns what a client's own file holds, such as `auth.json`.
    pub(crate) fn auth_file(&self) -> String {
        format!(
            "{{\"auths\": {{\"{}\": {{\"auth\": \"{}\"}}}}}}",
            self.host, self.auth
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_in_no_log() {
        let shown = ShownSecret {
            label: String::new(),
            host: "registry.example.com".to_owned(),
            user: "acme+ci".to_owned(),
            secret: "tgr_secret".to_owned(),
            auth: "c2VjcmV0".to_owned(),
            ends: None,
        };
        let text = format!("{shown:?}");
        assert!(text.contains("acme+ci"), "{text}");
        assert!(!text.contains("secret") && !text.contains("c2Vj"), "{text}");
    }
}
