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

/// Returns what in a plan grows with a table: whole scans of `tables` (PostgreSQL), scans of anything whose alias is not
/// in `small` (SQLite), and sorting unless `sorts`.
pub fn growing<'a>(
    catalog: &Catalog,
    plan: &'a str,
    tables: &[&str],
    small: &[&str],
    sorts: bool,
) -> Vec<&'a str> {
    let grows = |line: &&str| {
        let text = line.trim().trim_start_matches("->").trim();
        match catalog.dialect {
            Dialect::Sqlite => {
                let scanned = text
                    .strip_prefix("SCAN ")
                    .and_then(|rest| rest.split(' ').next());
                let is_scan = scanned.is_some_and(|alias| {
                    alias != "CONSTANT" && !alias.starts_with('(') && !small.contains(&alias)
                });
                is_scan || (!sorts && text.contains("USE TEMP B-TREE FOR ORDER"))
            }
            Dialect::Postgres => {
                let scans = |table: &&str| text.contains(&format!("Seq Scan on {table} "));
                tables.iter().any(scans) || (!sorts && text.starts_with("Sort "))
            }
        }
    };
    plan.lines().filter(grows).collect()
}
