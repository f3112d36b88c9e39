//! What is immutable, what retention ends and how much may be used, from the console.
//!
//! A scope is written as in the API: `system`, `namespace:NAME` or `repository:NAME`.

use catalog::{CatalogError, Quota, RetentionPolicy, Scope};
use jiff::Timestamp;
use oci::RepositoryName;
use serde::Serialize;

use super::{Admin, AdminError};
pub use crate::api::rules::{QuotaBody, QuotaItem, RetentionItem, RuleBody, RuleItem};
use crate::clock::Clock;
pub use crate::retention::prune::PruneReport;
use crate::retention::prune::{self, Pruning};
use crate::retention::{Policy, RetentionDocument};

/// Policies or quotas in one list.
const MAX_LIST: u32 = 10_000;

/// A policy or a quota, and where it is in force.
#[derive(Debug, Serialize)]
pub struct Scoped<T> {
    /// `system`, `namespace:NAME` or `repository:NAME`.
    pub scope: String,
    /// What is in force there.
    #[serde(flatten)]
    pub item: T,
}

impl Admin {
    /// Lists the immutability rules of a scope.
    pub async fn immutability_rules(&self, scope: &str) -> Result<Vec<RuleItem>, AdminError> {
        let scope = self.scope(scope).await?;
        let rules = self.catalog.immutability_rules(&scope).await?;
        Ok(rules.into_iter().map(RuleItem::from).collect())
    }

    /// Puts an immutability rule in force. Returns its id.
    pub async fn add_immutability_rule(
        &self,
        scope: &str,
        rule: RuleBody,
        now: Timestamp,
    ) -> Result<i64, AdminError> {
        let scope = self.scope(scope).await?;
        let rule = rule.read()?;
        let added = self
            .catalog
            .add_immutability_rule(&scope, &rule, &self.actor, now)
            .await;
        added.map_err(|error| match error {
            CatalogError::Conflict(_) => AdminError::TooManyRules,
            other => other.into(),
        })
    }

    /// Lifts an immutability rule.
    pub async fn remove_immutability_rule(
        &self,
        scope: &str,
        id: i64,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        let place = self.scope(scope).await?;
        let removed = self
            .catalog
            .delete_immutability_rule(&place, id, &self.actor, now)
            .await?;
        removed.then_some(()).ok_or_else(|| AdminError::NoRule {
            id,
            scope: scope.to_owned(),
        })
    }

    /// Lists every retention policy.
    pub async fn retention_policies(&self) -> Result<Vec<Scoped<RetentionItem>>, AdminError> {
        let mut listed = Vec::new();
        for stored in self.catalog.retention_policies(MAX_LIST).await? {
            listed.push(Scoped {
                scope: self.scope_name(&stored.scope).await?,
                item: retention_item(stored)?,
            });
        }
        Ok(listed)
    }

    /// Sets the retention policy of a scope, written as JSON.
    pub async fn set_retention(
        &self,
        scope: &str,
        policy: &str,
        is_enabled: bool,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        let scope = self.scope(scope).await?;
        let policy: RetentionDocument = serde_json::from_str(policy)
            .map_err(|error| AdminError::Unacceptable(format!("the policy is not one: {error}")))?;
        Policy::check(&policy).map_err(|error| AdminError::Unacceptable(error.to_string()))?;
        let text = serde_json::to_string(&policy).map_err(|_| CatalogError::Corrupt("policy"))?;
        self.catalog
            .set_retention(&scope, &text, is_enabled, &self.actor, now)
            .await?;
        Ok(())
    }

    /// Takes the retention policy of a scope away.
    pub async fn remove_retention(&self, scope: &str, now: Timestamp) -> Result<(), AdminError> {
        let place = self.scope(scope).await?;
        let removed = self.catalog.delete_retention(&place, &self.actor, now);
        let missing = || AdminError::NoRetention(scope.to_owned());
        removed.await?.then_some(()).ok_or_else(missing)
    }

