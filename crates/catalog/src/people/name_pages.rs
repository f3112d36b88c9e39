//! Lists of people and robots in order of their names, a page at a time, forwards and backwards.
//!
//! A page begins after a name, or ends before one, and holds only names with a part in them. The name is the place, so
//! a page is where it was whatever comes and goes around it.
//!
//! Adding a list: its two statements, which differ in their direction alone, and a function that calls `page`.

use jiff::Timestamp;
use sqlx::any::AnyRow;

use super::members::read_member;
use super::robots::read_robot;
use super::teams::read_team;
use crate::dialect::{Prepared, Statement, statements};
use crate::rows::{Columns as _, all, containing};
use crate::{
    AccountId, Catalog, CatalogError, Robot, Subject, SubjectId, Team, TeamId, TeamMember, TeamRole,
};

/// Where a page begins or ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NamePlace<'a> {
    /// At the first name.
    #[default]
    First,
    /// After this name.
    After(&'a str),
    /// Right before this name.
    Before(&'a str),
}

/// Which names are asked for.
#[derive(Clone, Copy, Debug)]
pub struct NameListing<'a> {
    /// A part of the names, in any case; empty is in all of them.
    pub part: &'a str,
    /// Where the page begins or ends.
    pub place: NamePlace<'a>,
    /// How many there are on a page.
    pub limit: u32,
}

/// A page of a list, in order of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePage<T> {
    /// What is on it.
    pub rows: Vec<T>,
    /// Whether there is a page before it.
    pub has_before: bool,
    /// Whether there is a page after it.
    pub has_after: bool,
}

/// A member of an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationMember {
    /// A person or a robot.
    pub subject: Subject,
    /// The teams by name, each with what its members are in the organisation.
    pub teams: Vec<(String, TeamRole)>,
}

/// A robot and how much it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedRobot {
    /// The robot.
    pub robot: Robot,
    /// Its secrets that were not revoked.
    pub secrets: u64,
    /// When one of them was last used, to about a minute.
    pub last_used_at: Option<Timestamp>,
}

