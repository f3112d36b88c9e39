//! Tokens: what a person gives a program instead of the password, perhaps narrowed to scopes, always with an end.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{AccountKind, Credential, CredentialKind, NewCredential, Principal, PrincipalId};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problem::{Problem, Refusals};
use super::{Administrator, Body, Caller, Credentialed, Segments, people};
use crate::app::{App, Shared};
use crate::auth::scopes::TokenScopes;
use crate::auth::secret::{SecretKind, generate, stored};

/// How long a token is good for if nothing is said.
const DEFAULT_LIFETIME: SignedDuration = SignedDuration::from_hours(24 * 90);
/// The longest wish.
const MAX_LIFETIME: SignedDuration = SignedDuration::from_hours(24 * 366);
/// Tokens of one account.
const MAX_TOKENS: usize = 100;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct NewToken {
    /// What its owner calls it.
    pub(crate) label: String,
    /// `repository:PATTERN:ACTIONS` or `registry:catalog:*`; without them the token does what its owner may.
    pub(crate) scopes: Option<Vec<String>>,
    /// 90 days from now if not given, 366 days at most.
    pub(crate) expires_at: Option<Timestamp>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedToken {
    pub(crate) id: String,
    /// The password of Basic credentials under the owner's name. Shown here and never again.
    pub(crate) token: String,
}

/// A token or a robot's secret, without what is secret.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretItem {
    pub(crate) id: String,
    pub(crate) label: String,
    pub(crate) scopes: Option<Vec<String>>,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
    /// To about a minute.
    pub(crate) last_used_at: Option<Timestamp>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct SecretList {
    pub(crate) items: Vec<SecretItem>,
}

impl SecretList {
    pub(super) fn of(credentials: Vec<Credential>) -> Self {
        let items = credentials.into_iter().map(SecretItem::from).collect();
        Self { items }
    }
}

impl From<Credential> for SecretItem {
    fn from(credential: Credential) -> Self {
        Self {
            id: credential.id.to_string(),
            label: credential.label,
            scopes: credential.scopes,
            created_at: credential.created_at,
            expires_at: credential.expires_at,
            last_used_at: credential.last_used_at,
        }
    }
}

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(revoke))
        .routes(routes!(list_of_user))
        .routes(routes!(revoke_of_user))
}

/// Lists the caller's tokens, without their secrets.
#[utoipa::path(
    get, path = "/me/tokens", tag = "tokens", operation_id = "tokens",
    responses((status = 200, body = SecretList), Refusals),
)]
pub(crate) async fn list(
    State(app): State<Shared>,
    caller: Caller,
) -> Result<Json<SecretList>, Problem> {
    let id = caller.principal.id;
    let tokens = app.catalog.credentials(id, CredentialKind::App).await?;
    Ok(Json(SecretList::of(tokens)))
}

/// Makes a token of the caller, whose password is asked for. The secret is shown here and never again.
#[utoipa::path(
    post, path = "/me/tokens", tag = "tokens", operation_id = "createToken",
    request_body = NewToken,
    responses((status = 201, body = CreatedToken), Refusals),
)]
pub(crate) async fn create(
    State(app): State<Shared>,
    caller: Credentialed,
    Body(new): Body<NewToken>,
) -> Result<(StatusCode, Json<CreatedToken>), Problem> {
    if !matches!(caller.principal.id, PrincipalId::Account(_)) {
        return Err(Problem::forbidden("robots have secrets, not tokens"));
    }
    caller.by_password()?;
    people::text("label", &new.label)?;
    if let Some(scopes) = &new.scopes {
        TokenScopes::parse(scopes).map_err(|error| Problem::invalid(error.to_string()))?;
    }
    let now = app.clock.now();
    people::expiry(new.expires_at, now)?;
    let expires_at = new.expires_at.unwrap_or(now + DEFAULT_LIFETIME);
    if expires_at > now + MAX_LIFETIME {
        return Err(Problem::invalid("`expiresAt` is at most 366 days ahead"));
    }
    let id = caller.principal.id;
    let held = app.catalog.credentials(id, CredentialKind::App).await?;
    if held.len() >= MAX_TOKENS {
        return Err(Problem::conflict(format!(
            "an account has at most {MAX_TOKENS} tokens, revoke one first"
        )));
    }
    let secret = generate(SecretKind::Token);
    let credential = NewCredential {
        secret: stored(&secret),
        kind: CredentialKind::App,
        parent: None,
        label: &new.label,
        scopes: new.scopes.as_deref(),
        expires_at: Some(expires_at),
    };
    let created = app
        .catalog
        .create_credential(&caller.principal, &credential, &caller.actor(), now)
        .await?
        .ok_or_else(Problem::unauthorized)?;
    Ok((
        StatusCode::CREATED,
        Json(CreatedToken {
            id: created.id.to_string(),
            token: secret.expose_secret().to_owned(),
        }),
    ))
}

/// Revokes a token of the caller; it is worthless at once.
#[utoipa::path(
    delete, path = "/me/tokens/{id}", tag = "tokens", operation_id = "revokeToken",
    params(("id" = String, Path, description = "The token's id")),
    responses((status = 204, description = "It is revoked"), Refusals),
)]
pub(crate) async fn revoke(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments(id): Segments<String>,
) -> Result<StatusCode, Problem> {
    revoke_of(&app, &caller.principal, &id, &caller).await
}

/// Lists a person's tokens, without their secrets.
#[utoipa::path(
    get, path = "/users/{user}/tokens", tag = "tokens", operation_id = "tokensOfUser",
    params(("user" = String, Path, description = "The person")),
    responses((status = 200, body = SecretList), Refusals),
)]
pub(crate) async fn list_of_user(
    State(app): State<Shared>,
    caller: Caller,
    Segments(user): Segments<String>,
) -> Result<Json<SecretList>, Problem> {
    if !caller.reads_everything() {
        return Err(Problem::forbidden("only an administrator may do this"));
    }
    let account = people::account(&app, AccountKind::User, &user).await?;
    let id = PrincipalId::Account(account.id);
    let tokens = app.catalog.credentials(id, CredentialKind::App).await?;
    Ok(Json(SecretList::of(tokens)))
}

/// Revokes a person's token; it is worthless at once.
#[utoipa::path(
    delete, path = "/users/{user}/tokens/{id}", tag = "tokens", operation_id = "revokeTokenOfUser",
    params(
        ("user" = String, Path, description = "The person"),
        ("id" = String, Path, description = "The token's id"),
    ),
    responses((status = 204, description = "It is revoked"), Refusals),
)]
pub(crate) async fn revoke_of_user(
    State(app): State<Shared>,
    administrator: Administrator,
    Segments((user, id)): Segments<(String, String)>,
) -> Result<StatusCode, Problem> {
    let account = people::account(&app, AccountKind::User, &user).await?;
    revoke_of(&app, &account.principal(), &id, &administrator).await
}

/// Revokes a credential of a principal, and of nobody else.
pub(crate) async fn revoke_of(
    app: &App,
    principal: &Principal,
    id: &str,
    caller: &Caller,
) -> Result<StatusCode, Problem> {
    let id = people::id(id)?;
    let revoked = app
        .catalog
        .revoke_credential(principal, id, &caller.actor(), app.clock.now())
        .await?;
    if revoked {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found())
    }
}
