//! People and robots: who may present a credential.
//!
//! Names are one space: an account never contains `+`, a robot is `owner+name`. Ids are never reused, so a recreated
//! name inherits nothing. `auth_epoch` counts the events after which older tokens and sessions are worthless.

use jiff::Timestamp;

use crate::{Actor, Catalog, CatalogError};

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

impl Catalog {
    /// Creates an account. Its name must not contain `+`; the caller checks the grammar of names.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] if the name is taken.
    pub async fn create_account(
        &self,
        name: &str,
        password_hash: Option<&str>,
        superuser: bool,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Account, CatalogError> {
        todo!()
    }

    /// Returns the account of this name, disabled or not.
    pub async fn account_by_name(&self, name: &str) -> Result<Option<Account>, CatalogError> {
        todo!()
    }

    /// Returns whether any account exists; a fresh installation has none.
    pub async fn has_accounts(&self) -> Result<bool, CatalogError> {
        todo!()
    }

    /// Replaces the password and ends every token and session of the account. Returns whether the account exists.
    pub async fn set_password(
        &self,
        account: AccountId,
        password_hash: &str,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        todo!()
    }

    /// Disables the account, its robots, tokens and sessions. Returns whether an enabled account was there.
    pub async fn disable_account(
        &self,
        account: AccountId,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        todo!()
    }

    /// Creates the robot `owner+name`.
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
    ) -> Result<Robot, CatalogError> {
        todo!()
    }

    /// Returns the robot of this full name (`owner+name`).
    pub async fn robot_by_name(&self, full_name: &str) -> Result<Option<Robot>, CatalogError> {
        todo!()
    }

    /// Returns the robots, by name: of one owner, or with `None` of everybody.
    pub async fn list_robots(&self, owner: Option<AccountId>) -> Result<Vec<Robot>, CatalogError> {
        todo!()
    }

    /// Deletes a robot with its permissions. Returns whether it was there.
    pub async fn delete_robot(
        &self,
        robot: RobotId,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        todo!()
    }

    /// Returns the current state behind an id in one query: the check that each token passes on each request.
    pub async fn principal_state(
        &self,
        principal: PrincipalId,
    ) -> Result<Option<PrincipalState>, CatalogError> {
        todo!()
    }

    /// Returns the principal of this name, an account or a robot.
    pub async fn principal_by_name(
        &self,
        name: &str,
    ) -> Result<Option<PrincipalState>, CatalogError> {
        todo!()
    }
}
