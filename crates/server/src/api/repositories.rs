//! Repositories, their tags, and the report and verdict of an image.

use axum::Json;
use axum::extract::{Query, Request, State};
use axum::http::HeaderMap;
use catalog::{Principal, Repository};
use evidence::{ImageReport, Inventory, MatchReport, Subject};
use oci::{Digest, RepositoryName, Tag};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::caller;
use super::problem::Problem;
use crate::app::{App, Shared};
use crate::doors;
use crate::error::ApiError;
use crate::request::Origin;

/// Rows of one answer.
const MAX_ROWS: u32 = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    #[serde(default)]
    q: String,
    cursor: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RepositoryItem {
    name: RepositoryName,
    tags: u64,
    last_push: Option<jiff::Timestamp>,
    worst_grade: Option<evidence::Grade>,
    verdicts: Value,
}

/// `GET /api/v1/repositories?q=`
pub(crate) async fn list(
    State(app): State<Shared>,
    origin: Origin,
    headers: HeaderMap,
    Query(query): Query<ListQuery>,
) -> Result<Json<Value>, Problem> {
    let principal = caller(&app, &headers, &origin).await?;
    let after = query
        .cursor
        .as_deref()
        .map(str::parse::<RepositoryName>)
        .transpose();
    let after = after.map_err(|error| Problem::invalid(format!("`cursor`: {error}")))?;
    let now = app.clock.now();
    let mut rows = app
        .catalog
        .list_repositories(
            &principal,
            &query.q.replace('\0', ""),
            after.as_ref(),
            MAX_ROWS + 1,
            now,
        )
        .await?;
    let has_more = rows.len() > MAX_ROWS as usize;
    rows.truncate(MAX_ROWS as usize);
    let next = rows
        .last()
        .filter(|_| has_more)
        .map(|row| row.repository.name.clone());
    let items: Vec<_> = rows
        .into_iter()
        .map(|row| RepositoryItem {
            name: row.repository.name,
            tags: row.tag_count,
            last_push: row.last_push,
            worst_grade: row.worst_grade,
            verdicts: serde_json::json!({
                "allow": row.verdicts.allow,
                "warn": row.verdicts.warn,
                "deny": row.verdicts.deny,
                "pending": row.verdicts.pending,
            }),
        })
        .collect();
    Ok(Json(serde_json::json!({ "items": items, "next": next })))
}

/// Everything below one repository: `{name}/-/tags`, `{name}/-/tags/{tag}`, `{name}/-/manifests/{digest}/report`.
pub(crate) async fn dispatch(
    State(app): State<Shared>,
    origin: Origin,
    request: Request,
) -> Result<Json<Value>, Problem> {
    let principal = caller(&app, request.headers(), &origin).await?;
    let rest = request
        .uri()
        .path()
        .strip_prefix("/api/v1/repositories/")
        .unwrap_or_default();
    let (name, view) = rest.split_once("/-/").ok_or_else(Problem::not_found)?;
    let repository = readable(&app, &principal, name).await?;
    let parts: Vec<&str> = view.split('/').collect();
    match parts.as_slice() {
        ["tags"] => tags(&app, &repository).await,
        ["tags", tag] => image(&app, &repository, tag).await,
        ["manifests", digest, "report"] => report(&app, &repository, digest).await,
        _ => Err(Problem::not_found()),
    }
}

async fn readable(app: &App, principal: &Principal, name: &str) -> Result<Repository, Problem> {
    let name: RepositoryName = name.parse().map_err(|_| Problem::not_found())?;
    let repository = app
        .catalog
        .repository(&name)
        .await?
        .ok_or_else(Problem::not_found)?;
    app.catalog
        .role_of(repository.id, principal)
        .await?
        .ok_or_else(Problem::not_found)?;
    Ok(repository)
}

async fn tags(app: &App, repository: &Repository) -> Result<Json<Value>, Problem> {
    let rows = app
        .catalog
        .tag_rows(repository.id, "", None, MAX_ROWS, app.clock.now())
        .await?;
    let items: Vec<_> = rows
        .into_iter()
        .map(|row| {
            serde_json::json!({
                "tag": row.tag,
                "digest": row.digest,
                "mediaType": row.media_type,
                "sizeBytes": row.size_bytes,
                "pushedAt": row.pushed_at,
                "pushedBy": row.pushed_by,
                "grade": row.grade,
                "counts": row.counts,
                "fixable": row.fixable,
                "verdict": row.verdict,
                "decision": row.decision,
                "platforms": row.platforms,
            })
        })
        .collect();
    Ok(Json(serde_json::json!({ "items": items })))
}

/// One tag with its verdict in full.
async fn image(app: &App, repository: &Repository, tag: &str) -> Result<Json<Value>, Problem> {
    let tag: Tag = tag.parse().map_err(|_| Problem::not_found())?;
    let digest = app
        .catalog
        .resolve_tag(repository.id, &tag, app.clock.now())
        .await?;
    let digest = digest.ok_or_else(Problem::not_found)?;
    let judged = doors::judge(app, repository, &digest, Some(&tag))
        .await
        .map_err(ApiError::fault)?;
    let summary = app
        .catalog
        .image_report(&digest)
        .await?
        .map(|report| report.summary);
    let base = app.base_url();
    Ok(Json(serde_json::json!({
        "repository": repository.name,
        "tag": tag,
        "digest": digest,
        "page": format!("{base}{}", web::routes::Route::ImageByTag(repository.name.clone(), tag.clone())),
        "grade": summary.as_ref().and_then(|summary| summary.grade),
        "packages": summary.as_ref().map(|summary| summary.packages),
        "counts": summary.as_ref().map(|summary| summary.counts),
        "fixable": summary.as_ref().map(|summary| summary.fixable),
        "sentence": gate::explain(&judged.verdict),
        "verdict": judged.verdict,
    })))
}

/// The whole report: what `tidegate scan -o json` prints for the same image.
async fn report(app: &App, repository: &Repository, digest: &str) -> Result<Json<Value>, Problem> {
    let digest: Digest = digest.parse().map_err(|_| Problem::not_found())?;
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
