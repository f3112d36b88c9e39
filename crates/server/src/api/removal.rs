//! Taking tags and images away: the end of a tag, which can be undone, and the end of an image, which cannot.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{PurgeOutcome, Role};
use oci::{Digest, RepositoryName, Tag};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::governed::with_role;
use super::problem::{Problem, Refusals};
use super::{Administrator, Credentialed, Segments};
use crate::app::Shared;

/// What was deleted permanently.
#[derive(Serialize, ToSchema)]
struct PurgedImage {
    /// Manifests that left the repository: the image, and children of an index that nothing else led to.
    manifests: u32,
    /// Blobs that the repository may no longer read. Their objects go at the next collection, unless another
    /// repository has them.
    blobs: u32,
}

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(delete_tag))
        .routes(routes!(purge_manifest))
}

/// Ends a tag; inside the namespace's restore window it can be brought back.
#[utoipa::path(
    delete, path = "/repositories/{name}/tags/{tag}", tag = "tags", operation_id = "deleteTag",
    params(
        ("name" = String, Path, description = "The repository"),
        ("tag" = String, Path, description = "The tag"),
    ),
    responses((status = 204), Refusals),
)]
async fn delete_tag(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments((name, tag)): Segments<(RepositoryName, Tag)>,
) -> Result<StatusCode, Problem> {
    let repository = with_role(&app, &caller, &name, Role::Admin).await?;
    let ended = app
        .catalog
        .delete_tag(repository.id, &tag, &caller.actor(), app.clock.now())
        .await?;
    match ended {
        Some(_) => Ok(StatusCode::NO_CONTENT),
        None => Err(Problem::not_found()),
    }
}

/// Deletes an image permanently and at once, with every tag on it and every way back: for a secret that was pushed.
#[utoipa::path(
    post, path = "/repositories/{name}/manifests/{digest}/purge", tag = "tags", operation_id = "purgeManifest",
    params(
        ("name" = String, Path, description = "The repository"),
        ("digest" = String, Path, description = "The image, shown or deleted"),
    ),
    responses((status = 200, body = PurgedImage), Refusals),
)]
async fn purge_manifest(
    State(app): State<Shared>,
    administrator: Administrator,
    Segments((name, digest)): Segments<(RepositoryName, Digest)>,
) -> Result<Json<PurgedImage>, Problem> {
    let found = app.catalog.repository(&name).await?;
    let repository = found.ok_or_else(Problem::not_found)?;
    let outcome = app
        .catalog
        .purge_manifest(
            repository.id,
            &digest,
            &administrator.actor(),
            app.clock.now(),
        )
        .await?;
    match outcome {
        PurgeOutcome::Purged { manifests, blobs } => Ok(Json(PurgedImage { manifests, blobs })),
        PurgeOutcome::NotFound => Err(Problem::not_found()),
        PurgeOutcome::Referenced { by } => Err(Problem::conflict(format!(
            "the index {by} holds this image, purge the index first"
        ))),
    }
}
