//! Rights on one repository: who has which role, and whether everybody may pull.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{Permission, Repository, Role, Visibility};
use oci::RepositoryName;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::people::{self, SubjectName};
use super::problem::{Problem, Refusals};
use super::{Body, Caller, Credentialed, Parameters, Segments};
use crate::app::{App, Shared};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPermission {
    pub(crate) subject: SubjectName,
    /// `read`, `write` or `admin`.
    pub(crate) role: String,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// `user`, `robot` or `team`.
    pub(crate) kind: String,
    /// The subject's name.
    pub(crate) name: String,
}

/// A role on a repository.
#[derive(Serialize, ToSchema)]
pub struct PermissionItem {
    pub(crate) subject: SubjectName,
    pub(crate) role: &'static str,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PermissionList {
    /// `private` or `public`.
    pub(crate) visibility: &'static str,
    /// Roles on this very repository. Owners of the namespace and roles on patterns come on top.
    pub(crate) items: Vec<PermissionItem>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewVisibility {
    /// `private`, or `public`: then everybody may pull, also without a credential.
    pub(crate) visibility: String,
}

impl From<&Permission> for PermissionItem {
    fn from(permission: &Permission) -> Self {
        Self {
            subject: SubjectName::of(&permission.subject),
            role: permission.role.as_str(),
        }
    }
}

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list, put, delete))
        .routes(routes!(set_visibility))
}

/// Lists who has which role in a repository.
#[utoipa::path(
    get, path = "/repositories/{name}/permissions", tag = "permissions", operation_id = "permissions",
    params(("name" = String, Path, description = "The repository")),
    responses((status = 200, body = PermissionList), Refusals),
)]
pub(crate) async fn list(
    State(app): State<Shared>,
    caller: Caller,
    Segments(name): Segments<String>,
) -> Result<Json<PermissionList>, Problem> {
    let (repository, role) = found(&app, &caller, &name).await?;
    if role < Role::Admin && !caller.reads_everything() {
        return Err(admins_only());
    }
    let permissions = app.catalog.list_permissions(repository.id).await?;
    let items = permissions.iter().map(PermissionItem::from).collect();
    Ok(Json(PermissionList {
        visibility: repository.visibility.as_str(),
        items,
    }))
}

/// Gives a role in a repository, replacing an earlier one.
#[utoipa::path(
    put, path = "/repositories/{name}/permissions", tag = "permissions", operation_id = "grant",
    params(("name" = String, Path, description = "The repository")),
    request_body = NewPermission,
    responses((status = 204, description = "It is given"), Refusals),
)]
pub(crate) async fn put(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments(name): Segments<String>,
    Body(new): Body<NewPermission>,
) -> Result<StatusCode, Problem> {
    let repository = administered(&app, &caller, &name).await?;
    let role = people::role(&new.role)?;
    let subject = new
        .subject
        .find(&app, &caller, &repository.namespace)
        .await?;
    app.catalog
        .grant(
            &repository.name,
            &subject,
            role,
            &caller.actor(),
            app.clock.now(),
        )
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a role in a repository away and ends the tokens of whoever had it.
#[utoipa::path(
    delete, path = "/repositories/{name}/permissions", tag = "permissions", operation_id = "revoke",
    params(("name" = String, Path, description = "The repository"), Which),
    responses((status = 204, description = "It is taken away"), Refusals),
)]
pub(crate) async fn delete(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments(name): Segments<String>,
    Parameters(which): Parameters<Which>,
) -> Result<StatusCode, Problem> {
    let repository = administered(&app, &caller, &name).await?;
    let subject = SubjectName::new(which.kind, which.name);
    let subject = subject.find(&app, &caller, &repository.namespace).await?;
    let revoked = app
        .catalog
        .revoke(repository.id, &subject, &caller.actor(), app.clock.now())
        .await?;
    if revoked {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found())
    }
}

/// Opens a repository to everybody, or closes it.
#[utoipa::path(
    put, path = "/repositories/{name}/visibility", tag = "permissions", operation_id = "setVisibility",
    params(("name" = String, Path, description = "The repository")),
    request_body = NewVisibility,
    responses((status = 204, description = "It is set"), Refusals),
)]
pub(crate) async fn set_visibility(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments(name): Segments<String>,
    Body(new): Body<NewVisibility>,
) -> Result<StatusCode, Problem> {
    let repository = administered(&app, &caller, &name).await?;
    let visibility: Visibility = new
        .visibility
        .parse()
        .map_err(|error| Problem::invalid(format!("`visibility`: {error}")))?;
    app.catalog
        .set_visibility(repository.id, visibility, &caller.actor(), app.clock.now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn found(app: &App, caller: &Caller, name: &str) -> Result<(Repository, Role), Problem> {
    let name: RepositoryName = name.parse().map_err(|_| Problem::not_found())?;
    let repository = app
        .catalog
        .repository(&name)
        .await?
        .ok_or_else(Problem::not_found)?;
    let role = app
        .catalog
        .role_of(repository.id, &caller.principal)
        .await?
        .ok_or_else(Problem::not_found)?;
    Ok((repository, role))
}

async fn administered(app: &App, caller: &Caller, name: &str) -> Result<Repository, Problem> {
    let (repository, role) = found(app, caller, name).await?;
    if role == Role::Admin {
        Ok(repository)
    } else {
        Err(admins_only())
    }
}

fn admins_only() -> Problem {
    Problem::forbidden("only an admin of the repository may do this")
}
