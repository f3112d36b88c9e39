//! People. Superusers make, change and end them; nobody makes the first one here, the console does.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{Account, AccountChange, AccountKind, CatalogError, NewAccount};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::me::{self, NewPassword};
use super::names::NamesAsked;
use super::problem::{Problem, Refusals};
use super::{Administrator, Body, Caller, Parameters, Segments, people};
use crate::app::Shared;
use crate::auth::secret::{SecretKind, generate};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct NewUser {
    /// Also the namespace of the person's repositories.
    name: String,
    email: Option<String>,
    /// One is drawn and shown once if none is given.
    password: Option<String>,
    #[serde(default)]
    superuser: bool,
    #[serde(default)]
    reader_superuser: bool,
}

#[derive(Serialize, ToSchema)]
struct CreatedUser {
    name: String,
    /// The drawn password, shown here and never again; `null` if one was given.
    password: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct UserChange {
    /// An empty text removes it.
    email: Option<String>,
    superuser: Option<bool>,
    reader_superuser: Option<bool>,
}

/// A person.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserItem {
    name: String,
    email: Option<String>,
    superuser: bool,
    reader_superuser: bool,
    /// Whether there is a password; without one only a provider can vouch for the person.
    has_password: bool,
    disabled_at: Option<Timestamp>,
    created_at: Timestamp,
}

#[derive(Serialize, ToSchema)]
struct UserList {
    items: Vec<UserItem>,
    /// The `after` of the next answer; `null` at the end.
    next: Option<String>,
}

impl From<Account> for UserItem {
    fn from(account: Account) -> Self {
        Self {
            has_password: account.password_hash.is_some(),
            name: account.name,
            email: account.email,
            superuser: account.superuser,
            reader_superuser: account.reader_superuser,
            disabled_at: account.disabled_at,
            created_at: account.created_at,
        }
    }
}

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, change, delete))
        .routes(routes!(disable))
        .routes(routes!(enable))
        .routes(routes!(set_password))
}

/// Lists the people, by name.
#[utoipa::path(
    get, path = "/users", tag = "users", operation_id = "users",
    params(NamesAsked),
    responses((status = 200, body = UserList), Refusals),
)]
async fn list(
    State(app): State<Shared>,
    caller: Caller,
    Parameters(asked): Parameters<NamesAsked>,
) -> Result<Json<UserList>, Problem> {
    readers_only(&caller)?;
    let (after, limit) = (asked.after()?, asked.limit());
    let found = app
        .catalog
        .list_accounts(AccountKind::User, after, limit)
        .await?;
    let next = asked.next(&found, |account| &account.name);
    let items = found.into_iter().map(UserItem::from).collect();
    Ok(Json(UserList { items, next }))
}

/// Creates a person.
#[utoipa::path(
    post, path = "/users", tag = "users", operation_id = "createUser",
    request_body = NewUser,
    responses((status = 201, body = CreatedUser), Refusals),
)]
async fn create(
    State(app): State<Shared>,
    administrator: Administrator,
    Body(new): Body<NewUser>,
) -> Result<(StatusCode, Json<CreatedUser>), Problem> {
    people::account_name(&new.name)?;
    people::text("email", new.email.as_deref().unwrap_or_default())?;
    let drawn = new
        .password
        .is_none()
        .then(|| generate(SecretKind::Password));
    if let Some(given) = &new.password {
        people::password(given)?;
    }
    let password = new.password.map(SecretString::from);
    let password = password
        .or_else(|| drawn.clone())
        .expect("one of the two is there");
    let hash = me::hash_secret(&app, password).await?;
    let account = NewAccount {
        name: &new.name,
        kind: AccountKind::User,
        email: new.email.as_deref(),
        password_hash: Some(&hash),
        superuser: new.superuser,
        reader_superuser: new.reader_superuser,
    };
    app.catalog
        .create_account(&account, &administrator.actor(), app.clock.now())
        .await
        .map_err(|error| refused(error, &new.name))?;
    Ok((
        StatusCode::CREATED,
        Json(CreatedUser {
            name: new.name,
            password: drawn.map(|drawn| drawn.expose_secret().to_owned()),
        }),
    ))
}

/// Returns a person.
#[utoipa::path(
    get, path = "/users/{user}", tag = "users", operation_id = "user",
    params(("user" = String, Path, description = "The person")),
    responses((status = 200, body = UserItem), Refusals),
)]
async fn get(
    State(app): State<Shared>,
    caller: Caller,
    Segments(name): Segments<String>,
) -> Result<Json<UserItem>, Problem> {
    if caller.principal.name != name {
        readers_only(&caller)?;
    }
    let account = people::account(&app, AccountKind::User, &name).await?;
    Ok(Json(account.into()))
}

