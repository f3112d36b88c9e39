//! Teams of an organisation and their members. Every member of the organisation sees them, its owners change them.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{CatalogError, Principal, Team, TeamChange, TeamMember, TeamRole};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::names::NamesAsked;
use super::organizations::{known, owned};
use super::people::SubjectName;
use super::problem::{Problem, Refusals};
use super::{Body, Caller, Credentialed, Parameters, Segments, people};
use crate::app::{App, Shared};

#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    /// The identity provider, as the settings name it.
    pub(crate) source: String,
    /// The group there. Its members are members of the team from their next sign-in on.
    pub(crate) group: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTeam {
    pub(crate) name: String,
    /// `member`, `creator` or `admin`: what its members are in the organisation.
    pub(crate) role: String,
    #[serde(default)]
    pub(crate) description: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TeamUpdate {
    pub(crate) role: Option<String>,
    pub(crate) description: Option<String>,
    /// Binds the team to a group; members that came from the group before leave.
    pub(crate) sync: Option<Group>,
    /// Ends the binding.
    #[serde(default)]
    pub(crate) unsync: bool,
}

/// A team.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TeamItem {
    pub(crate) name: String,
    pub(crate) role: &'static str,
    pub(crate) description: String,
    pub(crate) sync: Option<Group>,
    pub(crate) members: u64,
    pub(crate) created_at: Timestamp,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct TeamList {
    pub(crate) items: Vec<TeamItem>,
    /// The `after` of the next answer; `null` at the end.
    pub(crate) next: Option<String>,
}

/// A member of a team.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberItem {
    pub(crate) member: SubjectName,
    /// The provider that this membership came from; `null` if it was made by hand.
    pub(crate) sync_source: Option<String>,
    pub(crate) added_at: Timestamp,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct MemberList {
    pub(crate) items: Vec<MemberItem>,
    /// The `after` of the next answer; `null` at the end.
    pub(crate) next: Option<String>,
}

impl From<TeamMember> for MemberItem {
    fn from(member: TeamMember) -> Self {
        Self {
            member: SubjectName::of(&member.subject),
            sync_source: member.sync_source,
            added_at: member.added_at,
        }
    }
}

impl From<Team> for TeamItem {
    fn from(team: Team) -> Self {
        Self {
            name: team.name,
            role: team.role.as_str(),
            description: team.description,
            sync: team.sync.map(|(source, group)| Group { source, group }),
            members: team.members,
            created_at: team.created_at,
        }
    }
}

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, change, delete))
        .routes(routes!(members))
        .routes(routes!(add, remove))
}

/// Lists an organisation's teams, by name.
#[utoipa::path(
    get, path = "/organizations/{organization}/teams", tag = "organizations", operation_id = "teams",
    params(("organization" = String, Path, description = "The organisation"), NamesAsked),
    responses((status = 200, body = TeamList), Refusals),
)]
pub(crate) async fn list(
    State(app): State<Shared>,
    caller: Caller,
    Segments(organization): Segments<String>,
    Parameters(asked): Parameters<NamesAsked>,
) -> Result<Json<TeamList>, Problem> {
    let organization = known(&app, &caller, &organization).await?;
    let listing = asked.listing()?;
    let found = app
        .catalog
        .organization_teams(organization.id, &listing)
        .await?;
    let next = asked.next(&found.rows, |team| &team.name);
    let items = found.rows.into_iter().map(TeamItem::from).collect();
    Ok(Json(TeamList { items, next }))
}

/// Creates a team.
#[utoipa::path(
    post, path = "/organizations/{organization}/teams", tag = "organizations", operation_id = "createTeam",
    params(("organization" = String, Path, description = "The organisation")),
    request_body = NewTeam,
    responses((status = 201, body = TeamItem), Refusals),
)]
pub(crate) async fn create(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments(organization): Segments<String>,
    Body(new): Body<NewTeam>,
) -> Result<(StatusCode, Json<TeamItem>), Problem> {
    let organization = owned(&app, &caller, &organization).await?;
    people::account_name(&new.name)?;
    people::text("description", &new.description)?;
    let created = app
        .catalog
        .create_team(
            (organization.id, &organization.name),
            &new.name,
            role(&new.role)?,
            &new.description,
            &caller.actor(),
            app.clock.now(),
        )
        .await
        .map_err(refused)?;
    Ok((StatusCode::CREATED, Json(created.into())))
}

/// Returns a team.
#[utoipa::path(
    get, path = "/organizations/{organization}/teams/{team}", tag = "organizations", operation_id = "team",
    params(
        ("organization" = String, Path, description = "The organisation"),
        ("team" = String, Path, description = "The team"),
    ),
    responses((status = 200, body = TeamItem), Refusals),
)]
pub(crate) async fn get(
    State(app): State<Shared>,
    caller: Caller,
    Segments((organization, team)): Segments<(String, String)>,
) -> Result<Json<TeamItem>, Problem> {
    let organization = known(&app, &caller, &organization).await?;
    Ok(Json(find(&app, organization.id, &team).await?.into()))
}

