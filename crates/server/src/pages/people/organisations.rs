//! Organisations: their list, one of them, who is in it.

use axum::response::Response;
use catalog::{NameListing, OrganizationMember, Principal, SubjectId};
use web::routes::Route;
use web::{
    Draft, ErrorKind, Home, HomeHead, HomeView, MemberRow, MembersPage, NamePaging,
    OrganisationPage, OrganisationRow, OrganisationsPage, OwnedRepository,
};

use super::name_lists::Asked;
use super::{teams, usage};
use crate::api::names::NamesAsked;
use crate::api::organizations::{self, NewOrganization, OrganizationItem};
use crate::api::{Administrator, Body, Parameters, Segments, rules};
use crate::pages::refusal::refusable;
use crate::pages::{Form, PageError, Visit, html, redirect};
use crate::summaries;

/// Repositories on an organisation's page.
const REPOSITORIES: usize = 20;
/// Teams to choose from where a member is added. Those of a larger organisation are found on their own pages.
const TEAMS: u32 = 500;

/// Shows the organisations that the visitor may know of.
pub(in crate::pages) async fn list(
    visit: &Visit,
    principal: &Principal,
) -> Result<Response, PageError> {
    show_list(visit, principal, Draft::default()).await
}

async fn show_list(
    visit: &Visit,
    principal: &Principal,
    draft: Draft,
) -> Result<Response, PageError> {
    let asked = NamesAsked {
        after: visit.parameter("after").to_owned(),
        limit: None,
    };
    let caller = visit.caller(principal);
    let found = organizations::list(visit.app(), caller, Parameters(asked)).await?;
    let row = |item: OrganizationItem| OrganisationRow {
        name: item.name,
        email: item.email,
        created: item.created_at,
    };
    let page = OrganisationsPage {
        frame: visit.frame(),
        rows: found.0.items.into_iter().map(row).collect(),
        paging: NamePaging {
            after: found.0.next,
            ..NamePaging::default()
        },
        holds_all: principal.superuser || principal.reader_superuser,
        may_create: principal.superuser,
        draft,
    };
    html(web::render_organisations(&page))
}

/// Makes an organisation.
pub(in crate::pages) async fn create(
    visit: &Visit,
    principal: &Principal,
    form: &Form,
) -> Result<Response, PageError> {
    if form.field("do") != "organisation" {
        return Err(PageError::Shown(ErrorKind::BadRequest));
    }
    let given = |name| {
        let text = form.field(name).trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    let new = NewOrganization {
        name: form.field("name").trim().to_owned(),
        email: given("email"),
        owner: given("owner"),
    };
    let home = Home::Organisation(new.name.clone());
    let administrator = Administrator::by_form(visit.caller(principal))?;
    match refusable(organizations::create(visit.app(), administrator, Body(new)).await)? {
        Ok(_) => Ok(redirect(&home.at(HomeView::Front).to_string())),
        Err(refused) => {
            let page = show_list(visit, principal, refused.draft(form)).await?;
            Ok(refused.on(page))
        }
    }
}

pub(super) async fn page(
    visit: &Visit,
    principal: &Principal,
    head: HomeHead,
    draft: Draft,
) -> Result<Response, PageError> {
    let caller = || visit.caller(principal);
    let name = || Segments(head.name.clone());
    let item = organizations::get(visit.app(), caller(), name()).await?.0;
    let catalog = &visit.app.catalog;
    let account = catalog.account_by_name(&head.name).await?;
    let account = account.ok_or(PageError::Shown(ErrorKind::NotFound))?;
    let mut repositories = repositories(visit, principal, &head.name).await?;
    let has_more = repositories.len() > REPOSITORIES;
    repositories.truncate(REPOSITORIES);
    let owned = if head.owns {
        let robots = catalog.count_robots(account.id).await?;
        let scope = Segments(format!("namespace:{}", head.name));
        let quota = rules::quota(visit.app(), caller(), scope).await?;
        Some((robots, usage::card(&quota.0)))
    } else {
        None
    };
    let page = OrganisationPage {
        frame: visit.frame(),
        email: item.email,
        created: item.created_at,
        repositories,
        has_more,
        teams: catalog.count_teams(account.id).await?,
        members: catalog.count_members(account.id).await?,
        owned,
        may_delete: principal.superuser,
        head,
        draft,
    };
    html(web::render_organisation(&page))
}

/// Returns the first repositories of a namespace that the visitor may pull, and one more if there are more.
async fn repositories(
    visit: &Visit,
    principal: &Principal,
    namespace: &str,
) -> Result<Vec<OwnedRepository>, PageError> {
    let limit = u32::try_from(REPOSITORIES + 1).unwrap_or(u32::MAX);
    let found = summaries::in_namespace(&visit.app, principal, namespace, limit).await?;
    let own = found.into_iter().map(|row| OwnedRepository {
        name: row.repository.name,
        tags: row.tag_count,
        pushed: row.last_push,
    });
    Ok(own.collect())
}

pub(super) async fn submit(
    visit: &Visit,
    principal: &Principal,
    head: HomeHead,
    form: &Form,
) -> Result<Response, PageError> {
    if form.field("do") != "delete" {
        return Err(PageError::Shown(ErrorKind::BadRequest));
    }
    let administrator = Administrator::by_form(visit.caller(principal))?;
    let name = Segments(head.name.clone());
    match refusable(organizations::delete(visit.app(), administrator, name).await)? {
        Ok(_) => Ok(redirect(&Route::Organisations.to_string())),
        Err(refused) => {
            let page = page(visit, principal, head, refused.draft(form)).await?;
            Ok(refused.on(page))
        }
    }
}

pub(super) async fn members(
    visit: &Visit,
    principal: &Principal,
    head: HomeHead,
    draft: Draft,
) -> Result<Response, PageError> {
    let caller = visit.caller(principal);
    let organization = organizations::known(&visit.app, &caller, &head.name).await?;
    let catalog = &visit.app.catalog;
    let asked = Asked::of(visit);
    let found = catalog
        .organization_members(organization.id, &asked.listing())
        .await?;
    let teams = catalog
        .organization_teams(organization.id, &NameListing::after("", TEAMS))
        .await?;
    let page = MembersPage {
        frame: visit.frame(),
        head,
        paging: asked.paging(&found, |member| member.subject.name.clone()),
        rows: found.rows.into_iter().map(member_row).collect(),
        teams: teams.rows.into_iter().map(|team| team.name).collect(),
        draft,
    };
    html(web::render_members(&page))
}

pub(super) async fn add_member(
    visit: &Visit,
    principal: &Principal,
    head: HomeHead,
    form: &Form,
) -> Result<Response, PageError> {
    if form.field("do") != "add" {
        return Err(PageError::Shown(ErrorKind::BadRequest));
    }
    match teams::add(visit, principal, &head.name, form.field("team"), form).await? {
        Ok(()) => Ok(redirect(&head.home.at(HomeView::Members).to_string())),
        Err(refused) => {
            let page = members(visit, principal, head, refused.draft(form)).await?;
            Ok(refused.on(page))
        }
    }
}

fn member_row(member: OrganizationMember) -> MemberRow {
    let teams = member.teams.into_iter();
    MemberRow {
        kind: kind(member.subject.id),
        name: member.subject.name,
        teams: teams.map(|(team, role)| (team, role.as_str())).collect(),
    }
}

/// Returns what somebody is, in a word.
pub(in crate::pages) const fn kind(id: SubjectId) -> &'static str {
    match id {
        SubjectId::Account(_) => "person",
        SubjectId::Robot(_) => "robot",
        SubjectId::Team(_) => "team",
    }
}
