//! Mirrors: repositories that are copied from an upstream by a plan.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{CatalogError, Mirror, MirrorFilter, NewMirror, RepositoryState, Upstream};
use jiff::Timestamp;
use oci::RepositoryName;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problem::{Problem, Refusals};
use super::{Administrator, Body, Parameters, Segments};
use crate::app::{App, Shared};
use crate::upstream::{FetchError, mirror, settings};
use crate::workers::schedules::next_after;

/// Mirrors in one answer.
const MAX_PAGE: u32 = 100;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Begins after this repository.
    after: Option<String>,
    /// How many at most.
    limit: Option<u32>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MirrorBody {
    /// The repository that becomes the mirror. A new one needs it; in a change it is in the address.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    repository: Option<RepositoryName>,
    /// The name of the upstream.
    upstream: String,
    /// The repository there.
    source: String,
    /// Which tags; without it, all.
    #[serde(default)]
    filter: FilterBody,
    /// When, as a cron expression in UTC; absent, by hand only.
    #[serde(default)]
    cron: Option<String>,
    /// Whether the plan runs, true if absent.
    #[serde(default = "yes")]
    enabled: bool,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct FilterBody {
    /// Patterns; a tag that matches none is left out. Empty takes all.
    tags: Vec<String>,
    /// Patterns of tags that are left out.
    exclude: Vec<String>,
    /// Only so many, the highest versions first.
    #[serde(skip_serializing_if = "Option::is_none")]
    newest: Option<u32>,
    /// Whether a tag that the upstream does not have any more, or that is not chosen, ends here too.
    prune: bool,
}

fn yes() -> bool {
    true
}

/// A mirror, and how it last went.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MirrorItem {
    #[schema(value_type = String)]
    repository: RepositoryName,
    upstream: String,
    source: String,
    filter: FilterBody,
    cron: Option<String>,
    enabled: bool,
    created_by: String,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    /// When a run last ended without a failure.
    succeeded_at: Option<Timestamp>,
    last: Option<LastRun>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct LastRun {
    finished_at: Timestamp,
    /// `ok`, `partial` or `failed`.
    outcome: String,
    /// Counts, and why what failed did.
    #[schema(value_type = Object)]
    report: serde_json::Value,
}

#[derive(Serialize, ToSchema)]
struct MirrorList {
    items: Vec<MirrorItem>,
    /// Where the next page begins.
    #[schema(value_type = Option<String>)]
    next: Option<RepositoryName>,
}

#[derive(Serialize, ToSchema)]
struct Queued {
    /// False if a run was queued or running already.
    queued: bool,
}

#[derive(Serialize, ToSchema)]
struct Plan {
    /// One line for each tag: its `tag`, its `kind` (`copy`, `unchanged`, `held`, `end`, `gone`), and the upstream's `digest`.
    #[schema(value_type = Vec<Object>)]
    steps: Vec<mirror::Step>,
}

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
        .routes(routes!(run))
        .routes(routes!(plan))
}

/// Returns what is shown of it.
pub(crate) fn item(mirror: Mirror, upstream: String) -> MirrorItem {
    let settings = mirror.settings;
    let filter = settings.filter;
    MirrorItem {
        repository: settings.repository,
        upstream,
        source: settings.source,
        filter: FilterBody {
            tags: filter.tags,
            exclude: filter.exclude,
            newest: filter.newest,
            prune: filter.prune,
        },
        cron: settings.cron,
        enabled: settings.enabled,
        created_by: mirror.created_by,
        created_at: mirror.created_at,
        started_at: mirror.started_at,
        succeeded_at: mirror.succeeded_at,
        last: mirror.last.map(|last| LastRun {
            finished_at: last.finished_at,
            outcome: last.outcome,
            report: serde_json::from_str(&last.report).unwrap_or_default(),
        }),
    }
}

