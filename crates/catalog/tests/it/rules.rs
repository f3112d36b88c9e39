//! The rules between tables: a whole catalog breaks none, and each broken one is named.

use catalog::testkit::{Postgres, Sqlite, open};
use catalog::{Catalog, Rule, Sparse};

use crate::given::{app, at, blob, digest_of, image, index, put, subject, tags};

/// A rule, what breaks it, and what the breach is about.
const CASES: [(Rule, &str, &str); 11] = [
    (
        Rule::TagHasManifest,
        "UPDATE manifest SET deleted_at = 1 WHERE digest = (SELECT digest FROM tag WHERE live_name = 'v1')",
        "app:v1 names ",
    ),
    (
        Rule::ManifestHasBlobs,
        "DELETE FROM repo_blob WHERE digest = (SELECT MIN(digest) FROM manifest_ref WHERE kind = 'layer')",
        " needs ",
    ),
    (
        Rule::IndexHasChildren,
        "UPDATE manifest SET deleted_at = 1 WHERE digest IN (SELECT digest FROM manifest_ref WHERE kind = 'child')",
        " needs ",
    ),
    (
        Rule::TagIsOne,
        "UPDATE tag SET name = 'v1' WHERE name = 'v2'",
        ":v1",
    ),
    (
        Rule::ReferrerIsListed,
        "DELETE FROM referrer WHERE source = 'subject'",
        " is about ",
    ),
    (
        Rule::TrashIsUnused,
        "INSERT INTO trash (object_key, since) SELECT object_key, 1 FROM blob WHERE object_key = 'o/lonely'",
        "o/lonely",
    ),
    (
        Rule::BodyIsUsed,
        "INSERT INTO manifest_body (digest, bytes) VALUES ('sha256:00', '')",
        "sha256:00",
    ),
    (
        Rule::UsageIsRight,
        "INSERT INTO usage_delta (scope, bytes) VALUES ('namespace:app', 5)",
        "namespace:app says ",
    ),
    (
        Rule::ManifestIsQueued,
        "DELETE FROM gc_review WHERE kind = 'manifest'",
        "app@sha256:",
    ),
    (
        Rule::LinkIsQueued,
        "DELETE FROM gc_review WHERE kind = 'link'",
        "app has ",
    ),
    (
        Rule::BlobIsQueued,
        "DELETE FROM repo_blob WHERE digest = (SELECT digest FROM blob WHERE object_key = 'o/lonely')",
        "sha256:",
    ),
];

/// A tagged index over an image, another tag, something said about it, an image without a tag, a blob that no manifest names.
async fn fill(catalog: &Catalog) {
    let (dev, id) = app(catalog).await;
    for content in ["{}", "layer", "{\"said\":1}", "{\"alone\":1}"] {
        blob(catalog, id, &dev, content).await;
    }
    crate::given::publish(catalog, id, &dev, "lonely", "o/lonely").await;
    let child = image("{}", &["layer"], "");
    put(catalog, id, &child, &tags(&["v2"]), 2).await;
    let outer = index(&[(&child, "amd64")]);
    put(catalog, id, &outer, &tags(&["v1"]), 2).await;
    let said = image("{\"said\":1}", &[], &subject(&outer));
    put(catalog, id, &said, &[], 2).await;
    put(catalog, id, &image("{\"alone\":1}", &[], ""), &[], 2).await;
    catalog.fold_usage(at(3)).await.unwrap();
    assert!(
        catalog
            .manifest(id, &digest_of(&outer))
            .await
            .unwrap()
            .is_some()
    );
}

async fn breaches(catalog: &Catalog, rule: Rule) -> Vec<String> {
    // Nothing may be left out, so that every rule is in force.
    catalog
        .breaches(rule, Sparse::None, 10, at(60))
        .await
        .unwrap()
}

#[tokio::test]
async fn every_broken_rule_is_named() {
    let named: Vec<Rule> = CASES.iter().map(|(rule, _, _)| *rule).collect();
    assert_eq!(named, Rule::ALL, "each rule has a case");
    for (rule, break_it, about) in CASES {
        let files = Sqlite::new();
        for url in [files.url(), Postgres::shared().await.database().await] {
            let catalog = Catalog::connect(&url).await.unwrap();
            fill(&catalog).await;
            for every in Rule::ALL {
                assert_eq!(breaches(&catalog, every).await, [""; 0], "{every:?} before");
            }
            let pool = open(&url).await;
            let changed = sqlx::query(break_it).execute(&pool).await.unwrap();
            assert!(changed.rows_affected() > 0, "{rule:?}");
            pool.close().await;
            let found = breaches(&catalog, rule).await;
            assert!(
                found.iter().any(|breach| breach.contains(about)),
                "{rule:?}: {found:?}"
            );
            catalog.close().await;
        }
    }
}
