//! The two schemas are one, and every statement is understood by both engines.

use std::collections::BTreeMap;

use catalog::Catalog;
use catalog::testkit::{Postgres, Sqlite, open, prepare_all, registered_modules};
use sqlx::Row as _;

/// Column names by table.
type Tables = BTreeMap<String, Vec<(String, String)>>;

const SQLITE_COLUMNS: &str = "SELECT m.name AS table_name, c.name AS column_name,
        CASE WHEN c.\"notnull\" = 1 OR c.pk > 0 THEN 'required' ELSE 'optional' END AS presence, c.type AS column_type
    FROM sqlite_master m JOIN pragma_table_info(m.name) c
    WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite!_%' ESCAPE '!' AND m.name <> '_sqlx_migrations'";

const POSTGRES_COLUMNS: &str = "SELECT CAST(table_name AS TEXT) AS table_name, CAST(column_name AS TEXT) AS column_name,
        CASE WHEN is_nullable = 'NO' THEN 'required' ELSE 'optional' END AS presence,
        CAST(data_type AS TEXT) AS column_type
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> '_sqlx_migrations'";

const POSTGRES_COLLATIONS: &str = "SELECT CAST(table_name AS TEXT) AS table_name,
        CAST(column_name AS TEXT) AS column_name, CAST(collation_name AS TEXT) AS collation_name
    FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name <> '_sqlx_migrations' AND data_type = 'text'";

async fn tables(url: &str, statement: &'static str) -> Tables {
    let catalog = Catalog::connect(url).await.unwrap();
    catalog.close().await;
    let pool = open(url).await;
    let mut tables = Tables::new();
    for row in sqlx::query(statement).fetch_all(&pool).await.unwrap() {
        let table: String = row.get("table_name");
        let column: String = row.get("column_name");
        let presence: String = row.get("presence");
        let column_type: String = row.get("column_type");
        let column_type = match column_type.to_ascii_lowercase().as_str() {
            "integer" | "bigint" => "number".to_owned(),
            "blob" | "bytea" => "bytes".to_owned(),
            other => other.to_owned(),
        };
        let columns = tables.entry(table).or_default();
        columns.push((column, format!("{column_type} {presence}")));
    }
    pool.close().await;
    for columns in tables.values_mut() {
        columns.sort();
    }
    tables
}

#[tokio::test]
async fn both_migrations_make_the_same_tables_and_columns() {
    let files = Sqlite::new();
    let server = Postgres::shared().await;
    let of_sqlite = tables(&files.url(), SQLITE_COLUMNS).await;
    let of_postgres = tables(&server.empty_database().await, POSTGRES_COLUMNS).await;
    assert!(of_sqlite.len() > 20, "{of_sqlite:?}");
    assert_eq!(of_sqlite, of_postgres);
}

#[tokio::test]
async fn texts_sort_by_bytes_on_postgres() {
    let pool = open(&Postgres::shared().await.database().await).await;
    let rows = sqlx::query(POSTGRES_COLLATIONS)
        .fetch_all(&pool)
        .await
        .unwrap();
    assert!(rows.len() > 50);
    for row in rows {
        let collation: Option<String> = row.get("collation_name");
        let (table, column): (String, String) = (row.get("table_name"), row.get("column_name"));
        assert_eq!(collation.as_deref(), Some("C"), "{table}.{column}");
    }
    pool.close().await;
}

#[tokio::test]
async fn every_statement_is_prepared_by_both_engines() {
    let files = Sqlite::new();
    for url in [files.url(), Postgres::shared().await.database().await] {
        let catalog = Catalog::connect(&url).await.unwrap();
        let (prepared, refused) = prepare_all(&catalog).await.unwrap();
        catalog.close().await;
        assert!(refused.is_empty(), "{url}\n{}", refused.join("\n"));
        assert!(prepared > 90, "{prepared}");
    }
}

#[test]
fn every_module_with_statements_is_registered_and_none_goes_around() {
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut modules = 0;
    for path in source_files(&source) {
        let text = std::fs::read_to_string(&path).unwrap();
        modules += usize::from(text.contains("\nstatements! {"));
        if !path.ends_with("dialect.rs") {
            for forbidden in ["sqlx::query", "AssertSqlSafe", "Statement::registered"] {
                assert!(!text.contains(forbidden), "{}: {forbidden}", path.display());
            }
        }
    }
    assert_eq!(modules, registered_modules());
}

fn source_files(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(source_files(&path));
        } else {
            files.push(path);
        }
    }
    files
}

#[tokio::test]
async fn a_second_start_finds_the_first_ones_rows() {
    let files = Sqlite::new();
    let first = Catalog::connect(&files.url()).await.unwrap();
    crate::given::account(&first, "dev").await;
    first.close().await;
    let second = Catalog::connect(&files.url()).await.unwrap();
    second.ping().await.unwrap();
    assert!(second.has_accounts().await.unwrap());
    second.close().await;
}

#[tokio::test]
async fn a_path_with_odd_characters_is_a_path() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("100% odd?#name.db");
    let catalog = Catalog::connect(&format!("sqlite:{}", path.display()))
        .await
        .unwrap();
    catalog.close().await;
    assert!(path.is_file());
}

#[tokio::test]
async fn an_address_of_another_kind_is_refused() {
    let refused = Catalog::connect("mysql://localhost/x").await;
    assert!(matches!(refused, Err(catalog::CatalogError::Address)));
}

#[tokio::test]
async fn an_unreachable_database_is_not_available() {
    let refused = Catalog::connect("postgres:///x?host=/nonexistent&user=x").await;
    let Err(error) = refused else {
        panic!("there is no such server")
    };
    assert!(error.is_transient(), "{error:?}");
}
