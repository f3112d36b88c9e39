//! The advisory snapshot in use.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Caller;
use super::problem::{Problem, Refusals};
use crate::app::Shared;
use crate::error::ApiError;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SnapshotStatus {
    /// Its id, age and feeds; `null` before the first import.
    #[schema(value_type = Option<Object>)]
    snapshot: Value,
}

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(status))
}

/// Returns which advisories are in use.
#[utoipa::path(
    get, path = "/advisories", tag = "advisories", operation_id = "advisoriesStatus",
    responses((status = 200, body = SnapshotStatus), Refusals),
)]
async fn status(State(app): State<Shared>, _: Caller) -> Result<Json<SnapshotStatus>, Problem> {
    let snapshot = app.snapshot.load_full();
    let info = snapshot.as_ref().map(|snapshot| snapshot.info());
    Ok(Json(SnapshotStatus {
        snapshot: serde_json::to_value(info).map_err(ApiError::fault)?,
    }))
}
