//! Storing a manifest: its references are checked, then everything is written or nothing.

use std::collections::HashMap;

use failpoint::Step;
use jiff::{SignedDuration, Timestamp};
use oci::{Descriptor, Digest, Platform, Tag};

use super::lifetime::expires_after;
use super::{PutError, PutManifest, PutOutcome};
use crate::collection::{Review, ReviewEvent};
use crate::connection::Tx;
use crate::dialect::{Statement, chunks, statements};
use crate::repository_state::namespace_of;
use crate::rows::{Columns as _, micros};
use crate::tags::{Retargeted, TagTarget};
use crate::usage::Count;
use crate::{
    Actor, AuditAction, AuditEntry, Catalog, CatalogError, Event, EventKind, RepositoryId, Sparse,
    TagCause, TagMove, Writer,
};

/// How long a new manifest is kept although nothing refers to it yet.
const PUSH_PROTECTION: SignedDuration = SignedDuration::from_hours(24);

/// What became of the manifest's row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inserted {
    New,
    /// It was deleted and not collected yet; its edges are there.
    Shown,
    Present,
}

statements! {
    SHARE_BLOBS = "SELECT digest FROM blob WHERE digest IN ({list}) ORDER BY digest {for share}";
    PRESENT_BLOBS = "SELECT l.digest, b.size_bytes FROM repo_blob l JOIN blob b ON b.digest = l.digest
        WHERE l.repository_id = $1 AND l.digest IN ({list}) AND b.state <> 'quarantined'";
    PRESENT_MANIFESTS = "SELECT digest, size_bytes FROM manifest
        WHERE repository_id = $1 AND digest IN ({list}) AND deleted_at IS NULL ORDER BY digest {for share}";
    INSERT_BODY = "INSERT INTO manifest_body (digest, bytes) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING";
    KEEP_BODY = "SELECT digest FROM manifest_body WHERE digest = $1 {for share}";
    INSERT = "INSERT INTO manifest (repository_id, digest, media_type, artifact_type, config_digest, subject,
            annotations, size_bytes, closure_bytes, pushed_at, protected_until, labels)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11)
        ON CONFLICT (repository_id, digest) DO NOTHING";
    SHOW = "UPDATE manifest SET deleted_at = NULL, pushed_at = $3
        WHERE repository_id = $1 AND digest = $2 AND deleted_at IS NOT NULL";
    PROTECT = "UPDATE manifest SET protected_until = $3, labels = COALESCE($4, labels)
        WHERE repository_id = $1 AND digest = $2";
    INSERT_REFS = "INSERT INTO manifest_ref
            (repository_id, parent, kind, ordinal, digest, size_bytes, media_type, platform)
        SELECT $1, $2, v.column1, CAST(v.column2 AS BIGINT), v.column3, CAST(v.column4 AS BIGINT), v.column5, v.column6
        FROM (VALUES {rows 6}) AS v";
    SET_CLOSURE = "UPDATE manifest SET closure_bytes = size_bytes + (
            SELECT CAST(COALESCE(SUM(CASE WHEN below.size_bytes < 1125899906842624 THEN below.size_bytes
                ELSE 1125899906842624 END), 0) AS BIGINT) FROM (
                SELECT r.digest, r.size_bytes FROM manifest_ref r
                WHERE r.repository_id = $1 AND r.parent = $2 AND r.kind <> 'foreign'
                UNION
                SELECT r.digest, r.size_bytes FROM manifest_ref c
                JOIN manifest_ref r ON r.repository_id = c.repository_id AND r.parent = c.digest AND r.kind <> 'foreign'
                WHERE c.repository_id = $1 AND c.parent = $2 AND c.kind = 'child'
            ) AS below)
        WHERE repository_id = $1 AND digest = $2";
    INSERT_REFERRER = "INSERT INTO referrer (repository_id, subject, digest, source) VALUES ($1, $2, $3, 'subject')
        ON CONFLICT (repository_id, subject, digest, source) DO NOTHING";
}

