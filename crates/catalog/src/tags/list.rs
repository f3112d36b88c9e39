//! What is there now: one tag, a page of tags, the tags of a manifest.

use jiff::Timestamp;
use oci::{Digest, Tag};

use crate::batch::{Answer, Batch};
use crate::dialect::statements;
use crate::rows::{Columns as _, all, micros};
use crate::{Catalog, CatalogError, RepositoryId};

/// A tag that now points elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagMove {
    /// The tag.
    pub tag: Tag,
    /// What it pointed at before, if it existed.
    pub previous: Option<Digest>,
}

statements! {
    RESOLVE = "SELECT digest FROM tag
        WHERE repository_id = $1 AND live_name = $2 AND (expires_us IS NULL OR expires_us > $3)";
    LIST = "SELECT live_name FROM tag
        WHERE repository_id = $1 AND live_name > $2 AND (expires_us IS NULL OR expires_us > $3)
        ORDER BY live_name LIMIT $4";
    OF_MANIFEST = "SELECT live_name FROM tag
        WHERE repository_id = $1 AND digest = $2 AND live_name IS NOT NULL AND (expires_us IS NULL OR expires_us > $3)
        ORDER BY live_name";
}

impl Catalog {
    /// Returns what a tag points at.
    pub async fn resolve_tag(
        &self,
        repository: RepositoryId,
        tag: &Tag,
        now: Timestamp,
    ) -> Result<Option<Digest>, CatalogError> {
        let row = self
            .dialect
            .query(RESOLVE)
            .bind(repository.0)
            .bind(tag.to_string())
            .bind(micros(now))
            .fetch_optional(&self.reader)
            .await?;
        row.map(|row| row.digest("digest")).transpose()
    }

    /// Lists tags in ASCII order, beginning after `after` (which need not exist, nor be a tag).
    pub async fn list_tags(
        &self,
        repository: RepositoryId,
        after: Option<&str>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<Tag>, CatalogError> {
        let rows = self
            .dialect
            .query(LIST)
            .bind(repository.0)
            .bind(after.unwrap_or_default().to_owned())
            .bind(micros(now))
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| row.tag("live_name"))
    }

    /// Returns the tags that point at a manifest now, in ASCII order.
    pub async fn tags_of(
        &self,
        repository: RepositoryId,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<Vec<Tag>, CatalogError> {
        let mut batch = self.batch();
        ask_tags_of(&mut batch, repository, digest, now);
        read_tags_of(batch.read(&self.reader).await?.next()?)
    }
}

/// Asks in a batch for the tags that point at a manifest.
pub(crate) fn ask_tags_of(
    batch: &mut Batch,
    repository: RepositoryId,
    digest: &Digest,
    now: Timestamp,
) {
    batch
        .add(OF_MANIFEST)
        .bind(repository.0)
        .bind(digest.to_string())
        .bind(micros(now));
}

/// Reads the answer to [`ask_tags_of`].
pub(crate) fn read_tags_of(answer: Answer) -> Result<Vec<Tag>, CatalogError> {
    all(answer.rows, |row| row.tag("live_name"))
}
