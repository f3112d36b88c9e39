//! Lists in order of names: which page of one an address asks for, and where its neighbours are.

use catalog::{NameListing, NamePage, NamePlace};
use web::NamePaging;

use crate::pages::Visit;

/// Names on a page.
pub(super) const PER_PAGE: u32 = 50;

/// What the parameters `q`, `after` and `before` of an address ask for.
pub(super) struct Asked {
    part: String,
    after: String,
    before: String,
}

impl Asked {
    pub(super) fn of(visit: &Visit) -> Self {
        // PostgreSQL's texts hold no NUL.
        let text = |name| visit.parameter(name).replace('\0', "");
        Self {
            part: text("q").trim().to_owned(),
            after: text("after"),
            before: text("before"),
        }
    }

    pub(super) fn listing(&self) -> NameListing<'_> {
        let place = match (self.after.as_str(), self.before.as_str()) {
            ("", "") => NamePlace::First,
            ("", before) => NamePlace::Before(before),
            (after, _) => NamePlace::After(after),
        };
        NameListing {
            part: &self.part,
            place,
            limit: PER_PAGE,
        }
    }

    /// Returns the way to the neighbours of a page that was found. An empty one leads back to where it was asked from.
    pub(super) fn paging<T>(self, page: &NamePage<T>, name: impl Fn(&T) -> String) -> NamePaging {
        let first = page.rows.first().map(&name);
        let last = page.rows.last().map(&name);
        let or_asked = |name: String| (!name.is_empty()).then_some(name);
        NamePaging {
            before: first
                .or_else(|| or_asked(self.after))
                .filter(|_| page.has_before),
            after: last
                .or_else(|| or_asked(self.before))
                .filter(|_| page.has_after),
            query: self.part,
        }
    }
}
