//! The tables of this version, read from a database in memory that was just migrated.
//!
//! Both engines have the same tables and columns (a test holds that), so SQLite's answer counts for both. No list of
//! tables is kept by hand: a new one cannot be forgotten.

use std::collections::{BTreeMap, BTreeSet};

use crate::dialect::Dialect;
use crate::rows::Columns as _;
use crate::{Catalog, CatalogError};

/// What is not copied: the schema's own history, the marker of a transfer, unfinished uploads, whose bytes stay behind,
/// the counters that triggers move while rows arrive: they tell running servers of changes, and none runs; and what
/// checks found in the store that is left; and the figures of tags, which triggers make again.
const LEFT_BEHIND: [&str; 10] = [
    "_sqlx_migrations",
    "generation",
    "repository_generation",
    "store_check",
    "store_finding",
    "tag_figure",
    "tag_pending",
    "tag_tally",
    "transfer",
    "upload",
];

/// One table.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    /// The columns of the primary key, as positions in `columns`, in the key's order.
    pub(super) key: Vec<usize>,
    /// Whether the database numbers the rows, in a column `id`.
    pub(super) is_numbered: bool,
    /// Whether the migrations put rows into it.
    pub(super) is_seeded: bool,
}

/// One column.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Text,
    Bytes,
    Double,
}

/// Reads the tables, each after those that it refers to.
pub(super) async fn tables() -> Result<Vec<Table>, CatalogError> {
    let fresh = Catalog::in_memory().await?;
    let mut tables = columns(&fresh).await?;
    for table in tables.values_mut() {
        let first =
            Dialect::schema_query(format!("SELECT 1 AS found FROM \"{}\" LIMIT 1", table.name));
        table.is_seeded = first.fetch_optional(&fresh.writer).await?.is_some();
    }
    let parents = parents(&fresh).await?;
    fresh.close().await;
    Ok(ordered(tables, &parents))
}

async fn columns(fresh: &Catalog) -> Result<BTreeMap<String, Table>, CatalogError> {
    let query = "SELECT m.name AS table_name, c.name AS column_name, upper(c.type) AS column_type,
            CAST(c.pk AS BIGINT) AS key_position,
            CAST(CASE WHEN m.sql LIKE '%AUTOINCREMENT%' THEN 1 ELSE 0 END AS BIGINT) AS is_numbered
        FROM sqlite_master m JOIN pragma_table_info(m.name) c
        WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY m.name, c.cid";
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    let mut keys: BTreeMap<String, BTreeMap<i64, usize>> = BTreeMap::new();
    for row in Dialect::schema_query(query.to_owned())
        .fetch_all(&fresh.writer)
        .await?
    {
        let name = row.text("table_name")?;
        if LEFT_BEHIND.contains(&name.as_str()) {
            continue;
        }
        let kind = match row.text("column_type")?.as_str() {
            "INTEGER" | "BIGINT" => Kind::Number,
            "TEXT" => Kind::Text,
            "BLOB" => Kind::Bytes,
            "DOUBLE PRECISION" | "DOUBLE" | "REAL" => Kind::Double,
            _ => return Err(CatalogError::Corrupt("column type")),
        };
        let table = tables.entry(name.clone()).or_insert_with(|| Table {
            name: name.clone(),
            columns: Vec::new(),
            key: Vec::new(),
            is_numbered: false,
            is_seeded: false,
        });
        table.is_numbered = row.int("is_numbered")? == 1;
        let position = row.int("key_position")?;
        if position > 0 {
            keys.entry(name)
                .or_default()
                .insert(position, table.columns.len());
        }
        table.columns.push(Column {
            name: row.text("column_name")?,
            kind,
        });
    }
    for (name, table) in &mut tables {
        table.key = keys
            .remove(name)
            .unwrap_or_default()
            .into_values()
            .collect();
        if table.key.is_empty() {
            return Err(CatalogError::Corrupt("table without a primary key"));
        }
    }
    Ok(tables)
}

/// Returns the tables that each table refers to.
async fn parents(fresh: &Catalog) -> Result<BTreeMap<String, BTreeSet<String>>, CatalogError> {
    let query = "SELECT m.name AS table_name, f.\"table\" AS parent
        FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table'";
    let mut parents: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in Dialect::schema_query(query.to_owned())
        .fetch_all(&fresh.writer)
        .await?
    {
        let (table, parent) = (row.text("table_name")?, row.text("parent")?);
        if table != parent {
            parents.entry(table).or_default().insert(parent);
        }
    }
    Ok(parents)
}

fn ordered(
    mut tables: BTreeMap<String, Table>,
    parents: &BTreeMap<String, BTreeSet<String>>,
) -> Vec<Table> {
    let mut ordered = Vec::with_capacity(tables.len());
    while !tables.is_empty() {
        let waits = |name: &String| {
            parents
                .get(name)
                .is_some_and(|parents| parents.iter().any(|parent| tables.contains_key(parent)))
        };
        let next = tables
            .keys()
            .find(|name| !waits(name))
            .or_else(|| tables.keys().next());
        let Some(table) = next.cloned().and_then(|name| tables.remove(&name)) else {
            break;
        };
        ordered.push(table);
    }
    ordered
}
