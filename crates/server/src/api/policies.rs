//! Policies: immutable versions of a text under its name.

use axum::Json;
use axum::extract::State;
use gate::Policy;
use jiff::Timestamp;
use oci::Digest;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problem::{Problem, Refusals};
use super::{Administrator, Caller, Segments};
use crate::app::Shared;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PolicyItem {
    name: String,
    /// Counts from 1 for each name.
    version: i64,
    #[schema(value_type = String)]
    sha256: Digest,
    author: String,
    published_at: Timestamp,
    /// The policy as it was published; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct PolicyList {
    items: Vec<PolicyItem>,
}

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, put))
}

/// Lists the current version of each policy.
#[utoipa::path(
    get, path = "/policies", tag = "policies", operation_id = "policies",
    responses((status = 200, body = PolicyList), Refusals),
)]
async fn list(State(app): State<Shared>, _: Caller) -> Result<Json<PolicyList>, Problem> {
    let current = app.catalog.current_policies().await?;
    Ok(Json(PolicyList {
        items: current.iter().map(item).collect(),
    }))
}

/// Returns the current version of a policy with its text.
#[utoipa::path(
    get, path = "/policies/{name}", tag = "policies", operation_id = "policy",
    params(("name" = String, Path, description = "The policy's `metadata.name`")),
    responses((status = 200, body = PolicyItem), Refusals),
)]
async fn get(
    State(app): State<Shared>,
    _: Caller,
    Segments(name): Segments<String>,
) -> Result<Json<PolicyItem>, Problem> {
    let current = app.catalog.current_policies().await?;
    let policy = current
        .iter()
        .find(|policy| policy.name == name)
        .ok_or_else(Problem::not_found)?;
    Ok(Json(PolicyItem {
        text: Some(policy.text.clone()),
        ..item(policy)
    }))
}

/// Publishes the body, YAML or JSON, as the next version of a policy.
#[utoipa::path(
    put, path = "/policies/{name}", tag = "policies", operation_id = "publishPolicy",
    params(("name" = String, Path, description = "The policy's `metadata.name`")),
    request_body(content = String, content_type = "application/yaml"),
    responses((status = 200, body = PolicyItem), Refusals),
)]
async fn put(
    State(app): State<Shared>,
    administrator: Administrator,
    Segments(name): Segments<String>,
    text: String,
) -> Result<Json<PolicyItem>, Problem> {
    let policy = Policy::parse(&text).map_err(|error| Problem::invalid(error.to_string()))?;
    if policy.name() != name {
        let detail = format!(
            "the address says `{name}`, the policy's `metadata.name` says `{}`",
            policy.name()
        );
        return Err(Problem::invalid(detail));
    }
    let published = app
        .catalog
        .publish_policy(&name, &text, &administrator.actor(), app.clock.now())
        .await?;
    tracing::info!(policy = %name, version = published.version, "policy published");
    Ok(Json(item(&published)))
}

fn item(policy: &catalog::Policy) -> PolicyItem {
    PolicyItem {
        name: policy.name.clone(),
        version: policy.version,
        sha256: policy.sha256.clone(),
        author: policy.author.clone(),
        published_at: policy.published_at,
        text: None,
    }
}
