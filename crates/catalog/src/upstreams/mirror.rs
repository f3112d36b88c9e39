//! Mirrors: repositories that are copied from an upstream by a plan, and how that went.

use jiff::Timestamp;
use oci::RepositoryName;
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;

use super::UpstreamId;
use crate::dialect::statements;
use crate::rows::{Columns as _, all, micros};
use crate::{Actor, AuditAction, AuditEntry, Catalog, CatalogError};

/// The id of a mirror.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MirrorId(pub i64);

/// Which tags are copied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct MirrorFilter {
    /// Patterns; a tag that matches none is left out. Empty takes all.
    pub tags: Vec<String>,
    /// Patterns of tags that are left out.
    pub exclude: Vec<String>,
    /// Only so many, the highest versions first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<u32>,
    /// Whether a tag that the upstream does not have any more ends here too.
    pub prune: bool,
}

/// A mirror to be set up, or its new settings.
#[derive(Clone, Debug)]
pub struct NewMirror {
    /// Where the copies go.
    pub repository: RepositoryName,
    /// Where they come from.
    pub upstream: UpstreamId,
    /// The repository there.
    pub source: String,
    /// Which tags.
    pub filter: MirrorFilter,
    /// When, as a cron expression in UTC; `None` is by hand only.
    pub cron: Option<String>,
    /// Whether the plan runs.
    pub enabled: bool,
}

/// A repository that is copied from an upstream.
#[derive(Clone, Debug)]
pub struct Mirror {
    /// The id.
    pub id: MirrorId,
    /// Its settings.
    pub settings: NewMirror,
    /// Who set it up.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// When the last run began.
    pub started_at: Option<Timestamp>,
    /// When a run last ended without a failure.
    pub succeeded_at: Option<Timestamp>,
    /// How the last run that ended went.
    pub last: Option<MirrorRun>,
}

/// How a run went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorRun {
    /// When it ended.
    pub finished_at: Timestamp,
    /// `ok`, `partial` or `failed`.
    pub outcome: String,
    /// What became of each tag, as JSON.
    pub report: String,
}

statements! {
    INSERT = "INSERT INTO mirror (repository, upstream_id, source, filter, cron, enabled, created_by, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (repository) DO NOTHING RETURNING *";
    UPDATE = "UPDATE mirror SET upstream_id = $2, source = $3, filter = $4, cron = $5, enabled = $6
        WHERE repository = $1 RETURNING *";
    BY_REPOSITORY = "SELECT * FROM mirror WHERE repository = $1";
    BY_ID = "SELECT * FROM mirror WHERE id = $1";
    LIST = "SELECT * FROM mirror WHERE repository > $1 ORDER BY repository LIMIT $2";
    DELETE = "DELETE FROM mirror WHERE repository = $1 RETURNING id";
    STARTED = "UPDATE mirror SET started_at = $2 WHERE id = $1";
    FINISHED = "UPDATE mirror SET finished_at = $2, outcome = $3, report = $4,
            succeeded_at = CASE WHEN $3 = 'ok' THEN $2 ELSE succeeded_at END
        WHERE id = $1";
    OLDEST_SUCCESS = "SELECT MIN(COALESCE(succeeded_at, created_at)) AS oldest FROM mirror
        WHERE enabled = 1 AND cron IS NOT NULL";
    IN_TROUBLE = "SELECT COUNT(*) AS mirrors FROM mirror WHERE enabled = 1 AND outcome IS NOT NULL AND outcome <> 'ok'";
}

