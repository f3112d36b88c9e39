//! Robots: principals for programs, owned by a person or an organisation, with secrets that can be replaced one by one.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{
    Account, AccountId, CatalogError, CredentialKind, NewCredential, PrincipalId, Robot,
    RobotChange, Role,
};
use jiff::Timestamp;
use oci::RepositoryName;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::names::NamesAsked;
use super::problem::{Problem, Refusals};
use super::tokens::{SecretList, revoke_of};
use super::{Body, Caller, Credentialed, Parameters, Segments, people};
use crate::app::{App, Shared};
use crate::auth::secret::{SecretKind, generate, stored};

/// Secrets of one robot: the one in use, the one that replaces it, and room for a mistake.
const MAX_SECRETS: usize = 10;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct NewRobot {
    /// The robot's own name; its full name is `owner+name`.
    pub(crate) name: String,
    /// The person or organisation that owns it; the caller if not given.
    pub(crate) owner: Option<String>,
    #[serde(default)]
    pub(crate) description: String,
    /// When it ends by itself.
    pub(crate) expires_at: Option<Timestamp>,
    /// Its rights. A repository that does not exist is created, if the caller may.
    #[serde(default)]
    pub(crate) permissions: Vec<NewPermission>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPermission {
    #[schema(value_type = String)]
    pub(crate) repository: RepositoryName,
    /// `read`, `write` or `admin`.
    pub(crate) role: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct RobotUpdate {
    pub(crate) description: Option<String>,
    pub(crate) disabled: Option<bool>,
    pub(crate) expires_at: Option<Timestamp>,
    /// Takes the end away.
    #[serde(default)]
    pub(crate) never_expires: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct NewRobotSecret {
    /// What it is called in the list.
    pub(crate) label: String,
    /// Never if not given.
    pub(crate) expires_at: Option<Timestamp>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// The person or organisation that owns them. Without it: the caller's, or everybody's for an administrator.
    pub(crate) owner: Option<String>,
    /// Begins after this full name: the previous answer's `next`.
    #[serde(default)]
    pub(crate) after: String,
    /// How many; 500 if not given, and at most.
    pub(crate) limit: Option<u32>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedRobot {
    /// `owner+name`, the user name of its credential.
    pub(crate) name: String,
    /// The password of its credential.
    pub(crate) token: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedSecret {
    pub(crate) id: String,
    /// The password of its credential. Shown here and never again.
    pub(crate) token: String,
}

/// A robot.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RobotItem {
    /// `owner+name`.
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
    /// Whether it or its owner is disabled.
    pub(crate) disabled: bool,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct RobotList {
    pub(crate) items: Vec<RobotItem>,
    /// The `after` of the next answer; `null` at the end.
    pub(crate) next: Option<String>,
}

impl From<Robot> for RobotItem {
    fn from(robot: Robot) -> Self {
        Self {
            name: robot.name,
            description: robot.description,
            created_at: robot.created_at,
            expires_at: robot.expires_at,
            disabled: robot.disabled,
        }
    }
}

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, change, delete))
        .routes(routes!(secrets, add_secret))
        .routes(routes!(revoke_secret))
}

/// Creates a robot. The token is shown here and never again.
#[utoipa::path(
    post, path = "/robots", tag = "robots", operation_id = "createRobot",
    request_body = NewRobot,
    responses((status = 201, body = CreatedRobot), Refusals),
)]
pub(crate) async fn create(
    State(app): State<Shared>,
    caller: Credentialed,
    Body(new): Body<NewRobot>,
) -> Result<(StatusCode, Json<CreatedRobot>), Problem> {
    let owner = owner(&app, &caller, new.owner.as_deref()).await?;
    if !is_robot_name(&new.name) {
        return Err(Problem::invalid(
            "`name` is 1 to 64 of a-z, 0-9, `-`, `_`, `.`, and starts with a letter or digit",
        ));
    }
    people::text("description", &new.description)?;
    let now = app.clock.now();
    people::expiry(new.expires_at, now)?;
    let mut roles = Vec::new();
    for permission in &new.permissions {
        let role = people::role(&permission.role)?;
        may_give(&app, &caller, &permission.repository).await?;
        roles.push((&permission.repository, role));
    }
    let (secret, actor) = (generate(SecretKind::Robot), caller.actor());
    let robot = catalog::NewRobot {
        name: &new.name,
        description: &new.description,
        expires_at: new.expires_at,
        secret: stored(&secret),
    };
    let robot = app
        .catalog
        .create_robot(owner.id, &robot, &actor, now)
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

/// Lists robots by name, without their tokens.
#[utoipa::path(
    get, path = "/robots", tag = "robots", operation_id = "robots",
    params(Which),
    responses((status = 200, body = RobotList), Refusals),
)]
pub(crate) async fn list(
    State(app): State<Shared>,
    caller: Caller,
    Parameters(which): Parameters<Which>,
) -> Result<Json<RobotList>, Problem> {
    let owner = match (&which.owner, caller.principal.id) {
        (Some(owner), _) => Some(seen_owner(&app, &caller, owner).await?),
        (None, _) if caller.reads_everything() => None,
        (None, PrincipalId::Account(account)) => Some(account),
        (None, _) => return Err(Problem::forbidden("a robot owns no robots")),
    };
    let asked = NamesAsked {
        after: which.after,
        limit: which.limit,
    };
    let (after, limit) = (asked.after()?, asked.limit());
    let found = app.catalog.list_robots(owner, after, limit).await?;
    let next = asked.next(&found, |robot| &robot.name);
    let items = found.into_iter().map(RobotItem::from).collect();
    Ok(Json(RobotList { items, next }))
}

