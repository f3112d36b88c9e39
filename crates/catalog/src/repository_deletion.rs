//! The end of a repository: its name is free at once, its rows go in chunks.
//!
//! Deleting takes the name away and queues a job, in one transaction. From then on nobody reaches anything inside, so
//! the chunks need no order that readers could see; each may be repeated. The row of the repository itself stays: ids
//! are never used again, and the audit trail names what is gone.

use jiff::Timestamp;
use oci::Tag;

use crate::collection::{Review, ReviewEvent};
use crate::dialect::statements;
use crate::rows::{Columns as _, all};
use crate::scope::Scope;
use crate::usage::Count;
use crate::{
    Actor, AuditAction, AuditEntry, Catalog, CatalogError, Event, EventKind, Lane, NewJob,
    RepositoryId,
};

/// The kind of the job that removes a deleted repository's rows. Its payload is `{"repository": id}`.
pub const DELETE_REPOSITORY: &str = "delete-repository";

/// Why a repository is not deleted. Nothing is changed then.
#[derive(Debug, thiserror::Error)]
pub enum DeleteRepositoryError {
    /// It is not there.
    #[error("there is no such repository")]
    NotFound,
    /// One of its tags may not end.
    #[error("tag `{0}` is immutable, lift that before deleting the repository")]
    Immutable(Tag),
    /// A fault or refusal of the catalog.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl From<sqlx::Error> for DeleteRepositoryError {
    fn from(error: sqlx::Error) -> Self {
        Self::Catalog(error.into())
    }
}

statements! {
    LOCK = "SELECT name, state, (SELECT value FROM system_state WHERE name = 'read_only') AS system_read_only
        FROM repository WHERE id = $1 AND live_name IS NOT NULL {for update}";
    RELEASE = "UPDATE repository SET state = 'deleting', live_name = NULL WHERE id = $1";
    IS_RELEASED = "SELECT id FROM repository WHERE id = $1 AND live_name IS NULL AND state = 'deleting'";
    MANIFESTS = "SELECT digest FROM manifest WHERE repository_id = $1 ORDER BY digest LIMIT $2";
    LOCK_BODY = "SELECT digest FROM manifest_body WHERE digest = $1 {for update}";
    LINKS = "SELECT digest FROM repo_blob WHERE repository_id = $1 ORDER BY digest LIMIT $2";
    LOCK_BLOB = "SELECT digest FROM blob WHERE digest = $1 {for update}";
    UNLINK = "DELETE FROM repo_blob WHERE repository_id = $1 AND digest = $2";
    TAGS = "DELETE FROM tag WHERE repository_id = $1 AND id IN (
            SELECT id FROM tag WHERE repository_id = $1 ORDER BY id LIMIT $2)";
    DECISIONS = "DELETE FROM decision WHERE repository_id = $1 AND id IN (
            SELECT id FROM decision WHERE repository_id = $1 LIMIT $2)";
    PULLS = "DELETE FROM pull_stat WHERE repository_id = $1 AND digest IN (
            SELECT DISTINCT digest FROM pull_stat WHERE repository_id = $1 LIMIT $2)";
    PERMISSIONS = "DELETE FROM permission WHERE repository_id = $1";
    IMMUTABILITY = "DELETE FROM policy_immutability WHERE scope = $1";
    RETENTION = "DELETE FROM policy_retention WHERE scope = $1";
}

