//! Repositories: what names point at, and the list a person sees.

use std::str::FromStr;

use jiff::Timestamp;
use oci::{Digest, RepositoryName};
use sqlx::any::AnyRow;

use crate::connection::Tx;
use crate::dialect::statements;
use crate::rows::{Columns as _, all, micros};
use crate::{Actor, AuditAction, AuditEntry, Catalog, CatalogError, Principal, RepositoryState};

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
    /// Returns the word stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Index => "index",
            Self::All => "all",
        }
    }
}

/// What stands in the row of a repository that has no setting of its own.
const DEFAULT_SPARSE: &str = "default";

/// The word is not a sparse setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sparse setting is one of none, index, all")]
pub struct UnknownSparse;

impl FromStr for Sparse {
    type Err = UnknownSparse;

    fn from_str(text: &str) -> Result<Self, UnknownSparse> {
        match text {
            "none" => Ok(Self::None),
            "index" => Ok(Self::Index),
            "all" => Ok(Self::All),
            _ => Err(UnknownSparse),
        }
    }
}

/// Who may pull from a repository without being given a role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Visibility {
    /// Nobody.
    #[default]
    Private,
    /// Everybody, also without a credential.
    Public,
}

/// The word is not a visibility.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a visibility is one of private, public")]
pub struct UnknownVisibility;

impl Visibility {
    /// Returns the word stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Public => "public",
        }
    }

    fn parse(text: &str) -> Result<Self, CatalogError> {
        text.parse()
            .map_err(|UnknownVisibility| CatalogError::Corrupt("visibility"))
    }
}

impl std::str::FromStr for Visibility {
    type Err = UnknownVisibility;

    fn from_str(text: &str) -> Result<Self, UnknownVisibility> {
        match text {
            "private" => Ok(Self::Private),
            "public" => Ok(Self::Public),
            _ => Err(UnknownVisibility),
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
    /// The name's first component; the account of this name owns the repository.
    pub namespace: String,
    /// Who may pull without being given a role.
    pub visibility: Visibility,
    /// What its manifests may leave out; `None` is what the server's settings say.
    pub sparse: Option<Sparse>,
    /// What it is open for.
    pub state: RepositoryState,
    /// What its people say about it.
    pub description: String,
    /// When it was created.
    pub created_at: Timestamp,
}

statements! {
    BY_NAME = "SELECT id, name, namespace, visibility, sparse, state, description, created_at FROM repository WHERE live_name = $1";
    BY_ID = "SELECT id, name, namespace, visibility, sparse, state, description, created_at FROM repository WHERE id = $1 AND live_name IS NOT NULL";
    HOLDING = "SELECT r.id, r.name, r.namespace, r.visibility, r.sparse, r.state, r.description, r.created_at FROM repository r
        WHERE r.live_name IS NOT NULL AND EXISTS (SELECT 1 FROM manifest m
            WHERE m.repository_id = r.id AND m.digest = $1 AND m.deleted_at IS NULL)
        ORDER BY r.live_name";
    INSERT = "INSERT INTO repository (name, live_name, namespace, visibility, sparse, created_by, created_at)
        VALUES ($1, $1, $4, 'private', 'default', $2, $3)
        ON CONFLICT (live_name) DO NOTHING RETURNING id, name, namespace, visibility, sparse, state, description, created_at";
    SET_SPARSE = "UPDATE repository SET sparse = $2 WHERE id = $1 AND live_name IS NOT NULL";
    SET_VISIBILITY = "UPDATE repository SET visibility = $2 WHERE id = $1 AND live_name IS NOT NULL RETURNING name";
}

impl Catalog {
    /// Returns the live repository of this name.
    pub async fn repository(
        &self,
        name: &RepositoryName,
    ) -> Result<Option<Repository>, CatalogError> {
        let row = self
            .dialect
            .query(BY_NAME)
            .bind(name.to_string())
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read_repository).transpose()
    }

    /// Returns the live repository of this id.
    pub async fn repository_by_id(
        &self,
        id: RepositoryId,
    ) -> Result<Option<Repository>, CatalogError> {
        let row = self
            .dialect
            .query(BY_ID)
            .bind(id.0)
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read_repository).transpose()
    }

    /// Returns the live repositories that hold a manifest, by name.
    pub async fn repositories_of(
        &self,
        manifest: &Digest,
    ) -> Result<Vec<Repository>, CatalogError> {
        let query = self.dialect.query(HOLDING).bind(manifest.to_string());
        let rows = query.fetch_all(&self.reader).await?;
        all(rows, |row| read_repository(&row))
    }

