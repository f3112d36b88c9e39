//! The way to change something: transactions, and single statements that are one each.

use std::ops::{Deref, DerefMut};

use futures::future::BoxFuture;
use futures::stream::{BoxStream, TryStreamExt as _};
use sqlx::any::{AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo};
use sqlx::{
    Any, AnyConnection, AnyPool, Describe, Either, Error, Execute, Executor, SqlStr, Transaction,
};

use super::line::{Company, Line, Member};
use super::readers::all_at_once;
use super::waits::Waits;

/// Where writing statements run.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    kind: WriterKind,
    waits: Waits,
}

#[derive(Clone, Debug)]
pub(super) enum WriterKind {
    Pool(AnyPool),
    Line(Line),
}

impl From<WriterKind> for Writer {
    fn from(kind: WriterKind) -> Self {
        let waits = Waits::default();
        Self { kind, waits }
    }
}

/// A writing transaction; dropping it undoes everything.
#[derive(Debug)]
pub(crate) enum Tx {
    Pooled(Transaction<'static, Any>),
    Member(Box<Member>),
}

impl Writer {
    pub(super) fn observed(self, waits: Waits) -> Self {
        Self { waits, ..self }
    }

    pub(super) async fn begin(
        &self,
        company: Company,
        statement: &'static str,
    ) -> Result<Tx, Error> {
        let begun = async {
            match &self.kind {
                WriterKind::Pool(pool) => Ok(Tx::Pooled(pool.begin_with(statement).await?)),
                WriterKind::Line(line) => Ok(Tx::Member(Box::new(line.begin(company).await?))),
            }
        };
        self.waits.timed(begun).await
    }

    pub(super) async fn close(&self) {
        match &self.kind {
            WriterKind::Pool(pool) => pool.close().await,
            WriterKind::Line(line) => line.close().await,
        }
    }
}

impl Tx {
    /// Makes everything durable and visible, or nothing.
    pub(crate) async fn commit(self) -> Result<(), Error> {
        match self {
            Self::Pooled(transaction) => transaction.commit().await,
            Self::Member(member) => member.commit().await,
        }
    }
}

impl Deref for Tx {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        match self {
            Self::Pooled(transaction) => transaction,
            Self::Member(member) => member,
        }
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        match self {
            Self::Pooled(transaction) => transaction,
            Self::Member(member) => member,
        }
    }
}

/// A statement by itself is a transaction of its own.
impl<'c> Executor<'c> for &'c Writer {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<AnyQueryResult, AnyRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        all_at_once(async move {
            match &self.kind {
                WriterKind::Pool(pool) => {
                    let mut connection = self.waits.timed(pool.acquire()).await?;
                    connection.fetch_many(query).try_collect().await
                }
                WriterKind::Line(line) => {
                    let mut member = self.waits.timed(line.begin(Company::Shared)).await?;
                    let answer: Vec<_> = member.fetch_many(query).try_collect().await?;
                    member.commit().await?;
                    Ok(answer)
                }
            }
        })
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let mut answer = self.fetch(query);
        Box::pin(async move { answer.try_next().await })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [AnyTypeInfo],
    ) -> BoxFuture<'e, Result<AnyStatement, Error>>
    where
        'c: 'e,
    {
        match &self.kind {
            WriterKind::Pool(pool) => pool.prepare_with(sql, parameters),
            WriterKind::Line(line) => Box::pin(async move {
                let mut member = line.begin(Company::Alone).await?;
                member.prepare_with(sql, parameters).await
            }),
        }
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Any>, Error>>
    where
        'c: 'e,
    {
        match &self.kind {
            WriterKind::Pool(pool) => pool.describe(sql),
            WriterKind::Line(line) => Box::pin(async move {
                let mut member = line.begin(Company::Alone).await?;
                member.describe(sql).await
            }),
        }
    }
}
