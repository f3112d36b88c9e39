//! Repositories, their tags, and the report and verdict of an image.

use axum::Json;
use axum::extract::State;
use catalog::{Principal, Repository, RepositorySummary, TagRow};
use evidence::{Grade, ImageReport, Inventory, MatchReport, SeverityCounts, Subject};
use jiff::Timestamp;
use oci::{Digest, RepositoryName, Tag};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::problem::{Problem, Refusals};
use super::{Caller, Parameters, Segments};
use crate::app::{App, Shared};
use crate::doors;
use crate::error::ApiError;
use crate::summaries;

/// Rows of one answer.
const MAX_ROWS: u32 = 500;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// A part of the name.
    #[serde(default)]
    q: String,
    /// The previous answer's `next`.
    #[param(value_type = Option<String>)]
    cursor: Option<RepositoryName>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TagsQuery {
    /// A part of the name.
    #[serde(default)]
    q: String,
    /// The previous answer's `next`.
    #[param(value_type = Option<String>)]
    cursor: Option<Tag>,
}

/// A line of the list of repositories.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryItem {
    #[schema(value_type = String)]
    name: RepositoryName,
    tags: u64,
    last_push: Option<Timestamp>,
    /// `A` to `F`.
    #[schema(value_type = Option<String>)]
    worst_grade: Option<Grade>,
    verdicts: VerdictCounts,
}

/// How many tags have which verdict.
#[derive(Serialize, ToSchema)]
struct VerdictCounts {
    allow: u64,
    warn: u64,
    deny: u64,
    pending: u64,
}

#[derive(Serialize, ToSchema)]
struct RepositoryList {
    items: Vec<RepositoryItem>,
    /// The `cursor` of the next answer; `null` at the end.
    #[schema(value_type = Option<String>)]
    next: Option<RepositoryName>,
}

/// A line of the list of tags.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TagItem {
    #[schema(value_type = String)]
    tag: Tag,
    #[schema(value_type = String)]
    digest: Digest,
    media_type: String,
    /// The size of everything below it in bytes, each blob once.
    size_bytes: u64,
    pushed_at: Timestamp,
    pushed_by: String,
    /// When it ends by itself.
    expires: Option<Timestamp>,
    /// Whether the tag's own flag makes it immutable; rules may do so too.
    immutable: bool,
    #[schema(value_type = Option<String>)]
    grade: Option<Grade>,
    /// Vulnerabilities by severity; `null` before the first match.
    #[schema(value_type = Option<Object>)]
    counts: Option<SeverityCounts>,
    /// Those of them that have a fix.
    #[schema(value_type = Option<Object>)]
    fixable: Option<SeverityCounts>,
    /// The current verdict's word.
    verdict: Option<String>,
    decision: Option<Uuid>,
    platforms: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct TagList {
    /// By name, at most 500.
    items: Vec<TagItem>,
    /// The `cursor` of the next answer; `null` at the end.
    #[schema(value_type = Option<String>)]
    next: Option<Tag>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TagView {
    #[schema(value_type = String)]
    repository: RepositoryName,
    #[schema(value_type = String)]
    tag: Tag,
    #[schema(value_type = String)]
    digest: Digest,
    /// The page that shows the same.
    page: String,
    #[schema(value_type = Option<String>)]
    grade: Option<Grade>,
    packages: Option<u32>,
    #[schema(value_type = Option<Object>)]
    counts: Option<SeverityCounts>,
    #[schema(value_type = Option<Object>)]
    fixable: Option<SeverityCounts>,
    /// The verdict in one sentence.
    sentence: String,
    #[schema(value_type = Object)]
    verdict: gate::Verdict,
}

impl From<RepositorySummary> for RepositoryItem {
    fn from(row: RepositorySummary) -> Self {
        Self {
            name: row.repository.name,
            tags: row.tag_count,
            last_push: row.last_push,
            worst_grade: row.worst_grade,
            verdicts: VerdictCounts {
                allow: row.verdicts.allow,
                warn: row.verdicts.warn,
                deny: row.verdicts.deny,
                pending: row.verdicts.pending,
            },
        }
    }
}

impl From<TagRow> for TagItem {
    fn from(row: TagRow) -> Self {
        Self {
            tag: row.tag,
            digest: row.digest,
            media_type: row.media_type,
            size_bytes: row.size_bytes,
            pushed_at: row.pushed_at,
            pushed_by: row.pushed_by,
            expires: row.expires_at,
            immutable: row.immutable,
            grade: row.grade,
            counts: row.counts,
            fixable: row.fixable,
            verdict: row.verdict,
            decision: row.decision,
            platforms: row.platforms,
        }
    }
}

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(tags))
        .routes(routes!(tag))
        .routes(routes!(report))
}

