//! People and robots: who may present a credential.
//!
//! Names are one space: an account never contains `+`, a robot is `owner+name`. Ids are never reused, so a recreated
//! name inherits nothing. `auth_epoch` counts the events after which older tokens and sessions are worthless.

use jiff::Timestamp;
use sqlx::any::AnyRow;

use crate::connection::Tx;
use crate::dialect::statements;
use crate::rows::{Columns as _, micros};
use crate::{Actor, AuditAction, AuditEntry, Catalog, CatalogError, RobotId};

/// The id of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(pub i64);

/// The id of whoever presents a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PrincipalId {
    /// A person.
    Account(AccountId),
    /// A robot.
    Robot(RobotId),
    /// Whoever presents none. Its rights are the visibility of repositories.
    Anonymous,
}

impl PrincipalId {
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Self::Account(_) => "account",
            Self::Robot(_) => "robot",
            Self::Anonymous => "anonymous",
        }
    }

    pub(crate) const fn number(self) -> i64 {
        match self {
            Self::Account(AccountId(id)) | Self::Robot(RobotId(id)) => id,
            // No row has this id.
            Self::Anonymous => 0,
        }
    }

    pub(crate) fn read(row: &AnyRow, kind: &str, id: &str) -> Result<Self, CatalogError> {
        let number = row.int(id)?;
        match row.text(kind)?.as_str() {
            "account" => Ok(Self::Account(AccountId(number))),
            "robot" => Ok(Self::Robot(RobotId(number))),
            _ => Err(CatalogError::Corrupt("kind of a principal")),
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
    /// Whether it may read everything, and change nothing by that.
    pub reader_superuser: bool,
}

impl Principal {
    /// Returns the principal of requests without a credential.
    pub fn anonymous() -> Self {
        Self {
            id: PrincipalId::Anonymous,
            name: "anonymous".to_owned(),
            superuser: false,
            reader_superuser: false,
        }
    }
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

/// What an account is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AccountKind {
    /// A person, who signs in.
    #[default]
    User,
    /// An organisation, which does not: its teams say who acts for it.
    Organization,
}

impl AccountKind {
    /// Returns the word stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Organization => "org",
        }
    }

    fn parse(text: &str) -> Result<Self, CatalogError> {
        match text {
            "user" => Ok(Self::User),
            "org" => Ok(Self::Organization),
            _ => Err(CatalogError::Corrupt("kind of an account")),
        }
    }
}

/// An account to be made.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewAccount<'a> {
    /// The name, which is also the namespace of its repositories.
    pub name: &'a str,
    /// What it is.
    pub kind: AccountKind,
    /// An address for people to read.
    pub email: Option<&'a str>,
    /// The password's hash in PHC form; without one there is no sign-in by password.
    pub password_hash: Option<&'a str>,
    /// Whether every repository is open to it.
    pub superuser: bool,
    /// Whether it may read everything.
    pub reader_superuser: bool,
}

/// A person or an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The id.
    pub id: AccountId,
    /// The sign-in name, and the namespace of its repositories.
    pub name: String,
    /// What it is.
    pub kind: AccountKind,
    /// An address for people to read.
    pub email: Option<String>,
    /// The password's hash in PHC form, if the account has a password.
    pub password_hash: Option<String>,
    /// Whether every repository is open to it.
    pub superuser: bool,
    /// Whether it may read everything.
    pub reader_superuser: bool,
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
            reader_superuser: self.reader_superuser,
        }
    }
}

statements! {
    INSERT_ACCOUNT = "INSERT INTO account (name, kind, email, password_hash, superuser, reader_superuser, auth_epoch, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, 0, $7) RETURNING *";
    ACCOUNT_BY_NAME = "SELECT * FROM account WHERE name = $1";
    ANY_ACCOUNT = "SELECT id FROM account LIMIT 1";
    SET_PASSWORD = "UPDATE account SET password_hash = $2, auth_epoch = auth_epoch + 1 WHERE id = $1 RETURNING name";
    DISABLE_ACCOUNT = "UPDATE account SET disabled_at = $2, auth_epoch = auth_epoch + 1
        WHERE id = $1 AND disabled_at IS NULL RETURNING name";
    DISABLE_ROBOTS = "UPDATE robot SET auth_epoch = auth_epoch + 1 WHERE owner_id = $1";
    ACCOUNT_STATE = "SELECT name, superuser, reader_superuser, auth_epoch,
            CAST(CASE WHEN disabled_at IS NOT NULL OR kind <> 'user' THEN 1 ELSE 0 END AS BIGINT) AS disabled
        FROM account WHERE id = $1";
    ROBOT_STATE = "SELECT r.name, CAST(0 AS BIGINT) AS superuser, CAST(0 AS BIGINT) AS reader_superuser, r.auth_epoch,
            CAST(CASE WHEN COALESCE(r.disabled_at, a.disabled_at) IS NOT NULL OR r.expires_at <= $2
                THEN 1 ELSE 0 END AS BIGINT) AS disabled
        FROM robot r JOIN account a ON a.id = r.owner_id WHERE r.id = $1";
    BUMP_ACCOUNT = "UPDATE account SET auth_epoch = auth_epoch + 1 WHERE id = $1";
    BUMP_ROBOT = "UPDATE robot SET auth_epoch = auth_epoch + 1 WHERE id = $1";
}

