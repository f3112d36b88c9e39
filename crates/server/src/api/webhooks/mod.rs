//! Webhooks: who is told of events, and what has become of what they were told.
//!
//! A webhook of a repository is managed by its administrators, one of a namespace by its owners, one of the whole
//! registry by superusers. To everybody else it does not exist.

mod fields;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{
    Catalog, CatalogError, Delivery, DeliveryState, Endpoint, EndpointId, EndpointScope,
    EndpointSettings, EventFormat, Role,
};
use jiff::Timestamp;
use oci::RepositoryName;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::fields::{address, format, kinds, name, patterns, secret};
use super::problem::{Problem, Refusals};
use super::{Body, Caller, Credentialed, Parameters, Segments};
use crate::app::{App, Shared};
use crate::notify::signature::generate_secret;
use crate::outbound::{Outbound, is_same_origin};
use crate::written::Unacceptable;

const PAGE: u32 = 100;
/// Webhooks of one scope.
const MAX_IN_SCOPE: usize = 50;
/// Webhooks of the whole registry: each change looks through them.
const MAX_WEBHOOKS: u64 = 2_000;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WhichWebhooks {
    /// Those of a namespace.
    namespace: Option<String>,
    /// Those of a repository.
    #[param(value_type = Option<String>)]
    repository: Option<RepositoryName>,
    /// The previous answer's `next`.
    cursor: Option<i64>,
}

/// A webhook to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewWebhook {
    /// A name for people.
    pub name: String,
    /// The namespace it is told about. Without this and `repository`: everything.
    pub namespace: Option<String>,
    /// The repository it is told about.
    #[schema(value_type = Option<String>)]
    pub repository: Option<RepositoryName>,
    /// Where events are sent, by POST.
    pub url: String,
    /// What signs them, 16 to 256 characters; drawn if not given.
    #[schema(write_only)]
    pub secret: Option<String>,
    /// `cloudevents` (the default) or `slack`.
    pub format: Option<String>,
    /// Kinds of events; without any, all but `pull`.
    #[serde(default)]
    pub events: Vec<String>,
    /// Patterns of repositories: `*` within a component, `**` across; without any, all.
    #[serde(default)]
    pub repositories: Vec<String>,
    /// Patterns of tags; without any, all.
    #[serde(default)]
    pub tags: Vec<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WebhookChange {
    name: Option<String>,
    /// An address of another origin needs a new `secret` with it: the one that is stored was meant for the old address.
    url: Option<String>,
    #[schema(write_only)]
    secret: Option<String>,
    format: Option<String>,
    events: Option<Vec<String>>,
    repositories: Option<Vec<String>>,
    tags: Option<Vec<String>>,
    /// Switches it off or on.
    enabled: Option<bool>,
}

/// A webhook, without its secret.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookItem {
    id: i64,
    name: String,
    namespace: Option<String>,
    repository: Option<String>,
    url: String,
    format: &'static str,
    events: Vec<&'static str>,
    repositories: Vec<String>,
    tags: Vec<String>,
    enabled: bool,
    /// Since when nothing could be delivered.
    failing_since: Option<Timestamp>,
    /// Why the server switched it off.
    disabled_reason: Option<String>,
    created_by: String,
    created_at: Timestamp,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CreatedWebhook {
    id: i64,
    /// What signs its events; shown here and never again.
    secret: String,
}

#[derive(Serialize, ToSchema)]
struct WebhookList {
    items: Vec<WebhookItem>,
    /// The `cursor` of the next answer; `null` at the end.
    next: Option<i64>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WhichDeliveries {
    /// `pending`, `delivered` or `dead`; all if not given.
    state: Option<String>,
    /// The previous answer's `next`.
    cursor: Option<i64>,
}

/// What a webhook was told, and what has become of it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryItem {
    id: i64,
    event: &'static str,
    occurred_at: Timestamp,
    repository: Option<String>,
    tag: Option<String>,
    digest: Option<String>,
    /// `pending`, `delivered` or `dead`.
    state: &'static str,
    attempts: i64,
    /// When it is tried next; `null` if it is not.
    due_at: Option<Timestamp>,
    /// The last answer's HTTP status.
    status: Option<i64>,
    /// The last failure in a few words.
    failure: Option<String>,
    took_ms: Option<i64>,
    updated_at: Timestamp,
}

#[derive(Serialize, ToSchema)]
struct DeliveryList {
    items: Vec<DeliveryItem>,
    /// The `cursor` of the next answer; `null` at the end.
    next: Option<i64>,
}

