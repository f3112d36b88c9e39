//! People and robots: who may present a credential.
//!
//! Names are one space: an account never contains `+`, a robot is `owner+name`. Ids are never reused, so a recreated
//! name inherits nothing. `auth_epoch` counts the events after which older tokens and sessions are worthless.

use jiff::Timestamp;
use sqlx::any::AnyRow;

use crate::connection::Tx;
use crate::dialect::statements;
use crate::rows::{Columns as _, all, micros};
use crate::{Actor, AuditAction, AuditEntry, Catalog, CatalogError};

/// The id of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(pub i64);

/// The id of a robot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RobotId(pub i64);

/// The id of whoever presents a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PrincipalId {
    /// A person.
    Account(AccountId),
    /// A robot.
    Robot(RobotId),
}

impl PrincipalId {
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Self::Account(_) => "account",
            Self::Robot(_) => "robot",
        }
    }

    pub(crate) const fn number(self) -> i64 {
        match self {
            Self::Account(AccountId(id)) | Self::Robot(RobotId(id)) => id,
        }
    }
}

/// Whoever presents a credential, as far as authorisation needs to know.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Principal {
    /// The id that permissions are bound to.
    pub id: PrincipalId,
    /// The full name: `admin`, `admin+ci`.
    pub name: String,
    /// Whether every repository is open to it.
    pub superuser: bool,
}

/// A principal and whether its credentials still count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalState {
    /// The principal.
    pub principal: Principal,
    /// Tokens and sessions that carry a lower epoch are worthless.
    pub auth_epoch: i64,
    /// Whether it may not sign in at all.
    pub disabled: bool,
}

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The id.
    pub id: AccountId,
    /// The sign-in name.
    pub name: String,
    /// The password's hash in PHC form, if the account has a password.
    pub password_hash: Option<String>,
    /// Whether every repository is open to it.
    pub superuser: bool,
    /// When it was disabled.
    pub disabled_at: Option<Timestamp>,
    /// See [`PrincipalState::auth_epoch`].
    pub auth_epoch: i64,
    /// When it was created.
    pub created_at: Timestamp,
}

impl Account {
    /// Returns the account as a principal.
    pub fn principal(&self) -> Principal {
        Principal {
            id: PrincipalId::Account(self.id),
            name: self.name.clone(),
            superuser: self.superuser,
        }
    }
}

/// A robot: a credential for programs, owned by an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Robot {
    /// The id.
    pub id: RobotId,
    /// The full name, `owner+name`.
    pub name: String,
    /// SHA-256 of its secret. Secrets are random and long, so a fast hash is enough.
    pub secret_sha256: [u8; 32],
    /// See [`PrincipalState::auth_epoch`].
    pub auth_epoch: i64,
    /// Whether it or its owner is disabled.
    pub disabled: bool,
    /// When it was created.
    pub created_at: Timestamp,
}

impl Robot {
    /// Returns the robot as a principal.
    pub fn principal(&self) -> Principal {
        Principal {
            id: PrincipalId::Robot(self.id),
            name: self.name.clone(),
            superuser: false,
        }
    }
}

statements! {
    INSERT_ACCOUNT = "INSERT INTO account (name, password_hash, superuser, auth_epoch, created_at)
        VALUES ($1, $2, $3, 0, $4) RETURNING *";
    ACCOUNT_BY_NAME = "SELECT * FROM account WHERE name = $1";
    ANY_ACCOUNT = "SELECT id FROM account LIMIT 1";
    SET_PASSWORD = "UPDATE account SET password_hash = $2, auth_epoch = auth_epoch + 1 WHERE id = $1 RETURNING name";
    DISABLE_ACCOUNT = "UPDATE account SET disabled_at = $2, auth_epoch = auth_epoch + 1
        WHERE id = $1 AND disabled_at IS NULL RETURNING name";
    DISABLE_ROBOTS = "UPDATE robot SET auth_epoch = auth_epoch + 1 WHERE owner_id = $1";
    INSERT_ROBOT = "INSERT INTO robot (owner_id, name, secret_sha256, auth_epoch, created_by, created_at)
        SELECT a.id, a.name || '+' || CAST($2 AS TEXT), $3, 0, $4, $5 FROM account a WHERE a.id = $1
        RETURNING id, name, secret_sha256, auth_epoch, CAST(NULL AS BIGINT) AS disabled_at, created_at";
    ROBOT_BY_NAME = "SELECT r.id, r.name, r.secret_sha256, r.auth_epoch, a.disabled_at, r.created_at
        FROM robot r JOIN account a ON a.id = r.owner_id WHERE r.name = $1";
    LIST_ROBOTS = "SELECT r.id, r.name, r.secret_sha256, r.auth_epoch, a.disabled_at, r.created_at
        FROM robot r JOIN account a ON a.id = r.owner_id ORDER BY r.name";
    LIST_ROBOTS_OF = "SELECT r.id, r.name, r.secret_sha256, r.auth_epoch, a.disabled_at, r.created_at
        FROM robot r JOIN account a ON a.id = r.owner_id WHERE r.owner_id = $1 ORDER BY r.name";
    DELETE_ROBOT = "DELETE FROM robot WHERE id = $1 RETURNING name";
    DELETE_ROBOT_PERMISSIONS = "DELETE FROM permission WHERE subject_kind = 'robot' AND subject_id = $1";
    ACCOUNT_STATE = "SELECT id, name, superuser, auth_epoch, disabled_at FROM account WHERE id = $1";
    ROBOT_STATE = "SELECT r.id, r.name, r.auth_epoch, a.disabled_at
        FROM robot r JOIN account a ON a.id = r.owner_id WHERE r.id = $1";
    BUMP_ACCOUNT = "UPDATE account SET auth_epoch = auth_epoch + 1 WHERE id = $1";
    BUMP_ROBOT = "UPDATE robot SET auth_epoch = auth_epoch + 1 WHERE id = $1";
}