impl Catalog {
    /// Stores a manifest, its edges, its tags, its jobs and the audit rows in one transaction. Repeating it is harmless.
    ///
    /// # Errors
    /// See [`PutError`]; the references are checked before anything is written.
    pub async fn put_manifest(
        &self,
        put: PutManifest<'_>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<PutOutcome, PutError> {
        let mut tx = self.begin_short().await?;
        let head = self
            .writable_in(&mut tx, put.repository, put.writer)
            .await?;
        self.check_references(&mut tx, &put).await?;
        let inserted = self.insert_manifest(&mut tx, &put, now).await?;
        let mut near_quota = None;
        if inserted == Inserted::New {
            self.insert_edges(&mut tx, &put).await?;
            self.count_manifest_in(&mut tx, put.repository, put.digest, Count::In)
                .await?;
            near_quota = self.measure_in(&mut tx, namespace_of(&head.name)).await?;
        }
        let created = inserted != Inserted::Present;
        if created {
            let entry = AuditEntry::on(
                AuditAction::Push,
                Some(&head.name),
                Some(put.digest.as_str()),
            );
            self.audit_in(&mut tx, &entry, by, now).await?;
        }
        let expires = expires_after(put.labels, &put.manifest.annotations)
            .and_then(|after| now.checked_add(after).ok());
        let mut moved = Vec::new();
        // Tags are locked in one order, so that two pushes of several tags cannot wait for each other.
        let mut tags: Vec<&Tag> = put.tags.iter().collect();
        tags.sort_unstable();
        tags.dedup();
        for tag in tags {
            let cause = match put.writer {
                Writer::Mirror => TagCause::Mirror,
                Writer::Person | Writer::Prune | Writer::Restorer => TagCause::Push,
            };
            let target = TagTarget {
                digest: Some(put.digest),
                expires,
                ..TagTarget::end(put.repository, Some(&head.name), tag, cause)
            };
            let retargeted = self.retarget_tag(&mut tx, &target, by, now).await?;
            if let Retargeted::Changed { previous } = retargeted {
                moved.push(TagMove {
                    tag: tag.clone(),
                    previous,
                });
            }
        }
        let outcome = PutOutcome {
            created,
            moved,
            near_quota,
        };
        self.tell_push_in(&mut tx, &put, &head.name, &outcome, by, now)
            .await?;
        for job in put.jobs {
            self.enqueue_in(&mut tx, job).await?;
        }
        // What has a tag is looked at when the tag ends.
        if put.tags.is_empty() {
            let reviews = [Review::manifest(put.repository, put.digest)];
            let until = now.saturating_add(PUSH_PROTECTION).unwrap_or(now);
            self.review_in(&mut tx, &reviews, ReviewEvent::Arrival, until)
                .await?;
        }
        failpoint::before(Step::ManifestPut);
        tx.commit().await?;
        failpoint::after(Step::ManifestPut);
        Ok(outcome)
    }

    /// Tells endpoints of a push: once for each tag that came to point here, or of the manifest alone. A push that
    /// changed nothing is no news.
    async fn tell_push_in(
        &self,
        tx: &mut Tx,
        put: &PutManifest<'_>,
        repository: &str,
        outcome: &PutOutcome,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let data = serde_json::json!({
            "mediaType": put.manifest.media_type,
            "artifactType": put.manifest.effective_artifact_type(),
            "sizeBytes": put.bytes.len(),
        })
        .to_string();
        let event = Event {
            digest: Some(put.digest),
            data: Some(&data),
            ..Event::in_repository(EventKind::Push, put.repository, repository, &by.name)
        };
        for moved in &outcome.moved {
            let tagged = Event {
                tag: Some(&moved.tag),
                ..event
            };
            self.event_in(tx, &tagged, now).await?;
        }
        if outcome.created && outcome.moved.is_empty() {
            self.event_in(tx, &event, now).await?;
        }
        Ok(())
    }

