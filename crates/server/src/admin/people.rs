//! People, organisations, teams, robots, tokens and rights, from the console.
//!
//! A subject is written as its name: `dev` is a person, `acme+ci` a robot, `acme/backend` a team.

use catalog::{
    Account, AccountChange, AccountKind, CatalogError, CredentialKind, NameListing, NewAccount,
    NewCredential, PrincipalId, RobotChange, Role, Subject, SubjectId, Team, TeamChange, TeamRole,
    Visibility,
};
use jiff::{SignedDuration, Timestamp};
use oci::{RepositoryName, RepositoryPattern};
use secrecy::SecretString;
use uuid::Uuid;

use super::whole::{PAGE, whole};
use super::{Admin, AdminError};
pub use crate::api::namespaces::GrantItem;
pub use crate::api::organizations::OrganizationItem;
pub use crate::api::permissions::PermissionItem;
pub use crate::api::teams::{MemberItem, TeamItem};
pub use crate::api::tokens::SecretItem;
pub use crate::api::users::UserItem;
use crate::auth::password::hash_now;
use crate::auth::scopes::TokenScopes;
use crate::auth::secret::{SecretKind, generate, stored};

/// What a person is made with.
#[derive(Debug)]
pub struct NewUser<'a> {
    /// The name.
    pub name: &'a str,
    /// An address for people to read.
    pub email: Option<&'a str>,
    /// The password; one is drawn without.
    pub password: Option<SecretString>,
    /// Whether every repository is open to them.
    pub superuser: bool,
    /// Whether they may read everything.
    pub reader_superuser: bool,
}

impl Admin {
    /// Creates a person and returns the password, if it was drawn here.
    pub async fn create_user(
        &self,
        new: NewUser<'_>,
        now: Timestamp,
    ) -> Result<Option<SecretString>, AdminError> {
        check_name(new.name)?;
        let drawn = new
            .password
            .is_none()
            .then(|| generate(SecretKind::Password));
        let hash = match (&new.password, &drawn) {
            (Some(password), _) | (None, Some(password)) => Some(hash_now(password)?),
            (None, None) => None,
        };
        let account = NewAccount {
            name: new.name,
            kind: AccountKind::User,
            email: new.email,
            password_hash: hash.as_deref(),
            superuser: new.superuser,
            reader_superuser: new.reader_superuser,
        };
        let created = self.catalog.create_account(&account, &self.actor, now);
        created.await.map_err(|error| conflict(error, new.name))?;
        Ok(drawn)
    }

    /// Lists the people, by name.
    pub async fn users(&self) -> Result<Vec<UserItem>, AdminError> {
        let kind = AccountKind::User;
        let page = async |after: &str| self.catalog.list_accounts(kind, after, PAGE).await;
        let accounts = whole(page, |account| &account.name).await?;
        Ok(accounts.into_iter().map(UserItem::from).collect())
    }

    /// Lists the organisations, by name.
    pub async fn organizations(&self) -> Result<Vec<OrganizationItem>, AdminError> {
        let kind = AccountKind::Organization;
        let page = async |after: &str| self.catalog.list_accounts(kind, after, PAGE).await;
        let accounts = whole(page, |account| &account.name).await?;
        Ok(accounts.into_iter().map(OrganizationItem::from).collect())
    }

    /// Changes a person's standing.
    pub async fn change_user(
        &self,
        name: &str,
        change: &AccountChange,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        let account = self.account(AccountKind::User, name).await?;
        self.catalog
            .change_account(account.id, change, &self.actor, now)
            .await
            .map_err(|error| conflict(error, name))?;
        Ok(())
    }

    /// Disables a person with their robots, tokens and sessions.
    pub async fn disable_user(&self, name: &str, now: Timestamp) -> Result<(), AdminError> {
        let account = self.account(AccountKind::User, name).await?;
        self.catalog
            .disable_account(account.id, &self.actor, now)
            .await
            .map_err(|error| conflict(error, name))?;
        Ok(())
    }

