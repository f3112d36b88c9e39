//! Opening a catalog: pools, settings of each connection, migrations, transactions.
//!
//! SQLite has one writing connection and several that read. One writer means that writes stand in a [`mod@line`], in order
//! and with a timeout, instead of meeting in the file's lock, and share their commits. PostgreSQL has one pool, READ
//! COMMITTED, and explicit row locks in the order repository → tag → manifest → blob.

mod line;
mod readers;
mod waits;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::sync::Once;
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::migrate::Migrator;
use sqlx::{AnyConnection, Connection as _, Executor as _};

use crate::CatalogError;
use crate::batch::{Answers, Batch};
use crate::dialect::{Dialect, statements};

use self::line::{Company, Line};
pub(crate) use self::readers::Reader;
use self::readers::{ReaderKind, Readers};
pub use self::waits::OnWait;
use self::waits::Waits;
pub(crate) use self::writer::Tx;
use self::writer::{Writer, WriterKind};

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("./migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("./migrations/postgres");

/// How long a call waits for a connection before it says that the database is not available.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection to PostgreSQL that idled for longer is asked whether it still answers.
const TRUSTED_IDLE: Duration = Duration::from_millis(500);
const SQLITE_READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 16;

/// `synchronous = FULL`: a commit that was acknowledged survives a power loss. What a savepoint may have to undo is kept
/// in memory. The log is moved into the file after 16 MiB: a page that many commits changed is moved once.
const SQLITE_SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
    PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 10000; PRAGMA temp_store = MEMORY; \
    PRAGMA wal_autocheckpoint = 4000;";
const SQLITE_READER_SETTINGS: &str =
    "PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 10000; PRAGMA query_only = ON;";

statements! {
    PING = "SELECT 1 AS answer";
}

/// The one truth for metadata, on SQLite or PostgreSQL. Cloning shares the connections.
#[derive(Clone, Debug)]
pub struct Catalog {
    pub(crate) dialect: Dialect,
    pub(crate) writer: Writer,
    pub(crate) reader: Reader,
}

impl Catalog {
    /// Opens `sqlite:PATH` (created when missing) or `postgres://…` and migrates the schema to this version.
    ///
    /// # Errors
    /// [`CatalogError::Address`], [`CatalogError::Unavailable`], [`CatalogError::Migrate`].
    pub async fn connect(url: &str) -> Result<Self, CatalogError> {
        install_drivers();
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            Self::connect_sqlite(Path::new(path)).await
        } else if Self::is_postgres_address(url) {
            Self::connect_postgres(url).await
        } else {
            Err(CatalogError::Address)
        }
    }

    /// Returns whether an address is that of a PostgreSQL server.
    pub(crate) fn is_postgres_address(url: &str) -> bool {
        url.starts_with("postgres://") || url.starts_with("postgresql://")
    }

    async fn connect_sqlite(path: &Path) -> Result<Self, CatalogError> {
        let url = sqlite_url(path)?;
        // The folder of the migrations belongs to the driver's pool; it is closed before the line opens.
        let migrating = AnyPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .after_connect(|connection, _| {
                Box::pin(async move { connection.execute(SQLITE_SETTINGS).await.map(drop) })
            })
            .connect(&url)
            .await
            .map_err(unreachable_database)?;
        let migrated = SQLITE_MIGRATIONS.run(&migrating).await;
        migrating.close().await;
        migrated.map_err(|e| CatalogError::Migrate(Box::new(e)))?;
        Ok(Self {
            dialect: Dialect::Sqlite,
            writer: WriterKind::Line(Line::new(url.clone())).into(),
            reader: ReaderKind::Own(Arc::new(Readers::new(url))).into(),
        })
    }

    async fn connect_postgres(url: &str) -> Result<Self, CatalogError> {
        let pool = AnyPoolOptions::new()
            .max_connections(POSTGRES_CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            // Asking before every statement is a round trip each; a server that came back leaves what idled.
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for < TRUSTED_IDLE {
                        return Ok(true);
                    }
                    connection.ping().await.map(|()| true)
                })
            })
            .connect(url)
            .await
            .map_err(unreachable_database)?;
        POSTGRES_MIGRATIONS
            .run(&pool)
            .await
            .map_err(|e| CatalogError::Migrate(Box::new(e)))?;
        Ok(Self {
            dialect: Dialect::Postgres,
            writer: WriterKind::Pool(pool.clone()).into(),
            reader: ReaderKind::Pool(pool).into(),
        })
    }

    /// Opens a catalog of its own in memory, migrated and empty: it shows what this version's schema is.
    pub(crate) async fn in_memory() -> Result<Self, CatalogError> {
        install_drivers();
        let pool = AnyPoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect("sqlite::memory:")
            .await
            .map_err(unreachable_database)?;
        SQLITE_MIGRATIONS
            .run(&pool)
            .await
            .map_err(|e| CatalogError::Migrate(Box::new(e)))?;
        Ok(Self {
            dialect: Dialect::Sqlite,
            writer: WriterKind::Pool(pool.clone()).into(),
            reader: ReaderKind::Pool(pool).into(),
        })
    }

    /// Tells observers how long reading statements wait for a connection, and writing ones for their transaction.
    #[must_use]
    pub fn observed(self, reads: OnWait, writes: OnWait) -> Self {
        Self {
            dialect: self.dialect,
            writer: self.writer.observed(Waits::told_to(writes)),
            reader: self.reader.observed(Waits::told_to(reads)),
        }
    }

    /// Asks the database for an answer.
    pub async fn ping(&self) -> Result<(), CatalogError> {
        self.dialect.query(PING).fetch_one(&self.reader).await?;
        Ok(())
    }

    /// Closes every connection; running statements end first.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }

    /// Opens a writing transaction.
    pub(crate) async fn begin(&self) -> Result<Tx, CatalogError> {
        let (tx, _) = self
            .begin_as(Company::Alone, self.dialect.begin(), self.batch())
            .await?;
        Ok(tx)
    }

    /// Opens a writing transaction that is short and often there: on SQLite those share their commits.
    pub(crate) async fn begin_short(&self) -> Result<Tx, CatalogError> {
        let (tx, _) = self.begin_short_with(self.batch()).await?;
        Ok(tx)
    }

    /// Does as [`Self::begin_short`], and asks first what a batch asks: that goes on the same way to the database.
    pub(crate) async fn begin_short_with(
        &self,
        first: Batch,
    ) -> Result<(Tx, Answers), CatalogError> {
        self.begin_as(Company::Shared, self.dialect.begin(), first)
            .await
    }

    /// Does as [`Self::begin_short_with`] for what is derived from what is stored, and would be made again: its commit
    /// need not wait for the disk. It is as atomic and as visible as any; a power loss soon after may undo it.
    pub(crate) async fn begin_derived_with(
        &self,
        first: Batch,
    ) -> Result<(Tx, Answers), CatalogError> {
        self.begin_as(Company::Derived, self.dialect.begin_derived(), first)
            .await
    }

    /// Opens a transaction in which everything is read as of one instant.
    pub(crate) async fn begin_snapshot(&self) -> Result<Tx, CatalogError> {
        let (tx, _) = self
            .begin_as(Company::Alone, self.dialect.snapshot(), self.batch())
            .await?;
        Ok(tx)
    }

    async fn begin_as(
        &self,
        company: Company,
        begin: &'static str,
        first: Batch,
    ) -> Result<(Tx, Answers), CatalogError> {
        let begun = self.writer.begin(company, self.dialect, begin, first);
        Ok(begun.await?)
    }

    /// Returns an empty batch of statements.
    pub(crate) const fn batch(&self) -> Batch {
        Batch::new(self.dialect)
    }
}

async fn open_sqlite(url: &str, settings: &'static str) -> Result<AnyConnection, sqlx::Error> {
    let mut connection = AnyConnection::connect(url).await?;
    connection.execute(settings).await?;
    Ok(connection)
}

fn install_drivers() {
    static ONCE: Once = Once::new();
    ONCE.call_once(sqlx::any::install_default_drivers);
}

/// Writes a path as an address; `%`, `?` and `#` would otherwise end it.
fn sqlite_url(path: &Path) -> Result<String, CatalogError> {
    let absolute = std::path::absolute(path).map_err(|_| CatalogError::Address)?;
    let text = absolute.to_str().ok_or(CatalogError::Address)?;
    let escaped = text
        .replace('%', "%25")
        .replace('?', "%3F")
        .replace('#', "%23");
    Ok(format!("sqlite://{escaped}?mode=rwc"))
}

/// Whatever keeps the first connection from opening, the database is not available.
fn unreachable_database(error: sqlx::Error) -> CatalogError {
    CatalogError::Unavailable(Box::new(error))
}