impl Catalog {
    /// Creates an account. The caller checks the grammar of names.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] if the name is taken, or could be a robot's.
    pub async fn create_account(
        &self,
        new: &NewAccount<'_>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Account, CatalogError> {
        let mut tx = self.begin().await?;
        let account = insert_account(self, &mut tx, new, now).await?;
        let entry = AuditEntry::on(AuditAction::AccountCreate, None, Some(new.name));
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
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] on `superuser` if none would be left.
    pub async fn disable_account(
        &self,
        account: AccountId,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        if self.lock_superusers(&mut tx).await? == [account] {
            return Err(CatalogError::Conflict("superuser"));
        }
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

    /// Returns the current state behind an id in one query: the check that each token passes on each request.
    pub async fn principal_state(
        &self,
        principal: PrincipalId,
        now: Timestamp,
    ) -> Result<Option<PrincipalState>, CatalogError> {
        let number = principal.number();
        let query = match principal {
            PrincipalId::Account(_) => self.dialect.query(ACCOUNT_STATE).bind(number),
            PrincipalId::Robot(_) => {
                let query = self.dialect.query(ROBOT_STATE).bind(number);
                query.bind(micros(now))
            }
            PrincipalId::Anonymous => return Ok(None),
        };
        let row = query.fetch_optional(&self.reader).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(PrincipalState {
            principal: Principal {
                id: principal,
                name: row.text("name")?,
                superuser: row.flag("superuser")?,
                reader_superuser: row.flag("reader_superuser")?,
            },
            auth_epoch: row.int("auth_epoch")?,
            disabled: row.flag("disabled")?,
        }))
    }

    /// Returns the principal of this name: a person or a robot.
    pub async fn principal_by_name(&self, name: &str) -> Result<Option<Principal>, CatalogError> {
        if name.contains('+') {
            let robot = self.robot_by_name(name).await?;
            return Ok(robot.map(|robot| robot.principal()));
        }
        let account = self.account_by_name(name).await?;
        let person = account.filter(|account| account.kind == AccountKind::User);
        Ok(person.map(|account| account.principal()))
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
            PrincipalId::Anonymous => return Ok(()),
        };
        self.dialect
            .query(statement)
            .bind(principal.number())
            .execute(&mut **tx)
            .await?;
        Ok(())
    }
}

/// Writes the row of an account.
pub(crate) async fn insert_account(
    catalog: &Catalog,
    tx: &mut Tx,
    new: &NewAccount<'_>,
    now: Timestamp,
) -> Result<Account, CatalogError> {
    if new.name.contains('+') {
        return Err(CatalogError::Conflict("name"));
    }
    let row = catalog
        .dialect
        .query(INSERT_ACCOUNT)
        .bind(new.name.to_owned())
        .bind(new.kind.as_str())
        .bind(new.email.map(str::to_owned))
        .bind(new.password_hash.map(str::to_owned))
        .bind(i64::from(new.superuser))
        .bind(i64::from(new.reader_superuser))
        .bind(micros(now))
        .fetch_one(&mut **tx)
        .await
        .map_err(|e| CatalogError::from(e).conflict_on("name"))?;
    read_account(&row)
}

pub(crate) fn read_account(row: &AnyRow) -> Result<Account, CatalogError> {
    Ok(Account {
        id: AccountId(row.int("id")?),
        name: row.text("name")?,
        kind: AccountKind::parse(&row.text("kind")?)?,
        email: row.maybe_text("email")?,
        password_hash: row.maybe_text("password_hash")?,
        superuser: row.flag("superuser")?,
        reader_superuser: row.flag("reader_superuser")?,
        disabled_at: row.maybe_time("disabled_at")?,
        auth_epoch: row.int("auth_epoch")?,
        created_at: row.time("created_at")?,
    })
}
