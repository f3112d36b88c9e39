//! Whoever calls: who the server thinks they are, and their password.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::PrincipalId;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problem::{Problem, Refusals};
use super::{Body, Caller, Credentialed, people};
use crate::app::{App, Shared};
use crate::error::ApiError;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Me {
    pub(crate) name: String,
    /// `user` or `robot`.
    pub(crate) kind: &'static str,
    /// Whether every repository is open to the caller.
    pub(crate) superuser: bool,
    /// Whether the caller may read everything, and change nothing.
    pub(crate) reader_superuser: bool,
    /// The organisations the caller is in a team of.
    pub(crate) organizations: Vec<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPassword {
    /// 8 to 1024 bytes.
    pub(crate) password: String,
}

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(get))
        .routes(routes!(set_password))
}

/// Returns who the caller is.
#[utoipa::path(
    get, path = "/me", tag = "users", operation_id = "me",
    responses((status = 200, body = Me), Refusals),
)]
pub(crate) async fn get(State(app): State<Shared>, caller: Caller) -> Result<Json<Me>, Problem> {
    let organizations = app.catalog.organizations_of(caller.principal.id).await?;
    Ok(Json(Me {
        kind: match caller.principal.id {
            PrincipalId::Robot(_) => "robot",
            PrincipalId::Account(_) | PrincipalId::Anonymous => "user",
        },
        superuser: caller.principal.superuser,
        reader_superuser: caller.principal.reader_superuser,
        organizations: organizations.into_iter().map(|org| org.name).collect(),
        name: caller.principal.name,
    }))
}

/// Replaces the caller's password, with which the request is made, and ends the caller's sessions.
#[utoipa::path(
    put, path = "/me/password", tag = "users", operation_id = "setOwnPassword",
    request_body = NewPassword,
    responses((status = 204, description = "It is set"), Refusals),
)]
pub(crate) async fn set_password(
    State(app): State<Shared>,
    caller: Credentialed,
    Body(new): Body<NewPassword>,
) -> Result<StatusCode, Problem> {
    caller.by_password()?;
    let PrincipalId::Account(account) = caller.principal.id else {
        return Err(Problem::forbidden("robots have secrets, not passwords"));
    };
    // Whoever is known to a directory stays known to it: a password here would outlive the one there.
    let known = app.catalog.account_by_name(&caller.principal.name).await?;
    if known.is_none_or(|account| account.password_hash.is_none()) {
        return Err(Problem::forbidden(
            "this account has no password here, change it where it is kept",
        ));
    }
    let hash = hash(&app, new).await?;
    app.catalog
        .set_password(account, &hash, &caller.actor(), app.clock.now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Checks and hashes a new password, off the request path.
pub(crate) async fn hash(app: &App, new: NewPassword) -> Result<String, Problem> {
    people::password(&new.password)?;
    hash_secret(app, SecretString::from(new.password)).await
}

pub(crate) async fn hash_secret(app: &App, password: SecretString) -> Result<String, Problem> {
    Ok(app
        .passwords
        .hash(password)
        .await
        .map_err(ApiError::fault)?)
}
