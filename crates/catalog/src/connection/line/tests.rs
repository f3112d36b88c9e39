//! Who shares a commit with whom, and what becomes of them.

use std::time::Duration;

use super::*;
use crate::dialect::Statement;

struct World {
    line: Line,
    url: String,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        sqlx::any::install_default_drivers();
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/line.db?mode=rwc", folder.path().display());
        let line = Line::new(url.clone());
        let (mut member, _) = line.begin(Company::Alone, nothing()).await.unwrap();
        run(&mut member, "CREATE TABLE thing (name TEXT)").await;
        member.commit(nothing()).await.unwrap();
        Self {
            line,
            url,
            _folder: folder,
        }
    }

    async fn member(&self, name: &'static str) -> Member {
        let (mut member, _) = self.line.begin(Company::Shared, nothing()).await.unwrap();
        let text = match name {
            "first" => "INSERT INTO thing VALUES ('first')",
            _ => "INSERT INTO thing VALUES ('second')",
        };
        run(&mut member, text).await;
        member
    }

    /// Begins waiting, and returns when the line knows.
    async fn wait_in_line(&self, company: Company) -> tokio::task::JoinHandle<Member> {
        let line = self.line.clone();
        let waiting = tokio::spawn(async move { line.begin(company, nothing()).await.unwrap().0 });
        tokio::time::sleep(Duration::from_millis(20)).await;
        waiting
    }

    /// What somebody else sees.
    async fn seen(&self) -> usize {
        let mut other = AnyConnection::connect(&self.url).await.unwrap();
        let question = Dialect::transaction_step("SELECT name FROM thing");
        question.fetch_all(&mut other).await.unwrap().len()
    }
}

fn nothing() -> Batch {
    Batch::new(Dialect::Sqlite)
}

fn only(statement: Statement) -> Batch {
    let mut batch = nothing();
    batch.add(statement);
    batch
}

const ADD: Statement = Statement::for_test("INSERT INTO thing VALUES ('batched')");
const REFUSED: Statement = Statement::for_test("INSERT INTO nowhere VALUES (1)");

async fn run(member: &mut Member, text: &'static str) {
    let done = Dialect::transaction_step(text).execute(&mut **member).await;
    done.unwrap();
}

/// Asks for the commit, which somebody else in the line is to make.
async fn ask(member: Member) -> tokio::task::JoinHandle<Result<(), Error>> {
    let asked = tokio::spawn(member.commit(nothing()));
    tokio::time::sleep(Duration::from_millis(20)).await;
    asked
}

#[tokio::test]
async fn one_alone_commits_at_once() {
    let world = World::new().await;
    world.member("first").await.commit(nothing()).await.unwrap();
    assert_eq!(world.seen().await, 1);
}

#[tokio::test]
async fn nobody_hears_of_success_before_the_last_of_the_group_commits() {
    let world = World::new().await;
    let first = world.member("first").await;
    let second = world.wait_in_line(Company::Shared).await;
    let first = ask(first).await;
    let mut second = second.await.unwrap();
    assert!(!first.is_finished());
    assert_eq!(world.seen().await, 0);
    run(&mut second, "INSERT INTO thing VALUES ('second')").await;
    second.commit(nothing()).await.unwrap();
    first.await.unwrap().unwrap();
    assert_eq!(world.seen().await, 2);
}

#[tokio::test]
async fn one_that_gives_up_is_undone_and_the_others_are_not() {
    let world = World::new().await;
    let first = world.member("first").await;
    let second = world.wait_in_line(Company::Shared).await;
    let first = ask(first).await;
    let mut second = second.await.unwrap();
    run(&mut second, "INSERT INTO thing VALUES ('second')").await;
    drop(second);
    first.await.unwrap().unwrap();
    assert_eq!(world.seen().await, 1);
}

#[tokio::test]
async fn one_that_stops_waiting_leaves_nobody_without_a_commit() {
    let world = World::new().await;
    let first = world.member("first").await;
    let second = world.wait_in_line(Company::Shared).await;
    second.abort();
    let first = ask(first).await;
    first.await.unwrap().unwrap();
    assert_eq!(world.seen().await, 1);
}

#[tokio::test]
async fn a_long_one_waits_for_the_commit_of_those_before() {
    let world = World::new().await;
    let first = world.member("first").await;
    let shared = world.wait_in_line(Company::Alone).await;
    let other = world.wait_in_line(Company::Shared).await;
    let first = ask(first).await;
    first.await.unwrap().unwrap();
    let long = shared.await.unwrap();
    assert_eq!(world.seen().await, 1);
    drop(long);
    other.await.unwrap().commit(nothing()).await.unwrap();
}

#[tokio::test]
async fn what_the_database_undid_by_itself_is_nobodys_success() {
    let world = World::new().await;
    let first = world.member("first").await;
    let second = world.wait_in_line(Company::Shared).await;
    let first = ask(first).await;
    let mut second = second.await.unwrap();
    run(&mut second, "ROLLBACK").await;
    assert!(second.commit(nothing()).await.is_err());
    assert!(first.await.unwrap().is_err());
    assert_eq!(world.seen().await, 0);
    world.member("first").await.commit(nothing()).await.unwrap();
    assert_eq!(world.seen().await, 1);
}

#[tokio::test]
async fn those_who_ended_are_committed_before_it_closes() {
    let world = World::new().await;
    let first = world.member("first").await;
    let closing = world.line.clone();
    let closing = tokio::spawn(async move { closing.close().await });
    first.commit(nothing()).await.unwrap();
    closing.await.unwrap();
    assert_eq!(world.seen().await, 1);
    let refused = world.line.begin(Company::Shared, nothing()).await;
    assert!(matches!(refused, Err(Error::PoolClosed)));
}

