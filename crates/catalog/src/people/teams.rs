//! Teams: groups of people and robots inside one organisation.
//!
//! A team's role says what its members are in the organisation; roles on repositories are permissions that the team
//! is given like anybody else. The first team, [`OWNERS`], is made with the organisation.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use sqlx::any::AnyRow;

use crate::connection::Tx;
use crate::dialect::statements;
use crate::rows::{Columns as _, all, micros};
use crate::{AccountId, Actor, AuditAction, AuditEntry, Catalog, CatalogError};

/// The team that a new organisation begins with.
pub const OWNERS: &str = "owners";

/// The id of a team.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TeamId(pub i64);

/// What the members of a team are in their organisation; each contains the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TeamRole {
    /// They have what their team is given, and nothing else.
    Member,
    /// They may also create repositories in the organisation.
    Creator,
    /// They own it: every repository, team and robot.
    Admin,
}

impl TeamRole {
    /// Returns the word stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Creator => "creator",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for TeamRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The word is not a team's role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a team's role is one of member, creator, admin")]
pub struct UnknownTeamRole;

impl FromStr for TeamRole {
    type Err = UnknownTeamRole;

    fn from_str(text: &str) -> Result<Self, UnknownTeamRole> {
        match text {
            "member" => Ok(Self::Member),
            "creator" => Ok(Self::Creator),
            "admin" => Ok(Self::Admin),
            _ => Err(UnknownTeamRole),
        }
    }
}

/// A team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// The id that permissions are bound to.
    pub id: TeamId,
    /// The organisation.
    pub organization: AccountId,
    /// The name inside the organisation.
    pub name: String,
    /// What its members are there.
    pub role: TeamRole,
    /// In people's words.
    pub description: String,
    /// The provider and group that its synchronised members come from.
    pub sync: Option<(String, String)>,
    /// How many members it has.
    pub members: u64,
    /// When it was created.
    pub created_at: Timestamp,
}

/// What a change of a team leaves as it is, is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TeamChange {
    /// The new role.
    pub role: Option<TeamRole>,
    /// The new description.
    pub description: Option<String>,
    /// The new provider and group, or none of them. Members that came from the old group leave.
    pub sync: Option<Option<(String, String)>>,
}

statements! {
    INSERT = "INSERT INTO team (org_id, name, role, description, created_at)
        VALUES ($1, $2, $3, $4, $5) RETURNING *, CAST(0 AS BIGINT) AS members";
    BY_NAME = "SELECT t.*, (SELECT COUNT(*) FROM team_member m WHERE m.team_id = t.id) AS members
        FROM team t WHERE t.org_id = $1 AND t.name = $2";
    LOCK = "SELECT t.id, t.name, t.role, o.name AS organization FROM team t JOIN account o ON o.id = t.org_id
        WHERE t.org_id = $1 AND t.id = $2 {for update}";
    LOCK_OWNERS = "SELECT id FROM team WHERE org_id = $1 AND role = 'admin' ORDER BY id {for update}";
    SET_ROLE = "UPDATE team SET role = $2 WHERE id = $1";
    SET_DESCRIPTION = "UPDATE team SET description = $2 WHERE id = $1";
    SET_SYNC = "UPDATE team SET sync_source = $2, sync_group = $3 WHERE id = $1";
    DELETE = "DELETE FROM team WHERE id = $1";
    DELETE_PERMISSIONS = "DELETE FROM permission WHERE subject_kind = 'team' AND subject_id = $1";
    DELETE_PATTERNS = "DELETE FROM pattern_permission WHERE subject_kind = 'team' AND subject_id = $1";
    DELETE_DEFAULTS = "DELETE FROM default_permission WHERE delegate_kind = 'team' AND delegate_id = $1";
}

