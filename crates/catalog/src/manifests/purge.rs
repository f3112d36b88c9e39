//! Deleting an image permanently and at once: for the day a secret was pushed.
//!
//! Unlike a deletion it leaves no way back, and it does not wait for collection to take the rights away: from the commit
//! on nobody reads what only this image led to, its children and blobs included. Objects go at the next collection. What
//! another manifest, tag or way back of the repository still leads to stays.

use jiff::Timestamp;
use oci::Digest;

use crate::collection::{Review, ReviewEvent};
use crate::connection::Tx;
use crate::dialect::statements;
use crate::repository_state::namespace_of;
use crate::rows::{Columns as _, all};
use crate::tags::TagTarget;
use crate::usage::Count;
use crate::{
    Actor, AuditAction, AuditEntry, Catalog, CatalogError, Event, EventKind, RepositoryId,
    TagCause, Writer,
};

/// What became of an image that was to be deleted permanently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PurgeOutcome {
    /// It is gone.
    Purged {
        /// How many manifests left the repository: it, and children that nothing else led to.
        manifests: u32,
        /// How many blobs the repository may no longer read.
        blobs: u32,
    },
    /// It was not there.
    NotFound,
    /// This index of the repository, shown or deleted, holds it: that one goes first.
    Referenced {
        /// The index.
        by: Digest,
    },
}

statements! {
    LOCK = "SELECT digest FROM manifest WHERE repository_id = $1 AND digest = $2 {for update}";
    PARENT = "SELECT parent FROM manifest_ref
        WHERE repository_id = $1 AND digest = $2 AND kind = 'child' ORDER BY parent LIMIT 1";
    TAGS = "SELECT live_name FROM tag
        WHERE repository_id = $1 AND digest = $2 AND live_name IS NOT NULL ORDER BY live_name";
    BELOW = "SELECT DISTINCT kind, digest FROM manifest_ref
        WHERE repository_id = $1 AND parent = $2 ORDER BY digest, kind";
    LOCK_BLOB = "SELECT digest FROM blob WHERE digest = $1 {for update}";
    UNNAMED = "SELECT l.digest FROM repo_blob l WHERE l.repository_id = $1 AND l.digest = $2 AND NOT EXISTS (
            SELECT 1 FROM manifest_ref r WHERE r.repository_id = $1 AND r.digest = l.digest)";
    UNLINK = "DELETE FROM repo_blob WHERE repository_id = $1 AND digest = $2";
}

impl Catalog {
    /// Ends every tag on an image, closes every way back to it, and takes it and what only it led to out of the
    /// repository.
    ///
    /// # Errors
    /// [`CatalogError::Immutable`] if one of its tags may not end; nothing is changed then.
    pub async fn purge_manifest(
        &self,
        repository: RepositoryId,
        digest: &Digest,
        by: &Actor,
        now: Timestamp,
    ) -> Result<PurgeOutcome, CatalogError> {
        let mut tx = self.begin().await?;
        let head = self
            .writable_in(&mut tx, repository, Writer::Person)
            .await?;
        let on_manifest = |statement| {
            self.dialect
                .query(statement)
                .bind(repository.0)
                .bind(digest.to_string())
        };
        let locked = on_manifest(LOCK).fetch_optional(&mut *tx).await?;
        if locked.is_none() {
            return Ok(PurgeOutcome::NotFound);
        }
        if let Some(row) = on_manifest(PARENT).fetch_optional(&mut *tx).await? {
            let by = row.digest("parent")?;
            return Ok(PurgeOutcome::Referenced { by });
        }
        let tags = all(on_manifest(TAGS).fetch_all(&mut *tx).await?, |row| {
            row.tag("live_name")
        })?;
        for tag in &tags {
            let target = TagTarget::end(repository, Some(&head.name), tag, TagCause::Delete);
            self.retarget_tag(&mut tx, &target, by, now).await?;
        }
        self.close_ways_in(&mut tx, repository, digest, now).await?;

        let window = self.window_in(&mut tx, namespace_of(&head.name)).await?;
        let (mut manifests, mut blobs) = (0, 0);
        let mut leaving = vec![digest.clone()];
        while let Some(digest) = leaving.pop() {
            // A child of a sparse index was never there.
            let query = self.dialect.query(LOCK).bind(repository.0);
            let query = query.bind(digest.to_string());
            if query.fetch_optional(&mut *tx).await?.is_none() {
                continue;
            }
            let below = self.below_in(&mut tx, repository, &digest).await?;
            let begin = window.begin(now);
            let is_gone = self
                .remove_if_unkept_in(&mut tx, repository, &digest, begin, now)
                .await?;
            if !is_gone {
                continue;
            }
            manifests += 1;
            for (is_child, digest) in below {
                if is_child {
                    leaving.push(digest);
                } else if self
                    .unlink_unnamed_in(&mut tx, repository, &digest, now)
                    .await?
                {
                    blobs += 1;
                }
            }
        }
        let detail = format!("{manifests} manifests, {blobs} blobs");
        let entry = AuditEntry {
            detail: Some(&detail),
            ..AuditEntry::on(
                AuditAction::ManifestPurge,
                Some(&head.name),
                Some(digest.as_str()),
            )
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        let event = Event {
            digest: Some(digest),
            ..Event::in_repository(EventKind::Delete, repository, &head.name, &by.name)
        };
        self.event_in(&mut tx, &event, now).await?;
        tx.commit().await?;
        Ok(PurgeOutcome::Purged { manifests, blobs })
    }

    /// Returns what a manifest names, each with whether it is a child.
    async fn below_in(
        &self,
        tx: &mut Tx,
        repository: RepositoryId,
        digest: &Digest,
    ) -> Result<Vec<(bool, Digest)>, CatalogError> {
        let query = self.dialect.query(BELOW).bind(repository.0);
        let rows = query.bind(digest.to_string()).fetch_all(&mut **tx).await?;
        all(rows, |row| {
            Ok((row.text("kind")? == "child", row.digest("digest")?))
        })
    }

    /// Takes the repository's right to a blob that none of its manifests names, fresh or not. Returns whether it had it.
    async fn unlink_unnamed_in(
        &self,
        tx: &mut Tx,
        repository: RepositoryId,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let query = self.dialect.query(LOCK_BLOB).bind(digest.to_string());
        query.fetch_optional(&mut **tx).await?;
        let on_link = |statement| {
            self.dialect
                .query(statement)
                .bind(repository.0)
                .bind(digest.to_string())
        };
        if on_link(UNNAMED).fetch_optional(&mut **tx).await?.is_none() {
            return Ok(false);
        }
        self.count_link_in(tx, repository, digest, Count::Out)
            .await?;
        on_link(UNLINK).execute(&mut **tx).await?;
        let reviews = [Review::blob(digest)];
        self.review_in(tx, &reviews, ReviewEvent::Orphaned, now)
            .await?;
        Ok(true)
    }
}