/// Changes a team's role, description or group.
#[utoipa::path(
    patch, path = "/organizations/{organization}/teams/{team}", tag = "organizations", operation_id = "changeTeam",
    params(
        ("organization" = String, Path, description = "The organisation"),
        ("team" = String, Path, description = "The team"),
    ),
    request_body = TeamUpdate,
    responses((status = 204, description = "It is changed"), Refusals),
)]
pub(crate) async fn change(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments((organization, team)): Segments<(String, String)>,
    Body(update): Body<TeamUpdate>,
) -> Result<StatusCode, Problem> {
    let organization = owned(&app, &caller, &organization).await?;
    let team = find(&app, organization.id, &team).await?;
    people::text(
        "description",
        update.description.as_deref().unwrap_or_default(),
    )?;
    let sync = match (update.sync, update.unsync) {
        (Some(_), true) => return Err(Problem::invalid("`sync` and `unsync` exclude each other")),
        (Some(group), false) => {
            people::text("sync.source", &group.source)?;
            people::text("sync.group", &group.group)?;
            Some(Some((group.source, group.group)))
        }
        (None, true) => Some(None),
        (None, false) => None,
    };
    // Whoever manages the groups of a provider would decide who is in the team.
    if sync.is_some() && !caller.principal.superuser {
        return Err(Problem::forbidden(
            "only an administrator binds a team to a provider's group",
        ));
    }
    let change = TeamChange {
        role: update.role.as_deref().map(role).transpose()?,
        description: update.description,
        sync,
    };
    app.catalog
        .change_team(
            organization.id,
            team.id,
            &change,
            &caller.actor(),
            app.clock.now(),
        )
        .await
        .map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a team with everything it was given.
#[utoipa::path(
    delete, path = "/organizations/{organization}/teams/{team}", tag = "organizations", operation_id = "deleteTeam",
    params(
        ("organization" = String, Path, description = "The organisation"),
        ("team" = String, Path, description = "The team"),
    ),
    responses((status = 204, description = "It is gone"), Refusals),
)]
pub(crate) async fn delete(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments((organization, team)): Segments<(String, String)>,
) -> Result<StatusCode, Problem> {
    let organization = owned(&app, &caller, &organization).await?;
    let team = find(&app, organization.id, &team).await?;
    app.catalog
        .delete_team(organization.id, team.id, &caller.actor(), app.clock.now())
        .await
        .map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists a team's members, by name.
#[utoipa::path(
    get, path = "/organizations/{organization}/teams/{team}/members", tag = "organizations", operation_id = "teamMembers",
    params(
        ("organization" = String, Path, description = "The organisation"),
        ("team" = String, Path, description = "The team"),
        NamesAsked,
    ),
    responses((status = 200, body = MemberList), Refusals),
)]
pub(crate) async fn members(
    State(app): State<Shared>,
    caller: Caller,
    Segments((organization, team)): Segments<(String, String)>,
    Parameters(asked): Parameters<NamesAsked>,
) -> Result<Json<MemberList>, Problem> {
    let organization = known(&app, &caller, &organization).await?;
    let team = find(&app, organization.id, &team).await?;
    let found = app.catalog.team_page(team.id, &asked.listing()?).await?;
    let next = asked.next(&found.rows, |member| &member.subject.name);
    let items = found.rows.into_iter().map(MemberItem::from).collect();
    Ok(Json(MemberList { items, next }))
}

/// Puts a person or a robot into a team.
#[utoipa::path(
    put, path = "/organizations/{organization}/teams/{team}/members/{member}", tag = "organizations",
    operation_id = "addTeamMember",
    params(
        ("organization" = String, Path, description = "The organisation"),
        ("team" = String, Path, description = "The team"),
        ("member" = String, Path, description = "A person's name, or a robot's: `owner+name`"),
    ),
    responses((status = 204, description = "They are in it"), Refusals),
)]
pub(crate) async fn add(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments((organization, team, member)): Segments<(String, String, String)>,
) -> Result<StatusCode, Problem> {
    let organization = owned(&app, &caller, &organization).await?;
    let team = find(&app, organization.id, &team).await?;
    let member = principal(&app, &member).await?;
    app.catalog
        .add_team_member(
            organization.id,
            team.id,
            &member,
            &caller.actor(),
            app.clock.now(),
        )
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes somebody out of a team and ends their tokens and sessions.
#[utoipa::path(
    delete, path = "/organizations/{organization}/teams/{team}/members/{member}", tag = "organizations",
    operation_id = "removeTeamMember",
    params(
        ("organization" = String, Path, description = "The organisation"),
        ("team" = String, Path, description = "The team"),
        ("member" = String, Path, description = "A person's name, or a robot's: `owner+name`"),
    ),
    responses((status = 204, description = "They are not in it"), Refusals),
)]
pub(crate) async fn remove(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments((organization, team, member)): Segments<(String, String, String)>,
) -> Result<StatusCode, Problem> {
    let organization = owned(&app, &caller, &organization).await?;
    let team = find(&app, organization.id, &team).await?;
    let member = principal(&app, &member).await?;
    let removed = app
        .catalog
        .remove_team_member(
            organization.id,
            team.id,
            &member,
            &caller.actor(),
            app.clock.now(),
        )
        .await?;
    if removed {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found())
    }
}

async fn find(app: &App, organization: catalog::AccountId, name: &str) -> Result<Team, Problem> {
    people::plain(name)?;
    let found = app.catalog.team(organization, name).await?;
    found.ok_or_else(Problem::not_found)
}

async fn principal(app: &App, name: &str) -> Result<Principal, Problem> {
    people::plain(name)?;
    let found = app.catalog.principal_by_name(name).await?;
    found.ok_or_else(Problem::not_found)
}

fn role(text: &str) -> Result<TeamRole, Problem> {
    text.parse()
        .map_err(|error| Problem::invalid(format!("`role`: {error}")))
}

fn refused(error: CatalogError) -> Problem {
    match error {
        CatalogError::Conflict("owner") => {
            Problem::conflict("one team of owners must remain in the organisation")
        }
        CatalogError::Conflict(_) => Problem::conflict("a team of this name exists already"),
        other => other.into(),
    }
}
