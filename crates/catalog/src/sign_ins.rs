//! What follows from an identity's sign-ins, and from a source that no longer lets it in.
//!
//! A source may give an account the right of a superuser, and takes back only what it gave. An account that nobody but
//! its source can sign in to is disabled together with it, robots and all, and comes back with it; one that has a
//! password, or another identity in good standing, loses only what this source gave.

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

use crate::connection::Tx;
use crate::dialect::statements;
use crate::rows::{Columns as _, all, micros};
use crate::{AccountId, Actor, AuditAction, AuditEntry, Catalog, CatalogError, PrincipalId};

statements! {
    LOCK = "SELECT i.suspended_at, i.gave_superuser, a.name, a.superuser, a.disabled_at, a.password_hash
        FROM identity i JOIN account a ON a.id = i.account_id
        WHERE i.account_id = $1 AND i.issuer = $2 AND i.subject = $3 {for update}";
    CONFIRM = "UPDATE identity SET checked_at = $4, vouched_at = $4, last_seen_at = $4, suspended_at = NULL, gave_superuser = $5
        WHERE account_id = $1 AND issuer = $2 AND subject = $3";
    SUSPEND = "UPDATE identity SET checked_at = $4, suspended_at = COALESCE(suspended_at, $4), gave_superuser = 0, renewal = NULL
        WHERE account_id = $1 AND issuer = $2 AND subject = $3";
    LAPSE = "UPDATE identity SET gave_superuser = 0, renewal = NULL
        WHERE account_id = $1 AND issuer = $2 AND subject = $3";
    KEEP_RENEWAL = "UPDATE identity SET renewal = $3 WHERE issuer = $1 AND subject = $2";
    VOUCHER = "SELECT renewal, vouched_at FROM identity WHERE issuer = $1 AND subject = $2";
    SET_SUPERUSER = "UPDATE account SET superuser = $2 WHERE id = $1";
    ENABLE = "UPDATE account SET disabled_at = NULL WHERE id = $1 AND disabled_at = $2";
    DISABLE = "UPDATE account SET disabled_at = $2 WHERE id = $1 AND disabled_at IS NULL
        AND password_hash IS NULL AND NOT EXISTS (SELECT 1 FROM identity i
            WHERE i.account_id = account.id AND i.suspended_at IS NULL)";
    END_ROBOTS = "UPDATE robot SET auth_epoch = auth_epoch + 1 WHERE owner_id = $1";
    CLAIM = "UPDATE identity SET checked_at = $3 WHERE issuer = $1 AND subject IN (
            SELECT i.subject FROM identity i WHERE i.issuer = $1 AND i.checked_at <= $2
            ORDER BY i.checked_at, i.subject LIMIT $4 {skip locked})
        RETURNING subject";
}

/// What an identity's source said last, and how it is asked again.
#[derive(Debug)]
pub struct Voucher {
    /// When it last vouched for the identity.
    pub vouched_at: Timestamp,
    /// What it is asked with again without the person; `None` if it gave nothing of the kind.
    pub renewal: Option<SecretString>,
}

/// An identity as it was when its row was locked.
struct Standing {
    name: String,
    suspended_at: Option<Timestamp>,
    gave_superuser: bool,
    superuser: bool,
}

impl Catalog {
    /// Writes down that the identity's source lets it in at this moment, and whether it makes its account a superuser;
    /// `None` where the source says nothing about that. An account that was disabled together with the identity is
    /// enabled again.
    pub async fn confirm_identity(
        &self,
        account: AccountId,
        identity: (&str, &str),
        superuser: Option<bool>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let mut tx = self.begin().await?;
        let Some(standing) = self.lock_standing(&mut tx, account, identity).await? else {
            return Ok(());
        };
        let gave = standing.gave_superuser;
        let gives = superuser.map_or(gave, |is| is && (gave || !standing.superuser));
        self.dialect
            .query(CONFIRM)
            .bind(account.0)
            .bind(identity.0.to_owned())
            .bind(identity.1.to_owned())
            .bind(micros(now))
            .bind(i64::from(gives))
            .execute(&mut *tx)
            .await?;
        if gives != gave {
            self.set_superuser_in(&mut tx, account, &standing.name, gives, by, now)
                .await?;
        }
        if let Some(suspended_at) = standing.suspended_at {
            let enabled = self
                .dialect
                .query(ENABLE)
                .bind(account.0)
                .bind(micros(suspended_at))
                .execute(&mut *tx)
                .await?;
            if enabled.rows_affected() > 0 {
                let entry = AuditEntry {
                    detail: Some(identity.0),
                    ..AuditEntry::on(AuditAction::AccountEnable, None, Some(&standing.name))
                };
                self.audit_in(&mut tx, &entry, by, now).await?;
            }
        }
        tx.commit().await?;
        Ok(())
    }

