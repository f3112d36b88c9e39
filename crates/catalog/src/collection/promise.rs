//! What a `HEAD` promises: whoever is told that content is there need not send it, and may rely on it for a while.
//!
//! A right or a manifest that collection may take at any moment is kept for another day then, and a condemned blob is
//! saved, in one transaction under the lock that collection takes. So the answer and the collector cannot both be
//! right. What is safe for longer than the grace costs no write: at most one `HEAD` a day does.
//!
//! Mounts, uploads and manifests promise the same where they link and refer (see `blobs` and `manifests`).
//!
//! # Source
//! The project's registry specification, section 5: whoever meets a condemned digest with a right to it saves it.

use jiff::{SignedDuration, Timestamp};
use oci::Digest;

use super::review::GRACE;
use crate::blobs::{Linked, read_blob};
use crate::dialect::statements;
use crate::rows::micros;
use crate::{Blob, Catalog, CatalogError, RepositoryId};

/// For how long something is kept that a client was told about.
const PROMISE: SignedDuration = SignedDuration::from_hours(24);

statements! {
    KEEP_LINK = "UPDATE repo_blob SET protected_until = $3
        WHERE repository_id = $1 AND digest = $2 AND protected_until < $3";
    BLOB = "SELECT b.digest, b.size_bytes, b.object_key, b.state, l.protected_until
        FROM repo_blob l JOIN blob b ON b.digest = l.digest WHERE l.repository_id = $1 AND l.digest = $2";
    KEEP_MANIFEST = "UPDATE manifest SET protected_until = CASE WHEN protected_until > $3 THEN protected_until ELSE $3 END
        WHERE repository_id = $1 AND digest = $2 AND deleted_at IS NULL";
}

/// Returns whether something that is kept until then stays longer than a client takes between asking and relying on it.
pub fn is_assured(kept_until: Timestamp, now: Timestamp) -> bool {
    kept_until > now.saturating_add(GRACE).unwrap_or(Timestamp::MAX)
}

impl Catalog {
    /// Keeps a repository's right to a blob for a day, and the blob with it. Returns the blob as it is then, if the
    /// repository still has it.
    pub async fn promise_blob(
        &self,
        repository: RepositoryId,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<Option<Blob>, CatalogError> {
        let until = now.saturating_add(PROMISE).unwrap_or(now);
        let mut tx = self.begin_short().await?;
        if self.lock_linked(&mut tx, repository, digest).await? == Linked::Not {
            return Ok(None);
        }
        self.save_in(&mut tx, digest).await?;
        self.dialect
            .query(KEEP_LINK)
            .bind(repository.0)
            .bind(digest.to_string())
            .bind(micros(until))
            .execute(&mut *tx)
            .await?;
        let row = self
            .dialect
            .query(BLOB)
            .bind(repository.0)
            .bind(digest.to_string())
            .fetch_optional(&mut *tx)
            .await?;
        tx.commit().await?;
        row.as_ref().map(read_blob).transpose()
    }

    /// Keeps a manifest for a day. Returns until when it is kept now, if it is still there.
    pub async fn promise_manifest(
        &self,
        repository: RepositoryId,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, CatalogError> {
        let until = now.saturating_add(PROMISE).unwrap_or(now);
        let kept = self
            .dialect
            .query(KEEP_MANIFEST)
            .bind(repository.0)
            .bind(digest.to_string())
            .bind(micros(until))
            .execute(&self.writer)
            .await?;
        Ok((kept.rows_affected() == 1).then_some(until))
    }
}
