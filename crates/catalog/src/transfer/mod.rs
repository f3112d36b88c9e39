//! Moving a catalog to another database, of the same engine or the other.
//!
//! Every table is copied row by row in the order of its primary key, from one snapshot of the source; then both sides are
//! read again and compared, row count and content. A marker in the target says that a transfer is under way: such a
//! target is taken up again (rows that are there stay), it is refused to anybody else, and no server starts on it.
//!
//! What it does not do: unfinished uploads stay behind, because their bytes may; clients start them again.

mod schema;

use failpoint::Step;
use jiff::Timestamp;
use oci::{Algorithm, Digest, DigestHasher};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use self::schema::{Kind, Table};
use crate::blobs::read_blob;
use crate::connection::Tx;
use crate::dialect::{Dialect, Prepared, statements};
use crate::rows::{Columns as _, all, micros};
use crate::{Blob, Catalog, CatalogError};

/// Rows read at once.
const PAGE: usize = 500;
/// Values bound by one statement: below the limit of every engine.
const MAX_VALUES: usize = 10_000;

statements! {
    BLOBS_AFTER = "SELECT digest, size_bytes, object_key, state, CAST(NULL AS BIGINT) AS protected_until FROM blob
        WHERE digest > $1 ORDER BY digest LIMIT $2";
    MARK = "INSERT INTO transfer (source, started_at) VALUES ($1, $2) ON CONFLICT (source) DO NOTHING";
    MARKS = "SELECT source FROM transfer ORDER BY source";
    UNMARK = "DELETE FROM transfer WHERE source = $1";
    UPLOADS = "SELECT COUNT(*) AS uploads FROM upload";
}

/// Why a catalog was not moved.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The target holds rows of its own.
    #[error("the target database is not empty: table `{table}` has rows")]
    NotEmpty {
        /// A table with rows.
        table: String,
    },
    /// Another transfer into the target was begun and not finished.
    #[error("the target database holds an unfinished transfer from another source")]
    OtherSource,
    /// A table differs after it was copied.
    #[error(
        "table `{table}` differs: {source_rows} rows in the source, {target_rows} in the target"
    )]
    Differs {
        /// The table.
        table: String,
        /// Its rows in the source.
        source_rows: u64,
        /// Its rows in the target.
        target_rows: u64,
    },
    /// A database failed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl From<sqlx::Error> for TransferError {
    fn from(error: sqlx::Error) -> Self {
        Self::Catalog(error.into())
    }
}

/// A table that was copied and compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiedTable {
    /// Its name.
    pub name: String,
    /// How many rows it has, on both sides.
    pub rows: u64,
}

/// What was moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transferred {
    /// The tables, in the order in which they were copied.
    pub tables: Vec<CopiedTable>,
    /// Whether a transfer that had been interrupted was finished.
    pub is_resumed: bool,
    /// Unfinished uploads, which stay behind.
    pub uploads_left: u64,
}

impl Catalog {
    /// Copies every table into `target` and compares them. `source` names this catalog and no secret: an interrupted
    /// transfer is taken up by the same name only. `copied` hears of each table.
    ///
    /// Nothing should write to this catalog meanwhile: on SQLite nothing can, on PostgreSQL it would not be copied.
    ///
    /// # Errors
    /// See [`TransferError`]; what was copied before stays, and the next call goes on.
    pub async fn transfer_to(
        &self,
        target: &Self,
        source: &str,
        now: Timestamp,
        mut copied: impl FnMut(&CopiedTable),
    ) -> Result<Transferred, TransferError> {
        let tables = schema::tables().await?;
        let is_resumed = mark(target, &tables, source, now).await?;
        // One snapshot for everything.
        let mut snapshot = self.begin_snapshot().await?;
        let mut done = Vec::with_capacity(tables.len());
        for table in &tables {
            copy(&mut snapshot, target, table).await?;
            let mut other = target.begin_snapshot().await?;
            let (source_rows, source_digest) = read_through(&mut snapshot, table).await?;
            let (target_rows, target_digest) = read_through(&mut other, table).await?;
            drop(other);
            if (source_rows, source_digest) != (target_rows, target_digest) {
                return Err(TransferError::Differs {
                    table: table.name.clone(),
                    source_rows,
                    target_rows,
                });
            }
            if table.is_numbered {
                let last = last_number(self.dialect, &mut snapshot, table).await?;
                set_last_number(target, table, last).await?;
            }
            let table = CopiedTable {
                name: table.name.clone(),
                rows: source_rows,
            };
            copied(&table);
            done.push(table);
        }
        let uploads = self
            .dialect
            .query(UPLOADS)
            .fetch_one(&mut *snapshot)
            .await?;
        target
            .dialect
            .query(UNMARK)
            .bind(source.to_owned())
            .execute(&target.writer)
            .await?;
        Ok(Transferred {
            tables: done,
            is_resumed,
            uploads_left: uploads.size("uploads")?,
        })
    }

