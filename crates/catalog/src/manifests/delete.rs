//! Taking a manifest out of its repository.

use jiff::Timestamp;
use oci::Digest;

use super::DeleteOutcome;
use crate::collection::{Review, ReviewEvent};
use crate::connection::Tx;
use crate::dialect::statements;
use crate::rows::{Columns as _, all};
use crate::tags::TagTarget;
use crate::{
    Actor, AuditAction, AuditEntry, Catalog, CatalogError, Event, EventKind, Referenced,
    RepositoryId, TagCause,
};

statements! {
    LOCK_BODY = "SELECT digest FROM manifest_body WHERE digest = $1 {for update}";
    LOCK = "SELECT digest FROM manifest WHERE repository_id = $1 AND digest = $2 {for update}";
    LIVE_TAGS = "SELECT live_name FROM tag
        WHERE repository_id = $1 AND digest = $2 AND live_name IS NOT NULL ORDER BY live_name";
    HOLDER = "SELECT parent FROM manifest_ref
        WHERE repository_id = $1 AND digest = $2 AND kind = 'child' ORDER BY parent LIMIT 1";
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
        let mut tx = self.begin().await?;
        let on_manifest = |statement| {
            self.dialect
                .query(statement)
                .bind(repository.0)
                .bind(digest.to_string())
        };
        // Locks are taken in the order of a push: body, manifest, tags.
        let body = self
            .dialect
            .query(LOCK_BODY)
            .bind(digest.to_string())
            .fetch_optional(&mut *tx)
            .await?;
        if body.is_none() {
            return Ok(DeleteOutcome::NotFound);
        }
        // A push that needs this manifest as a child either waits for us or has been seen below.
        let locked = on_manifest(LOCK).fetch_optional(&mut *tx).await?;
        if locked.is_none() {
            return Ok(DeleteOutcome::NotFound);
        }
        let holder = on_manifest(HOLDER).fetch_optional(&mut *tx).await?;
        if let (Some(row), Referenced::Refuse) = (holder, referenced) {
            return Ok(DeleteOutcome::Referenced {
                by: row.digest("parent")?,
            });
        }
        let name = self.repository_name_in(&mut tx, repository).await?;
        let tags = all(on_manifest(LIVE_TAGS).fetch_all(&mut *tx).await?, |row| {
            row.tag("live_name")
        })?;
        for tag in &tags {
            let target = TagTarget {
                repository,
                repository_name: name.as_deref(),
                tag,
                digest: None,
                cause: TagCause::Delete,
            };
            self.retarget_tag(&mut tx, &target, by, now).await?;
        }
        self.remove_manifest_in(&mut tx, repository, digest, now)
            .await?;
        let entry = AuditEntry::on(
            AuditAction::ManifestDelete,
            name.as_deref(),
            Some(digest.as_str()),
        );
        self.audit_in(&mut tx, &entry, by, now).await?;
        if let Some(name) = &name {
            let event = Event {
                digest: Some(digest),
                ..Event::in_repository(EventKind::Delete, repository, name, &by.name)
            };
            self.event_in(&mut tx, &event, now).await?;
        }
        tx.commit().await?;
        Ok(DeleteOutcome::Deleted { tags })
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