/// Checks a mirror's settings and finds its upstream.
async fn checked(
    app: &App,
    repository: RepositoryName,
    body: MirrorBody,
) -> Result<(NewMirror, Upstream), Problem> {
    let filter = MirrorFilter {
        tags: body.filter.tags,
        exclude: body.filter.exclude,
        newest: body.filter.newest,
        prune: body.filter.prune,
    };
    settings::mirror(&body.source, &filter, body.cron.as_deref(), app.clock.now())?;
    let named = settings::name(&body.upstream).ok();
    let upstream = match named {
        Some(name) => app.catalog.upstream(name).await?,
        None => None,
    };
    let upstream = upstream.ok_or_else(|| {
        Problem::invalid("`upstream` names an upstream that is set up, see /api/v1/upstreams")
    })?;
    let cached = crate::upstream::cached_from(app, &repository).await;
    if cached.map_err(crate::error::ApiError::fault)?.is_some() {
        return Err(Problem::conflict(
            "this name is cached from an upstream, a mirror needs another",
        ));
    }
    let mirror = NewMirror {
        repository,
        upstream: upstream.id,
        source: body.source,
        filter,
        cron: body.cron,
        enabled: body.enabled,
    };
    Ok((mirror, upstream))
}

/// Makes the schedule what the mirror says.
async fn reschedule(app: &App, mirror: &NewMirror) -> Result<(), Problem> {
    let name = mirror::schedule_name(&mirror.repository);
    let cron = mirror.cron.as_deref().filter(|_| mirror.enabled);
    match cron {
        Some(cron) => {
            let next = next_after(cron, app.clock.now())
                .map_err(|error| Problem::invalid(error.to_string()))?;
            app.catalog.put_schedule(&name, cron, next).await?;
        }
        None => drop(app.catalog.remove_schedule(&name).await?),
    }
    app.upstreams.changed().await;
    Ok(())
}

async fn found(app: &App, name: &str) -> Result<(Mirror, Upstream), Problem> {
    let name: RepositoryName = name.parse().map_err(|_| Problem::not_found())?;
    let mirror = app.catalog.mirror(&name).await?;
    let mirror = mirror.ok_or_else(Problem::not_found)?;
    let upstream = app.catalog.upstream_by_id(mirror.settings.upstream).await?;
    Ok((mirror, upstream.ok_or_else(Problem::not_found)?))
}

/// Lists the mirrors by repository, with how each last went.
#[utoipa::path(
    get, path = "/mirrors", tag = "mirrors", operation_id = "mirrors", params(Which),
    responses((status = 200, body = MirrorList), Refusals),
)]
async fn list(
    State(app): State<Shared>,
    _: Administrator,
    Parameters(which): Parameters<Which>,
) -> Result<Json<MirrorList>, Problem> {
    let after: Option<RepositoryName> = which
        .after
        .map(|after| after.parse())
        .transpose()
        .map_err(|_| Problem::invalid("`after` is the name of a repository"))?;
    let limit = which.limit.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE);
    let mirrors = app.catalog.list_mirrors(after.as_ref(), limit).await?;
    let upstreams = app.catalog.list_upstreams().await?;
    let is_full = mirrors.len() == limit as usize;
    let next = mirrors
        .last()
        .filter(|_| is_full)
        .map(|last| last.settings.repository.clone());
    let items = mirrors
        .into_iter()
        .map(|mirror| {
            let upstream = upstreams.iter().find(|u| u.id == mirror.settings.upstream);
            let name = upstream.map_or_else(String::new, |upstream| upstream.name.clone());
            item(mirror, name)
        })
        .collect();
    Ok(Json(MirrorList { items, next }))
}

/// Makes a repository a mirror. Nobody can push there from now on; what is in it stays.
#[utoipa::path(
    post, path = "/mirrors", tag = "mirrors", operation_id = "createMirror",
    request_body = MirrorBody,
    responses((status = 201, body = MirrorItem), Refusals),
)]
async fn create(
    State(app): State<Shared>,
    administrator: Administrator,
    Body(body): Body<MirrorBody>,
) -> Result<(StatusCode, Json<MirrorItem>), Problem> {
    let repository = body
        .repository
        .clone()
        .ok_or_else(|| Problem::invalid("`repository` is missing"))?;
    let (new, upstream) = checked(&app, repository, body).await?;
    let created = app
        .catalog
        .create_mirror(&new, &administrator.actor(), app.clock.now())
        .await
        .map_err(|error| match error {
            CatalogError::Conflict(_) => Problem::conflict("this repository is a mirror already"),
            other => other.into(),
        })?;
    let (actor, now) = (administrator.actor(), app.clock.now());
    app.catalog
        .ensure_copy(&new.repository, RepositoryState::Mirror, &actor, now)
        .await?;
    reschedule(&app, &new).await?;
    Ok((StatusCode::CREATED, Json(item(created, upstream.name))))
}

