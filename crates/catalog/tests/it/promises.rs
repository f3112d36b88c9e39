//! What `HEAD` promises, against collection: whoever was told that content is there finds it, or was told that it is not.

use catalog::testkit::{Postgres, Sqlite};
use catalog::{Catalog, Pass, RepositoryId, is_assured};
use oci::Digest;

use crate::given::{app, at, blob, digest_of, image, put};

/// The minute in which the protection of a blob that [`blob`] published ends.
const UNPROTECTED: i64 = 24 * 60 + 2;

pub(crate) async fn a_promise_keeps_what_would_go(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let digest = blob(&catalog, id, &dev, "content").await;
    let found = catalog.blob_in_repo(id, &digest).await.unwrap().unwrap();
    let until = found.kept_until.unwrap();
    assert!(is_assured(until, at(0)));
    assert!(!is_assured(until, at(UNPROTECTED - 10)));
    let promised = catalog.promise_blob(id, &digest, at(UNPROTECTED)).await;
    let until = promised.unwrap().unwrap().kept_until.unwrap();
    assert_eq!(until, at(UNPROTECTED + 24 * 60));
    catalog
        .collect(Pass::Links, 10, at(UNPROTECTED + 60))
        .await
        .unwrap();
    assert!(catalog.blob_in_repo(id, &digest).await.unwrap().is_some());
    // An earlier clock takes nothing back.
    let promised = catalog.promise_blob(id, &digest, at(1)).await.unwrap();
    assert_eq!(promised.unwrap().kept_until, Some(until));
    let collected = catalog.collect(Pass::Links, 10, at(3 * UNPROTECTED)).await;
    assert_eq!(collected.unwrap().links, 1);
    let gone = catalog.promise_blob(id, &digest, at(3 * UNPROTECTED)).await;
    assert_eq!(gone.unwrap(), None, "what is gone is not promised");
}

pub(crate) async fn a_promised_manifest_outlives_its_protection(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    blob(&catalog, id, &dev, "{}").await;
    let body = image("{}", &[], "");
    put(&catalog, id, &body, &[], 0).await;
    let digest = digest_of(&body);
    let kept = catalog.promise_manifest(id, &digest, at(UNPROTECTED)).await;
    assert_eq!(kept.unwrap(), Some(at(UNPROTECTED + 24 * 60)));
    catalog
        .collect(Pass::Manifests, 10, at(UNPROTECTED + 60))
        .await
        .unwrap();
    let found = catalog.manifest(id, &digest).await.unwrap();
    assert_eq!(found.unwrap().kept_until, at(UNPROTECTED + 24 * 60));
    let collected = catalog
        .collect(Pass::Manifests, 10, at(3 * UNPROTECTED))
        .await;
    assert_eq!(collected.unwrap().manifests, 1);
    let gone = catalog
        .promise_manifest(id, &digest, at(3 * UNPROTECTED))
        .await;
    assert_eq!(gone.unwrap(), None);
}

/// `HEAD` of a blob and the pass that takes rights away, at the same moment: a promise that was given holds.
async fn race_for_blobs(catalog: &Catalog) {
    let (dev, id) = app(catalog).await;
    let mut digests = Vec::new();
    for n in 0..60 {
        digests.push(blob(catalog, id, &dev, &format!("content {n}")).await);
    }
    let collector = tokio::spawn(collect_all(catalog.clone(), Pass::Links));
    let mut asking = Vec::new();
    for digest in digests.iter().rev().cloned() {
        let catalog = catalog.clone();
        asking.push(tokio::spawn(async move {
            let promised = catalog.promise_blob(id, &digest, at(UNPROTECTED)).await;
            (digest, promised.unwrap().is_some())
        }));
    }
    let mut promised = 0;
    for asked in asking {
        let (digest, is_promised) = asked.await.unwrap();
        promised += usize::from(is_promised);
        hold(catalog, id, &digest, is_promised).await;
    }
    collector.await.unwrap();
    // A client that was told "there" pushes its manifest now, and every layer it relied on is there.
    for digest in &digests {
        let found = catalog.blob_in_repo(id, digest).await.unwrap();
        let again = catalog
            .promise_blob(id, digest, at(UNPROTECTED))
            .await
            .unwrap();
        assert_eq!(found.is_some(), again.is_some());
        promised -= usize::from(again.is_some());
    }
    assert_eq!(promised, 0, "as many are there as were promised");
}

async fn hold(catalog: &Catalog, id: RepositoryId, digest: &Digest, is_promised: bool) {
    let found = catalog.blob_in_repo(id, digest).await.unwrap();
    assert_eq!(found.is_some(), is_promised, "{digest}");
    if let Some(found) = found {
        assert!(is_assured(found.kept_until.unwrap(), at(UNPROTECTED)));
    }
}

async fn collect_all(catalog: Catalog, pass: Pass) {
    // What somebody holds is looked at again a minute later.
    for _ in 0..30 {
        catalog.collect(pass, 4, at(UNPROTECTED)).await.unwrap();
        tokio::task::yield_now().await;
    }
}

/// The same for manifests, whose lock is another.
async fn race_for_manifests(catalog: &Catalog) {
    let (dev, id) = app(catalog).await;
    blob(catalog, id, &dev, "{}").await;
    let mut digests = Vec::new();
    for n in 0..60 {
        let body = image("{}", &[], &format!(r#","annotations":{{"n":"{n}"}}"#));
        put(catalog, id, &body, &[], 0).await;
        digests.push(digest_of(&body));
    }
    let collector = tokio::spawn(collect_all(catalog.clone(), Pass::Manifests));
    let mut asking = Vec::new();
    for digest in digests.iter().rev().cloned() {
        let catalog = catalog.clone();
        asking.push(tokio::spawn(async move {
            let kept = catalog.promise_manifest(id, &digest, at(UNPROTECTED)).await;
            (digest, kept.unwrap().is_some())
        }));
    }
    for asked in asking {
        let (digest, is_promised) = asked.await.unwrap();
        let found = catalog.manifest(id, &digest).await.unwrap();
        assert_eq!(found.is_some(), is_promised, "{digest}");
    }
    collector.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_answer_and_a_collector_are_never_both_right() {
    for _ in 0..3 {
        let files = Sqlite::new();
        for url in [files.url(), Postgres::shared().await.database().await] {
            let catalog = Catalog::connect(&url).await.unwrap();
            race_for_blobs(&catalog).await;
            catalog.close().await;
        }
        let files = Sqlite::new();
        for url in [files.url(), Postgres::shared().await.database().await] {
            let catalog = Catalog::connect(&url).await.unwrap();
            race_for_manifests(&catalog).await;
            catalog.close().await;
        }
    }
}
