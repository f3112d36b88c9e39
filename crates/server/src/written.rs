//! What people write is checked in one place, whichever door it came through: the API, a page or the console.
//!
//! Each wing has its checks beside what they are about (`upstream::settings`, `api::rules`, `api::webhooks`); they all
//! refuse with [`Unacceptable`], and every door says that in its own way.

/// A value that is not acceptable, in words that begin with its field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unacceptable(String);

impl Unacceptable {
    /// Refuses with a sentence for the person who wrote it.
    pub(crate) fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }
}
