//! Rules by scope: what is immutable, what retention ends, how much may be used.
//!
//! A scope is one segment: `system`, `namespace:NAME` or `repository:NAME`, a name's slashes written as `%2F`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{
    ImmutabilityRule, NewImmutabilityRule, NewQuota, Pattern, Quota, RetentionPolicy, Role, Scope,
};
use jiff::Timestamp;
use oci::RepositoryName;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::governed::{governed, with_role};
use super::problem::{Problem, Refusals};
use super::{Body, Caller, Credentialed, Segments};
use crate::app::Shared;
use crate::error::ApiError;
use crate::retention::prune::{self, PruneReport, Pruning};
use crate::retention::{Policy, RetentionDocument};
use crate::written::Unacceptable;

/// What a rule matches; what is left out matches everything.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RuleBody {
    /// Repositories: a glob, or `regex:` and an expression; the whole name must match.
    pub repository: Option<String>,
    /// Tags, likewise.
    pub tag: Option<String>,
    /// Images with this label or annotation.
    pub label: Option<String>,
    /// The label's value, as a pattern.
    pub label_value: Option<String>,
}

/// A rule in force.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuleItem {
    id: i64,
    rule: RuleBody,
    created_by: String,
    created_at: Timestamp,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct RuleList {
    items: Vec<RuleItem>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct RuleAdded {
    id: i64,
}

/// A retention policy as stored.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetentionItem {
    policy: RetentionDocument,
    enabled: bool,
    author: String,
    updated_at: Timestamp,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetentionBody {
    pub(crate) policy: RetentionDocument,
    /// One that is not enabled ends nothing, and keeps farther ones away too.
    pub(crate) enabled: bool,
}

/// A quota to be set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QuotaBody {
    /// How many bytes may be used.
    pub limit_bytes: u64,
    /// From how many hundredths on pushes carry a warning; 1 to 100.
    pub warn_percent: u8,
    /// Whether pushes beyond it are refused.
    pub refuses: bool,
}

/// What is used, and the quota.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuotaItem {
    pub(crate) used_bytes: u64,
    /// `null` without a quota.
    pub(crate) limit_bytes: Option<u64>,
    pub(crate) warn_percent: Option<u8>,
    pub(crate) refuses: Option<bool>,
}

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(immutability, add_immutability))
        .routes(routes!(delete_immutability))
        .routes(routes!(retention, set_retention, delete_retention))
        .routes(routes!(preview))
        .routes(routes!(quota, set_quota, delete_quota))
}

/// Returns the immutability rules of a scope.
#[utoipa::path(
    get, path = "/immutability/{scope}", tag = "rules", operation_id = "immutabilityRules",
    params(("scope" = String, Path, description = "The scope")),
    responses((status = 200, body = RuleList), Refusals),
)]
async fn immutability(
    State(app): State<Shared>,
    caller: Caller,
    Segments(scope): Segments<String>,
) -> Result<Json<RuleList>, Problem> {
    let scope = governed(&app, &caller, &scope).await?;
    let rules = app.catalog.immutability_rules(&scope).await?;
    Ok(Json(RuleList {
        items: rules.into_iter().map(RuleItem::from).collect(),
    }))
}

/// Puts an immutability rule in force.
#[utoipa::path(
    post, path = "/immutability/{scope}", tag = "rules", operation_id = "addImmutabilityRule",
    params(("scope" = String, Path, description = "The scope")),
    request_body = RuleBody,
    responses((status = 201, body = RuleAdded), Refusals),
)]
pub(crate) async fn add_immutability(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments(scope): Segments<String>,
    Body(rule): Body<RuleBody>,
) -> Result<(StatusCode, Json<RuleAdded>), Problem> {
    let scope = governed(&app, &caller, &scope).await?;
    let rule = rule.read()?;
    let added = app
        .catalog
        .add_immutability_rule(&scope, &rule, &caller.actor(), app.clock.now())
        .await;
    match added {
        Ok(id) => Ok((StatusCode::CREATED, Json(RuleAdded { id }))),
        Err(catalog::CatalogError::Conflict(_)) => Err(Problem::conflict(
            "the scope has as many rules as it may have, lift one first",
        )),
        Err(error) => Err(error.into()),
    }
}

/// Lifts an immutability rule.
#[utoipa::path(
    delete, path = "/immutability/{scope}/{id}", tag = "rules", operation_id = "deleteImmutabilityRule",
    params(
        ("scope" = String, Path, description = "The scope"),
        ("id" = i64, Path, description = "The rule"),
    ),
    responses((status = 204), Refusals),
)]
pub(crate) async fn delete_immutability(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments((scope, id)): Segments<(String, i64)>,
) -> Result<StatusCode, Problem> {
    let scope = governed(&app, &caller, &scope).await?;
    let deleted = app
        .catalog
        .delete_immutability_rule(&scope, id, &caller.actor(), app.clock.now())
        .await?;
    found(deleted)
}

