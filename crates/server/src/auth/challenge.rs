//! The `WWW-Authenticate` challenge that sends a client to the token endpoint.

use axum::http::{HeaderMap, HeaderValue, header};
use oci::{Action, RepositoryName};

use crate::app::App;
use crate::error::ApiError;

/// The name this service goes by in challenges and tokens.
pub(crate) const SERVICE: &str = "tidegate";

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
    let challenge = format!(
        "Bearer realm=\"{}/token\",service=\"{SERVICE}\"{}{}",
        base_url(app, headers),
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

/// Returns the address that clients use: the configured one, else `http://` and the request's `Host`.
pub(crate) fn base_url(app: &App, headers: &HeaderMap) -> String {
    if let Some(url) = &app.settings.external_url {
        return url.trim_end_matches('/').to_owned();
    }
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .filter(|host| is_plain_host(host))
        .map_or_else(|| app.settings.listen.to_string(), str::to_owned);
    format!("http://{host}")
}

/// The header is quoted back to the client, so only what a host and port can contain is let through.
fn is_plain_host(host: &str) -> bool {
    !host.is_empty()
        && host.len() <= 255
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'))
}
