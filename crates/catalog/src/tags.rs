//! Tags: one writer, and every earlier target kept.

use jiff::Timestamp;
use oci::{Digest, Tag};

use crate::collection::{Review, ReviewEvent};
use crate::connection::Tx;
use crate::dialect::statements;
use crate::rows::{Columns as _, all, micros};
use crate::{
    Actor, AuditAction, AuditEntry, Catalog, CatalogError, Event, EventKind, RepositoryId,
};

/// Why a tag points where it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagCause {
    /// First push.
    Push,
    /// A push of other content.
    Move,
    /// Deletion.
    Delete,
}

impl TagCause {
    /// Returns the word stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Move => "move",
            Self::Delete => "delete",
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, CatalogError> {
        match text {
            "push" => Ok(Self::Push),
            "move" => Ok(Self::Move),
            "delete" => Ok(Self::Delete),
            _ => Err(CatalogError::Corrupt("cause of a tag")),
        }
    }
}

/// A tag that now points elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagMove {
    /// The tag.
    pub tag: Tag,
    /// What it pointed at before, if it existed.
    pub previous: Option<Digest>,
}

/// One span of a tag's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRow {
    /// What it pointed at.
    pub digest: Digest,
    /// From when.
    pub start: Timestamp,
    /// Until when; `None` for the present.
    pub end: Option<Timestamp>,
    /// Who did it.
    pub actor: String,
    /// Why.
    pub cause: TagCause,
    /// Why it no longer does.
    pub end_cause: Option<TagCause>,
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
    HISTORY = "SELECT digest, start_us, end_us, actor, cause, end_cause FROM tag
        WHERE repository_id = $1 AND name = $2 ORDER BY id DESC LIMIT $3";
    LOCK = "SELECT id, digest, immutable, expires_us FROM tag
        WHERE repository_id = $1 AND live_name = $2 {for update}";
    CLOSE = "UPDATE tag SET live_name = NULL, end_us = $2, end_cause = $3 WHERE id = $1";
    OPEN = "INSERT INTO tag (repository_id, name, live_name, digest, start_us, immutable, actor, cause)
        VALUES ($1, $2, $2, $3, $4, 0, $5, $6)
        ON CONFLICT (repository_id, live_name) DO NOTHING";
    SET_IMMUTABLE = "UPDATE tag SET immutable = $3 WHERE repository_id = $1 AND live_name = $2";
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
        let rows = self
            .dialect
            .query(OF_MANIFEST)
            .bind(repository.0)
            .bind(digest.to_string())
            .bind(micros(now))
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| row.tag("live_name"))
    }

    /// Returns a tag's history, latest first.
    pub async fn tag_history(
        &self,
        repository: RepositoryId,
        tag: &Tag,
        limit: u32,
    ) -> Result<Vec<HistoryRow>, CatalogError> {
        let rows = self
            .dialect
            .query(HISTORY)
            .bind(repository.0)
            .bind(tag.to_string())
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| {
            Ok(HistoryRow {
                digest: row.digest("digest")?,
                start: row.time("start_us")?,
                end: row.maybe_time("end_us")?,
                actor: row.text("actor")?,
                cause: TagCause::parse(&row.text("cause")?)?,
                end_cause: row
                    .maybe_text("end_cause")?
                    .map(|cause| TagCause::parse(&cause))
                    .transpose()?,
            })
        })
    }

    /// Forbids or allows that a tag moves or ends. Returns whether the tag exists.
    pub async fn set_immutable(
        &self,
        repository: RepositoryId,
        tag: &Tag,
        immutable: bool,
    ) -> Result<bool, CatalogError> {
        let updated = self
            .dialect
            .query(SET_IMMUTABLE)
            .bind(repository.0)
            .bind(tag.to_string())
            .bind(i64::from(immutable))
            .execute(&self.writer)
            .await?;
        Ok(updated.rows_affected() == 1)
    }

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
        let mut tx = self.begin().await?;
        let name = self.repository_name_in(&mut tx, repository).await?;
        let target = TagTarget {
            repository,
            repository_name: name.as_deref(),
            tag,
            digest: None,
            cause: TagCause::Delete,
        };
        let retargeted = self.retarget_tag(&mut tx, &target, by, now).await?;
        tx.commit().await?;
        Ok(match retargeted {
            Retargeted::Changed { previous } => previous,
            Retargeted::Unchanged => None,
        })
    }

    /// The only writer of `tag`: locks the live row, checks immutability, closes the row, opens the next one, keeps
    /// the edges of signatures attached by tag, and writes the audit row.
    pub(crate) async fn retarget_tag(
        &self,
        tx: &mut Tx,
        target: &TagTarget<'_>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Retargeted, CatalogError> {
        let mut previous = None;
        // On PostgreSQL somebody may open the same tag between our look and our insert. The insert then does nothing,
        // and the next round sees and closes their row.
        let opened = loop {
            if let Some(live) = self.lock_tag(tx, target).await? {
                let is_live = live.expires.is_none_or(|expires| expires > now);
                if is_live && target.digest == Some(&live.digest) {
                    return Ok(Retargeted::Unchanged);
                }
                if is_live && live.immutable {
                    return Err(CatalogError::Immutable(target.tag.clone()));
                }
                self.close_tag(tx, target, &live, now).await?;
                previous = is_live.then_some(live.digest);
            }
            let cause = match target.cause {
                TagCause::Push if previous.is_some() => TagCause::Move,
                cause => cause,
            };
            let Some(digest) = target.digest else {
                break previous.is_some();
            };
            let inserted = self
                .dialect
                .query(OPEN)
                .bind(target.repository.0)
                .bind(target.tag.to_string())
                .bind(digest.to_string())
                .bind(micros(now))
                .bind(by.name.clone())
                .bind(cause.as_str())
                .execute(&mut **tx)
                .await?;
            if inserted.rows_affected() == 1 {
                self.add_cosign_edge(tx, target, digest).await?;
                break true;
            }
        };
        if !opened {
            return Ok(Retargeted::Unchanged);
        }
        let entry = AuditEntry {
            detail: target.digest.or(previous.as_ref()).map(Digest::as_str),
            ..AuditEntry::on(
                match target.cause {
                    TagCause::Delete => AuditAction::TagDelete,
                    TagCause::Push | TagCause::Move => AuditAction::TagMove,
                },
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

    async fn lock_tag(
        &self,
        tx: &mut Tx,
        target: &TagTarget<'_>,
    ) -> Result<Option<LiveTag>, CatalogError> {
        let row = self
            .dialect
            .query(LOCK)
            .bind(target.repository.0)
            .bind(target.tag.to_string())
            .fetch_optional(&mut **tx)
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(LiveTag {
            id: row.int("id")?,
            digest: row.digest("digest")?,
            immutable: row.flag("immutable")?,
            expires: row.maybe_time("expires_us")?,
        }))
    }

    async fn close_tag(
        &self,
        tx: &mut Tx,
        target: &TagTarget<'_>,
        live: &LiveTag,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let end_cause = match target.cause {
            TagCause::Push => TagCause::Move,
            cause => cause,
        };
        self.dialect
            .query(CLOSE)
            .bind(live.id)
            .bind(micros(now))
            .bind(end_cause.as_str())
            .execute(&mut **tx)
            .await?;
        let reviews = [Review::manifest(target.repository, &live.digest)];
        self.review_in(tx, &reviews, ReviewEvent::TagEnd, now)
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
        Ok(())
    }

    async fn add_cosign_edge(
        &self,
        tx: &mut Tx,
        target: &TagTarget<'_>,
        digest: &Digest,
    ) -> Result<(), CatalogError> {
        if let Some(subject) = cosign_subject(target.tag) {
            self.dialect
                .query(ADD_COSIGN_EDGE)
                .bind(target.repository.0)
                .bind(subject)
                .bind(digest.to_string())
                .execute(&mut **tx)
                .await?;
        }
        Ok(())
    }
}

/// Where a tag is to point, and why.
pub(crate) struct TagTarget<'a> {
    pub(crate) repository: RepositoryId,
    /// For the audit trail.
    pub(crate) repository_name: Option<&'a str>,
    pub(crate) tag: &'a Tag,
    /// `None` ends the tag.
    pub(crate) digest: Option<&'a Digest>,
    pub(crate) cause: TagCause,
}

struct LiveTag {
    id: i64,
    digest: Digest,
    immutable: bool,
    expires: Option<Timestamp>,
}

/// Returns the subject that a tag of cosign's older scheme (`sha256-<64 hex>.sig`, `.att`, `.sbom`) names.
fn cosign_subject(tag: &Tag) -> Option<String> {
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