#[derive(Serialize, ToSchema)]
struct Tried {
    /// The delivery that is on its way.
    delivery: i64,
}

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, change, delete))
        .routes(routes!(test))
        .routes(routes!(deliveries))
        .routes(routes!(redeliver))
}

/// Lists webhooks: those of a scope, or to a superuser all.
#[utoipa::path(
    get, path = "/webhooks", tag = "webhooks", operation_id = "webhooks",
    params(WhichWebhooks),
    responses((status = 200, body = WebhookList), Refusals),
)]
async fn list(
    State(app): State<Shared>,
    caller: Caller,
    Parameters(which): Parameters<WhichWebhooks>,
) -> Result<Json<WebhookList>, Problem> {
    let scope = scope_of(&app, which.namespace, which.repository).await?;
    require(&app, &caller, &scope).await?;
    let after = EndpointId(which.cursor.unwrap_or(0));
    let mut endpoints = app.catalog.endpoints(Some(&scope), after, PAGE + 1).await?;
    let has_more = endpoints.len() > PAGE as usize;
    endpoints.truncate(PAGE as usize);
    let next = endpoints
        .last()
        .filter(|_| has_more)
        .map(|endpoint| endpoint.id.0);
    let items = endpoints.into_iter().map(WebhookItem::from).collect();
    Ok(Json(WebhookList { items, next }))
}

/// Creates a webhook. Its secret is shown here and never again.
#[utoipa::path(
    post, path = "/webhooks", tag = "webhooks", operation_id = "createWebhook",
    request_body = NewWebhook,
    responses((status = 201, body = CreatedWebhook), Refusals),
)]
async fn create(
    State(app): State<Shared>,
    caller: Credentialed,
    Body(new): Body<NewWebhook>,
) -> Result<(StatusCode, Json<CreatedWebhook>), Problem> {
    let scope = scope_of(&app, new.namespace.clone(), new.repository.clone()).await?;
    require(&app, &caller, &scope).await?;
    let settings = new.read(&app.outbound)?;
    if !has_room(&app.catalog, &scope).await? {
        return Err(Problem::conflict("there are too many webhooks already"));
    }
    let id = app
        .catalog
        .create_endpoint(&scope, &settings, &caller.actor(), app.clock.now())
        .await?;
    let created = CreatedWebhook {
        id: id.0,
        secret: settings.secret.expose().to_owned(),
    };
    Ok((StatusCode::CREATED, Json(created)))
}

/// Returns a webhook.
#[utoipa::path(
    get, path = "/webhooks/{id}", tag = "webhooks", operation_id = "webhook",
    params(("id" = i64, Path, description = "The webhook")),
    responses((status = 200, body = WebhookItem), Refusals),
)]
async fn get(
    State(app): State<Shared>,
    caller: Caller,
    Segments(id): Segments<i64>,
) -> Result<Json<WebhookItem>, Problem> {
    Ok(Json(managed(&app, &caller, id).await?.into()))
}

/// Changes what is given of a webhook, and forgets that it failed.
#[utoipa::path(
    patch, path = "/webhooks/{id}", tag = "webhooks", operation_id = "changeWebhook",
    params(("id" = i64, Path, description = "The webhook")),
    request_body = WebhookChange,
    responses((status = 200, body = WebhookItem), Refusals),
)]
async fn change(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments(id): Segments<i64>,
    Body(change): Body<WebhookChange>,
) -> Result<Json<WebhookItem>, Problem> {
    let mut endpoint = managed(&app, &caller, id).await?;
    let mut settings = endpoint.settings.clone();
    if let Some(text) = change.url {
        let new = address(&app.outbound, &text)?;
        let old: Option<Url> = settings.url.parse().ok();
        if change.secret.is_none() && !old.is_some_and(|old| is_same_origin(&old, &new)) {
            return Err(Problem::invalid(
                "`url` is of another origin: give a new `secret` with it, the stored one is not used there",
            ));
        }
        settings.url = new.to_string();
    }
    if let Some(text) = change.secret {
        settings.secret = secret(text)?;
    }
    if let Some(text) = change.name {
        settings.name = name(text)?;
    }
    if let Some(word) = change.format {
        settings.format = format(&word)?;
    }
    if let Some(words) = change.events {
        settings.kinds = kinds(&words)?;
    }
    if let Some(list) = change.repositories {
        settings.repositories = patterns("repositories", list)?;
    }
    if let Some(list) = change.tags {
        settings.tags = patterns("tags", list)?;
    }
    settings.enabled = change.enabled.unwrap_or(settings.enabled);
    let changed = app
        .catalog
        .update_endpoint(&endpoint, &settings, &caller.actor(), app.clock.now())
        .await?;
    if !changed {
        return Err(Problem::not_found());
    }
    endpoint.settings = settings;
    endpoint.failing_since = None;
    endpoint.disabled_reason = None;
    Ok(Json(endpoint.into()))
}

