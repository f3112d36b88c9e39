//! Rights below a namespace: roles on patterns of repositories, and what new repositories give.
//!
//! A namespace is a person's or an organisation's name. `*` stands for patterns that begin with a wildcard, which only
//! superusers give.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{ANY_NAMESPACE, Account, DefaultPermissionId, PatternPermission};
use jiff::Timestamp;
use oci::RepositoryPattern;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::people::{self, SubjectName};
use super::problem::{Problem, Refusals};
use super::{Body, Caller, Credentialed, Parameters, Segments};
use crate::app::{App, Shared};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewGrant {
    /// `acme/web-*`: `*` stands for characters within a component, `**` for any; it matches whole names.
    #[schema(value_type = String)]
    pub(crate) pattern: RepositoryPattern,
    pub(crate) subject: SubjectName,
    /// `read`, `write` or `admin`.
    pub(crate) role: String,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// The pattern.
    #[param(value_type = String)]
    pub(crate) pattern: RepositoryPattern,
    /// `user`, `robot` or `team`.
    pub(crate) kind: String,
    /// The subject's name.
    pub(crate) name: String,
}

/// A role on a pattern of repositories.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GrantItem {
    #[schema(value_type = String)]
    pub(crate) pattern: RepositoryPattern,
    pub(crate) subject: SubjectName,
    pub(crate) role: &'static str,
    pub(crate) granted_by: String,
    pub(crate) granted_at: Timestamp,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct GrantList {
    pub(crate) items: Vec<GrantItem>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewDefault {
    /// It holds for repositories that this one creates; for everybody's if not given.
    pub(crate) creator: Option<SubjectName>,
    /// Who is given the role.
    pub(crate) delegate: SubjectName,
    /// `read`, `write` or `admin`.
    pub(crate) role: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct DefaultItem {
    pub(crate) id: i64,
    pub(crate) creator: Option<SubjectName>,
    pub(crate) delegate: SubjectName,
    pub(crate) role: &'static str,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct DefaultList {
    pub(crate) items: Vec<DefaultItem>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedDefault {
    pub(crate) id: i64,
}

impl From<PatternPermission> for GrantItem {
    fn from(permission: PatternPermission) -> Self {
        Self {
            subject: SubjectName::of(&permission.subject),
            pattern: permission.pattern,
            role: permission.role.as_str(),
            granted_by: permission.granted_by,
            granted_at: permission.granted_at,
        }
    }
}

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list, put, delete))
        .routes(routes!(list_defaults, add_default))
        .routes(routes!(remove_default))
}

/// Lists the roles on a namespace's patterns.
#[utoipa::path(
    get, path = "/namespaces/{namespace}/permissions", tag = "permissions", operation_id = "patternPermissions",
    params(("namespace" = String, Path, description = "A person's or an organisation's name, or `*`")),
    responses((status = 200, body = GrantList), Refusals),
)]
pub(crate) async fn list(
    State(app): State<Shared>,
    caller: Caller,
    Segments(namespace): Segments<String>,
) -> Result<Json<GrantList>, Problem> {
    people::reader_of(&app, &caller, &namespace).await?;
    let items = app.catalog.pattern_permissions(&namespace).await?;
    let items = items.into_iter().map(GrantItem::from).collect();
    Ok(Json(GrantList { items }))
}

/// Gives a role on every repository whose name matches a pattern, also on those that do not exist yet.
#[utoipa::path(
    put, path = "/namespaces/{namespace}/permissions", tag = "permissions", operation_id = "grantPattern",
    params(("namespace" = String, Path, description = "A person's or an organisation's name, or `*`")),
    request_body = NewGrant,
    responses((status = 204, description = "It is given"), Refusals),
)]
pub(crate) async fn put(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments(namespace): Segments<String>,
    Body(new): Body<NewGrant>,
) -> Result<StatusCode, Problem> {
    people::owner_of(&app, &caller, &namespace).await?;
    if new.pattern.namespace().unwrap_or(ANY_NAMESPACE) != namespace {
        return Err(Problem::invalid(format!(
            "`pattern` must begin with `{namespace}/`, the namespace in the address"
        )));
    }
    let role = people::role(&new.role)?;
    let subject = new.subject.find(&app, &caller, &namespace).await?;
    app.catalog
        .grant_pattern(
            &new.pattern,
            &subject,
            role,
            &caller.actor(),
            app.clock.now(),
        )
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a role on a pattern away and ends the tokens of whoever had it.
#[utoipa::path(
    delete, path = "/namespaces/{namespace}/permissions", tag = "permissions", operation_id = "revokePattern",
    params(("namespace" = String, Path, description = "A person's or an organisation's name, or `*`"), Which),
    responses((status = 204, description = "It is taken away"), Refusals),
)]
pub(crate) async fn delete(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments(namespace): Segments<String>,
    Parameters(which): Parameters<Which>,
) -> Result<StatusCode, Problem> {
    people::owner_of(&app, &caller, &namespace).await?;
    if which.pattern.namespace().unwrap_or(ANY_NAMESPACE) != namespace {
        return Err(Problem::not_found());
    }
    let subject = SubjectName::new(which.kind, which.name);
    let subject = subject.find(&app, &caller, &namespace).await?;
    let now = app.clock.now();
    let revoked = app
        .catalog
        .revoke_pattern(&which.pattern, &subject, &caller.actor(), now)
        .await?;
    if revoked {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found())
    }
}