    /// Enables a person again.
    pub async fn enable_user(&self, name: &str, now: Timestamp) -> Result<(), AdminError> {
        let account = self.account(AccountKind::User, name).await?;
        self.catalog
            .enable_account(account.id, &self.actor, now)
            .await?;
        Ok(())
    }

    /// Deletes a person or an organisation; its repositories must be gone.
    pub async fn delete_account(
        &self,
        kind: AccountKind,
        name: &str,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        let account = self.account(kind, name).await?;
        self.catalog
            .delete_account(account.id, &self.actor, now)
            .await
            .map_err(|error| conflict(error, name))?;
        Ok(())
    }

    /// Creates an organisation with its team of owners.
    pub async fn create_organization(
        &self,
        name: &str,
        owner: Option<&str>,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        check_name(name)?;
        let owner = match owner {
            Some(owner) => Some(self.account(AccountKind::User, owner).await?.principal()),
            None => None,
        };
        let created =
            self.catalog
                .create_organization(name, None, owner.as_ref(), &self.actor, now);
        created.await.map_err(|error| conflict(error, name))?;
        Ok(())
    }

    /// Creates a team, written `organisation/team`.
    pub async fn create_team(
        &self,
        full_name: &str,
        role: TeamRole,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        let (organization, name) = self.split_team(full_name).await?;
        check_name(name)?;
        let by = &self.actor;
        let place = (organization.id, organization.name.as_str());
        let created = self.catalog.create_team(place, name, role, "", by, now);
        created.await.map_err(|error| conflict(error, full_name))?;
        Ok(())
    }

    /// Lists an organisation's teams.
    pub async fn teams(&self, organization: &str) -> Result<Vec<TeamItem>, AdminError> {
        let organization = self
            .account(AccountKind::Organization, organization)
            .await?;
        let page = async |after: &str| {
            let listing = NameListing::after(after, PAGE);
            let page = self.catalog.organization_teams(organization.id, &listing);
            page.await.map(|page| page.rows)
        };
        let teams = whole(page, |team| &team.name).await?;
        Ok(teams.into_iter().map(TeamItem::from).collect())
    }

    /// Lists a team's members.
    pub async fn team_members(&self, team: &str) -> Result<Vec<MemberItem>, AdminError> {
        let team = self.team(team).await?;
        let page = async |after: &str| {
            let listing = NameListing::after(after, PAGE);
            let page = self.catalog.team_page(team.id, &listing).await;
            page.map(|page| page.rows)
        };
        let members = whole(page, |member| &member.subject.name).await?;
        Ok(members.into_iter().map(MemberItem::from).collect())
    }

    /// Changes a team.
    pub async fn change_team(
        &self,
        full_name: &str,
        change: &TeamChange,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        let team = self.team(full_name).await?;
        self.catalog
            .change_team(team.organization, team.id, change, &self.actor, now)
            .await
            .map_err(|error| conflict(error, full_name))?;
        Ok(())
    }

    /// Deletes a team with everything it was given.
    pub async fn delete_team(&self, full_name: &str, now: Timestamp) -> Result<(), AdminError> {
        let team = self.team(full_name).await?;
        self.catalog
            .delete_team(team.organization, team.id, &self.actor, now)
            .await
            .map_err(|error| conflict(error, full_name))?;
        Ok(())
    }

    /// Puts a person or a robot into a team, or takes them out.
    pub async fn set_member(
        &self,
        team: &str,
        member: &str,
        is_member: bool,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        let found = self.team(team).await?;
        let who = self.principal(member).await?;
        let (place, by) = ((found.organization, found.id), &self.actor);
        if is_member {
            let added = self
                .catalog
                .add_team_member(place.0, place.1, &who, by, now)
                .await?;
            let missing = || AdminError::NoTeam(team.to_owned());
            return added.then_some(()).ok_or_else(missing);
        }
        let removed = self
            .catalog
            .remove_team_member(place.0, place.1, &who, by, now)
            .await?;
        removed.then_some(()).ok_or_else(|| AdminError::NoMember {
            member: member.to_owned(),
            team: team.to_owned(),
        })
    }

