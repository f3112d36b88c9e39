//! Fills a database for `make bench-scale`, and gives it a PostgreSQL to fill.
//!
//! ```text
//! fill postgres COUNT                            prints addresses of databases, lives until its input ends
//! fill tags DATABASE REPOSITORY TAG FIRST LAST   copies of an image beside it, each under a tag
//! fill spread DATABASE REPOSITORY TAG FIRST LAST copies of it in repositories of a thousand
//! fill few DATABASE REPOSITORY TAG FIRST LAST    copies of it in repositories of ten
//! fill age DATABASE                              lets two months pass for what collection waits for
//! ```

mod copies;

use std::io::{Read as _, Write as _};

use catalog::Catalog;
use catalog::testkit::{Postgres, open};
use sqlx::{AnyPool, Executor as _};

/// What lets two months pass for everything that collection waits for.
const OLDER: [&str; 5] = [
    "UPDATE tag SET start_us = start_us - 5184000000000, end_us = end_us - 5184000000000 WHERE end_us IS NOT NULL",
    "UPDATE manifest SET protected_until = protected_until - 5184000000000, deleted_at = deleted_at - 5184000000000
        WHERE deleted_at IS NOT NULL",
    "UPDATE repo_blob SET protected_until = protected_until - 5184000000000",
    "UPDATE blob SET condemned_at = condemned_at - 5184000000000 WHERE condemned_at IS NOT NULL",
    "UPDATE gc_review SET review_after = review_after - 5184000000000",
];

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["postgres", count] => {
            let cluster = Postgres::shared().await;
            for _ in 0..number(count) {
                let url = cluster.database().await;
                writeln!(std::io::stdout(), "{url}").expect("an output");
            }
            let mut rest = Vec::new();
            // An input that breaks has ended too.
            let _ = std::io::stdin().read_to_end(&mut rest);
        }
        [
            what @ ("tags" | "spread" | "few"),
            database,
            repository,
            tag,
            first,
            last,
        ] => {
            let (first, last) = (number(first), number(last));
            let pool = open(database).await;
            let source = copies::source(&pool, repository, tag).await;
            if what == "tags" {
                copies::tagged(&pool, &source, first, last).await;
            } else {
                let each = if what == "few" { 10 } else { 1_000 };
                copies::spread(&pool, &source, first, last, each).await;
            }
            // The server's job would need a minute.
            let catalog = Catalog::connect(database).await.expect("a catalog");
            catalog.fold_tag_figures().await.expect("figures");
            catalog.close().await;
            // PostgreSQL would tidy up by itself, in the middle of what is measured; SQLite is never told how many rows
            // it has.
            if database.starts_with("postgres") {
                copies::analyze(&pool).await;
                tidy(&pool).await;
            }
            pool.close().await;
        }
        ["age", database] => {
            let pool = open(database).await;
            age(&pool).await;
            pool.close().await;
        }
        _ => panic!(
            "fill postgres COUNT | fill tags|spread|few DATABASE REPOSITORY TAG FIRST LAST | fill age DATABASE"
        ),
    }
}

fn number(text: &str) -> i64 {
    text.parse().expect("a number")
}

/// Tidies up as PostgreSQL does by itself after a while.
async fn tidy(pool: &AnyPool) {
    pool.execute("VACUUM").await.expect("tidiness");
    pool.execute("CHECKPOINT").await.expect("a checkpoint");
}

/// Makes older what collection waits for.
async fn age(pool: &AnyPool) {
    for statement in OLDER {
        pool.execute(statement).await.expect("an older row");
    }
}