    /// Checks that what the manifest refers to is in the repository and has the size it says.
    async fn check_references(&self, tx: &mut Tx, put: &PutManifest<'_>) -> Result<(), PutError> {
        let blobs: Vec<&Descriptor> = put.manifest.required_blobs().collect();
        let digests = in_order(&blobs);
        self.revive_in(tx, put.repository, &digests).await?;
        // Two statements: one that waits for a lock still sees the rights that were there when it began to wait.
        self.on_digests(tx, SHARE_BLOBS, &digests).await?;
        let sizes = self
            .present(tx, PRESENT_BLOBS, put.repository, &digests)
            .await?;
        let children: Vec<&Descriptor> = put.manifest.children.iter().collect();
        let child_sizes = self
            .present(tx, PRESENT_MANIFESTS, put.repository, &in_order(&children))
            .await?;

        let mut missing = Vec::new();
        let needs_blobs = put.sparse != Sparse::All;
        let needs_children = put.sparse == Sparse::None;
        for (descriptors, sizes, needed) in [
            (&blobs, &sizes, needs_blobs),
            (&children, &child_sizes, needs_children),
        ] {
            for descriptor in descriptors {
                match sizes.get(&descriptor.digest) {
                    Some(&stored) if stored != descriptor.size => {
                        return Err(PutError::Size {
                            digest: descriptor.digest.clone(),
                            declared: descriptor.size,
                            stored,
                        });
                    }
                    None if needed && !missing.contains(&descriptor.digest) => {
                        missing.push(descriptor.digest.clone());
                    }
                    _ => {}
                }
            }
        }
        if !missing.is_empty() {
            return Err(PutError::Missing(missing));
        }
        Ok(())
    }

    /// Returns the sizes of those blobs or manifests that the repository has, and keeps them until the end.
    async fn present(
        &self,
        tx: &mut Tx,
        statement: Statement,
        repository: RepositoryId,
        digests: &[Digest],
    ) -> Result<HashMap<Digest, u64>, CatalogError> {
        let mut sizes = HashMap::new();
        for chunk in chunks(digests) {
            let mut query = self
                .dialect
                .query_many(statement, chunk.len())
                .bind(repository.0);
            for digest in chunk {
                query = query.bind(digest.to_string());
            }
            for row in query.fetch_all(&mut **tx).await? {
                sizes.insert(row.digest("digest")?, row.size("size_bytes")?);
            }
        }
        Ok(sizes)
    }

    /// Inserts the manifest and its body, or shows the one that was deleted.
    async fn insert_manifest(
        &self,
        tx: &mut Tx,
        put: &PutManifest<'_>,
        now: Timestamp,
    ) -> Result<Inserted, CatalogError> {
        let manifest = put.manifest;
        let protected_until = micros(now.saturating_add(PUSH_PROTECTION).unwrap_or(now));
        let annotations = serde_json::to_string(&manifest.annotations)
            .map_err(|_| CatalogError::Corrupt("map of annotations"))?;
        let labels = serde_json::to_string(put.labels)
            .map_err(|_| CatalogError::Corrupt("map of labels"))?;
        self.keep_body(tx, put).await?;
        let inserted = self
            .dialect
            .query(INSERT)
            .bind(put.repository.0)
            .bind(put.digest.to_string())
            .bind(manifest.media_type.clone())
            .bind(manifest.effective_artifact_type().map(str::to_owned))
            .bind(manifest.config.as_ref().map(|c| c.digest.to_string()))
            .bind(manifest.subject.as_ref().map(|s| s.digest.to_string()))
            .bind(annotations)
            .bind(put.bytes.len() as i64)
            .bind(micros(now))
            .bind(protected_until)
            .bind(labels.clone())
            .execute(&mut **tx)
            .await?;
        if inserted.rows_affected() == 1 {
            return Ok(Inserted::New);
        }
        let shown = self
            .dialect
            .query(SHOW)
            .bind(put.repository.0)
            .bind(put.digest.to_string())
            .bind(micros(now))
            .execute(&mut **tx)
            .await?;
        self.dialect
            .query(PROTECT)
            .bind(put.repository.0)
            .bind(put.digest.to_string())
            .bind(protected_until)
            .bind((!put.labels.is_empty()).then_some(labels))
            .execute(&mut **tx)
            .await?;
        Ok(if shown.rows_affected() == 1 {
            Inserted::Shown
        } else {
            Inserted::Present
        })
    }

