//! Robots: credentials for programs, with rights on named repositories.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use catalog::{CatalogError, PrincipalId, Role};
use oci::RepositoryName;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::Value;

use super::administrator;
use super::problem::Problem;
use crate::app::Shared;
use crate::auth::secret::{SecretKind, fingerprint, generate};
use crate::request::Origin;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRobot {
    /// The robot's own name; its full name is `owner+name`.
    name: String,
    /// Its rights.
    #[serde(default)]
    permissions: Vec<NewPermission>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPermission {
    repository: RepositoryName,
    role: String,
}

/// `POST /api/v1/robots`: creates a robot of the calling administrator. The token is shown here and never again.
pub(crate) async fn create(
    State(app): State<Shared>,
    origin: Origin,
    headers: HeaderMap,
    Json(new): Json<NewRobot>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let owner = administrator(&app, &headers, &origin).await?;
    let PrincipalId::Account(account) = owner.id else {
        return Err(Problem::forbidden("a robot cannot own robots"));
    };
    if !is_robot_name(&new.name) {
        return Err(Problem::invalid(
            "`name` is 1 to 64 of a-z, 0-9, `-`, `_`, `.`, and starts with a letter or digit",
        ));
    }
    let mut roles = Vec::new();
    for permission in &new.permissions {
        let role: Role = permission
            .role
            .parse()
            .map_err(|error| Problem::invalid(format!("`role`: {error}")))?;
        roles.push((&permission.repository, role));
    }
    let (secret, actor, now) = (
        generate(SecretKind::Robot),
        origin.actor(&owner.name),
        app.clock.now(),
    );
    let robot = app
        .catalog
        .create_robot(
            account,
            &new.name,
            &fingerprint(secret.expose_secret()),
            &actor,
            now,
        )
        .await
        .map_err(|error| match error {
            CatalogError::Conflict(_) => {
                Problem::conflict(format!("a robot `{}` exists already", new.name))
            }
            other => other.into(),
        })?
        .ok_or_else(|| Problem::forbidden("the account that owns the robot is gone"))?;
    for (repository, role) in roles {
        app.catalog
            .grant(repository, &robot.principal(), role, &actor, now)
            .await?;
    }
    let answer = serde_json::json!({ "name": robot.name, "token": secret.expose_secret() });
    Ok((StatusCode::CREATED, Json(answer)))
}

/// `GET /api/v1/robots`: all robots, without their tokens.
pub(crate) async fn list(
    State(app): State<Shared>,
    origin: Origin,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    administrator(&app, &headers, &origin).await?;
    let robots = app.catalog.list_robots(None).await?;
    let items: Vec<_> = robots
        .iter()
        .map(|robot| serde_json::json!({ "name": robot.name, "createdAt": robot.created_at, "disabled": robot.disabled }))
        .collect();
    Ok(Json(serde_json::json!({ "items": items })))
}

/// `DELETE /api/v1/robots/{owner+name}`: its tokens are worthless at once.
pub(crate) async fn delete(
    State(app): State<Shared>,
    origin: Origin,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let administrator = administrator(&app, &headers, &origin).await?;
    if name.contains('\0') {
        return Err(Problem::not_found());
    }
    let robot = app
        .catalog
        .robot_by_name(&name)
        .await?
        .ok_or_else(Problem::not_found)?;
    app.catalog
        .delete_robot(
            robot.id,
            &origin.actor(&administrator.name),
            app.clock.now(),
        )
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Returns whether a text may be a robot's own name.
pub(crate) fn is_robot_name(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    starts
        && name.len() <= 64
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.'))
}
