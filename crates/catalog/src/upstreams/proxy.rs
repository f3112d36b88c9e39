//! What is cached of an upstream: ordinary repositories, and when each tag was last compared.

use jiff::Timestamp;
use oci::{Digest, RepositoryName, Tag};

use crate::connection::Tx;
use crate::dialect::statements;
use crate::rows::{Columns as _, all, micros};
use crate::tags::{Retargeted, TagTarget};
use crate::{
    Actor, Catalog, CatalogError, Repository, RepositoryId, RepositoryState, TagCause, Writer,
};

/// A tag that nobody pulled for long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedTag {
    /// Where.
    pub repository: RepositoryId,
    /// Which.
    pub tag: Tag,
    /// When it was last compared with its upstream.
    pub checked_at: Timestamp,
}

/// The range of names that begin with `NAMESPACE/`: `0` follows `/`.
fn below(namespace: &str) -> (String, String) {
    (format!("{namespace}/"), format!("{namespace}0"))
}

statements! {
    CLOSE = "UPDATE repository SET state = $2 WHERE id = $1 AND state = 'normal'";
    OPEN_CACHED = "UPDATE repository SET state = 'normal' WHERE live_name >= $1 AND live_name < $2 AND state = 'proxy'";
    OPEN_MIRROR = "UPDATE repository SET state = 'normal' WHERE live_name = $1 AND state = 'mirror'";
    CHECKED = "INSERT INTO cached_tag (repository_id, tag, checked_at, used_at) VALUES ($1, $2, $3, $3)
        ON CONFLICT (repository_id, tag) DO UPDATE SET checked_at = excluded.checked_at, used_at = excluded.used_at";
    USED = "UPDATE cached_tag SET used_at = $3 WHERE repository_id = $1 AND tag = $2 AND used_at < $4";
    GET = "SELECT checked_at FROM cached_tag WHERE repository_id = $1 AND tag = $2";
    FORGET = "DELETE FROM cached_tag WHERE repository_id = $1 AND tag = $2";
    UNUSED = "SELECT c.repository_id, c.tag, c.checked_at FROM cached_tag c
        JOIN repository r ON r.id = c.repository_id AND r.live_name IS NOT NULL
        WHERE c.used_at < $1 AND r.live_name >= $2 AND r.live_name < $3
        ORDER BY c.used_at, c.repository_id, c.tag LIMIT $4";
    UNCACHED = "SELECT live_name FROM repository
        WHERE live_name >= $1 AND live_name < $2 AND created_by NOT LIKE 'cache of %' ORDER BY live_name LIMIT 1";
    REFERENCE = "SELECT size_bytes, media_type FROM manifest_ref
        WHERE repository_id = $1 AND digest = $2 AND kind IN ('config', 'layer') ORDER BY parent LIMIT 1";
}