/// Returns the retention policy of a scope itself.
#[utoipa::path(
    get, path = "/retention/{scope}", tag = "rules", operation_id = "retentionPolicy",
    params(("scope" = String, Path, description = "The scope")),
    responses((status = 200, body = RetentionItem), Refusals),
)]
async fn retention(
    State(app): State<Shared>,
    caller: Caller,
    Segments(scope): Segments<String>,
) -> Result<Json<RetentionItem>, Problem> {
    let scope = governed(&app, &caller, &scope).await?;
    let stored = app.catalog.retention(&scope).await?;
    let stored = stored.ok_or_else(Problem::not_found)?;
    let item = RetentionItem::read(stored).map_err(ApiError::fault)?;
    Ok(Json(item))
}

/// Sets the retention policy of a scope. The nearest one is in force: the repository's, its namespace's, the system's.
#[utoipa::path(
    put, path = "/retention/{scope}", tag = "rules", operation_id = "setRetentionPolicy",
    params(("scope" = String, Path, description = "The scope")),
    request_body = RetentionBody,
    responses((status = 204), Refusals),
)]
pub(crate) async fn set_retention(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments(scope): Segments<String>,
    Body(body): Body<RetentionBody>,
) -> Result<StatusCode, Problem> {
    let scope = governed(&app, &caller, &scope).await?;
    Policy::check(&body.policy).map_err(|error| Problem::invalid(error.to_string()))?;
    let text = serde_json::to_string(&body.policy).map_err(ApiError::fault)?;
    app.catalog
        .set_retention(
            &scope,
            &text,
            body.enabled,
            &caller.actor(),
            app.clock.now(),
        )
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes the retention policy of a scope away.
#[utoipa::path(
    delete, path = "/retention/{scope}", tag = "rules", operation_id = "deleteRetentionPolicy",
    params(("scope" = String, Path, description = "The scope")),
    responses((status = 204), Refusals),
)]
pub(crate) async fn delete_retention(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments(scope): Segments<String>,
) -> Result<StatusCode, Problem> {
    let scope = governed(&app, &caller, &scope).await?;
    let deleted = app
        .catalog
        .delete_retention(&scope, &caller.actor(), app.clock.now())
        .await?;
    found(deleted)
}

/// Returns what the policy in force would end in a repository now, and ends nothing.
#[utoipa::path(
    get, path = "/repositories/{name}/retention/preview", tag = "rules", operation_id = "retentionPreview",
    params(("name" = String, Path, description = "The repository")),
    responses((status = 200, body = PruneReport), Refusals),
)]
async fn preview(
    State(app): State<Shared>,
    caller: Caller,
    Segments(name): Segments<RepositoryName>,
) -> Result<Json<PruneReport>, Problem> {
    let repository = with_role(&app, &caller, &name, Role::Admin).await?;
    let stored = app
        .catalog
        .retention_for(repository.id, &repository.name)
        .await?;
    let Some(stored) = stored.filter(|stored| stored.enabled) else {
        return Ok(Json(PruneReport::default()));
    };
    let policy = Policy::parse(&stored.body).map_err(ApiError::fault)?;
    let pruning = Pruning {
        catalog: &app.catalog,
        clock: &app.clock,
        repository: repository.id,
        name: &repository.name,
        by: &caller.actor(),
        is_dry: true,
    };
    Ok(Json(prune::apply(&pruning, &policy).await?))
}

/// Returns what the system or a namespace uses, and its quota.
#[utoipa::path(
    get, path = "/quotas/{scope}", tag = "rules", operation_id = "quota",
    params(("scope" = String, Path, description = "`system` or `namespace:NAME`")),
    responses((status = 200, body = QuotaItem), Refusals),
)]
pub(crate) async fn quota(
    State(app): State<Shared>,
    caller: Caller,
    Segments(scope): Segments<String>,
) -> Result<Json<QuotaItem>, Problem> {
    let scope = measured(governed(&app, &caller, &scope).await?)?;
    let stored = app.catalog.quota(&scope).await?;
    let used = app.catalog.used_bytes(&scope).await?;
    Ok(Json(QuotaItem::new(used, stored)))
}

