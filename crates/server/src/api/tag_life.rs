//! The life of tags: history, the way back, expiry, immutability, deletion.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{CatalogError, HistoryRow, RestoreError, RestoreWindow, Role};
use jiff::Timestamp;
use oci::{Digest, RepositoryName, Tag};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::governed::{namespace, readable, with_role};
use super::problem::{Problem, Refusals};
use super::{Body, Caller, Credentialed, Parameters, Segments};
use crate::app::Shared;

/// Rows of one answer.
const MAX_ROWS: u32 = 200;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct HistoryQuery {
    /// The previous answer's `next`.
    cursor: Option<i64>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PastQuery {
    /// The instant, RFC 3339.
    #[param(value_type = String)]
    at: Timestamp,
    /// The previous answer's `next`.
    #[param(value_type = Option<String>)]
    cursor: Option<Tag>,
}

/// A span of a tag's life.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    id: i64,
    #[schema(value_type = String)]
    tag: Tag,
    #[schema(value_type = String)]
    digest: Digest,
    start: Timestamp,
    /// `null` for the present.
    end: Option<Timestamp>,
    /// When it ends, or would have ended, by itself.
    expires: Option<Timestamp>,
    actor: String,
    /// `push`, `move`, `restore` or `mirror`.
    cause: String,
    /// `move`, `delete`, `expire`, `prune`, `restore` or `mirror`.
    end_cause: Option<String>,
    /// The span that this one brought back.
    reverts: Option<i64>,
    /// Since when it cannot be brought back.
    purged: Option<Timestamp>,
    /// Whether the tag's own flag makes it immutable; rules may do so too.
    immutable: bool,
}

impl From<HistoryRow> for Span {
    fn from(row: HistoryRow) -> Self {
        Self {
            id: row.id,
            tag: row.tag,
            digest: row.digest,
            start: row.start,
            end: row.end,
            expires: row.expires,
            actor: row.actor,
            cause: row.cause.as_str().to_owned(),
            end_cause: row.end_cause.map(|cause| cause.as_str().to_owned()),
            reverts: row.reverts,
            purged: row.purged,
            immutable: row.immutable,
        }
    }
}

#[derive(Serialize, ToSchema)]
struct SpanList {
    /// Latest first.
    items: Vec<Span>,
    /// The `cursor` of the next answer; `null` at the end.
    next: Option<i64>,
}

#[derive(Serialize, ToSchema)]
struct PastTag {
    #[schema(value_type = String)]
    tag: Tag,
    #[schema(value_type = String)]
    digest: Digest,
    since: Timestamp,
}

#[derive(Serialize, ToSchema)]
struct PastList {
    items: Vec<PastTag>,
    /// The `cursor` of the next answer; `null` at the end.
    #[schema(value_type = Option<String>)]
    next: Option<Tag>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RestoreRequest {
    /// One of the tag's earlier targets.
    #[schema(value_type = String)]
    digest: Digest,
}

#[derive(Serialize, ToSchema)]
struct Restored {
    /// What the tag pointed at before.
    #[schema(value_type = Option<String>)]
    previous: Option<Digest>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PurgeRequest {
    /// The ids of ended spans, at most 1,000.
    spans: Vec<i64>,
}

#[derive(Serialize, ToSchema)]
struct Purged {
    /// How many spans there were.
    purged: u32,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ExpiryRequest {
    /// When the tag ends; `null` for never.
    #[serde(deserialize_with = "Option::deserialize")]
    expires: Option<Timestamp>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ImmutableRequest {
    immutable: bool,
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct WindowSetting {
    /// `0`, `1d`, `1w`, `2w` or `4w`.
    pub(crate) restore_window: String,
}

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(repository_history))
        .routes(routes!(past))
        .routes(routes!(tag_history))
        .routes(routes!(restore))
        .routes(routes!(purge))
        .routes(routes!(set_expiry))
        .routes(routes!(set_immutable))
        .routes(routes!(window, set_window))
}

/// Returns the spans of every tag of a repository.
#[utoipa::path(
    get, path = "/repositories/{name}/history", tag = "tags", operation_id = "repositoryHistory",
    params(("name" = String, Path, description = "The repository"), HistoryQuery),
    responses((status = 200, body = SpanList), Refusals),
)]
async fn repository_history(
    State(app): State<Shared>,
    caller: Caller,
    Segments(name): Segments<RepositoryName>,
    Parameters(query): Parameters<HistoryQuery>,
) -> Result<Json<SpanList>, Problem> {
    let (repository, _) = readable(&app, &caller, &name).await?;
    let rows = app
        .catalog
        .repository_history(repository.id, query.cursor, MAX_ROWS + 1)
        .await?;
    Ok(Json(page_of(rows)))
}

/// Returns the tags a repository had at an instant.
#[utoipa::path(
    get, path = "/repositories/{name}/past", tag = "tags", operation_id = "past",
    params(("name" = String, Path, description = "The repository"), PastQuery),
    responses((status = 200, body = PastList), Refusals),
)]
async fn past(
    State(app): State<Shared>,
    caller: Caller,
    Segments(name): Segments<RepositoryName>,
    Parameters(query): Parameters<PastQuery>,
) -> Result<Json<PastList>, Problem> {
    let (repository, _) = readable(&app, &caller, &name).await?;
    let after = query.cursor.as_ref().map(Tag::as_str);
    let mut rows = app
        .catalog
        .tags_at(repository.id, query.at, after, MAX_ROWS + 1)
        .await?;
    let has_more = rows.len() > MAX_ROWS as usize;
    rows.truncate(MAX_ROWS as usize);
    let last = rows.last().filter(|_| has_more);
    Ok(Json(PastList {
        next: last.map(|row| row.tag.clone()),
        items: rows
            .into_iter()
            .map(|row| PastTag {
                tag: row.tag,
                digest: row.digest,
                since: row.since,
            })
            .collect(),
    }))
}