/// Returns the owner of this name, if the caller may know of its robots.
pub(crate) async fn seen_owner(
    app: &App,
    caller: &Caller,
    owner: &str,
) -> Result<AccountId, Problem> {
    people::reader_of(app, caller, owner).await?;
    let account = app.catalog.account_by_name(owner).await?;
    Ok(account.ok_or_else(Problem::not_found)?.id)
}

/// Returns a robot, without its tokens.
#[utoipa::path(
    get, path = "/robots/{name}", tag = "robots", operation_id = "robot",
    params(("name" = String, Path, description = "`owner+name`")),
    responses((status = 200, body = RobotItem), Refusals),
)]
pub(crate) async fn get(
    State(app): State<Shared>,
    caller: Caller,
    Segments(name): Segments<String>,
) -> Result<Json<RobotItem>, Problem> {
    people::reader_of(&app, &caller, namespace(&name)?).await?;
    Ok(Json(find(&app, &name).await?.into()))
}

/// Changes a robot. Disabling it ends its tokens.
#[utoipa::path(
    patch, path = "/robots/{name}", tag = "robots", operation_id = "changeRobot",
    params(("name" = String, Path, description = "`owner+name`")),
    request_body = RobotUpdate,
    responses((status = 204, description = "It is changed"), Refusals),
)]
pub(crate) async fn change(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments(name): Segments<String>,
    Body(update): Body<RobotUpdate>,
) -> Result<StatusCode, Problem> {
    let robot = owned(&app, &caller, &name).await?;
    let now = app.clock.now();
    people::text(
        "description",
        update.description.as_deref().unwrap_or_default(),
    )?;
    people::expiry(update.expires_at, now)?;
    let expires_at = match (update.expires_at, update.never_expires) {
        (Some(_), true) => {
            return Err(Problem::invalid(
                "`expiresAt` and `neverExpires` exclude each other",
            ));
        }
        (None, true) => Some(None),
        (at, false) => at.map(Some),
    };
    let change = RobotChange {
        description: update.description,
        disabled: update.disabled,
        expires_at,
    };
    app.catalog
        .change_robot(robot.id, &change, &caller.actor(), now)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a robot; its tokens are worthless at once.
#[utoipa::path(
    delete, path = "/robots/{name}", tag = "robots", operation_id = "deleteRobot",
    params(("name" = String, Path, description = "`owner+name`")),
    responses((status = 204, description = "It is gone"), Refusals),
)]
pub(crate) async fn delete(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments(name): Segments<String>,
) -> Result<StatusCode, Problem> {
    let robot = owned(&app, &caller, &name).await?;
    app.catalog
        .delete_robot(robot.id, &caller.actor(), app.clock.now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists a robot's secrets by label and date.
#[utoipa::path(
    get, path = "/robots/{name}/secrets", tag = "robots", operation_id = "robotSecrets",
    params(("name" = String, Path, description = "`owner+name`")),
    responses((status = 200, body = SecretList), Refusals),
)]
pub(crate) async fn secrets(
    State(app): State<Shared>,
    caller: Caller,
    Segments(name): Segments<String>,
) -> Result<Json<SecretList>, Problem> {
    people::reader_of(&app, &caller, namespace(&name)?).await?;
    let robot = find(&app, &name).await?;
    Ok(Json(SecretList::of(secrets_of(&app, &robot).await?)))
}