impl Catalog {
    /// Frees a repository's name and queues the removal of what is inside.
    ///
    /// # Errors
    /// See [`DeleteRepositoryError`]; a repository or registry that is read-only is not deleted either.
    pub async fn delete_repository(
        &self,
        repository: RepositoryId,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), DeleteRepositoryError> {
        let mut tx = self.begin().await?;
        let query = self.dialect.query(LOCK).bind(repository.0);
        let row = query
            .fetch_optional(&mut *tx)
            .await?
            .ok_or(DeleteRepositoryError::NotFound)?;
        let name = row.text("name")?;
        if row.maybe_int("system_read_only")? == Some(1) {
            return Err(CatalogError::ReadOnly("the registry").into());
        }
        if row.text("state")? == "read_only" {
            return Err(CatalogError::ReadOnly("the repository").into());
        }
        if let Some(tag) = self
            .any_immutable_tag_in(&mut tx, repository, &name, now)
            .await?
        {
            return Err(DeleteRepositoryError::Immutable(tag));
        }
        let query = self.dialect.query(RELEASE).bind(repository.0);
        query.execute(&mut *tx).await?;
        let job = NewJob {
            kind: DELETE_REPOSITORY.to_owned(),
            lane: Lane::Bulk,
            payload: serde_json::json!({ "repository": repository.0 }).to_string(),
            dedup_key: Some(format!("{DELETE_REPOSITORY}:{}", repository.0)),
            delay: std::time::Duration::ZERO,
        };
        self.enqueue_in(&mut tx, &job).await?;
        let entry = AuditEntry::on(AuditAction::RepositoryDelete, Some(&name), None);
        self.audit_in(&mut tx, &entry, by, now).await?;
        let event = Event::in_repository(EventKind::Delete, repository, &name, &by.name);
        self.event_in(&mut tx, &event, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Removes up to `limit` rows of each kind from a deleted repository. Returns whether anything is left: call again.
    pub async fn remove_repository_rows(
        &self,
        repository: RepositoryId,
        limit: u32,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let query = self.dialect.query(IS_RELEASED).bind(repository.0);
        if query.fetch_optional(&self.reader).await?.is_none() {
            return Ok(false);
        }
        let mut removed = self.remove_manifests(repository, limit, now).await?;
        removed += self.remove_links(repository, limit, now).await?;
        let mut tx = self.begin().await?;
        for statement in [TAGS, DECISIONS, PULLS] {
            let query = self.dialect.query(statement).bind(repository.0);
            let deleted = query.bind(i64::from(limit)).execute(&mut *tx).await?;
            removed += deleted.rows_affected();
        }
        let query = self.dialect.query(PERMISSIONS).bind(repository.0);
        query.execute(&mut *tx).await?;
        let scope = Scope::Repository(repository).to_string();
        for statement in [IMMUTABILITY, RETENTION] {
            let query = self.dialect.query(statement).bind(scope.clone());
            query.execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(removed > 0)
    }

    async fn remove_manifests(
        &self,
        repository: RepositoryId,
        limit: u32,
        now: Timestamp,
    ) -> Result<u64, CatalogError> {
        let query = self.dialect.query(MANIFESTS).bind(repository.0);
        let rows = query.bind(i64::from(limit)).fetch_all(&self.reader).await?;
        let digests = all(rows, |row| row.digest("digest"))?;
        let mut tx = self.begin().await?;
        for digest in &digests {
            let query = self.dialect.query(LOCK_BODY).bind(digest.to_string());
            query.fetch_optional(&mut *tx).await?;
            self.remove_manifest_in(&mut tx, repository, digest, now)
                .await?;
        }
        tx.commit().await?;
        Ok(digests.len() as u64)
    }

    async fn remove_links(
        &self,
        repository: RepositoryId,
        limit: u32,
        now: Timestamp,
    ) -> Result<u64, CatalogError> {
        let query = self.dialect.query(LINKS).bind(repository.0);
        let rows = query.bind(i64::from(limit)).fetch_all(&self.reader).await?;
        let digests = all(rows, |row| row.digest("digest"))?;
        let mut tx = self.begin().await?;
        let mut reviews = Vec::new();
        for digest in &digests {
            let query = self.dialect.query(LOCK_BLOB).bind(digest.to_string());
            query.fetch_optional(&mut *tx).await?;
            self.count_link_in(&mut tx, repository, digest, Count::Out)
                .await?;
            self.dialect
                .query(UNLINK)
                .bind(repository.0)
                .bind(digest.to_string())
                .execute(&mut *tx)
                .await?;
            reviews.push(Review::blob(digest));
        }
        self.review_in(&mut tx, &reviews, ReviewEvent::Orphaned, now)
            .await?;
        tx.commit().await?;
        Ok(digests.len() as u64)
    }
}
