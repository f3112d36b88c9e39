//! Changing accounts: what a superuser may do to them, and how they end.
//!
//! One rule has no exception: an enabled superuser who can sign in remains, or nobody could undo a mistake without the
//! machine's console. Whoever is changed keeps no token that says more than the account does now.

use jiff::Timestamp;

use crate::accounts::read_account;
use crate::connection::Tx;
use crate::dialect::statements;
use crate::people::robots::RobotId;
use crate::people::teams::TeamId;
use crate::rows::{Columns as _, all};
use crate::{
    Account, AccountId, AccountKind, Actor, AuditAction, AuditEntry, Catalog, CatalogError,
    PrincipalId,
};

/// What a change of an account leaves as it is, is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountChange {
    /// The new address, or none.
    pub email: Option<Option<String>>,
    /// Whether every repository is open to it.
    pub superuser: Option<bool>,
    /// Whether it may read everything.
    pub reader_superuser: Option<bool>,
}

statements! {
    LIST = "SELECT * FROM account WHERE kind = $1 AND name > $2 ORDER BY name LIMIT $3";
    ORGANIZATIONS_OF = "SELECT o.* FROM account o WHERE o.kind = 'org' AND o.id IN (
            SELECT t.org_id FROM team_member m JOIN team t ON t.id = m.team_id
            WHERE m.member_kind = $1 AND m.member_id = $2) ORDER BY o.name";
    LOCK_SUPERUSERS = "SELECT id FROM account WHERE superuser = 1 AND disabled_at IS NULL ORDER BY id {for update}";
    LOCK = "SELECT * FROM account WHERE id = $1 {for update}";
    SET_EMAIL = "UPDATE account SET email = $2 WHERE id = $1";
    SET_SUPERUSER = "UPDATE account SET superuser = $2, auth_epoch = auth_epoch + 1 WHERE id = $1";
    SET_READER = "UPDATE account SET reader_superuser = $2, auth_epoch = auth_epoch + 1 WHERE id = $1";
    ENABLE = "UPDATE account SET disabled_at = NULL, auth_epoch = auth_epoch + 1
        WHERE id = $1 AND disabled_at IS NOT NULL RETURNING name";
    HAS_REPOSITORIES = "SELECT id FROM repository WHERE namespace = $1 AND live_name IS NOT NULL LIMIT 1";
    ROBOTS = "SELECT id FROM robot WHERE owner_id = $1 ORDER BY id";
    TEAMS = "SELECT id FROM team WHERE org_id = $1 ORDER BY id";
    DELETE_SESSIONS = "DELETE FROM session WHERE account_id = $1";
    DELETE_IDENTITIES = "DELETE FROM identity WHERE account_id = $1";
    DELETE_PERMISSIONS = "DELETE FROM permission WHERE subject_kind = 'account' AND subject_id = $1";
    DELETE_PATTERNS = "DELETE FROM pattern_permission WHERE subject_kind = 'account' AND subject_id = $1";
    DELETE_DEFAULTS = "DELETE FROM default_permission WHERE account_id = $1
        OR (delegate_kind = 'account' AND delegate_id = $1) OR (creator_kind = 'account' AND creator_id = $1)";
    DELETE_MEMBERSHIPS = "DELETE FROM team_member WHERE member_kind = 'account' AND member_id = $1";
    DELETE_OWN_PATTERNS = "DELETE FROM pattern_permission WHERE namespace = $1";
    DELETE = "DELETE FROM account WHERE id = $1";
}

