//! Opening a catalog: pools, per-connection settings, migrations, transactions.

use crate::CatalogError;

/// The one truth for metadata, on SQLite or PostgreSQL. Cloning shares the connections.
#[derive(Clone, Debug)]
pub struct Catalog {
    writer: sqlx::AnyPool,
}

impl Catalog {
    /// Opens `sqlite:PATH` (created when missing) or `postgres://…` and migrates the schema to this version.
    pub async fn connect(url: &str) -> Result<Self, CatalogError> {
        todo!()
    }

    /// Asks the database for an answer.
    pub async fn ping(&self) -> Result<(), CatalogError> {
        todo!()
    }

    /// Closes every connection; running statements end first.
    pub async fn close(&self) {
        self.writer.close().await;
    }
}