#[tokio::test]
async fn statements_go_with_the_beginning_and_with_the_end() {
    let world = World::new().await;
    let (member, mut answers) = world.line.begin(Company::Shared, only(ADD)).await.unwrap();
    assert_eq!(answers.next().unwrap().rows_affected, 1);
    assert_eq!(world.seen().await, 0);
    member.commit(only(ADD)).await.unwrap();
    assert_eq!(world.seen().await, 2);
}

#[tokio::test]
async fn whoever_cannot_begin_or_end_is_alone_in_that() {
    let world = World::new().await;
    // Somebody has done its part and waits for the commit that others will make.
    let first = world.member("first").await;
    let second = world.wait_in_line(Company::Shared).await;
    let third = world.wait_in_line(Company::Shared).await;
    let first = tokio::spawn(first.commit(nothing()));
    let refused = second.await.unwrap().commit(only(REFUSED)).await;
    assert!(refused.is_err());
    third.await.unwrap().commit(only(ADD)).await.unwrap();
    first.await.unwrap().unwrap();
    assert_eq!(world.seen().await, 2);

    // The same at the beginning, inside a group and alone.
    let first = world.member("first").await;
    let line = world.line.clone();
    let second =
        tokio::spawn(async move { line.begin(Company::Shared, only(REFUSED)).await.is_err() });
    tokio::time::sleep(Duration::from_millis(20)).await;
    first.commit(nothing()).await.unwrap();
    assert!(second.await.unwrap());
    assert!(
        world
            .line
            .begin(Company::Alone, only(REFUSED))
            .await
            .is_err()
    );
    world.member("first").await.commit(nothing()).await.unwrap();
    assert_eq!(world.seen().await, 4);
}

#[tokio::test]
async fn a_commit_that_is_refused_tells_everybody_why() {
    const ORPHAN: Statement = Statement::for_test("INSERT INTO child VALUES ('nobody')");
    let world = World::new().await;
    let (mut maker, _) = world.line.begin(Company::Alone, nothing()).await.unwrap();
    run(&mut maker, "CREATE TABLE parent (name TEXT PRIMARY KEY)").await;
    // Looked at when everything ends, not before.
    let child =
        "CREATE TABLE child (of TEXT REFERENCES parent (name) DEFERRABLE INITIALLY DEFERRED)";
    run(&mut maker, child).await;
    maker.commit(nothing()).await.unwrap();

    let first = world.member("first").await;
    let second = world.wait_in_line(Company::Shared).await;
    let first = tokio::spawn(first.commit(nothing()));
    let second = second.await.unwrap().commit(only(ORPHAN)).await;
    for refused in [first.await.unwrap(), second] {
        let words = refused.unwrap_err().to_string();
        assert!(words.contains("FOREIGN KEY"), "{words}");
    }
    world.member("first").await.commit(nothing()).await.unwrap();
    assert_eq!(world.seen().await, 1);
}

/// SQLite's words for commits that are only written, and for those that wait for the disk.
const WRITTEN: &str = "1";
const ON_DISK: &str = "2";

async fn promise(member: &mut Member) -> String {
    let question =
        Dialect::transaction_step("SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous");
    let row = question.fetch_one(&mut **member).await.unwrap();
    sqlx::Row::get(&row, 0)
}

#[tokio::test]
async fn what_is_derived_does_not_wait_for_the_disk_and_everybody_else_does() {
    let world = World::new().await;
    for (company, expected) in [
        (Company::Derived, WRITTEN),
        (Company::Derived, WRITTEN),
        (Company::Shared, ON_DISK),
        (Company::Derived, WRITTEN),
        (Company::Alone, ON_DISK),
    ] {
        let (mut member, _) = world.line.begin(company, nothing()).await.unwrap();
        assert_eq!(promise(&mut member).await, expected, "{company:?}");
        member.commit(nothing()).await.unwrap();
    }
}

#[tokio::test]
async fn who_must_be_durable_ends_the_group_that_is_not() {
    let world = World::new().await;
    let (mut derived, _) = world.line.begin(Company::Derived, only(ADD)).await.unwrap();
    assert_eq!(promise(&mut derived).await, WRITTEN);
    let durable = world.wait_in_line(Company::Shared).await;
    let derived = ask(derived).await;
    derived.await.unwrap().unwrap();
    let mut durable = durable.await.unwrap();
    assert_eq!(world.seen().await, 1);
    assert_eq!(promise(&mut durable).await, ON_DISK);

    // What is derived goes along with a group that waits for the disk.
    let derived = world.wait_in_line(Company::Derived).await;
    run(&mut durable, "INSERT INTO thing VALUES ('second')").await;
    let durable = ask(durable).await;
    let mut derived = derived.await.unwrap();
    assert!(!durable.is_finished());
    assert_eq!(promise(&mut derived).await, ON_DISK);
    derived.commit(only(ADD)).await.unwrap();
    durable.await.unwrap().unwrap();
    assert_eq!(world.seen().await, 3);
}

#[tokio::test]
async fn a_beginning_that_was_refused_leaves_no_doubt_about_the_promise() {
    let world = World::new().await;
    let refused = world.line.begin(Company::Derived, only(REFUSED)).await;
    assert!(refused.is_err());
    let (mut member, _) = world.line.begin(Company::Shared, nothing()).await.unwrap();
    assert_eq!(promise(&mut member).await, ON_DISK);
}
