//! The line before SQLite's one writing connection, and the commits that those in it share.
//!
//! A commit waits for the disk; most of a small transaction's time is that wait. So a transaction that ends while others
//! are in the line leaves the commit to them: the next one runs inside the same transaction of the database, behind a
//! savepoint, and whoever finds nobody waiting commits for all. Nobody is told of success before the disk has it, and
//! all of a group succeed together or fail together.
//!
//! A member that gives up is undone to its savepoint; the others do not notice. Should the database undo more than that
//! (a full disk makes it), the savepoint is gone, which is seen at the member's end, and the whole group has failed.
//!
//! What is derived from what is stored, and would be made again, does not wait for the disk: such a transaction joins a
//! group that waits anyway, and where it begins one, that group's commit is only written. Whoever must be durable ends
//! such a group first; the log of the database is in order, so with the next durable commit everything before it is
//! durable too.
//!
//! What it does not do: it groups no long transactions. They run alone, so that no push waits for a collection's commit.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::error::{DatabaseError, ErrorKind};
use sqlx::{AnyConnection, Connection as _, Error};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

use super::{ACQUIRE_TIMEOUT, SQLITE_SETTINGS, open_sqlite};
use crate::batch::{Answers, Batch};
use crate::dialect::Dialect;

/// Transactions that share one commit at most: the first of them waits for the last.
const MAX_MEMBERS: usize = 32;

const BEGIN: &str = "BEGIN IMMEDIATE";
const WAIT_FOR_THE_DISK: &str = "PRAGMA synchronous = FULL";
const ONLY_WRITE: &str = "PRAGMA synchronous = NORMAL";
const SAVEPOINT: &str = "SAVEPOINT member";
const RELEASE: &str = "RELEASE member";
const RELEASE_AND_COMMIT: &str = "RELEASE member; COMMIT";
const UNDO: &str = "ROLLBACK TO member; RELEASE member";
const COMMIT: &str = "COMMIT";
const ROLLBACK: &str = "ROLLBACK";

/// Whether a transaction may share its commit with others, and whether that waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Company {
    Shared,
    /// Shared, and a power loss may undo it: what it writes is made again then.
    Derived,
    Alone,
}

/// The line. Cloning gives another way to its end.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    turn: Arc<Mutex<Turn>>,
    /// How many wait who will share.
    expected: Arc<AtomicUsize>,
}

/// What whoever's turn it is holds.
#[derive(Debug)]
struct Turn {
    url: String,
    /// `None` until it is needed, after its thread has gone, and once it is closed.
    connection: Option<AnyConnection>,
    is_closed: bool,
    /// Whether its commits wait for the disk; `None` when nobody knows.
    is_durable: Option<bool>,
    /// A member that began and did not end.
    begun: Option<Place>,
    /// Members that ended and wait for the commit.
    ended: Vec<oneshot::Sender<Result<(), Arc<Error>>>>,
}

/// A member's place in its group.
#[derive(Clone, Copy, Debug)]
enum Place {
    First,
    Further,
}

impl Line {
    pub(super) fn new(url: String) -> Self {
        Self {
            turn: Arc::new(Mutex::new(Turn {
                url,
                connection: None,
                is_closed: false,
                is_durable: None,
                begun: None,
                ended: Vec::new(),
            })),
            expected: Arc::default(),
        }
    }

    /// Waits for its turn and opens a transaction, or a savepoint in the one that is open. The statements of `first`
    /// go with it.
    pub(super) async fn begin(
        &self,
        company: Company,
        first: Batch,
    ) -> Result<(Member, Answers), Error> {
        let expected = (company != Company::Alone).then(|| Expected::new(self));
        let waiting = Arc::clone(&self.turn).lock_owned();
        let turn = tokio::time::timeout(ACQUIRE_TIMEOUT, waiting)
            .await
            .map_err(|_| Error::PoolTimedOut)?;
        if let Some(expected) = expected {
            expected.came();
        }
        let must_commit = !turn.ended.is_empty() && !turn.may_join(company);
        let turn = if turn.begun.is_some() || must_commit {
            self.prepare(turn, must_commit).await?
        } else {
            turn
        };
        let mut member = Member {
            turn: Some(turn),
            line: self.clone(),
        };
        let answers = member.turn().begin(company, first).await?;
        Ok((member, answers))
    }

    /// Clears up, and ends the group that is open, whoever may stop waiting for it.
    async fn prepare(
        &self,
        mut turn: OwnedMutexGuard<Turn>,
        must_commit: bool,
    ) -> Result<OwnedMutexGuard<Turn>, Error> {
        let work = tokio::spawn(async move {
            turn.clear_up().await;
            if must_commit {
                turn.commit(COMMIT).await;
            }
            turn
        });
        work.await.map_err(|_| Error::PoolClosed)
    }

