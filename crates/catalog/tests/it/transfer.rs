//! Moving a catalog to another database.

use catalog::testkit::{Postgres, Sqlite, open};
use catalog::{Catalog, TransferError};
use sqlx::Row as _;

use crate::given::{account, app, at, publish, pushed_image, repository, upload};

/// A catalog with something in it, and the numbers of a deleted row.
async fn filled(catalog: &Catalog) {
    let (dev, id) = app(catalog).await;
    pushed_image(catalog, id, &dev, "v1", &["v1".parse().unwrap()], 1).await;
    upload(catalog, id, &dev, "o/9").await;
    for n in 0..1200 {
        publish(
            catalog,
            id,
            &dev,
            &format!("content {n}"),
            &format!("o/k{n}"),
        )
        .await;
    }
    repository(catalog, "umlaut-and-more", &dev).await;
}

async fn table_names(url: &str) -> Vec<String> {
    let pool = open(url).await;
    let rows = sqlx::query(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    pool.close().await;
    rows.iter().map(|row| row.get("name")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_table_arrives_on_the_other_engine_and_back() {
    let (first, last) = (Sqlite::new(), Sqlite::new());
    let server = Postgres::shared().await;
    let source = Catalog::connect(&first.url()).await.unwrap();
    filled(&source).await;
    let between = Catalog::connect(&server.database().await).await.unwrap();
    let mut heard = 0;
    let there = source
        .transfer_to(&between, "first", at(1), |_| heard += 1)
        .await
        .unwrap();
    assert_eq!(heard, there.tables.len());
    assert_eq!(there.uploads_left, 1);
    let rows = |name: &str| {
        let table = there.tables.iter().find(|table| table.name == name);
        table.map(|table| table.rows)
    };
    assert!(rows("blob") >= Some(1200), "{there:?}");
    assert_eq!(rows("repository"), Some(2));

    // No table is forgotten, except by name.
    let mut named: Vec<String> = there
        .tables
        .iter()
        .map(|table| table.name.clone())
        .collect();
    let left_behind = [
        "_sqlx_migrations",
        "generation",
        "repository_generation",
        "store_check",
        "store_finding",
        "tag_figure",
        "tag_pending",
        "tag_tally",
        "transfer",
        "upload",
    ];
    named.extend(left_behind.map(str::to_owned));
    named.sort();
    assert_eq!(named, table_names(&first.url()).await);

    // The numbers go on where they stood.
    let account = account(&between, "new").await;
    let other = crate::given::account(&source, "new").await;
    assert_eq!(account.id, other.id);

    let back = Catalog::connect(&last.url()).await.unwrap();
    let home = between
        .transfer_to(&back, "between", at(2), |_| {})
        .await
        .unwrap();
    assert_eq!(home.uploads_left, 0);
    let id = crate::given::account(&back, "newer").await.id;
    assert_eq!(id, crate::given::account(&source, "newer").await.id);
    for catalog in [source, between, back] {
        catalog.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_with_rows_of_its_own_is_refused_and_untouched() {
    let (first, second) = (Sqlite::new(), Sqlite::new());
    let source = Catalog::connect(&first.url()).await.unwrap();
    filled(&source).await;
    let target = Catalog::connect(&second.url()).await.unwrap();
    let before = account(&target, "somebody").await;
    let refused = source.transfer_to(&target, "first", at(1), |_| {}).await;
    assert!(
        matches!(&refused, Err(TransferError::NotEmpty { table }) if table == "account"),
        "{refused:?}"
    );
    assert!(!target.is_half_transferred().await.unwrap());
    assert_eq!(
        target
            .account_by_name("somebody")
            .await
            .unwrap()
            .map(|a| a.id),
        Some(before.id)
    );
    source.close().await;
    target.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_transfer_goes_on_from_the_same_source_only() {
    let first = Sqlite::new();
    let source = Catalog::connect(&first.url()).await.unwrap();
    filled(&source).await;
    let url = Postgres::shared().await.database().await;
    let target = Catalog::connect(&url).await.unwrap();
    // Interrupted at a table that cannot be copied: a row in the way makes it differ.
    let whole = source
        .transfer_to(&target, "first", at(1), |_| {})
        .await
        .unwrap();
    assert!(!whole.is_resumed);
    let pool = open(&url).await;
    for damage in [
        "INSERT INTO transfer (source, started_at) VALUES ('first', 1)",
        "DELETE FROM repo_blob",
        "DELETE FROM blob WHERE object_key LIKE 'o/k1%'",
    ] {
        sqlx::query(damage).execute(&pool).await.unwrap();
    }
    assert!(target.is_half_transferred().await.unwrap());
    let refused = source.transfer_to(&target, "second", at(2), |_| {}).await;
    assert!(
        matches!(refused, Err(TransferError::OtherSource)),
        "{refused:?}"
    );
    let again = source
        .transfer_to(&target, "first", at(3), |_| {})
        .await
        .unwrap();
    assert!(again.is_resumed);
    assert_eq!(again.tables, whole.tables);
    assert!(!target.is_half_transferred().await.unwrap());

    for damage in [
        "INSERT INTO transfer (source, started_at) VALUES ('first', 1)",
        "UPDATE blob SET size_bytes = size_bytes + 1 WHERE object_key = 'o/k7'",
    ] {
        sqlx::query(damage).execute(&pool).await.unwrap();
    }
    pool.close().await;
    let differs = source.transfer_to(&target, "first", at(4), |_| {}).await;
    assert!(
        matches!(&differs, Err(TransferError::Differs { table, .. }) if table == "blob"),
        "{differs:?}"
    );
    assert!(target.is_half_transferred().await.unwrap());
    source.close().await;
    target.close().await;
}
