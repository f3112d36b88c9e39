//! The `WWW-Authenticate` challenge that sends a client to the token endpoint.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use oci::{Action, RepositoryName};

use crate::app::App;
use crate::error::ApiError;
use crate::networks::{FORWARDED_HOST, FORWARDED_PROTO};

/// Builds a 401 with a challenge for the right that was missing.
///
/// The realm lies on the host the client used: some clients refuse a realm on another address.
pub(crate) fn unauthorized(
    app: &App,
    headers: &HeaderMap,
    scope: Option<(&RepositoryName, Action)>,
    error: Option<&'static str>,
) -> ApiError {
    let scope = scope.map(|(name, action)| {
        let actions = match action {
            Action::Pull => "pull",
            Action::Push => "pull,push",
            Action::Delete => "delete",
        };
        format!("repository:{name}:{actions}")
    });
    for_scope(app, headers, scope.as_deref(), error)
}

/// Builds a 401 with a challenge for a scope in its written form.
pub(crate) fn for_scope(
    app: &App,
    headers: &HeaderMap,
    scope: Option<&str>,
    error: Option<&'static str>,
) -> ApiError {
    let parameter = |name: &str, value: Option<&str>| {
        value.map_or_else(String::new, |value| format!(",{name}=\"{value}\""))
    };
    let base = base_url(app, headers);
    let service = base.split_once("://").map_or("", |(_, host)| host);
    let challenge = format!(
        "Bearer realm=\"{base}/token\",service=\"{service}\"{}{}",
        parameter("scope", scope),
        parameter("error", error)
    );
    let message = match error {
        Some("insufficient_scope") => {
            "the token does not cover this, ask the token endpoint for the scope named here"
        }
        Some(_) => "the credential is not valid here or has expired",
        None => "sign in first",
    };
    let challenge = HeaderValue::try_from(challenge).unwrap_or(HeaderValue::from_static("Bearer"));
    ApiError::unauthorized(message, challenge)
}

/// Returns the address that clients use: the configured one, else what the request says of itself.
///
/// The forwarded headers are still there only if a listed proxy sent them ([`crate::networks::vouch`]).
pub(crate) fn base_url(app: &App, headers: &HeaderMap) -> String {
    if let Some(url) = &app.settings.external_url {
        return url.trim_end_matches('/').to_owned();
    }
    let is_https =
        text(headers, &FORWARDED_PROTO).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"));
    let scheme = if is_https { "https" } else { "http" };
    format!("{scheme}://{}", host(app, headers))
}

/// Returns the host and port that the client used.
pub(crate) fn host(app: &App, headers: &HeaderMap) -> String {
    [&FORWARDED_HOST, &header::HOST]
        .into_iter()
        .filter_map(|name| text(headers, name))
        .find(|host| is_plain_host(host))
        .map_or_else(|| app.settings.listen.to_string(), str::to_owned)
}

/// Returns the first value of a header that may be a list.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let value = headers.get(name)?.to_str().ok()?;
    value.split(',').next().map(str::trim)
}

/// The header is quoted back to the client, so only what a host and port can contain is let through.
fn is_plain_host(host: &str) -> bool {
    !host.is_empty()
        && host.len() <= 255
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'))
}
