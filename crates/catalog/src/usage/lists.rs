//! What is used, namespace by namespace and repository by repository.
//!
//! What a repository shares with others of its namespace counts in each of them, so their figures together may be more
//! than the namespace's own.

use jiff::Timestamp;
use oci::RepositoryName;

use super::NewQuota;
use crate::dialect::statements;
use crate::rows::{Columns as _, all};
use crate::scope::Scope;
use crate::{Catalog, CatalogError};

/// What a namespace uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceUse {
    /// The namespace.
    pub namespace: String,
    /// Used, in bytes, with what is not folded yet.
    pub used_bytes: u64,
    /// Its quota.
    pub quota: Option<NewQuota>,
    /// When the figure was last folded; `None` if it never was.
    pub folded_at: Option<Timestamp>,
}

/// What a repository holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryUse {
    /// The repository.
    pub name: RepositoryName,
    /// The bytes of its blobs and manifests, each once.
    pub bytes: u64,
}

statements! {
    // The character after the colon ends the scopes of namespaces.
    NAMESPACES = "SELECT s.scope, u.as_of, q.limit_bytes, q.warn_percent, q.refuses, COALESCE(u.bytes, 0)
            + COALESCE((SELECT CAST(SUM(d.bytes) AS BIGINT) FROM usage_delta d WHERE d.scope = s.scope), 0) AS used
        FROM (SELECT scope FROM usage WHERE scope > $1 AND scope < 'namespace;'
            UNION SELECT scope FROM usage_delta WHERE scope > $1 AND scope < 'namespace;'
            UNION SELECT scope FROM quota WHERE scope > $1 AND scope < 'namespace;') s
        LEFT JOIN usage u ON u.scope = s.scope
        LEFT JOIN quota q ON q.scope = s.scope
        ORDER BY s.scope LIMIT $2";
    BY_NAME = "SELECT r.live_name AS name,
            COALESCE((SELECT u.bytes FROM usage u WHERE u.scope = 'repository:' || CAST(r.id AS TEXT)), 0)
            + COALESCE((SELECT CAST(SUM(d.bytes) AS BIGINT) FROM usage_delta d
                WHERE d.scope = 'repository:' || CAST(r.id AS TEXT)), 0) AS bytes
        FROM repository r WHERE r.namespace = $1 AND r.live_name > $2 ORDER BY r.live_name LIMIT $3";
    BY_SIZE = "SELECT r.live_name AS name,
            COALESCE((SELECT u.bytes FROM usage u WHERE u.scope = 'repository:' || CAST(r.id AS TEXT)), 0)
            + COALESCE((SELECT CAST(SUM(d.bytes) AS BIGINT) FROM usage_delta d
                WHERE d.scope = 'repository:' || CAST(r.id AS TEXT)), 0) AS bytes
        FROM repository r WHERE r.namespace = $1 AND r.live_name IS NOT NULL ORDER BY bytes DESC, name LIMIT $2";
}

impl Catalog {
    /// Lists what namespaces use, and their quotas, by name, beginning after `after`.
    pub async fn namespace_uses(
        &self,
        after: &str,
        limit: u32,
    ) -> Result<Vec<NamespaceUse>, CatalogError> {
        let after = Scope::Namespace(after.to_owned()).to_string();
        let query = self.dialect.query(NAMESPACES).bind(after);
        let rows = query.bind(i64::from(limit)).fetch_all(&self.reader).await?;
        all(rows, |row| {
            let namespace = match Scope::parse(&row.text("scope")?)? {
                Scope::Namespace(name) => name,
                Scope::System | Scope::Repository(_) => {
                    return Err(CatalogError::Corrupt("scope"));
                }
            };
            let quota = match row.maybe_int("limit_bytes")? {
                None => None,
                Some(_) => Some(NewQuota {
                    limit_bytes: row.size("limit_bytes")?,
                    warn_percent: u8::try_from(row.int("warn_percent")?)
                        .map_err(|_| CatalogError::Corrupt("quota"))?,
                    refuses: row.flag("refuses")?,
                }),
            };
            Ok(NamespaceUse {
                namespace,
                used_bytes: u64::try_from(row.int("used")?).unwrap_or(0),
                quota,
                folded_at: row.maybe_time("as_of")?,
            })
        })
    }

    /// Lists what the repositories of a namespace hold, by name, beginning after `after`.
    pub async fn repository_uses(
        &self,
        namespace: &str,
        after: Option<&RepositoryName>,
        limit: u32,
    ) -> Result<Vec<RepositoryUse>, CatalogError> {
        let query = self.dialect.query(BY_NAME).bind(namespace.to_owned());
        let query = query.bind(after.map_or("", RepositoryName::as_str).to_owned());
        let rows = query.bind(i64::from(limit)).fetch_all(&self.reader).await?;
        all(rows, |row| read_use(&row))
    }

    /// Lists the repositories of a namespace that hold most: a look at one figure of each.
    pub async fn largest_repositories(
        &self,
        namespace: &str,
        limit: u32,
    ) -> Result<Vec<RepositoryUse>, CatalogError> {
        let query = self.dialect.query(BY_SIZE).bind(namespace.to_owned());
        let rows = query.bind(i64::from(limit)).fetch_all(&self.reader).await?;
        all(rows, |row| read_use(&row))
    }
}

fn read_use(row: &sqlx::any::AnyRow) -> Result<RepositoryUse, CatalogError> {
    Ok(RepositoryUse {
        name: row.repository_name("name")?,
        bytes: row.size("bytes")?,
    })
}
