//! What the server does by itself, for administrators: to everybody else the page does not exist.

use axum::response::Response;
use catalog::{CollectionRun, JobState, Principal, Switches};
use web::routes::Route;
use web::{CollectionCard, ErrorKind, JobLine, RunRow, ScheduleRow, SystemPage};

use super::{Form, PageError, Visit, html, redirect};
use crate::collection;

/// Runs on the page.
const RUNS: u32 = 20;
/// Jobs on the page.
const JOBS: u32 = 50;

pub(super) async fn page(visit: &Visit, principal: &Principal) -> Result<Response, PageError> {
    require_superuser(principal)?;
    let catalog = &visit.app.catalog;
    let switches = catalog.collection_switches().await?;
    let queue = catalog.collection_queue(visit.app.clock.now()).await?;
    let runs = catalog.collection_runs(RUNS).await?;
    let schedules = catalog.schedules().await?;
    let mut dead = catalog.jobs_in(JobState::Dead, 0, JOBS + 1).await?;
    let has_more_dead = dead.len() > JOBS as usize;
    dead.truncate(JOBS as usize);
    let page = SystemPage {
        frame: visit.frame(),
        collection: CollectionCard {
            paused: switches.is_paused,
            rate: switches.rate,
            waiting: queue.entries.iter().map(|(_, count)| count).sum(),
            due_since: queue.due_since,
            objects: (queue.objects, queue.object_bytes),
            condemned: (queue.condemned, queue.condemned_bytes),
        },
        runs: runs.into_iter().map(run_row).collect(),
        schedules: schedules
            .into_iter()
            .map(|schedule| ScheduleRow {
                name: schedule.name,
                cron: schedule.cron,
                next: schedule.next_run,
                last: schedule.last_run,
            })
            .collect(),
        dead: dead
            .into_iter()
            .map(|job| JobLine {
                id: job.job,
                kind: job.kind,
                payload: job.payload,
                attempts: job.attempts,
                error: job.last_error,
            })
            .collect(),
        has_more_dead,
    };
    html(web::render_system(&page))
}

pub(super) async fn submit(
    visit: &Visit,
    principal: &Principal,
    form: &Form,
) -> Result<Response, PageError> {
    require_superuser(principal)?;
    let (app, actor, now) = (&visit.app, visit.actor(principal), visit.app.clock.now());
    match form.field("do") {
        "collect" => {
            let job = collection::job_for(&principal.name);
            app.catalog.run_collection(&job, &actor, now).await?;
            app.wake_workers();
        }
        word @ ("pause" | "resume") => {
            let switches = Switches {
                is_paused: word == "pause",
                ..app.catalog.collection_switches().await?
            };
            app.catalog.steer_collection(switches, &actor, now).await?;
        }
        "retry" => {
            let bad = PageError::Shown(ErrorKind::BadRequest);
            let job = form.field("job").parse().map_err(|_| bad)?;
            // One that somebody else has retried is no longer in the list that comes next.
            if app.catalog.retry_dead(job, &actor, now).await? {
                app.wake_workers();
            }
        }
        _ => return Err(PageError::Shown(ErrorKind::BadRequest)),
    }
    Ok(redirect(&Route::System.to_string()))
}

fn run_row(run: CollectionRun) -> RunRow {
    let took = run.ended_at.duration_since(run.started_at);
    RunRow {
        started: run.started_at,
        seconds: u64::try_from(took.as_secs()).unwrap_or(0),
        cause: run.cause,
        manifests: run.collected.manifests,
        objects: run.collected.objects,
        freed_bytes: run.collected.freed_bytes,
    }
}

fn require_superuser(principal: &Principal) -> Result<(), PageError> {
    if principal.superuser {
        Ok(())
    } else {
        Err(PageError::Shown(ErrorKind::NotFound))
    }
}
