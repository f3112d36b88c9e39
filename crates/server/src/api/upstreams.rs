//! Other registries: where they are, and what is cached of them. Their secrets come in and never go out.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{CatalogError, CredentialChange, Upstream};
use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problem::{Problem, Refusals};
use super::{Administrator, Body, Segments};
use crate::app::{App, Shared};
use crate::upstream::ROOT_CONFLICT;
use crate::upstream::settings::{self, Written};

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UpstreamBody {
    /// What administrators call it. A new one needs it; in a change it is in the address.
    #[serde(default)]
    name: Option<String>,
    /// `https://registry.example.com`; `docker.io` means Docker Hub.
    url: String,
    #[expect(clippy::option_option, reason = "`null` is told from nothing")]
    /// What to sign in with. Absent in a change, the stored one stays, unless `url` or `realms` change; `null` removes
    /// it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<CredentialBody>)]
    credential: Option<Option<CredentialBody>>,
    /// Other addresses that may see the credential, because the upstream's tokens come from there.
    #[serde(default)]
    realms: Vec<String>,
    /// Names below this first component are cached from the upstream. Without one it is a source of mirrors only.
    #[serde(default)]
    namespace: Option<String>,
    /// Put before the name on the upstream.
    #[serde(default)]
    prefix: String,
    /// Patterns of names on the upstream that are cached; empty caches all.
    #[serde(default)]
    allow: Vec<String>,
    /// Patterns of names on the upstream that are not.
    #[serde(default)]
    deny: Vec<String>,
    /// How long a tag is served without asking again, 600 if absent.
    #[serde(default)]
    ttl_seconds: Option<u64>,
    /// How long a tag is kept after its last pull; absent, for ever.
    #[serde(default)]
    keep_seconds: Option<u64>,
    /// Whether everybody who is signed in may pull through it.
    #[serde(default)]
    signed_in_read: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CredentialBody {
    username: String,
    /// A password or token. It is never shown again.
    #[schema(value_type = String, format = Password)]
    secret: SecretText,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct SecretText(String);

/// Tells `null` from nothing.
#[expect(clippy::option_option, reason = "that is what it is for")]
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// An upstream, without its secret.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpstreamItem {
    name: String,
    url: String,
    /// The name it signs in with.
    username: Option<String>,
    has_credential: bool,
    realms: Vec<String>,
    namespace: Option<String>,
    prefix: String,
    allow: Vec<String>,
    deny: Vec<String>,
    ttl_seconds: u64,
    keep_seconds: Option<u64>,
    signed_in_read: bool,
    created_by: String,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// The stored credential was given for another address and is gone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dropped_credential: bool,
}

#[derive(Serialize, ToSchema)]
struct UpstreamList {
    items: Vec<UpstreamItem>,
}

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
}

impl UpstreamBody {
    /// Returns what was written, and what is to become of the stored credential.
    fn written(self) -> (Written, CredentialChange) {
        let credential = self
            .credential
            .map(|given| given.map(|given| (given.username, SecretString::from(given.secret.0))));
        let written = Written {
            url: self.url,
            credential: credential.clone().flatten(),
            realms: self.realms,
            namespace: self.namespace,
            prefix: self.prefix,
            allow: self.allow,
            deny: self.deny,
            ttl: self.ttl_seconds.map(Duration::from_secs),
            keep: self.keep_seconds.map(Duration::from_secs),
            signed_in_read: self.signed_in_read,
        };
        let change = credential.map_or(CredentialChange::Keep, CredentialChange::Set);
        (written, change)
    }
}

/// Returns what is shown of it.
pub(crate) fn item(upstream: Upstream, dropped_credential: bool) -> UpstreamItem {
    let settings = upstream.settings;
    UpstreamItem {
        name: upstream.name,
        url: settings.url,
        username: settings.username,
        has_credential: settings.secret.is_some(),
        realms: settings.realms,
        namespace: settings.namespace,
        prefix: settings.prefix,
        allow: settings.allow,
        deny: settings.deny,
        ttl_seconds: settings.ttl.as_secs(),
        keep_seconds: settings.keep.map(|keep| keep.as_secs()),
        signed_in_read: settings.signed_in_read,
        created_by: upstream.created_by,
        created_at: upstream.created_at,
        updated_at: upstream.updated_at,
        dropped_credential,
    }
}

/// Refuses a namespace that holds repositories of its own: caching would end their tags.
async fn refuse_taken(app: &App, namespace: Option<&str>) -> Result<(), Problem> {
    let Some(namespace) = namespace else {
        return Ok(());
    };
    match app.catalog.uncached_repository_in(namespace).await? {
        None => Ok(()),
        Some(name) => Err(Problem::conflict(format!(
            "the repository {name} was pushed here, {ROOT_CONFLICT}"
        ))),
    }
}