    /// Takes back what an identity gave: its source no longer lets it in. Ends the account's tokens and sessions, and
    /// disables the account if nobody else can sign in to it. Returns whether that was not done before.
    pub async fn suspend_identity(
        &self,
        account: AccountId,
        identity: (&str, &str),
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        let Some(standing) = self.lock_standing(&mut tx, account, identity).await? else {
            return Ok(false);
        };
        self.dialect
            .query(SUSPEND)
            .bind(account.0)
            .bind(identity.0.to_owned())
            .bind(identity.1.to_owned())
            .bind(micros(now))
            .execute(&mut *tx)
            .await?;
        if standing.suspended_at.is_some() {
            tx.commit().await?;
            return Ok(false);
        }
        if standing.gave_superuser {
            self.set_superuser_in(&mut tx, account, &standing.name, false, by, now)
                .await?;
        }
        let disabled = self
            .dialect
            .query(DISABLE)
            .bind(account.0)
            .bind(micros(now))
            .execute(&mut *tx)
            .await?;
        let action = if disabled.rows_affected() > 0 {
            let robots = self.dialect.query(END_ROBOTS).bind(account.0);
            robots.execute(&mut *tx).await?;
            AuditAction::AccountDisable
        } else {
            AuditAction::IdentitySuspend
        };
        self.end_tokens_in(&mut tx, PrincipalId::Account(account))
            .await?;
        let entry = AuditEntry {
            detail: Some(identity.0),
            ..AuditEntry::on(action, None, Some(&standing.name))
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Takes back what an identity gave for a time, as that has passed: the rights of a superuser, and with them the
    /// tokens and sessions that were one's. The account stays. Its groups are replaced by
    /// [`replace_synced_groups`](Self::replace_synced_groups).
    pub async fn lapse_identity(
        &self,
        account: AccountId,
        identity: (&str, &str),
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let mut tx = self.begin().await?;
        let Some(standing) = self.lock_standing(&mut tx, account, identity).await? else {
            return Ok(());
        };
        self.dialect
            .query(LAPSE)
            .bind(account.0)
            .bind(identity.0.to_owned())
            .bind(identity.1.to_owned())
            .execute(&mut *tx)
            .await?;
        if standing.gave_superuser {
            self.set_superuser_in(&mut tx, account, &standing.name, false, by, now)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Returns what an identity's source said last; `None` if there is no such identity.
    pub async fn voucher(&self, identity: (&str, &str)) -> Result<Option<Voucher>, CatalogError> {
        let row = self
            .dialect
            .query(VOUCHER)
            .bind(identity.0.to_owned())
            .bind(identity.1.to_owned())
            .fetch_optional(&self.reader)
            .await?;
        let read = |row: &sqlx::any::AnyRow| {
            Ok(Voucher {
                vouched_at: row.time("vouched_at")?,
                renewal: row.maybe_text("renewal")?.map(SecretString::from),
            })
        };
        row.as_ref().map(read).transpose()
    }

    /// Keeps what an identity's source can be asked with again, or forgets it.
    pub async fn keep_renewal(
        &self,
        identity: (&str, &str),
        renewal: Option<&SecretString>,
    ) -> Result<(), CatalogError> {
        self.dialect
            .query(KEEP_RENEWAL)
            .bind(identity.0.to_owned())
            .bind(identity.1.to_owned())
            .bind(renewal.map(|renewal| renewal.expose_secret().to_owned()))
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Takes the subjects of an issuer that were last checked before `before`, the longest ago first, and marks them as
    /// checked, so that no other replica takes them too.
    pub async fn take_identities_to_check(
        &self,
        issuer: &str,
        before: Timestamp,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<String>, CatalogError> {
        let rows = self
            .dialect
            .query(CLAIM)
            .bind(issuer.to_owned())
            .bind(micros(before))
            .bind(micros(now))
            .bind(i64::from(limit))
            .fetch_all(&self.writer)
            .await?;
        all(rows, |row| row.text("subject"))
    }

    async fn lock_standing(
        &self,
        tx: &mut Tx,
        account: AccountId,
        identity: (&str, &str),
    ) -> Result<Option<Standing>, CatalogError> {
        let row = self
            .dialect
            .query(LOCK)
            .bind(account.0)
            .bind(identity.0.to_owned())
            .bind(identity.1.to_owned())
            .fetch_optional(&mut **tx)
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Standing {
            name: row.text("name")?,
            suspended_at: row.maybe_time("suspended_at")?,
            gave_superuser: row.flag("gave_superuser")?,
            superuser: row.flag("superuser")?,
        }))
    }

    /// Whoever stops being a superuser loses the tokens and sessions that were one's.
    async fn set_superuser_in(
        &self,
        tx: &mut Tx,
        account: AccountId,
        name: &str,
        superuser: bool,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        self.dialect
            .query(SET_SUPERUSER)
            .bind(account.0)
            .bind(i64::from(superuser))
            .execute(&mut **tx)
            .await?;
        if !superuser {
            self.end_tokens_in(tx, PrincipalId::Account(account))
                .await?;
        }
        let detail = format!("superuser: {superuser}, by a group");
        let entry = AuditEntry {
            detail: Some(&detail),
            ..AuditEntry::on(AuditAction::AccountUpdate, None, Some(name))
        };
        self.audit_in(tx, &entry, by, now).await
    }
}
