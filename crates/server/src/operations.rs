//! `/healthz`, `/readyz`, `/metrics`: for the people and machines that run the server.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::app::Shared;
use crate::error::chain;

/// The process answers.
pub(crate) async fn health() -> &'static str {
    "ok\n"
}

/// The process can do its work: the database answers and no stop is under way.
pub(crate) async fn ready(State(app): State<Shared>) -> Response {
    if app.stop.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    match app.catalog.ping().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => {
            tracing::error!(cause = %chain(&error), "not ready");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "the database does not answer\n",
            )
                .into_response()
        }
    }
}

/// The metrics in the OpenMetrics text format.
pub(crate) async fn metrics(State(app): State<Shared>) -> Response {
    match app.metrics.encode() {
        Ok(text) => {
            let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, content_type)], text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
