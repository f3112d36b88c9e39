//! The advisory snapshot in use.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde_json::Value;

use super::caller;
use super::problem::Problem;
use crate::app::Shared;
use crate::error::ApiError;
use crate::request::Origin;

/// `GET /api/v1/advisories`: its id, age and feeds; `null` before the first import.
pub(crate) async fn status(
    State(app): State<Shared>,
    origin: Origin,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    caller(&app, &headers, &origin).await?;
    let snapshot = app.snapshot.load_full();
    let info = snapshot.as_ref().map(|snapshot| snapshot.info());
    Ok(Json(
        serde_json::json!({ "snapshot": serde_json::to_value(info).map_err(ApiError::fault)? }),
    ))
}
