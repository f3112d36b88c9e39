//! How the engine would answer a registered statement: for tests that look at plans.

use crate::dialect::Dialect;
use crate::{Catalog, CatalogError};

/// A parameter of a statement.
#[derive(Clone, Debug)]
pub enum Value {
    /// A number, an instant in microseconds, or an id.
    Int(i64),
    /// A text.
    Text(String),
    /// Nothing.
    Null,
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// Returns the plan of the statement whose name ends with `name`, such as `tags::list::LIST`, with these parameters and
/// one element in its list.
///
/// # Errors
/// If the database refuses it.
///
/// # Panics
/// If no statement or several have that name.
pub async fn explain(
    catalog: &Catalog,
    name: &str,
    values: &[Value],
) -> Result<String, CatalogError> {
    let suffix = format!("::{name}");
    let mut found = super::all_statements().filter(|(full, _)| full.ends_with(&suffix));
    let (_, statement) = found.next().expect("a statement of this name");
    assert!(found.next().is_none(), "several statements end with {name}");
    let mut query = catalog.dialect.explain(statement);
    for value in values {
        query = match value {
            Value::Int(number) => query.bind(*number),
            Value::Text(text) => query.bind(text.clone()),
            Value::Null => query.bind(None::<String>),
        };
    }
    let rows = query.fetch_all(&catalog.reader).await?;
    super::plan(catalog, rows)
}

/// What a statement may do although it is on the path of every request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allowed<'a> {
    /// Goes through these whole, because they hold a handful of rows (aliases, in SQLite's plans).
    pub small: &'a [&'a str],
    /// Sorts a handful of rows.
    pub sorts: bool,
    /// Walks along an index in the order asked for, until its page is full.
    pub walks: bool,
}

/// Returns the lines of a plan whose cost grows with a table: scans, a look at everything a repository has, sorting.
/// `tables` are those that grow.
pub fn growing<'a>(
    catalog: &Catalog,
    plan: &'a str,
    tables: &[&str],
    allowed: Allowed<'_>,
) -> Vec<&'a str> {
    let lines = plan.lines();
    let grows = |line: &&str| {
        let text = line.trim().trim_start_matches("->").trim();
        match catalog.dialect {
            Dialect::Sqlite => grows_on_sqlite(text, allowed),
            Dialect::Postgres => grows_on_postgres(text, tables, allowed),
        }
    };
    lines.filter(grows).collect()
}

fn grows_on_sqlite(line: &str, allowed: Allowed<'_>) -> bool {
    if line.contains("USE TEMP B-TREE FOR ORDER") {
        return !allowed.sorts;
    }
    let (is_scan, rest) = match (line.strip_prefix("SCAN "), line.strip_prefix("SEARCH ")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => return false,
    };
    let alias = rest.split(' ').next().unwrap_or_default();
    if allowed.small.contains(&alias) || alias.starts_with('(') || rest.contains("CONSTANT ROW") {
        return false;
    }
    // `SEARCH t USING INDEX i (a=? AND b>?)`: what is found is as narrow as what it is equal to.
    let rest = rest.trim_end_matches(" LEFT-JOIN");
    let bounds = rest.rsplit_once('(').map_or("", |(_, bounds)| bounds);
    let mut narrow = bounds
        .trim_end_matches(')')
        .split(" AND ")
        .filter(|bound| bound.ends_with("=?") && *bound != "repository_id=?");
    is_scan || (!allowed.walks && narrow.next().is_none())
}

fn grows_on_postgres(line: &str, tables: &[&str], allowed: Allowed<'_>) -> bool {
    let scans = |table: &&str| line.contains(&format!("Seq Scan on {table} "));
    let is_wide = line.starts_with("Index Cond: (repository_id = '") && !line.contains(" AND ");
    tables.iter().any(scans)
        || (!allowed.sorts && line.starts_with("Sort "))
        || (!allowed.walks && is_wide)
}
