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
use crate::batch::{Answers, Batch};
use crate::dialect::Dialect;

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

/// How many statements wait for the end of their transaction at most.
const MAX_LATER: usize = 8;

/// A writing transaction; dropping it undoes everything.
pub(crate) struct Tx {
    kind: Kind,
    later: Batch,
}

enum Kind {
    Pooled(Transaction<'static, Any>),
    Member(Box<Member>),
}

impl Writer {
    pub(super) fn observed(self, waits: Waits) -> Self {
        Self { waits, ..self }
    }

    /// Opens a transaction; the statements of `first` go with its beginning.
    pub(super) async fn begin(
        &self,
        company: Company,
        dialect: Dialect,
        statement: &'static str,
        first: Batch,
    ) -> Result<(Tx, Answers), Error> {
        let begun = self.waits.timed(self.begin_kind(company, statement, first));
        let (kind, answers) = begun.await?;
        let later = Batch::new(dialect);
        Ok((Tx { kind, later }, answers))
    }

    async fn begin_kind(
        &self,
        company: Company,
        statement: &'static str,
        first: Batch,
    ) -> Result<(Kind, Answers), Error> {
        match &self.kind {
            WriterKind::Pool(pool) => {
                let mut transaction = pool.begin_with(statement).await?;
                let answers = first.run(&mut transaction).await?;
                Ok((Kind::Pooled(transaction), answers))
            }
            WriterKind::Line(line) => {
                let (member, answers) = line.begin(company, first).await?;
                Ok((Kind::Member(Box::new(member)), answers))
            }
        }
    }

    pub(super) async fn close(&self) {
        match &self.kind {
            WriterKind::Pool(pool) => pool.close().await,
            WriterKind::Line(line) => line.close().await,
        }
    }
}

impl Tx {
    /// Returns the statements that run at the end of the transaction, for one more: what nobody asks about before, and
    /// whose answer nobody needs.
    pub(crate) async fn later(&mut self) -> Result<&mut Batch, Error> {
        if self.later.len() >= MAX_LATER {
            self.run_later().await?;
        }
        Ok(&mut self.later)
    }

    async fn run_later(&mut self) -> Result<(), Error> {
        if self.later.len() > 0 {
            let later = self.later.take();
            later.run(self).await?;
        }
        Ok(())
    }

    /// Runs the statements of `last` at the end, after those of [`Self::later`], and commits.
    pub(crate) async fn commit_with(mut self, last: Batch) -> Result<(), Error> {
        self.run_later().await?;
        self.later = last;
        self.commit().await
    }

    /// Makes everything durable and visible, or nothing.
    pub(crate) async fn commit(mut self) -> Result<(), Error> {
        if matches!(self.kind, Kind::Pooled(_)) {
            self.run_later().await?;
        }
        match self.kind {
            Kind::Pooled(transaction) => transaction.commit().await,
            Kind::Member(member) => member.commit(self.later).await,
        }
    }
}

impl Deref for Tx {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        match &self.kind {
            Kind::Pooled(transaction) => transaction,
            Kind::Member(member) => member,
        }
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        match &mut self.kind {
            Kind::Pooled(transaction) => transaction,
            Kind::Member(member) => member,
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
                    let nothing = Batch::new(Dialect::Sqlite);
                    let begun = self.waits.timed(line.begin(Company::Shared, nothing));
                    let (mut member, _) = begun.await?;
                    let answer: Vec<_> = member.fetch_many(query).try_collect().await?;
                    member.commit(Batch::new(Dialect::Sqlite)).await?;
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
                let nothing = Batch::new(Dialect::Sqlite);
                let (mut member, _) = line.begin(Company::Alone, nothing).await?;
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
                let nothing = Batch::new(Dialect::Sqlite);
                let (mut member, _) = line.begin(Company::Alone, nothing).await?;
                member.describe(sql).await
            }),
        }
    }
}
