//! Taking a manifest out of its repository.
//!
//! Inside the restore window a deleted manifest is hidden: nobody sees it, nothing but the history of its tags holds it,
//! and its bytes stay. Where there is no window, and at a permanent deletion, its rows go at once.

use failpoint::Step;
use jiff::Timestamp;
use oci::Digest;

use super::DeleteOutcome;
use crate::collection::{Review, ReviewEvent};
use crate::connection::Tx;
use crate::dialect::statements;
use crate::repository_state::namespace_of;
use crate::rows::{Columns as _, all, micros};
use crate::tags::{Retargeted, TagTarget};
use crate::usage::{Count, count_manifest};
use crate::{
    Actor, AuditAction, AuditEntry, Catalog, CatalogError, Event, EventKind, Referenced,
    RepositoryId, RestoreWindow, TagCause, Writer,
};

statements! {
    LOCK_BODY = "SELECT digest FROM manifest_body WHERE digest = $1 {for update}";
    LOCK = "SELECT deleted_at FROM manifest WHERE repository_id = $1 AND digest = $2 {for update}";
    LIVE_TAGS = "SELECT live_name FROM tag
        WHERE repository_id = $1 AND digest = $2 AND live_name IS NOT NULL ORDER BY live_name";
    HOLDER = "SELECT r.parent FROM manifest_ref r
        JOIN manifest m ON m.repository_id = r.repository_id AND m.digest = r.parent AND m.deleted_at IS NULL
        WHERE r.repository_id = $1 AND r.digest = $2 AND r.kind = 'child' ORDER BY r.parent LIMIT 1";
    ANY_PARENT = "SELECT parent FROM manifest_ref
        WHERE repository_id = $1 AND digest = $2 AND kind = 'child' LIMIT 1";
    HIDE = "UPDATE manifest SET deleted_at = $3, protected_until = $3 WHERE repository_id = $1 AND digest = $2";
    REFS = "SELECT DISTINCT kind, digest FROM manifest_ref WHERE repository_id = $1 AND parent = $2";
    NEIGHBOURS = "SELECT digest FROM referrer WHERE repository_id = $1 AND subject = $2
        UNION SELECT subject AS digest FROM referrer WHERE repository_id = $1 AND digest = $2";
    DELETE_REFS = "DELETE FROM manifest_ref WHERE repository_id = $1 AND parent = $2";
    DELETE_EDGES = "DELETE FROM referrer WHERE repository_id = $1 AND digest = $2";
    DELETE = "DELETE FROM manifest WHERE repository_id = $1 AND digest = $2";
    DELETE_BODY = "DELETE FROM manifest_body
        WHERE digest = $1 AND NOT EXISTS (SELECT 1 FROM manifest m WHERE m.digest = $1)";
}

impl Catalog {
    /// Ends every tag on a manifest, then takes it out; `referenced` decides while an index of the repository holds it.
    ///
    /// # Errors
    /// [`CatalogError::Immutable`] if one of its tags may not end; nothing is changed then.
    pub async fn delete_manifest(
        &self,
        repository: RepositoryId,
        digest: &Digest,
        referenced: Referenced,
        by: &Actor,
        now: Timestamp,
    ) -> Result<DeleteOutcome, CatalogError> {
        self.delete_manifest_as(repository, digest, referenced, TagCause::Delete, by, now)
            .await
    }

