//! Tags: one writer, every earlier target kept, and what may happen to them in their lives.
//!
//! A row of `tag` is a span: from `start_us` until `end_us` the name led to one digest. The present span is the one with
//! a `live_name`. [`Catalog::retarget_tag`](crate::Catalog) in `retarget` is the only way a span begins or ends, whoever
//! asks for it: pushes, deletions, restores, expiry, retention, mirrors. It refuses what is immutable
//! ([`immutability`]) and what a repository's state forbids ([`crate::repository_state`]).
//!
//! **Soft deletion.** A span that ended is a way back for as long as its namespace's restore window says
//! ([`restore`]), so the collector treats its manifest as a root: [`history`]'s `KEPT_BY_HISTORY` is that question. A
//! manifest deleted by digest is only hidden (`manifest.deleted_at`) until no span within the window leads to it.
//!
//! Adding a cause: a variant of [`TagCause`], its word, and its audit action in `retarget`.

mod cause;
mod expiry;
mod fallback;
mod history;
pub(crate) mod immutability;
mod list;
mod order;
mod purge;
mod restore;
mod retarget;

pub use cause::TagCause;
pub use expiry::ExpiringTag;
pub use history::{HistoryRow, RepositoryTag};
pub use immutability::{ImmutabilityRule, NewImmutabilityRule};
pub use list::TagMove;
pub(crate) use list::{ask_tags_of, read_tags_of};
pub(crate) use order::sort_key;
pub use restore::{RestoreError, RestoreWindow};
pub(crate) use retarget::{LiveTag, Retargeted, TagTarget, ask_span, cosign_subject, read_span};

/// Every statement of this folder.
#[cfg(feature = "testkit")]
pub(crate) const STATEMENTS: [&[(&str, crate::dialect::Statement)]; 8] = [
    expiry::STATEMENTS,
    fallback::STATEMENTS,
    history::STATEMENTS,
    immutability::STATEMENTS,
    list::STATEMENTS,
    purge::STATEMENTS,
    restore::STATEMENTS,
    retarget::STATEMENTS,
];
