//! The few places where SQLite and PostgreSQL differ, and the only place where SQL text is put together.
//!
//! Statements are written once. Where the engines differ, a statement holds a marker in braces, which is filled in
//! here; nothing that a user wrote ever becomes part of a statement's text:
//!
//! | marker | SQLite | PostgreSQL |
//! |---|---|---|
//! | `{for update}`, `{for share}` | nothing: the one writer is alone | the row lock |
//! | `{key share}` | nothing | holds a row against deletion and a new key, not against other changes |
//! | `{skip locked}` | nothing | `FOR UPDATE SKIP LOCKED` |
//! | `{announce}` | its text, `$1` | tells whoever listens on the channel of jobs |
//! | `{clock}` | the database's time in microseconds | the same |
//! | `{anew}` | nothing | nothing; the statement is planned for its parameters each time, see below |
//! | `{text_agg}` | `group_concat` | `string_agg` |
//! | `{list}` | `$n, $n+1, …` after the statement's own parameters | the same |
//! | `{rows w}` | `($n, …), (…)`, each of `w` values | the same |
//!
//! Markers with a count are rendered in powers of two, so that a connection's statement cache stays small.
//!
//! PostgreSQL keeps one plan for a statement that a connection has asked a few times, made for the average parameter. A
//! registry has no average repository: one holds 100,000 tags, and a thousand hold ten. Where the right plan depends on
//! which, the statement begins with `{anew}`. It costs a round trip and the planning; the tests of plans
//! (`tests/it/hot_path.rs`) say which statements need it.

use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, SqlSafeStr as _, SqlStr};

/// Where PostgreSQL announces queued jobs; the text is the lane's number.
pub(crate) const JOB_CHANNEL: &str = "tidegate_jobs";

/// The longest `{list}` or `{rows}`: far below every engine's limit on parameters.
const MAX_CHUNK: usize = 256;

/// One registered statement. Only [`statements!`] makes them, so that the test which prepares all misses none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statement {
    sql: &'static str,
}

impl Statement {
    /// Used by [`statements!`] alone.
    pub(crate) const fn registered(sql: &'static str) -> Self {
        Self { sql }
    }

    /// Returns whether a connection may keep the statement and the engine its plan.
    pub(crate) fn is_kept(self, dialect: Dialect) -> bool {
        dialect == Dialect::Sqlite || !self.sql.starts_with("{anew}")
    }

    /// Returns how many parameters come before those of its `{list}` or `{rows}`, and how many each element of these has;
    /// none without such a marker.
    #[cfg(feature = "testkit")]
    pub(crate) fn shape(self) -> (usize, Option<usize>) {
        let width = match self.sql.split_once("{rows ") {
            Some((_, rest)) => rest
                .split_once('}')
                .and_then(|(width, _)| width.parse().ok()),
            None => self.sql.contains("{list}").then_some(1),
        };
        (last_parameter(self.sql), width)
    }

    /// Returns whether rows are looked for by a list of parameters.
    #[cfg(feature = "testkit")]
    pub(crate) fn reads_a_list(self) -> bool {
        self.sql.contains("{list}") || self.sql.contains("AS v CROSS JOIN")
    }

    /// A statement about a table that only a test has.
    #[cfg(test)]
    pub(crate) const fn for_test(sql: &'static str) -> Self {
        Self { sql }
    }
}

/// Declares a module's statements and the list by which a test finds them.
macro_rules! statements {
    ($($name:ident = $sql:literal;)+) => {
        $(const $name: crate::dialect::Statement = crate::dialect::Statement::registered($sql);)+

        /// Every statement of this module, with its name.
        #[cfg(feature = "testkit")]
        pub(crate) const STATEMENTS: &[(&str, crate::dialect::Statement)] =
            &[$((concat!(module_path!(), "::", stringify!($name)), $name)),+];
    };
}
pub(crate) use statements;

/// A statement on its way to the engine, for functions that bind its parameters.
pub(crate) type Prepared = Query<'static, Any, AnyArguments>;

