//! Lists in order of names: which part of one is asked for, and where the next one begins.
//!
//! A list that takes more than this says so in a type of its own, with the same two fields.

use catalog::NameListing;
use serde::Deserialize;
use utoipa::IntoParams;

use super::people;
use super::problem::Problem;

/// Names in one answer, at most.
const MOST: u32 = 500;

/// Which part of a list.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NamesAsked {
    /// Begins after this name: the previous answer's `next`.
    #[serde(default)]
    pub(crate) after: String,
    /// How many; 500 if not given, and at most.
    pub(crate) limit: Option<u32>,
}

impl NamesAsked {
    /// Returns how many are asked for.
    pub(crate) fn limit(&self) -> u32 {
        self.limit.unwrap_or(MOST).clamp(1, MOST)
    }

    /// Returns the name to begin after.
    pub(crate) fn after(&self) -> Result<&str, Problem> {
        people::plain(&self.after)?;
        Ok(&self.after)
    }

    pub(crate) fn listing(&self) -> Result<NameListing<'_>, Problem> {
        Ok(NameListing::after(self.after()?, self.limit()))
    }

    /// Returns where the next answer begins: after the last of as many as were asked for.
    pub(crate) fn next<T>(&self, found: &[T], name: impl Fn(&T) -> &str) -> Option<String> {
        let last = found
            .last()
            .filter(|_| found.len() == self.limit() as usize);
        last.map(|last| name(last).to_owned())
    }
}
