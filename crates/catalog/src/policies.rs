//! Policies: immutable versions of a text under a name.

use jiff::Timestamp;
use oci::Digest;
use sqlx::any::AnyRow;

use crate::batch::{Answer, Batch};
use crate::dialect::statements;
use crate::rows::{Columns as _, all, micros};
use crate::{Actor, AuditAction, AuditEntry, Catalog, CatalogError};

/// One version of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The name.
    pub name: String,
    /// The version, counted from 1.
    pub version: i64,
    /// The text.
    pub text: String,
    /// The text's digest.
    pub sha256: Digest,
    /// Who published it.
    pub author: String,
    /// When.
    pub published_at: Timestamp,
}

statements! {
    LOCK_CURRENT = "SELECT * FROM policy WHERE live_name = $1 {for update}";
    RETIRE = "UPDATE policy SET live_name = NULL WHERE live_name = $1";
    INSERT = "INSERT INTO policy (name, version, live_name, body, sha256, author, published_at)
        VALUES ($1, $2, $1, $3, $4, $5, $6) RETURNING *";
    CURRENT = "SELECT * FROM policy WHERE live_name IS NOT NULL ORDER BY live_name";
    GET = "SELECT * FROM policy WHERE name = $1 AND version = $2";
}

impl Catalog {
    /// Publishes a text as the next version. The same text as the current version is not published again; its
    /// version is returned.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] if somebody publishes under this name at the same moment.
    pub async fn publish_policy(
        &self,
        name: &str,
        text: &str,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Policy, CatalogError> {
        let sha256 = Digest::sha256(text.as_bytes());
        let mut tx = self.begin().await?;
        let current = self
            .dialect
            .query(LOCK_CURRENT)
            .bind(name.to_owned())
            .fetch_optional(&mut *tx)
            .await?;
        let current = current.as_ref().map(read_policy).transpose()?;
        let next = match current {
            Some(current) if current.sha256 == sha256 => return Ok(current),
            Some(current) => current.version + 1,
            None => 1,
        };
        self.dialect
            .query(RETIRE)
            .bind(name.to_owned())
            .execute(&mut *tx)
            .await?;
        let row = self
            .dialect
            .query(INSERT)
            .bind(name.to_owned())
            .bind(next)
            .bind(text.to_owned())
            .bind(sha256.to_string())
            .bind(by.name.clone())
            .bind(micros(now))
            .fetch_one(&mut *tx)
            .await
            .map_err(|e| CatalogError::from(e).conflict_on("policy version"))?;
        let published = read_policy(&row)?;
        let entry = AuditEntry {
            detail: Some(sha256.as_str()),
            ..AuditEntry::on(AuditAction::PolicyPublish, None, Some(name))
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(published)
    }

    /// Returns the current version of every policy, by name.
    pub async fn current_policies(&self) -> Result<Vec<Policy>, CatalogError> {
        let mut batch = self.batch();
        ask_current_policies(&mut batch);
        read_current_policies(batch.read(&self.reader).await?.next()?)
    }

    /// Returns one version of a policy.
    pub async fn policy(&self, name: &str, version: i64) -> Result<Option<Policy>, CatalogError> {
        let row = self
            .dialect
            .query(GET)
            .bind(name.to_owned())
            .bind(version)
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read_policy).transpose()
    }
}

/// Asks in a batch for the current version of every policy.
pub(crate) fn ask_current_policies(batch: &mut Batch) {
    batch.add(CURRENT);
}

/// Reads the answer to [`ask_current_policies`].
pub(crate) fn read_current_policies(answer: Answer) -> Result<Vec<Policy>, CatalogError> {
    all(answer.rows, |row| read_policy(&row))
}

fn read_policy(row: &AnyRow) -> Result<Policy, CatalogError> {
    Ok(Policy {
        name: row.text("name")?,
        version: row.int("version")?,
        text: row.text("body")?,
        sha256: row.digest("sha256")?,
        author: row.text("author")?,
        published_at: row.time("published_at")?,
    })
}