    /// Ends what the policy in force ends in a repository; a dry run only tells.
    ///
    /// # Errors
    /// [`AdminError::NoRetention`] if no policy is in force there.
    pub async fn apply_retention(
        &self,
        repository: &RepositoryName,
        is_dry: bool,
        now: Timestamp,
    ) -> Result<PruneReport, AdminError> {
        let found = self.named(repository).await?;
        let stored = self
            .catalog
            .retention_for(found.id, &found.name)
            .await?
            .filter(|stored| stored.enabled)
            .ok_or_else(|| AdminError::NoRetentionFor(repository.clone()))?;
        let policy = Policy::parse(&stored.body).map_err(|_| CatalogError::Corrupt("policy"))?;
        let pruning = Pruning {
            catalog: &self.catalog,
            clock: &Clock::Fixed(now),
            repository: found.id,
            name: &found.name,
            by: &self.actor,
            is_dry,
        };
        Ok(prune::apply(&pruning, &policy).await?)
    }

    /// Returns what a scope uses, and its quota.
    pub async fn quota(&self, scope: &str) -> Result<Scoped<QuotaItem>, AdminError> {
        let place = self.measured(scope).await?;
        let stored = self.catalog.quota(&place).await?;
        self.quota_item(scope.to_owned(), &place, stored).await
    }

    /// Lists every quota, and what the whole registry uses.
    pub async fn quotas(&self) -> Result<Vec<Scoped<QuotaItem>>, AdminError> {
        let mut listed = Vec::new();
        let mut stored = self.catalog.quotas(None, MAX_LIST).await?;
        if !stored.iter().any(|quota| quota.scope == Scope::System) {
            let system = Scope::System.to_string();
            listed.push(self.quota_item(system, &Scope::System, None).await?);
        }
        for quota in stored.drain(..) {
            let scope = quota.scope.clone();
            let name = scope.to_string();
            listed.push(self.quota_item(name, &scope, Some(quota)).await?);
        }
        Ok(listed)
    }

    /// Sets the quota of the system or a namespace.
    pub async fn set_quota(
        &self,
        scope: &str,
        quota: &QuotaBody,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        let place = self.measured(scope).await?;
        let quota = quota.read()?;
        self.catalog
            .set_quota(&place, &quota, &self.actor, now)
            .await?;
        Ok(())
    }

    /// Takes the quota of the system or a namespace away.
    pub async fn remove_quota(&self, scope: &str, now: Timestamp) -> Result<(), AdminError> {
        let place = self.measured(scope).await?;
        let removed = self.catalog.delete_quota(&place, &self.actor, now);
        let missing = || AdminError::NoQuota(scope.to_owned());
        removed.await?.then_some(()).ok_or_else(missing)
    }

    async fn quota_item(
        &self,
        name: String,
        scope: &Scope,
        stored: Option<Quota>,
    ) -> Result<Scoped<QuotaItem>, AdminError> {
        let used = self.catalog.used_bytes(scope).await?;
        Ok(Scoped {
            scope: name,
            item: QuotaItem::new(used, stored),
        })
    }

    async fn scope(&self, text: &str) -> Result<Scope, AdminError> {
        if text == "system" {
            return Ok(Scope::System);
        }
        let unknown = || {
            AdminError::Unacceptable(format!(
                "`{text}` is no scope: write `system`, `namespace:NAME` or `repository:NAME`"
            ))
        };
        let (kind, name) = text.split_once(':').ok_or_else(unknown)?;
        let name: RepositoryName = name.parse().map_err(|_| unknown())?;
        match kind {
            "namespace" if !name.as_str().contains('/') => Ok(Scope::Namespace(name.to_string())),
            "repository" => Ok(Scope::Repository(self.named(&name).await?.id)),
            _ => Err(unknown()),
        }
    }

    /// Quotas are of the system and of namespaces.
    async fn measured(&self, text: &str) -> Result<Scope, AdminError> {
        match self.scope(text).await? {
            Scope::Repository(_) => Err(AdminError::Unacceptable(
                "a quota is of `system` or of `namespace:NAME`".to_owned(),
            )),
            other => Ok(other),
        }
    }

    /// Returns how people write a scope.
    async fn scope_name(&self, scope: &Scope) -> Result<String, AdminError> {
        let Scope::Repository(id) = scope else {
            return Ok(scope.to_string());
        };
        let found = self.catalog.repository_by_id(*id).await?;
        Ok(found.map_or_else(
            || scope.to_string(),
            |repository| format!("repository:{}", repository.name),
        ))
    }
}

fn retention_item(stored: RetentionPolicy) -> Result<RetentionItem, AdminError> {
    RetentionItem::read(stored).map_err(|_| CatalogError::Corrupt("policy").into())
}