    /// Commits what nobody comes to commit.
    fn settle_soon(&self) {
        let line = self.clone();
        // Without a runtime nobody waits for an answer either; the next to come finds it as it is.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let turn = Arc::clone(&line.turn).lock_owned().await;
                line.settle(turn).await;
            });
        }
    }

    async fn settle(&self, mut turn: OwnedMutexGuard<Turn>) {
        turn.clear_up().await;
        if !turn.ended.is_empty() && self.expected.load(Ordering::SeqCst) == 0 {
            turn.commit(COMMIT).await;
        }
    }

    /// Ends the member whose turn it is, after its last statements. `told` hears whether the disk has it.
    async fn end(
        &self,
        mut turn: OwnedMutexGuard<Turn>,
        mut last: Batch,
        told: oneshot::Sender<Result<(), Arc<Error>>>,
    ) {
        let others_come = self.expected.load(Ordering::SeqCst) > 0;
        let leaves_commit = others_come && turn.ended.len() + 1 < MAX_MEMBERS;
        match (turn.begun, leaves_commit) {
            (Some(Place::Further), true) => last.end_with(RELEASE),
            (Some(Place::Further), false) => last.end_with(RELEASE_AND_COMMIT),
            (_, true) => {}
            (_, false) => last.end_with(COMMIT),
        }
        match turn.run_all(last).await {
            Ok(_) => {
                turn.begun = None;
                turn.ended.push(told);
                if !leaves_commit {
                    turn.tell_done();
                }
            }
            // Its own statements were refused, which concerns it alone; or the end of the group was, and then there is
            // nothing to go back to and nobody has succeeded.
            Err(error) => {
                let error = Arc::new(error);
                turn.undo_after(&error).await;
                let _ = told.send(Err(error));
                if !leaves_commit && !turn.ended.is_empty() {
                    turn.commit(COMMIT).await;
                }
            }
        }
    }

    /// Lets those in the line finish, then closes the connection.
    pub(super) async fn close(&self) {
        let mut turn = Arc::clone(&self.turn).lock_owned().await;
        turn.clear_up().await;
        if !turn.ended.is_empty() {
            turn.commit(COMMIT).await;
        }
        turn.is_closed = true;
        if let Some(connection) = turn.connection.take() {
            // Everything that was promised is on the disk.
            let _ = connection.close().await;
        }
    }
}

impl Turn {
    /// Whether the group that is open promises what this transaction needs.
    fn may_join(&self, company: Company) -> bool {
        match company {
            Company::Shared => self.is_durable == Some(true),
            Company::Derived => true,
            Company::Alone => false,
        }
    }

    async fn begin(&mut self, company: Company, mut first: Batch) -> Result<Answers, Error> {
        if self.is_closed {
            return Err(Error::PoolClosed);
        }
        if self.connection.is_none() {
            self.connection = Some(open_sqlite(&self.url, SQLITE_SETTINGS).await?);
            self.is_durable = None;
        }
        let mut steps = 1;
        let mut is_durable = self.is_durable;
        // Before the statements: whoever stops waiting for them may have begun all the same.
        if self.ended.is_empty() {
            self.begun = Some(Place::First);
            first.open_with(BEGIN);
            let wanted = company != Company::Derived;
            if is_durable != Some(wanted) {
                first.open_with(if wanted {
                    WAIT_FOR_THE_DISK
                } else {
                    ONLY_WRITE
                });
                steps += 1;
                (self.is_durable, is_durable) = (None, Some(wanted));
            }
        } else {
            self.begun = Some(Place::Further);
            first.open_with(SAVEPOINT);
        }
        match self.run_all(first).await {
            Ok(mut answers) => {
                self.is_durable = is_durable;
                answers.rows_of(steps).map_err(|_| Error::WorkerCrashed)?;
                Ok(answers)
            }
            Err(error) => {
                let error = Arc::new(error);
                self.undo_after(&error).await;
                Err(again(&error))
            }
        }
    }

    /// Undoes what a member left that gave up.
    async fn clear_up(&mut self) {
        if let Err(error) = self.undo().await {
            self.lose(&Arc::new(error)).await;
        }
    }

    /// Undoes what a member did before a failure; a group that cannot go on hears of that one.
    async fn undo_after(&mut self, failure: &Arc<Error>) {
        if self.undo().await.is_err() {
            self.lose(failure).await;
        }
    }

    /// Goes back to where the member began. Where that is refused, the group's transaction is not there any more.
    async fn undo(&mut self) -> Result<(), Error> {
        match self.begun.take() {
            None => Ok(()),
            Some(Place::First) => {
                // Refused where the database has undone it by itself.
                drop(self.run(ROLLBACK).await);
                Ok(())
            }
            Some(Place::Further) => self.run(UNDO).await,
        }
    }