impl Catalog {
    /// Creates an account. Its name must not contain `+`; the caller checks the grammar of names.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] if the name is taken, or could be a robot's.
    pub async fn create_account(
        &self,
        name: &str,
        password_hash: Option<&str>,
        superuser: bool,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Account, CatalogError> {
        if name.contains('+') {
            return Err(CatalogError::Conflict("name"));
        }
        let mut tx = self.begin().await?;
        let row = self
            .dialect
            .query(INSERT_ACCOUNT)
            .bind(name.to_owned())
            .bind(password_hash.map(str::to_owned))
            .bind(i64::from(superuser))
            .bind(micros(now))
            .fetch_one(&mut *tx)
            .await
            .map_err(|e| CatalogError::from(e).conflict_on("name"))?;
        let account = read_account(&row)?;
        let entry = AuditEntry::on(AuditAction::AccountCreate, None, Some(name));
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(account)
    }

    /// Returns the account of this name, disabled or not.
    pub async fn account_by_name(&self, name: &str) -> Result<Option<Account>, CatalogError> {
        let row = self
            .dialect
            .query(ACCOUNT_BY_NAME)
            .bind(name.to_owned())
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read_account).transpose()
    }

    /// Returns whether any account exists; a fresh installation has none.
    pub async fn has_accounts(&self) -> Result<bool, CatalogError> {
        let row = self
            .dialect
            .query(ANY_ACCOUNT)
            .fetch_optional(&self.reader)
            .await?;
        Ok(row.is_some())
    }

    /// Replaces the password and ends every token and session of the account. Returns whether the account exists.
    pub async fn set_password(
        &self,
        account: AccountId,
        password_hash: &str,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        let row = self
            .dialect
            .query(SET_PASSWORD)
            .bind(account.0)
            .bind(password_hash.to_owned())
            .fetch_optional(&mut *tx)
            .await?;
        let Some(row) = row else { return Ok(false) };
        let name = row.text("name")?;
        self.forget_login_failures_in(&mut tx, &name).await?;
        let entry = AuditEntry::on(AuditAction::PasswordSet, None, Some(&name));
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Disables the account, its robots, tokens and sessions. Returns whether an enabled account was there.
    pub async fn disable_account(
        &self,
        account: AccountId,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        let row = self
            .dialect
            .query(DISABLE_ACCOUNT)
            .bind(account.0)
            .bind(micros(now))
            .fetch_optional(&mut *tx)
            .await?;
        let Some(row) = row else { return Ok(false) };
        let name = row.text("name")?;
        self.dialect
            .query(DISABLE_ROBOTS)
            .bind(account.0)
            .execute(&mut *tx)
            .await?;
        let entry = AuditEntry::on(AuditAction::AccountDisable, None, Some(&name));
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Creates the robot `owner+name`. Returns `None` if there is no such owner.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] if the owner has a robot of this name.
    pub async fn create_robot(
        &self,
        owner: AccountId,
        name: &str,
        secret_sha256: &[u8; 32],
        by: &Actor,
        now: Timestamp,
    ) -> Result<Option<Robot>, CatalogError> {
        let mut tx = self.begin().await?;
        let row = self
            .dialect
            .query(INSERT_ROBOT)
            .bind(owner.0)
            .bind(name.to_owned())
            .bind(secret_sha256.to_vec())
            .bind(by.name.clone())
            .bind(micros(now))
            .fetch_optional(&mut *tx)
            .await
            .map_err(|e| CatalogError::from(e).conflict_on("name"))?;
        let Some(row) = row else { return Ok(None) };
        let robot = read_robot(&row)?;
        let entry = AuditEntry::on(AuditAction::RobotCreate, None, Some(&robot.name));
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(Some(robot))
    }

    /// Returns the robot of this full name (`owner+name`).
    pub async fn robot_by_name(&self, full_name: &str) -> Result<Option<Robot>, CatalogError> {
        let row = self
            .dialect
            .query(ROBOT_BY_NAME)
            .bind(full_name.to_owned())
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read_robot).transpose()
    }

