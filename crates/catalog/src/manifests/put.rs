//! Storing a manifest: its references are checked, then everything is written or nothing.

use failpoint::Step;
use jiff::{SignedDuration, Timestamp};
use oci::Tag;

use super::lifetime::expires_after;
use super::{PutError, PutManifest, PutOutcome, references};
use crate::batch::{Answers, Batch};
use crate::collection::{Review, ReviewEvent};
use crate::connection::Tx;
use crate::dialect::{Dialect, statements};
use crate::events::{ask_heard, is_heard};
use crate::repository_state::{ask_head, read_head};
use crate::rows::micros;
use crate::tags::{LiveTag, Retargeted, TagTarget, ask_span, read_span};
use crate::usage::{Count, ask_quotas, count_manifest, room_left};
use crate::{
    Actor, AuditAction, AuditEntry, Catalog, CatalogError, Event, EventKind, QuotaUse, TagCause,
    TagMove, Writer,
};

/// How long a new manifest is kept although nothing refers to it yet.
const PUSH_PROTECTION: SignedDuration = SignedDuration::from_hours(24);

/// What the one writer of SQLite may ask at the beginning, because nobody changes it before the end: whether the manifest
/// is there, and the present spans of its tags. With many writers each look is a lock, at its time.
struct Foreseen {
    is_there: bool,
    tags: Vec<Option<LiveTag>>,
}

/// What became of the manifest's row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inserted {
    New,
    /// It was deleted and not collected yet; its edges are there.
    Shown,
    Present,
}

