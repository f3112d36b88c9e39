//! How the engine would answer a registered statement: for tests that look at plans.

use crate::connection::Tx;
use crate::dialect::{Dialect, Statement};
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

/// How many elements a statement's list has: one, what an image names, and as many as the longest.
const COUNTS: [usize; 3] = [1, 8, LONGEST];
const LONGEST: usize = 256;
/// Reading a whole table of 20,000 rows is cheaper than to find 256 of them, and right. With this, PostgreSQL takes every
/// table for twenty times as large.
const LARGE: &str = "SET LOCAL seq_page_cost = 20";

/// Returns the plans of the statement whose name ends with `name`, such as `tags::list::LIST`, with these parameters; those
/// beyond its own are the elements of its list, repeated until it is full. A list is planned for one element, for eight and for 256;
/// PostgreSQL says what it does for these parameters and, where it may keep a plan, what it does for any.
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
) -> Result<Vec<String>, CatalogError> {
    let suffix = format!("::{name}");
    let mut found = super::all_statements().filter(|(full, _)| full.ends_with(&suffix));
    let (_, statement) = found.next().expect("a statement of this name");
    assert!(found.next().is_none(), "several statements end with {name}");
    let (own, width) = statement.shape();
    let (own, elements) = values.split_at(own);
    let mut plans = Vec::new();
    for count in COUNTS {
        let elements = elements.iter().cycle().take(count * width.unwrap_or(0));
        let values: Vec<&Value> = own.iter().chain(elements).collect();
        plans.push(for_these(catalog, statement, count, &values).await?);
        if catalog.dialect == Dialect::Postgres && statement.is_kept(catalog.dialect) {
            plans.push(for_any(catalog, statement, count, &values).await?);
        }
        if width.is_none() {
            break;
        }
    }
    Ok(plans)
}

async fn for_these(
    catalog: &Catalog,
    statement: Statement,
    count: usize,
    values: &[&Value],
) -> Result<String, CatalogError> {
    let mut query = catalog.dialect.explain(statement, count);
    for value in values {
        query = match value {
            Value::Int(number) => query.bind(*number),
            Value::Text(text) => query.bind(text.clone()),
            Value::Null => query.bind(None::<String>),
        };
    }
    let mut tx = planning(catalog, count).await?;
    let rows = query.fetch_all(&mut *tx).await?;
    super::plan(catalog, rows)
}

/// Asks PostgreSQL for the plan that it would keep.
async fn for_any(
    catalog: &Catalog,
    statement: Statement,
    count: usize,
    values: &[&Value],
) -> Result<String, CatalogError> {
    let text = catalog.dialect.render(statement, count);
    let types = in_parentheses(values, |value| value.sql_type().to_owned());
    let literals = in_parentheses(values, Value::literal);
    let mut tx = planning(catalog, count).await?;
    for step in [
        "SET LOCAL plan_cache_mode = force_generic_plan".to_owned(),
        format!("PREPARE planned {types} AS {}", text.as_str()),
    ] {
        Dialect::schema_query(step).execute(&mut *tx).await?;
    }
    let question = Dialect::schema_query(format!("EXPLAIN EXECUTE planned {literals}"));
    let rows = question.fetch_all(&mut *tx).await?;
    let forgetting = Dialect::schema_query("DEALLOCATE planned".to_owned());
    forgetting.execute(&mut *tx).await?;
    super::plan(catalog, rows)
}

/// Opens a transaction in which nothing happens.
async fn planning(catalog: &Catalog, count: usize) -> Result<Tx, CatalogError> {
    let mut tx = catalog.begin().await?;
    if catalog.dialect == Dialect::Postgres && count == LONGEST {
        let larger = Dialect::schema_query(LARGE.to_owned());
        larger.execute(&mut *tx).await?;
    }
    Ok(tx)
}

fn in_parentheses(values: &[&Value], write: impl Fn(&Value) -> String) -> String {
    if values.is_empty() {
        return String::new();
    }
    let written: Vec<String> = values.iter().map(|value| write(value)).collect();
    format!("({})", written.join(", "))
}

impl Value {
    const fn sql_type(&self) -> &'static str {
        match self {
            Self::Int(_) => "BIGINT",
            Self::Text(_) | Self::Null => "TEXT",
        }
    }

    fn literal(&self) -> String {
        match self {
            Self::Int(number) => number.to_string(),
            Self::Text(text) => format!("'{}'", text.replace('\'', "''")),
            Self::Null => "NULL".to_owned(),
        }
    }
}

/// Returns the names of the statements that look for rows by a list of parameters.
pub fn with_lists() -> Vec<&'static str> {
    super::all_statements()
        .filter(|(_, statement)| statement.reads_a_list())
        .map(|(name, _)| name)
        .collect()
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
    if allowed.small.contains(&alias)
        || alias.starts_with('(')
        || rest.contains("CONSTANT ROW")
        || rest.contains("-ROW VALUES")
    {
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
    tables.iter().any(scans)
        || (!allowed.sorts && line.starts_with("Sort "))
        || (!allowed.walks && is_whole_repository(line))
}

/// `Index Cond: (repository_id = $1)` is a look at everything that a repository has, and still is with a kind: there are
/// three.
fn is_whole_repository(line: &str) -> bool {
    let Some((_, condition)) = line.split_once("Index Cond: (") else {
        return false;
    };
    let condition = condition.trim_start_matches('(');
    let of_one = ["repository_id = '", "repository_id = $"];
    let narrow = condition
        .split(" AND ")
        .skip(1)
        .filter(|bound| !bound.starts_with("(kind = "));
    of_one.iter().any(|start| condition.starts_with(start)) && narrow.count() == 0
}