    /// Changes a robot: its end, or whether it is disabled.
    pub async fn change_robot(
        &self,
        full_name: &str,
        change: &RobotChange,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        let robot = self.robot(full_name).await?;
        self.catalog
            .change_robot(robot.id, change, &self.actor, now)
            .await?;
        Ok(())
    }

    /// Makes another secret of a robot.
    pub async fn add_robot_secret(
        &self,
        full_name: &str,
        label: &str,
        now: Timestamp,
    ) -> Result<SecretString, AdminError> {
        let robot = self.robot(full_name).await?;
        let secret = generate(SecretKind::Robot);
        let new = NewCredential {
            secret: stored(&secret),
            kind: CredentialKind::Robot,
            parent: None,
            label,
            scopes: None,
            expires_at: None,
        };
        self.catalog
            .create_credential(&robot.principal(), &new, &self.actor, now)
            .await?
            .ok_or_else(|| AdminError::NoRobot(full_name.to_owned()))?;
        Ok(secret)
    }

    /// Makes a token of a person.
    pub async fn create_token(
        &self,
        user: &str,
        label: &str,
        scopes: &[String],
        days: i64,
        now: Timestamp,
    ) -> Result<SecretString, AdminError> {
        let account = self.account(AccountKind::User, user).await?;
        if !scopes.is_empty() {
            TokenScopes::parse(scopes).map_err(|error| AdminError::Scope(error.to_string()))?;
        }
        let secret = generate(SecretKind::Token);
        let new = NewCredential {
            secret: stored(&secret),
            kind: CredentialKind::App,
            parent: None,
            label,
            scopes: (!scopes.is_empty()).then_some(scopes),
            expires_at: Some(now + SignedDuration::from_hours(24 * days)),
        };
        self.catalog
            .create_credential(&account.principal(), &new, &self.actor, now)
            .await?
            .ok_or_else(|| AdminError::NoAccount(user.to_owned()))?;
        Ok(secret)
    }

    /// Lists the tokens of a person, or the secrets of a robot.
    pub async fn credentials(&self, name: &str) -> Result<Vec<SecretItem>, AdminError> {
        let principal = self.principal(name).await?;
        let kind = match principal.id {
            PrincipalId::Robot(_) => CredentialKind::Robot,
            PrincipalId::Account(_) | PrincipalId::Anonymous => CredentialKind::App,
        };
        let credentials = self.catalog.credentials(principal.id, kind).await?;
        Ok(credentials.into_iter().map(SecretItem::from).collect())
    }

    /// Revokes a token of a person or a secret of a robot.
    pub async fn revoke_credential(
        &self,
        name: &str,
        id: &str,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        let missing = || AdminError::NoCredential(id.to_owned());
        let known = Uuid::try_parse(id).map_err(|_| missing())?;
        let principal = self.principal(name).await?;
        let revoked = self
            .catalog
            .revoke_credential(&principal, known, &self.actor, now)
            .await?;
        if revoked { Ok(()) } else { Err(missing()) }
    }

    /// Gives a role on a repository, or on every repository that a pattern with `*` matches.
    pub async fn grant(
        &self,
        target: &RepositoryPattern,
        subject: &str,
        role: Role,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        let subject = self.subject(subject).await?;
        if !target.is_name() {
            self.catalog
                .grant_pattern(target, &subject, role, &self.actor, now)
                .await?;
            return Ok(());
        }
        let name = repository_name(target)?;
        self.catalog
            .grant(&name, &subject, role, &self.actor, now)
            .await?;
        Ok(())
    }

    /// Takes a role on a repository or a pattern away.
    pub async fn revoke(
        &self,
        target: &RepositoryPattern,
        subject: &str,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        let found = self.subject(subject).await?;
        let revoked = if target.is_name() {
            let repository = self.repository(target).await?;
            self.catalog
                .revoke(repository.id, &found, &self.actor, now)
                .await?
        } else {
            self.catalog
                .revoke_pattern(target, &found, &self.actor, now)
                .await?
        };
        if revoked {
            Ok(())
        } else {
            Err(AdminError::NoPermission {
                target: target.to_string(),
                subject: subject.to_owned(),
            })
        }
    }

