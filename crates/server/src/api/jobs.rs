//! Background jobs: what waits, what runs, and what died and may be tried again.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use catalog::JobState;
use serde::Deserialize;
use serde_json::{Value, json};

use super::administrator;
use super::problem::Problem;
use crate::app::Shared;
use crate::request::Origin;

/// Jobs in one answer.
const MAX_PAGE: u32 = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// `dead` (the default), `ready` or `running`.
    state: Option<String>,
    /// Begins after this job.
    #[serde(default)]
    after: i64,
    /// How many at most.
    limit: Option<u32>,
}

/// `GET /api/v1/jobs`: the jobs in one state, oldest first.
pub(crate) async fn list(
    State(app): State<Shared>,
    origin: Origin,
    headers: HeaderMap,
    Query(which): Query<Which>,
) -> Result<Json<Value>, Problem> {
    administrator(&app, &headers, &origin).await?;
    let state = which.state.as_deref().unwrap_or(JobState::Dead.as_str());
    let state = JobState::parse(state)
        .ok_or_else(|| Problem::invalid("`state` is `dead`, `ready`, `running` or `done`"))?;
    let limit = which.limit.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE);
    let jobs = app.catalog.jobs_in(state, which.after, limit).await?;
    let next = (jobs.len() == limit as usize).then(|| jobs.last().map(|job| job.job));
    let items: Vec<_> = jobs
        .iter()
        .map(|job| {
            json!({
                "id": job.job, "kind": job.kind, "lane": job.lane.as_str(), "state": job.state.as_str(),
                "payload": job.payload, "runAfter": job.run_after, "attempts": job.attempts,
                "lastError": job.last_error,
            })
        })
        .collect();
    Ok(Json(json!({ "items": items, "next": next.flatten() })))
}

/// `POST /api/v1/jobs/{id}/retry`: makes a dead job due again.
pub(crate) async fn retry(
    State(app): State<Shared>,
    origin: Origin,
    headers: HeaderMap,
    Path(job): Path<i64>,
) -> Result<StatusCode, Problem> {
    let administrator = administrator(&app, &headers, &origin).await?;
    let actor = origin.actor(&administrator.name);
    if !app.catalog.retry_dead(job, &actor, app.clock.now()).await? {
        return Err(Problem::not_found());
    }
    app.wake_workers();
    Ok(StatusCode::NO_CONTENT)
}