/// Lists the repositories that the caller may read, by name.
#[utoipa::path(
    get, path = "/repositories", tag = "repositories", operation_id = "repositories",
    params(ListQuery),
    responses((status = 200, body = RepositoryList), Refusals),
)]
async fn list(
    State(app): State<Shared>,
    caller: Caller,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Json<RepositoryList>, Problem> {
    let mut rows = summaries::list(
        &app,
        &caller.principal,
        &query.q.replace('\0', ""),
        query.cursor.as_ref(),
        MAX_ROWS + 1,
    )
    .await?;
    let has_more = rows.len() > MAX_ROWS as usize;
    rows.truncate(MAX_ROWS as usize);
    let next = rows
        .last()
        .filter(|_| has_more)
        .map(|row| row.repository.name.clone());
    let items = rows.into_iter().map(RepositoryItem::from).collect();
    Ok(Json(RepositoryList { items, next }))
}

/// Returns the repository if the caller may read it; else there is none.
async fn readable(
    app: &App,
    principal: &Principal,
    name: &RepositoryName,
) -> Result<Repository, Problem> {
    let repository = app
        .catalog
        .repository(name)
        .await?
        .ok_or_else(Problem::not_found)?;
    app.catalog
        .role_of(repository.id, principal)
        .await?
        .ok_or_else(Problem::not_found)?;
    Ok(repository)
}

/// Lists the tags of a repository with what is known about their images.
#[utoipa::path(
    get, path = "/repositories/{name}/tags", tag = "repositories", operation_id = "tags",
    params(("name" = String, Path, description = "The repository"), TagsQuery),
    responses((status = 200, body = TagList), Refusals),
)]
async fn tags(
    State(app): State<Shared>,
    caller: Caller,
    Segments(name): Segments<RepositoryName>,
    Parameters(query): Parameters<TagsQuery>,
) -> Result<Json<TagList>, Problem> {
    let repository = readable(&app, &caller.principal, &name).await?;
    let mut rows = app
        .catalog
        .tag_rows(
            repository.id,
            &query.q.replace('\0', ""),
            query.cursor.as_ref().map(Tag::as_str),
            MAX_ROWS + 1,
            app.clock.now(),
        )
        .await?;
    let has_more = rows.len() > MAX_ROWS as usize;
    rows.truncate(MAX_ROWS as usize);
    let next = rows.last().filter(|_| has_more).map(|row| row.tag.clone());
    let items = rows.into_iter().map(TagItem::from).collect();
    Ok(Json(TagList { items, next }))
}

/// Returns a tag with its verdict in full.
#[utoipa::path(
    get, path = "/repositories/{name}/tags/{tag}", tag = "repositories", operation_id = "tag",
    params(
        ("name" = String, Path, description = "The repository"),
        ("tag" = String, Path, description = "The tag"),
    ),
    responses((status = 200, body = TagView), Refusals),
)]
async fn tag(
    State(app): State<Shared>,
    caller: Caller,
    Segments((name, tag)): Segments<(RepositoryName, Tag)>,
) -> Result<Json<TagView>, Problem> {
    let repository = readable(&app, &caller.principal, &name).await?;
    let digest = app
        .catalog
        .resolve_tag(repository.id, &tag, app.clock.now())
        .await?;
    let digest = digest.ok_or_else(Problem::not_found)?;
    let judged = doors::judge(&app, &repository, &digest, Some(&tag))
        .await
        .map_err(ApiError::fault)?;
    let summary = app
        .catalog
        .image_report(&digest)
        .await?
        .map(|report| report.summary);
    let route = web::routes::Route::ImageByTag(repository.name.clone(), tag.clone());
    Ok(Json(TagView {
        repository: repository.name,
        tag,
        digest,
        page: format!("{}{route}", app.base_url()),
        grade: summary.as_ref().and_then(|summary| summary.grade),
        packages: summary.as_ref().map(|summary| summary.packages),
        counts: summary.as_ref().map(|summary| summary.counts),
        fixable: summary.as_ref().map(|summary| summary.fixable),
        sentence: gate::explain(&judged.verdict),
        verdict: judged.verdict,
    }))
}

/// Returns an image's whole report: what `tidegate scan -o json` prints for it.
#[utoipa::path(
    get, path = "/repositories/{name}/manifests/{digest}/report", tag = "repositories", operation_id = "report",
    params(
        ("name" = String, Path, description = "The repository"),
        ("digest" = String, Path, description = "The image's manifest"),
    ),
    responses((status = 200, body = serde_json::Value), Refusals),
)]
async fn report(
    State(app): State<Shared>,
    caller: Caller,
    Segments((name, digest)): Segments<(RepositoryName, Digest)>,
) -> Result<Json<serde_json::Value>, Problem> {
    let repository = readable(&app, &caller.principal, &name).await?;
    app.catalog
        .manifest(repository.id, &digest)
        .await?
        .ok_or_else(Problem::not_found)?;
    let (Some(row), Some(stored)) = (
        app.catalog.image_report(&digest).await?,
        app.catalog.inventory(&digest).await?,
    ) else {
        return Err(Problem::not_found());
    };
    let inventory: Inventory = serde_json::from_slice(&stored.body).map_err(ApiError::fault)?;
    let matches: Option<MatchReport> =
        serde_json::from_slice(&row.body).map_err(ApiError::fault)?;
    let subject = Subject {
        name: repository.name.to_string(),
        digest: Some(digest),
    };
    let report = ImageReport {
        schema_version: 1,
        subject,
        inventory,
        matches,
    };
    Ok(Json(evidence::format::json(&report)))
}
