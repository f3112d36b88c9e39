//! One repository: what it is, what it is open for, its end.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{DeleteRepositoryError, Repository, RepositoryState, Role};
use jiff::Timestamp;
use oci::RepositoryName;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::governed::{readable, with_role};
use super::problem::{Problem, Refusals};
use super::{Administrator, Body, Caller, Credentialed, Segments};
use crate::app::Shared;
use crate::written::Unacceptable;

/// Longest description, in characters.
const MAX_DESCRIPTION: usize = 10_000;
/// Why nobody opens or closes a copy.
pub(crate) const FOLLOWS: &str = "the repository follows an upstream, end that first";

/// A repository and what it is open for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryDetail {
    #[schema(value_type = String)]
    name: RepositoryName,
    description: String,
    /// `normal`, `read_only`, `mirror` or `proxy`.
    state: String,
    /// `private` or `public`.
    visibility: String,
    /// What its manifests may leave out: `none`, `index`, `all`; `null`: what the server's settings say.
    sparse: Option<String>,
    created_at: Timestamp,
}

/// What is left out stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RepositoryChange {
    /// At most 10,000 characters.
    pub description: Option<String>,
    /// `normal` or `read_only`.
    pub state: Option<String>,
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SystemState {
    /// Whether nothing may be pushed, changed or deleted anywhere.
    read_only: bool,
}

impl From<Repository> for RepositoryDetail {
    fn from(repository: Repository) -> Self {
        Self {
            name: repository.name,
            description: repository.description,
            state: repository.state.as_str().to_owned(),
            visibility: repository.visibility.as_str().to_owned(),
            sparse: repository.sparse.map(|sparse| sparse.as_str().to_owned()),
            created_at: repository.created_at,
        }
    }
}

impl RepositoryChange {
    /// Checks what was written. Returns the state it asks for.
    pub(crate) fn read(&self) -> Result<Option<RepositoryState>, Unacceptable> {
        if let Some(text) = &self.description
            && (text.chars().count() > MAX_DESCRIPTION || text.contains('\0'))
        {
            return Err(Unacceptable::new(format!(
                "`description` has at most {MAX_DESCRIPTION} characters and no NUL"
            )));
        }
        match self.state.as_deref() {
            None => Ok(None),
            Some("normal") => Ok(Some(RepositoryState::Normal)),
            Some("read_only") => Ok(Some(RepositoryState::ReadOnly)),
            Some(_) => Err(Unacceptable::new("`state` is `normal` or `read_only`")),
        }
    }
}

/// Returns whether what is inside comes from elsewhere.
pub(crate) fn follows_upstream(state: RepositoryState) -> bool {
    matches!(state, RepositoryState::Mirror | RepositoryState::Proxy)
}

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(get, change, delete))
        .routes(routes!(system, set_system))
}

/// Returns a repository.
#[utoipa::path(
    get, path = "/repositories/{name}", tag = "repositories", operation_id = "repository",
    params(("name" = String, Path, description = "The repository")),
    responses((status = 200, body = RepositoryDetail), Refusals),
)]
async fn get(
    State(app): State<Shared>,
    caller: Caller,
    Segments(name): Segments<RepositoryName>,
) -> Result<Json<RepositoryDetail>, Problem> {
    let (repository, _) = readable(&app, &caller, &name).await?;
    Ok(Json(RepositoryDetail::from(repository)))
}

/// Describes a repository, or opens or closes it for changes.
#[utoipa::path(
    patch, path = "/repositories/{name}", tag = "repositories", operation_id = "changeRepository",
    params(("name" = String, Path, description = "The repository")),
    request_body = RepositoryChange,
    responses((status = 204), Refusals),
)]
pub(crate) async fn change(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments(name): Segments<RepositoryName>,
    Body(change): Body<RepositoryChange>,
) -> Result<StatusCode, Problem> {
    let repository = with_role(&app, &caller, &name, Role::Admin).await?;
    let state = change.read()?;
    if state.is_some() && follows_upstream(repository.state) {
        return Err(Problem::conflict(FOLLOWS));
    }
    let (actor, now) = (caller.actor(), app.clock.now());
    if let Some(description) = &change.description {
        app.catalog
            .describe_repository(repository.id, description, &actor, now)
            .await?;
    }
    if let Some(state) = state {
        app.catalog
            .set_repository_state(repository.id, state, &actor, now)
            .await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a repository: its name is free at once, what is inside goes in the background and does not come back.
#[utoipa::path(
    delete, path = "/repositories/{name}", tag = "repositories", operation_id = "deleteRepository",
    params(("name" = String, Path, description = "The repository")),
    responses((status = 202), Refusals),
)]
pub(crate) async fn delete(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments(name): Segments<RepositoryName>,
) -> Result<StatusCode, Problem> {
    let repository = with_role(&app, &caller, &name, Role::Admin).await?;
    let deleted = app
        .catalog
        .delete_repository(repository.id, &caller.actor(), app.clock.now())
        .await;
    match deleted {
        Ok(()) => {
            app.wake_workers();
            Ok(StatusCode::ACCEPTED)
        }
        Err(DeleteRepositoryError::NotFound) => Err(Problem::not_found()),
        Err(error @ DeleteRepositoryError::Immutable(_)) => {
            Err(Problem::conflict(error.to_string()))
        }
        Err(DeleteRepositoryError::Catalog(error)) => Err(error.into()),
    }
}

/// Returns whether the whole registry is closed for changes.
#[utoipa::path(
    get, path = "/system/state", tag = "system", operation_id = "systemState",
    responses((status = 200, body = SystemState), Refusals),
)]
async fn system(State(app): State<Shared>, _: Administrator) -> Result<Json<SystemState>, Problem> {
    let read_only = app.catalog.is_system_read_only().await?;
    Ok(Json(SystemState { read_only }))
}

/// Closes the whole registry for changes, or opens it. Pulls go on.
#[utoipa::path(
    put, path = "/system/state", tag = "system", operation_id = "setSystemState",
    request_body = SystemState,
    responses((status = 204), Refusals),
)]
async fn set_system(
    State(app): State<Shared>,
    administrator: Administrator,
    Body(state): Body<SystemState>,
) -> Result<StatusCode, Problem> {
    app.catalog
        .set_system_read_only(state.read_only, &administrator.actor(), app.clock.now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