impl Catalog {
    /// Creates a team. The caller checks the grammar of names.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] if the organisation has a team of this name.
    pub async fn create_team(
        &self,
        organization: (AccountId, &str),
        name: &str,
        role: TeamRole,
        description: &str,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Team, CatalogError> {
        let mut tx = self.begin().await?;
        let team = self
            .insert_team_in(&mut tx, organization.0, name, role, description, now)
            .await?;
        let full_name = format!("{}/{name}", organization.1);
        let entry = AuditEntry {
            detail: Some(role.as_str()),
            ..AuditEntry::on(AuditAction::TeamCreate, None, Some(&full_name))
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(team)
    }

    /// Returns the team of this name in an organisation.
    pub async fn team(
        &self,
        organization: AccountId,
        name: &str,
    ) -> Result<Option<Team>, CatalogError> {
        let row = self
            .dialect
            .query(BY_NAME)
            .bind(organization.0)
            .bind(name.to_owned())
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read_team).transpose()
    }

    /// Changes a team. Returns whether it was there.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] on `owner` if the organisation would have no team of owners left.
    pub async fn change_team(
        &self,
        organization: AccountId,
        team: TeamId,
        change: &TeamChange,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        let owners = self.lock_owners(&mut tx, organization).await?;
        let Some(found) = self.lock_team_in(&mut tx, organization, team).await? else {
            return Ok(false);
        };
        if let Some(role) = change.role {
            if role < TeamRole::Admin && owners == [team] {
                return Err(CatalogError::Conflict("owner"));
            }
            let query = self.dialect.query(SET_ROLE).bind(team.0);
            query.bind(role.as_str()).execute(&mut *tx).await?;
            if role < found.role {
                self.end_members_tokens_in(&mut tx, team).await?;
            }
        }
        if let Some(description) = &change.description {
            let query = self.dialect.query(SET_DESCRIPTION).bind(team.0);
            query.bind(description.clone()).execute(&mut *tx).await?;
        }
        if let Some(sync) = &change.sync {
            self.remove_synced_members_in(&mut tx, team).await?;
            let (source, group) = sync.clone().unzip();
            let query = self.dialect.query(SET_SYNC).bind(team.0);
            query.bind(source).bind(group).execute(&mut *tx).await?;
        }
        let detail = describe(change);
        let entry = AuditEntry {
            detail: Some(&detail),
            ..AuditEntry::on(AuditAction::TeamUpdate, None, Some(&found.full_name))
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Deletes a team with everything it was given and ends its members' tokens. Returns whether it was there.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] on `owner` if it is the organisation's last team of owners.
    pub async fn delete_team(
        &self,
        organization: AccountId,
        team: TeamId,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        let owners = self.lock_owners(&mut tx, organization).await?;
        let Some(found) = self.lock_team_in(&mut tx, organization, team).await? else {
            return Ok(false);
        };
        if owners == [team] {
            return Err(CatalogError::Conflict("owner"));
        }
        self.end_members_tokens_in(&mut tx, team).await?;
        self.delete_team_in(&mut tx, team).await?;
        let entry = AuditEntry::on(AuditAction::TeamDelete, None, Some(&found.full_name));
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Deletes the rows of a team.
    pub(crate) async fn delete_team_in(
        &self,
        tx: &mut Tx,
        team: TeamId,
    ) -> Result<(), CatalogError> {
        self.delete_members_in(tx, team).await?;
        for statement in [DELETE_PERMISSIONS, DELETE_PATTERNS, DELETE_DEFAULTS, DELETE] {
            let query = self.dialect.query(statement).bind(team.0);
            query.execute(&mut **tx).await?;
        }
        Ok(())
    }

    pub(crate) async fn insert_team_in(
        &self,
        tx: &mut Tx,
        organization: AccountId,
        name: &str,
        role: TeamRole,
        description: &str,
        now: Timestamp,
    ) -> Result<Team, CatalogError> {
        let row = self
            .dialect
            .query(INSERT)
            .bind(organization.0)
            .bind(name.to_owned())
            .bind(role.as_str())
            .bind(description.to_owned())
            .bind(micros(now))
            .fetch_one(&mut **tx)
            .await
            .map_err(|e| CatalogError::from(e).conflict_on("name"))?;
        read_team(&row)
    }

    /// Locks a team of an organisation for the rest of the transaction.
    pub(crate) async fn lock_team_in(
        &self,
        tx: &mut Tx,
        organization: AccountId,
        team: TeamId,
    ) -> Result<Option<LockedTeam>, CatalogError> {
        let row = self
            .dialect
            .query(LOCK)
            .bind(organization.0)
            .bind(team.0)
            .fetch_optional(&mut **tx)
            .await?;
        row.map(|row| {
            Ok(LockedTeam {
                full_name: format!("{}/{}", row.text("organization")?, row.text("name")?),
                role: read_role(&row)?,
            })
        })
        .transpose()
    }

    /// Locks the teams whose members own the organisation, so that the last of them cannot go twice at once.
    async fn lock_owners(
        &self,
        tx: &mut Tx,
        organization: AccountId,
    ) -> Result<Vec<TeamId>, CatalogError> {
        let query = self.dialect.query(LOCK_OWNERS).bind(organization.0);
        all(query.fetch_all(&mut **tx).await?, |row| {
            Ok(TeamId(row.int("id")?))
        })
    }
}

/// A team that this transaction holds.
pub(crate) struct LockedTeam {
    /// `organisation/team`.
    pub(crate) full_name: String,
    role: TeamRole,
}

fn describe(change: &TeamChange) -> String {
    let mut words = Vec::new();
    if let Some(role) = change.role {
        words.push(format!("role {role}"));
    }
    if change.description.is_some() {
        words.push("description".to_owned());
    }
    match &change.sync {
        Some(Some((source, group))) => words.push(format!("sync {group} of {source}")),
        Some(None) => words.push("no sync".to_owned()),
        None => {}
    }
    words.join(", ")
}

fn read_role(row: &AnyRow) -> Result<TeamRole, CatalogError> {
    row.text("role")?
        .parse()
        .map_err(|_| CatalogError::Corrupt("role of a team"))
}

pub(super) fn read_team(row: &AnyRow) -> Result<Team, CatalogError> {
    Ok(Team {
        id: TeamId(row.int("id")?),
        organization: AccountId(row.int("org_id")?),
        name: row.text("name")?,
        role: read_role(row)?,
        description: row.text("description")?,
        sync: row
            .maybe_text("sync_source")?
            .zip(row.maybe_text("sync_group")?),
        members: row.size("members")?,
        created_at: row.time("created_at")?,
    })
}
