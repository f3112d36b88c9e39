//! Recurring work: what comes back, when, and when it is due next. What recurs is made by what needs it: a mirror, the
//! rotation of the audit trail, collection.

use axum::Json;
use axum::extract::State;
use catalog::Schedule;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problem::{Problem, Refusals};
use super::{Administrator, Parameters, people};
use crate::app::Shared;

/// Schedules in one answer.
const MAX_PAGE: u32 = 100;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Page {
    /// Begins after this name.
    #[serde(default)]
    after: String,
    /// How many at most, 100 if not given.
    #[param(maximum = 100)]
    limit: Option<u32>,
}

/// Recurring work.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleItem {
    name: String,
    /// When it recurs, as a cron expression in UTC.
    cron: String,
    next_run: Timestamp,
    /// When its job was last queued; `null` before the first time.
    last_run: Option<Timestamp>,
}

#[derive(Serialize, ToSchema)]
struct ScheduleList {
    items: Vec<ScheduleItem>,
    /// The `after` of the next answer; `null` at the end.
    next: Option<String>,
}

impl From<Schedule> for ScheduleItem {
    fn from(schedule: Schedule) -> Self {
        Self {
            name: schedule.name,
            cron: schedule.cron,
            next_run: schedule.next_run,
            last_run: schedule.last_run,
        }
    }
}

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Lists what recurs, by name.
#[utoipa::path(
    get, path = "/schedules", tag = "jobs", operation_id = "schedules",
    params(Page),
    responses((status = 200, body = ScheduleList), Refusals),
)]
async fn list(
    State(app): State<Shared>,
    _: Administrator,
    Parameters(page): Parameters<Page>,
) -> Result<Json<ScheduleList>, Problem> {
    people::plain(&page.after)?;
    let limit = page.limit.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE);
    let found = app.catalog.schedules_after(&page.after, limit).await?;
    let next = (found.len() == limit as usize).then(|| found.last().map(|last| last.name.clone()));
    let items = found.into_iter().map(ScheduleItem::from).collect();
    Ok(Json(ScheduleList {
        items,
        next: next.flatten(),
    }))
}
