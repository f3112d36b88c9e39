//! The visitor's own account: who they are here, their tokens, their password.

use askama::Template;
use jiff::Timestamp;

use super::{HomeHead, HomeTab, SecretRow, ShownSecret};
use crate::draft::Draft;
use crate::frame::{Frame, Section};
use crate::homes::HomeView;
use crate::routes::Route;
use crate::sorting::{Column, Heading, Sort};

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
    /// Its tokens.
    pub tokens: TokenList,
    /// A token that was made just now.
    pub shown: Option<ShownSecret>,
    /// The form that was refused.
    pub draft: Draft,
}

/// The tokens of an account: as many as it may have fit on one page.
#[derive(Clone, Debug, Default)]
pub struct TokenList {
    /// A part of the names to show.
    pub query: String,
    /// The order asked for.
    pub sort: TokenSort,
    /// Those that match, in this order.
    pub rows: Vec<SecretRow>,
}

/// A column by which tokens are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenColumn {
    /// What its owner calls it.
    Label,
    /// When it was made.
    Made,
    /// When it was last used; never comes before all others.
    Used,
    /// When it ends; never comes after all others.
    Ends,
}

/// The order of tokens.
pub type TokenSort = Sort<TokenColumn>;

impl Column for TokenColumn {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Label, "name"),
        (Self::Made, "made"),
        (Self::Used, "used"),
        (Self::Ends, "ends"),
    ];
    /// The oldest first.
    const DEFAULT: TokenSort = Sort::by(Self::Made, false);

    /// What is old, unused or about to end is what people look for.
    fn begins_descending(self) -> bool {
        false
    }
}

impl TokenList {
    /// Makes the list from all tokens, the oldest first.
    pub fn new(mut rows: Vec<SecretRow>, query: &str, sort: TokenSort) -> Self {
        let part = query.to_lowercase();
        rows.retain(|row| row.label.to_lowercase().contains(&part));
        // Tokens that are equal in this column stay in the order in which they were made.
        rows.sort_by(|a, b| {
            let order = match sort.column {
                TokenColumn::Label => a.label.to_lowercase().cmp(&b.label.to_lowercase()),
                TokenColumn::Made => a.created.cmp(&b.created),
                TokenColumn::Used => a.used.cmp(&b.used),
                TokenColumn::Ends => {
                    let never = Timestamp::MAX;
                    a.ends.unwrap_or(never).cmp(&b.ends.unwrap_or(never))
                }
            };
            if sort.descending {
                order.reverse()
            } else {
                order
            }
        });
        Self {
            query: query.to_owned(),
            sort,
            rows,
        }
    }
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

    fn target(&self) -> Route {
        self.head.home.at(HomeView::Front)
    }

    fn heading(&self, label: &'static str, column: TokenColumn) -> Heading {
        self.tokens.sort.heading(label, column, |sort| {
            self.target()
                .with("q", &self.tokens.query)
                .with("sort", &sort.parameter())
        })
    }
}

/// Renders the page of an account.
pub fn render_account(page: &AccountPage) -> Result<String, askama::Error> {
    page.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(label: &str, made: i64, used: Option<i64>, ends: Option<i64>) -> SecretRow {
        let at = |second| Timestamp::from_second(second).unwrap();
        SecretRow {
            id: String::new(),
            label: label.to_owned(),
            scopes: Vec::new(),
            created: at(made),
            used: used.map(at),
            ends: ends.map(at),
        }
    }

    #[track_caller]
    fn check(query: &str, sort: &str, labels: &[&str]) {
        let rows = vec![
            token("laptop", 1, Some(9), None),
            token("CI", 2, None, Some(20)),
            token("cluster", 3, Some(8), Some(10)),
            token("", 4, Some(9), None),
        ];
        let list = TokenList::new(rows, query, Sort::from_parameter(sort));
        let found: Vec<&str> = list.rows.iter().map(|row| row.label.as_str()).collect();
        assert_eq!(found, labels, "{query} {sort}");
    }

    #[test]
    fn tokens_are_found_by_their_name_and_ordered_by_a_column() {
        check("", "", &["laptop", "CI", "cluster", ""]);
        check("", "-made", &["", "cluster", "CI", "laptop"]);
        check("", "name", &["", "CI", "cluster", "laptop"]);
        check("", "used", &["CI", "cluster", "laptop", ""]);
        check("", "-used", &["laptop", "", "cluster", "CI"]);
        check("", "ends", &["cluster", "CI", "laptop", ""]);
        check("c", "", &["CI", "cluster"]);
        check("nothing", "", &[]);
    }
}