fn taken(error: CatalogError) -> Problem {
    match error {
        CatalogError::Conflict(_) => {
            Problem::conflict("an upstream of this name or with this namespace exists already")
        }
        other => other.into(),
    }
}

/// Lists the upstreams, without their secrets.
#[utoipa::path(
    get, path = "/upstreams", tag = "upstreams", operation_id = "upstreams",
    responses((status = 200, body = UpstreamList), Refusals),
)]
async fn list(State(app): State<Shared>, _: Administrator) -> Result<Json<UpstreamList>, Problem> {
    let upstreams = app.catalog.list_upstreams().await?;
    let items = upstreams.into_iter().map(|upstream| item(upstream, false));
    Ok(Json(UpstreamList {
        items: items.collect(),
    }))
}

/// Sets up an upstream; with a namespace, its images can be pulled through this registry at once.
#[utoipa::path(
    post, path = "/upstreams", tag = "upstreams", operation_id = "createUpstream",
    request_body = UpstreamBody,
    responses((status = 201, body = UpstreamItem), Refusals),
)]
async fn create(
    State(app): State<Shared>,
    administrator: Administrator,
    Body(body): Body<UpstreamBody>,
) -> Result<(StatusCode, Json<UpstreamItem>), Problem> {
    let name = body.name.clone().unwrap_or_default();
    settings::name(&name)?;
    let (written, _) = body.written();
    let checked = settings::upstream(written, &app.outbound)?;
    refuse_taken(&app, checked.namespace.as_deref()).await?;
    let upstream = app
        .catalog
        .create_upstream(&name, &checked, &administrator.actor(), app.clock.now())
        .await
        .map_err(taken)?;
    app.upstreams.changed().await;
    Ok((StatusCode::CREATED, Json(item(upstream, false))))
}

/// Shows an upstream, without its secret.
#[utoipa::path(
    get, path = "/upstreams/{name}", tag = "upstreams", operation_id = "upstream",
    params(("name" = String, Path, description = "What administrators call it")),
    responses((status = 200, body = UpstreamItem), Refusals),
)]
async fn get(
    State(app): State<Shared>,
    _: Administrator,
    Segments(name): Segments<String>,
) -> Result<Json<UpstreamItem>, Problem> {
    settings::name(&name).map_err(|_| Problem::not_found())?;
    let found = app.catalog.upstream(&name).await?;
    let upstream = found.ok_or_else(Problem::not_found)?;
    Ok(Json(item(upstream, false)))
}

/// Replaces what is known about an upstream. A stored secret never follows a changed address.
#[utoipa::path(
    put, path = "/upstreams/{name}", tag = "upstreams", operation_id = "updateUpstream",
    params(("name" = String, Path, description = "What administrators call it")),
    request_body = UpstreamBody,
    responses((status = 200, body = UpstreamItem), Refusals),
)]
async fn update(
    State(app): State<Shared>,
    administrator: Administrator,
    Segments(name): Segments<String>,
    Body(body): Body<UpstreamBody>,
) -> Result<Json<UpstreamItem>, Problem> {
    settings::name(&name).map_err(|_| Problem::not_found())?;
    if body.name.as_ref().is_some_and(|own| *own != name) {
        return Err(Problem::invalid(
            "`name` does not change, set up another upstream",
        ));
    }
    let (written, change) = body.written();
    let checked = settings::upstream(written, &app.outbound)?;
    refuse_taken(&app, checked.namespace.as_deref()).await?;
    let updated = app
        .catalog
        .update_upstream(
            &name,
            &checked,
            &change,
            &administrator.actor(),
            app.clock.now(),
        )
        .await
        .map_err(taken)?
        .ok_or_else(Problem::not_found)?;
    app.upstreams.changed().await;
    Ok(Json(item(updated.upstream, updated.dropped_credential)))
}

/// Removes an upstream. What was cached stays and can be pulled and pushed like anything else.
#[utoipa::path(
    delete, path = "/upstreams/{name}", tag = "upstreams", operation_id = "deleteUpstream",
    params(("name" = String, Path, description = "What administrators call it")),
    responses((status = 204, description = "It is gone"), Refusals),
)]
async fn delete(
    State(app): State<Shared>,
    administrator: Administrator,
    Segments(name): Segments<String>,
) -> Result<StatusCode, Problem> {
    settings::name(&name).map_err(|_| Problem::not_found())?;
    let deleted = app
        .catalog
        .delete_upstream(&name, &administrator.actor(), app.clock.now())
        .await
        .map_err(|error| match error {
            CatalogError::Conflict(_) => {
                Problem::conflict("a mirror copies from this upstream, end the mirror first")
            }
            other => other.into(),
        })?;
    if !deleted {
        return Err(Problem::not_found());
    }
    app.upstreams.changed().await;
    Ok(StatusCode::NO_CONTENT)
}
