//! Repositories: what names point at, and the list a person sees.

use evidence::Grade;
use jiff::Timestamp;
use oci::{Digest, RepositoryName};
use sqlx::any::AnyRow;

use crate::connection::Tx;
use crate::dialect::statements;
use crate::evidence_rows::read_grade;
use crate::rows::{Columns as _, all, containing, micros};
use crate::{Actor, AuditAction, AuditEntry, Catalog, CatalogError, Principal};

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

statements! {
    BY_NAME = "SELECT id, name, sparse, created_at FROM repository WHERE live_name = $1";
    BY_ID = "SELECT id, name, sparse, created_at FROM repository WHERE id = $1 AND live_name IS NOT NULL";
    HOLDING = "SELECT r.id, r.name, r.sparse, r.created_at FROM repository r
        WHERE r.live_name IS NOT NULL AND EXISTS (SELECT 1 FROM manifest m
            WHERE m.repository_id = r.id AND m.digest = $1)
        ORDER BY r.live_name";
    INSERT = "INSERT INTO repository (name, live_name, sparse, created_by, created_at)
        VALUES ($1, $1, 'index', $2, $3)
        ON CONFLICT (live_name) DO NOTHING RETURNING id, name, sparse, created_at";
    SET_SPARSE = "UPDATE repository SET sparse = $2 WHERE id = $1 AND live_name IS NOT NULL";
    LIST = "WITH page AS (
            SELECT r.id, r.name, r.sparse, r.created_at FROM repository r
            WHERE r.live_name > $1 AND LOWER(r.live_name) LIKE $2 ESCAPE '!'
              AND ($3 = 1 OR EXISTS (SELECT 1 FROM permission p
                  WHERE p.repository_id = r.id AND p.subject_kind = $4 AND p.subject_id = $5))
            ORDER BY r.live_name LIMIT $6
        )
        SELECT page.id, page.name, page.sparse, page.created_at,
            COUNT(t.id) AS tag_count, MAX(t.start_us) AS last_push, MAX(i.grade) AS worst_grade,
            COUNT(CASE WHEN d.verdict = 'allow' THEN 1 END) AS allowed,
            COUNT(CASE WHEN d.verdict = 'warn' THEN 1 END) AS warned,
            COUNT(CASE WHEN d.verdict = 'deny' THEN 1 END) AS denied
        FROM page
        LEFT JOIN tag t ON t.repository_id = page.id AND t.live_name IS NOT NULL
            AND (t.expires_us IS NULL OR t.expires_us > $7)
        LEFT JOIN image_report i ON i.digest = t.digest
        LEFT JOIN decision d ON d.repository_id = page.id AND d.digest = t.digest AND d.is_current = 1
        GROUP BY page.id, page.name, page.sparse, page.created_at
        ORDER BY page.name";
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
            self.grant_first_in(&mut tx, repository.id, creator.id, now)
                .await?;
        }
        tx.commit().await?;
        Ok(repository)
    }

    /// Sets what the repository's manifests may leave out. Returns whether the repository exists.
    pub async fn set_sparse(
        &self,
        repository: RepositoryId,
        sparse: Sparse,
    ) -> Result<bool, CatalogError> {
        let updated = self
            .dialect
            .query(SET_SPARSE)
            .bind(repository.0)
            .bind(sparse.as_str())
            .execute(&self.writer)
            .await?;
        Ok(updated.rows_affected() == 1)
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
        let rows = self
            .dialect
            .query(LIST)
            .bind(after.map_or("", RepositoryName::as_str).to_owned())
            .bind(containing(query))
            .bind(i64::from(viewer.superuser))
            .bind(viewer.id.kind())
            .bind(viewer.id.number())
            .bind(i64::from(limit))
            .bind(micros(now))
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| {
            let tag_count = row.size("tag_count")?;
            let (allow, warn, deny) = (
                row.size("allowed")?,
                row.size("warned")?,
                row.size("denied")?,
            );
            Ok(RepositorySummary {
                repository: read_repository(&row)?,
                tag_count,
                last_push: row.maybe_time("last_push")?,
                worst_grade: row.maybe_int("worst_grade")?.map(read_grade).transpose()?,
                verdicts: VerdictCounts {
                    allow,
                    warn,
                    deny,
                    pending: tag_count.saturating_sub(allow + warn + deny),
                },
            })
        })
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

fn read_repository(row: &AnyRow) -> Result<Repository, CatalogError> {
    Ok(Repository {
        id: RepositoryId(row.int("id")?),
        name: row.repository_name("name")?,
        sparse: Sparse::parse(&row.text("sparse")?)?,
        created_at: row.time("created_at")?,
    })
}
