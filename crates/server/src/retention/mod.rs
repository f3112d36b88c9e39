//! Retention: which tags end because newer ones came.
//!
//! A policy is a list of rules. A rule selects tags by name and says which of them stay; a tag ends if some rule selects
//! it and no rule that does keeps it. A tag that no rule selects stays, and so does one whose rule asks for a time that
//! nobody knows. Signatures, other referrers and children of tagged indexes are never judged: they follow.
//!
//! [`document`] reads policies, [`decide`] judges (pure, in bounded memory whatever the number of tags), [`prune`] goes
//! through a repository and ends tags through the catalog's one writer, which refuses what is immutable.
//!
//! Adding a way to keep: a field of [`document::RuleDocument`], its check there, its arm in [`decide`].

mod decide;
mod document;
pub(crate) mod prune;

pub(crate) use document::{Policy, RetentionDocument, RuleDocument};