    /// Returns the robots, by name: of one owner, or with `None` of everybody.
    pub async fn list_robots(&self, owner: Option<AccountId>) -> Result<Vec<Robot>, CatalogError> {
        let query = match owner {
            Some(owner) => self.dialect.query(LIST_ROBOTS_OF).bind(owner.0),
            None => self.dialect.query(LIST_ROBOTS),
        };
        all(query.fetch_all(&self.reader).await?, |row| read_robot(&row))
    }

    /// Deletes a robot with its permissions. Returns whether it was there.
    pub async fn delete_robot(
        &self,
        robot: RobotId,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        let row = self
            .dialect
            .query(DELETE_ROBOT)
            .bind(robot.0)
            .fetch_optional(&mut *tx)
            .await?;
        let Some(row) = row else { return Ok(false) };
        let name = row.text("name")?;
        self.dialect
            .query(DELETE_ROBOT_PERMISSIONS)
            .bind(robot.0)
            .execute(&mut *tx)
            .await?;
        let entry = AuditEntry::on(AuditAction::RobotDelete, None, Some(&name));
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Returns the current state behind an id in one query: the check that each token passes on each request.
    pub async fn principal_state(
        &self,
        principal: PrincipalId,
    ) -> Result<Option<PrincipalState>, CatalogError> {
        let statement = match principal {
            PrincipalId::Account(_) => ACCOUNT_STATE,
            PrincipalId::Robot(_) => ROBOT_STATE,
        };
        let row = self
            .dialect
            .query(statement)
            .bind(principal.number())
            .fetch_optional(&self.reader)
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(PrincipalState {
            principal: Principal {
                id: principal,
                name: row.text("name")?,
                superuser: match principal {
                    PrincipalId::Account(_) => row.flag("superuser")?,
                    PrincipalId::Robot(_) => false,
                },
            },
            auth_epoch: row.int("auth_epoch")?,
            disabled: row.maybe_int("disabled_at")?.is_some(),
        }))
    }

    /// Returns the principal of this name, an account or a robot.
    pub async fn principal_by_name(
        &self,
        name: &str,
    ) -> Result<Option<PrincipalState>, CatalogError> {
        if name.contains('+') {
            let robot = self.robot_by_name(name).await?;
            return Ok(robot.map(|robot| PrincipalState {
                principal: robot.principal(),
                auth_epoch: robot.auth_epoch,
                disabled: robot.disabled,
            }));
        }
        let account = self.account_by_name(name).await?;
        Ok(account.map(|account| PrincipalState {
            principal: account.principal(),
            auth_epoch: account.auth_epoch,
            disabled: account.disabled_at.is_some(),
        }))
    }

    /// Makes the tokens that a principal holds worthless.
    pub(crate) async fn end_tokens_in(
        &self,
        tx: &mut Tx,
        principal: PrincipalId,
    ) -> Result<(), CatalogError> {
        let statement = match principal {
            PrincipalId::Account(_) => BUMP_ACCOUNT,
            PrincipalId::Robot(_) => BUMP_ROBOT,
        };
        self.dialect
            .query(statement)
            .bind(principal.number())
            .execute(&mut **tx)
            .await?;
        Ok(())
    }
}

pub(crate) fn read_account(row: &AnyRow) -> Result<Account, CatalogError> {
    Ok(Account {
        id: AccountId(row.int("id")?),
        name: row.text("name")?,
        password_hash: row.maybe_text("password_hash")?,
        superuser: row.flag("superuser")?,
        disabled_at: row.maybe_time("disabled_at")?,
        auth_epoch: row.int("auth_epoch")?,
        created_at: row.time("created_at")?,
    })
}

fn read_robot(row: &AnyRow) -> Result<Robot, CatalogError> {
    Ok(Robot {
        id: RobotId(row.int("id")?),
        name: row.text("name")?,
        secret_sha256: row.sha256("secret_sha256")?,
        auth_epoch: row.int("auth_epoch")?,
        disabled: row.maybe_int("disabled_at")?.is_some(),
        created_at: row.time("created_at")?,
    })
}
