//! Simple-signing signatures: OpenPGP messages about a manifest, kept beside it under names that clients draw.
//!
//! They are bytes to us. What they prove is another crate's question; here they are stored once, listed in the order
//! they came, hidden while their manifest is, and gone with it.

use jiff::Timestamp;
use oci::Digest;

use crate::dialect::statements;
use crate::rows::{Columns as _, all, micros};
use crate::{Actor, AuditAction, AuditEntry, Catalog, CatalogError, RepositoryId};

/// How many signatures one manifest may have.
const MAX_PER_MANIFEST: i64 = 128;
/// How large those of one manifest may be together, in bytes: clients read no longer list than 4 MiB of JSON.
const MAX_BYTES_PER_MANIFEST: i64 = 2 << 20;

/// A stored signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimpleSignature {
    /// The name after the `@`: 32 hexadecimal characters.
    pub name: String,
    /// The message.
    pub content: Vec<u8>,
}

/// Whether a signature was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureOutcome {
    /// It is there now.
    Stored,
    /// The very same was there.
    Same,
    /// Another one has this name.
    NameTaken,
    /// The repository does not have the manifest.
    NoManifest,
    /// The manifest has as many as it may have.
    TooMany,
}

statements! {
    LOCK_MANIFEST = "SELECT digest FROM manifest WHERE repository_id = $1 AND digest = $2 AND deleted_at IS NULL
        {for update}";
    NAMED = "SELECT content FROM simple_signature WHERE repository_id = $1 AND digest = $2 AND name = $3";
    TOTALS = "SELECT COUNT(*) AS signatures, CAST(COALESCE(SUM(LENGTH(content)), 0) AS BIGINT) AS bytes
        FROM simple_signature WHERE repository_id = $1 AND digest = $2";
    INSERT = "INSERT INTO simple_signature (repository_id, digest, name, content, created_at) VALUES ($1, $2, $3, $4, $5)";
    LIST = "SELECT s.name, s.content FROM simple_signature s
        JOIN manifest m ON m.repository_id = s.repository_id AND m.digest = s.digest AND m.deleted_at IS NULL
        WHERE s.repository_id = $1 AND s.digest = $2 ORDER BY s.created_at, s.name";
}

impl Catalog {
    /// Stores a signature of a manifest.
    pub async fn put_simple_signature(
        &self,
        repository: RepositoryId,
        digest: &Digest,
        signature: &SimpleSignature,
        by: &Actor,
        now: Timestamp,
    ) -> Result<SignatureOutcome, CatalogError> {
        let mut tx = self.begin().await?;
        let on_manifest = |statement| {
            self.dialect
                .query(statement)
                .bind(repository.0)
                .bind(digest.to_string())
        };
        let manifest = on_manifest(LOCK_MANIFEST).fetch_optional(&mut *tx).await?;
        if manifest.is_none() {
            return Ok(SignatureOutcome::NoManifest);
        }
        let named = on_manifest(NAMED)
            .bind(signature.name.clone())
            .fetch_optional(&mut *tx)
            .await?;
        if let Some(row) = named {
            let is_same = row.bytes("content")? == signature.content;
            return Ok(if is_same {
                SignatureOutcome::Same
            } else {
                SignatureOutcome::NameTaken
            });
        }
        let totals = on_manifest(TOTALS).fetch_one(&mut *tx).await?;
        let bytes = totals.int("bytes")? + signature.content.len() as i64;
        if totals.int("signatures")? >= MAX_PER_MANIFEST || bytes > MAX_BYTES_PER_MANIFEST {
            return Ok(SignatureOutcome::TooMany);
        }
        on_manifest(INSERT)
            .bind(signature.name.clone())
            .bind(signature.content.clone())
            .bind(micros(now))
            .execute(&mut *tx)
            .await?;
        let name = self.repository_name_in(&mut tx, repository).await?;
        let entry = AuditEntry {
            detail: Some(&signature.name),
            ..AuditEntry::on(
                AuditAction::SignatureAdd,
                name.as_deref(),
                Some(digest.as_str()),
            )
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(SignatureOutcome::Stored)
    }

    /// Lists the signatures of a manifest in the order they came.
    pub async fn simple_signatures(
        &self,
        repository: RepositoryId,
        digest: &Digest,
    ) -> Result<Vec<SimpleSignature>, CatalogError> {
        let rows = self
            .dialect
            .query(LIST)
            .bind(repository.0)
            .bind(digest.to_string())
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| {
            Ok(SimpleSignature {
                name: row.text("name")?,
                content: row.bytes("content")?,
            })
        })
    }
}