/// Sets the quota of the system or a namespace; only an administrator may.
#[utoipa::path(
    put, path = "/quotas/{scope}", tag = "rules", operation_id = "setQuota",
    params(("scope" = String, Path, description = "`system` or `namespace:NAME`")),
    request_body = QuotaBody,
    responses((status = 204), Refusals),
)]
pub(crate) async fn set_quota(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments(scope): Segments<String>,
    Body(body): Body<QuotaBody>,
) -> Result<StatusCode, Problem> {
    let scope = measured(governed(&app, &caller, &scope).await?)?;
    administrator(&caller)?;
    let quota = body.read()?;
    app.catalog
        .set_quota(&scope, &quota, &caller.actor(), app.clock.now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes the quota of the system or a namespace away; only an administrator may.
#[utoipa::path(
    delete, path = "/quotas/{scope}", tag = "rules", operation_id = "deleteQuota",
    params(("scope" = String, Path, description = "`system` or `namespace:NAME`")),
    responses((status = 204), Refusals),
)]
pub(crate) async fn delete_quota(
    State(app): State<Shared>,
    caller: Credentialed,
    Segments(scope): Segments<String>,
) -> Result<StatusCode, Problem> {
    let scope = measured(governed(&app, &caller, &scope).await?)?;
    administrator(&caller)?;
    let deleted = app
        .catalog
        .delete_quota(&scope, &caller.actor(), app.clock.now())
        .await?;
    found(deleted)
}

/// Quotas are of the system and of namespaces.
fn measured(scope: Scope) -> Result<Scope, Problem> {
    match scope {
        Scope::Repository(_) => Err(Problem::not_found()),
        other => Ok(other),
    }
}

/// Who owns a namespace does not decide how much it may use.
fn administrator(caller: &Caller) -> Result<(), Problem> {
    if caller.principal.superuser {
        Ok(())
    } else {
        Err(Problem::forbidden("only an administrator may do this"))
    }
}

fn pattern(field: &str, text: Option<&str>) -> Result<Option<Pattern>, Unacceptable> {
    text.map(str::parse)
        .transpose()
        .map_err(|error| Unacceptable::new(format!("`{field}`: {error}")))
}

impl RuleBody {
    /// Checks what was written.
    pub(crate) fn read(self) -> Result<NewImmutabilityRule, Unacceptable> {
        if self.label.is_none() && self.label_value.is_some() {
            return Err(Unacceptable::new("`labelValue` needs `label`"));
        }
        let is_odd = |label: &String| label.is_empty() || label.len() > 256 || label.contains('\0');
        if self.label.as_ref().is_some_and(is_odd) {
            return Err(Unacceptable::new("`label` has 1 to 256 bytes and no NUL"));
        }
        Ok(NewImmutabilityRule {
            repository: pattern("repository", self.repository.as_deref())?,
            tag: pattern("tag", self.tag.as_deref())?,
            label: self.label,
            label_value: pattern("labelValue", self.label_value.as_deref())?,
        })
    }
}

impl QuotaBody {
    /// Checks what was written.
    pub(crate) fn read(&self) -> Result<NewQuota, Unacceptable> {
        if !(1..=100).contains(&self.warn_percent) || i64::try_from(self.limit_bytes).is_err() {
            return Err(Unacceptable::new(
                "`warnPercent` is 1 to 100, `limitBytes` below 2^63",
            ));
        }
        Ok(NewQuota {
            limit_bytes: self.limit_bytes,
            warn_percent: self.warn_percent,
            refuses: self.refuses,
        })
    }
}

impl QuotaItem {
    pub(crate) fn new(used_bytes: u64, stored: Option<Quota>) -> Self {
        let quota = stored.map(|stored| stored.quota);
        Self {
            used_bytes,
            limit_bytes: quota.map(|quota| quota.limit_bytes),
            warn_percent: quota.map(|quota| quota.warn_percent),
            refuses: quota.map(|quota| quota.refuses),
        }
    }
}

impl RetentionItem {
    /// Reads what is stored.
    pub(crate) fn read(stored: RetentionPolicy) -> Result<Self, serde_json::Error> {
        Ok(Self {
            policy: serde_json::from_str(&stored.body)?,
            enabled: stored.enabled,
            author: stored.author,
            updated_at: stored.updated_at,
        })
    }
}

impl From<ImmutabilityRule> for RuleItem {
    fn from(rule: ImmutabilityRule) -> Self {
        let text = |pattern: Option<Pattern>| pattern.map(|pattern| pattern.to_string());
        Self {
            id: rule.id,
            rule: RuleBody {
                repository: text(rule.rule.repository),
                tag: text(rule.rule.tag),
                label: rule.rule.label,
                label_value: text(rule.rule.label_value),
            },
            created_by: rule.created_by,
            created_at: rule.created_at,
        }
    }
}

fn found(is_there: bool) -> Result<StatusCode, Problem> {
    if is_there {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found())
    }
}
