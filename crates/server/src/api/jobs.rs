//! Background jobs: what waits, what runs, and what died and may be tried again.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{JobRow, JobState};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problem::{Problem, Refusals};
use super::{Administrator, Parameters, Segments};
use crate::app::Shared;

/// Jobs in one answer.
const MAX_PAGE: u32 = 100;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// `dead` (the default), `ready` or `running`.
    state: Option<String>,
    /// Begins after this job.
    #[serde(default)]
    after: i64,
    /// How many at most, 100 if not given.
    #[param(maximum = 100)]
    limit: Option<u32>,
}

/// A background job.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobItem {
    id: i64,
    kind: String,
    /// `interactive`, `manual`, `bulk` or `upkeep`.
    lane: &'static str,
    state: &'static str,
    /// What it works on, as JSON.
    payload: String,
    run_after: Timestamp,
    attempts: i64,
    /// Why the last attempt failed.
    last_error: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct JobList {
    items: Vec<JobItem>,
    /// The `after` of the next answer; `null` at the end.
    next: Option<i64>,
}

impl From<JobRow> for JobItem {
    fn from(job: JobRow) -> Self {
        Self {
            id: job.job,
            kind: job.kind,
            lane: job.lane.as_str(),
            state: job.state.as_str(),
            payload: job.payload,
            run_after: job.run_after,
            attempts: job.attempts,
            last_error: job.last_error,
        }
    }
}

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(retry))
}

/// Lists the jobs in one state, oldest first.
#[utoipa::path(
    get, path = "/jobs", tag = "jobs", operation_id = "jobs",
    params(Which),
    responses((status = 200, body = JobList), Refusals),
)]
async fn list(
    State(app): State<Shared>,
    _: Administrator,
    Parameters(which): Parameters<Which>,
) -> Result<Json<JobList>, Problem> {
    let state = which.state.as_deref().unwrap_or(JobState::Dead.as_str());
    let state = JobState::parse(state)
        .ok_or_else(|| Problem::invalid("`state` is `dead`, `ready`, `running` or `done`"))?;
    let limit = which.limit.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE);
    let jobs = app.catalog.jobs_in(state, which.after, limit).await?;
    let next = (jobs.len() == limit as usize).then(|| jobs.last().map(|job| job.job));
    let items = jobs.into_iter().map(JobItem::from).collect();
    Ok(Json(JobList {
        items,
        next: next.flatten(),
    }))
}

/// Makes a dead job due again.
#[utoipa::path(
    post, path = "/jobs/{id}/retry", tag = "jobs", operation_id = "retryJob",
    params(("id" = i64, Path, description = "The job")),
    responses((status = 204, description = "It is due"), Refusals),
)]
async fn retry(
    State(app): State<Shared>,
    administrator: Administrator,
    Segments(job): Segments<i64>,
) -> Result<StatusCode, Problem> {
    let retried = app
        .catalog
        .retry_dead(job, &administrator.actor(), app.clock.now())
        .await?;
    if !retried {
        return Err(Problem::not_found());
    }
    app.wake_workers();
    Ok(StatusCode::NO_CONTENT)
}
