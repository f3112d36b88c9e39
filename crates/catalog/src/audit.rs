//! The audit trail: who did what, written in the transaction that did it.

use jiff::Timestamp;

use crate::{Catalog, CatalogError};

/// Who acts, as the audit trail names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actor {
    /// The principal's name; `system` for the server itself.
    pub name: String,
    /// The address the request came from.
    pub ip: Option<String>,
    /// The request's id in the logs.
    pub request_id: Option<String>,
}

impl Actor {
    /// Returns an actor known by name only.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuditAction {
    /// An account was created.
    AccountCreate,
    /// A password was replaced.
    PasswordSet,
    /// An account was disabled.
    AccountDisable,
    /// A robot was created.
    RobotCreate,
    /// A robot was deleted.
    RobotDelete,
    /// A role was given.
    Grant,
    /// A role was taken away.
    Revoke,
    /// A repository was created.
    RepositoryCreate,
    /// A manifest was pushed.
    Push,
    /// A tag moved.
    TagMove,
    /// A tag was deleted.
    TagDelete,
    /// A manifest was deleted.
    ManifestDelete,
    /// A blob left a repository.
    BlobDelete,
    /// A policy was published.
    PolicyPublish,
    /// Somebody signed in.
    Login,
    /// Somebody failed to sign in.
    LoginFailure,
    /// A pull was refused by a verdict.
    PullDenied,
}

impl AuditAction {
    /// Returns the word stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccountCreate => "account.create",
            Self::PasswordSet => "account.password",
            Self::AccountDisable => "account.disable",
            Self::RobotCreate => "robot.create",
            Self::RobotDelete => "robot.delete",
            Self::Grant => "permission.grant",
            Self::Revoke => "permission.revoke",
            Self::RepositoryCreate => "repository.create",
            Self::Push => "manifest.push",
            Self::TagMove => "tag.move",
            Self::TagDelete => "tag.delete",
            Self::ManifestDelete => "manifest.delete",
            Self::BlobDelete => "blob.delete",
            Self::PolicyPublish => "policy.publish",
            Self::Login => "login",
            Self::LoginFailure => "login.failure",
            Self::PullDenied => "pull.denied",
        }
    }
}

/// Something that was done, or refused.
#[derive(Clone, Debug)]
pub struct AuditEntry<'a> {
    /// What.
    pub action: AuditAction,
    /// In which repository, by name.
    pub repository: Option<&'a str>,
    /// On what: a tag, a digest, a name.
    pub target: Option<&'a str>,
    /// More, in words or JSON.
    pub detail: Option<&'a str>,
}

/// A row of the trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Its number; rows are ordered by it.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// The word of an [`AuditAction`].
    pub action: String,
    /// In which repository, by name.
    pub repository: Option<String>,
    /// On what.
    pub target: Option<String>,
    /// More.
    pub detail: Option<String>,
}

impl Catalog {
    /// Writes an entry for something that changes no other row: a sign-in, a refused pull.
    pub async fn audit(
        &self,
        entry: &AuditEntry<'_>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        todo!()
    }

    /// Lists the trail, latest first, beginning below the number `after`.
    pub async fn list_audit(
        &self,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditRow>, CatalogError> {
        todo!()
    }
}
