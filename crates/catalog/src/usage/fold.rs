//! Folding what is pending into figures, and counting anew.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::quota::{is_warning, read_quota};
use crate::connection::Tx;
use crate::dialect::{chunks, statements};
use crate::rows::{Columns as _, all, micros};
use crate::scope::Scope;
use crate::{Catalog, CatalogError, Event, EventKind};

/// Rows folded in one transaction.
const BATCH: i64 = 1_000;

statements! {
    LOCK = "SELECT value FROM system_state WHERE name = 'usage' {for update}";
    COUNT_PENDING = "SELECT COUNT(*) AS pending, MIN(id) AS oldest, MAX(id) AS newest FROM usage_delta";
    PENDING = "SELECT id, scope, bytes FROM usage_delta ORDER BY id LIMIT $1";
    ADD = "INSERT INTO usage (scope, bytes, as_of, warned) VALUES ($1, $2, $3, 0)
        ON CONFLICT (scope) DO UPDATE SET bytes = usage.bytes + excluded.bytes, as_of = excluded.as_of
        RETURNING bytes, warned";
    // What is deleted comes to nothing.
    FORGET = "DELETE FROM usage WHERE bytes = 0 AND scope LIKE 'repository:%' AND scope = $1";
    TAKE = "DELETE FROM usage_delta WHERE id IN ({list})";
    MARK = "UPDATE usage SET warned = $2 WHERE scope = $1";
    QUOTA = "SELECT * FROM quota WHERE scope = $1";
    RECOMPUTE = "INSERT INTO usage (scope, bytes, as_of, warned)
        SELECT parts.scope, CAST(COALESCE(SUM(parts.bytes), 0) AS BIGINT), CAST($1 AS BIGINT), 0 FROM (
            SELECT 'namespace:' || l.namespace AS scope, SUM(b.size_bytes) AS bytes
                FROM (SELECT DISTINCT namespace, digest FROM repo_blob) l JOIN blob b ON b.digest = l.digest
                GROUP BY l.namespace
            UNION ALL
            SELECT 'system' AS scope, SUM(b.size_bytes) AS bytes FROM blob b
                WHERE EXISTS (SELECT 1 FROM repo_blob l WHERE l.digest = b.digest)
            UNION ALL
            SELECT 'namespace:' || r.namespace AS scope, SUM(m.size_bytes) AS bytes
                FROM manifest m JOIN repository r ON r.id = m.repository_id GROUP BY r.namespace
            UNION ALL
            SELECT 'system' AS scope, SUM(m.size_bytes) AS bytes FROM manifest m
            UNION ALL
            SELECT 'repository:' || CAST(l.repository_id AS TEXT) AS scope, SUM(b.size_bytes) AS bytes
                FROM repo_blob l JOIN blob b ON b.digest = l.digest GROUP BY l.repository_id
            UNION ALL
            SELECT 'repository:' || CAST(m.repository_id AS TEXT) AS scope, SUM(m.size_bytes) AS bytes
                FROM manifest m GROUP BY m.repository_id
            UNION ALL
            SELECT d.scope, -SUM(d.bytes) AS bytes FROM usage_delta d GROUP BY d.scope
            UNION ALL
            SELECT u.scope, 0 AS bytes FROM usage u
        ) parts
        WHERE parts.scope IS NOT NULL GROUP BY parts.scope
        ON CONFLICT (scope) DO UPDATE SET bytes = excluded.bytes, as_of = excluded.as_of";
}

/// Changes of usage that are not folded yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingUsage {
    /// How many there are.
    pub changes: u64,
    /// The numbers of the oldest and the newest. Numbers rise with time and are not used again.
    pub ends: Option<(i64, i64)>,
}