/// Makes another secret of a robot, beside those it has. It is shown here and never again.
#[utoipa::path(
    post, path = "/robots/{name}/secrets", tag = "robots", operation_id = "addRobotSecret",
    params(("name" = String, Path, description = "`owner+name`")),
    request_body = NewRobotSecret,
    responses((status = 201, body = CreatedSecret), Refusals),
)]
pub(crate) async fn add_secret(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments(name): Segments<String>,
    Body(new): Body<NewRobotSecret>,
) -> Result<(StatusCode, Json<CreatedSecret>), Problem> {
    let robot = owned(&app, &caller, &name).await?;
    let now = app.clock.now();
    people::text("label", &new.label)?;
    people::expiry(new.expires_at, now)?;
    if secrets_of(&app, &robot).await?.len() >= MAX_SECRETS {
        return Err(Problem::conflict(format!(
            "a robot has at most {MAX_SECRETS} secrets, revoke one first"
        )));
    }
    let secret = generate(SecretKind::Robot);
    let credential = NewCredential {
        secret: stored(&secret),
        kind: CredentialKind::Robot,
        parent: None,
        label: &new.label,
        scopes: None,
        expires_at: new.expires_at,
    };
    let created = app
        .catalog
        .create_credential(&robot.principal(), &credential, &caller.actor(), now)
        .await?
        .ok_or_else(Problem::not_found)?;
    Ok((
        StatusCode::CREATED,
        Json(CreatedSecret {
            id: created.id.to_string(),
            token: secret.expose_secret().to_owned(),
        }),
    ))
}

/// Revokes a secret of a robot; it is worthless at once, and so are the tokens made from it.
#[utoipa::path(
    delete, path = "/robots/{name}/secrets/{id}", tag = "robots", operation_id = "revokeRobotSecret",
    params(
        ("name" = String, Path, description = "`owner+name`"),
        ("id" = String, Path, description = "The secret's id"),
    ),
    responses((status = 204, description = "It is revoked"), Refusals),
)]
pub(crate) async fn revoke_secret(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments((name, id)): Segments<(String, String)>,
) -> Result<StatusCode, Problem> {
    let robot = owned(&app, &caller, &name).await?;
    revoke_of(&app, &robot.principal(), &id, &caller).await
}

/// Returns the account that a new robot belongs to, if the caller owns it.
pub(crate) async fn owner(
    app: &App,
    caller: &Caller,
    name: Option<&str>,
) -> Result<Account, Problem> {
    let name = match (name, caller.principal.id) {
        (Some(name), _) => name,
        (None, PrincipalId::Account(_)) => &caller.principal.name,
        (None, _) => return Err(Problem::forbidden("a robot cannot own robots")),
    };
    people::owner_of(app, caller, name).await?;
    let found = app.catalog.account_by_name(name).await?;
    found.ok_or_else(Problem::not_found)
}

/// Requires that the caller may give rights in a repository, or may create it.
pub(crate) async fn may_give(
    app: &App,
    caller: &Caller,
    name: &RepositoryName,
) -> Result<(), Problem> {
    let may = match app.catalog.repository(name).await? {
        Some(repository) => {
            let role = app
                .catalog
                .role_of(repository.id, &caller.principal)
                .await?;
            role == Some(Role::Admin)
        }
        None => {
            app.catalog
                .may_create_repository(name, &caller.principal)
                .await?
        }
    };
    if may {
        return Ok(());
    }
    Err(Problem::forbidden(
        "`permissions` names a repository in which the caller gives no rights",
    ))
}

pub(crate) async fn owned(app: &App, caller: &Caller, name: &str) -> Result<Robot, Problem> {
    people::owner_of(app, caller, namespace(name)?).await?;
    find(app, name).await
}

pub(crate) async fn find(app: &App, name: &str) -> Result<Robot, Problem> {
    people::plain(name)?;
    let found = app.catalog.robot_by_name(name).await?;
    found.ok_or_else(Problem::not_found)
}

pub(crate) async fn secrets_of(
    app: &App,
    robot: &Robot,
) -> Result<Vec<catalog::Credential>, Problem> {
    let id = PrincipalId::Robot(robot.id);
    Ok(app.catalog.credentials(id, CredentialKind::Robot).await?)
}

/// Returns the owner's name in a robot's.
fn namespace(name: &str) -> Result<&str, Problem> {
    name.split_once('+')
        .map(|(owner, _)| owner)
        .ok_or_else(Problem::not_found)
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
