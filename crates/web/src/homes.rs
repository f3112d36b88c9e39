//! Homes: whoever owns a namespace, with its robots. Its pages are below one address, a person's own below `/account`.
//!
//! Adding a view: a variant of [`HomeView`], a line in `write` and in `parse`, a case in the round-trip test of
//! [`crate::routes`]; its tab, if it has one, in `pages/people`.

use std::fmt;

use percent_encoding::utf8_percent_encode;

use crate::routes::{Route, SEGMENT, decode};

/// Whose pages.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Home {
    /// The visitor's own: `/account`.
    Account,
    /// An organisation's: `/organisations/{name}`.
    Organisation(String),
}

/// What of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HomeView {
    /// The page at the home's own address.
    Front,
    /// `robots`
    Robots,
    /// `robots/{name}`, by the robot's own name.
    Robot(String),
    /// `permissions`: rights below the namespace.
    Grants,
    /// `rules`: what neither moves nor ends, and what ends by itself.
    Rules,
    /// `usage`
    Usage,
    /// `members`, of organisations.
    Members,
    /// `teams`, of organisations.
    Teams,
    /// `teams/{name}`, of organisations.
    Team(String),
}

impl Home {
    /// Returns the address of a view.
    pub fn at(&self, view: HomeView) -> Route {
        Route::Home(self.clone(), view)
    }

    /// Returns the address of a robot, by its full name.
    pub(crate) fn robot(&self, full_name: &str) -> Route {
        let own = full_name.split_once('+').map_or(full_name, |(_, own)| own);
        self.at(HomeView::Robot(own.to_owned()))
    }

    /// Reads what follows a home's own address and a slash.
    pub(crate) fn parse(self, rest: &str) -> Option<Route> {
        let has_teams = matches!(self, Self::Organisation(_));
        let view = match rest.split_once('/') {
            None => match rest {
                "robots" => HomeView::Robots,
                "permissions" => HomeView::Grants,
                "rules" => HomeView::Rules,
                "usage" => HomeView::Usage,
                "members" if has_teams => HomeView::Members,
                "teams" if has_teams => HomeView::Teams,
                _ => return None,
            },
            Some(("robots", name)) => HomeView::Robot(decode(name)?),
            Some(("teams", name)) if has_teams => HomeView::Team(decode(name)?),
            Some(_) => return None,
        };
        Some(Route::Home(self, view))
    }

    pub(crate) fn write(&self, view: &HomeView, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account => f.write_str("/account")?,
            Self::Organisation(name) => {
                write!(f, "/organisations/{}", utf8_percent_encode(name, SEGMENT))?;
            }
        }
        match view {
            HomeView::Front => Ok(()),
            HomeView::Robots => f.write_str("/robots"),
            HomeView::Robot(name) => write!(f, "/robots/{}", utf8_percent_encode(name, SEGMENT)),
            HomeView::Grants => f.write_str("/permissions"),
            HomeView::Rules => f.write_str("/rules"),
            HomeView::Usage => f.write_str("/usage"),
            HomeView::Members => f.write_str("/members"),
            HomeView::Teams => f.write_str("/teams"),
            HomeView::Team(name) => write!(f, "/teams/{}", utf8_percent_encode(name, SEGMENT)),
        }
    }
}
