//! Collection, as an administrator sees and steers it.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{Catalog, CatalogError, CollectionRun, Reclaim, Switches};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problem::{Problem, Refusals};
use super::{Administrator, Body};
use crate::app::Shared;
use crate::collection;
use crate::written::Unacceptable;

/// Runs in one answer.
const RUNS: u32 = 50;

/// What is changed about collection; what is left out stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Steering {
    /// Whether collection rests.
    pub paused: Option<bool>,
    /// How many entries and objects it looks at in a second, at most.
    #[schema(minimum = 1)]
    pub rate: Option<u32>,
}

/// How collection is steered.
#[derive(Debug, Serialize, ToSchema)]
pub struct Steered {
    /// Whether it rests.
    pub paused: bool,
    /// How many entries and objects it looks at in a second, at most.
    pub rate: u32,
}

/// Whether collection runs, what waits, and what the latest runs did.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CollectionStatus {
    /// Whether collection rests until it is resumed.
    paused: bool,
    /// How many entries and objects it looks at in a second, at most.
    rate: u32,
    /// Entries that wait to be looked at: `blob`, `evidence`, `link`, `manifest`.
    queue: BTreeMap<String, u64>,
    /// Since when the longest-overdue entry is due.
    due_since: Option<Timestamp>,
    /// Objects that wait to be deleted.
    objects: u64,
    /// Their size in bytes, as far as it is known.
    object_bytes: u64,
    /// Blobs that nobody has a right to, in their last minutes.
    condemned: u64,
    /// Their size in bytes.
    condemned_bytes: u64,
    /// The latest runs that found something to do.
    runs: Vec<RunItem>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RunItem {
    /// Who asked for it, or `schedule`.
    cause: String,
    started_at: Timestamp,
    ended_at: Timestamp,
    /// Entries that were looked at.
    reviewed: u64,
    /// Manifests that left their repository.
    manifests: u64,
    /// Rights to blobs that ended.
    links: u64,
    /// Blobs that were condemned.
    condemned: u64,
    /// Blobs whose rows went.
    blobs: u64,
    /// Digests whose evidence went.
    evidence: u64,
    /// Objects that were deleted.
    objects: u64,
    /// Their size in bytes, as far as it is known.
    freed_bytes: u64,
}

/// What a run would give back.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReclaimReport {
    /// The moment of the dry run.
    pub at: Timestamp,
    /// The bytes of objects of all causes.
    pub bytes: u64,
    /// The causes, in the order in which a deletion runs down.
    pub causes: Vec<ReclaimItem>,
    /// Whether more waits than one report looks at.
    pub partial: bool,
}

/// What one cause gives back.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReclaimItem {
    /// `manifests`, `links`, `blobs`, `condemned`, `trash`, `uploads`, or `unknownObjects` once the store was compared
    /// with its rows.
    pub cause: &'static str,
    /// Entries of the queue that wait for this pass, due or not.
    pub queued: u64,
    /// How many things would go.
    pub count: u64,
    /// The bytes of objects that would go.
    pub bytes: u64,
}

#[derive(Serialize, ToSchema)]
struct RunQueued {
    /// How many entries became due earlier than planned.
    reviews: u64,
}

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(status, steer))
        .routes(routes!(report))
        .routes(routes!(run))
}

/// Tells whether collection runs, what waits, and what the latest runs did.
#[utoipa::path(
    get, path = "/gc", tag = "gc", operation_id = "collection",
    responses((status = 200, body = CollectionStatus), Refusals),
)]
async fn status(
    State(app): State<Shared>,
    _: Administrator,
) -> Result<Json<CollectionStatus>, Problem> {
    let status = CollectionStatus::read(&app.catalog, app.clock.now()).await?;
    Ok(Json(status))
}

