//! Who is in a team, and the memberships that follow an identity provider's groups.
//!
//! A membership is either made by hand or comes from a provider. [`Catalog::replace_synced_groups`] replaces what came
//! from one provider at each sign-in and never touches what was made by hand.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sqlx::any::AnyRow;

use crate::connection::Tx;
use crate::dialect::statements;
use crate::people::teams::TeamId;
use crate::rows::{Columns as _, micros};
use crate::{
    AccountId, Actor, AuditAction, AuditEntry, Catalog, CatalogError, Principal, PrincipalId,
    Subject, SubjectId,
};

/// A member of a team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamMember {
    /// An account or a robot.
    pub subject: Subject,
    /// The provider that this membership came from; `None` if it was made by hand.
    pub sync_source: Option<String>,
    /// Since when.
    pub added_at: Timestamp,
}

/// What an identity provider says at a sign-in.
#[derive(Clone, Copy, Debug)]
pub struct SyncedGroups<'a> {
    /// The provider, as teams name it in `sync_source`.
    pub source: &'a str,
    /// The identity's issuer and subject, whose `last_groups` is replaced.
    pub identity: (&'a str, &'a str),
    /// The groups; an empty list ends every synchronised membership.
    pub groups: &'a [String],
}

/// What a synchronisation changed, as `organisation/team`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TeamSync {
    /// Teams joined.
    pub joined: Vec<String>,
    /// Teams left.
    pub left: Vec<String>,
}

statements! {
    ADD = "INSERT INTO team_member (team_id, member_kind, member_id, added_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (team_id, member_kind, member_id) DO UPDATE SET sync_source = NULL, sync_group = NULL
        WHERE team_member.sync_source IS NOT NULL";
    REMOVE = "DELETE FROM team_member WHERE team_id = $1 AND member_kind = $2 AND member_id = $3";
    BUMP_ACCOUNTS = "UPDATE account SET auth_epoch = auth_epoch + 1
        WHERE id IN (SELECT member_id FROM team_member WHERE team_id = $1 AND member_kind = 'account')";
    BUMP_ROBOTS = "UPDATE robot SET auth_epoch = auth_epoch + 1
        WHERE id IN (SELECT member_id FROM team_member WHERE team_id = $1 AND member_kind = 'robot')";
    BUMP_SYNCED = "UPDATE account SET auth_epoch = auth_epoch + 1
        WHERE id IN (SELECT member_id FROM team_member
            WHERE team_id = $1 AND member_kind = 'account' AND sync_source IS NOT NULL)";
    DELETE_SYNCED = "DELETE FROM team_member WHERE team_id = $1 AND sync_source IS NOT NULL";
    DELETE_ALL = "DELETE FROM team_member WHERE team_id = $1";
    LOCK_ACCOUNT = "SELECT name FROM account WHERE id = $1 {for update}";
    SET_GROUPS = "UPDATE identity SET last_groups = $3, last_seen_at = $4
        WHERE account_id = $5 AND issuer = $1 AND subject = $2";
    WANTED = "SELECT t.id, t.sync_group, t.name, o.name AS organization FROM team t JOIN account o ON o.id = t.org_id
        WHERE t.sync_source = $1 ORDER BY t.id";
    PRESENT = "SELECT m.team_id, t.name, o.name AS organization FROM team_member m
        JOIN team t ON t.id = m.team_id JOIN account o ON o.id = t.org_id
        WHERE m.member_kind = 'account' AND m.member_id = $1 AND m.sync_source = $2 ORDER BY m.team_id";
    JOIN = "INSERT INTO team_member (team_id, member_kind, member_id, sync_source, sync_group, added_at)
        VALUES ($1, 'account', $2, $3, $4, $5) ON CONFLICT (team_id, member_kind, member_id) DO NOTHING";
    LEAVE = "DELETE FROM team_member
        WHERE team_id = $1 AND member_kind = 'account' AND member_id = $2 AND sync_source = $3";
}