/// Returns the spans of a tag.
#[utoipa::path(
    get, path = "/repositories/{name}/tags/{tag}/history", tag = "tags", operation_id = "tagHistory",
    params(
        ("name" = String, Path, description = "The repository"),
        ("tag" = String, Path, description = "The tag; it need not be there any more"),
        HistoryQuery,
    ),
    responses((status = 200, body = SpanList), Refusals),
)]
async fn tag_history(
    State(app): State<Shared>,
    caller: Caller,
    Segments((name, tag)): Segments<(RepositoryName, Tag)>,
    Parameters(query): Parameters<HistoryQuery>,
) -> Result<Json<SpanList>, Problem> {
    let (repository, _) = readable(&app, &caller, &name).await?;
    let rows = app
        .catalog
        .tag_history(repository.id, &tag, query.cursor, MAX_ROWS + 1)
        .await?;
    Ok(Json(page_of(rows)))
}

/// Points a tag at one of its earlier targets again.
#[utoipa::path(
    post, path = "/repositories/{name}/tags/{tag}/restore", tag = "tags", operation_id = "restoreTag",
    params(
        ("name" = String, Path, description = "The repository"),
        ("tag" = String, Path, description = "The tag"),
    ),
    request_body = RestoreRequest,
    responses((status = 200, body = Restored), Refusals),
)]
async fn restore(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments((name, tag)): Segments<(RepositoryName, Tag)>,
    Body(request): Body<RestoreRequest>,
) -> Result<Json<Restored>, Problem> {
    let repository = with_role(&app, &caller, &name, Role::Write).await?;
    let restored = app
        .catalog
        .restore_tag(
            repository.id,
            &tag,
            &request.digest,
            app.settings.registry.sparse,
            &caller.actor(),
            app.clock.now(),
        )
        .await;
    match restored {
        Ok(previous) => Ok(Json(Restored { previous })),
        Err(RestoreError::NoSpan { .. }) => Err(Problem::not_found()),
        Err(RestoreError::Catalog(error)) => Err(error.into()),
        Err(error) => Err(Problem::conflict(error.to_string())),
    }
}

/// Deletes spans permanently: they are no way back any more, and what only they led to goes at once.
#[utoipa::path(
    post, path = "/repositories/{name}/tags/{tag}/purge", tag = "tags", operation_id = "purgeTag",
    params(
        ("name" = String, Path, description = "The repository"),
        ("tag" = String, Path, description = "The tag"),
    ),
    request_body = PurgeRequest,
    responses((status = 200, body = Purged), Refusals),
)]
async fn purge(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments((name, tag)): Segments<(RepositoryName, Tag)>,
    Body(request): Body<PurgeRequest>,
) -> Result<Json<Purged>, Problem> {
    let repository = with_role(&app, &caller, &name, Role::Admin).await?;
    if request.spans.len() > 1_000 {
        return Err(Problem::invalid("`spans` has more than 1,000 ids"));
    }
    let purged = app
        .catalog
        .purge_history(
            repository.id,
            &tag,
            &request.spans,
            &caller.actor(),
            app.clock.now(),
        )
        .await?;
    Ok(Json(Purged { purged }))
}