impl Catalog {
    /// Sets up a mirror.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] if the repository is a mirror already.
    pub async fn create_mirror(
        &self,
        new: &NewMirror,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Mirror, CatalogError> {
        let mut tx = self.begin().await?;
        let row = self
            .dialect
            .query(INSERT)
            .bind(new.repository.to_string())
            .bind(new.upstream.0)
            .bind(new.source.clone())
            .bind(written(&new.filter)?)
            .bind(new.cron.clone())
            .bind(i64::from(new.enabled))
            .bind(by.name.clone())
            .bind(micros(now))
            .fetch_optional(&mut *tx)
            .await?
            .ok_or(CatalogError::Conflict("mirror"))?;
        let entry = AuditEntry {
            detail: Some(&new.source),
            ..AuditEntry::on(
                AuditAction::MirrorCreate,
                Some(new.repository.as_str()),
                None,
            )
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        read_mirror(&row)
    }

    /// Changes the mirror of a repository; `None` if it is none.
    pub async fn update_mirror(
        &self,
        new: &NewMirror,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Option<Mirror>, CatalogError> {
        let mut tx = self.begin().await?;
        let row = self
            .dialect
            .query(UPDATE)
            .bind(new.repository.to_string())
            .bind(new.upstream.0)
            .bind(new.source.clone())
            .bind(written(&new.filter)?)
            .bind(new.cron.clone())
            .bind(i64::from(new.enabled))
            .fetch_optional(&mut *tx)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let entry = AuditEntry {
            detail: Some(&new.source),
            ..AuditEntry::on(
                AuditAction::MirrorUpdate,
                Some(new.repository.as_str()),
                None,
            )
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        read_mirror(&row).map(Some)
    }

    /// Ends a mirror; its repository and what is in it stay. Returns its id.
    pub async fn delete_mirror(
        &self,
        repository: &RepositoryName,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Option<MirrorId>, CatalogError> {
        let mut tx = self.begin().await?;
        let query = self.dialect.query(DELETE).bind(repository.to_string());
        let Some(row) = query.fetch_optional(&mut *tx).await? else {
            return Ok(None);
        };
        self.open_mirror_in(&mut tx, repository).await?;
        let entry = AuditEntry::on(AuditAction::MirrorDelete, Some(repository.as_str()), None);
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(Some(MirrorId(row.int("id")?)))
    }

    /// Returns the mirror of a repository.
    pub async fn mirror(
        &self,
        repository: &RepositoryName,
    ) -> Result<Option<Mirror>, CatalogError> {
        let query = self
            .dialect
            .query(BY_REPOSITORY)
            .bind(repository.to_string());
        let row = query.fetch_optional(&self.reader).await?;
        row.as_ref().map(read_mirror).transpose()
    }

    /// Returns the mirror of this id.
    pub async fn mirror_by_id(&self, id: MirrorId) -> Result<Option<Mirror>, CatalogError> {
        let query = self.dialect.query(BY_ID).bind(id.0);
        let row = query.fetch_optional(&self.reader).await?;
        row.as_ref().map(read_mirror).transpose()
    }

    /// Lists mirrors by repository, beginning after `after`.
    pub async fn list_mirrors(
        &self,
        after: Option<&RepositoryName>,
        limit: u32,
    ) -> Result<Vec<Mirror>, CatalogError> {
        let rows = self
            .dialect
            .query(LIST)
            .bind(after.map_or("", RepositoryName::as_str).to_owned())
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| read_mirror(&row))
    }

    /// Notes that a run begins.
    pub async fn mirror_started(&self, id: MirrorId, now: Timestamp) -> Result<(), CatalogError> {
        self.dialect
            .query(STARTED)
            .bind(id.0)
            .bind(micros(now))
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Notes how a run went.
    pub async fn mirror_finished(&self, id: MirrorId, run: &MirrorRun) -> Result<(), CatalogError> {
        self.dialect
            .query(FINISHED)
            .bind(id.0)
            .bind(micros(run.finished_at))
            .bind(run.outcome.clone())
            .bind(run.report.clone())
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Returns since when the mirror that is furthest behind has not succeeded; `None` if none has a plan.
    pub async fn mirrors_behind_since(&self) -> Result<Option<Timestamp>, CatalogError> {
        let query = self.dialect.query(OLDEST_SUCCESS);
        query.fetch_one(&self.reader).await?.maybe_time("oldest")
    }

    /// Returns how many mirrors did not come through whole when they last ran.
    pub async fn mirrors_in_trouble(&self) -> Result<u64, CatalogError> {
        let query = self.dialect.query(IN_TROUBLE);
        query.fetch_one(&self.reader).await?.size("mirrors")
    }
}

fn written(filter: &MirrorFilter) -> Result<String, CatalogError> {
    serde_json::to_string(filter).map_err(|_| CatalogError::Corrupt("filter of a mirror"))
}

fn read_mirror(row: &AnyRow) -> Result<Mirror, CatalogError> {
    let last = match (
        row.maybe_time("finished_at")?,
        row.maybe_text("outcome")?,
        row.maybe_text("report")?,
    ) {
        (Some(finished_at), Some(outcome), Some(report)) => Some(MirrorRun {
            finished_at,
            outcome,
            report,
        }),
        _ => None,
    };
    Ok(Mirror {
        id: MirrorId(row.int("id")?),
        settings: NewMirror {
            repository: row.repository_name("repository")?,
            upstream: UpstreamId(row.int("upstream_id")?),
            source: row.text("source")?,
            filter: serde_json::from_str(&row.text("filter")?)
                .map_err(|_| CatalogError::Corrupt("filter of a mirror"))?,
            cron: row.maybe_text("cron")?,
            enabled: row.flag("enabled")?,
        },
        created_by: row.text("created_by")?,
        created_at: row.time("created_at")?,
        started_at: row.maybe_time("started_at")?,
        succeeded_at: row.maybe_time("succeeded_at")?,
        last,
    })
}
