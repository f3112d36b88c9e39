//! The audit trail: looked at page by page, or taken away whole.
//!
//! A superuser sees everything, the owner of a namespace what happened in it, an administrator of a repository what
//! happened there. An export is a stream of lines in the order of pages, latest first, and is itself an entry.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use catalog::{AuditCursor, AuditFilter, AuditOutcome};
use jiff::Timestamp;
use oci::RepositoryName;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problem::{Problem, Refusals};
use super::{Caller, Credentialed, Parameters};
use crate::app::{App, Shared};
use crate::audit::{AuditFormat, AuditItem, export, is_answerable, may_see};

const PAGE: u32 = 100;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Who acted.
    actor: Option<String>,
    /// What was done: `tag.move`, `login.failure`, …
    action: Option<String>,
    /// In which repository.
    #[param(value_type = Option<String>)]
    repository: Option<RepositoryName>,
    /// In which namespace.
    namespace: Option<String>,
    /// On what: a tag, a digest, a name. Needs one of the fields above beside it.
    target: Option<String>,
    /// `success`, `failure` or `denied`.
    outcome: Option<String>,
    /// Not before this instant.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Before this instant.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// The previous answer's `next`. An export has none.
    cursor: Option<String>,
    /// `ndjson` (the default) or `csv`, for an export.
    format: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct AuditList {
    items: Vec<AuditItem>,
    /// The `cursor` of the next answer; `null` at the end.
    next: Option<String>,
}

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(export))
}

/// Lists the audit trail, latest first.
#[utoipa::path(
    get, path = "/audit", tag = "audit", operation_id = "audit",
    params(Which),
    responses((status = 200, body = AuditList), Refusals),
)]
async fn list(
    State(app): State<Shared>,
    caller: Caller,
    Parameters(which): Parameters<Which>,
) -> Result<Json<AuditList>, Problem> {
    if which.format.is_some() {
        return Err(Problem::invalid("`format` is for an export"));
    }
    let after = which.cursor.as_deref().map(cursor).transpose()?;
    let filter = filter(&app, &caller, which).await?;
    let mut rows = app.catalog.audit_page(&filter, after, PAGE + 1).await?;
    let has_more = rows.len() > PAGE as usize;
    rows.truncate(PAGE as usize);
    let next = rows
        .last()
        .filter(|_| has_more)
        .map(|row| format!("{}.{}", row.at.as_microsecond(), row.id));
    let items = rows.into_iter().map(AuditItem::from).collect();
    Ok(Json(AuditList { items, next }))
}

/// Streams the audit trail, latest first, as lines of JSON or as CSV.
#[utoipa::path(
    get, path = "/audit/export", tag = "audit", operation_id = "exportAudit",
    params(Which),
    responses((status = 200, description = "The entries", body = String, content_type = "application/x-ndjson"), Refusals),
)]
async fn export(
    State(app): State<Shared>,
    caller: Credentialed,
    Parameters(which): Parameters<Which>,
) -> Result<Response, Problem> {
    if which.cursor.is_some() {
        return Err(Problem::invalid("an export has no `cursor`"));
    }
    let format = match which.format.as_deref() {
        None | Some("ndjson") => AuditFormat::Ndjson,
        Some("csv") => AuditFormat::Csv,
        Some(_) => return Err(Problem::invalid("`format` is `ndjson` or `csv`")),
    };
    let filter = filter(&app, &caller, which).await?;
    let actor = caller.actor();
    Ok(export::answer(&app, filter, format, &actor).await?)
}

/// Reads the conditions, and refuses what the caller may not see.
async fn filter(app: &App, caller: &Caller, which: Which) -> Result<AuditFilter, Problem> {
    let outcome = which.outcome.as_deref().map(|word| {
        AuditOutcome::parse(word)
            .ok_or_else(|| Problem::invalid("`outcome` is `success`, `failure` or `denied`"))
    });
    let filter = AuditFilter {
        actor: which.actor,
        action: which.action,
        repository: which.repository.map(|name| name.to_string()),
        namespace: which.namespace,
        target: which.target,
        outcome: outcome.transpose()?,
        from: which.from,
        to: which.to,
    };
    let texts = [
        &filter.actor,
        &filter.action,
        &filter.namespace,
        &filter.target,
    ];
    if texts.into_iter().flatten().any(|text| text.contains('\0')) {
        return Err(Problem::invalid("a text holds no NUL"));
    }
    if !is_answerable(&filter) {
        return Err(Problem::invalid(
            "`target` needs `actor`, `action`, `repository` or `namespace` beside it",
        ));
    }
    if may_see(&app.catalog, &caller.principal, &filter).await? {
        return Ok(filter);
    }
    Err(Problem::forbidden(
        "the trail is shown to superusers, that of a `namespace` to its owners, that of a `repository` to its administrators",
    ))
}

fn cursor(text: &str) -> Result<AuditCursor, Problem> {
    let parts = text.split_once('.').and_then(|(at, id)| {
        let at = Timestamp::from_microsecond(at.parse().ok()?).ok()?;
        Some(AuditCursor {
            at,
            id: id.parse().ok()?,
        })
    });
    parts.ok_or_else(|| Problem::invalid("`cursor` is the `next` of an earlier answer"))
}
