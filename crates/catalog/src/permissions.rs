//! Who may do what in a repository.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use oci::RepositoryName;

use crate::{Actor, Catalog, CatalogError, Principal, RepositoryId};

/// A right on a repository; each contains the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Pull.
    Read,
    /// Pull and push.
    Write,
    /// Everything, including deletion and permissions.
    Admin,
}

impl Role {
    /// Returns the word stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The word is not a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a role is one of read, write, admin")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        match text {
            "read" => Ok(Self::Read),
            "write" => Ok(Self::Write),
            "admin" => Ok(Self::Admin),
            _ => Err(UnknownRole),
        }
    }
}

/// One principal's role in one repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Whose.
    pub principal: Principal,
    /// Which.
    pub role: Role,
}

impl Catalog {
    /// Gives a role, replacing an earlier one; a repository that does not exist yet is created empty.
    pub async fn grant(
        &self,
        repository: &RepositoryName,
        principal: &Principal,
        role: Role,
        by: &Actor,
        now: Timestamp,
    ) -> Result<RepositoryId, CatalogError> {
        todo!()
    }

    /// Takes the role away and ends the principal's tokens. Returns whether there was one.
    pub async fn revoke(
        &self,
        repository: RepositoryId,
        principal: &Principal,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        todo!()
    }

    /// Returns the principal's role. A superuser is an admin everywhere.
    pub async fn role_of(
        &self,
        repository: RepositoryId,
        principal: &Principal,
    ) -> Result<Option<Role>, CatalogError> {
        todo!()
    }

    /// Returns the repository's permissions, by name of the principal.
    pub async fn list_permissions(
        &self,
        repository: RepositoryId,
    ) -> Result<Vec<Permission>, CatalogError> {
        todo!()
    }
}
