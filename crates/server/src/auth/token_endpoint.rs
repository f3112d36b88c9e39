//! `GET /token` and `POST /token`: a credential becomes a short-lived, scoped token.
//!
//! The grant is the intersection of what is asked and what is allowed. A partial or empty grant is an answer, not an
//! error: clients often ask for more than they need. Who asks without a credential gets what public repositories give.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use catalog::{CredentialKind, NewCredential, Principal};
use jiff::SignedDuration;
use oci::{ErrorCode, RepositoryName, Scope};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use super::scopes::TokenScopes;
use super::secret::{SecretKind, fingerprint, generate, stored};
use super::{ANONYMOUS, Verified, challenge, identify, subject, throttle, token, verify_secret};
use crate::app::{App, Shared};
use crate::error::ApiError;
use crate::request::Origin;

/// Scopes one request may ask for.
const MAX_SCOPES: usize = 32;
/// How much of a client's name for itself is kept.
const MAX_CLIENT: usize = 64;
/// How long a refresh token is good for; each sign-in of a client makes a new one.
const REFRESH_LIFETIME: SignedDuration = SignedDuration::from_hours(24 * 30);

#[derive(Serialize)]
struct Answer {
    token: String,
    access_token: String,
    expires_in: i64,
    issued_at: String,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
}

/// `GET /token?service=…&scope=…` with Basic credentials or none.
pub(crate) async fn get(
    State(app): State<Shared>,
    RawQuery(query): RawQuery,
    origin: Origin,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let caller = identify(&app, &headers, &origin).await?;
    // A token that could be turned into another would never run out and never stay narrow.
    if !caller.is_whole() {
        return Err(challenge::unauthorized(
            &app,
            &headers,
            None,
            Some("invalid_token"),
        ));
    }
    let query = query.unwrap_or_default();
    let field =
        |name: &str| form_pairs(&query).find_map(|(key, value)| (key == name).then_some(value));
    let refresh = match caller.secret() {
        Some(verified) if field("offline_token").as_deref() == Some("true") => {
            let client = field("client_id").unwrap_or_default();
            refresh_token(&app, verified, &client, &origin).await?
        }
        _ => None,
    };
    answer(&app, caller.secret(), &requested_scopes(&query)?, refresh).await
}

/// `POST /token` in the shape of OAuth 2: `grant_type=password` and `grant_type=refresh_token`.
pub(crate) async fn post(
    State(app): State<Shared>,
    origin: Origin,
    headers: HeaderMap,
    body: String,
) -> Result<Response, ApiError> {
    let field =
        |name: &str| form_pairs(&body).find_map(|(key, value)| (key == name).then_some(value));
    let missing =
        |what: &str| ApiError::bad_request(ErrorCode::Unauthorized, format!("{what} is needed"));
    let refused = || challenge::unauthorized(&app, &headers, None, Some("invalid_token"));
    let (verified, refresh) = match field("grant_type").as_deref() {
        Some("password") => {
            let name = field("username").ok_or_else(|| missing("username"))?;
            let password = field("password").ok_or_else(|| missing("password"))?;
            if name.contains('\0') {
                return Err(refused());
            }
            let verified = verify_secret(&app, &name, &SecretString::from(password), &origin)
                .await?
                .ok_or_else(refused)?;
            let refresh = match field("access_type").as_deref() {
                Some("offline") => {
                    let client = field("client_id").unwrap_or_default();
                    refresh_token(&app, &verified, &client, &origin).await?
                }
                _ => None,
            };
            (verified, refresh)
        }
        Some("refresh_token") => {
            let token = field("refresh_token").ok_or_else(|| missing("refresh_token"))?;
            let token = SecretString::from(token);
            let verified = refreshed(&app, &token).await?;
            let Some(verified) = verified else {
                // Random and long: nobody guesses one, but whoever tries is slowed down like for a password.
                let attempt = throttle::begin(&app, ANONYMOUS, &origin).await?;
                attempt.refused(&app, &origin).await?;
                return Err(refused());
            };
            (verified, Some(token))
        }
        _ => {
            return Err(ApiError::unsupported(
                "only grant_type=password and grant_type=refresh_token are known here",
            ));
        }
    };
    answer(&app, Some(&verified), &requested_scopes(&body)?, refresh).await
}

