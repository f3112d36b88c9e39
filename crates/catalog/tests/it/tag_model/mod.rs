//! The life of tags against a sequential model: pushes, moves, deletions, restores, expiry, locks, rules, retention,
//! quotas, read-only spells, the end of repositories, and a clock that jumps both ways.
//!
//! [`model`] says what should be in the words of the specification; [`game`] draws a step, takes it in the catalog and
//! in the model, and compares the answers ([`settings`] and [`retention`] have theirs); [`check`] compares everything
//! that can be read afterwards.
//! `TEST_TAG_SEEDS=FIRST..LAST` chooses the seeds; a failure names its own.
//!
//! Adding an operation: a method of the model, a method of the game that compares both answers, and its place in the
//! draw.

mod check;
mod game;
mod model;
mod retention;
mod settings;

use catalog::Catalog;
use catalog::testkit::{Postgres, Sqlite};

use crate::given::account;

/// The seeds of this run: a few unless the environment names a range.
fn seeds() -> std::ops::Range<u64> {
    let Ok(range) = std::env::var("TEST_TAG_SEEDS") else {
        return 0..8;
    };
    let (first, last) = range.split_once("..").expect("FIRST..LAST");
    first.parse().expect("a number")..last.parse().expect("a number")
}

#[tokio::test]
async fn random_lives_of_tags_are_those_of_the_model_on_sqlite() {
    let files = Sqlite::new();
    play_all(&files.url()).await;
}

#[tokio::test]
async fn random_lives_of_tags_are_those_of_the_model_on_postgres() {
    let url = Postgres::shared().await.database().await;
    play_all(&url).await;
}

async fn play_all(url: &str) {
    let catalog = Catalog::connect(url).await.unwrap();
    let dev = account(&catalog, "dev").await.principal();
    let pool = catalog::testkit::open(url).await;
    for seed in seeds() {
        game::Game::new(catalog.clone(), dev.clone(), seed)
            .await
            .play()
            .await;
        check::one_live_row_for_each_tag(&pool, seed).await;
    }
    pool.close().await;
    catalog.close().await;
}
