//! Deleting permanently: a span stops being a way back at once, for the day a secret was pushed.

use std::collections::BTreeSet;

use jiff::Timestamp;
use oci::{Digest, Tag};

use crate::connection::Tx;
use crate::dialect::statements;
use crate::repository_state::{Writer, namespace_of};
use crate::rows::{Columns as _, micros};
use crate::{Actor, AuditAction, AuditEntry, Catalog, CatalogError, RepositoryId};

statements! {
    PURGE = "UPDATE tag SET purged_at = $4
        WHERE repository_id = $1 AND name = $2 AND id = $3 AND end_us IS NOT NULL AND purged_at IS NULL
        RETURNING digest";
    CLOSE_WAYS = "UPDATE tag SET purged_at = $3
        WHERE repository_id = $1 AND digest = $2 AND end_us IS NOT NULL AND purged_at IS NULL";
}

impl Catalog {
    /// Drops the restore window of chosen spans of a tag that have ended. Returns how many there were.
    ///
    /// A manifest that only they led to leaves the repository in the same transaction; its blobs follow at the next
    /// collection.
    pub async fn purge_history(
        &self,
        repository: RepositoryId,
        tag: &Tag,
        spans: &[i64],
        by: &Actor,
        now: Timestamp,
    ) -> Result<u32, CatalogError> {
        let mut tx = self.begin().await?;
        let head = self
            .writable_in(&mut tx, repository, Writer::Person)
            .await?;
        let mut purged = 0;
        let mut digests: BTreeSet<Digest> = BTreeSet::new();
        for span in spans {
            let row = self
                .dialect
                .query(PURGE)
                .bind(repository.0)
                .bind(tag.to_string())
                .bind(*span)
                .bind(micros(now))
                .fetch_optional(&mut *tx)
                .await?;
            if let Some(row) = row {
                purged += 1;
                digests.insert(row.digest("digest")?);
            }
        }
        if purged == 0 {
            return Ok(0);
        }
        let window = self.window_in(&mut tx, namespace_of(&head.name)).await?;
        for digest in &digests {
            self.remove_if_unkept_in(&mut tx, repository, digest, window.begin(now), now)
                .await?;
        }
        let detail = format!("{purged} spans");
        let entry = AuditEntry {
            detail: Some(&detail),
            ..AuditEntry::on(
                AuditAction::HistoryPurge,
                Some(&head.name),
                Some(tag.as_str()),
            )
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(purged)
    }

    /// Drops the restore window of every span of a repository that led to a manifest and has ended.
    pub(crate) async fn close_ways_in(
        &self,
        tx: &mut Tx,
        repository: RepositoryId,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        self.dialect
            .query(CLOSE_WAYS)
            .bind(repository.0)
            .bind(digest.to_string())
            .bind(micros(now))
            .execute(&mut **tx)
            .await?;
        Ok(())
    }
}