/// Makes a refresh token. It can do what the credential it comes from can, and ends with it.
async fn refresh_token(
    app: &App,
    verified: &Verified,
    client: &str,
    origin: &Origin,
) -> Result<Option<SecretString>, ApiError> {
    let secret = generate(SecretKind::Refresh);
    let now = app.clock.now();
    let label: String = client
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_CLIENT)
        .collect();
    let new = NewCredential {
        secret: stored(&secret),
        kind: CredentialKind::Refresh,
        parent: verified.credential,
        label: &label,
        scopes: None,
        expires_at: Some(now + REFRESH_LIFETIME),
    };
    let actor = origin.actor(&verified.principal.name);
    let made = app
        .catalog
        .create_credential(&verified.principal, &new, &actor, now)
        .await?;
    Ok(made.map(|_| secret))
}

/// Returns whom a refresh token stands for, with what the credential behind it is narrowed to.
async fn refreshed(app: &App, token: &SecretString) -> Result<Option<Verified>, ApiError> {
    let now = app.clock.now();
    let fingerprint = fingerprint(token.expose_secret());
    let presented = app
        .catalog
        .credential_by_secret(&fingerprint, now)
        .await?
        .filter(|presented| presented.kind == CredentialKind::Refresh);
    let Some(presented) = presented else {
        return Ok(None);
    };
    app.uses.note(presented.id);
    Verified::of(presented)
}

async fn answer(
    app: &App,
    verified: Option<&Verified>,
    scopes: &[Scope],
    refresh: Option<SecretString>,
) -> Result<Response, ApiError> {
    let anonymous = Principal::anonymous();
    let principal = verified.map_or(&anonymous, |verified| &verified.principal);
    let narrowed = verified.and_then(|verified| verified.scopes.as_ref());
    let mut granted = Vec::new();
    for scope in scopes {
        let actions = match scope.name.parse::<RepositoryName>() {
            _ if scope.kind == "registry" && scope.name == "catalog" => {
                let allowed =
                    verified.is_some() && narrowed.is_none_or(TokenScopes::covers_catalog);
                if allowed {
                    scope.actions.clone()
                } else {
                    Vec::new()
                }
            }
            Ok(name) if scope.kind == "repository" => {
                let mut allowed = super::allowed_actions(app, principal, &name).await?;
                allowed.retain(|action| narrowed.is_none_or(|n| n.covers(&name, *action)));
                let asked = scope.actions.iter().copied();
                asked.filter(|action| allowed.contains(action)).collect()
            }
            _ => Vec::new(),
        };
        if !actions.is_empty() {
            granted.push(Scope {
                actions,
                ..scope.clone()
            });
        }
    }
    let now = app.clock.now();
    let (epoch, credential) =
        verified.map_or((0, None), |verified| (verified.epoch, verified.credential));
    let token = app
        .tokens
        .issue(&subject(principal.id), epoch, credential, &granted, now);
    let scope = granted
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" ");
    let answer = Answer {
        access_token: token.clone(),
        token,
        expires_in: token::LIFETIME_SECS,
        issued_at: now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        scope,
        refresh_token: refresh.map(|refresh| refresh.expose_secret().to_owned()),
    };
    let mut response = axum::Json(answer).into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Collects `scope` parameters, repeated or separated by spaces; malformed ones grant nothing and are dropped.
fn requested_scopes(query: &str) -> Result<Vec<Scope>, ApiError> {
    let values: Vec<String> = form_pairs(query)
        .filter(|(key, _)| key == "scope")
        .map(|(_, value)| value)
        .collect();
    let scopes: Vec<Scope> = values
        .iter()
        .flat_map(|value| value.split(' '))
        .filter_map(|text| text.parse().ok())
        .take(MAX_SCOPES + 1)
        .collect();
    if scopes.len() > MAX_SCOPES {
        return Err(ApiError::bad_request(
            ErrorCode::Unsupported,
            format!("more than {MAX_SCOPES} scopes in one request"),
        ));
    }
    Ok(scopes)
}

/// Reads `application/x-www-form-urlencoded` pairs.
pub(crate) fn form_pairs(text: &str) -> impl Iterator<Item = (String, String)> {
    text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode_form(key), decode_form(value))
    })
}

fn decode_form(text: &str) -> String {
    let spaced = text.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy();
    // Nothing legal holds a NUL, and PostgreSQL's texts cannot: it becomes a character that nothing is named with.
    decoded.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_may_be_repeated_or_separated_by_spaces() {
        let scopes = requested_scopes(
            "service=x&scope=repository%3Aa%2Fb%3Apull&scope=repository:c:push+repository:d:pull",
        )
        .unwrap();
        let texts: Vec<_> = scopes.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "repository:a/b:pull",
                "repository:c:push",
                "repository:d:pull"
            ]
        );
    }

    #[test]
    fn a_flood_of_scopes_is_refused() {
        assert!(requested_scopes(&"scope=repository:a:pull&".repeat(100_000)).is_err());
    }
}