/// Shows a mirror and how it last went.
#[utoipa::path(
    get, path = "/mirrors/{name}", tag = "mirrors", operation_id = "mirror",
    params(("name" = String, Path, description = "The repository")),
    responses((status = 200, body = MirrorItem), Refusals),
)]
async fn get(
    State(app): State<Shared>,
    _: Administrator,
    Segments(name): Segments<String>,
) -> Result<Json<MirrorItem>, Problem> {
    let (mirror, upstream) = found(&app, &name).await?;
    Ok(Json(item(mirror, upstream.name)))
}

/// Replaces a mirror's settings.
#[utoipa::path(
    put, path = "/mirrors/{name}", tag = "mirrors", operation_id = "updateMirror",
    params(("name" = String, Path, description = "The repository")),
    request_body = MirrorBody,
    responses((status = 200, body = MirrorItem), Refusals),
)]
async fn update(
    State(app): State<Shared>,
    administrator: Administrator,
    Segments(name): Segments<String>,
    Body(body): Body<MirrorBody>,
) -> Result<Json<MirrorItem>, Problem> {
    let (mirror, _) = found(&app, &name).await?;
    let repository = mirror.settings.repository;
    if body
        .repository
        .as_ref()
        .is_some_and(|own| *own != repository)
    {
        return Err(Problem::invalid(
            "`repository` does not change, make another mirror",
        ));
    }
    let (new, upstream) = checked(&app, repository, body).await?;
    let updated = app
        .catalog
        .update_mirror(&new, &administrator.actor(), app.clock.now())
        .await?
        .ok_or_else(Problem::not_found)?;
    reschedule(&app, &new).await?;
    Ok(Json(item(updated, upstream.name)))
}

/// Ends a mirror. Its repository becomes an ordinary one with everything in it.
#[utoipa::path(
    delete, path = "/mirrors/{name}", tag = "mirrors", operation_id = "deleteMirror",
    params(("name" = String, Path, description = "The repository")),
    responses((status = 204, description = "It is an ordinary repository now"), Refusals),
)]
async fn delete(
    State(app): State<Shared>,
    administrator: Administrator,
    Segments(name): Segments<String>,
) -> Result<StatusCode, Problem> {
    let (mirror, _) = found(&app, &name).await?;
    let repository = &mirror.settings.repository;
    app.catalog
        .delete_mirror(repository, &administrator.actor(), app.clock.now())
        .await?
        .ok_or_else(Problem::not_found)?;
    app.catalog
        .remove_schedule(&mirror::schedule_name(repository))
        .await?;
    app.upstreams.changed().await;
    Ok(StatusCode::NO_CONTENT)
}

/// Queues a run now.
#[utoipa::path(
    post, path = "/mirrors/{name}/run", tag = "mirrors", operation_id = "runMirror",
    params(("name" = String, Path, description = "The repository")),
    responses((status = 202, body = Queued), Refusals),
)]
async fn run(
    State(app): State<Shared>,
    administrator: Administrator,
    Segments(name): Segments<String>,
) -> Result<(StatusCode, Json<Queued>), Problem> {
    let (mirror, _) = found(&app, &name).await?;
    let repository = &mirror.settings.repository;
    let queued = mirror::run_now(&app, repository, &administrator.actor()).await?;
    Ok((StatusCode::ACCEPTED, Json(Queued { queued })))
}

/// Asks the upstream and says what a run would do. Nothing is changed.
#[utoipa::path(
    get, path = "/mirrors/{name}/plan", tag = "mirrors", operation_id = "planMirror",
    params(("name" = String, Path, description = "The repository")),
    responses((status = 200, body = Plan), (status = 502, description = "The upstream does not answer"), Refusals),
)]
async fn plan(
    State(app): State<Shared>,
    _: Administrator,
    Segments(name): Segments<String>,
) -> Result<Json<Plan>, Problem> {
    let (mirror, upstream) = found(&app, &name).await?;
    let steps = mirror::dry_run(&app, &mirror).await;
    let steps = steps.map_err(|error: FetchError| {
        tracing::warn!(upstream = %upstream.name, cause = %crate::error::chain(&error), "mirror not planned");
        // Administrators may read what is wrong; it holds no secret.
        Problem::new(
            StatusCode::BAD_GATEWAY,
            "upstream",
            crate::error::chain(&error),
        )
    })?;
    Ok(Json(Plan { steps }))
}
