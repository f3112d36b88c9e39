//! Fills a database for `make bench-scale`, and gives it a PostgreSQL to fill.
//!
//! ```text
//! fill postgres                                  prints an address, lives until its input ends
//! fill tags DATABASE REPOSITORY TAG FIRST LAST   copies of an image beside it, each under a tag
//! fill spread DATABASE REPOSITORY TAG FIRST LAST copies of it in repositories of a thousand
//! fill few DATABASE REPOSITORY TAG FIRST LAST    copies of it in repositories of ten
//! ```

mod copies;

use std::io::{Read as _, Write as _};

use catalog::Catalog;
use catalog::testkit::{Postgres, open};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["postgres"] => {
            let url = Postgres::shared().await.database().await;
            writeln!(std::io::stdout(), "{url}").expect("an output");
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
            // PostgreSQL would count its rows by itself in a minute; SQLite is never told how many it has.
            if database.starts_with("postgres") {
                copies::analyze(&pool).await;
            }
            pool.close().await;
            // The server's job would need a minute.
            let catalog = Catalog::connect(database).await.expect("a catalog");
            catalog.fold_tag_figures().await.expect("figures");
            catalog.close().await;
        }
        _ => panic!("fill postgres | fill tags|spread|few DATABASE REPOSITORY TAG FIRST LAST"),
    }
}

fn number(text: &str) -> i64 {
    text.parse().expect("a number")
}
