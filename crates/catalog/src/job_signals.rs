//! Word that a job was queued, from whichever process queued it.
//!
//! PostgreSQL tells every listener when the queueing transaction commits; it needs a connection that does nothing
//! else. SQLite has one process, which wakes its own workers. A signal may be lost with its connection, so whoever
//! listens also looks at the queue now and then.

use sqlx::postgres::PgListener;

use crate::dialect::JOB_CHANNEL;
use crate::{Catalog, CatalogError};

/// A connection on which queued jobs are announced.
#[derive(Debug)]
pub struct JobSignals {
    listener: PgListener,
}

impl JobSignals {
    /// Begins to listen, or returns `None` if the database announces nothing (SQLite). `url` is that of the catalog.
    pub async fn listen(url: &str) -> Result<Option<Self>, CatalogError> {
        if !Catalog::is_postgres_address(url) {
            return Ok(None);
        }
        let mut listener = PgListener::connect(url).await?;
        listener.listen(JOB_CHANNEL).await?;
        Ok(Some(Self { listener }))
    }

    /// Waits until something was queued, or may have been: a connection that broke is opened again and counts as a
    /// signal.
    pub async fn next(&mut self) -> Result<(), CatalogError> {
        self.listener.try_recv().await?;
        Ok(())
    }
}
