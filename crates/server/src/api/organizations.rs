//! Organisations: namespaces that belong to teams. Superusers make and end them, their owners run them.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{Account, AccountKind};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::names::NamesAsked;
use super::problem::{Problem, Refusals};
use super::{Administrator, Body, Caller, Parameters, Segments, people, users};
use crate::app::{App, Shared};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewOrganization {
    /// Also the namespace of its repositories.
    pub(crate) name: String,
    pub(crate) email: Option<String>,
    /// The first member of the team `owners`.
    pub(crate) owner: Option<String>,
}

/// An organisation.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrganizationItem {
    pub(crate) name: String,
    pub(crate) email: Option<String>,
    pub(crate) created_at: Timestamp,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct OrganizationList {
    pub(crate) items: Vec<OrganizationItem>,
    /// The `after` of the next answer; `null` at the end.
    pub(crate) next: Option<String>,
}

impl From<Account> for OrganizationItem {
    fn from(account: Account) -> Self {
        Self {
            name: account.name,
            email: account.email,
            created_at: account.created_at,
        }
    }
}

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, delete))
}

/// Lists the organisations that the caller is in a team of, by name; an administrator's list holds all.
#[utoipa::path(
    get, path = "/organizations", tag = "organizations", operation_id = "organizations",
    params(NamesAsked),
    responses((status = 200, body = OrganizationList), Refusals),
)]
pub(crate) async fn list(
    State(app): State<Shared>,
    caller: Caller,
    Parameters(asked): Parameters<NamesAsked>,
) -> Result<Json<OrganizationList>, Problem> {
    let (after, limit) = (asked.after()?, asked.limit());
    let found = if caller.reads_everything() {
        app.catalog
            .list_accounts(AccountKind::Organization, after, limit)
            .await?
    } else {
        let all = app.catalog.organizations_of(caller.principal.id).await?;
        let later = all.into_iter().filter(|found| found.name.as_str() > after);
        later.take(limit as usize).collect()
    };
    let next = asked.next(&found, |account| &account.name);
    let items = found.into_iter().map(OrganizationItem::from).collect();
    Ok(Json(OrganizationList { items, next }))
}

/// Creates an organisation with its team `owners`.
#[utoipa::path(
    post, path = "/organizations", tag = "organizations", operation_id = "createOrganization",
    request_body = NewOrganization,
    responses((status = 201, body = OrganizationItem), Refusals),
)]
pub(crate) async fn create(
    State(app): State<Shared>,
    administrator: Administrator,
    Body(new): Body<NewOrganization>,
) -> Result<(StatusCode, Json<OrganizationItem>), Problem> {
    people::account_name(&new.name)?;
    people::text("email", new.email.as_deref().unwrap_or_default())?;
    let owner = match &new.owner {
        None => None,
        Some(owner) => {
            let account = people::account(&app, AccountKind::User, owner).await;
            let account = account
                .map_err(|_| Problem::invalid(format!("`owner`: there is no user `{owner}`")))?;
            Some(account.principal())
        }
    };
    let created = app
        .catalog
        .create_organization(
            &new.name,
            new.email.as_deref(),
            owner.as_ref(),
            &administrator.actor(),
            app.clock.now(),
        )
        .await
        .map_err(|error| users::refused(error, &new.name))?;
    Ok((StatusCode::CREATED, Json(created.into())))
}

/// Returns an organisation.
#[utoipa::path(
    get, path = "/organizations/{organization}", tag = "organizations", operation_id = "organization",
    params(("organization" = String, Path, description = "The organisation")),
    responses((status = 200, body = OrganizationItem), Refusals),
)]
pub(crate) async fn get(
    State(app): State<Shared>,
    caller: Caller,
    Segments(name): Segments<String>,
) -> Result<Json<OrganizationItem>, Problem> {
    Ok(Json(known(&app, &caller, &name).await?.into()))
}

/// Deletes an organisation with its teams and robots. Its repositories must be gone first.
#[utoipa::path(
    delete, path = "/organizations/{organization}", tag = "organizations", operation_id = "deleteOrganization",
    params(("organization" = String, Path, description = "The organisation")),
    responses((status = 204, description = "It is gone"), Refusals),
)]
pub(crate) async fn delete(
    State(app): State<Shared>,
    administrator: Administrator,
    Segments(name): Segments<String>,
) -> Result<StatusCode, Problem> {
    let account = people::account(&app, AccountKind::Organization, &name).await?;
    app.catalog
        .delete_account(account.id, &administrator.actor(), app.clock.now())
        .await
        .map_err(|error| users::refused(error, &name))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Returns an organisation if the caller may know of it: a member of any of its teams.
pub(crate) async fn known(app: &App, caller: &Caller, name: &str) -> Result<Account, Problem> {
    let account = people::account(app, AccountKind::Organization, name).await?;
    if caller.reads_everything()
        || app
            .catalog
            .belongs_to_organization(name, &caller.principal)
            .await?
    {
        return Ok(account);
    }
    Err(Problem::not_found())
}

/// Returns an organisation if the caller owns it. A member who does not may know why not.
pub(crate) async fn owned(app: &App, caller: &Caller, name: &str) -> Result<Account, Problem> {
    let account = known(app, caller, name).await?;
    if app.catalog.owns_namespace(name, &caller.principal).await? {
        return Ok(account);
    }
    Err(Problem::forbidden(
        "only an owner of the organisation may do this",
    ))
}
