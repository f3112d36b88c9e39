//! Stored decisions.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde_json::Value;
use uuid::Uuid;

use super::caller;
use super::problem::Problem;
use crate::app::Shared;
use crate::doors;
use crate::error::ApiError;
use crate::request::Origin;

/// `GET /api/v1/decisions/{id}`: the verdict document.
pub(crate) async fn get(
    State(app): State<Shared>,
    origin: Origin,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let principal = caller(&app, &headers, &origin).await?;
    let id = Uuid::try_parse(&id).map_err(|_| Problem::not_found())?;
    let decision = app
        .catalog
        .decision(id)
        .await?
        .ok_or_else(Problem::not_found)?;
    app.catalog
        .role_of(decision.repository, &principal)
        .await?
        .ok_or_else(Problem::not_found)?;
    let verdict = doors::stored_verdict(&decision.document).map_err(ApiError::fault)?;
    Ok(Json(serde_json::json!({
        "repository": decision.repository_name,
        "digest": decision.digest,
        "tag": decision.tag,
        "decidedAt": decision.decided_at,
        "sentence": gate::explain(&verdict),
        "verdict": verdict,
    })))
}
