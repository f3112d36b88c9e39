//! Robots: credentials for programs, with rights on named repositories.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{CatalogError, PrincipalId, Role};
use jiff::Timestamp;
use oci::RepositoryName;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problem::{Problem, Refusals};
use super::{Administrator, Body, Segments};
use crate::app::Shared;
use crate::auth::secret::{SecretKind, generate, stored};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRobot {
    /// The robot's own name; its full name is `owner+name`.
    name: String,
    /// Its rights.
    #[serde(default)]
    permissions: Vec<NewPermission>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPermission {
    #[schema(value_type = String)]
    repository: RepositoryName,
    /// `read`, `write` or `admin`.
    role: String,
}

#[derive(Serialize, ToSchema)]
struct CreatedRobot {
    /// `owner+name`, the user name of its credential.
    name: String,
    /// The password of its credential.
    token: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RobotItem {
    /// `owner+name`.
    name: String,
    created_at: Timestamp,
    disabled: bool,
}

#[derive(Serialize, ToSchema)]
struct RobotList {
    items: Vec<RobotItem>,
}

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(delete))
}

/// Creates a robot of the calling administrator. The token is shown here and never again.
#[utoipa::path(
    post, path = "/robots", tag = "robots", operation_id = "createRobot",
    request_body = NewRobot,
    responses((status = 201, body = CreatedRobot), Refusals),
)]
async fn create(
    State(app): State<Shared>,
    administrator: Administrator,
    Body(new): Body<NewRobot>,
) -> Result<(StatusCode, Json<CreatedRobot>), Problem> {
    let PrincipalId::Account(account) = administrator.principal.id else {
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
        administrator.actor(),
        app.clock.now(),
    );
    let robot = app
        .catalog
        .create_robot(
            account,
            &catalog::NewRobot {
                name: &new.name,
                description: "",
                expires_at: None,
                secret: stored(&secret),
            },
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
    let created = CreatedRobot {
        name: robot.name,
        token: secret.expose_secret().to_owned(),
    };
    Ok((StatusCode::CREATED, Json(created)))
}

/// Lists all robots, without their tokens.
#[utoipa::path(
    get, path = "/robots", tag = "robots", operation_id = "robots",
    responses((status = 200, body = RobotList), Refusals),
)]
async fn list(State(app): State<Shared>, _: Administrator) -> Result<Json<RobotList>, Problem> {
    let robots = app.catalog.list_robots(None).await?;
    let items = robots
        .into_iter()
        .map(|robot| RobotItem {
            name: robot.name,
            created_at: robot.created_at,
            disabled: robot.disabled,
        })
        .collect();
    Ok(Json(RobotList { items }))
}

/// Deletes a robot; its tokens are worthless at once.
#[utoipa::path(
    delete, path = "/robots/{name}", tag = "robots", operation_id = "deleteRobot",
    params(("name" = String, Path, description = "`owner+name`")),
    responses((status = 204, description = "It is gone"), Refusals),
)]
async fn delete(
    State(app): State<Shared>,
    administrator: Administrator,
    Segments(name): Segments<String>,
) -> Result<StatusCode, Problem> {
    if name.contains('\0') {
        return Err(Problem::not_found());
    }
    let robot = app
        .catalog
        .robot_by_name(&name)
        .await?
        .ok_or_else(Problem::not_found)?;
    app.catalog
        .delete_robot(robot.id, &administrator.actor(), app.clock.now())
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
