//! The pull door.
//!
//! The order is fixed: who may not read never gets here; who may read gets the verdict before any byte. Signatures,
//! SBOMs and other artifacts pass, because refusing them would keep people from fixing what is refused.
//!
//! # Source
//! The project's gate specification, section 6.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::{HeaderValue, header};
use catalog::{AuditAction, AuditEntry};
use oci::{Digest, Tag};
use uuid::Uuid;

use super::{Judged, Remembered, is_pending, judge_again};
use crate::analysis;
use crate::app::App;
use crate::auth::Access;
use crate::error::ApiError;
use crate::registry::Call;

/// How often a waiting pull looks again.
const HOLD_STEP: Duration = Duration::from_millis(50);
/// What a client is told to wait when the verdict is still on its way, in seconds.
const RETRY_AFTER_SECS: u64 = 5;
/// The digest of `{}`, the configuration of artifacts that have none.
const EMPTY_CONFIG: &str =
    "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
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

/// Asks for a manifest's bytes. A verdict that is on its way is waited for a little.
pub(crate) async fn ask(
    call: &Call,
    access: &Access,
    digest: &Digest,
    tag: Option<&Tag>,
) -> Result<PullAnswer, ApiError> {
    let app = call.app();
    let known = settled(app, access, digest, tag).await?;
    let judged = &known.judged;
    app.metrics.count_verdict(judged.verdict.verdict.as_str());
    if !judged.refuses_pull {
        let words = judged.sentence();
        return Ok(words.map_or(PullAnswer::Allow, PullAnswer::Warn));
    }
    let target = tag.map_or_else(|| digest.to_string(), ToString::to_string);
    let refusal = refuse(call, access, &target, judged).await?;
    Ok(PullAnswer::Refuse(refusal))
}

/// Returns what there is to say about a manifest to somebody who does not get its bytes.
pub(crate) async fn words_about(
    call: &Call,
    access: &Access,
    digest: &Digest,
    tag: Option<&Tag>,
) -> Result<Option<String>, ApiError> {
    let known = judged_now(call.app(), access, digest, tag).await?;
    Ok(known.judged.sentence())
}

/// Asks for a blob: it is open while one image that holds it is.
///
/// An artifact opens only what no image holds, or a signature could be made to open a refused image. A blob that no
/// manifest holds yet belongs to a push under way and is open to whoever may read the repository.
pub(crate) async fn ask_for_blob(
    call: &Call,
    access: &Access,
    digest: &Digest,
) -> Result<(), ApiError> {
    // Every artifact without a configuration holds this one.
    if digest.as_str() == EMPTY_CONFIG {
        return Ok(());
    }
    let app = call.app();
    let repository = &access.repository;
    let key = (repository.id, digest.clone());
    let now = app.clock.now();
    let holders = if let Some(holders) = app.recent.holders.get(&key, access.generation, now) {
        holders
    } else {
        let holders = app
            .catalog
            .manifests_of_blob(repository.id, digest, MAX_HOLDERS)
            .await?;
        let holders: Arc<[Digest]> = holders.into();
        app.recent
            .holders
            .keep(key, access.generation, now, Arc::clone(&holders));
        holders
    };
    let mut refused = None;
    for holder in holders.iter() {
        let known = judged_now(app, access, holder, None).await?;
        if known.judged.refuses_pull {
            refused.get_or_insert(known);
        } else if !known.judged.is_artifact {
            return Ok(());
        }
    }
    match refused {
        None => Ok(()),
        Some(known) => Err(refuse(call, access, digest.as_str(), &known.judged).await?),
    }
}

async fn judged_now(
    app: &App,
    access: &Access,
    digest: &Digest,
    tag: Option<&Tag>,
) -> Result<Arc<Remembered>, ApiError> {
    judge_again(app, &access.repository, access.generation, digest, tag)
        .await
        .map_err(ApiError::fault)
}

/// Writes the refusal into the audit trail and makes the answer of it.
async fn refuse(
    call: &Call,
    access: &Access,
    target: &str,
    judged: &Judged,
) -> Result<ApiError, ApiError> {
    let app = call.app();
    let entry = AuditEntry {
        action: AuditAction::PullDenied,
        repository: Some(access.repository.name.as_str()),
        target: Some(target),
        detail: judged.verdict.id.as_deref(),
    };
    let (actor, now) = (access.caller.actor(call.origin()), app.clock.now());
    // A client that asks again and again is one entry an hour, with a count.
    let fold_key = format!(
        "pull|{}|{target}|{}|{}|{}",
        access.repository.id.0,
        actor.name,
        actor.ip.as_deref().unwrap_or_default(),
        now.as_second() / 3_600,
    );
    app.catalog
        .audit_folded(&entry, &actor, &fold_key, now)
        .await?;
    Ok(refusal(judged))
}

/// Waits a little for evidence that is on its way, then answers with what there is.
async fn settled(
    app: &App,
    access: &Access,
    digest: &Digest,
    tag: Option<&Tag>,
) -> Result<Arc<Remembered>, ApiError> {
    let waits = |known: &Remembered| known.judged.refuses_pull && is_pending(&known.judged.verdict);
    let mut known = judged_now(app, access, digest, tag).await?;
    if !waits(&known) {
        return Ok(known);
    }
    // The push has queued the work; if that came to nothing, this is another chance.
    analysis::enqueue(app, access.repository.id, digest).await?;
    // Each waiting pull asks the database now and then: a crowd of them is told to come back instead.
    let Ok(_place) = app.analyses.holds.try_acquire() else {
        return Ok(known);
    };
    let started = Instant::now();
    while waits(&known) && started.elapsed() < known.judged.hold && !app.stop.is_cancelled() {
        tokio::time::sleep(HOLD_STEP).await;
        known = judged_now(app, access, digest, tag).await?;
    }
    Ok(known)
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
