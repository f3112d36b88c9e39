//! Repositories: what names point at, and the list a person sees.

use evidence::Grade;
use jiff::Timestamp;
use oci::RepositoryName;

use crate::{Actor, Catalog, CatalogError, Principal};

/// The id of a repository. A name that is deleted and taken again has a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryId(pub i64);

/// What a manifest may refer to without its being there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sparse {
    /// Nothing: children, configuration and layers must be present.
    None,
    /// Children of an index may be missing; they are shown as missing.
    #[default]
    Index,
    /// Configuration and layers may be missing too.
    All,
}

impl Sparse {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Index => "index",
            Self::All => "all",
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, CatalogError> {
        match text {
            "none" => Ok(Self::None),
            "index" => Ok(Self::Index),
            "all" => Ok(Self::All),
            _ => Err(CatalogError::Corrupt("sparse setting")),
        }
    }
}

/// A repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// The id that everything inside is bound to.
    pub id: RepositoryId,
    /// The name.
    pub name: RepositoryName,
    /// What its manifests may leave out.
    pub sparse: Sparse,
    /// When it was created.
    pub created_at: Timestamp,
}

/// How many live tags carry which verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerdictCounts {
    /// `allow`.
    pub allow: u64,
    /// `warn`.
    pub warn: u64,
    /// `deny`.
    pub deny: u64,
    /// `pending`, or not judged yet.
    pub pending: u64,
}

/// One line of the list of repositories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositorySummary {
    /// The repository.
    pub repository: Repository,
    /// How many live tags it has.
    pub tag_count: u64,
    /// When a tag last moved.
    pub last_push: Option<Timestamp>,
    /// The worst health grade among its tagged images; `None` if none has been graded.
    pub worst_grade: Option<Grade>,
    /// The verdicts of its tags.
    pub verdicts: VerdictCounts,
}

impl Catalog {
    /// Returns the live repository of this name.
    pub async fn repository(
        &self,
        name: &RepositoryName,
    ) -> Result<Option<Repository>, CatalogError> {
        todo!()
    }

    /// Returns the repository of this id.
    pub async fn repository_by_id(
        &self,
        id: RepositoryId,
    ) -> Result<Option<Repository>, CatalogError> {
        todo!()
    }

    /// Returns the repository, creating it if needed. An account that creates one becomes its admin, a robot a writer.
    pub async fn ensure_repository(
        &self,
        name: &RepositoryName,
        creator: &Principal,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Repository, CatalogError> {
        todo!()
    }

    /// Sets what the repository's manifests may leave out. Returns whether the repository exists.
    pub async fn set_sparse(
        &self,
        repository: RepositoryId,
        sparse: Sparse,
    ) -> Result<bool, CatalogError> {
        todo!()
    }

    /// Lists the repositories that `viewer` may pull and whose name contains `query`, by name, beginning after `after`.
    pub async fn list_repositories(
        &self,
        viewer: &Principal,
        query: &str,
        after: Option<&RepositoryName>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<RepositorySummary>, CatalogError> {
        todo!()
    }
}