    /// Ends the group; everybody hears how.
    async fn commit(&mut self, text: &'static str) {
        match self.run(text).await {
            Ok(()) => self.tell_done(),
            Err(error) => self.lose(&Arc::new(error)).await,
        }
    }

    /// Tells everybody that the disk has it.
    fn tell_done(&mut self) {
        for told in self.ended.drain(..) {
            // Whoever stopped waiting has its change all the same.
            let _ = told.send(Ok(()));
        }
    }

    /// Gives the whole group up.
    async fn lose(&mut self, error: &Arc<Error>) {
        let _ = self.run(ROLLBACK).await;
        for told in self.ended.drain(..) {
            let _ = told.send(Err(Arc::clone(error)));
        }
    }

    async fn run(&mut self, text: &'static str) -> Result<(), Error> {
        let Some(connection) = &mut self.connection else {
            return Err(Error::WorkerCrashed);
        };
        let done = Dialect::transaction_step(text).execute(connection).await;
        self.look_at(&done);
        done.map(drop)
    }

    async fn run_all(&mut self, batch: Batch) -> Result<Answers, Error> {
        let Some(connection) = &mut self.connection else {
            return Err(Error::WorkerCrashed);
        };
        let done = batch.run(connection).await;
        self.look_at(&done);
        done
    }

    fn look_at<T>(&mut self, done: &Result<T, Error>) {
        if let Err(Error::WorkerCrashed) = done {
            self.connection = None;
        }
    }
}

/// Somebody who waits and will share, however the waiting ends.
struct Expected<'a> {
    line: &'a Line,
    has_come: bool,
}

impl<'a> Expected<'a> {
    fn new(line: &'a Line) -> Self {
        line.expected.fetch_add(1, Ordering::SeqCst);
        Self {
            line,
            has_come: false,
        }
    }

    fn came(mut self) {
        self.has_come = true;
    }
}

impl Drop for Expected<'_> {
    fn drop(&mut self) {
        self.line.expected.fetch_sub(1, Ordering::SeqCst);
        if !self.has_come {
            self.line.settle_soon();
        }
    }
}

/// A transaction whose turn it is. Dropping it undoes everything it did.
#[derive(Debug)]
pub(crate) struct Member {
    /// `None` once it has ended.
    turn: Option<OwnedMutexGuard<Turn>>,
    line: Line,
}

impl Member {
    fn turn(&mut self) -> &mut Turn {
        self.turn.as_mut().expect("it ends once")
    }

    /// Ends it after its last statements, and returns when the disk has it. It ends even if nobody waits for it any more.
    pub(super) async fn commit(mut self, last: Batch) -> Result<(), Error> {
        let Some(turn) = self.turn.take() else {
            return Ok(());
        };
        let (told, outcome) = oneshot::channel();
        let line = self.line.clone();
        tokio::spawn(async move { line.end(turn, last, told).await });
        match outcome.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(again(&error)),
            Err(_) => Err(Error::PoolClosed),
        }
    }
}

impl Deref for Member {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        let turn = self.turn.as_ref().expect("it ends once");
        turn.connection.as_ref().expect("it began on one")
    }
}

impl DerefMut for Member {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        let turn = self.turn();
        turn.connection.as_mut().expect("it began on one")
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let Some(turn) = self.turn.take() else { return };
        if turn.begun.is_none() && turn.ended.is_empty() {
            return;
        }
        let line = self.line.clone();
        // Without a runtime the next to come clears up.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move { line.settle(turn).await });
        }
    }
}

/// Gives one failure to each of those whom it concerns.
fn again(error: &Arc<Error>) -> Error {
    match &**error {
        Error::Database(_) => Error::Database(Box::new(SharedRefusal(Arc::clone(error)))),
        Error::WorkerCrashed => Error::WorkerCrashed,
        Error::PoolClosed => Error::PoolClosed,
        _ => Error::Io(std::io::Error::other(Arc::clone(error))),
    }
}

/// A refusal of the database that several were told of.
#[derive(Debug)]
struct SharedRefusal(Arc<Error>);

impl SharedRefusal {
    fn refusal(&self) -> Option<&(dyn DatabaseError + 'static)> {
        self.0.as_database_error()
    }
}

impl fmt::Display for SharedRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for SharedRefusal {}

impl DatabaseError for SharedRefusal {
    fn message(&self) -> &str {
        self.refusal().map_or("", DatabaseError::message)
    }

    fn code(&self) -> Option<std::borrow::Cow<'_, str>> {
        self.refusal().and_then(DatabaseError::code)
    }

    fn kind(&self) -> ErrorKind {
        self.refusal().map_or(ErrorKind::Other, DatabaseError::kind)
    }

    fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
        self
    }
}

#[cfg(test)]
mod tests;
