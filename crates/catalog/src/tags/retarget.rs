//! The one writer of spans.

use std::mem;

use failpoint::Step;
use jiff::Timestamp;
use oci::{Digest, Tag};

use super::order::sort_key;
use super::{TagCause, immutability};
use crate::batch::{Answer, Batch};
use crate::collection::{Review, ReviewEvent};
use crate::connection::Tx;
use crate::dialect::statements;
use crate::repository_state::Writer;
use crate::rows::{Columns as _, micros};
use crate::{
    Actor, AuditAction, AuditEntry, Catalog, CatalogError, Event, EventKind, RepositoryId,
};

statements! {
    LOCK = "SELECT id, digest, immutable, start_us, expires_us FROM tag
        WHERE repository_id = $1 AND live_name = $2 {for update}";
    IS_LIVE = "SELECT id FROM tag WHERE repository_id = $1 AND live_name = $2";
    CLOSE = "UPDATE tag SET live_name = NULL, end_us = $3, end_cause = $4 WHERE repository_id = $1 AND id = $2";
    OPEN = "INSERT INTO tag (repository_id, name, live_name, digest, start_us, immutable, actor, cause, expires_us,
            reverts_id, sort_key)
        VALUES ($1, $2, $2, $3, COALESCE((SELECT last.end_us FROM (
                SELECT end_us FROM tag WHERE repository_id = $1 AND name = $2 ORDER BY start_us DESC, id DESC LIMIT 1
            ) last WHERE last.end_us > $4), $4), 0, $5, $6, $7, $8, $9)
        ON CONFLICT (repository_id, live_name) DO NOTHING";
    FLOAT = "UPDATE tag SET expires_us = $3, notified_at = NULL WHERE repository_id = $1 AND id = $2";
    ADD_COSIGN_EDGE = "INSERT INTO referrer (repository_id, subject, digest, source) VALUES ($1, $2, $3, 'cosign_tag')
        ON CONFLICT (repository_id, subject, digest, source) DO NOTHING";
    DROP_COSIGN_EDGE = "DELETE FROM referrer
        WHERE repository_id = $1 AND subject = $2 AND digest = $3 AND source = 'cosign_tag'";
}

/// What [`Catalog::retarget_tag`] found and did.
pub(crate) enum Retargeted {
    /// The tag points there already, or there was none to end.
    Unchanged,
    /// It points elsewhere now.
    Changed {
        /// What it pointed at before.
        previous: Option<Digest>,
    },
}

/// Where a tag is to point, and why.
#[derive(Clone, Copy)]
pub(crate) struct TagTarget<'a> {
    pub(crate) repository: RepositoryId,
    /// For rules and the audit trail.
    pub(crate) repository_name: Option<&'a str>,
    pub(crate) tag: &'a Tag,
    /// `None` ends the tag.
    pub(crate) digest: Option<&'a Digest>,
    pub(crate) cause: TagCause,
    /// When the new span ends by itself. A push of the same digest again moves the present span's end there.
    pub(crate) expires: Option<Timestamp>,
    /// The span that a restore brings back.
    pub(crate) reverts: Option<i64>,
}

impl<'a> TagTarget<'a> {
    /// Describes the end of a tag.
    pub(crate) fn end(
        repository: RepositoryId,
        repository_name: Option<&'a str>,
        tag: &'a Tag,
        cause: TagCause,
    ) -> Self {
        Self {
            repository,
            repository_name,
            tag,
            digest: None,
            cause,
            expires: None,
            reverts: None,
        }
    }
}

/// What is known of a tag's present span when the work begins.
enum Present {
    Unread,
    Read(Option<LiveTag>),
}

/// The present span of a tag, locked.
pub(crate) struct LiveTag {
    pub(crate) id: i64,
    pub(crate) digest: Digest,
    pub(crate) immutable: bool,
    pub(crate) start: Timestamp,
    pub(crate) expires: Option<Timestamp>,
}

impl LiveTag {
    /// Returns whether readers see it.
    pub(crate) fn is_present(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| expires > now)
    }
}

