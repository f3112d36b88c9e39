//! The surfaces of the server, in one list. The routes of `/api/v1` are named where their handlers are.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{any, get};

use crate::app::Shared;
use crate::auth::token_endpoint;
use crate::registry::overload::{self, Places};
use crate::{api, operations, pages, registry, request};

/// Small bodies only: forms and policies. Blob and manifest bodies stream with limits of their own.
const FORM_LIMIT: usize = 512 << 10;

pub(crate) fn router(app: &Shared) -> Router {
    let registry = Router::new()
        .route("/v2/", get(registry::ping))
        .route("/v2", get(registry::ping))
        .route("/v2/{*rest}", any(registry::dispatch))
        .route(
            "/extensions/v2/{*rest}",
            any(registry::extensions::dispatch),
        )
        .route("/lookaside/{*rest}", get(registry::extensions::lookaside))
        .layer(DefaultBodyLimit::disable());

    let tokens = Router::new().route(
        "/token",
        get(token_endpoint::get).post(token_endpoint::post),
    );

    let api = api::router();

    let pages = Router::new()
        .fallback(pages::dispatch)
        .layer(from_fn(page_headers));

    let places = Places::new(app.settings.registry.max_requests);
    let mut router = registry
        .merge(tokens)
        .layer(from_fn_with_state(places, overload::admit))
        .merge(api)
        .merge(pages)
        .layer(DefaultBodyLimit::max(FORM_LIMIT));
    if app.settings.metrics_listen.is_none() {
        router = router.merge(operations());
    }
    router
        .layer(from_fn_with_state(app.clone(), request::observe))
        .with_state(app.clone())
}

/// Health and metrics alone, for the separate listener.
pub(crate) fn operations_router(app: &Shared) -> Router {
    operations().with_state(app.clone())
}

fn operations() -> Router<Shared> {
    Router::new()
        .route("/healthz", get(operations::health))
        .route("/readyz", get(operations::ready))
        .route("/metrics", get(operations::metrics))
}

/// Pages load nothing from elsewhere, run no inline code and sit in nobody's frame.
async fn page_headers(request: axum::extract::Request, next: axum::middleware::Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(web::CONTENT_SECURITY_POLICY),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    );
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("private, no-cache"));
    response
}