/// Sets when a tag ends by itself.
#[utoipa::path(
    put, path = "/repositories/{name}/tags/{tag}/expiry", tag = "tags", operation_id = "setTagExpiry",
    params(
        ("name" = String, Path, description = "The repository"),
        ("tag" = String, Path, description = "The tag"),
    ),
    request_body = ExpiryRequest,
    responses((status = 204), Refusals),
)]
async fn set_expiry(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments((name, tag)): Segments<(RepositoryName, Tag)>,
    Body(request): Body<ExpiryRequest>,
) -> Result<StatusCode, Problem> {
    let repository = with_role(&app, &caller, &name, Role::Write).await?;
    let now = app.clock.now();
    if request.expires.is_some_and(|expires| expires <= now) {
        return Err(Problem::invalid(
            "`expires` is past, delete the tag instead",
        ));
    }
    let is_there = app
        .catalog
        .set_tag_expiry(repository.id, &tag, request.expires, &caller.actor(), now)
        .await?;
    found(is_there)
}

/// Makes a tag immutable, or lifts that; lifting needs the role admin.
#[utoipa::path(
    put, path = "/repositories/{name}/tags/{tag}/immutable", tag = "tags", operation_id = "setTagImmutable",
    params(
        ("name" = String, Path, description = "The repository"),
        ("tag" = String, Path, description = "The tag"),
    ),
    request_body = ImmutableRequest,
    responses((status = 204), Refusals),
)]
async fn set_immutable(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments((name, tag)): Segments<(RepositoryName, Tag)>,
    Body(request): Body<ImmutableRequest>,
) -> Result<StatusCode, Problem> {
    let needed = if request.immutable {
        Role::Write
    } else {
        Role::Admin
    };
    let repository = with_role(&app, &caller, &name, needed).await?;
    let set = app
        .catalog
        .set_immutable(
            repository.id,
            &tag,
            request.immutable,
            &caller.actor(),
            app.clock.now(),
        )
        .await;
    match set {
        Ok(is_there) => found(is_there),
        Err(error @ CatalogError::Expiring(_)) => Err(Problem::conflict(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

/// Returns how long what is deleted in a namespace can be brought back.
#[utoipa::path(
    get, path = "/namespaces/{namespace}/restore-window", tag = "tags", operation_id = "restoreWindow",
    params(("namespace" = String, Path, description = "The first component of the names")),
    responses((status = 200, body = WindowSetting), Refusals),
)]
async fn window(
    State(app): State<Shared>,
    caller: Caller,
    Segments(name): Segments<RepositoryName>,
) -> Result<Json<WindowSetting>, Problem> {
    namespace(&app, &caller, &name).await?;
    let window = app.catalog.restore_window(name.as_str()).await?;
    Ok(Json(WindowSetting {
        restore_window: window.to_string(),
    }))
}

/// Sets how long what is deleted in a namespace can be brought back.
#[utoipa::path(
    put, path = "/namespaces/{namespace}/restore-window", tag = "tags", operation_id = "setRestoreWindow",
    params(("namespace" = String, Path, description = "The first component of the names")),
    request_body = WindowSetting,
    responses((status = 204), Refusals),
)]
pub(crate) async fn set_window(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments(name): Segments<RepositoryName>,
    Body(setting): Body<WindowSetting>,
) -> Result<StatusCode, Problem> {
    namespace(&app, &caller, &name).await?;
    let window: RestoreWindow = setting
        .restore_window
        .parse()
        .map_err(|error| Problem::invalid(format!("`restoreWindow`: {error}")))?;
    app.catalog
        .set_restore_window(name.as_str(), window, &caller.actor(), app.clock.now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn page_of(mut rows: Vec<HistoryRow>) -> SpanList {
    let has_more = rows.len() > MAX_ROWS as usize;
    rows.truncate(MAX_ROWS as usize);
    SpanList {
        next: rows.last().filter(|_| has_more).map(|row| row.id),
        items: rows.into_iter().map(Span::from).collect(),
    }
}

fn found(is_there: bool) -> Result<StatusCode, Problem> {
    if is_there {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found())
    }
}
