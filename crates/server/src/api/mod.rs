//! `/api/v1`: the same facts as the pages, as JSON.
//!
//! Callers authenticate with Basic credentials or a page's session. Errors are RFC 9457 problem documents; what the
//! caller may not know does not exist. Field names are camelCase, times RFC 3339, and unknown fields are refused.
//!
//! # Adding a route
//!
//! 1. Write the handler in the file of its resource, under `#[utoipa::path(...)]`. The macro says method and `path`,
//!    relative to `/api/v1`; the first line of the handler's comment is the summary. `tag` is the file's word,
//!    `responses(...)` names the success and ends with [`problem::Refusals`].
//! 2. Take arguments in this order, because a caller who is nobody must learn nothing from how the rest is refused:
//!    `State(app): State<Shared>`, then [`Caller`] (who reads), [`Credentialed`] (who changes) or [`Administrator`], then [`Segments`] (the path), then
//!    [`Parameters`] (the query, `#[derive(Deserialize, IntoParams)]`), last [`Body`] (`#[derive(Deserialize, ToSchema)]`).
//!    All of them answer with a problem.
//! 3. Answer with a struct that derives `Serialize` and `ToSchema`. A type of another crate gets
//!    `#[schema(value_type = String)]`.
//! 4. Name the handler in its file's `routes()`: one `routes!(…)` for each path, with all its methods. A new file's
//!    `routes()` is merged in [`resources`].
//! 5. `UPDATE=1 cargo test -p tidegate-server openapi` writes the description again. Give the route its line in the
//!    tests' access matrix.
//!
//! There is no other way in: a test refuses a route that is not in the description.
//!
//! # Names with slashes
//!
//! A repository's name is one `{name}` in a path, like any other parameter: `/repositories/{name}/tags`. On the wire
//! it is one segment, its slashes written as `%2F`, or it is written plainly and ended by `/-/`; [`address`] turns
//! the second spelling into the first before a request is routed. Handlers see the decoded name.

pub(crate) mod address;
mod advisories;
mod audit;
mod caller;
mod decisions;
mod extract;
pub(crate) mod gc;
pub(crate) mod governed;
pub(crate) mod identities;
pub(crate) mod jobs;
pub(crate) mod me;
pub(crate) mod mirrors;
pub(crate) mod names;
pub(crate) mod namespaces;
pub(crate) mod organizations;
pub(crate) mod people;
pub(crate) mod permissions;
mod policies;
pub(crate) mod problem;
mod removal;
pub(crate) mod repositories;
pub(crate) mod repository;
pub(crate) mod robots;
pub(crate) mod rules;
pub(crate) mod schedules;
pub(crate) mod sparse;
mod specification;
mod store;
pub(crate) mod tag_life;
pub(crate) mod teams;
pub(crate) mod tokens;
pub(crate) mod upstreams;
pub(crate) mod users;
pub(crate) mod webhooks;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;

use crate::app::Shared;
pub(crate) use caller::{Administrator, Caller, Credentialed};
pub(crate) use extract::{Body, Parameters, Segments};
use problem::Problem;

pub use specification::openapi;

/// Returns the routes under `/api/v1`.
pub(crate) fn router() -> Router<Shared> {
    let (routes, _) = specification::described(resources()).split_for_parts();
    routes
        .route("/api/v1/{*rest}", axum::routing::any(unknown))
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn(headers))
}

/// Every resource; one line for each file.
fn resources() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .merge(advisories::routes())
        .merge(audit::routes())
        .merge(decisions::routes())
        .merge(gc::routes())
        .merge(identities::routes())
        .merge(jobs::routes())
        .merge(me::routes())
        .merge(mirrors::routes())
        .merge(namespaces::routes())
        .merge(organizations::routes())
        .merge(permissions::routes())
        .merge(policies::routes())
        .merge(removal::routes())
        .merge(repositories::routes())
        .merge(repository::routes())
        .merge(robots::routes())
        .merge(rules::routes())
        .merge(schedules::routes())
        .merge(sparse::routes())
        .merge(specification::routes())
        .merge(store::routes())
        .merge(tag_life::routes())
        .merge(teams::routes())
        .merge(tokens::routes())
        .merge(upstreams::routes())
        .merge(users::routes())
        .merge(webhooks::routes())
}

async fn unknown() -> Problem {
    Problem::not_found()
}

async fn wrong_method() -> Response {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method",
        "this address has other methods, see /api/v1/openapi.json",
    )
    .into_response()
}

/// Answers here are for one caller at one moment, and one of them shows a secret.
async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}
