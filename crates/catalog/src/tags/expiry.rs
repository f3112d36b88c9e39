//! Tags that end by themselves.
//!
//! Readers compare `expires_us` themselves, so a tag is absent from the instant on; closing its row is a job's work that
//! may come any time later, and writes the same end.

use jiff::Timestamp;
use oci::{Digest, Tag};

use super::{Retargeted, TagCause, TagTarget, immutability};
use crate::dialect::statements;
use crate::repository_state::Writer;
use crate::rows::{Columns as _, all, micros};
use crate::{
    Actor, AuditAction, AuditEntry, Catalog, CatalogError, Event, EventKind, RepositoryId,
};

/// A tag whose end is near, or past and not yet written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpiringTag {
    /// The repository.
    pub repository: RepositoryId,
    /// Its name.
    pub repository_name: String,
    /// The tag.
    pub tag: Tag,
    /// What it points at.
    pub digest: Digest,
    /// When it ends.
    pub expires: Timestamp,
}

statements! {
    EXPIRED = "SELECT t.id, t.repository_id, r.name AS repository, t.live_name, t.digest, t.expires_us
        FROM tag t JOIN repository r ON r.id = t.repository_id
        WHERE t.live_name IS NOT NULL AND t.expires_us IS NOT NULL AND t.expires_us <= $1
        ORDER BY t.expires_us, t.id LIMIT $2";
    UNANNOUNCED = "SELECT t.id, t.repository_id, r.name AS repository, t.live_name, t.digest, t.expires_us
        FROM tag t JOIN repository r ON r.id = t.repository_id
        WHERE t.live_name IS NOT NULL AND t.expires_us IS NOT NULL AND t.expires_us > $1 AND t.expires_us <= $2
          AND t.notified_at IS NULL
        ORDER BY t.expires_us, t.id LIMIT $3";
    ANNOUNCE = "UPDATE tag SET notified_at = $3
        WHERE repository_id = $1 AND id = $2 AND live_name IS NOT NULL AND notified_at IS NULL";
}

impl Catalog {
    /// Sets when a tag ends by itself; `None` for never. Returns whether the tag exists.
    ///
    /// # Errors
    /// [`CatalogError::Immutable`]: what may not end may not be given an end.
    pub async fn set_tag_expiry(
        &self,
        repository: RepositoryId,
        tag: &Tag,
        expires: Option<Timestamp>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        let head = self
            .writable_in(&mut tx, repository, Writer::Person)
            .await?;
        let live = self.lock_tag(&mut tx, repository, tag).await?;
        let Some(live) = live.filter(|live| live.is_present(now)) else {
            return Ok(false);
        };
        if live.expires == expires {
            return Ok(true);
        }
        let subject = immutability::Subject {
            repository,
            repository_name: &head.name,
            tag,
            digest: &live.digest,
        };
        if live.immutable || self.immutable_by_rule_in(&mut tx, &subject).await? {
            return Err(CatalogError::Immutable(tag.clone()));
        }
        self.set_expiry_in(&mut tx, repository, live.id, expires)
            .await?;
        let detail = expires.map_or_else(|| "never".to_owned(), |instant| instant.to_string());
        let entry = AuditEntry {
            detail: Some(&detail),
            ..AuditEntry::on(
                AuditAction::TagExpirySet,
                Some(&head.name),
                Some(tag.as_str()),
            )
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Closes up to `limit` spans that ran out, oldest first, and returns how many: call again while it is `limit`.
    pub async fn close_expired_tags(
        &self,
        limit: u32,
        by: &Actor,
        now: Timestamp,
    ) -> Result<u32, CatalogError> {
        let rows = self
            .dialect
            .query(EXPIRED)
            .bind(micros(now))
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        let expired = all(rows, |row| Ok(read_expiring(&row)?.1))?;
        for found in &expired {
            let mut tx = self.begin().await?;
            let target = TagTarget::end(
                found.repository,
                Some(&found.repository_name),
                &found.tag,
                TagCause::Expire,
            );
            // Somebody may have pushed, or given it more time, since we looked.
            if let Retargeted::Changed { .. } = self.retarget_tag(&mut tx, &target, by, now).await?
            {
                tx.commit().await?;
            }
        }
        Ok(expired.len() as u32)
    }

    /// Tells endpoints, once, of up to `limit` tags that end before `until`, and returns them.
    pub async fn announce_expiring_tags(
        &self,
        until: Timestamp,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<ExpiringTag>, CatalogError> {
        let mut tx = self.begin().await?;
        let rows = self
            .dialect
            .query(UNANNOUNCED)
            .bind(micros(now))
            .bind(micros(until))
            .bind(i64::from(limit))
            .fetch_all(&mut *tx)
            .await?;
        let mut announced = Vec::new();
        for (id, tag) in all(rows, |row| read_expiring(&row))? {
            let marked = self
                .dialect
                .query(ANNOUNCE)
                .bind(tag.repository.0)
                .bind(id)
                .bind(micros(now))
                .execute(&mut *tx)
                .await?;
            if marked.rows_affected() == 0 {
                continue;
            }
            let data = serde_json::json!({ "expires": tag.expires, "notice": true }).to_string();
            let event = Event {
                tag: Some(&tag.tag),
                digest: Some(&tag.digest),
                data: Some(&data),
                ..Event::in_repository(
                    EventKind::Expiry,
                    tag.repository,
                    &tag.repository_name,
                    "system",
                )
            };
            self.event_in(&mut tx, &event, now).await?;
            announced.push(tag);
        }
        tx.commit().await?;
        Ok(announced)
    }
}

fn read_expiring(row: &sqlx::any::AnyRow) -> Result<(i64, ExpiringTag), CatalogError> {
    let tag = ExpiringTag {
        repository: RepositoryId(row.int("repository_id")?),
        repository_name: row.text("repository")?,
        tag: row.tag("live_name")?,
        digest: row.digest("digest")?,
        expires: row.time("expires_us")?,
    };
    Ok((row.int("id")?, tag))
}