/// Which engine is behind the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// Returns the statement that opens a writing transaction.
    ///
    /// SQLite takes the write lock at once: upgrading a reading transaction later fails in a way that its busy timeout
    /// does not retry.
    pub(crate) const fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// Returns the statements that open a writing transaction whose commit need not wait for the disk. On SQLite the line
    /// of its writers sees to that.
    pub(crate) const fn begin_derived(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN; SET LOCAL synchronous_commit = off",
        }
    }

    /// Returns the statement that opens a transaction in which everything is read as of one instant.
    pub(crate) const fn snapshot(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ",
        }
    }

    /// Prepares statements that were rendered here and put together by [`crate::batch`].
    pub(crate) fn composed(text: String, arguments: AnyArguments, is_kept: bool) -> Prepared {
        sqlx::query_with(AssertSqlSafe(text).into_sql_str(), arguments).persistent(is_kept)
    }

    /// Prepares a step of SQLite's transactions, for the line of its writers.
    pub(crate) fn transaction_step(text: &'static str) -> Prepared {
        sqlx::query(text)
    }

    /// Prepares a statement made of the schema's own names: for moving whole tables, and nothing a user wrote.
    pub(crate) fn schema_query(text: String) -> Prepared {
        sqlx::query(AssertSqlSafe(text).into_sql_str())
    }

    /// Prepares a statement without `{list}` and `{rows}`.
    pub(crate) fn query(self, statement: Statement) -> Prepared {
        self.query_many(statement, 1)
    }

    /// Prepares a statement whose `{list}` or `{rows}` has `count` elements.
    pub(crate) fn query_many(self, statement: Statement, count: usize) -> Prepared {
        sqlx::query(self.render(statement, count)).persistent(statement.is_kept(self))
    }

    /// Prepares the question how the engine would answer a statement whose `{list}` or `{rows}` has `count` elements.
    #[cfg(feature = "testkit")]
    pub(crate) fn explain(self, statement: Statement, count: usize) -> Prepared {
        let question = match self {
            Self::Sqlite => "EXPLAIN QUERY PLAN ",
            Self::Postgres => "EXPLAIN ",
        };
        let rendered = self.render(statement, count);
        sqlx::query(AssertSqlSafe(format!("{question}{}", rendered.as_str())).into_sql_str())
    }

    /// Fills in a statement's markers.
    pub(crate) fn render(self, statement: Statement, count: usize) -> SqlStr {
        if !statement.sql.contains('{') {
            return statement.sql.into_sql_str();
        }
        let mut rendered = String::with_capacity(statement.sql.len() + 64);
        let mut rest = statement.sql;
        while let Some((before, after)) = rest.split_once('{') {
            let (marker, after) = after.split_once('}').unwrap_or((after, ""));
            rendered.push_str(before);
            self.fill(marker, statement, count, &mut rendered);
            rest = after;
        }
        rendered.push_str(rest);
        AssertSqlSafe(rendered).into_sql_str()
    }

    fn fill(self, marker: &str, statement: Statement, count: usize, rendered: &mut String) {
        let first = last_parameter(statement.sql) + 1;
        match (marker, self) {
            ("for update" | "for share" | "key share" | "skip locked", Self::Sqlite)
            | ("anew", _) => {}
            ("for update", Self::Postgres) => rendered.push_str("FOR UPDATE"),
            ("for share", Self::Postgres) => rendered.push_str("FOR SHARE"),
            ("key share", Self::Postgres) => rendered.push_str("FOR KEY SHARE"),
            ("skip locked", Self::Postgres) => rendered.push_str("FOR UPDATE SKIP LOCKED"),
            ("announce", Self::Sqlite) => rendered.push_str("$1"),
            ("announce", Self::Postgres) => {
                // The function's own type is one the driver does not read.
                rendered.push_str("CAST(pg_notify('tidegate_jobs', $1) AS TEXT)");
            }
            ("clock", Self::Sqlite) => {
                rendered.push_str("CAST(unixepoch('now', 'subsec') * 1000000 AS BIGINT)");
            }
            ("clock", Self::Postgres) => {
                rendered
                    .push_str("CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)");
            }
            ("text_agg", Self::Sqlite) => rendered.push_str("group_concat"),
            ("text_agg", Self::Postgres) => rendered.push_str("string_agg"),
            ("list", _) => push_parameters(first, count, rendered),
            (marker, _) => {
                let width = marker
                    .strip_prefix("rows ")
                    .and_then(|width| width.parse().ok())
                    .expect("the test that prepares every statement has seen this marker");
                for row in 0..count {
                    rendered.push_str(if row == 0 { "(" } else { ", (" });
                    push_parameters(first + row * width, width, rendered);
                    rendered.push(')');
                }
            }
        }
    }
}