    /// Does the same for the cause of a person or of a retention policy.
    pub(crate) async fn delete_manifest_as(
        &self,
        repository: RepositoryId,
        digest: &Digest,
        referenced: Referenced,
        cause: TagCause,
        by: &Actor,
        now: Timestamp,
    ) -> Result<DeleteOutcome, CatalogError> {
        let mut tx = self.begin().await?;
        let writer = match cause {
            TagCause::Prune => Writer::Prune,
            _ => Writer::Person,
        };
        let head = self.writable_in(&mut tx, repository, writer).await?;
        if !self.lock_shown_in(&mut tx, repository, digest).await? {
            return Ok(DeleteOutcome::NotFound);
        }
        let on_manifest = |statement| {
            self.dialect
                .query(statement)
                .bind(repository.0)
                .bind(digest.to_string())
        };
        let holder = on_manifest(HOLDER).fetch_optional(&mut *tx).await?;
        if let Some(row) = holder {
            if referenced == Referenced::Refuse {
                return Ok(DeleteOutcome::Referenced {
                    by: row.digest("parent")?,
                });
            }
            self.guard_below_immutable_in(&mut tx, repository, &head.name, digest, now)
                .await?;
        }
        let tags = all(on_manifest(LIVE_TAGS).fetch_all(&mut *tx).await?, |row| {
            row.tag("live_name")
        })?;
        let mut ended = Vec::new();
        for tag in tags {
            let target = TagTarget::end(repository, Some(&head.name), &tag, cause);
            // One that had run out has ended by that.
            if let Retargeted::Changed { .. } = self.retarget_tag(&mut tx, &target, by, now).await?
            {
                ended.push(tag);
            }
        }
        let window = self.window_in(&mut tx, namespace_of(&head.name)).await?;
        if window == RestoreWindow::None {
            self.remove_manifest_in(&mut tx, repository, digest, now)
                .await?;
        } else {
            on_manifest(HIDE)
                .bind(micros(now))
                .execute(&mut *tx)
                .await?;
            let reviews = [Review::manifest(repository, digest)];
            self.review_in(&mut tx, &reviews, ReviewEvent::Orphaned, now)
                .await?;
        }
        let entry = AuditEntry::on(
            AuditAction::ManifestDelete,
            Some(&head.name),
            Some(digest.as_str()),
        );
        self.audit_in(&mut tx, &entry, by, now).await?;
        let event = Event {
            digest: Some(digest),
            ..Event::in_repository(EventKind::Delete, repository, &head.name, &by.name)
        };
        self.event_in(&mut tx, &event, now).await?;
        failpoint::before(Step::ManifestDelete);
        tx.commit().await?;
        failpoint::after(Step::ManifestDelete);
        Ok(DeleteOutcome::Deleted { tags: ended })
    }

    /// Locks a manifest in the order of a push: body, manifest; tags follow. Returns whether readers see it.
    ///
    /// A push that needs it as a child either waits for us or is seen by whoever asks next.
    async fn lock_shown_in(
        &self,
        tx: &mut Tx,
        repository: RepositoryId,
        digest: &Digest,
    ) -> Result<bool, CatalogError> {
        self.dialect
            .query(LOCK_BODY)
            .bind(digest.to_string())
            .fetch_optional(&mut **tx)
            .await?;
        let row = self
            .dialect
            .query(LOCK)
            .bind(repository.0)
            .bind(digest.to_string())
            .fetch_optional(&mut **tx)
            .await?;
        row.map_or(Ok(false), |row| Ok(row.maybe_int("deleted_at")?.is_none()))
    }

    /// Removes the rows of a manifest that neither a tag, nor a way back that began after `window_begin`, nor an index
    /// leads to.
    pub(crate) async fn remove_if_unkept_in(
        &self,
        tx: &mut Tx,
        repository: RepositoryId,
        digest: &Digest,
        window_begin: Timestamp,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        self.lock_shown_in(tx, repository, digest).await?;
        let parent = self
            .dialect
            .query(ANY_PARENT)
            .bind(repository.0)
            .bind(digest.to_string())
            .fetch_optional(&mut **tx)
            .await?;
        let is_kept = parent.is_some()
            || self
                .is_kept_by_tags_in(tx, repository, digest, window_begin)
                .await?;
        if !is_kept {
            self.remove_manifest_in(tx, repository, digest, now).await?;
        }
        Ok(!is_kept)
    }

    /// Takes a locked manifest out of its repository with its edges, and its body if no other repository has it. What
    /// may have lost its last reference with it is looked at later.
    pub(crate) async fn remove_manifest_in(
        &self,
        tx: &mut Tx,
        repository: RepositoryId,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let on_manifest = |statement| {
            self.dialect
                .query(statement)
                .bind(repository.0)
                .bind(digest.to_string())
        };
        let mut orphaned = vec![Review::evidence(digest)];
        for row in on_manifest(REFS).fetch_all(&mut **tx).await? {
            let below = row.digest("digest")?;
            orphaned.push(match row.text("kind")?.as_str() {
                "child" => Review::manifest(repository, &below),
                _ => Review::link(repository, &below),
            });
        }
        for row in on_manifest(NEIGHBOURS).fetch_all(&mut **tx).await? {
            orphaned.push(Review::manifest(repository, &row.digest("digest")?));
        }
        let mut batch = self.batch();
        count_manifest(&mut batch, repository, digest, Count::Out);
        batch.run(tx).await?;
        for statement in [DELETE_REFS, DELETE_EDGES, DELETE] {
            on_manifest(statement).execute(&mut **tx).await?;
        }
        self.dialect
            .query(DELETE_BODY)
            .bind(digest.to_string())
            .execute(&mut **tx)
            .await?;
        self.review_in(tx, &orphaned, ReviewEvent::Orphaned, now)
            .await
    }
}
