//! Why an administrative command was refused: each sentence says what to do.

use catalog::{CatalogError, DeleteRepositoryError, RestoreError};
use oci::{RepositoryName, Tag};

use crate::auth::password::HashError;
pub use crate::collection::check::CheckError;
use crate::written::Unacceptable;

/// An administrative command was refused.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The catalog failed.
    #[error("the catalog failed")]
    Catalog(#[source] CatalogError),
    /// The catalog refused: nothing may be changed there.
    #[error(transparent)]
    Refused(CatalogError),
    /// Rows are missing still.
    #[error(
        "a migration into this database has not ended: run `tidegate migrate` again with the same arguments"
    )]
    HalfMigrated,
    /// The check cannot go on.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// The password cannot be hashed.
    #[error(transparent)]
    Password(#[from] HashError),
    /// There is no such account.
    #[error("there is no account `{0}`")]
    NoAccount(String),
    /// There is no such robot.
    #[error("there is no robot `{0}`, robots are named `owner+name`")]
    NoRobot(String),
    /// There is no such dead job.
    #[error("there is no dead job {0}, `tidegate admin jobs list` shows those there are")]
    NoDeadJob(i64),
    /// The robot exists.
    #[error("a robot `{0}` exists already")]
    RobotExists(String),
    /// There is no such team.
    #[error("there is no team `{0}`, teams are written `organisation/team`")]
    NoTeam(String),
    /// There is no such repository.
    #[error("there is no repository `{0}`")]
    NoRepository(String),
    /// There is no such token.
    #[error("there is no token or secret `{0}`")]
    NoCredential(String),
    /// There is nothing to take away.
    #[error("`{subject}` has no role on `{target}`")]
    NoPermission {
        /// The repository or pattern.
        target: String,
        /// Whose.
        subject: String,
    },
    /// A target alone would read the whole trail.
    #[error("a target needs an actor, an action, a repository or a namespace beside it")]
    BroadTarget,
    /// The scopes are not scopes.
    #[error("{0}")]
    Scope(String),
    /// The account or team exists.
    #[error("`{0}` exists already")]
    NameTaken(String),
    /// The name is not an account's.
    #[error(
        "`{0}` cannot be the name of an account or a team: use a-z and 0-9 with single `.`, `_`, `-` between them"
    )]
    AccountName(String),
    /// Nobody could administer the registry.
    #[error("one enabled administrator must remain")]
    LastSuperuser,
    /// Nobody would own the organisation.
    #[error("one team of owners must remain in the organisation")]
    LastOwners,
    /// Repositories would change hands with the name.
    #[error("there are repositories in the namespace `{0}`, delete them first")]
    HasRepositories(String),
    /// A value is not usable.
    #[error("{0}")]
    Unacceptable(String),
    /// There is no such upstream.
    #[error("there is no upstream `{0}`, `tidegate admin upstream list` shows those there are")]
    NoUpstream(String),
    /// There is no such mirror.
    #[error("{0} is no mirror, `tidegate admin mirror list` shows those there are")]
    NoMirror(RepositoryName),
    /// There is no such tag.
    #[error(
        "there is no tag `{tag}` in {repository}, `tidegate admin tag list {repository}` shows those there are"
    )]
    NoTag {
        /// Where.
        repository: RepositoryName,
        /// Which.
        tag: Tag,
    },
    /// A tag is not brought back.
    #[error(transparent)]
    Restore(RestoreError),
    /// A repository is not deleted.
    #[error(transparent)]
    DeleteRepository(DeleteRepositoryError),
    /// There is no such rule.
    #[error(
        "there is no immutability rule {id} of {scope}, `tidegate admin immutability list {scope}` shows those there are"
    )]
    NoRule {
        /// Which.
        id: i64,
        /// Of which scope.
        scope: String,
    },
    /// The scope is full.
    #[error("the scope has as many rules as it may have, lift one first")]
    TooManyRules,
    /// There is no policy to take away.
    #[error("{0} has no retention policy, `tidegate admin retention list` shows those there are")]
    NoRetention(String),
    /// Nothing would end anything.
    #[error(
        "no retention policy is in force in {0}, `tidegate admin retention set` puts one in force"
    )]
    NoRetentionFor(RepositoryName),
    /// There is no quota to take away.
    #[error("{0} has no quota, `tidegate admin quota show` shows those there are")]
    NoQuota(String),
    /// There is no such webhook.
    #[error("there is no webhook {0}, `tidegate admin webhook list` shows those there are")]
    NoWebhook(i64),
    /// Nothing is sent to it.
    #[error("webhook {0} is switched off")]
    WebhookIsOff(i64),
    /// No more webhooks are taken.
    #[error("there are too many webhooks already, remove one first")]
    TooManyWebhooks,
    /// There is no such delivery.
    #[error(
        "webhook {id} has no delivery {delivery} that is over, `tidegate admin webhook deliveries {id}` shows them"
    )]
    NoDelivery {
        /// Of which webhook.
        id: i64,
        /// Which.
        delivery: i64,
    },
    /// Somebody else signs in with it.
    #[error("this identity belongs to `{0}`, unlink it there first")]
    IdentityTaken(String),
    /// There is nothing to unlink.
    #[error(
        "`{0}` has no such identity, `tidegate admin user identities {0}` shows those there are"
    )]
    NoIdentity(String),
    /// There is nobody to take out.
    #[error("`{member}` is not in {team}")]
    NoMember {
        /// Who.
        member: String,
        /// Of which team.
        team: String,
    },
    /// The name is not a robot's.
    #[error("`{0}` cannot be a robot's name: use 1 to 64 of a-z, 0-9, `-`, `_`, `.`")]
    RobotName(String),
}

impl From<CatalogError> for AdminError {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::Expiring(_)
            | CatalogError::Immutable(_)
            | CatalogError::OverQuota(_)
            | CatalogError::ReadOnly(_)
            | CatalogError::RepositoryGone => Self::Refused(error),
            fault => Self::Catalog(fault),
        }
    }
}

impl From<Unacceptable> for AdminError {
    fn from(error: Unacceptable) -> Self {
        Self::Unacceptable(error.to_string())
    }
}
