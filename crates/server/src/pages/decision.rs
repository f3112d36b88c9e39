//! One decision, permanently addressed: what was judged, by what, and why.

use axum::response::Response;
use catalog::Principal;
use jiff::Timestamp;
use uuid::Uuid;
use web::{DecisionPage, ErrorKind};

use super::{PageError, Visit, html};
use crate::doors;
use crate::error::ApiError;

pub(super) async fn page(
    visit: &Visit,
    principal: &Principal,
    id: &str,
) -> Result<Response, PageError> {
    let missing = || PageError::Shown(ErrorKind::NotFound);
    let id = Uuid::try_parse(id).map_err(|_| missing())?;
    let app = &visit.app;
    let decision = app.catalog.decision(id).await?.ok_or_else(missing)?;
    // Unknown and forbidden look alike.
    app.catalog
        .role_of(decision.repository, principal)
        .await?
        .ok_or_else(missing)?;
    let verdict = doors::stored_verdict(&decision.document).map_err(ApiError::fault)?;
    let page = DecisionPage {
        frame: visit.frame(),
        id: id.to_string(),
        repository: decision.repository_name,
        advisories_built_at: advisories_built_at(visit, &verdict).await?,
        identity: None,
        client_text: gate::explain(&verdict),
        document: serde_json::to_string_pretty(&verdict).map_err(ApiError::fault)?,
        verdict,
    };
    html(web::render_decision(&page))
}

/// Returns when the advisories behind a verdict were built, if the image's report still names them.
async fn advisories_built_at(
    visit: &Visit,
    verdict: &gate::Verdict,
) -> Result<Option<Timestamp>, PageError> {
    let (Some(id), Some(digest)) = (&verdict.inputs.advisories, &verdict.subject.digest) else {
        return Ok(None);
    };
    let Some(report) = visit.app.catalog.image_report(digest).await? else {
        return Ok(None);
    };
    let matches: Option<evidence::MatchReport> =
        serde_json::from_slice(&report.body).map_err(ApiError::fault)?;
    Ok(matches
        .map(|matches| matches.snapshot)
        .filter(|snapshot| snapshot.id == *id)
        .map(|snapshot| snapshot.built_at))
}