    /// Lists the roles on a repository, and whether everybody may pull from it.
    pub async fn permissions(
        &self,
        repository: &RepositoryPattern,
    ) -> Result<(Visibility, Vec<PermissionItem>), AdminError> {
        let found = self.repository(repository).await?;
        let permissions = self.catalog.list_permissions(found.id).await?;
        let items = permissions.iter().map(PermissionItem::from).collect();
        Ok((found.visibility, items))
    }

    /// Lists the roles on a namespace's patterns.
    pub async fn pattern_permissions(&self, namespace: &str) -> Result<Vec<GrantItem>, AdminError> {
        let permissions = self.catalog.pattern_permissions(namespace).await?;
        Ok(permissions.into_iter().map(GrantItem::from).collect())
    }

    /// Opens a repository to everybody, or closes it.
    pub async fn set_visibility(
        &self,
        repository: &RepositoryPattern,
        visibility: Visibility,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        let repository = self.repository(repository).await?;
        self.catalog
            .set_visibility(repository.id, visibility, &self.actor, now)
            .await?;
        Ok(())
    }

    pub(super) async fn account(
        &self,
        kind: AccountKind,
        name: &str,
    ) -> Result<Account, AdminError> {
        let found = self.catalog.account_by_name(name).await?;
        found
            .filter(|account| account.kind == kind)
            .ok_or_else(|| AdminError::NoAccount(name.to_owned()))
    }

    async fn principal(&self, name: &str) -> Result<catalog::Principal, AdminError> {
        let found = self.catalog.principal_by_name(name).await?;
        found.ok_or_else(|| AdminError::NoAccount(name.to_owned()))
    }

    async fn robot(&self, full_name: &str) -> Result<catalog::Robot, AdminError> {
        let found = self.catalog.robot_by_name(full_name).await?;
        found.ok_or_else(|| AdminError::NoRobot(full_name.to_owned()))
    }

    async fn split_team<'a>(&self, full_name: &'a str) -> Result<(Account, &'a str), AdminError> {
        let missing = || AdminError::NoTeam(full_name.to_owned());
        let (organization, team) = full_name.split_once('/').ok_or_else(missing)?;
        let organization = self
            .account(AccountKind::Organization, organization)
            .await?;
        Ok((organization, team))
    }

    async fn team(&self, full_name: &str) -> Result<Team, AdminError> {
        let (organization, name) = self.split_team(full_name).await?;
        let found = self.catalog.team(organization.id, name).await?;
        found.ok_or_else(|| AdminError::NoTeam(full_name.to_owned()))
    }

    async fn subject(&self, name: &str) -> Result<Subject, AdminError> {
        if name.contains('/') {
            return Ok(Subject {
                id: SubjectId::Team(self.team(name).await?.id),
                name: name.to_owned(),
            });
        }
        Ok(Subject::try_from(&self.principal(name).await?)?)
    }

    async fn repository(
        &self,
        name: &RepositoryPattern,
    ) -> Result<catalog::Repository, AdminError> {
        let found = self.catalog.repository(&repository_name(name)?).await?;
        found.ok_or_else(|| AdminError::NoRepository(name.to_string()))
    }
}

fn repository_name(target: &RepositoryPattern) -> Result<RepositoryName, AdminError> {
    let name = target.as_str();
    name.parse()
        .map_err(|_| AdminError::NoRepository(name.to_owned()))
}

/// The name of an account or a team is one component of a repository's name.
pub(super) fn check_name(name: &str) -> Result<(), AdminError> {
    let is_component = !name.contains('/') && name.parse::<RepositoryName>().is_ok();
    if is_component && name.len() <= 64 {
        return Ok(());
    }
    Err(AdminError::AccountName(name.to_owned()))
}

fn conflict(error: CatalogError, name: &str) -> AdminError {
    match error {
        CatalogError::Conflict("superuser") => AdminError::LastSuperuser,
        CatalogError::Conflict("owner") => AdminError::LastOwners,
        CatalogError::Conflict("repository") => AdminError::HasRepositories(name.to_owned()),
        CatalogError::Conflict(_) => AdminError::NameTaken(name.to_owned()),
        other => other.into(),
    }
}
