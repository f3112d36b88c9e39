//! Collection: what is needed stays and what is not goes, whatever happens in between.
//!
//! [`random`] draws sequences of everything that can happen and compares each step with a sequential [`model`];
//! [`concurrent`] lets pushers, deleters and collectors loose at once; [`seeds`] are the cases that other registries
//! got wrong; [`report`] compares the dry run with a run. All look at the database through [`state`], not through the code they test.

pub(crate) mod concurrent;
mod model;
pub(crate) mod random;
mod report;
pub(crate) mod seeds;
mod state;
