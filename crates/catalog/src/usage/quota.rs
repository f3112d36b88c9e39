//! Quotas of the system and of namespaces: set, asked when something arrives.
//!
//! A push is measured with everything it brought; pushes that have not been committed are not seen, so a quota is
//! overshot by one manifest for each push that runs at the same time, and by the uploads under way, which are counted
//! when one begins.

use jiff::Timestamp;
use sqlx::any::AnyRow;

use crate::batch::{Answer, Batch};
use crate::dialect::statements;
use crate::rows::{Columns as _, all, micros};
use crate::scope::Scope;
use crate::{Actor, AuditAction, AuditEntry, Catalog, CatalogError, RepositoryId};

/// How much may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewQuota {
    /// In bytes.
    pub limit_bytes: u64,
    /// From how many hundredths of it on pushes carry a warning; 1 to 100.
    pub warn_percent: u8,
    /// Whether a push beyond it is refused; else it is warned of only.
    pub refuses: bool,
}

/// A quota in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Where: the system or a namespace.
    pub scope: Scope,
    /// How much.
    pub quota: NewQuota,
    /// Who set it.
    pub author: String,
    /// When.
    pub updated_at: Timestamp,
}

/// What is used of a quota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaUse {
    /// Where.
    pub scope: Scope,
    /// Used, in bytes.
    pub used_bytes: u64,
    /// Allowed, in bytes.
    pub limit_bytes: u64,
}

/// One sentence for whoever pushes.
impl std::fmt::Display for QuotaUse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let whose = match &self.scope {
            Scope::Namespace(name) => format!("namespace `{name}`"),
            Scope::System | Scope::Repository(_) => "the registry".to_owned(),
        };
        write!(
            f,
            "{whose} uses {} of {} bytes of its quota",
            self.used_bytes, self.limit_bytes
        )
    }
}

statements! {
    SET = "INSERT INTO quota (scope, limit_bytes, warn_percent, refuses, author, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (scope) DO UPDATE SET limit_bytes = excluded.limit_bytes, warn_percent = excluded.warn_percent,
            refuses = excluded.refuses, author = excluded.author, updated_at = excluded.updated_at";
    DELETE = "DELETE FROM quota WHERE scope = $1";
    GET = "SELECT * FROM quota WHERE scope = $1";
    ALL = "SELECT * FROM quota WHERE scope > $1 ORDER BY scope LIMIT $2";
    USED = "SELECT COALESCE((SELECT u.bytes FROM usage u WHERE u.scope = $1), 0)
            + COALESCE((SELECT CAST(SUM(d.bytes) AS BIGINT) FROM usage_delta d WHERE d.scope = $1), 0) AS used";
    IN_FORCE = "SELECT q.scope, q.limit_bytes, q.warn_percent, q.refuses, q.author, q.updated_at,
            COALESCE((SELECT u.bytes FROM usage u WHERE u.scope = q.scope), 0)
            + COALESCE((SELECT CAST(SUM(d.bytes) AS BIGINT) FROM usage_delta d WHERE d.scope = q.scope), 0) AS used
        FROM quota q
        WHERE q.scope IN ('system', (SELECT 'namespace:' || r.namespace FROM repository r WHERE r.id = $1))
        ORDER BY q.scope";
    IN_FLIGHT = "SELECT CAST(COALESCE(SUM(u.durable_bytes), 0) AS BIGINT) AS bytes FROM repository p
        JOIN repository r ON r.namespace = p.namespace JOIN upload u ON u.repository_id = r.id WHERE p.id = $1";
    ALL_IN_FLIGHT = "SELECT CAST(COALESCE(SUM(durable_bytes), 0) AS BIGINT) AS bytes FROM upload";
}