/// Pauses or resumes collection, or sets its pace, on every replica.
#[utoipa::path(
    patch, path = "/gc", tag = "gc", operation_id = "steerCollection",
    request_body = Steering,
    responses((status = 200, body = Steered), Refusals),
)]
async fn steer(
    State(app): State<Shared>,
    administrator: Administrator,
    Body(steering): Body<Steering>,
) -> Result<Json<Steered>, Problem> {
    let before = app.catalog.collection_switches().await?;
    let switches = steering.read(before)?;
    app.catalog
        .steer_collection(switches, &administrator.actor(), app.clock.now())
        .await?;
    Ok(Json(Steered {
        paused: switches.is_paused,
        rate: switches.rate,
    }))
}

/// Tells what a run would give back, and why, if everything that waits were looked at now. Nothing is changed.
#[utoipa::path(
    get, path = "/gc/report", tag = "gc", operation_id = "reclaimable",
    responses((status = 200, body = ReclaimReport), Refusals),
)]
async fn report(
    State(app): State<Shared>,
    _: Administrator,
) -> Result<Json<ReclaimReport>, Problem> {
    let report = ReclaimReport::read(&app.catalog, app.clock.now()).await?;
    Ok(Json(report))
}

/// Collects now what would wait out its grace; what is protected stays protected.
#[utoipa::path(
    post, path = "/gc/run", tag = "gc", operation_id = "runCollection",
    responses((status = 202, body = RunQueued), Refusals),
)]
async fn run(
    State(app): State<Shared>,
    administrator: Administrator,
) -> Result<(StatusCode, Json<RunQueued>), Problem> {
    let job = collection::job_for(&administrator.principal.name);
    let reviews = app
        .catalog
        .run_collection(&job, &administrator.actor(), app.clock.now())
        .await?;
    app.wake_workers();
    Ok((StatusCode::ACCEPTED, Json(RunQueued { reviews })))
}

impl CollectionStatus {
    /// Reads how things stand.
    pub(crate) async fn read(catalog: &Catalog, now: Timestamp) -> Result<Self, CatalogError> {
        let switches = catalog.collection_switches().await?;
        let queue = catalog.collection_queue(now).await?;
        let runs = catalog.collection_runs(RUNS).await?;
        Ok(Self {
            paused: switches.is_paused,
            rate: switches.rate,
            queue: queue.entries.into_iter().collect(),
            due_since: queue.due_since,
            objects: queue.objects,
            object_bytes: queue.object_bytes,
            condemned: queue.condemned,
            condemned_bytes: queue.condemned_bytes,
            runs: runs.into_iter().map(shown).collect(),
        })
    }
}

impl ReclaimReport {
    /// Runs dry.
    pub(crate) async fn read(catalog: &Catalog, at: Timestamp) -> Result<Self, CatalogError> {
        let reclaimable = catalog.reclaimable(at).await?;
        Ok(Self {
            at,
            bytes: reclaimable.bytes(),
            causes: reclaimable.causes.iter().map(reclaim).collect(),
            partial: reclaimable.is_partial,
        })
    }
}

fn reclaim(reclaim: &Reclaim) -> ReclaimItem {
    ReclaimItem {
        cause: reclaim.cause.as_str(),
        queued: reclaim.queued,
        count: reclaim.count,
        bytes: reclaim.bytes,
    }
}

impl Steering {
    /// Checks what was written. Returns the switches as they will be.
    pub(crate) fn read(&self, before: Switches) -> Result<Switches, Unacceptable> {
        let switches = Switches {
            is_paused: self.paused.unwrap_or(before.is_paused),
            rate: self.rate.unwrap_or(before.rate),
        };
        if switches.rate == 0 {
            return Err(Unacceptable::new(
                "`rate` is at least 1; set `paused` to stop collection",
            ));
        }
        Ok(switches)
    }
}

fn shown(run: CollectionRun) -> RunItem {
    RunItem {
        cause: run.cause,
        started_at: run.started_at,
        ended_at: run.ended_at,
        reviewed: run.collected.reviewed,
        manifests: run.collected.manifests,
        links: run.collected.links,
        condemned: run.collected.condemned,
        blobs: run.collected.blobs,
        evidence: run.collected.evidence,
        objects: run.collected.objects,
        freed_bytes: run.collected.freed_bytes,
    }
}
