//! What the manifests of a repository may leave out.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{Repository, Role};
use oci::RepositoryName;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problem::{Problem, Refusals};
use super::{Body, Caller, Credentialed, Segments};
use crate::app::{App, Shared};

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SparseSetting {
    /// `none`: everything must be there; `index`: children of an index may be missing; `all`: layers and configurations
    /// too; `null`: what the server's settings say.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(crate) sparse: Option<String>,
}

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(get, put))
}

/// Returns what the repository's manifests may leave out.
#[utoipa::path(
    get, path = "/repositories/{name}/sparse", tag = "repositories", operation_id = "sparse",
    params(("name" = String, Path, description = "The repository")),
    responses((status = 200, body = SparseSetting), Refusals),
)]
pub(crate) async fn get(
    State(app): State<Shared>,
    caller: Caller,
    Segments(name): Segments<RepositoryName>,
) -> Result<Json<SparseSetting>, Problem> {
    let (repository, _) = readable(&app, &caller, &name).await?;
    Ok(Json(SparseSetting {
        sparse: repository.sparse.map(|sparse| sparse.as_str().to_owned()),
    }))
}

/// Sets what the repository's manifests may leave out; manifests that are there stay.
#[utoipa::path(
    put, path = "/repositories/{name}/sparse", tag = "repositories", operation_id = "setSparse",
    params(("name" = String, Path, description = "The repository")),
    request_body = SparseSetting,
    responses((status = 204), Refusals),
)]
pub(crate) async fn put(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments(name): Segments<RepositoryName>,
    Body(setting): Body<SparseSetting>,
) -> Result<StatusCode, Problem> {
    let (repository, role) = readable(&app, &caller, &name).await?;
    if role < Role::Admin {
        return Err(Problem::forbidden(
            "setting what manifests may leave out needs the role admin in the repository",
        ));
    }
    let sparse = setting.sparse.as_deref().map(str::parse).transpose();
    let sparse = sparse.map_err(|error| Problem::invalid(format!("`sparse`: {error}")))?;
    let is_there = app
        .catalog
        .set_sparse(repository.id, sparse, &caller.actor(), app.clock.now())
        .await?;
    if is_there {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found())
    }
}

/// Returns the repository and the caller's role; for those who may not read it there is none.
async fn readable(
    app: &App,
    caller: &Caller,
    name: &RepositoryName,
) -> Result<(Repository, Role), Problem> {
    let repository = app
        .catalog
        .repository(name)
        .await?
        .ok_or_else(Problem::not_found)?;
    let role = app
        .catalog
        .role_of(repository.id, &caller.principal)
        .await?
        .ok_or_else(Problem::not_found)?;
    Ok((repository, role))
}
