//! OSV: the records of package ecosystems and of distributions that speak the same language.
//!
//! `shape` is the document as upstream writes it, `record` turns it into statements, `range` decides whether a version
//! is inside. Ranges over commits are ignored: an installed package has a version, not a commit.

mod range;
mod record;
mod shape;

pub(crate) use range::{Verdict, judge};
pub(crate) use record::{OsvRecord, is_cve, one_line, preferred, read};
pub(crate) use shape::{Document, Encoding};
