//! Pages of a list.

use std::ops::Range;

use crate::routes::Query;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::Route;

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
}
