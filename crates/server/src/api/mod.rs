//! `/api/v1`: the same facts as the pages, as JSON.
//!
//! Callers authenticate with Basic credentials or a page's session. Errors are RFC 9457 problem documents; what the
//! caller may not know does not exist. Field names are camelCase, times RFC 3339.
//!
//! Adding a resource: a file with its handlers, its routes in `router`.

pub(crate) mod advisories;
pub(crate) mod decisions;
pub(crate) mod policies;
mod problem;
pub(crate) mod repositories;
pub(crate) mod robots;

use axum::http::HeaderMap;
use catalog::Principal;

use crate::app::App;
use crate::auth::{identify, session};
use crate::request::Origin;
use problem::Problem;

/// Returns who calls: the credential's principal, else the session's.
async fn caller(app: &App, headers: &HeaderMap, origin: &Origin) -> Result<Principal, Problem> {
    if let Some(principal) = identify(app, headers, origin).await?.principal {
        return Ok(principal);
    }
    let session = session::of_request(app, headers).await?;
    session
        .map(|session| session.account.principal())
        .ok_or_else(Problem::unauthorized)
}

/// Requires a superuser's credential. A session does not count: a foreign page could make a browser send it.
async fn administrator(
    app: &App,
    headers: &HeaderMap,
    origin: &Origin,
) -> Result<Principal, Problem> {
    let principal = identify(app, headers, origin)
        .await?
        .principal
        .ok_or_else(Problem::unauthorized)?;
    if principal.superuser {
        Ok(principal)
    } else {
        Err(Problem::forbidden("only an administrator may do this"))
    }
}
