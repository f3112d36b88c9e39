//! Administration from the machine itself: people and robots, without a running server.
//!
//! Whoever may open the database may do anything in it, so nothing here asks for a password. The command line is the
//! only caller.

mod error;
mod identities;
mod people;
mod repositories;
mod rules;
mod tags;
mod trail;
mod upkeep;
mod upstreams;
mod webhooks;
mod whole;

pub use catalog::{
    AccountChange, AccountKind, AuditFilter, AuditOutcome, DeliveryState, RobotChange, TeamChange,
    TeamRole, Visibility,
};
use catalog::{Actor, Catalog, CatalogError, NewRobot, Sparse};
pub use catalog::{JobState, Role};
pub use error::{AdminError, CheckError};
pub use identities::IdentityItem;
use jiff::Timestamp;
use oci::RepositoryName;
pub use oci::RepositoryPattern;
pub use people::{
    GrantItem, MemberItem, NewUser, OrganizationItem, PermissionItem, SecretItem, TeamItem,
    UserItem,
};
pub use repositories::{
    RepositoryChange, RepositoryDetail, RepositoryItem, RepositorySettings, SparseChoice,
};
pub use rules::{PruneReport, QuotaBody, QuotaItem, RetentionItem, RuleBody, RuleItem, Scoped};
use secrecy::{ExposeSecret as _, SecretString};
pub use tags::{Span, TagItem, read_life};
pub use trail::AuditItem;
pub use upkeep::{
    CheckOptions, CheckReport, CollectionStatus, Finding, JobItem, ReclaimItem, ReclaimReport,
    ScheduleItem, Steered, Steering,
};
pub use upstreams::{MirrorFilter, MirrorItem, NewUpstream, UpstreamItem};
pub use webhooks::{DeliveryItem, NewWebhook, WebhookItem};
use whole::{PAGE, whole};

pub use crate::api::robots::RobotItem;
use crate::api::robots::is_robot_name;
pub use crate::audit::AuditFormat;
use crate::auth::password::hash_now;
use crate::auth::secret::{SecretKind, generate, stored};

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
        if catalog.is_half_transferred().await? {
            catalog.close().await;
            return Err(AdminError::HalfMigrated);
        }
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
    pub async fn robots(&self) -> Result<Vec<RobotItem>, AdminError> {
        let page = async |after: &str| self.catalog.list_robots(None, after, PAGE).await;
        let robots = whole(page, |robot| &robot.name).await?;
        Ok(robots.into_iter().map(RobotItem::from).collect())
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
