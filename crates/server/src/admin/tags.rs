//! The life of tags, from the console.

use std::time::Duration;

use jiff::Timestamp;
use oci::{Digest, RepositoryName, Tag};

use super::{Admin, AdminError};
pub use crate::api::repositories::TagItem;
pub use crate::api::tag_life::Span;
use catalog::{RestoreError, Sparse, parse_life};

/// Reads how long something lives: a number and one of s, m, h, d, w.
pub fn read_life(text: &str) -> Result<Duration, AdminError> {
    let wrong =
        || AdminError::Unacceptable("expected a number and one of s, m, h, d, w".to_owned());
    parse_life(text).ok_or_else(wrong)
}

impl Admin {
    /// Lists tags by name, beginning after `after`.
    pub async fn tags(
        &self,
        repository: &RepositoryName,
        filter: &str,
        after: Option<&Tag>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<TagItem>, AdminError> {
        let found = self.named(repository).await?;
        let rows = self
            .catalog
            .tag_rows(found.id, filter, after.map(Tag::as_str), limit, now)
            .await?;
        Ok(rows.into_iter().map(TagItem::from).collect())
    }

    /// Returns the spans of a tag, or of every tag, latest first.
    pub async fn tag_history(
        &self,
        repository: &RepositoryName,
        tag: Option<&Tag>,
        limit: u32,
    ) -> Result<Vec<Span>, AdminError> {
        let found = self.named(repository).await?;
        let rows = match tag {
            Some(tag) => self.catalog.tag_history(found.id, tag, None, limit).await?,
            None => {
                self.catalog
                    .repository_history(found.id, None, limit)
                    .await?
            }
        };
        Ok(rows.into_iter().map(Span::from).collect())
    }

    /// Points a tag at one of its earlier targets again. Returns what it pointed at before.
    pub async fn restore_tag(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        digest: &Digest,
        sparse: Sparse,
        now: Timestamp,
    ) -> Result<Option<Digest>, AdminError> {
        let found = self.named(repository).await?;
        let restored = self
            .catalog
            .restore_tag(found.id, tag, digest, sparse, &self.actor, now)
            .await;
        restored.map_err(|error| match error {
            RestoreError::Catalog(error) => error.into(),
            refused => AdminError::Restore(refused),
        })
    }

    /// Deletes a tag. Returns what it pointed at.
    pub async fn delete_tag(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        now: Timestamp,
    ) -> Result<Digest, AdminError> {
        let found = self.named(repository).await?;
        let deleted = self.catalog.delete_tag(found.id, tag, &self.actor, now);
        deleted.await?.ok_or_else(|| no_tag(repository, tag))
    }

    /// Makes a tag immutable, or lifts that.
    pub async fn lock_tag(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        is_immutable: bool,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        let found = self.named(repository).await?;
        let is_there = self
            .catalog
            .set_immutable(found.id, tag, is_immutable, &self.actor, now)
            .await?;
        is_there
            .then_some(())
            .ok_or_else(|| no_tag(repository, tag))
    }

    /// Sets when a tag ends by itself; `None` for never.
    pub async fn expire_tag(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        expires: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        if expires.is_some_and(|expires| expires <= now) {
            return Err(AdminError::Unacceptable(
                "this instant is past, delete the tag instead".to_owned(),
            ));
        }
        let found = self.named(repository).await?;
        let is_there = self
            .catalog
            .set_tag_expiry(found.id, tag, expires, &self.actor, now)
            .await?;
        is_there
            .then_some(())
            .ok_or_else(|| no_tag(repository, tag))
    }
}

fn no_tag(repository: &RepositoryName, tag: &Tag) -> AdminError {
    AdminError::NoTag {
        repository: repository.clone(),
        tag: tag.clone(),
    }
}