impl Catalog {
    /// Returns the repository of a name that is cached or mirrored, creating it if needed. Nobody gets a role by that,
    /// and nobody but the copier may write there afterwards.
    pub async fn ensure_copy(
        &self,
        name: &RepositoryName,
        state: RepositoryState,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Repository, CatalogError> {
        let mut tx = self.begin().await?;
        let (repository, _) = self.ensure_repository_in(&mut tx, name, by, now).await?;
        self.dialect
            .query(CLOSE)
            .bind(repository.id.0)
            .bind(state.as_str())
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(repository)
    }

    /// Opens the repositories below a namespace that is no cache any more.
    pub(super) async fn open_cached_in(
        &self,
        tx: &mut Tx,
        namespace: &str,
    ) -> Result<(), CatalogError> {
        let (first, end) = below(namespace);
        self.dialect
            .query(OPEN_CACHED)
            .bind(first)
            .bind(end)
            .execute(&mut **tx)
            .await?;
        Ok(())
    }

    /// Opens the repository of a mirror that ends.
    pub(super) async fn open_mirror_in(
        &self,
        tx: &mut Tx,
        repository: &RepositoryName,
    ) -> Result<(), CatalogError> {
        self.dialect
            .query(OPEN_MIRROR)
            .bind(repository.to_string())
            .execute(&mut **tx)
            .await?;
        Ok(())
    }

    /// Points a tag at a manifest of the repository, or ends it, because its upstream did or nobody pulls it. Returns
    /// whether it changed.
    ///
    /// # Errors
    /// [`CatalogError::Immutable`] if the tag may not move, [`CatalogError::ReadOnly`].
    pub async fn follow_tag(
        &self,
        repository: RepositoryId,
        tag: &Tag,
        digest: Option<&Digest>,
        cause: TagCause,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        let writer = if cause == TagCause::Prune {
            Writer::Prune
        } else {
            Writer::Mirror
        };
        let head = self.writable_in(&mut tx, repository, writer).await?;
        let target = TagTarget {
            digest,
            ..TagTarget::end(repository, Some(&head.name), tag, cause)
        };
        let retargeted = self.retarget_tag(&mut tx, &target, by, now).await?;
        tx.commit().await?;
        Ok(matches!(retargeted, Retargeted::Changed { .. }))
    }

    /// Notes that a cached tag is what its upstream says now.
    pub async fn tag_checked(
        &self,
        repository: RepositoryId,
        tag: &Tag,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        self.dialect
            .query(CHECKED)
            .bind(repository.0)
            .bind(tag.to_string())
            .bind(micros(now))
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Notes that a cached tag was pulled, unless that was noted after `noted`.
    pub async fn tag_used(
        &self,
        repository: RepositoryId,
        tag: &Tag,
        now: Timestamp,
        noted: Timestamp,
    ) -> Result<(), CatalogError> {
        self.dialect
            .query(USED)
            .bind(repository.0)
            .bind(tag.to_string())
            .bind(micros(now))
            .bind(micros(noted))
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Returns when a cached tag was last compared with its upstream.
    pub async fn tag_checked_at(
        &self,
        repository: RepositoryId,
        tag: &Tag,
    ) -> Result<Option<Timestamp>, CatalogError> {
        let query = self
            .dialect
            .query(GET)
            .bind(repository.0)
            .bind(tag.to_string());
        let row = query.fetch_optional(&self.reader).await?;
        row.map(|row| row.time("checked_at")).transpose()
    }

    /// Forgets when a tag was compared: its upstream does not have it any more.
    pub async fn forget_cached_tag(
        &self,
        repository: RepositoryId,
        tag: &Tag,
    ) -> Result<(), CatalogError> {
        self.dialect
            .query(FORGET)
            .bind(repository.0)
            .bind(tag.to_string())
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Lists cached tags below a namespace that nobody pulled since `before`, longest first.
    pub async fn unused_cached_tags(
        &self,
        namespace: &str,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<CachedTag>, CatalogError> {
        let (first, end) = below(namespace);
        let rows = self
            .dialect
            .query(UNUSED)
            .bind(micros(before))
            .bind(first)
            .bind(end)
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| {
            Ok(CachedTag {
                repository: RepositoryId(row.int("repository_id")?),
                tag: row.tag("tag")?,
                checked_at: row.time("checked_at")?,
            })
        })
    }

    /// Returns a repository below a namespace that was not made by a cache.
    pub async fn uncached_repository_in(
        &self,
        namespace: &str,
    ) -> Result<Option<RepositoryName>, CatalogError> {
        let (first, end) = below(namespace);
        let row = self
            .dialect
            .query(UNCACHED)
            .bind(first)
            .bind(end)
            .fetch_optional(&self.reader)
            .await?;
        row.map(|row| row.repository_name("live_name")).transpose()
    }

    /// Returns the size that a manifest of the repository says a blob has; `None` if none names it.
    pub async fn named_blob(
        &self,
        repository: RepositoryId,
        digest: &Digest,
    ) -> Result<Option<u64>, CatalogError> {
        let row = self
            .dialect
            .query(REFERENCE)
            .bind(repository.0)
            .bind(digest.to_string())
            .fetch_optional(&self.reader)
            .await?;
        row.map(|row| row.size("size_bytes")).transpose()
    }
}
