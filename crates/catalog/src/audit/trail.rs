//! Reading the trail: filtered, latest first, page by page, at a cost that does not grow with the trail.
//!
//! Each of the columns people ask by has an index that ends with the order of the page, so a page is one range of one
//! index. The other conditions are compared row by row within that range.

use jiff::Timestamp;
use sqlx::any::AnyRow;

use super::{Actor, AuditOutcome, AuditRow};
use crate::dialect::{Prepared, Statement, statements};
use crate::rows::{Columns as _, all, micros};
use crate::{Catalog, CatalogError};

/// Which entries are asked for; a field that is not set allows everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Who.
    pub actor: Option<String>,
    /// What: the word of an [`AuditAction`](crate::AuditAction).
    pub action: Option<String>,
    /// In which repository.
    pub repository: Option<String>,
    /// In which namespace.
    pub namespace: Option<String>,
    /// On what.
    pub target: Option<String>,
    /// How it ended.
    pub outcome: Option<AuditOutcome>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
}

/// Where a page begins: after the entry of this instant and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditCursor {
    /// The last entry's instant.
    pub at: Timestamp,
    /// Its number.
    pub id: i64,
}

// Parameters of each: from, to, the cursor's instant and number, limit, then actor, action, repository, namespace,
// target, outcome; an empty text allows everything.
statements! {
    ALL = "SELECT * FROM audit WHERE at >= $1 AND at < $2 AND (at, id) < ($3, $4)
        AND ($6 = '' OR actor = $6) AND ($7 = '' OR action = $7) AND ($8 = '' OR repository = $8)
        AND ($9 = '' OR namespace = $9) AND ($10 = '' OR target = $10) AND ($11 = '' OR outcome = $11)
        ORDER BY at DESC, id DESC LIMIT $5";
    BY_ACTOR = "SELECT * FROM audit WHERE actor = $6 AND at >= $1 AND at < $2 AND (at, id) < ($3, $4)
        AND ($7 = '' OR action = $7) AND ($8 = '' OR repository = $8)
        AND ($9 = '' OR namespace = $9) AND ($10 = '' OR target = $10) AND ($11 = '' OR outcome = $11)
        ORDER BY at DESC, id DESC LIMIT $5";
    BY_ACTION = "SELECT * FROM audit WHERE action = $7 AND at >= $1 AND at < $2 AND (at, id) < ($3, $4)
        AND ($6 = '' OR actor = $6) AND ($8 = '' OR repository = $8)
        AND ($9 = '' OR namespace = $9) AND ($10 = '' OR target = $10) AND ($11 = '' OR outcome = $11)
        ORDER BY at DESC, id DESC LIMIT $5";
    BY_REPOSITORY = "SELECT * FROM audit WHERE repository = $8 AND at >= $1 AND at < $2 AND (at, id) < ($3, $4)
        AND ($6 = '' OR actor = $6) AND ($7 = '' OR action = $7)
        AND ($9 = '' OR namespace = $9) AND ($10 = '' OR target = $10) AND ($11 = '' OR outcome = $11)
        ORDER BY at DESC, id DESC LIMIT $5";
    BY_NAMESPACE = "SELECT * FROM audit WHERE namespace = $9 AND at >= $1 AND at < $2 AND (at, id) < ($3, $4)
        AND ($6 = '' OR actor = $6) AND ($7 = '' OR action = $7) AND ($8 = '' OR repository = $8)
        AND ($10 = '' OR target = $10) AND ($11 = '' OR outcome = $11)
        ORDER BY at DESC, id DESC LIMIT $5";
}

impl Catalog {
    /// Returns a page of the trail, latest first.
    pub async fn audit_page(
        &self,
        filter: &AuditFilter,
        after: Option<AuditCursor>,
        limit: u32,
    ) -> Result<Vec<AuditRow>, CatalogError> {
        let query = self.dialect.query(statement(filter));
        let rows = bound(query, filter, after, limit)
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| read_row(&row))
    }

    /// Returns how the engine would find a page: for the test that it reads an index and nothing else.
    #[cfg(feature = "testkit")]
    pub async fn explain_audit(&self, filter: &AuditFilter) -> Result<String, CatalogError> {
        let query = self.dialect.explain(statement(filter), 1);
        let rows = bound(query, filter, None, 50)
            .fetch_all(&self.reader)
            .await?;
        let column = match self.dialect {
            crate::dialect::Dialect::Sqlite => "detail",
            crate::dialect::Dialect::Postgres => "QUERY PLAN",
        };
        let lines: Vec<String> = all(rows, |row| row.text(column))?;
        Ok(lines.join("\n"))
    }
}

fn bound(
    query: Prepared,
    filter: &AuditFilter,
    after: Option<AuditCursor>,
    limit: u32,
) -> Prepared {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let (at, id) = after.map_or((i64::MAX, i64::MAX), |after| (micros(after.at), after.id));
    query
        .bind(filter.from.map_or(i64::MIN, micros))
        .bind(filter.to.map_or(i64::MAX, micros))
        .bind(at)
        .bind(id)
        .bind(i64::from(limit))
        .bind(text(&filter.actor))
        .bind(text(&filter.action))
        .bind(text(&filter.repository))
        .bind(text(&filter.namespace))
        .bind(text(&filter.target))
        .bind(filter.outcome.map_or("", AuditOutcome::as_str))
}

/// Returns the statement whose index narrows most.
fn statement(filter: &AuditFilter) -> Statement {
    if filter.repository.is_some() {
        BY_REPOSITORY
    } else if filter.actor.is_some() {
        BY_ACTOR
    } else if filter.namespace.is_some() {
        BY_NAMESPACE
    } else if filter.action.is_some() {
        BY_ACTION
    } else {
        ALL
    }
}

/// Reads a row of the trail.
pub(super) fn read_row(row: &AnyRow) -> Result<AuditRow, CatalogError> {
    Ok(AuditRow {
        id: row.int("id")?,
        at: row.time("at")?,
        actor: Actor {
            name: row.text("actor")?,
            ip: row.maybe_text("ip")?,
            request_id: row.maybe_text("request_id")?,
            user_agent: row.maybe_text("user_agent")?,
            acting_as: row.maybe_text("acting_as")?,
        },
        action: row.text("action")?,
        outcome: AuditOutcome::parse(&row.text("outcome")?)
            .ok_or(CatalogError::Corrupt("outcome of an audit entry"))?,
        namespace: row.maybe_text("namespace")?,
        repository: row.maybe_text("repository")?,
        target: row.maybe_text("target")?,
        detail: row.maybe_text("detail")?,
        occurrences: row.int("occurrences")?,
    })
}
