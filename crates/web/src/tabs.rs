//! Tabs: the views of one thing, as links.

use crate::routes::Route;

/// A tab as it is shown.
pub(crate) struct TabLink {
    pub(crate) label: &'static str,
    pub(crate) route: Route,
    /// The `aria-current` attribute of the view that is shown, empty for all others.
    pub(crate) current: &'static str,
}

impl TabLink {
    pub(crate) fn new(label: &'static str, route: Route, is_current: bool) -> Self {
        let current = if is_current { " aria-current=page" } else { "" };
        Self {
            label,
            route,
            current,
        }
    }
}
