//! Policies: immutable versions of a text under its name.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use gate::Policy;
use serde_json::Value;

use super::problem::Problem;
use super::{administrator, caller};
use crate::app::Shared;
use crate::request::Origin;

/// `GET /api/v1/policies`: the current version of each.
pub(crate) async fn list(
    State(app): State<Shared>,
    origin: Origin,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    caller(&app, &headers, &origin).await?;
    let items: Vec<_> = app
        .catalog
        .current_policies()
        .await?
        .iter()
        .map(item)
        .collect();
    Ok(Json(serde_json::json!({ "items": items })))
}

/// `GET /api/v1/policies/{name}`: the current version with its text.
pub(crate) async fn get(
    State(app): State<Shared>,
    origin: Origin,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Result<Json<Value>, Problem> {
    caller(&app, &headers, &origin).await?;
    let current = app.catalog.current_policies().await?;
    let policy = current
        .iter()
        .find(|policy| policy.name == name)
        .ok_or_else(Problem::not_found)?;
    let mut item = item(policy);
    item["text"] = Value::from(policy.text.as_str());
    Ok(Json(item))
}

/// `PUT /api/v1/policies/{name}`: publishes the body, YAML or JSON, as the next version.
pub(crate) async fn put(
    State(app): State<Shared>,
    origin: Origin,
    headers: HeaderMap,
    Path(name): Path<String>,
    text: String,
) -> Result<Json<Value>, Problem> {
    let principal = administrator(&app, &headers, &origin).await?;
    let policy = Policy::parse(&text).map_err(|error| Problem::invalid(error.to_string()))?;
    if policy.name() != name {
        let detail = format!(
            "the address says `{name}`, the policy's `metadata.name` says `{}`",
            policy.name()
        );
        return Err(Problem::invalid(detail));
    }
    let actor = origin.actor(&principal.name);
    let published = app
        .catalog
        .publish_policy(&name, &text, &actor, app.clock.now())
        .await?;
    tracing::info!(policy = %name, version = published.version, "policy published");
    Ok(Json(item(&published)))
}

fn item(policy: &catalog::Policy) -> Value {
    serde_json::json!({
        "name": policy.name,
        "version": policy.version,
        "sha256": policy.sha256,
        "author": policy.author,
        "publishedAt": policy.published_at,
    })
}
