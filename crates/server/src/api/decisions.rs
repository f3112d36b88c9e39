//! Stored decisions.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use oci::{Digest, RepositoryName, Tag};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::problem::{Problem, Refusals};
use super::{Caller, Segments};
use crate::app::Shared;
use crate::doors;
use crate::error::ApiError;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DecisionItem {
    #[schema(value_type = String)]
    repository: RepositoryName,
    #[schema(value_type = String)]
    digest: Digest,
    /// The tag that was asked for, if one was.
    #[schema(value_type = Option<String>)]
    tag: Option<Tag>,
    decided_at: Timestamp,
    /// The verdict in one sentence.
    sentence: String,
    #[schema(value_type = Object)]
    verdict: gate::Verdict,
}

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(get))
}

/// Returns a verdict that was acted on.
#[utoipa::path(
    get, path = "/decisions/{id}", tag = "decisions", operation_id = "decision",
    params(("id" = Uuid, Path, description = "The decision")),
    responses((status = 200, body = DecisionItem), Refusals),
)]
async fn get(
    State(app): State<Shared>,
    caller: Caller,
    Segments(id): Segments<Uuid>,
) -> Result<Json<DecisionItem>, Problem> {
    let decision = app
        .catalog
        .decision(id)
        .await?
        .ok_or_else(Problem::not_found)?;
    app.catalog
        .role_of(decision.repository, &caller.principal)
        .await?
        .ok_or_else(Problem::not_found)?;
    let verdict = doors::stored_verdict(&decision.document).map_err(ApiError::fault)?;
    Ok(Json(DecisionItem {
        repository: decision.repository_name,
        digest: decision.digest,
        tag: decision.tag,
        decided_at: decision.decided_at,
        sentence: gate::explain(&verdict),
        verdict,
    }))
}