/// Changes a person's address or standing. Another standing ends their tokens and sessions.
#[utoipa::path(
    patch, path = "/users/{user}", tag = "users", operation_id = "changeUser",
    params(("user" = String, Path, description = "The person")),
    request_body = UserChange,
    responses((status = 204, description = "It is changed"), Refusals),
)]
async fn change(
    State(app): State<Shared>,
    administrator: Administrator,
    Segments(name): Segments<String>,
    Body(change): Body<UserChange>,
) -> Result<StatusCode, Problem> {
    people::text("email", change.email.as_deref().unwrap_or_default())?;
    let account = people::account(&app, AccountKind::User, &name).await?;
    let change = AccountChange {
        email: change
            .email
            .map(|email| Some(email).filter(|email| !email.is_empty())),
        superuser: change.superuser,
        reader_superuser: change.reader_superuser,
    };
    let changed = app
        .catalog
        .change_account(account.id, &change, &administrator.actor(), app.clock.now())
        .await
        .map_err(|error| refused(error, &name))?;
    done(changed)
}

/// Disables a person with their robots, tokens and sessions.
#[utoipa::path(
    post, path = "/users/{user}/disable", tag = "users", operation_id = "disableUser",
    params(("user" = String, Path, description = "The person")),
    responses((status = 204, description = "They are disabled"), Refusals),
)]
async fn disable(
    State(app): State<Shared>,
    administrator: Administrator,
    Segments(name): Segments<String>,
) -> Result<StatusCode, Problem> {
    let account = people::account(&app, AccountKind::User, &name).await?;
    app.catalog
        .disable_account(account.id, &administrator.actor(), app.clock.now())
        .await
        .map_err(|error| refused(error, &name))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Enables a person again. Sessions and registry tokens from before stay worthless.
#[utoipa::path(
    post, path = "/users/{user}/enable", tag = "users", operation_id = "enableUser",
    params(("user" = String, Path, description = "The person")),
    responses((status = 204, description = "They are enabled"), Refusals),
)]
async fn enable(
    State(app): State<Shared>,
    administrator: Administrator,
    Segments(name): Segments<String>,
) -> Result<StatusCode, Problem> {
    let account = people::account(&app, AccountKind::User, &name).await?;
    app.catalog
        .enable_account(account.id, &administrator.actor(), app.clock.now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Replaces a person's password and ends their sessions.
#[utoipa::path(
    put, path = "/users/{user}/password", tag = "users", operation_id = "setPassword",
    params(("user" = String, Path, description = "The person")),
    request_body = NewPassword,
    responses((status = 204, description = "It is set"), Refusals),
)]
async fn set_password(
    State(app): State<Shared>,
    administrator: Administrator,
    Segments(name): Segments<String>,
    Body(new): Body<NewPassword>,
) -> Result<StatusCode, Problem> {
    let account = people::account(&app, AccountKind::User, &name).await?;
    let hash = me::hash(&app, new).await?;
    let set = app
        .catalog
        .set_password(account.id, &hash, &administrator.actor(), app.clock.now())
        .await?;
    done(set)
}

/// Deletes a person with their robots and tokens. Their repositories must be gone first.
#[utoipa::path(
    delete, path = "/users/{user}", tag = "users", operation_id = "deleteUser",
    params(("user" = String, Path, description = "The person")),
    responses((status = 204, description = "They are gone"), Refusals),
)]
async fn delete(
    State(app): State<Shared>,
    administrator: Administrator,
    Segments(name): Segments<String>,
) -> Result<StatusCode, Problem> {
    let account = people::account(&app, AccountKind::User, &name).await?;
    let deleted = app
        .catalog
        .delete_account(account.id, &administrator.actor(), app.clock.now())
        .await
        .map_err(|error| refused(error, &name))?;
    done(deleted)
}

pub(super) fn readers_only(caller: &Caller) -> Result<(), Problem> {
    if caller.reads_everything() {
        return Ok(());
    }
    Err(Problem::forbidden("only an administrator may do this"))
}

fn done(was_there: bool) -> Result<StatusCode, Problem> {
    if was_there {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found())
    }
}

/// Says what stood in the way of a change of an account.
pub(super) fn refused(error: CatalogError, name: &str) -> Problem {
    match error {
        CatalogError::Conflict("superuser") => {
            Problem::conflict("one enabled administrator must remain")
        }
        CatalogError::Conflict("repository") => Problem::conflict(format!(
            "there are repositories in the namespace `{name}`, delete them first"
        )),
        CatalogError::Conflict(_) => {
            Problem::conflict(format!("an account `{name}` exists already"))
        }
        other => other.into(),
    }
}