    /// Inserts the body, or takes hold of the one that is there. One that is being deleted is inserted anew.
    async fn keep_body(&self, tx: &mut Tx, put: &PutManifest<'_>) -> Result<(), CatalogError> {
        loop {
            self.dialect
                .query(INSERT_BODY)
                .bind(put.digest.to_string())
                .bind(put.bytes.to_vec())
                .execute(&mut **tx)
                .await?;
            let kept = self
                .dialect
                .query(KEEP_BODY)
                .bind(put.digest.to_string())
                .fetch_optional(&mut **tx)
                .await?;
            if kept.is_some() {
                return Ok(());
            }
        }
    }

    /// Inserts the edges of a new manifest and the size of everything below it.
    ///
    /// An absent child's size is only its index's word, so each counts for a pebibyte at most: the sum stays a number.
    /// The size counts one level of children, as far as they are there when their index arrives: clients push children
    /// first.
    async fn insert_edges(&self, tx: &mut Tx, put: &PutManifest<'_>) -> Result<(), CatalogError> {
        let references = references(put.manifest);
        for chunk in chunks(&references) {
            let mut query = self
                .dialect
                .query_many(INSERT_REFS, chunk.len())
                .bind(put.repository.0)
                .bind(put.digest.to_string());
            for (kind, ordinal, descriptor) in chunk {
                query = query
                    .bind(*kind)
                    .bind(*ordinal as i64)
                    .bind(descriptor.digest.to_string())
                    .bind(descriptor.size as i64)
                    .bind(descriptor.media_type.clone())
                    .bind(descriptor.platform.as_ref().map(Platform::label));
            }
            query.execute(&mut **tx).await?;
        }
        if !references.is_empty() {
            self.dialect
                .query(SET_CLOSURE)
                .bind(put.repository.0)
                .bind(put.digest.to_string())
                .execute(&mut **tx)
                .await?;
        }
        if let Some(subject) = &put.manifest.subject {
            self.dialect
                .query(INSERT_REFERRER)
                .bind(put.repository.0)
                .bind(subject.digest.to_string())
                .bind(put.digest.to_string())
                .execute(&mut **tx)
                .await?;
        }
        Ok(())
    }
}

/// Returns the digests of descriptors, each once and in the order in which everybody locks rows.
fn in_order(descriptors: &[&Descriptor]) -> Vec<Digest> {
    let mut digests: Vec<Digest> = descriptors.iter().map(|d| d.digest.clone()).collect();
    digests.sort_unstable();
    digests.dedup();
    digests
}

/// Returns what a manifest refers to below itself, as (kind, position within the kind, descriptor).
fn references(manifest: &oci::Manifest) -> Vec<(&'static str, usize, &Descriptor)> {
    let layers = manifest.layers.iter().enumerate().map(|(ordinal, layer)| {
        let kind = if layer.is_kept_elsewhere() {
            "foreign"
        } else {
            "layer"
        };
        (kind, ordinal, layer)
    });
    let children = manifest.children.iter().enumerate();
    manifest
        .config
        .iter()
        .map(|config| ("config", 0, config))
        .chain(layers)
        .chain(children.map(|(ordinal, child)| ("child", ordinal, child)))
        .collect()
}
