//! What a question about rights costs where there are many: index lookups, whatever the tables hold.

use std::time::Instant;

use catalog::testkit::{Postgres, Sqlite, open};
use catalog::{Catalog, Role};

use crate::given::account;

/// 40,000 repositories in 4,000 namespaces, 4,000 organisations with a team each, 40,000 permissions and 8,000 patterns.
const ROWS: [&str; 7] = [
    "INSERT INTO account (name, kind, superuser, auth_epoch, created_at)
        WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 3999)
        SELECT 'org' || i, 'org', 0, 0, 0 FROM n",
    "INSERT INTO team (org_id, name, role, description, created_at)
        SELECT id, 'devs', 'member', '', 0 FROM account WHERE kind = 'org'",
    "INSERT INTO team_member (team_id, member_kind, member_id, added_at)
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10)
        SELECT t.id, 'account', 1000000 + t.id * 100 + n.i, 0 FROM team t CROSS JOIN n",
    "INSERT INTO repository (name, live_name, namespace, visibility, sparse, created_by, created_at)
        WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 39999)
        SELECT 'org' || (i % 4000) || '/app' || i, 'org' || (i % 4000) || '/app' || i, 'org' || (i % 4000), 'private', 'index', 'x', 0 FROM n",
    "INSERT INTO permission (repository_id, subject_kind, subject_id, role, granted_at)
        SELECT r.id, 'account', 1000000 + r.id, 'read', 0 FROM repository r",
    "INSERT INTO pattern_permission (namespace, pattern, name_like, slashes, subject_kind, subject_id, role, granted_by, granted_at)
        WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 7999)
        SELECT 'org' || (i % 4000), 'org' || (i % 4000) || '/x' || i || '-*', 'org' || (i % 4000) || '/x' || i || '-%', 1,
            'account', 1000000 + i, 'write', 'x', 0 FROM n",
    "ANALYZE",
];

const TABLES: [&str; 6] = [
    "account",
    "permission",
    "pattern_permission",
    "repository",
    "team",
    "team_member",
];

#[tokio::test]
async fn rights_are_looked_up_and_never_searched_for() {
    let files = Sqlite::new();
    for url in [files.url(), Postgres::shared().await.database().await] {
        let catalog = Catalog::connect(&url).await.unwrap();
        let pool = open(&url).await;
        let dev = account(&catalog, "dev").await;
        for statement in ROWS {
            sqlx::query(statement).execute(&pool).await.unwrap();
        }
        // In two teams, with a role on ten repositories and on one pattern.
        for statement in [
            "INSERT INTO team_member (team_id, member_kind, member_id, added_at)
                SELECT t.id, 'account', a.id, 0 FROM account a
                JOIN account o ON o.name IN ('org7', 'org8') JOIN team t ON t.org_id = o.id WHERE a.name = 'dev'",
            "INSERT INTO permission (repository_id, subject_kind, subject_id, role, granted_at)
                SELECT r.id, 'account', a.id, 'write', 0 FROM repository r CROSS JOIN account a
                WHERE a.name = 'dev' AND r.namespace = 'org9' AND r.name LIKE 'org9/app_0%'",
            "INSERT INTO pattern_permission (namespace, pattern, name_like, slashes, subject_kind, subject_id, role, granted_by, granted_at)
                SELECT 'org7', 'org7/app1*', 'org7/app1%', 1, 'team', t.id, 'admin', 'x', 0
                FROM team t JOIN account o ON o.id = t.org_id WHERE o.name = 'org7'",
        ] {
            sqlx::query(statement).execute(&pool).await.unwrap();
        }
        let who = dev.principal();
        let name = "org7/app12007".parse().unwrap();
        let found = catalog.repository(&name).await.unwrap().unwrap();
        let role = catalog.role_of(found.id, &who).await.unwrap();
        assert_eq!(role, Some(Role::Admin));
        for plan in [
            catalog.explain_role_of(found.id, &who).await.unwrap(),
            catalog.explain_visible(&who).await.unwrap(),
        ] {
            for line in always_done(&plan) {
                for table in TABLES {
                    assert!(!is_whole_scan(line, table), "{table}\n{plan}");
                }
            }
        }
        let started = Instant::now();
        for _ in 0..200 {
            catalog.role_of(found.id, &who).await.unwrap();
        }
        let role = started.elapsed() / 200;
        let started = Instant::now();
        let listed = catalog.list_repository_names(&who, None, 100).await;
        assert!(listed.unwrap().len() > 3);
        let engine = url.split(':').next().unwrap_or_default();
        println!(
            "{engine}: role_of {role:?}, first page {:?}",
            started.elapsed()
        );
        pool.close().await;
        catalog.close().await;
    }
}

/// The lines of a plan without what PostgreSQL does under a `One-Time Filter` only: here, going through every name for
/// a caller who holds a pattern that begins with a wildcard.
fn always_done(plan: &str) -> Vec<&str> {
    let mut guard = usize::MAX;
    let indented = |line: &str| line.len() - line.trim_start().len();
    plan.lines()
        .filter(|line| {
            let depth = indented(line);
            if line.contains("One-Time Filter") {
                guard = depth;
            } else if depth < guard {
                guard = usize::MAX;
            }
            depth < guard
        })
        .collect()
}

/// A scan of a table itself; SQLite names tables by their alias, and says `USING` where an index leads.
fn is_whole_scan(line: &str, table: &str) -> bool {
    if line.contains(&format!("Seq Scan on {table} ")) {
        return true;
    }
    let alias = match table {
        "account" => ["a", "o"],
        "permission" => ["p", "permission"],
        "pattern_permission" => ["g", "pattern_permission"],
        "repository" => ["r", "repository"],
        "team" => ["t", "team"],
        _ => ["m", "team_member"],
    };
    alias.iter().any(|alias| {
        let text = line.trim();
        text == format!("SCAN {alias}") || text.starts_with(&format!("SCAN {alias} USING"))
    })
}
