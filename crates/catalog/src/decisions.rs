//! Decisions: each verdict that a door acted on, as a document that can be shown and replayed.

use jiff::Timestamp;
use oci::{Digest, RepositoryName, Tag};
use uuid::Uuid;

use crate::{Catalog, CatalogError, RepositoryId};

/// A decision to be stored.
#[derive(Clone, Debug)]
pub struct NewDecision {
    /// Its id, made by the caller.
    pub id: Uuid,
    /// The repository it was made in.
    pub repository: RepositoryId,
    /// The manifest it is about.
    pub digest: Digest,
    /// The tag that was asked for, if one was.
    pub tag: Option<Tag>,
    /// `push`, `pull`, `deploy`, `ci`.
    pub door: String,
    /// The policy it was made with.
    pub policy_sha256: Digest,
    /// `allow`, `warn`, `deny`, `pending`.
    pub verdict: String,
    /// The decision, as JSON.
    pub document: String,
    /// Until when the same inputs give the same answer; `None` for ever.
    pub valid_until: Option<Timestamp>,
}

/// A decision as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Its id.
    pub id: Uuid,
    /// The repository it was made in.
    pub repository: RepositoryId,
    /// That repository's name.
    pub repository_name: RepositoryName,
    /// The manifest it is about.
    pub digest: Digest,
    /// The tag that was asked for, if one was.
    pub tag: Option<Tag>,
    /// `push`, `pull`, `deploy`, `ci`.
    pub door: String,
    /// The policy it was made with.
    pub policy_sha256: Digest,
    /// `allow`, `warn`, `deny`, `pending`.
    pub verdict: String,
    /// The decision, as JSON.
    pub document: String,
    /// Until when the same inputs give the same answer; `None` for ever.
    pub valid_until: Option<Timestamp>,
    /// When it was made.
    pub decided_at: Timestamp,
}

impl Catalog {
    /// Stores a decision; it becomes the current one of its manifest in its repository.
    pub async fn put_decision(
        &self,
        decision: &NewDecision,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        todo!()
    }

    /// Returns a decision. The caller checks the right to read its repository.
    pub async fn decision(&self, id: Uuid) -> Result<Option<Decision>, CatalogError> {
        todo!()
    }

    /// Returns the last decision about a manifest under one policy.
    pub async fn latest_decision(
        &self,
        repository: RepositoryId,
        digest: &Digest,
        policy_sha256: &Digest,
    ) -> Result<Option<Decision>, CatalogError> {
        todo!()
    }

    /// Returns the current decision about a manifest, under whatever policy: what lists show.
    pub async fn current_decision(
        &self,
        repository: RepositoryId,
        digest: &Digest,
    ) -> Result<Option<Decision>, CatalogError> {
        todo!()
    }

    /// Lists a repository's decisions, latest first, beginning after the decision `after`.
    pub async fn list_decisions(
        &self,
        repository: RepositoryId,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Decision>, CatalogError> {
        todo!()
    }
}
