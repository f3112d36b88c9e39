//! `GET /token` and `POST /token`: a credential becomes a short-lived, scoped token.
//!
//! The grant is the intersection of what is asked and what is allowed. A partial or empty grant is an answer, not an
//! error: clients often ask for more than they need.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use catalog::Principal;
use oci::{ErrorCode, RepositoryName, Scope};
use secrecy::SecretString;
use serde::Serialize;

use super::{ANONYMOUS, challenge, identify, subject, token, verify_secret};
use crate::app::{App, Shared};
use crate::error::ApiError;
use crate::request::Origin;

/// Scopes one request may ask for.
const MAX_SCOPES: usize = 32;

#[derive(Serialize)]
struct Answer {
    token: String,
    access_token: String,
    expires_in: i64,
    issued_at: String,
    scope: String,
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
    let scopes = requested_scopes(query.as_deref().unwrap_or_default())?;
    let epoch = match &caller.principal {
        Some(principal) => app
            .catalog
            .principal_state(principal.id, app.clock.now())
            .await?
            .map_or(0, |state| state.auth_epoch),
        None => 0,
    };
    answer(&app, caller.principal.as_ref(), epoch, scopes).await
}

/// `POST /token` in the shape of OAuth 2: `grant_type=password`.
pub(crate) async fn post(
    State(app): State<Shared>,
    origin: Origin,
    headers: HeaderMap,
    body: String,
) -> Result<Response, ApiError> {
    let field =
        |name: &str| form_pairs(&body).find_map(|(key, value)| (key == name).then_some(value));
    if field("grant_type").as_deref() != Some("password") {
        return Err(ApiError::unsupported(
            "only grant_type=password is issued here",
        ));
    }
    let (Some(name), Some(password)) = (field("username"), field("password")) else {
        return Err(ApiError::bad_request(
            ErrorCode::Unauthorized,
            "username and password are needed",
        ));
    };
    let verified = verify_secret(&app, &name, &SecretString::from(password), &origin).await?;
    let Some((principal, epoch)) = verified else {
        return Err(challenge::unauthorized(
            &app,
            &headers,
            None,
            Some("invalid_token"),
        ));
    };
    let scopes = requested_scopes(&body)?;
    answer(&app, Some(&principal), epoch, scopes).await
}

async fn answer(
    app: &App,
    principal: Option<&Principal>,
    epoch: i64,
    scopes: Vec<Scope>,
) -> Result<Response, ApiError> {
    let mut granted = Vec::new();
    for scope in scopes {
        let granted_actions = match (principal, scope.name.parse::<RepositoryName>()) {
            (Some(_), _) if scope.kind == "registry" && scope.name == "catalog" => {
                scope.actions.clone()
            }
            (Some(principal), Ok(name)) if scope.kind == "repository" => {
                let allowed = super::allowed_actions(app, principal, &name).await?;
                scope
                    .actions
                    .iter()
                    .copied()
                    .filter(|action| allowed.contains(action))
                    .collect()
            }
            _ => Vec::new(),
        };
        if !granted_actions.is_empty() {
            granted.push(Scope {
                actions: granted_actions,
                ..scope
            });
        }
    }
    let now = app.clock.now();
    let sub = principal.map_or_else(|| ANONYMOUS.to_owned(), |principal| subject(principal.id));
    let token = app.tokens.issue(&sub, epoch, &granted, now);
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