    /// Returns up to `limit` blobs in the order of their digests, beginning after `after`: for moving them all.
    pub async fn blobs_after(
        &self,
        after: Option<&Digest>,
        limit: u32,
    ) -> Result<Vec<Blob>, CatalogError> {
        let rows = self
            .dialect
            .query(BLOBS_AFTER)
            .bind(after.map_or_else(String::new, Digest::to_string))
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| read_blob(&row))
    }

    /// Returns whether a transfer into this catalog was begun and not finished: nothing else may use it then.
    pub async fn is_half_transferred(&self) -> Result<bool, CatalogError> {
        let mark = self
            .dialect
            .query(MARKS)
            .fetch_optional(&self.reader)
            .await?;
        Ok(mark.is_some())
    }
}

/// Takes the target for this transfer; returns whether it had begun before.
async fn mark(
    target: &Catalog,
    tables: &[Table],
    source: &str,
    now: Timestamp,
) -> Result<bool, TransferError> {
    let marks = target
        .dialect
        .query(MARKS)
        .fetch_all(&target.reader)
        .await?;
    for mark in &marks {
        if mark.text("source")? != source {
            return Err(TransferError::OtherSource);
        }
    }
    if !marks.is_empty() {
        return Ok(true);
    }
    for table in tables.iter().filter(|table| !table.is_seeded) {
        let first =
            Dialect::schema_query(format!("SELECT 1 AS found FROM \"{}\" LIMIT 1", table.name));
        if first.fetch_optional(&target.reader).await?.is_some() {
            return Err(TransferError::NotEmpty {
                table: table.name.clone(),
            });
        }
    }
    let mut tx = target.begin().await?;
    // The migrations' own rows give way to the source's.
    for table in tables.iter().rev().filter(|table| table.is_seeded) {
        Dialect::schema_query(format!("DELETE FROM \"{}\"", table.name))
            .execute(&mut *tx)
            .await?;
    }
    target
        .dialect
        .query(MARK)
        .bind(source.to_owned())
        .bind(micros(now))
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(false)
}

async fn copy(snapshot: &mut Tx, target: &Catalog, table: &Table) -> Result<(), TransferError> {
    let per_statement = (MAX_VALUES / table.columns.len()).clamp(1, PAGE);
    let mut after: Option<AnyRow> = None;
    loop {
        let rows = page(snapshot, table, after.as_ref()).await?;
        for chunk in rows.chunks(per_statement) {
            let mut insert = Dialect::schema_query(insert_text(target.dialect, table, chunk.len()));
            for row in chunk {
                for (position, column) in table.columns.iter().enumerate() {
                    insert = bind(insert, row, position, column.kind)?;
                }
            }
            failpoint::before(Step::TransferRows);
            insert.execute(&target.writer).await?;
            failpoint::after(Step::TransferRows);
        }
        if rows.len() < PAGE {
            return Ok(());
        }
        after = rows.into_iter().last();
    }
}

/// Returns the next rows in the order of the key.
async fn page(
    tx: &mut Tx,
    table: &Table,
    after: Option<&AnyRow>,
) -> Result<Vec<AnyRow>, TransferError> {
    let names: Vec<String> = table
        .columns
        .iter()
        .map(|column| quoted(&column.name))
        .collect();
    let key: Vec<&str> = table
        .key
        .iter()
        .map(|position| names[*position].as_str())
        .collect();
    let mut text = format!("SELECT {} FROM \"{}\"", names.join(", "), table.name);
    if after.is_some() {
        let parameters: Vec<String> = (1..=key.len()).map(|number| format!("${number}")).collect();
        text = format!(
            "{text} WHERE ({}) > ({})",
            key.join(", "),
            parameters.join(", ")
        );
    }
    text = format!("{text} ORDER BY {} LIMIT {PAGE}", key.join(", "));
    let mut query = Dialect::schema_query(text);
    if let Some(row) = after {
        for position in &table.key {
            query = bind(query, row, *position, table.columns[*position].kind)?;
        }
    }
    Ok(query.fetch_all(&mut **tx).await?)
}