impl Catalog {
    /// Tells how much is not folded yet.
    pub async fn pending_usage_changes(&self) -> Result<PendingUsage, CatalogError> {
        let query = self.dialect.query(COUNT_PENDING);
        let row = query.fetch_one(&self.reader).await?;
        let ends = row.maybe_int("oldest")?.zip(row.maybe_int("newest")?);
        Ok(PendingUsage {
            changes: u64::try_from(row.int("pending")?).unwrap_or(0),
            ends,
        })
    }

    /// Folds what is pending into the figures and returns how many rows there were. Tells, once for each time, that a
    /// namespace came near its quota.
    pub async fn fold_usage(&self, now: Timestamp) -> Result<u64, CatalogError> {
        let mut folded = 0;
        loop {
            let batch = self.fold_batch(now).await?;
            folded += batch;
            if batch < BATCH as u64 {
                return Ok(folded);
            }
        }
    }

    async fn fold_batch(&self, now: Timestamp) -> Result<u64, CatalogError> {
        let mut tx = self.begin().await?;
        // Whoever folds or counts anew is alone: two that read the same pending rows would fold them twice.
        self.dialect.query(LOCK).fetch_all(&mut *tx).await?;
        let query = self.dialect.query(PENDING).bind(BATCH);
        let pending = all(query.fetch_all(&mut *tx).await?, |row| {
            Ok((row.int("id")?, row.text("scope")?, row.int("bytes")?))
        })?;
        let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
        for (_, scope, bytes) in &pending {
            let sum = sums.entry(scope).or_default();
            *sum = sum.saturating_add(*bytes);
        }
        for (scope, bytes) in sums {
            let row = self
                .dialect
                .query(ADD)
                .bind(scope.to_owned())
                .bind(bytes)
                .bind(micros(now))
                .fetch_one(&mut *tx)
                .await?;
            let (bytes, warned) = (row.int("bytes")?, row.flag("warned")?);
            if bytes == 0 {
                let query = self.dialect.query(FORGET).bind(scope.to_owned());
                query.execute(&mut *tx).await?;
            }
            self.tell_quota_in(&mut tx, scope, bytes, warned, now)
                .await?;
        }
        let ids: Vec<i64> = pending.iter().map(|(id, _, _)| *id).collect();
        for chunk in chunks(&ids) {
            let mut query = self.dialect.query_many(TAKE, chunk.len());
            for id in chunk {
                query = query.bind(*id);
            }
            query.execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(pending.len() as u64)
    }

    async fn tell_quota_in(
        &self,
        tx: &mut Tx,
        scope: &str,
        bytes: i64,
        warned: bool,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let query = self.dialect.query(QUOTA).bind(scope.to_owned());
        let Some(row) = query.fetch_optional(&mut **tx).await? else {
            return Ok(());
        };
        let quota = read_quota(&row)?;
        let is_near = is_warning(&quota.quota, u64::try_from(bytes).unwrap_or(0));
        if is_near == warned {
            return Ok(());
        }
        self.dialect
            .query(MARK)
            .bind(scope.to_owned())
            .bind(i64::from(is_near))
            .execute(&mut **tx)
            .await?;
        if let (true, Scope::Namespace(namespace)) = (is_near, Scope::parse(scope)?) {
            let data = serde_json::json!({
                "usedBytes": bytes,
                "limitBytes": quota.quota.limit_bytes,
                "warnPercent": quota.quota.warn_percent,
            });
            let event = Event {
                data: Some(&data.to_string()),
                ..Event::in_namespace(EventKind::Quota, &namespace, "system")
            };
            self.event_in(tx, &event, now).await?;
        }
        Ok(())
    }

    /// Counts every figure anew from the rows it stands for.
    pub async fn recompute_usage(&self, now: Timestamp) -> Result<(), CatalogError> {
        let mut tx = self.begin().await?;
        self.dialect.query(LOCK).fetch_all(&mut *tx).await?;
        // One statement sees one moment: what is pending at that moment stays pending and is taken off.
        let query = self.dialect.query(RECOMPUTE).bind(micros(now));
        query.execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(())
    }
}