statements! {
    IS_THERE = "SELECT digest FROM manifest WHERE repository_id = $1 AND digest = $2";
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
        // Tags are locked in one order, so that two pushes of several tags cannot wait for each other.
        let mut tags: Vec<&Tag> = put.tags.iter().collect();
        tags.sort_unstable();
        tags.dedup();
        let foresees = self.dialect == Dialect::Sqlite;
        let mut batch = self.batch();
        ask_head(&mut batch, put.repository);
        let asked = references::ask(&mut batch, self.dialect, &put);
        ask_heard(&mut batch, put.repository);
        if foresees {
            ask_foreseen(&mut batch, &put, &tags);
        }
        let (mut tx, mut answers) = self.begin_short_with(batch).await?;
        let head = read_head(&answers.next()?, put.writer)?;
        let condemned = asked.read(&mut answers, &put)?;
        let is_heard = is_heard(&answers.next()?)?;
        let foreseen = if foresees {
            Some(read_foreseen(&mut answers, &tags)?)
        } else {
            None
        };
        self.revive_in(&mut tx, &condemned).await?;
        let is_new = foreseen.as_ref().is_some_and(|seen| !seen.is_there);
        let (inserted, near_quota) = self.insert_manifest(&mut tx, &put, is_new, now).await?;
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
        let mut spans = foreseen.map(|seen| seen.tags.into_iter());
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
            let retargeted = match spans.as_mut().and_then(Iterator::next) {
                Some(span) => self.retarget_alone(&mut tx, &target, span, by, now).await?,
                None => self.retarget_tag(&mut tx, &target, by, now).await?,
            };
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
        if is_heard {
            self.tell_push_in(&mut tx, &put, &head.name, &outcome, by, now)
                .await?;
        }
        for job in put.jobs {
            self.enqueue_later(&mut tx, job).await?;
        }
        // What has a tag is looked at when the tag ends.
        if put.tags.is_empty() {
            let review = Review::manifest(put.repository, put.digest);
            let until = now.saturating_add(PUSH_PROTECTION).unwrap_or(now);
            self.review_later(&mut tx, &review, ReviewEvent::Arrival, until)
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

    /// Inserts the manifest and its body with the edges, or shows the one that was deleted. Returns also the quota that
    /// a new one came near. Where it is known that it `is_new`, nothing is read in between.
    async fn insert_manifest(
        &self,
        tx: &mut Tx,
        put: &PutManifest<'_>,
        is_new: bool,
        now: Timestamp,
    ) -> Result<(Inserted, Option<QuotaUse>), CatalogError> {
        let manifest = put.manifest;
        let protected_until = micros(now.saturating_add(PUSH_PROTECTION).unwrap_or(now));
        let annotations = serde_json::to_string(&manifest.annotations)
            .map_err(|_| CatalogError::Corrupt("map of annotations"))?;
        let labels = serde_json::to_string(put.labels)
            .map_err(|_| CatalogError::Corrupt("map of labels"))?;
        let mut batch = self.batch();
        insert_body(&mut batch, put);
        if self.dialect == Dialect::Postgres {
            self.keep_body(tx, batch, put).await?;
            batch = self.batch();
        }
        let insert = batch.len();
        batch
            .add(INSERT)
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
            .bind(labels.clone());
        if !is_new {
            let mut answers = batch.run(tx).await?;
            answers.rows_of(insert)?;
            if !answers.next()?.has_changed_one() {
                let shown = self.show(tx, put, protected_until, labels, now).await?;
                return Ok((shown, None));
            }
            batch = self.batch();
        }
        references::insert_edges(&mut batch, put);
        count_manifest(&mut batch, put.repository, put.digest, Count::In);
        let before = batch.len();
        ask_quotas(&mut batch, put.repository);
        let mut answers = batch.run(tx).await?;
        answers.rows_of(before)?;
        Ok((Inserted::New, room_left(&answers.next()?)?))
    }

    /// Shows a manifest whose row is there, if it was deleted, and keeps it as long as a new one.
    async fn show(
        &self,
        tx: &mut Tx,
        put: &PutManifest<'_>,
        protected_until: i64,
        labels: String,
        now: Timestamp,
    ) -> Result<Inserted, CatalogError> {
        let mut batch = self.batch();
        batch
            .add(SHOW)
            .bind(put.repository.0)
            .bind(put.digest.to_string())
            .bind(micros(now));
        batch
            .add(PROTECT)
            .bind(put.repository.0)
            .bind(put.digest.to_string())
            .bind(protected_until)
            .bind((!put.labels.is_empty()).then_some(labels));
        let is_shown = batch.run(tx).await?.next()?.has_changed_one();
        Ok(if is_shown {
            Inserted::Shown
        } else {
            Inserted::Present
        })
    }

    /// Inserts the body, or takes hold of the one that is there. One that is being deleted is inserted anew.
    async fn keep_body(
        &self,
        tx: &mut Tx,
        mut batch: Batch,
        put: &PutManifest<'_>,
    ) -> Result<(), CatalogError> {
        loop {
            batch.add(KEEP_BODY).bind(put.digest.to_string());
            let mut answers = batch.run(tx).await?;
            answers.next()?;
            if !answers.next()?.rows.is_empty() {
                return Ok(());
            }
            batch = self.batch();
            insert_body(&mut batch, put);
        }
    }
}

fn ask_foreseen(batch: &mut Batch, put: &PutManifest<'_>, tags: &[&Tag]) {
    batch
        .add(IS_THERE)
        .bind(put.repository.0)
        .bind(put.digest.to_string());
    for tag in tags {
        ask_span(batch, put.repository, tag);
    }
}

fn read_foreseen(answers: &mut Answers, tags: &[&Tag]) -> Result<Foreseen, CatalogError> {
    let is_there = !answers.next()?.rows.is_empty();
    let spans = tags.iter().map(|_| read_span(&answers.next()?));
    let tags = spans.collect::<Result<_, _>>()?;
    Ok(Foreseen { is_there, tags })
}

fn insert_body(batch: &mut Batch, put: &PutManifest<'_>) {
    batch
        .add(INSERT_BODY)
        .bind(put.digest.to_string())
        .bind(put.bytes.to_vec());
}
