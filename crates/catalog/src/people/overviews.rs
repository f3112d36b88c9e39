//! What lists of people sum up: one question for a whole list, instead of one for each of its rows.
//!
//! Nothing here decides anything: what somebody may do is the question of `rights`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use oci::RepositoryName;

use crate::dialect::statements;
use crate::permissions::read_role;
use crate::rows::{Columns as _, all};
use crate::{AccountId, Catalog, CatalogError, Role, Subject, SubjectId, TeamRole};

/// How much a robot is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RobotUse {
    /// Its secrets that were not revoked.
    pub secrets: u64,
    /// When one of them was last used, to about a minute.
    pub last_used_at: Option<Timestamp>,
}

/// A membership, as the list of an organisation's members has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// A person or a robot.
    pub member: Subject,
    /// The team's name.
    pub team: String,
    /// What the team's members are in the organisation.
    pub role: TeamRole,
}

statements! {
    ROBOT_USES = "SELECT r.name, COUNT(c.id) AS secrets, MAX(c.last_used_at) AS last_used_at
        FROM account a JOIN robot r ON r.owner_id = a.id
        LEFT JOIN credential c ON c.principal_kind = 'robot' AND c.principal_id = r.id
            AND c.kind = 'robot' AND c.revoked_at IS NULL
        WHERE a.name = $1 GROUP BY r.name";
    ROLES_GIVEN_TO = "SELECT r.live_name AS name, p.role FROM permission p JOIN repository r ON r.id = p.repository_id
        WHERE p.subject_kind = $1 AND p.subject_id = $2 AND r.live_name IS NOT NULL ORDER BY r.live_name LIMIT $3";
    MEMBERS = "SELECT m.member_kind, m.member_id, COALESCE(a.name, r.name) AS name, t.name AS team, t.role
        FROM team t JOIN team_member m ON m.team_id = t.id
        LEFT JOIN account a ON m.member_kind = 'account' AND a.id = m.member_id
        LEFT JOIN robot r ON m.member_kind = 'robot' AND r.id = m.member_id
        WHERE t.org_id = $1 AND COALESCE(a.name, r.name) IS NOT NULL ORDER BY name, team";
}

impl Catalog {
    /// Returns how much the robots of an account are used, by their full names.
    pub async fn robot_uses(
        &self,
        owner: &str,
    ) -> Result<BTreeMap<String, RobotUse>, CatalogError> {
        let query = self.dialect.query(ROBOT_USES).bind(owner.to_owned());
        let rows = all(query.fetch_all(&self.reader).await?, |row| {
            let used = RobotUse {
                secrets: row.size("secrets")?,
                last_used_at: row.maybe_time("last_used_at")?,
            };
            Ok((row.text("name")?, used))
        })?;
        Ok(rows.into_iter().collect())
    }

    /// Lists the roles that a subject itself was given on repositories, by name. Teams and patterns give roles too.
    pub async fn roles_given_to(
        &self,
        subject: SubjectId,
        limit: u32,
    ) -> Result<Vec<(RepositoryName, Role)>, CatalogError> {
        let query = self.dialect.query(ROLES_GIVEN_TO).bind(subject.kind());
        let query = query.bind(subject.number()).bind(i64::from(limit));
        all(query.fetch_all(&self.reader).await?, |row| {
            Ok((row.repository_name("name")?, read_role(&row)?))
        })
    }

    /// Lists who is in which team of an organisation, by member.
    pub async fn memberships(
        &self,
        organization: AccountId,
    ) -> Result<Vec<Membership>, CatalogError> {
        let query = self.dialect.query(MEMBERS).bind(organization.0);
        all(query.fetch_all(&self.reader).await?, |row| {
            let role = row.text("role")?.parse();
            Ok(Membership {
                member: Subject {
                    id: SubjectId::read(&row, "member_kind", "member_id")?,
                    name: row.text("name")?,
                },
                team: row.text("team")?,
                role: role.map_err(|_| CatalogError::Corrupt("role of a team"))?,
            })
        })
    }
}