    /// Returns the repository, creating it if needed. An account that creates one becomes its admin, a robot a writer.
    pub async fn ensure_repository(
        &self,
        name: &RepositoryName,
        creator: &Principal,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Repository, CatalogError> {
        if let Some(found) = self.repository(name).await? {
            return Ok(found);
        }
        let mut tx = self.begin().await?;
        let (repository, created) = self.ensure_repository_in(&mut tx, name, by, now).await?;
        if created {
            self.grant_first_in(&mut tx, repository.id, creator, now)
                .await?;
            self.apply_defaults_in(&mut tx, repository.id, name, creator.id, now)
                .await?;
        }
        tx.commit().await?;
        Ok(repository)
    }

    /// Returns the repository, creating it empty if needed; nobody is given a role.
    pub async fn reserve_repository(
        &self,
        name: &RepositoryName,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Repository, CatalogError> {
        let mut tx = self.begin().await?;
        let (repository, _) = self.ensure_repository_in(&mut tx, name, by, now).await?;
        tx.commit().await?;
        Ok(repository)
    }

    /// Sets what the repository's manifests may leave out; `None` leaves it to the server's settings. Returns whether
    /// the repository exists.
    pub async fn set_sparse(
        &self,
        repository: RepositoryId,
        sparse: Option<Sparse>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let word = sparse.map_or(DEFAULT_SPARSE, Sparse::as_str);
        let mut tx = self.begin().await?;
        let updated = self
            .dialect
            .query(SET_SPARSE)
            .bind(repository.0)
            .bind(word)
            .execute(&mut *tx)
            .await?;
        if updated.rows_affected() == 0 {
            return Ok(false);
        }
        let name = self.repository_name_in(&mut tx, repository).await?;
        let entry = AuditEntry {
            detail: Some(word),
            ..AuditEntry::on(AuditAction::RepositorySparse, name.as_deref(), None)
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Opens a repository to everybody, or closes it. Returns whether it exists.
    pub async fn set_visibility(
        &self,
        repository: RepositoryId,
        visibility: Visibility,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        let query = self.dialect.query(SET_VISIBILITY).bind(repository.0);
        let query = query.bind(visibility.as_str());
        let Some(row) = query.fetch_optional(&mut *tx).await? else {
            return Ok(false);
        };
        let name = row.text("name")?;
        let entry = AuditEntry {
            detail: Some(visibility.as_str()),
            ..AuditEntry::on(AuditAction::VisibilitySet, Some(&name), None)
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Returns the repository and whether it was created now.
    pub(crate) async fn ensure_repository_in(
        &self,
        tx: &mut Tx,
        name: &RepositoryName,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(Repository, bool), CatalogError> {
        let inserted = self
            .dialect
            .query(INSERT)
            .bind(name.to_string())
            .bind(by.name.clone())
            .bind(micros(now))
            .bind(namespace_of(name).to_owned())
            .fetch_optional(&mut **tx)
            .await?;
        if let Some(row) = inserted {
            let entry = AuditEntry::on(AuditAction::RepositoryCreate, Some(name.as_str()), None);
            self.audit_in(tx, &entry, by, now).await?;
            return Ok((read_repository(&row)?, true));
        }
        let row = self
            .dialect
            .query(BY_NAME)
            .bind(name.to_string())
            .fetch_one(&mut **tx)
            .await?;
        Ok((read_repository(&row)?, false))
    }
}

/// Returns the name's first component; the account of that name owns the repository.
pub(crate) fn namespace_of(name: &RepositoryName) -> &str {
    let name = name.as_str();
    name.split_once('/').map_or(name, |(first, _)| first)
}

pub(crate) fn read_repository(row: &AnyRow) -> Result<Repository, CatalogError> {
    Ok(Repository {
        id: RepositoryId(row.int("id")?),
        name: row.repository_name("name")?,
        namespace: row.text("namespace")?,
        visibility: Visibility::parse(&row.text("visibility")?)?,
        sparse: read_sparse(&row.text("sparse")?)?,
        state: RepositoryState::parse(&row.text("state")?)?,
        description: row.text("description")?,
        created_at: row.time("created_at")?,
    })
}

pub(crate) fn read_sparse(text: &str) -> Result<Option<Sparse>, CatalogError> {
    if text == DEFAULT_SPARSE {
        return Ok(None);
    }
    let sparse = text.parse();
    sparse
        .map(Some)
        .map_err(|_| CatalogError::Corrupt("sparse setting"))
}
