//! The policies in force: published texts, parsed once each.

use std::sync::Arc;

use catalog::Repository;
use gate::{Policy, Subject, starter_policy};
use moka::sync::Cache;
use oci::{Digest, Tag};

use super::JudgeError;
use crate::app::App;

/// Parsed policies by the digest of their text. The texts themselves are read from the catalog with every decision, so
/// a published change counts at once on every replica.
#[derive(Clone, Debug)]
pub(crate) struct Policies {
    parsed: Cache<(Digest, i64), Arc<Policy>>,
    starter: Arc<Policy>,
}

impl Policies {
    pub(crate) fn new() -> Self {
        Self {
            parsed: Cache::new(256),
            starter: Arc::new(starter_policy()),
        }
    }

    /// Returns those of the current policies that apply to a manifest under any of its tags; the starter policy where
    /// none does.
    pub(crate) fn applicable(
        &self,
        current: &[catalog::Policy],
        repository: &Repository,
        tags: &[Tag],
    ) -> Result<Vec<Arc<Policy>>, JudgeError> {
        let mut applicable = Vec::new();
        for row in current {
            let policy = self.parse(row)?;
            let mut subject = Subject {
                repository: repository.name.as_str(),
                ..Subject::default()
            };
            // Asked for without any tag, a policy for some tags applies: there is nothing that says it does not.
            let mut applies = tags.is_empty() && policy.applies_to(&subject);
            for tag in tags {
                subject.tag = Some(tag.as_str());
                applies = applies || policy.applies_to(&subject);
            }
            if applies {
                applicable.push(policy);
            }
        }
        if applicable.is_empty() {
            applicable.push(Arc::clone(&self.starter));
        }
        Ok(applicable)
    }

    /// Returns the names of the policies that apply to a repository whatever the tag, for people.
    pub(crate) async fn names(
        &self,
        app: &App,
        repository: &Repository,
    ) -> Result<Option<String>, JudgeError> {
        let current = app.catalog.current_policies().await?;
        let applicable = self.applicable(&current, repository, &[])?;
        let names: Vec<&str> = applicable.iter().map(|policy| policy.name()).collect();
        Ok((!names.is_empty()).then(|| names.join(", ")))
    }

    fn parse(&self, row: &catalog::Policy) -> Result<Arc<Policy>, JudgeError> {
        let key = (row.sha256.clone(), row.version);
        if let Some(policy) = self.parsed.get(&key) {
            return Ok(policy);
        }
        let policy = Policy::parse(&row.text).map_err(|source| JudgeError::Policy {
            name: row.name.clone(),
            source: Box::new(source),
        })?;
        let policy = Arc::new(policy.with_version(u32::try_from(row.version).unwrap_or(u32::MAX)));
        self.parsed.insert(key, Arc::clone(&policy));
        Ok(policy)
    }
}