impl Catalog {
    /// Sets a quota of the system or a namespace.
    pub async fn set_quota(
        &self,
        scope: &Scope,
        quota: &NewQuota,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let mut tx = self.begin().await?;
        let limit = i64::try_from(quota.limit_bytes).unwrap_or(i64::MAX);
        self.dialect
            .query(SET)
            .bind(scope.to_string())
            .bind(limit)
            .bind(i64::from(quota.warn_percent))
            .bind(i64::from(quota.refuses))
            .bind(by.name.clone())
            .bind(micros(now))
            .execute(&mut *tx)
            .await?;
        let (target, detail) = (scope.to_string(), format!("{limit} bytes"));
        let entry = AuditEntry {
            detail: Some(&detail),
            ..AuditEntry::on(AuditAction::QuotaSet, None, Some(&target))
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Takes a quota away. Returns whether there was one.
    pub async fn delete_quota(
        &self,
        scope: &Scope,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        let query = self.dialect.query(DELETE).bind(scope.to_string());
        if query.execute(&mut *tx).await?.rows_affected() == 0 {
            return Ok(false);
        }
        let target = scope.to_string();
        let entry = AuditEntry::on(AuditAction::QuotaDelete, None, Some(&target));
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Returns the quota of the system or a namespace.
    pub async fn quota(&self, scope: &Scope) -> Result<Option<Quota>, CatalogError> {
        let query = self.dialect.query(GET).bind(scope.to_string());
        let row = query.fetch_optional(&self.reader).await?;
        row.as_ref().map(read_quota).transpose()
    }

    /// Lists quotas by scope, beginning after `after`.
    pub async fn quotas(
        &self,
        after: Option<&Scope>,
        limit: u32,
    ) -> Result<Vec<Quota>, CatalogError> {
        let after = after.map(ToString::to_string).unwrap_or_default();
        let query = self.dialect.query(ALL).bind(after).bind(i64::from(limit));
        all(query.fetch_all(&self.reader).await?, |row| read_quota(&row))
    }

    /// Returns the bytes that the system or a namespace uses.
    pub async fn used_bytes(&self, scope: &Scope) -> Result<u64, CatalogError> {
        let query = self.dialect.query(USED).bind(scope.to_string());
        let row = query.fetch_one(&self.reader).await?;
        Ok(u64::try_from(row.int("used")?).unwrap_or(0))
    }

    /// Asks whether an upload may begin: what is used and what is under way must leave room. Returns the quota that
    /// leaves none.
    pub async fn quota_against_upload(
        &self,
        repository: RepositoryId,
    ) -> Result<Option<QuotaUse>, CatalogError> {
        let query = self.dialect.query(IN_FORCE).bind(repository.0);
        for row in query.fetch_all(&self.reader).await? {
            let quota = read_quota(&row)?;
            if !quota.quota.refuses {
                continue;
            }
            let in_flight = match quota.scope {
                Scope::Namespace(_) => self.dialect.query(IN_FLIGHT).bind(repository.0),
                _ => self.dialect.query(ALL_IN_FLIGHT),
            };
            let in_flight = in_flight.fetch_one(&self.reader).await?.size("bytes")?;
            let used = u64::try_from(row.int("used")?).unwrap_or(0);
            if used.saturating_add(in_flight) >= quota.quota.limit_bytes {
                return Ok(Some(quota.using(used.saturating_add(in_flight))));
            }
        }
        Ok(None)
    }
}

/// Asks in a batch, after a push has written its rows, what [`room_left`] reads.
pub(crate) fn ask_quotas(batch: &mut Batch, repository: RepositoryId) {
    batch.add(IN_FORCE).bind(repository.0);
}

/// Measures a push by the answer to [`ask_quotas`].
///
/// # Errors
/// [`CatalogError::OverQuota`]. Else returns the quota it came near, if any.
pub(crate) fn room_left(answer: &Answer) -> Result<Option<QuotaUse>, CatalogError> {
    let mut near = None;
    for row in &answer.rows {
        let quota = read_quota(row)?;
        let used = u64::try_from(row.int("used")?).unwrap_or(0);
        if quota.quota.refuses && used > quota.quota.limit_bytes {
            return Err(CatalogError::OverQuota(quota.using(used)));
        }
        if is_warning(&quota.quota, used) {
            near = Some(quota.using(used));
        }
    }
    Ok(near)
}

impl Quota {
    fn using(&self, used_bytes: u64) -> QuotaUse {
        QuotaUse {
            scope: self.scope.clone(),
            used_bytes,
            limit_bytes: self.quota.limit_bytes,
        }
    }
}

/// Returns whether so much is near the quota.
pub(super) fn is_warning(quota: &NewQuota, used: u64) -> bool {
    u128::from(used) * 100 >= u128::from(quota.limit_bytes) * u128::from(quota.warn_percent)
}

pub(super) fn read_quota(row: &AnyRow) -> Result<Quota, CatalogError> {
    Ok(Quota {
        scope: Scope::parse(&row.text("scope")?)?,
        quota: NewQuota {
            limit_bytes: row.size("limit_bytes")?,
            warn_percent: u8::try_from(row.int("warn_percent")?)
                .map_err(|_| CatalogError::Corrupt("quota"))?,
            refuses: row.flag("refuses")?,
        },
        author: row.text("author")?,
        updated_at: row.time("updated_at")?,
    })
}
