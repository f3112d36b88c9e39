//! Pages of a list.

use std::ops::Range;

use crate::routes::{Query, Route};

/// Which part of a list a page shows. Positions count from zero, pages from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paging {
    /// The page shown, at least 1.
    pub page: usize,
    /// Rows on a page.
    pub per_page: usize,
    /// Rows that match the filter, on all pages.
    pub total: usize,
}

impl Paging {
    /// Rows on a page unless the caller says otherwise.
    pub const PER_PAGE: usize = 100;

    /// Returns the page nearest to the one asked for that exists.
    pub fn new(page: usize, per_page: usize, total: usize) -> Self {
        let per_page = per_page.max(1);
        let last = total.div_ceil(per_page).max(1);
        Self {
            page: page.clamp(1, last),
            per_page,
            total,
        }
    }

    /// Returns the number of pages, at least 1.
    pub fn pages(&self) -> usize {
        self.total.div_ceil(self.per_page).max(1)
    }

    /// Returns the positions of the rows on this page.
    pub fn range(&self) -> Range<usize> {
        let start = (self.page - 1) * self.per_page;
        start.min(self.total)..(start + self.per_page).min(self.total)
    }

    /// Returns what stands below the list. `address` writes the address of another page of it.
    pub(crate) fn links(&self, address: impl Fn(&str) -> Query) -> PageLinks {
        let range = self.range();
        let link = |page: usize| address(&page.to_string());
        PageLinks {
            first: range.start + usize::from(self.total > 0),
            last: range.end,
            total: self.total,
            previous: (self.page > 1).then(|| link(self.page - 1)),
            next: (self.page < self.pages()).then(|| link(self.page + 1)),
        }
    }
}

/// Which rows are shown, counted from one, and the way to the others.
#[derive(Debug)]
pub(crate) struct PageLinks {
    pub(crate) first: usize,
    pub(crate) last: usize,
    pub(crate) total: usize,
    pub(crate) previous: Option<Query>,
    pub(crate) next: Option<Query>,
}

/// A page of a list in order of names: what it was narrowed to, and where its neighbours are.
#[derive(Clone, Debug, Default)]
pub struct NamePaging {
    /// A part of the names that are shown.
    pub query: String,
    /// The name that the previous page ends before, if there is one.
    pub before: Option<String>,
    /// The name that the next page begins after, if there is one.
    pub after: Option<String>,
}

impl NamePaging {
    /// Returns whether names are missing here that the list has.
    pub(crate) fn is_part(&self) -> bool {
        self.before.is_some() || self.after.is_some()
    }

    /// Returns the ways to the neighbours of this page of a list.
    pub(crate) fn links(&self, list: Route) -> NameLinks {
        let list = list.with("q", &self.query);
        let link = |parameter: &str, name: &String| list.clone().with(parameter, name);
        NameLinks {
            previous: self.before.as_ref().map(|name| link("before", name)),
            next: self.after.as_ref().map(|name| link("after", name)),
        }
    }
}

/// The ways to the pages before and after.
#[derive(Debug)]
pub(crate) struct NameLinks {
    pub(crate) previous: Option<Query>,
    pub(crate) next: Option<Query>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_past_the_end_is_the_last_page() {
        let paging = Paging::new(9, 10, 25);
        assert_eq!((paging.page, paging.range()), (3, 20..25));
        let links = paging.links(|page| Route::Images.with("page", page));
        assert_eq!((links.first, links.last, links.total), (21, 25, 25));
        assert_eq!(links.previous.unwrap().to_string(), "/images?page=2");
        assert_eq!(links.next, None);
    }

    #[test]
    fn an_empty_list_has_one_empty_page() {
        let paging = Paging::new(0, 0, 0);
        assert_eq!((paging.page, paging.pages(), paging.range()), (1, 1, 0..0));
        let links = paging.links(|page| Route::Images.with("page", page));
        assert_eq!((links.first, links.last, links.total), (0, 0, 0));
    }

    #[test]
    fn the_neighbours_of_a_page_keep_its_filter() {
        let page = NamePaging {
            query: "ci".to_owned(),
            before: Some("a+ci".to_owned()),
            after: None,
        };
        let links = page.links(Route::Organisations);
        assert_eq!(
            links.previous.unwrap().to_string(),
            "/organisations?q=ci&before=a%2Bci"
        );
        assert!(links.next.is_none() && page.is_part());
        assert!(!NamePaging::default().is_part());
    }
}