/// Deletes a webhook with everything on its way to it.
#[utoipa::path(
    delete, path = "/webhooks/{id}", tag = "webhooks", operation_id = "deleteWebhook",
    params(("id" = i64, Path, description = "The webhook")),
    responses((status = 204, description = "It is gone"), Refusals),
)]
async fn delete(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments(id): Segments<i64>,
) -> Result<StatusCode, Problem> {
    let endpoint = managed(&app, &caller, id).await?;
    let deleted = app
        .catalog
        .delete_endpoint(&endpoint, &caller.actor(), app.clock.now())
        .await?;
    if deleted {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found())
    }
}

/// Sends a webhook an event of the kind `ping`, whatever kinds it asks for.
#[utoipa::path(
    post, path = "/webhooks/{id}/test", tag = "webhooks", operation_id = "testWebhook",
    params(("id" = i64, Path, description = "The webhook")),
    responses((status = 202, body = Tried), Refusals),
)]
async fn test(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments(id): Segments<i64>,
) -> Result<(StatusCode, Json<Tried>), Problem> {
    let endpoint = managed(&app, &caller, id).await?;
    if !endpoint.settings.enabled {
        return Err(Problem::conflict("the webhook is switched off"));
    }
    let delivery = app
        .catalog
        .ping_endpoint(endpoint.id, &caller.actor(), app.clock.now())
        .await?
        .ok_or_else(Problem::not_found)?;
    app.wake_workers();
    Ok((StatusCode::ACCEPTED, Json(Tried { delivery })))
}

/// Lists what a webhook was told, latest first.
#[utoipa::path(
    get, path = "/webhooks/{id}/deliveries", tag = "webhooks", operation_id = "deliveries",
    params(("id" = i64, Path, description = "The webhook"), WhichDeliveries),
    responses((status = 200, body = DeliveryList), Refusals),
)]
async fn deliveries(
    State(app): State<Shared>,
    caller: Caller,
    Segments(id): Segments<i64>,
    Parameters(which): Parameters<WhichDeliveries>,
) -> Result<Json<DeliveryList>, Problem> {
    let endpoint = managed(&app, &caller, id).await?;
    let state = which
        .state
        .map(|word| {
            DeliveryState::parse(&word)
                .ok_or_else(|| Problem::invalid("`state` is `pending`, `delivered` or `dead`"))
        })
        .transpose()?;
    let mut rows = app
        .catalog
        .deliveries(endpoint.id, state, which.cursor, PAGE + 1)
        .await?;
    let has_more = rows.len() > PAGE as usize;
    rows.truncate(PAGE as usize);
    let next = rows.last().filter(|_| has_more).map(|row| row.id);
    let items = rows.into_iter().map(DeliveryItem::from).collect();
    Ok(Json(DeliveryList { items, next }))
}

/// Sends a delivery again that was accepted or is dead.
#[utoipa::path(
    post, path = "/webhooks/{id}/deliveries/{delivery}/redeliver", tag = "webhooks", operation_id = "redeliver",
    params(
        ("id" = i64, Path, description = "The webhook"),
        ("delivery" = i64, Path, description = "The delivery"),
    ),
    responses((status = 202, body = Tried), Refusals),
)]
async fn redeliver(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments((id, delivery)): Segments<(i64, i64)>,
) -> Result<(StatusCode, Json<Tried>), Problem> {
    let endpoint = managed(&app, &caller, id).await?;
    let revived = app
        .catalog
        .redeliver(endpoint.id, delivery, &caller.actor(), app.clock.now())
        .await?;
    if !revived {
        return Err(Problem::not_found());
    }
    app.wake_workers();
    Ok((StatusCode::ACCEPTED, Json(Tried { delivery })))
}

/// Returns a webhook that the caller manages; else there is none.
async fn managed(app: &App, caller: &Caller, id: i64) -> Result<Endpoint, Problem> {
    let endpoint = app
        .catalog
        .endpoint(EndpointId(id))
        .await?
        .ok_or_else(Problem::not_found)?;
    if may_manage(app, caller, &endpoint.scope).await? {
        Ok(endpoint)
    } else {
        Err(Problem::not_found())
    }
}

