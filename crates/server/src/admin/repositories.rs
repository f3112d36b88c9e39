//! Repositories, from the console.

use catalog::{DeleteRepositoryError, Principal, Repository, Sparse, Visibility};
use jiff::Timestamp;
use oci::RepositoryName;

use super::{Admin, AdminError};
pub use crate::api::repositories::RepositoryItem;
use crate::api::repository::{FOLLOWS, follows_upstream};
pub use crate::api::repository::{RepositoryChange, RepositoryDetail};

/// What is set of a repository; what is left out stays.
#[derive(Debug, Default)]
pub struct RepositorySettings {
    /// Its description and whether it is open for changes.
    pub change: RepositoryChange,
    /// Who may pull.
    pub visibility: Option<Visibility>,
    /// What its manifests may leave out; the inner `None` leaves it to the server's settings.
    pub sparse: Option<SparseChoice>,
}

/// What the manifests of a repository may leave out; `None` leaves it to the server's settings.
#[derive(Clone, Copy, Debug)]
pub struct SparseChoice(pub Option<Sparse>);

impl Admin {
    /// Lists repositories by name, beginning after `after`.
    pub async fn repositories(
        &self,
        filter: &str,
        after: Option<&RepositoryName>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<RepositoryItem>, AdminError> {
        let everybody = Principal {
            superuser: true,
            ..Principal::anonymous()
        };
        let rows = self
            .catalog
            .list_repositories(&everybody, filter, after, limit, now)
            .await?;
        Ok(rows.into_iter().map(RepositoryItem::from).collect())
    }

    /// Returns a repository.
    pub async fn repository_detail(
        &self,
        name: &RepositoryName,
    ) -> Result<RepositoryDetail, AdminError> {
        Ok(RepositoryDetail::from(self.named(name).await?))
    }

    /// Creates an empty repository, which belongs to nobody but its namespace.
    pub async fn create_repository(
        &self,
        name: &RepositoryName,
        settings: &RepositorySettings,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        if self.catalog.repository(name).await?.is_some() {
            return Err(AdminError::NameTaken(name.to_string()));
        }
        let namespace = name.as_str().split('/').next().unwrap_or_default();
        if self
            .catalog
            .upstream_of_namespace(namespace)
            .await?
            .is_some()
        {
            return Err(AdminError::Unacceptable(format!(
                "`{namespace}` is a cache, its repositories come from the upstream"
            )));
        }
        settings.change.read()?;
        self.catalog
            .reserve_repository(name, &self.actor, now)
            .await?;
        self.set_repository(name, settings, now).await
    }

    /// Sets what is given of a repository.
    pub async fn set_repository(
        &self,
        name: &RepositoryName,
        settings: &RepositorySettings,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        let found = self.named(name).await?;
        let (catalog, by) = (&self.catalog, &self.actor);
        let state = settings.change.read()?;
        if state.is_some() && follows_upstream(found.state) {
            return Err(AdminError::Unacceptable(FOLLOWS.to_owned()));
        }
        if let Some(visibility) = settings.visibility {
            catalog
                .set_visibility(found.id, visibility, by, now)
                .await?;
        }
        if let Some(SparseChoice(sparse)) = settings.sparse {
            catalog.set_sparse(found.id, sparse, by, now).await?;
        }
        if let Some(description) = &settings.change.description {
            catalog
                .describe_repository(found.id, description, by, now)
                .await?;
        }
        if let Some(state) = state {
            catalog
                .set_repository_state(found.id, state, by, now)
                .await?;
        }
        Ok(())
    }

    /// Deletes a repository: its name is free at once, a running server deletes what is inside.
    pub async fn delete_repository(
        &self,
        name: &RepositoryName,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        let found = self.named(name).await?;
        let deleted = self.catalog.delete_repository(found.id, &self.actor, now);
        deleted.await.map_err(|error| match error {
            DeleteRepositoryError::NotFound => AdminError::NoRepository(name.to_string()),
            DeleteRepositoryError::Catalog(error) => error.into(),
            refused @ DeleteRepositoryError::Immutable(_) => AdminError::DeleteRepository(refused),
        })
    }

    /// Returns the repository of this name.
    pub(super) async fn named(&self, name: &RepositoryName) -> Result<Repository, AdminError> {
        let found = self.catalog.repository(name).await?;
        found.ok_or_else(|| AdminError::NoRepository(name.to_string()))
    }
}
