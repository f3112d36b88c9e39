//! What every request carries: an id, where it came from, and how it is logged and counted.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Instant;

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tracing::Instrument as _;
use uuid::Uuid;

use crate::app::Shared;
use crate::error::ApiError;
use crate::metrics::Surface;
use crate::{networks, panics};

/// The header that carries the request's id back.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Where a request came from, for logs and the audit trail.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    /// The peer's address.
    pub(crate) ip: Option<String>,
    /// The id in the logs.
    pub(crate) request_id: Option<String>,
    /// What the client calls itself, cut at 200 characters.
    pub(crate) user_agent: Option<String>,
}

impl Origin {
    /// Returns the origin as the actor of an audit row.
    pub(crate) fn actor(&self, name: &str) -> catalog::Actor {
        catalog::Actor {
            name: name.to_owned(),
            ip: self.ip.clone(),
            request_id: self.request_id.clone(),
            user_agent: self.user_agent.clone(),
            acting_as: None,
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// Gives the request its id, logs and counts it, and returns the id to the client.
pub(crate) async fn observe(
    State(app): State<Shared>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let id = Uuid::new_v4().simple().to_string();
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|peer| peer.0.ip());
    let ip = peer
        .map(|peer| networks::vouch(request.headers_mut(), peer, &app.settings.trusted_proxies))
        .map(|client| client.to_string());
    let user_agent = user_agent(&request);
    request.extensions_mut().insert(Origin {
        ip: ip.clone(),
        request_id: Some(id.clone()),
        user_agent,
    });
    name_host(&mut request);
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let span = tracing::info_span!("request", %id, ip);
    let mut response = without_panic(next.run(request))
        .instrument(span.clone())
        .await;
    let took = started.elapsed();
    let status = response.status().as_u16();
    span.in_scope(|| {
        tracing::info!(method = %method, path = %path, status, took_ms = took.as_secs_f64() * 1e3, "request");
    });
    let surface = Surface::of(&path);
    app.metrics.requests.count(surface, status, took);
    if let Ok(value) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// HTTP/2 says the host in another place than HTTP/1; behind the door there is one.
fn name_host(request: &mut Request) {
    if request.headers().contains_key(header::HOST) {
        return;
    }
    let authority = request.uri().authority().map(ToString::to_string);
    if let Some(host) = authority.and_then(|authority| HeaderValue::try_from(authority).ok()) {
        request.headers_mut().insert(header::HOST, host);
    }
}

/// Makes a panic a fault of ours like any other: an answer with an incident id, and the connection lives on.
async fn without_panic(handler: impl Future<Output = Response>) -> Response {
    let response = panics::contained(handler).await;
    response.unwrap_or_else(|panicked| ApiError::panicked(&panicked).into_response())
}

/// Returns what the client calls itself. A header cannot hold a line break; what else is no letter is not kept.
fn user_agent(request: &Request) -> Option<String> {
    let text = request.headers().get(header::USER_AGENT)?.to_str().ok()?;
    Some(
        text.replace(char::is_control, " ")
            .chars()
            .take(200)
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_answer_that_tells_nothing() {
        let response = without_panic(async { panic!("the secret is 42") }).await;
        assert_eq!(response.status(), 500);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&body);
        assert!(text.contains("internal error, incident "), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}