async fn require(app: &App, caller: &Caller, scope: &EndpointScope) -> Result<(), Problem> {
    if may_manage(app, caller, scope).await? {
        return Ok(());
    }
    let is_known = match scope {
        EndpointScope::System => true,
        EndpointScope::Namespace(_) => false,
        EndpointScope::Repository(id) => {
            let role = app.catalog.role_of(*id, &caller.principal).await?;
            role.is_some()
        }
    };
    Err(if is_known {
        Problem::forbidden("webhooks are managed by administrators")
    } else {
        Problem::not_found()
    })
}

async fn may_manage(app: &App, caller: &Caller, scope: &EndpointScope) -> Result<bool, Problem> {
    let principal = &caller.principal;
    Ok(match scope {
        EndpointScope::System => principal.superuser,
        EndpointScope::Namespace(namespace) => {
            app.catalog.owns_namespace(namespace, principal).await?
        }
        EndpointScope::Repository(id) => {
            app.catalog.role_of(*id, principal).await? == Some(Role::Admin)
        }
    })
}

async fn scope_of(
    app: &App,
    namespace: Option<String>,
    repository: Option<RepositoryName>,
) -> Result<EndpointScope, Problem> {
    match (namespace, repository) {
        (None, None) => Ok(EndpointScope::System),
        (Some(namespace), None) => {
            let is_component =
                !namespace.contains('/') && namespace.parse::<RepositoryName>().is_ok();
            if is_component {
                Ok(EndpointScope::Namespace(namespace))
            } else {
                Err(Problem::invalid(
                    "`namespace` is the first component of repositories' names",
                ))
            }
        }
        (None, Some(name)) => {
            let repository = app.catalog.repository(&name).await?;
            let repository = repository.ok_or_else(Problem::not_found)?;
            Ok(EndpointScope::Repository(repository.id))
        }
        (Some(_), Some(_)) => Err(Problem::invalid(
            "a webhook has a `namespace` or a `repository`, not both",
        )),
    }
}

impl NewWebhook {
    /// Checks what was written. Draws a secret if none is given.
    pub(crate) fn read(self, outbound: &Outbound) -> Result<EndpointSettings, Unacceptable> {
        Ok(EndpointSettings {
            name: name(self.name)?,
            url: address(outbound, &self.url)?.to_string(),
            secret: self.secret.map_or_else(|| Ok(generate_secret()), secret)?,
            format: self
                .format
                .map_or(Ok(EventFormat::CloudEvents), |word| format(&word))?,
            kinds: kinds(&self.events)?,
            repositories: patterns("repositories", self.repositories)?,
            tags: patterns("tags", self.tags)?,
            enabled: true,
        })
    }
}

/// Returns whether a scope, and the registry, may have one more webhook.
pub(crate) async fn has_room(
    catalog: &Catalog,
    scope: &EndpointScope,
) -> Result<bool, CatalogError> {
    let limit = u32::try_from(MAX_IN_SCOPE).expect("a small number");
    let siblings = catalog
        .endpoints(Some(scope), EndpointId(0), limit)
        .await?
        .iter()
        .filter(|endpoint| endpoint.scope == *scope)
        .count();
    Ok(siblings < MAX_IN_SCOPE && catalog.endpoint_count().await? < MAX_WEBHOOKS)
}

impl From<Endpoint> for WebhookItem {
    fn from(endpoint: Endpoint) -> Self {
        let settings = endpoint.settings;
        Self {
            id: endpoint.id.0,
            name: settings.name,
            namespace: match endpoint.scope {
                EndpointScope::Namespace(namespace) => Some(namespace),
                _ => None,
            },
            repository: endpoint.repository_name,
            url: settings.url,
            format: settings.format.as_str(),
            events: settings.kinds.iter().map(|kind| kind.as_str()).collect(),
            repositories: settings.repositories,
            tags: settings.tags,
            enabled: settings.enabled,
            failing_since: endpoint.failing_since,
            disabled_reason: endpoint.disabled_reason,
            created_by: endpoint.created_by,
            created_at: endpoint.created_at,
        }
    }
}

impl From<Delivery> for DeliveryItem {
    fn from(row: Delivery) -> Self {
        Self {
            id: row.id,
            event: row.event.kind.as_str(),
            occurred_at: row.event.at,
            repository: row.event.repository,
            tag: row.event.tag,
            digest: row.event.digest,
            state: row.state.as_str(),
            attempts: row.attempts,
            due_at: (row.state == DeliveryState::Pending).then_some(row.due_at),
            status: row.status,
            failure: row.excerpt,
            took_ms: row.took_ms,
            updated_at: row.updated_at,
        }
    }
}
