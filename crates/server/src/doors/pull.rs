//! The pull door.
//!
//! The order is fixed: who may not read never gets here; who may read gets the verdict before any byte. Signatures,
//! SBOMs and other artifacts pass, because refusing them would keep people from fixing what is refused.
//!
//! # Source
//! The project's gate specification, section 6.

use std::time::{Duration, Instant};

use axum::http::{HeaderValue, header};
use catalog::{AuditAction, AuditEntry, Repository, StoredManifest};
use oci::{Digest, Tag, media_type};
use uuid::Uuid;

use super::{Judged, is_pending, judge};
use crate::app::App;
use crate::auth::Access;
use crate::error::ApiError;
use crate::registry::Call;

/// How long a pull waits for a verdict that is on its way.
const HOLD: Duration = Duration::from_secs(10);
const HOLD_STEP: Duration = Duration::from_millis(50);
/// What a client is told to wait when the verdict is still on its way, in seconds.
const RETRY_AFTER_SECS: u64 = 5;
/// Manifests that are tried before a blob is refused.
const MAX_HOLDERS: u32 = 50;

/// The door's answer.
pub(crate) enum PullAnswer {
    /// Through.
    Allow,
    /// Through, with words.
    Warn(String),
    /// Refused, with the whole answer.
    Refuse(ApiError),
}

/// Asks for a manifest.
pub(crate) async fn ask(
    call: &Call,
    access: &Access,
    manifest: &StoredManifest,
    tag: Option<&Tag>,
) -> Result<PullAnswer, ApiError> {
    let app = call.app();
    if is_exempt(manifest) {
        return Ok(PullAnswer::Allow);
    }
    let judged = settled(app, &access.repository, &manifest.digest, tag).await?;
    app.metrics.count_verdict(judged.verdict.verdict.as_str());
    if !judged.refuses_pull {
        return Ok(judged
            .sentence()
            .map_or(PullAnswer::Allow, PullAnswer::Warn));
    }
    let target = tag.map_or_else(|| manifest.digest.to_string(), ToString::to_string);
    let entry = AuditEntry {
        action: AuditAction::PullDenied,
        repository: Some(access.repository.name.as_str()),
        target: Some(&target),
        detail: judged.verdict.id.as_deref(),
    };
    app.catalog
        .audit(&entry, &access.caller.actor(call.origin()), app.clock.now())
        .await?;
    Ok(PullAnswer::Refuse(refusal(&judged)))
}

/// Asks for a blob: it is open while one manifest that holds it is.
///
/// A blob that no manifest holds yet belongs to a push under way and is open to whoever may read the repository.
pub(crate) async fn ask_for_blob(
    call: &Call,
    access: &Access,
    digest: &Digest,
) -> Result<(), ApiError> {
    let app = call.app();
    let repository = &access.repository;
    let holders = app
        .catalog
        .manifests_of_blob(repository.id, digest, MAX_HOLDERS)
        .await?;
    let mut refused = None;
    for holder in holders {
        let Some(manifest) = app.catalog.manifest(repository.id, &holder).await? else {
            continue;
        };
        if is_exempt(&manifest) {
            return Ok(());
        }
        let judged = judge(app, repository, &holder, None)
            .await
            .map_err(ApiError::fault)?;
        if !judged.refuses_pull {
            return Ok(());
        }
        refused = Some(judged);
    }
    refused.map_or(Ok(()), |judged| Err(refusal(&judged)))
}

/// Referrers and artifacts are never refused.
fn is_exempt(manifest: &StoredManifest) -> bool {
    if media_type::is_index(&manifest.media_type) {
        return false;
    }
    let view = oci::Manifest::parse(&manifest.bytes, &manifest.media_type);
    view.is_ok_and(|view| !view.is_image())
}

/// Waits a little for evidence that is on its way, then answers with what there is.
async fn settled(
    app: &App,
    repository: &Repository,
    digest: &Digest,
    tag: Option<&Tag>,
) -> Result<Judged, ApiError> {
    let started = Instant::now();
    loop {
        let judged = judge(app, repository, digest, tag)
            .await
            .map_err(ApiError::fault)?;
        if !is_pending(&judged.verdict)
            || !judged.refuses_pull
            || started.elapsed() > HOLD
            || app.stop.is_cancelled()
        {
            return Ok(judged);
        }
        tokio::time::sleep(HOLD_STEP).await;
    }
}

fn refusal(judged: &Judged) -> ApiError {
    let verdict = &judged.verdict;
    let rules: Vec<_> = verdict
        .rules
        .iter()
        .filter(|rule| !rule.effect.lets_through())
        .map(|rule| {
            serde_json::json!({
                "rule": rule.id,
                "observed": rule.observed,
                "required": rule.required,
                "remediation": rule.remediation,
            })
        })
        .collect();
    let id = verdict
        .id
        .as_deref()
        .and_then(|id| Uuid::try_parse(id).ok());
    let detail = serde_json::json!({
        "verdict": verdict.verdict.as_str(),
        "decision": id,
        "url": verdict.url,
        "rules": rules,
    });
    let error = ApiError::denied(gate::explain(verdict)).with_detail(detail);
    if is_pending(verdict) {
        error.with_header(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECS))
    } else {
        error
    }
}
