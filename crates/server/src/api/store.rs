//! What recurring checks of the blob store found, as an administrator sees it.

use axum::Json;
use axum::extract::State;
use catalog::{StoreCheck, StoreFinding};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problem::{Problem, Refusals};
use super::{Administrator, Parameters};
use crate::app::Shared;

/// Findings in one answer.
const PAGE: u32 = 100;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Page {
    /// Findings after this digest.
    after: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct StoreStatus {
    /// The recurring checks that have begun at least once.
    checks: Vec<CheckItem>,
    /// Blobs whose objects are at fault, in order of their digests.
    findings: Vec<FindingItem>,
    /// Where the next page of findings begins.
    next: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CheckItem {
    /// `reconcile` compares objects with rows, `verify` reads every object and hashes it.
    name: &'static str,
    /// When its latest round began.
    started_at: Timestamp,
    /// When that round ended, unless it is under way.
    ended_at: Option<Timestamp>,
    /// Objects it looked at.
    objects: u64,
    /// Bytes it read.
    bytes: u64,
    /// Objects that no row names and that are left alone yet.
    unknown_objects: u64,
    /// Their size in bytes.
    unknown_bytes: u64,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct FindingItem {
    /// The blob that cannot be read until it is sent again.
    digest: String,
    /// `missing` or `damaged`.
    fault: &'static str,
    /// The object's key.
    object: String,
    /// What was seen.
    detail: String,
    found_at: Timestamp,
}

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(status))
}

/// Tells how far the recurring checks of the blob store are, and which blobs they found missing or damaged.
#[utoipa::path(
    get, path = "/store", tag = "gc", operation_id = "storeChecks",
    params(Page),
    responses((status = 200, body = StoreStatus), Refusals),
)]
async fn status(
    State(app): State<Shared>,
    _: Administrator,
    Parameters(page): Parameters<Page>,
) -> Result<Json<StoreStatus>, Problem> {
    let mut checks = Vec::new();
    for check in StoreCheck::ALL {
        if let Some(progress) = app.catalog.check_progress(check).await? {
            checks.push(CheckItem {
                name: check.as_str(),
                started_at: progress.started_at,
                ended_at: progress.ended_at,
                objects: progress.objects,
                bytes: progress.bytes,
                unknown_objects: progress.unknown_objects,
                unknown_bytes: progress.unknown_bytes,
            });
        }
    }
    let after = page.after.unwrap_or_default();
    let findings = app.catalog.store_findings(&after, PAGE).await?;
    let is_full = findings.len() == PAGE as usize;
    let last = findings.last().map(|finding| finding.digest.to_string());
    Ok(Json(StoreStatus {
        checks,
        findings: findings.into_iter().map(shown).collect(),
        next: last.filter(|_| is_full),
    }))
}

fn shown(finding: StoreFinding) -> FindingItem {
    FindingItem {
        digest: finding.digest.to_string(),
        fault: finding.fault.as_str(),
        object: finding.object_key,
        detail: finding.detail,
        found_at: finding.found_at,
    }
}
