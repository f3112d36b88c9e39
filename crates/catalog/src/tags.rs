//! Tags: one writer, and every earlier target kept.

use jiff::Timestamp;
use oci::{Digest, Tag};

use crate::{Actor, Catalog, CatalogError, RepositoryId};

/// Why a tag points where it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagCause {
    /// First push.
    Push,
    /// A push of other content.
    Move,
    /// Deletion.
    Delete,
}

impl TagCause {
    /// Returns the word stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Move => "move",
            Self::Delete => "delete",
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, CatalogError> {
        match text {
            "push" => Ok(Self::Push),
            "move" => Ok(Self::Move),
            "delete" => Ok(Self::Delete),
            _ => Err(CatalogError::Corrupt("cause of a tag")),
        }
    }
}

/// A tag that now points elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagMove {
    /// The tag.
    pub tag: Tag,
    /// What it pointed at before, if it existed.
    pub previous: Option<Digest>,
}

/// One span of a tag's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRow {
    /// What it pointed at.
    pub digest: Digest,
    /// From when.
    pub start: Timestamp,
    /// Until when; `None` for the present.
    pub end: Option<Timestamp>,
    /// Who did it.
    pub actor: String,
    /// Why.
    pub cause: TagCause,
}

impl Catalog {
    /// Returns what a tag points at.
    pub async fn resolve_tag(
        &self,
        repository: RepositoryId,
        tag: &Tag,
        now: Timestamp,
    ) -> Result<Option<Digest>, CatalogError> {
        todo!()
    }

    /// Lists tags in ASCII order, beginning after `after` (which need not exist, nor be a tag).
    pub async fn list_tags(
        &self,
        repository: RepositoryId,
        after: Option<&str>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<Tag>, CatalogError> {
        todo!()
    }

    /// Returns the tags that point at a manifest now, in ASCII order.
    pub async fn tags_of(
        &self,
        repository: RepositoryId,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<Vec<Tag>, CatalogError> {
        todo!()
    }

    /// Returns a tag's history, latest first.
    pub async fn tag_history(
        &self,
        repository: RepositoryId,
        tag: &Tag,
        limit: u32,
    ) -> Result<Vec<HistoryRow>, CatalogError> {
        todo!()
    }

    /// Ends a tag; the manifest stays. Returns what it pointed at.
    pub async fn delete_tag(
        &self,
        repository: RepositoryId,
        tag: &Tag,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Option<Digest>, CatalogError> {
        todo!()
    }
}
