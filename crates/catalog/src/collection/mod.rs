//! Collection: what nothing refers to any more goes away, while pushes and pulls run.
//!
//! Whatever may drop a reference asks for a review, in its own transaction ([`review`]). A review looks again, under
//! the locks of the rows it is about, and takes away only what has no reason left to stay.

mod review;

pub(crate) use review::{Review, ReviewEvent};

/// Every statement of this folder.
#[cfg(feature = "testkit")]
pub(crate) const STATEMENTS: [&[(&str, crate::dialect::Statement)]; 1] = [review::STATEMENTS];
