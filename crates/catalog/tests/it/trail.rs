//! The audit trail: refusals are folded, and a page is one range of an index however long the trail is.

use catalog::testkit::{Postgres, Sqlite, open};
use catalog::{AuditAction, AuditEntry, AuditFilter, AuditOutcome, Catalog};

use crate::given::{at, by};

pub(crate) async fn refusals_of_one_kind_are_one_entry(catalog: Catalog) {
    let entry = AuditEntry::on(AuditAction::PullDenied, Some("team/app"), Some("1"));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (catalog, entry) = (catalog.clone(), entry.clone());
        tasks.spawn(async move {
            catalog
                .audit_folded(&entry, &by("dev"), "key", at(1))
                .await
                .unwrap();
        });
    }
    tasks.join_all().await;
    catalog
        .audit_folded(&entry, &by("dev"), "other key", at(2))
        .await
        .unwrap();
    let filter = AuditFilter {
        namespace: Some("team".into()),
        outcome: Some(AuditOutcome::Denied),
        ..AuditFilter::default()
    };
    let rows = catalog.audit_page(&filter, None, 10).await.unwrap();
    let counts: Vec<i64> = rows.iter().map(|row| row.occurrences).collect();
    assert_eq!(counts, [1, 20]);
}

#[tokio::test]
async fn a_page_of_the_trail_is_a_range_of_an_index() {
    let files = Sqlite::new();
    for url in [files.url(), Postgres::shared().await.database().await] {
        let catalog = Catalog::connect(&url).await.unwrap();
        let pool = open(&url).await;
        for statement in [
            "INSERT INTO audit (at, actor, action, namespace, repository, target)
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
                SELECT i, 'actor' || (i % 50), 'action' || (i % 20), 'team' || (i % 40), 'team/app' || (i % 100), 'x' FROM n",
            "ANALYZE",
        ] {
            sqlx::query(statement).execute(&pool).await.unwrap();
        }
        let some = |text: &str| Some(text.to_owned());
        for (filter, index) in [
            (AuditFilter::default(), "audit_by_time"),
            (
                AuditFilter {
                    actor: some("actor1"),
                    ..AuditFilter::default()
                },
                "audit_by_actor",
            ),
            (
                AuditFilter {
                    action: some("action1"),
                    ..AuditFilter::default()
                },
                "audit_by_action",
            ),
            (
                AuditFilter {
                    namespace: some("team1"),
                    ..AuditFilter::default()
                },
                "audit_by_namespace",
            ),
            (
                AuditFilter {
                    repository: some("team/app1"),
                    actor: some("actor1"),
                    ..AuditFilter::default()
                },
                "audit_by_repository",
            ),
        ] {
            let plan = catalog.explain_audit(&filter).await.unwrap();
            assert!(plan.contains(index), "{filter:?}\n{plan}");
            // PostgreSQL may sort the few rows that two conditions leave.
            assert!(
                !plan.contains("Seq Scan") && !plan.contains("TEMP B-TREE"),
                "{plan}"
            );
        }
        pool.close().await;
        catalog.close().await;
    }
}
