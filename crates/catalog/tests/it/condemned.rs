//! Blobs that collection has condemned and somebody needs again. Until collection exists, the test condemns them itself.

use catalog::testkit::{Postgres, Sqlite, open};
use catalog::{Catalog, Published};
use oci::Digest;

use crate::given::{app, at, by, image, publish, put, repository};

const CONDEMN: &str = "UPDATE blob SET state = 'condemned', condemned_at = 1";
const STATES: &str = "SELECT state, object_key FROM blob";

async fn each_engine(check: impl AsyncFn(Catalog, sqlx::AnyPool)) {
    let files = Sqlite::new();
    for url in [files.url(), Postgres::shared().await.database().await] {
        let catalog = Catalog::connect(&url).await.unwrap();
        let pool = open(&url).await;
        check(catalog.clone(), pool.clone()).await;
        pool.close().await;
        catalog.close().await;
    }
}

async fn state(pool: &sqlx::AnyPool) -> (String, String) {
    sqlx::query_as(STATES).fetch_one(pool).await.unwrap()
}

#[tokio::test]
async fn a_new_upload_replaces_a_condemned_object() {
    each_engine(async |catalog, pool| {
        let (dev, id) = app(&catalog).await;
        publish(&catalog, id, &dev, "content", "o/1").await;
        sqlx::query(CONDEMN).execute(&pool).await.unwrap();
        let revived = publish(&catalog, id, &dev, "content", "o/2").await;
        assert_eq!(
            revived,
            Published::Revived {
                discard: "o/1".into()
            }
        );
        assert_eq!(state(&pool).await, ("live".into(), "o/2".into()));
        let discarded = catalog.discarded(10, at(2)).await.unwrap();
        assert_eq!(discarded[0].object_key, "o/1");
        assert_eq!((discarded.len(), discarded[0].size_bytes), (1, 7));
    })
    .await;
}

#[tokio::test]
async fn a_mount_keeps_a_condemned_blob() {
    each_engine(async |catalog, pool| {
        let (dev, from) = app(&catalog).await;
        let to = repository(&catalog, "copy", &dev).await.id;
        publish(&catalog, from, &dev, "content", "o/1").await;
        sqlx::query(CONDEMN).execute(&pool).await.unwrap();
        let digest = Digest::sha256(b"content");
        assert!(
            catalog
                .mount_blob(from, to, &digest, &by("dev"), at(2))
                .await
                .unwrap()
        );
        assert_eq!(state(&pool).await.0, "live");
    })
    .await;
}

#[tokio::test]
async fn a_manifest_keeps_a_condemned_blob() {
    each_engine(async |catalog, pool| {
        let (dev, id) = app(&catalog).await;
        publish(&catalog, id, &dev, "{}", "o/1").await;
        sqlx::query(CONDEMN).execute(&pool).await.unwrap();
        put(&catalog, id, &image("{}", &[], ""), &[], 2).await;
        assert_eq!(state(&pool).await, ("live".into(), "o/1".into()));
    })
    .await;
}
