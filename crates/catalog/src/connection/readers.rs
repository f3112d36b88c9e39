//! The connections that only read.
//!
//! PostgreSQL's belong to the driver's pool. SQLite's do not: that pool asks a connection whether it still answers before
//! each use and after it, and each question is a thread hop, the dearest part of a small statement on a local file.
//! [`Readers`] hands a connection out and takes it back without a word.
//!
//! What it does not do: it keeps no statement open. A stream that is given up in the middle ends its statement by itself.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use sqlx::any::{AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo};
use sqlx::pool::PoolConnection;
use sqlx::{
    Any, AnyConnection, AnyPool, Connection as _, Describe, Either, Error, Execute, Executor,
    SqlStr,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::waits::Waits;
use super::{ACQUIRE_TIMEOUT, SQLITE_READER_SETTINGS, SQLITE_READERS, open_sqlite};

/// Where reading statements run.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    kind: ReaderKind,
    waits: Waits,
}

#[derive(Clone, Debug)]
pub(super) enum ReaderKind {
    Pool(AnyPool),
    Own(Arc<Readers>),
}

impl From<ReaderKind> for Reader {
    fn from(kind: ReaderKind) -> Self {
        let waits = Waits::default();
        Self { kind, waits }
    }
}

impl Reader {
    pub(super) fn observed(self, waits: Waits) -> Self {
        Self { waits, ..self }
    }

    /// Takes a connection for several statements in a row.
    pub(crate) async fn seat(&self) -> Result<Seat, Error> {
        let seat = async {
            match &self.kind {
                ReaderKind::Pool(pool) => Ok(Seat::Pooled(pool.acquire().await?)),
                ReaderKind::Own(readers) => readers.seat().await,
            }
        };
        self.waits.timed(seat).await
    }

    /// Closes every connection; running statements end first.
    pub(super) async fn close(&self) {
        match &self.kind {
            ReaderKind::Pool(pool) => pool.close().await,
            ReaderKind::Own(readers) => readers.close().await,
        }
    }
}

impl<'c> Executor<'c> for &'c Reader {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<AnyQueryResult, AnyRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let run = async move {
            let mut seat = self.seat().await?;
            let outcome: Result<Vec<_>, _> = seat.fetch_many(query).try_collect().await;
            seat.look_at(&outcome);
            outcome
        };
        all_at_once(run)
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        Box::pin(async move {
            let mut seat = self.seat().await?;
            let outcome = seat.fetch_optional(query).await;
            seat.look_at(&outcome);
            outcome
        })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [AnyTypeInfo],
    ) -> BoxFuture<'e, Result<AnyStatement, Error>>
    where
        'c: 'e,
    {
        Box::pin(async move { self.seat().await?.prepare_with(sql, parameters).await })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Any>, Error>>
    where
        'c: 'e,
    {
        Box::pin(async move { self.seat().await?.describe(sql).await })
    }
}

/// Gives a whole answer as the stream that the driver's interface asks for.
pub(super) fn all_at_once<'e, T: Send + 'e>(
    run: impl Future<Output = Result<Vec<T>, Error>> + Send + 'e,
) -> BoxStream<'e, Result<T, Error>> {
    stream::once(run)
        .map_ok(|answer| stream::iter(answer.into_iter().map(Ok)))
        .try_flatten()
        .boxed()
}

/// SQLite's reading connections, each opened when it is first needed.
#[derive(Debug)]
pub(crate) struct Readers {
    url: String,
    /// The last one used is the next one used: its pages and statements are warm.
    free: Mutex<Vec<AnyConnection>>,
    seats: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(url: String) -> Self {
        Self {
            url,
            free: Mutex::default(),
            seats: Arc::new(Semaphore::new(SQLITE_READERS as usize)),
        }
    }

    async fn seat(self: &Arc<Self>) -> Result<Seat, Error> {
        let waiting = Arc::clone(&self.seats).acquire_owned();
        let permit = tokio::time::timeout(ACQUIRE_TIMEOUT, waiting)
            .await
            .map_err(|_| Error::PoolTimedOut)?
            .map_err(|_| Error::PoolClosed)?;
        let free = self.free().pop();
        let connection = match free {
            Some(connection) => connection,
            None => open_sqlite(&self.url, SQLITE_READER_SETTINGS).await?,
        };
        Ok(Seat::Own(Own {
            connection: Some(connection),
            readers: Arc::clone(self),
            _permit: permit,
        }))
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<AnyConnection>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn close(&self) {
        // Refused if they were closed before.
        let all = self.seats.acquire_many(SQLITE_READERS).await;
        self.seats.close();
        drop(all);
        let free = std::mem::take(&mut *self.free());
        for connection in free {
            // It wrote nothing: nothing can be lost.
            let _ = connection.close().await;
        }
    }
}

/// One connection in the hands of one statement, or of a few.
pub(crate) enum Seat {
    Pooled(PoolConnection<Any>),
    Own(Own),
}

/// It goes back when it is dropped.
pub(crate) struct Own {
    /// `None` once it does not work any more, and while it is dropped.
    connection: Option<AnyConnection>,
    readers: Arc<Readers>,
    _permit: OwnedSemaphorePermit,
}

impl Seat {
    /// Remembers whether the connection's thread is gone.
    pub(crate) fn look_at<T>(&mut self, outcome: &Result<T, Error>) {
        if let (Self::Own(own), Err(Error::WorkerCrashed)) = (self, outcome) {
            own.connection = None;
        }
    }
}

impl Deref for Seat {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        match self {
            Self::Pooled(connection) => connection,
            Self::Own(own) => own.connection.as_ref().expect("one statement for one seat"),
        }
    }
}

impl DerefMut for Seat {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        match self {
            Self::Pooled(connection) => connection,
            Self::Own(own) => own.connection.as_mut().expect("one statement for one seat"),
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.readers.free().push(connection);
        }
    }
}