impl Catalog {
    /// Lists accounts of a kind by name, beginning after `after`.
    pub async fn list_accounts(
        &self,
        kind: AccountKind,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Account>, CatalogError> {
        let query = self.dialect.query(LIST).bind(kind.as_str());
        let query = query.bind(after.to_owned()).bind(i64::from(limit));
        all(query.fetch_all(&self.reader).await?, |row| {
            read_account(&row)
        })
    }

    /// Lists the organisations in which a principal is in a team, by name.
    pub async fn organizations_of(
        &self,
        principal: PrincipalId,
    ) -> Result<Vec<Account>, CatalogError> {
        let query = self.dialect.query(ORGANIZATIONS_OF);
        let query = query.bind(principal.kind()).bind(principal.number());
        all(query.fetch_all(&self.reader).await?, |row| {
            read_account(&row)
        })
    }

    /// Changes an account; another standing ends its tokens and sessions. Returns whether it is there.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] on `superuser` if none would be left.
    pub async fn change_account(
        &self,
        account: AccountId,
        change: &AccountChange,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        let superusers = self.lock_superusers(&mut tx).await?;
        let Some(found) = self.lock_account(&mut tx, account).await? else {
            return Ok(false);
        };
        let mut words = Vec::new();
        if let Some(email) = &change.email {
            let query = self.dialect.query(SET_EMAIL).bind(account.0);
            query.bind(email.clone()).execute(&mut *tx).await?;
            words.push("email");
        }
        if let Some(superuser) = change.superuser
            && superuser != found.superuser
        {
            if !superuser && superusers == [account] {
                return Err(CatalogError::Conflict("superuser"));
            }
            let query = self.dialect.query(SET_SUPERUSER).bind(account.0);
            query.bind(i64::from(superuser)).execute(&mut *tx).await?;
            words.push(if superuser {
                "superuser"
            } else {
                "no superuser"
            });
        }
        if let Some(reader) = change.reader_superuser
            && reader != found.reader_superuser
        {
            let query = self.dialect.query(SET_READER).bind(account.0);
            query.bind(i64::from(reader)).execute(&mut *tx).await?;
            words.push(if reader {
                "reads everything"
            } else {
                "no longer reads everything"
            });
        }
        let detail = words.join(", ");
        let entry = AuditEntry {
            detail: Some(&detail),
            ..AuditEntry::on(AuditAction::AccountUpdate, None, Some(&found.name))
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Enables an account again; what it held before stays worthless. Returns whether a disabled account was there.
    pub async fn enable_account(
        &self,
        account: AccountId,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        let query = self.dialect.query(ENABLE).bind(account.0);
        let Some(row) = query.fetch_optional(&mut *tx).await? else {
            return Ok(false);
        };
        let name = row.text("name")?;
        let entry = AuditEntry::on(AuditAction::AccountEnable, None, Some(&name));
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Deletes an account with its robots, teams, tokens and everything it was given. Returns whether it was there.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`]: `repository` while repositories lie in its namespace, because whoever takes the name
    /// next would own them; `superuser` if none would be left.
    pub async fn delete_account(
        &self,
        account: AccountId,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        let superusers = self.lock_superusers(&mut tx).await?;
        let Some(found) = self.lock_account(&mut tx, account).await? else {
            return Ok(false);
        };
        if superusers == [account] {
            return Err(CatalogError::Conflict("superuser"));
        }
        let query = self.dialect.query(HAS_REPOSITORIES);
        let used = query.bind(found.name.clone()).fetch_optional(&mut *tx);
        if used.await?.is_some() {
            return Err(CatalogError::Conflict("repository"));
        }
        self.delete_belongings(&mut tx, &found).await?;
        let action = match found.kind {
            AccountKind::User => AuditAction::AccountDelete,
            AccountKind::Organization => AuditAction::OrganizationDelete,
        };
        let entry = AuditEntry::on(action, None, Some(&found.name));
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn delete_belongings(&self, tx: &mut Tx, account: &Account) -> Result<(), CatalogError> {
        let query = self.dialect.query(ROBOTS).bind(account.id.0);
        for row in query.fetch_all(&mut **tx).await? {
            self.delete_robot_in(tx, RobotId(row.int("id")?)).await?;
        }
        let query = self.dialect.query(TEAMS).bind(account.id.0);
        for row in query.fetch_all(&mut **tx).await? {
            let team = TeamId(row.int("id")?);
            self.end_members_tokens_in(tx, team).await?;
            self.delete_team_in(tx, team).await?;
        }
        self.delete_credentials_in(tx, PrincipalId::Account(account.id))
            .await?;
        let query = self.dialect.query(DELETE_OWN_PATTERNS);
        query.bind(account.name.clone()).execute(&mut **tx).await?;
        for statement in [
            DELETE_SESSIONS,
            DELETE_IDENTITIES,
            DELETE_PERMISSIONS,
            DELETE_PATTERNS,
            DELETE_DEFAULTS,
            DELETE_MEMBERSHIPS,
            DELETE,
        ] {
            let query = self.dialect.query(statement).bind(account.id.0);
            query.execute(&mut **tx).await?;
        }
        Ok(())
    }

    /// Locks the superusers who can act, so that the last of them cannot go twice at once.
    pub(crate) async fn lock_superusers(
        &self,
        tx: &mut Tx,
    ) -> Result<Vec<AccountId>, CatalogError> {
        let query = self.dialect.query(LOCK_SUPERUSERS);
        all(query.fetch_all(&mut **tx).await?, |row| {
            Ok(AccountId(row.int("id")?))
        })
    }

    async fn lock_account(
        &self,
        tx: &mut Tx,
        account: AccountId,
    ) -> Result<Option<Account>, CatalogError> {
        let query = self.dialect.query(LOCK).bind(account.0);
        let row = query.fetch_optional(&mut **tx).await?;
        row.as_ref().map(read_account).transpose()
    }
}