/// Lists what new repositories of a namespace give.
#[utoipa::path(
    get, path = "/namespaces/{namespace}/default-permissions", tag = "permissions", operation_id = "defaultPermissions",
    params(("namespace" = String, Path, description = "A person's or an organisation's name")),
    responses((status = 200, body = DefaultList), Refusals),
)]
pub(crate) async fn list_defaults(
    State(app): State<Shared>,
    caller: Caller,
    Segments(namespace): Segments<String>,
) -> Result<Json<DefaultList>, Problem> {
    people::reader_of(&app, &caller, &namespace).await?;
    let account = account(&app, &namespace).await?;
    let items = app.catalog.default_permissions(account.id).await?;
    let items = items
        .into_iter()
        .map(|rule| DefaultItem {
            id: rule.id.0,
            creator: rule.creator.as_ref().map(SubjectName::of),
            delegate: SubjectName::of(&rule.delegate),
            role: rule.role.as_str(),
        })
        .collect();
    Ok(Json(DefaultList { items }))
}

/// Sets what new repositories of a namespace give to somebody. Repositories that exist are not changed.
#[utoipa::path(
    post, path = "/namespaces/{namespace}/default-permissions", tag = "permissions", operation_id = "addDefaultPermission",
    params(("namespace" = String, Path, description = "A person's or an organisation's name")),
    request_body = NewDefault,
    responses((status = 201, body = CreatedDefault), Refusals),
)]
pub(crate) async fn add_default(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments(namespace): Segments<String>,
    Body(new): Body<NewDefault>,
) -> Result<(StatusCode, Json<CreatedDefault>), Problem> {
    people::owner_of(&app, &caller, &namespace).await?;
    let account = account(&app, &namespace).await?;
    let role = people::role(&new.role)?;
    let creator = match &new.creator {
        Some(creator) => Some(creator.find(&app, &caller, &namespace).await?),
        None => None,
    };
    if let Some(catalog::SubjectId::Team(_)) = creator.as_ref().map(|creator| creator.id) {
        return Err(Problem::invalid(
            "`creator` is a user or a robot: a team creates nothing",
        ));
    }
    let delegate = new.delegate.find(&app, &caller, &namespace).await?;
    let id = app
        .catalog
        .set_default_permission(
            &account,
            creator.as_ref(),
            &delegate,
            role,
            &caller.actor(),
            app.clock.now(),
        )
        .await?;
    Ok((StatusCode::CREATED, Json(CreatedDefault { id: id.0 })))
}

/// Removes a rule about new repositories. Repositories that exist keep what it gave.
#[utoipa::path(
    delete, path = "/namespaces/{namespace}/default-permissions/{id}", tag = "permissions",
    operation_id = "removeDefaultPermission",
    params(
        ("namespace" = String, Path, description = "A person's or an organisation's name"),
        ("id" = i64, Path, description = "The rule"),
    ),
    responses((status = 204, description = "It is removed"), Refusals),
)]
pub(crate) async fn remove_default(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments((namespace, id)): Segments<(String, i64)>,
) -> Result<StatusCode, Problem> {
    people::owner_of(&app, &caller, &namespace).await?;
    let account = account(&app, &namespace).await?;
    let now = app.clock.now();
    let removed = app
        .catalog
        .remove_default_permission(&account, DefaultPermissionId(id), &caller.actor(), now)
        .await?;
    if removed {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found())
    }
}

async fn account(app: &App, namespace: &str) -> Result<Account, Problem> {
    let found = app.catalog.account_by_name(namespace).await?;
    found.ok_or_else(Problem::not_found)
}
