//! What the server does by itself, for administrators: to everybody else these pages do not exist.

mod jobs;
mod rules;
mod upstreams;
mod webhooks;

use axum::response::Response;
use catalog::{CollectionRun, Principal, Switches};
use web::routes::{Query, Route};
use web::{CollectionCard, Done, ErrorKind, RunRow, ScheduleRow, SystemPage, Trouble};

use super::{Form, PageError, Visit, html, redirect};
use crate::collection;

/// Runs on the page.
const RUNS: u32 = 20;

pub(super) async fn view(
    visit: &Visit,
    principal: &Principal,
    route: &Route,
) -> Result<Response, PageError> {
    require_superuser(principal)?;
    match route {
        Route::System => overview(visit).await,
        Route::Jobs => jobs::page(visit).await,
        Route::SystemRules => rules::page(visit, principal).await,
        Route::Webhooks => webhooks::page(visit).await,
        Route::Webhook(id) => webhooks::one(visit, *id).await,
        Route::Upstreams => upstreams::page(visit).await,
        _ => Err(PageError::Shown(ErrorKind::NotFound)),
    }
}

pub(super) async fn submit(
    visit: &Visit,
    principal: &Principal,
    route: &Route,
    form: &Form,
) -> Result<Response, PageError> {
    require_superuser(principal)?;
    match route {
        Route::System => steer(visit, principal, form).await,
        Route::Jobs => jobs::submit(visit, principal, form).await,
        Route::SystemRules => rules::submit(visit, principal, form).await,
        Route::Webhook(id) => webhooks::submit(visit, principal, *id, form).await,
        Route::Upstreams => upstreams::submit(visit, principal, form).await,
        _ => Err(PageError::Shown(ErrorKind::NotFound)),
    }
}

async fn overview(visit: &Visit) -> Result<Response, PageError> {
    let catalog = &visit.app.catalog;
    let switches = catalog.collection_switches().await?;
    let queue = catalog.collection_queue(visit.app.clock.now()).await?;
    let runs = catalog.collection_runs(RUNS).await?;
    let schedules = catalog.schedules().await?;
    let page = SystemPage {
        frame: visit.frame(),
        done: done(visit),
        troubles: troubles(visit).await?,
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
    };
    html(web::render_system(&page))
}

/// What needs a person: each is counted by the database, none is listed here.
async fn troubles(visit: &Visit) -> Result<Vec<Trouble>, PageError> {
    let catalog = &visit.app.catalog;
    let counted = |counts: Vec<(String, u64)>, word: &str| {
        let found = counts.into_iter().find(|(state, _)| state == word);
        found.map_or(0, |(_, count)| count)
    };
    let dead_jobs = counted(catalog.job_counts().await?, "dead");
    let dead_deliveries = counted(catalog.delivery_counts().await?, "dead");
    let endpoints = catalog.endpoints_in_trouble().await?;
    let mirrors = catalog.mirrors_in_trouble().await?;
    let found = [
        (dead_jobs, "job", "gave up", Route::Jobs),
        (
            endpoints,
            "webhook",
            "cannot be reached or gave up",
            Route::Webhooks,
        ),
        (dead_deliveries, "delivery", "gave up", Route::Webhooks),
        (
            mirrors,
            "mirror",
            "did not come through whole",
            Route::Upstreams,
        ),
    ];
    Ok(found
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, noun, what, route)| Trouble {
            text: format!("{} {what}", web::format::counted(count, noun)),
            route,
        })
        .collect())
}

/// Steers collection.
async fn steer(visit: &Visit, principal: &Principal, form: &Form) -> Result<Response, PageError> {
    let (app, actor, now) = (&visit.app, visit.actor(principal), visit.app.clock.now());
    let done = match form.field("do") {
        "collect" => {
            let job = collection::job_for(&principal.name);
            app.catalog.run_collection(&job, &actor, now).await?;
            app.wake_workers();
            Done::Collect
        }
        word @ ("pause" | "resume") => {
            let is_paused = word == "pause";
            let switches = Switches {
                is_paused,
                ..app.catalog.collection_switches().await?
            };
            app.catalog.steer_collection(switches, &actor, now).await?;
            if is_paused { Done::Pause } else { Done::Resume }
        }
        _ => return Err(PageError::Shown(ErrorKind::BadRequest)),
    };
    Ok(and_back(&Route::System.with("done", done.as_str())))
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

/// What the form before this page did.
fn done(visit: &Visit) -> Option<Done> {
    Done::from_parameter(visit.parameter("done"))
}

fn and_back(address: &Query) -> Response {
    redirect(&address.to_string())
}

/// Reads a number of a form.
fn number(form: &Form, name: &str) -> Result<i64, PageError> {
    let bad = PageError::Shown(ErrorKind::BadRequest);
    form.field(name).parse().map_err(|_| bad)
}

/// To everybody but superusers there is no system.
fn require_superuser(principal: &Principal) -> Result<(), PageError> {
    if principal.superuser {
        Ok(())
    } else {
        Err(PageError::Shown(ErrorKind::NotFound))
    }
}