impl Catalog {
    /// Puts an account or a robot into a team. Returns whether the team is there; a synchronised membership becomes one
    /// made by hand.
    pub async fn add_team_member(
        &self,
        organization: AccountId,
        team: TeamId,
        member: &Principal,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let subject = Subject::try_from(member)?;
        let mut tx = self.begin().await?;
        let Some(found) = self.lock_team_in(&mut tx, organization, team).await? else {
            return Ok(false);
        };
        let added = self
            .dialect
            .query(ADD)
            .bind(team.0)
            .bind(subject.id.kind())
            .bind(subject.id.number())
            .bind(micros(now))
            .execute(&mut *tx)
            .await?;
        if added.rows_affected() > 0 {
            let entry = AuditEntry {
                detail: Some(&member.name),
                ..AuditEntry::on(AuditAction::TeamMemberAdd, None, Some(&found.full_name))
            };
            self.audit_in(&mut tx, &entry, by, now).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Takes somebody out of a team and ends their tokens and sessions. Returns whether they were in it.
    pub async fn remove_team_member(
        &self,
        organization: AccountId,
        team: TeamId,
        member: &Principal,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        let Some(found) = self.lock_team_in(&mut tx, organization, team).await? else {
            return Ok(false);
        };
        let removed = self
            .dialect
            .query(REMOVE)
            .bind(team.0)
            .bind(member.id.kind())
            .bind(member.id.number())
            .execute(&mut *tx)
            .await?;
        if removed.rows_affected() == 0 {
            return Ok(false);
        }
        self.end_tokens_in(&mut tx, member.id).await?;
        let entry = AuditEntry {
            detail: Some(&member.name),
            ..AuditEntry::on(AuditAction::TeamMemberRemove, None, Some(&found.full_name))
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Makes an account's synchronised memberships exactly those that a provider's groups mean: teams bound to this
    /// provider and one of the groups. Whoever leaves a team loses their tokens and sessions.
    pub async fn replace_synced_groups(
        &self,
        account: AccountId,
        told: &SyncedGroups<'_>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<TeamSync, CatalogError> {
        let mut tx = self.begin().await?;
        // One sign-in of an account at a time: two of them would each see the other's rows half written.
        let locked = self.dialect.query(LOCK_ACCOUNT).bind(account.0);
        let Some(row) = locked.fetch_optional(&mut *tx).await? else {
            return Ok(TeamSync::default());
        };
        let name = row.text("name")?;
        let groups: BTreeSet<&str> = told.groups.iter().map(String::as_str).collect();
        self.dialect
            .query(SET_GROUPS)
            .bind(told.identity.0.to_owned())
            .bind(told.identity.1.to_owned())
            .bind(serde_json::json!(groups).to_string())
            .bind(micros(now))
            .bind(account.0)
            .execute(&mut *tx)
            .await?;
        let sync = self
            .move_between_teams(&mut tx, account, told.source, &groups, now)
            .await?;
        if !sync.left.is_empty() {
            self.end_tokens_in(&mut tx, PrincipalId::Account(account))
                .await?;
        }
        if sync != TeamSync::default() {
            let detail = format!(
                "{}: joined [{}], left [{}]",
                told.source,
                sync.joined.join(", "),
                sync.left.join(", ")
            );
            let entry = AuditEntry {
                detail: Some(&detail),
                ..AuditEntry::on(AuditAction::TeamSync, None, Some(&name))
            };
            self.audit_in(&mut tx, &entry, by, now).await?;
        }
        tx.commit().await?;
        Ok(sync)
    }

    async fn move_between_teams(
        &self,
        tx: &mut Tx,
        account: AccountId,
        source: &str,
        groups: &BTreeSet<&str>,
        now: Timestamp,
    ) -> Result<TeamSync, CatalogError> {
        let mut sync = TeamSync::default();
        let mut wanted = BTreeSet::new();
        let query = self.dialect.query(WANTED).bind(source.to_owned());
        for row in query.fetch_all(&mut **tx).await? {
            let group = row.text("sync_group")?;
            if !groups.contains(group.as_str()) {
                continue;
            }
            let team = row.int("id")?;
            wanted.insert(team);
            let joined = self
                .dialect
                .query(JOIN)
                .bind(team)
                .bind(account.0)
                .bind(source.to_owned())
                .bind(group)
                .bind(micros(now))
                .execute(&mut **tx)
                .await?;
            if joined.rows_affected() > 0 {
                sync.joined.push(full_name(&row)?);
            }
        }
        let present = self.dialect.query(PRESENT).bind(account.0);
        for row in present.bind(source.to_owned()).fetch_all(&mut **tx).await? {
            let team = row.int("team_id")?;
            if wanted.contains(&team) {
                continue;
            }
            let leave = self.dialect.query(LEAVE).bind(team).bind(account.0);
            leave.bind(source.to_owned()).execute(&mut **tx).await?;
            sync.left.push(full_name(&row)?);
        }
        Ok(sync)
    }

    /// Makes the tokens of a team's members worthless.
    pub(crate) async fn end_members_tokens_in(
        &self,
        tx: &mut Tx,
        team: TeamId,
    ) -> Result<(), CatalogError> {
        for statement in [BUMP_ACCOUNTS, BUMP_ROBOTS] {
            let query = self.dialect.query(statement).bind(team.0);
            query.execute(&mut **tx).await?;
        }
        Ok(())
    }

    /// Ends the memberships that came from a provider, and the tokens of who had them.
    pub(crate) async fn remove_synced_members_in(
        &self,
        tx: &mut Tx,
        team: TeamId,
    ) -> Result<(), CatalogError> {
        for statement in [BUMP_SYNCED, DELETE_SYNCED] {
            let query = self.dialect.query(statement).bind(team.0);
            query.execute(&mut **tx).await?;
        }
        Ok(())
    }

    pub(crate) async fn delete_members_in(
        &self,
        tx: &mut Tx,
        team: TeamId,
    ) -> Result<(), CatalogError> {
        let query = self.dialect.query(DELETE_ALL).bind(team.0);
        query.execute(&mut **tx).await?;
        Ok(())
    }
}

pub(crate) fn read_member(row: &AnyRow) -> Result<TeamMember, CatalogError> {
    Ok(TeamMember {
        subject: Subject {
            id: SubjectId::read(row, "member_kind", "member_id")?,
            name: row.text("name")?,
        },
        sync_source: row.maybe_text("sync_source")?,
        added_at: row.time("added_at")?,
    })
}

fn full_name(row: &AnyRow) -> Result<String, CatalogError> {
    Ok(format!(
        "{}/{}",
        row.text("organization")?,
        row.text("name")?
    ))
}