statements! {
    MEMBERS_AFTER = "SELECT DISTINCT COALESCE(a.name, r.name) AS name
        FROM team t JOIN team_member m ON m.team_id = t.id
        LEFT JOIN account a ON m.member_kind = 'account' AND a.id = m.member_id
        LEFT JOIN robot r ON m.member_kind = 'robot' AND r.id = m.member_id
        WHERE t.org_id = $1 AND COALESCE(a.name, r.name) > $2 AND LOWER(COALESCE(a.name, r.name)) LIKE $3 ESCAPE '!'
        ORDER BY name LIMIT $4";
    MEMBERS_BEFORE = "SELECT DISTINCT COALESCE(a.name, r.name) AS name
        FROM team t JOIN team_member m ON m.team_id = t.id
        LEFT JOIN account a ON m.member_kind = 'account' AND a.id = m.member_id
        LEFT JOIN robot r ON m.member_kind = 'robot' AND r.id = m.member_id
        WHERE t.org_id = $1 AND COALESCE(a.name, r.name) < $2 AND LOWER(COALESCE(a.name, r.name)) LIKE $3 ESCAPE '!'
        ORDER BY name DESC LIMIT $4";
    MEMBERSHIPS = "SELECT m.member_kind, m.member_id, COALESCE(a.name, r.name) AS name, t.name AS team, t.role
        FROM team t JOIN team_member m ON m.team_id = t.id
        LEFT JOIN account a ON m.member_kind = 'account' AND a.id = m.member_id
        LEFT JOIN robot r ON m.member_kind = 'robot' AND r.id = m.member_id
        WHERE t.org_id = $1 AND COALESCE(a.name, r.name) >= $2 AND COALESCE(a.name, r.name) <= $3
          AND LOWER(COALESCE(a.name, r.name)) LIKE $4 ESCAPE '!'
        ORDER BY name, team";
    COUNT_MEMBERS = "SELECT COUNT(*) AS members FROM (SELECT DISTINCT m.member_kind, m.member_id
        FROM team t JOIN team_member m ON m.team_id = t.id WHERE t.org_id = $1) d";
    TEAM_AFTER = "SELECT m.*, COALESCE(a.name, r.name) AS name FROM team_member m
        LEFT JOIN account a ON m.member_kind = 'account' AND a.id = m.member_id
        LEFT JOIN robot r ON m.member_kind = 'robot' AND r.id = m.member_id
        WHERE m.team_id = $1 AND COALESCE(a.name, r.name) > $2 AND LOWER(COALESCE(a.name, r.name)) LIKE $3 ESCAPE '!'
        ORDER BY name LIMIT $4";
    TEAM_BEFORE = "SELECT m.*, COALESCE(a.name, r.name) AS name FROM team_member m
        LEFT JOIN account a ON m.member_kind = 'account' AND a.id = m.member_id
        LEFT JOIN robot r ON m.member_kind = 'robot' AND r.id = m.member_id
        WHERE m.team_id = $1 AND COALESCE(a.name, r.name) < $2 AND LOWER(COALESCE(a.name, r.name)) LIKE $3 ESCAPE '!'
        ORDER BY name DESC LIMIT $4";
    TEAMS_AFTER = "SELECT t.*, (SELECT COUNT(*) FROM team_member m WHERE m.team_id = t.id) AS members
        FROM team t WHERE t.org_id = $1 AND t.name > $2 AND LOWER(t.name) LIKE $3 ESCAPE '!' ORDER BY t.name LIMIT $4";
    TEAMS_BEFORE = "SELECT t.*, (SELECT COUNT(*) FROM team_member m WHERE m.team_id = t.id) AS members
        FROM team t WHERE t.org_id = $1 AND t.name < $2 AND LOWER(t.name) LIKE $3 ESCAPE '!'
        ORDER BY t.name DESC LIMIT $4";
    COUNT_TEAMS = "SELECT COUNT(*) AS teams FROM team WHERE org_id = $1";
    ROBOTS_AFTER = "SELECT r.*, a.disabled_at AS owner_disabled_at,
            (SELECT COUNT(*) FROM credential c WHERE c.principal_kind = 'robot' AND c.principal_id = r.id
                AND c.kind = 'robot' AND c.revoked_at IS NULL) AS secrets,
            (SELECT MAX(c.last_used_at) FROM credential c WHERE c.principal_kind = 'robot' AND c.principal_id = r.id
                AND c.kind = 'robot' AND c.revoked_at IS NULL) AS last_used_at
        FROM robot r JOIN account a ON a.id = r.owner_id
        WHERE r.owner_id = $1 AND r.name > $2 AND LOWER(r.name) LIKE $3 ESCAPE '!' ORDER BY r.name LIMIT $4";
    ROBOTS_BEFORE = "SELECT r.*, a.disabled_at AS owner_disabled_at,
            (SELECT COUNT(*) FROM credential c WHERE c.principal_kind = 'robot' AND c.principal_id = r.id
                AND c.kind = 'robot' AND c.revoked_at IS NULL) AS secrets,
            (SELECT MAX(c.last_used_at) FROM credential c WHERE c.principal_kind = 'robot' AND c.principal_id = r.id
                AND c.kind = 'robot' AND c.revoked_at IS NULL) AS last_used_at
        FROM robot r JOIN account a ON a.id = r.owner_id
        WHERE r.owner_id = $1 AND r.name < $2 AND LOWER(r.name) LIKE $3 ESCAPE '!' ORDER BY r.name DESC LIMIT $4";
    COUNT_ROBOTS = "SELECT COUNT(*) AS robots FROM robot WHERE owner_id = $1";
}

impl<'a> NameListing<'a> {
    /// Asks for the names after one, whatever is in them; the empty name is before all.
    pub const fn after(name: &'a str, limit: u32) -> Self {
        Self {
            part: "",
            place: NamePlace::After(name),
            limit,
        }
    }
}