fn insert_text(dialect: Dialect, table: &Table, rows: usize) -> String {
    let names: Vec<String> = table
        .columns
        .iter()
        .map(|column| quoted(&column.name))
        .collect();
    let width = names.len();
    let values: Vec<String> = (0..rows)
        .map(|row| {
            let numbers: Vec<String> = (1..=width)
                .map(|column| format!("${}", row * width + column))
                .collect();
            format!("({})", numbers.join(", "))
        })
        .collect();
    let overriding = match dialect {
        Dialect::Postgres if table.is_numbered => " OVERRIDING SYSTEM VALUE",
        _ => "",
    };
    format!(
        "INSERT INTO \"{}\" ({}){overriding} VALUES {} ON CONFLICT DO NOTHING",
        table.name,
        names.join(", "),
        values.join(", ")
    )
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

fn bind(
    query: Prepared,
    row: &AnyRow,
    position: usize,
    kind: Kind,
) -> Result<Prepared, TransferError> {
    Ok(match kind {
        Kind::Number => query.bind(row.try_get::<Option<i64>, _>(position)?),
        Kind::Text => query.bind(row.try_get::<Option<String>, _>(position)?),
        Kind::Bytes => query.bind(row.try_get::<Option<Vec<u8>>, _>(position)?),
        Kind::Double => query.bind(row.try_get::<Option<f64>, _>(position)?),
    })
}

/// Counts and hashes a table, row by row.
async fn read_through(tx: &mut Tx, table: &Table) -> Result<(u64, Digest), TransferError> {
    let mut hasher = DigestHasher::new(Algorithm::Sha256);
    let mut rows = 0;
    let mut after: Option<AnyRow> = None;
    loop {
        let page = page(tx, table, after.as_ref()).await?;
        for row in &page {
            for (position, column) in table.columns.iter().enumerate() {
                hash_value(&mut hasher, row, position, column.kind)?;
            }
        }
        rows += page.len() as u64;
        if page.len() < PAGE {
            return Ok((rows, hasher.finish()));
        }
        after = page.into_iter().last();
    }
}

/// Each value with a mark and its length, so that no two rows are the same bytes.
fn hash_value(
    hasher: &mut DigestHasher,
    row: &AnyRow,
    position: usize,
    kind: Kind,
) -> Result<(), TransferError> {
    let bytes = match kind {
        Kind::Number => row
            .try_get::<Option<i64>, _>(position)?
            .map(|n| n.to_be_bytes().to_vec()),
        Kind::Text => row
            .try_get::<Option<String>, _>(position)?
            .map(String::into_bytes),
        Kind::Bytes => row.try_get::<Option<Vec<u8>>, _>(position)?,
        Kind::Double => row
            .try_get::<Option<f64>, _>(position)?
            .map(|n| n.to_be_bytes().to_vec()),
    };
    match bytes {
        None => hasher.update(&[0]),
        Some(bytes) => {
            hasher.update(&[1]);
            hasher.update(&(bytes.len() as u64).to_be_bytes());
            hasher.update(&bytes);
        }
    }
    Ok(())
}

/// Returns the last number the database gave out, which may be above every row: numbers are never used twice.
async fn last_number(dialect: Dialect, tx: &mut Tx, table: &Table) -> Result<i64, TransferError> {
    let text = match dialect {
        Dialect::Sqlite => "SELECT CAST(seq AS BIGINT) AS last FROM sqlite_sequence WHERE name = $1",
        Dialect::Postgres => {
            "SELECT CAST(COALESCE(pg_sequence_last_value(CAST(pg_get_serial_sequence($1, 'id') AS regclass)), 0) AS BIGINT)
                AS last"
        }
    };
    let row = Dialect::schema_query(text.to_owned())
        .bind(table.name.clone())
        .fetch_optional(&mut **tx)
        .await?;
    Ok(row.map(|row| row.int("last")).transpose()?.unwrap_or(0))
}

async fn set_last_number(target: &Catalog, table: &Table, last: i64) -> Result<(), TransferError> {
    if last == 0 {
        return Ok(());
    }
    let texts: &[&str] = match target.dialect {
        // The rows that were copied have made an entry, unless there are none.
        Dialect::Sqlite => &[
            "DELETE FROM sqlite_sequence WHERE name = $1 AND $2 > 0",
            "INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)",
        ],
        Dialect::Postgres => &[
            "SELECT CAST(setval(CAST(pg_get_serial_sequence($1, 'id') AS regclass), $2) AS BIGINT) AS last",
        ],
    };
    let mut tx = target.begin().await?;
    for text in texts {
        Dialect::schema_query((*text).to_owned())
            .bind(table.name.clone())
            .bind(last)
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await?;
    Ok(())
}
