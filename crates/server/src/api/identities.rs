//! Who a person is elsewhere: the identities that providers and directories vouch for. The console links and unlinks them.

use axum::Json;
use axum::extract::State;
use catalog::{AccountKind, Identity};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problem::{Problem, Refusals};
use super::{Caller, Segments, people, users};
use crate::app::Shared;

/// An identity of a person.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IdentityItem {
    /// The provider's address, or the directory's name after `ldap:`.
    issuer: String,
    /// The person's name there; it never changes.
    subject: String,
    /// As the issuer said last.
    email: Option<String>,
    /// As the issuer said last.
    groups: Vec<String>,
    linked_at: Timestamp,
    last_seen_at: Timestamp,
}

#[derive(Serialize, ToSchema)]
struct IdentityList {
    items: Vec<IdentityItem>,
}

impl From<Identity> for IdentityItem {
    fn from(identity: Identity) -> Self {
        Self {
            issuer: identity.issuer,
            subject: identity.subject,
            email: identity.email,
            groups: identity.last_groups,
            linked_at: identity.created_at,
            last_seen_at: identity.last_seen_at,
        }
    }
}

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Lists the identities of a person, for the person and for who reads everything.
#[utoipa::path(
    get, path = "/users/{user}/identities", tag = "users", operation_id = "identities",
    params(("user" = String, Path, description = "The person")),
    responses((status = 200, body = IdentityList), Refusals),
)]
async fn list(
    State(app): State<Shared>,
    caller: Caller,
    Segments(name): Segments<String>,
) -> Result<Json<IdentityList>, Problem> {
    if caller.principal.name != name {
        users::readers_only(&caller)?;
    }
    let account = people::account(&app, AccountKind::User, &name).await?;
    let identities = app.catalog.identities(account.id).await?;
    let items = identities.into_iter().map(IdentityItem::from).collect();
    Ok(Json(IdentityList { items }))
}