impl Catalog {
    /// Returns a page of an organisation's members, each with their teams.
    pub async fn organization_members(
        &self,
        organization: AccountId,
        listing: &NameListing<'_>,
    ) -> Result<NamePage<OrganizationMember>, CatalogError> {
        let names = self
            .page(
                [MEMBERS_AFTER, MEMBERS_BEFORE],
                organization.0,
                listing,
                |row| row.text("name"),
            )
            .await?;
        let mut rows: Vec<OrganizationMember> = Vec::with_capacity(names.rows.len());
        if let (Some(first), Some(last)) = (names.rows.first(), names.rows.last()) {
            let query = self.dialect.query(MEMBERSHIPS).bind(organization.0);
            let query = query.bind(first.clone()).bind(last.clone());
            let query = query.bind(containing(listing.part));
            for row in query.fetch_all(&self.reader).await? {
                let subject = Subject {
                    id: SubjectId::read(&row, "member_kind", "member_id")?,
                    name: row.text("name")?,
                };
                let role = row.text("role")?.parse();
                let role = role.map_err(|_| CatalogError::Corrupt("role of a team"))?;
                let team = (row.text("team")?, role);
                match rows.last_mut() {
                    Some(member) if member.subject == subject => member.teams.push(team),
                    _ => rows.push(OrganizationMember {
                        subject,
                        teams: vec![team],
                    }),
                }
            }
        }
        Ok(NamePage {
            rows,
            has_before: names.has_before,
            has_after: names.has_after,
        })
    }

    /// Returns how many people and robots are in a team of an organisation.
    pub async fn count_members(&self, organization: AccountId) -> Result<u64, CatalogError> {
        let query = self.dialect.query(COUNT_MEMBERS).bind(organization.0);
        query.fetch_one(&self.reader).await?.size("members")
    }

    /// Returns a page of an organisation's teams.
    pub async fn organization_teams(
        &self,
        organization: AccountId,
        listing: &NameListing<'_>,
    ) -> Result<NamePage<Team>, CatalogError> {
        let statements = [TEAMS_AFTER, TEAMS_BEFORE];
        self.page(statements, organization.0, listing, read_team)
            .await
    }

    /// Returns how many teams an organisation has.
    pub async fn count_teams(&self, organization: AccountId) -> Result<u64, CatalogError> {
        let query = self.dialect.query(COUNT_TEAMS).bind(organization.0);
        query.fetch_one(&self.reader).await?.size("teams")
    }

    /// Returns a page of a team's members.
    pub async fn team_page(
        &self,
        team: TeamId,
        listing: &NameListing<'_>,
    ) -> Result<NamePage<TeamMember>, CatalogError> {
        self.page([TEAM_AFTER, TEAM_BEFORE], team.0, listing, read_member)
            .await
    }

    /// Returns a page of the robots that an account owns, with how much they are used.
    pub async fn robot_page(
        &self,
        owner: AccountId,
        listing: &NameListing<'_>,
    ) -> Result<NamePage<UsedRobot>, CatalogError> {
        self.page([ROBOTS_AFTER, ROBOTS_BEFORE], owner.0, listing, |row| {
            Ok(UsedRobot {
                robot: read_robot(row)?,
                secrets: row.size("secrets")?,
                last_used_at: row.maybe_time("last_used_at")?,
            })
        })
        .await
    }

    /// Returns how many robots an account owns.
    pub async fn count_robots(&self, owner: AccountId) -> Result<u64, CatalogError> {
        let query = self.dialect.query(COUNT_ROBOTS).bind(owner.0);
        query.fetch_one(&self.reader).await?.size("robots")
    }

    /// Returns a page by the statement that goes forwards or the one that goes backwards. Both take what the list belongs
    /// to, a name, a pattern and a limit.
    async fn page<T>(
        &self,
        [forwards, backwards]: [Statement; 2],
        of: i64,
        listing: &NameListing<'_>,
        read: impl Fn(&AnyRow) -> Result<T, CatalogError>,
    ) -> Result<NamePage<T>, CatalogError> {
        let (statement, name) = match listing.place {
            NamePlace::First => (forwards, ""),
            NamePlace::After(name) => (forwards, name),
            NamePlace::Before(name) => (backwards, name),
        };
        let query: Prepared = self.dialect.query(statement).bind(of).bind(name.to_owned());
        let query = query.bind(containing(listing.part));
        // One more than there is room for tells whether there is another page.
        let query = query.bind(i64::from(listing.limit) + 1);
        let mut rows = all(query.fetch_all(&self.reader).await?, |row| read(&row))?;
        let has_more = rows.len() > listing.limit as usize;
        rows.truncate(listing.limit as usize);
        let is_backwards = matches!(listing.place, NamePlace::Before(_));
        if is_backwards {
            rows.reverse();
        }
        Ok(NamePage {
            rows,
            has_before: match listing.place {
                NamePlace::First => false,
                NamePlace::After(_) => true,
                NamePlace::Before(_) => has_more,
            },
            has_after: is_backwards || has_more,
        })
    }
}
