//! Administration from the machine itself: people and robots, without a running server.
//!
//! Whoever may open the database may do anything in it, so nothing here asks for a password. The command line is the
//! only caller.

mod people;
mod trail;
mod upkeep;

pub use catalog::{
    AccountChange, AccountKind, AuditFilter, AuditOutcome, RobotChange, TeamChange, TeamRole,
    Visibility,
};
use catalog::{Actor, Catalog, CatalogError, NewRobot, Sparse};
pub use catalog::{JobRow, JobState, Robot, Role};
use jiff::Timestamp;
use oci::RepositoryName;
pub use oci::RepositoryPattern;
pub use people::NewUser;
use secrecy::{ExposeSecret as _, SecretString};
pub use upkeep::{CheckError, CheckOptions, CheckReport, Finding};

use crate::api::robots::is_robot_name;
pub use crate::audit::AuditFormat;
use crate::auth::password::{HashError, hash_now};
use crate::auth::secret::{SecretKind, generate, stored};

/// An administrative command was refused.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The catalog failed.
    #[error("the catalog failed")]
    Catalog(#[from] CatalogError),
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
    /// The name is not a robot's.
    #[error("`{0}` cannot be a robot's name: use 1 to 64 of a-z, 0-9, `-`, `_`, `.`")]
    RobotName(String),
}

/// A new robot and its token, which is shown once.
#[derive(Debug)]
pub struct CreatedRobot {
    /// The full name, `owner+name`.
    pub name: String,
    /// The token.
    pub token: SecretString,
}

/// Administrative commands over one catalog.
#[derive(Debug)]
pub struct Admin {
    catalog: Catalog,
    actor: Actor,
}

impl Admin {
    /// Opens the catalog at `sqlite:PATH` or `postgres://…`.
    pub async fn open(database: &SecretString) -> Result<Self, AdminError> {
        let catalog = Catalog::connect(database.expose_secret()).await?;
        Ok(Self {
            catalog,
            actor: Actor::named("console"),
        })
    }

    /// Replaces an account's password and ends its sessions and tokens.
    pub async fn set_password(
        &self,
        account: &str,
        password: &SecretString,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        let missing = || AdminError::NoAccount(account.to_owned());
        let found = self
            .catalog
            .account_by_name(account)
            .await?
            .ok_or_else(missing)?;
        let hash = hash_now(password)?;
        self.catalog
            .set_password(found.id, &hash, &self.actor, now)
            .await?;
        Ok(())
    }

    /// Creates the robot `owner+name` with a role on repositories.
    pub async fn create_robot(
        &self,
        owner: &str,
        name: &str,
        repositories: &[RepositoryName],
        role: Role,
        now: Timestamp,
    ) -> Result<CreatedRobot, AdminError> {
        if !is_robot_name(name) {
            return Err(AdminError::RobotName(name.to_owned()));
        }
        let missing = || AdminError::NoAccount(owner.to_owned());
        let account = self
            .catalog
            .account_by_name(owner)
            .await?
            .ok_or_else(missing)?;
        let token = generate(SecretKind::Robot);
        let created = self
            .catalog
            .create_robot(
                account.id,
                &NewRobot {
                    name,
                    description: "",
                    expires_at: None,
                    secret: stored(&token),
                },
                &self.actor,
                now,
            )
            .await;
        let robot = created.map_err(|error| match error {
            CatalogError::Conflict(_) => AdminError::RobotExists(format!("{owner}+{name}")),
            other => other.into(),
        })?;
        let robot = robot.ok_or_else(missing)?;
        for repository in repositories {
            self.catalog
                .grant(repository, &robot.principal(), role, &self.actor, now)
                .await?;
        }
        Ok(CreatedRobot {
            name: robot.name,
            token,
        })
    }

    /// Sets what the manifests of a repository may leave out; a repository that does not exist is created empty, and
    /// belongs to nobody but its namespace.
    pub async fn set_sparse(
        &self,
        repository: &RepositoryName,
        sparse: Option<Sparse>,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        let found = self
            .catalog
            .reserve_repository(repository, &self.actor, now)
            .await?;
        self.catalog
            .set_sparse(found.id, sparse, &self.actor, now)
            .await?;
        Ok(())
    }

    /// Lists all robots by name.
    pub async fn robots(&self) -> Result<Vec<Robot>, AdminError> {
        Ok(self.catalog.list_robots(None).await?)
    }

    /// Deletes a robot; its token is worthless at once.
    pub async fn delete_robot(&self, full_name: &str, now: Timestamp) -> Result<(), AdminError> {
        let missing = || AdminError::NoRobot(full_name.to_owned());
        let robot = self
            .catalog
            .robot_by_name(full_name)
            .await?
            .ok_or_else(missing)?;
        self.catalog
            .delete_robot(robot.id, &self.actor, now)
            .await?;
        Ok(())
    }

    /// Closes the catalog.
    pub async fn close(self) {
        self.catalog.close().await;
    }
}
