//! `/api/v1`: the same facts as the pages, as JSON.
//!
//! Callers authenticate with Basic credentials or a page's session. Errors are RFC 9457 problem documents; what the
//! caller may not know does not exist. Field names are camelCase, times RFC 3339.
//!
//! Adding a resource: a file with its handlers, its routes in `router`.

pub(crate) mod advisories;
pub(crate) mod decisions;
pub(crate) mod jobs;
pub(crate) mod policies;
mod problem;
pub(crate) mod repositories;
pub(crate) mod robots;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use catalog::Principal;

use crate::app::App;
use crate::auth::{identify, session};
use crate::request::Origin;
use problem::Problem;

/// Returns who calls: the credential's principal, else the session's.
async fn caller(app: &App, headers: &HeaderMap, origin: &Origin) -> Result<Principal, Problem> {
    if let Some(principal) = credential(app, headers, origin).await? {
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
    let principal = credential(app, headers, origin)
        .await?
        .ok_or_else(Problem::unauthorized)?;
    if principal.superuser {
        Ok(principal)
    } else {
        Err(Problem::forbidden("only an administrator may do this"))
    }
}

/// Returns the principal of the request's Basic credential. A registry token is refused: it was made for the scopes it
/// names, and none of them is here.
async fn credential(
    app: &App,
    headers: &HeaderMap,
    origin: &Origin,
) -> Result<Option<Principal>, Problem> {
    let caller = identify(app, headers, origin).await?;
    if !caller.is_whole() {
        return Err(Problem::unauthorized());
    }
    Ok(caller.principal)
}

/// Answers here are for one caller at one moment, and one of them shows a secret.
pub(crate) async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}
