//! Teams: their list, and one of them with its members.

use axum::http::StatusCode;
use axum::response::Response;
use catalog::{Principal, SubjectId};
use web::{
    Draft, ErrorKind, GivenRole, HomeHead, HomeView, TeamMemberRow, TeamPage, TeamRow, TeamsPage,
};

use super::name_lists::Asked;
use super::organisations::kind;
use crate::api::problem::Problem;
use crate::api::teams::{self, Group, NewTeam, TeamItem, TeamUpdate};
use crate::api::{Body, Segments, organizations};
use crate::pages::refusal::{Refused, refusable};
use crate::pages::{Form, PageError, Visit, html, redirect};

/// Roles of one team on its page.
const ROLES: u32 = 200;

pub(super) async fn page(
    visit: &Visit,
    principal: &Principal,
    head: HomeHead,
    draft: Draft,
) -> Result<Response, PageError> {
    let caller = visit.caller(principal);
    let organization = organizations::known(&visit.app, &caller, &head.name).await?;
    let asked = Asked::of(visit);
    let catalog = &visit.app.catalog;
    let found = catalog
        .organization_teams(organization.id, &asked.listing())
        .await?;
    let page = TeamsPage {
        frame: visit.frame(),
        paging: asked.paging(&found, |team| team.name.clone()),
        rows: found
            .rows
            .into_iter()
            .map(TeamItem::from)
            .map(row)
            .collect(),
        head,
        draft,
    };
    html(web::render_teams(&page))
}

fn row(team: TeamItem) -> TeamRow {
    TeamRow {
        name: team.name,
        role: team.role,
        description: team.description,
        sync: team.sync.map(|group| (group.source, group.group)),
        members: team.members,
        created: team.created_at,
    }
}

pub(super) async fn create(
    visit: &Visit,
    principal: &Principal,
    head: HomeHead,
    form: &Form,
) -> Result<Response, PageError> {
    if form.field("do") != "team" {
        return Err(PageError::Shown(ErrorKind::BadRequest));
    }
    let new = NewTeam {
        name: form.field("name").trim().to_owned(),
        role: form.field("role").to_owned(),
        description: form.field("description").trim().to_owned(),
    };
    let next = head.home.at(HomeView::Team(new.name.clone()));
    let caller = visit.credentialed(principal);
    let organization = Segments(head.name.clone());
    match refusable(teams::create(visit.app(), caller, organization, Body(new)).await)? {
        Ok(_) => Ok(redirect(&next.to_string())),
        Err(refused) => {
            let page = page(visit, principal, head, refused.draft(form)).await?;
            Ok(refused.on(page))
        }
    }
}

pub(super) async fn one(
    visit: &Visit,
    principal: &Principal,
    head: HomeHead,
    name: &str,
    draft: Draft,
) -> Result<Response, PageError> {
    let caller = || visit.caller(principal);
    let place = || Segments((head.name.clone(), name.to_owned()));
    let team = teams::get(visit.app(), caller(), place()).await?.0;
    let organization = organizations::known(&visit.app, &caller(), &head.name).await?;
    let catalog = &visit.app.catalog;
    let stored = catalog.team(organization.id, name).await?;
    let stored = stored.ok_or(PageError::Shown(ErrorKind::NotFound))?;
    let asked = Asked::of(visit);
    let members = catalog.team_page(stored.id, &asked.listing()).await?;
    let roles = if head.owns {
        let given = catalog
            .roles_given_to(SubjectId::Team(stored.id), ROLES)
            .await?;
        let given = given.into_iter().map(|(repository, role)| GivenRole {
            repository,
            role: role.as_str(),
        });
        Some(given.collect())
    } else {
        None
    };
    let page = TeamPage {
        frame: visit.frame(),
        head,
        team: row(team),
        paging: asked.paging(&members, |member| member.subject.name.clone()),
        members: members
            .rows
            .into_iter()
            .map(|member| TeamMemberRow {
                kind: kind(member.subject.id),
                name: member.subject.name,
                source: member.sync_source,
                added: member.added_at,
            })
            .collect(),
        roles,
        may_bind: principal.superuser,
        draft,
    };
    html(web::render_team(&page))
}

pub(super) async fn submit(
    visit: &Visit,
    principal: &Principal,
    head: HomeHead,
    name: &str,
    form: &Form,
) -> Result<Response, PageError> {
    let here = head.home.at(HomeView::Team(name.to_owned()));
    let (app, caller) = (visit.app(), visit.credentialed(principal));
    let team = Segments((head.name.clone(), name.to_owned()));
    let done = match form.field("do") {
        "add" => add(visit, principal, &head.name, name, form).await?,
        "remove" => {
            let member = form.field("member").to_owned();
            let member = Segments((head.name.clone(), name.to_owned(), member));
            about_the_member(teams::remove(app, caller, member).await)?
        }
        "delete" => match refusable(teams::delete(app, caller, team).await)? {
            Ok(_) => return Ok(redirect(&head.home.at(HomeView::Teams).to_string())),
            Err(refused) => Err(refused),
        },
        word => {
            let update = update(word, form)?;
            refusable(teams::change(app, caller, team, Body(update)).await)?.map(|_| ())
        }
    };
    match done {
        Ok(()) => Ok(redirect(&here.to_string())),
        Err(refused) => {
            let page = one(visit, principal, head, name, refused.draft(form)).await?;
            Ok(refused.on(page))
        }
    }
}

/// Reads what a form changes about a team.
fn update(word: &str, form: &Form) -> Result<TeamUpdate, PageError> {
    let text = |field| form.field(field).trim().to_owned();
    let mut update = TeamUpdate {
        role: None,
        description: None,
        sync: None,
        unsync: false,
    };
    match word {
        "change" => {
            update.role = Some(text("role"));
            update.description = Some(text("description"));
        }
        "bind" => match (text("source"), text("group")) {
            (source, group) if source.is_empty() && group.is_empty() => update.unsync = true,
            (source, group) => update.sync = Some(Group { source, group }),
        },
        _ => return Err(PageError::Shown(ErrorKind::BadRequest)),
    }
    Ok(update)
}

/// Puts somebody into a team.
pub(super) async fn add(
    visit: &Visit,
    principal: &Principal,
    organization: &str,
    team: &str,
    form: &Form,
) -> Result<Result<(), Refused>, PageError> {
    let member = form.field("member").trim().to_owned();
    let place = Segments((organization.to_owned(), team.to_owned(), member));
    let caller = visit.credentialed(principal);
    about_the_member(teams::add(visit.app(), caller, place).await)
}

/// A member who is not there is a mistake in the form. Whether the team is there shows when its page is made again.
fn about_the_member(answer: Result<StatusCode, Problem>) -> Result<Result<(), Refused>, PageError> {
    match answer {
        Err(problem) if problem.status() == StatusCode::NOT_FOUND => Ok(Err(Refused::invalid(
            "There is no person and no robot of this name here. A robot's is written `owner+name`.",
        ))),
        other => Ok(refusable(other)?.map(|_| ())),
    }
}
