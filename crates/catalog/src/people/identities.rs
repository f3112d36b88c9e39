//! Who an identity provider says somebody is: (issuer, subject) leads to an account.
//!
//! The pair is what the provider promises to keep; names and addresses may be given to somebody else, so they are never
//! used to find an account.

use jiff::Timestamp;
use sqlx::any::AnyRow;

use crate::accounts::{insert_account, read_account};
use crate::dialect::statements;
use crate::rows::{Columns as _, all, micros};
use crate::{
    Account, AccountId, Actor, AuditAction, AuditEntry, Catalog, CatalogError, NewAccount,
};

/// An identity as the provider names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewIdentity {
    /// The provider: an OIDC issuer's address, or a directory's.
    pub issuer: String,
    /// Who, in the provider's words; never reused by it.
    pub subject: String,
    /// The address the provider tells, for people to read.
    pub email: Option<String>,
}

/// An identity that belongs to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The provider.
    pub issuer: String,
    /// Who.
    pub subject: String,
    /// The address the provider told last.
    pub email: Option<String>,
    /// The groups the provider told last.
    pub last_groups: Vec<String>,
    /// When it was linked.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_seen_at: Timestamp,
}

statements! {
    ACCOUNT_OF = "SELECT a.* FROM identity i JOIN account a ON a.id = i.account_id
        WHERE i.issuer = $1 AND i.subject = $2";
    INSERT = "INSERT INTO identity (issuer, subject, account_id, email, last_groups, created_at, last_seen_at)
        VALUES ($1, $2, $3, $4, '[]', $5, $5)";
    OF_ACCOUNT = "SELECT * FROM identity WHERE account_id = $1 ORDER BY issuer, subject";
    REMOVE = "DELETE FROM identity WHERE account_id = $1 AND issuer = $2 AND subject = $3";
    NAME_OF = "SELECT name FROM account WHERE id = $1";
    NAMESPACE_USED = "SELECT id FROM repository WHERE namespace = $1 AND live_name IS NOT NULL LIMIT 1";
    PATTERN_USED = "SELECT id FROM pattern_permission WHERE namespace = $1 LIMIT 1";
}

impl Catalog {
    /// Returns the account behind an identity, disabled or not.
    pub async fn account_by_identity(
        &self,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<Account>, CatalogError> {
        let row = self
            .dialect
            .query(ACCOUNT_OF)
            .bind(issuer.to_owned())
            .bind(subject.to_owned())
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read_account).transpose()
    }

    /// Creates an account for somebody whom only a provider has vouched for.
    ///
    /// The name comes from outside, so it must not be worth anything: an account owns the repositories below its name,
    /// and nobody becomes an owner by choosing a name elsewhere.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`]: `name` if an account has it, `namespace` if repositories or rights exist below it,
    /// `identity` if the identity is linked already.
    pub async fn provision_account(
        &self,
        account: &NewAccount<'_>,
        identity: &NewIdentity,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Account, CatalogError> {
        let mut tx = self.begin().await?;
        for statement in [NAMESPACE_USED, PATTERN_USED] {
            let used = self
                .dialect
                .query(statement)
                .bind(account.name.to_owned())
                .fetch_optional(&mut *tx)
                .await?;
            if used.is_some() {
                return Err(CatalogError::Conflict("namespace"));
            }
        }
        let created = insert_account(self, &mut tx, account, now).await?;
        self.insert_identity(&mut tx, created.id, identity, now)
            .await?;
        let entry = AuditEntry {
            detail: Some(&identity.issuer),
            ..AuditEntry::on(AuditAction::AccountCreate, None, Some(account.name))
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(created)
    }

    /// Links an identity to an account that exists. Returns whether it does.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] on `identity` if it is linked already, to this account or another.
    pub async fn link_identity(
        &self,
        account: AccountId,
        identity: &NewIdentity,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        let row = self
            .dialect
            .query(NAME_OF)
            .bind(account.0)
            .fetch_optional(&mut *tx)
            .await?;
        let Some(row) = row else { return Ok(false) };
        self.insert_identity(&mut tx, account, identity, now)
            .await?;
        let name = row.text("name")?;
        let entry = AuditEntry {
            detail: Some(&identity.issuer),
            ..AuditEntry::on(AuditAction::IdentityLink, None, Some(&name))
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Takes an identity from an account and ends its tokens and sessions. Returns whether it was there.
    pub async fn unlink_identity(
        &self,
        account: AccountId,
        issuer: &str,
        subject: &str,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        let removed = self
            .dialect
            .query(REMOVE)
            .bind(account.0)
            .bind(issuer.to_owned())
            .bind(subject.to_owned())
            .execute(&mut *tx)
            .await?;
        if removed.rows_affected() == 0 {
            return Ok(false);
        }
        self.end_tokens_in(&mut tx, crate::PrincipalId::Account(account))
            .await?;
        let row = self
            .dialect
            .query(NAME_OF)
            .bind(account.0)
            .fetch_one(&mut *tx)
            .await?;
        let name = row.text("name")?;
        let entry = AuditEntry {
            detail: Some(issuer),
            ..AuditEntry::on(AuditAction::IdentityUnlink, None, Some(&name))
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Lists an account's identities.
    pub async fn identities(&self, account: AccountId) -> Result<Vec<Identity>, CatalogError> {
        let query = self.dialect.query(OF_ACCOUNT).bind(account.0);
        all(query.fetch_all(&self.reader).await?, |row| {
            read_identity(&row)
        })
    }

    async fn insert_identity(
        &self,
        tx: &mut crate::connection::Tx,
        account: AccountId,
        identity: &NewIdentity,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        self.dialect
            .query(INSERT)
            .bind(identity.issuer.clone())
            .bind(identity.subject.clone())
            .bind(account.0)
            .bind(identity.email.clone())
            .bind(micros(now))
            .execute(&mut **tx)
            .await
            .map_err(|e| CatalogError::from(e).conflict_on("identity"))?;
        Ok(())
    }
}

fn read_identity(row: &AnyRow) -> Result<Identity, CatalogError> {
    Ok(Identity {
        issuer: row.text("issuer")?,
        subject: row.text("subject")?,
        email: row.maybe_text("email")?,
        last_groups: serde_json::from_str(&row.text("last_groups")?)
            .map_err(|_| CatalogError::Corrupt("list of groups"))?,
        created_at: row.time("created_at")?,
        last_seen_at: row.time("last_seen_at")?,
    })
}