/// Prepares what somebody does to the tables who goes around the catalog. For tests.
#[cfg(feature = "testkit")]
pub(crate) fn tamper(text: &'static str) -> Prepared {
    sqlx::query(text)
}

/// Writes the statement that makes a database; its names cannot be parameters. For tests, with names of their own.
#[cfg(feature = "testkit")]
pub(crate) fn create_database(name: &str, template: Option<&str>) -> SqlStr {
    AssertSqlSafe(match template {
        Some(template) => format!("CREATE DATABASE {name} TEMPLATE {template}"),
        None => format!("CREATE DATABASE {name}"),
    })
    .into_sql_str()
}

/// Splits a slice into chunks of powers of two, the largest first.
pub(crate) fn chunks<T>(mut items: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        if items.is_empty() {
            return None;
        }
        let largest = 1 << items.len().ilog2();
        let (chunk, rest) = items.split_at(largest.min(MAX_CHUNK));
        items = rest;
        Some(chunk)
    })
}

fn push_parameters(first: usize, count: usize, rendered: &mut String) {
    use std::fmt::Write as _;
    for number in first..first + count {
        let separator = if number == first { "" } else { ", " };
        write!(rendered, "{separator}${number}").expect("writing to a text never fails");
    }
}

/// Returns the highest `$n` in a statement.
fn last_parameter(sql: &str) -> usize {
    sql.split('$')
        .skip(1)
        .filter_map(|after| {
            let digits = after.bytes().take_while(u8::is_ascii_digit).count();
            after[..digits].parse().ok()
        })
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(dialect: Dialect, sql: &'static str, count: usize, expected: &str) {
        let rendered = dialect.render(Statement::registered(sql), count);
        assert_eq!(rendered.as_str(), expected);
    }

    #[test]
    fn a_statement_without_markers_is_the_same_everywhere() {
        check(Dialect::Sqlite, "SELECT $1", 1, "SELECT $1");
        check(Dialect::Postgres, "SELECT $1", 1, "SELECT $1");
    }

    #[test]
    fn row_locks_exist_on_postgres_only() {
        check(Dialect::Sqlite, "SELECT 1 {for update}", 1, "SELECT 1 ");
        check(
            Dialect::Postgres,
            "SELECT 1 {skip locked}",
            1,
            "SELECT 1 FOR UPDATE SKIP LOCKED",
        );
    }

    #[test]
    fn lists_and_rows_begin_after_the_last_parameter() {
        check(
            Dialect::Sqlite,
            "a = $1 AND b IN ({list})",
            3,
            "a = $1 AND b IN ($2, $3, $4)",
        );
        check(
            Dialect::Postgres,
            "VALUES {rows 2}",
            2,
            "VALUES ($1, $2), ($3, $4)",
        );
    }

    #[test]
    fn chunks_are_powers_of_two_and_lose_nothing() {
        let items: Vec<usize> = (0..603).collect();
        let sizes: Vec<usize> = chunks(&items).map(<[usize]>::len).collect();
        assert_eq!(sizes, [256, 256, 64, 16, 8, 2, 1]);
        let joined: Vec<usize> = chunks(&items).flatten().copied().collect();
        assert_eq!(joined, items);
    }
}
