//! Policies: immutable versions of a text under a name.

use jiff::Timestamp;
use oci::Digest;

use crate::{Actor, Catalog, CatalogError};

/// One version of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The name.
    pub name: String,
    /// The version, counted from 1.
    pub version: i64,
    /// The text.
    pub text: String,
    /// The text's digest.
    pub sha256: Digest,
    /// Who published it.
    pub author: String,
    /// When.
    pub published_at: Timestamp,
}

impl Catalog {
    /// Publishes a text as the next version. The same text as the current version is not published again; its
    /// version is returned.
    pub async fn publish_policy(
        &self,
        name: &str,
        text: &str,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Policy, CatalogError> {
        todo!()
    }

    /// Returns the current version of every policy, by name.
    pub async fn current_policies(&self) -> Result<Vec<Policy>, CatalogError> {
        todo!()
    }

    /// Returns one version of a policy.
    pub async fn policy(&self, name: &str, version: i64) -> Result<Option<Policy>, CatalogError> {
        todo!()
    }
}