impl Catalog {
    /// Ends a tag; the manifest stays. Returns what it pointed at.
    ///
    /// # Errors
    /// [`CatalogError::Immutable`] if the tag may not end.
    pub async fn delete_tag(
        &self,
        repository: RepositoryId,
        tag: &Tag,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Option<Digest>, CatalogError> {
        self.end_tag(repository, tag, TagCause::Delete, by, now)
            .await
    }

    /// Ends a tag on behalf of a person, a mirror or a retention policy. Returns what it pointed at.
    ///
    /// # Errors
    /// [`CatalogError::Immutable`] if the tag may not end, [`CatalogError::ReadOnly`].
    pub async fn end_tag(
        &self,
        repository: RepositoryId,
        tag: &Tag,
        cause: TagCause,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Option<Digest>, CatalogError> {
        let writer = match cause {
            TagCause::Mirror => Writer::Mirror,
            TagCause::Prune => Writer::Prune,
            _ => Writer::Person,
        };
        let mut tx = self.begin_short().await?;
        let head = self.writable_in(&mut tx, repository, writer).await?;
        let target = TagTarget::end(repository, Some(&head.name), tag, cause);
        let retargeted = self.retarget_tag(&mut tx, &target, by, now).await?;
        failpoint::before(Step::TagDelete);
        tx.commit().await?;
        failpoint::after(Step::TagDelete);
        Ok(match retargeted {
            Retargeted::Changed { previous } => previous,
            Retargeted::Unchanged => None,
        })
    }

    /// The only writer of spans: locks the live row, checks immutability, closes the row, opens the next one, keeps the
    /// edges of signatures attached by tag, and writes the audit row.
    ///
    /// # Errors
    /// [`CatalogError::Immutable`]; nothing is changed then.
    pub(crate) async fn retarget_tag(
        &self,
        tx: &mut Tx,
        target: &TagTarget<'_>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Retargeted, CatalogError> {
        self.retarget(tx, target, Present::Unread, by, now).await
    }

    /// Does as [`Self::retarget_tag`] for a transaction that writes alone and has read the present span already. The next
    /// span begins with the end of the transaction: nothing may be read of it before.
    pub(crate) async fn retarget_alone(
        &self,
        tx: &mut Tx,
        target: &TagTarget<'_>,
        span: Option<LiveTag>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Retargeted, CatalogError> {
        self.retarget(tx, target, Present::Read(span), by, now)
            .await
    }

    async fn retarget(
        &self,
        tx: &mut Tx,
        target: &TagTarget<'_>,
        mut present: Present,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Retargeted, CatalogError> {
        let is_alone = matches!(present, Present::Read(_));
        let mut previous = None;
        // On PostgreSQL somebody may open the same tag between our look and our insert. The insert then does nothing,
        // and the next round sees and closes their row.
        let changed = loop {
            let mut start = now;
            // Who opens a tag finds out by inserting whether there is one after all; who ends one must be sure.
            let found = match (mem::replace(&mut present, Present::Unread), target.digest) {
                (Present::Read(span), _) => span,
                (Present::Unread, Some(_)) => {
                    self.look_at_tag(tx, target.repository, target.tag).await?
                }
                (Present::Unread, None) => self.lock_tag(tx, target.repository, target.tag).await?,
            };
            if let Some(live) = found {
                let is_present = live.is_present(now);
                if target.cause == TagCause::Expire && is_present {
                    return Ok(Retargeted::Unchanged);
                }
                if is_present {
                    let is_same = target.digest == Some(&live.digest);
                    let is_fixed = (!is_same || target.expires.is_some())
                        && self.is_immutable_in(tx, target, &live).await?;
                    if is_same {
                        self.float(tx, target, &live, is_fixed, by, now).await?;
                        return Ok(Retargeted::Unchanged);
                    }
                    if is_fixed {
                        return Err(CatalogError::Immutable(target.tag.clone()));
                    }
                }
                start = self.close_tag(tx, target, &live, now).await?;
                if is_present || target.cause == TagCause::Expire {
                    previous = Some(live.digest);
                }
            }
            let Some(digest) = target.digest else {
                break previous.is_some();
            };
            let expires = self.end_at_birth(tx, target, digest).await?;
            let cause = match target.cause {
                TagCause::Push if previous.is_some() => TagCause::Move,
                cause => cause,
            };
            let opening =
                |batch: &mut Batch| open(batch, target, digest, cause, by, (start, expires));
            let is_opened = if is_alone {
                opening(tx.later().await?);
                true
            } else {
                let mut batch = self.batch();
                opening(&mut batch);
                batch.run(tx).await?.next()?.has_changed_one()
            };
            if is_opened {
                self.add_cosign_edge(tx, target, digest, now).await?;
                self.add_fallback_edges(tx, target.repository, target.tag, digest)
                    .await?;
                break true;
            }
        };
        if !changed {
            return Ok(Retargeted::Unchanged);
        }
        let entry = AuditEntry {
            detail: target.digest.or(previous.as_ref()).map(Digest::as_str),
            ..AuditEntry::on(
                target.cause.audit_action(target.digest.is_none()),
                target.repository_name,
                Some(target.tag.as_str()),
            )
        };
        self.audit_in(tx, &entry, by, now).await?;
        if let Some(previous) = &previous {
            self.tell_move_in(tx, target, previous, by, now).await?;
        }
        Ok(Retargeted::Changed { previous })
    }

    /// Tells endpoints of a tag that pointed at something and does no longer. That of a new tag is the push's to tell.
    async fn tell_move_in(
        &self,
        tx: &mut Tx,
        target: &TagTarget<'_>,
        previous: &Digest,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let Some(name) = target.repository_name else {
            return Ok(());
        };
        let data = serde_json::json!({ "previous": previous, "cause": target.cause.as_str() });
        let kind = match (target.digest, target.cause) {
            (Some(_), _) => EventKind::TagMove,
            (None, TagCause::Expire | TagCause::Prune) => EventKind::Expiry,
            (None, _) => EventKind::Delete,
        };
        let event = Event {
            tag: Some(target.tag),
            digest: target.digest.or(Some(previous)),
            data: Some(&data.to_string()),
            ..Event::in_repository(kind, target.repository, name, &by.name)
        };
        self.event_in(tx, &event, now).await
    }

    /// Locks a tag's present span, expired or not. A span that somebody closed while we waited for it is no answer if
    /// they opened the next one: the tag was there all the time.
    pub(crate) async fn lock_tag(
        &self,
        tx: &mut Tx,
        repository: RepositoryId,
        tag: &Tag,
    ) -> Result<Option<LiveTag>, CatalogError> {
        loop {
            if let Some(live) = self.look_at_tag(tx, repository, tag).await? {
                return Ok(Some(live));
            }
            let query = self.dialect.query(IS_LIVE).bind(repository.0);
            let next = query
                .bind(tag.to_string())
                .fetch_optional(&mut **tx)
                .await?;
            if next.is_none() {
                return Ok(None);
            }
        }
    }

    /// Locks the span that is present when we begin to wait for it.
    async fn look_at_tag(
        &self,
        tx: &mut Tx,
        repository: RepositoryId,
        tag: &Tag,
    ) -> Result<Option<LiveTag>, CatalogError> {
        let mut batch = self.batch();
        ask_span(&mut batch, repository, tag);
        read_span(&batch.run(tx).await?.next()?)
    }

    /// Ends the present span and returns when. One that had expired ended by that; none ends before it began, whatever
    /// the clock does.
    async fn close_tag(
        &self,
        tx: &mut Tx,
        target: &TagTarget<'_>,
        live: &LiveTag,
        now: Timestamp,
    ) -> Result<Timestamp, CatalogError> {
        let (end, cause) = match live.expires {
            Some(expires) if expires <= now => (expires, TagCause::Expire),
            _ => (now, target.cause.of_end()),
        };
        let end = end.max(live.start);
        self.dialect
            .query(CLOSE)
            .bind(target.repository.0)
            .bind(live.id)
            .bind(micros(end))
            .bind(cause.as_str())
            .execute(&mut **tx)
            .await?;
        let reviews = [Review::manifest(target.repository, &live.digest)];
        self.review_in(tx, &reviews, ReviewEvent::TagEnd, now)
            .await?;
        self.drop_fallback_edges(tx, target.repository, target.tag, &live.digest)
            .await?;
        if let Some(subject) = cosign_subject(target.tag) {
            self.dialect
                .query(DROP_COSIGN_EDGE)
                .bind(target.repository.0)
                .bind(subject)
                .bind(live.digest.to_string())
                .execute(&mut **tx)
                .await?;
        }
        Ok(end.max(now))
    }

    /// Returns when a new span ends by itself. What may never end is not given an end at its birth either.
    async fn end_at_birth(
        &self,
        tx: &mut Tx,
        target: &TagTarget<'_>,
        digest: &Digest,
    ) -> Result<Option<Timestamp>, CatalogError> {
        if target.expires.is_none() {
            return Ok(None);
        }
        let subject = immutability::Subject {
            repository: target.repository,
            repository_name: target.repository_name.unwrap_or_default(),
            tag: target.tag,
            digest,
        };
        let is_immutable = self.immutable_by_rule_in(tx, &subject).await?;
        Ok(target.expires.filter(|_| !is_immutable))
    }

    /// The same content again: its expiry label counts from now, unless the tag is immutable.
    async fn float(
        &self,
        tx: &mut Tx,
        target: &TagTarget<'_>,
        live: &LiveTag,
        is_fixed: bool,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        if target.expires.is_none() || target.expires == live.expires || is_fixed {
            return Ok(());
        }
        self.set_expiry_in(tx, target.repository, live.id, target.expires)
            .await?;
        let entry = AuditEntry::on(
            AuditAction::TagExpirySet,
            target.repository_name,
            Some(target.tag.as_str()),
        );
        self.audit_in(tx, &entry, by, now).await
    }

    /// Writes the instant at which a span ends by itself.
    pub(super) async fn set_expiry_in(
        &self,
        tx: &mut Tx,
        repository: RepositoryId,
        span: i64,
        expires: Option<Timestamp>,
    ) -> Result<(), CatalogError> {
        self.dialect
            .query(FLOAT)
            .bind(repository.0)
            .bind(span)
            .bind(expires.map(micros))
            .execute(&mut **tx)
            .await?;
        Ok(())
    }

    /// Returns whether the present span may neither move, end, nor change its expiry.
    async fn is_immutable_in(
        &self,
        tx: &mut Tx,
        target: &TagTarget<'_>,
        live: &LiveTag,
    ) -> Result<bool, CatalogError> {
        // What ran out has ended already; only its row is left to be closed.
        if target.cause == TagCause::Expire {
            return Ok(false);
        }
        let subject = immutability::Subject {
            repository: target.repository,
            repository_name: target.repository_name.unwrap_or_default(),
            tag: target.tag,
            digest: &live.digest,
        };
        Ok(live.immutable || self.immutable_by_rule_in(tx, &subject).await?)
    }

    async fn add_cosign_edge(
        &self,
        tx: &mut Tx,
        target: &TagTarget<'_>,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        if let Some(subject) = cosign_subject(target.tag) {
            self.dialect
                .query(ADD_COSIGN_EDGE)
                .bind(target.repository.0)
                .bind(subject)
                .bind(digest.to_string())
                .execute(&mut **tx)
                .await?;
            // Such a tag keeps nothing by itself: whether its subject is there is looked at.
            let reviews = [Review::manifest(target.repository, digest)];
            self.review_in(tx, &reviews, ReviewEvent::Arrival, now)
                .await?;
        }
        Ok(())
    }
}

/// Asks in a batch for the present span of a tag, expired or not, and locks it.
pub(crate) fn ask_span(batch: &mut Batch, repository: RepositoryId, tag: &Tag) {
    batch.add(LOCK).bind(repository.0).bind(tag.to_string());
}

/// Reads the answer to [`ask_span`].
pub(crate) fn read_span(answer: &Answer) -> Result<Option<LiveTag>, CatalogError> {
    let Some(row) = answer.rows.first() else {
        return Ok(None);
    };
    Ok(Some(LiveTag {
        id: row.int("id")?,
        digest: row.digest("digest")?,
        immutable: row.flag("immutable")?,
        start: row.time("start_us")?,
        expires: row.maybe_time("expires_us")?,
    }))
}

/// Begins a span, not before the tag's last one ended, whatever the clock does. Changes nothing if somebody else's began
/// first. `life` is its beginning, and when it ends by itself.
fn open(
    batch: &mut Batch,
    target: &TagTarget<'_>,
    digest: &Digest,
    cause: TagCause,
    by: &Actor,
    life: (Timestamp, Option<Timestamp>),
) {
    let (start, expires) = life;
    batch
        .add(OPEN)
        .bind(target.repository.0)
        .bind(target.tag.to_string())
        .bind(digest.to_string())
        .bind(micros(start))
        .bind(by.name.clone())
        .bind(cause.as_str())
        .bind(expires.map(micros))
        .bind(target.reverts)
        .bind(sort_key(target.tag));
}

/// Returns the subject that a tag of cosign's older scheme (`sha256-<64 hex>.sig`, `.att`, `.sbom`) names.
pub(crate) fn cosign_subject(tag: &Tag) -> Option<String> {
    let (algorithm, rest) = tag.as_str().split_once('-')?;
    let (hex, kind) = rest.split_once('.')?;
    if !matches!(kind, "sig" | "att" | "sbom") {
        return None;
    }
    let digest: Digest = format!("{algorithm}:{hex}").parse().ok()?;
    Some(digest.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(tag: &str, is_attached: bool) {
        let tag: Tag = tag.parse().expect("a tag");
        assert_eq!(cosign_subject(&tag).is_some(), is_attached);
    }

    #[test]
    fn only_the_older_scheme_of_cosign_attaches_by_tag() {
        let hex = "a".repeat(64);
        check(&format!("sha256-{hex}.sig"), true);
        check(&format!("sha256-{hex}.att"), true);
        check(&format!("sha256-{hex}.sbom"), true);
        check(&format!("sha256-{hex}"), false);
        check(&format!("sha256-{hex}.txt"), false);
        check(&format!("sha256-{}.sig", "a".repeat(63)), false);
        check("v1.sig", false);
    }
}
