//! Opening a catalog: pools, settings of each connection, migrations, transactions.
//!
//! SQLite has one writer connection and a pool of readers. One writer means that writes queue in the pool, in order
//! and with a timeout, instead of meeting in the file's lock. PostgreSQL has one pool, READ COMMITTED, and explicit
//! row locks in the order repository → tag → manifest → blob.

use std::path::Path;
use std::sync::Once;
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::migrate::Migrator;
use sqlx::{Any, AnyPool, Executor as _, Transaction};

use crate::CatalogError;
use crate::dialect::{Dialect, statements};

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("./migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("./migrations/postgres");

/// How long a call waits for a connection before it says that the database is not available.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
const SQLITE_READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 16;

/// `synchronous = FULL`: a commit that was acknowledged survives a power loss.
const SQLITE_SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
    PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 10000;";
const SQLITE_READER_SETTINGS: &str =
    "PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 10000; PRAGMA query_only = ON;";

statements! {
    PING = "SELECT 1 AS answer";
}

/// A writing transaction; dropping it undoes everything.
pub(crate) type Tx = Transaction<'static, Any>;

/// The one truth for metadata, on SQLite or PostgreSQL. Cloning shares the connections.
#[derive(Clone, Debug)]
pub struct Catalog {
    pub(crate) dialect: Dialect,
    pub(crate) writer: AnyPool,
    pub(crate) reader: AnyPool,
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
        let writer = AnyPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
            .after_connect(|connection, _| {
                Box::pin(async move { connection.execute(SQLITE_SETTINGS).await.map(drop) })
            })
            .connect(&url)
            .await
            .map_err(unreachable_database)?;
        SQLITE_MIGRATIONS
            .run(&writer)
            .await
            .map_err(|e| CatalogError::Migrate(Box::new(e)))?;
        let reader = AnyPoolOptions::new()
            .max_connections(SQLITE_READERS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
            .after_connect(|connection, _| {
                Box::pin(async move { connection.execute(SQLITE_READER_SETTINGS).await.map(drop) })
            })
            .connect(&url)
            .await
            .map_err(unreachable_database)?;
        Ok(Self {
            dialect: Dialect::Sqlite,
            writer,
            reader,
        })
    }

    async fn connect_postgres(url: &str) -> Result<Self, CatalogError> {
        let pool = AnyPoolOptions::new()
            .max_connections(POSTGRES_CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect(url)
            .await
            .map_err(unreachable_database)?;
        POSTGRES_MIGRATIONS
            .run(&pool)
            .await
            .map_err(|e| CatalogError::Migrate(Box::new(e)))?;
        Ok(Self {
            dialect: Dialect::Postgres,
            writer: pool.clone(),
            reader: pool,
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
            writer: pool.clone(),
            reader: pool,
        })
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
        Ok(self.writer.begin_with(self.dialect.begin()).await?)
    }
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
