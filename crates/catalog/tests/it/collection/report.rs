//! The dry run: it says what a run would do, and a run does what it said.

use catalog::testkit::{Postgres, Sqlite};
use catalog::{Principal, ReclaimCause as Cause, RepositoryId};
use oci::Digest;

use super::state::World;
use crate::given::{account, at, by, image, index, put, repository, subject, tag, tags};

/// Long after `at(0)`: every protection and window is over.
const LATER: i64 = 40 * 24 * 60;

/// A world with two repositories, on each engine.
async fn each_engine(check: impl AsyncFn(&World, &Principal, [RepositoryId; 2])) {
    let files = Sqlite::new();
    for url in [files.url(), Postgres::shared().await.database().await] {
        let world = World::new(&url).await;
        let dev = account(&world.catalog, "dev").await.principal();
        let app = repository(&world.catalog, "app", &dev).await.id;
        let apps = repository(&world.catalog, "apps", &dev).await.id;
        check(&world, &dev, [app, apps]).await;
        world.close().await;
    }
}

async fn push(
    world: &World,
    dev: &Principal,
    id: RepositoryId,
    contents: &[&str],
    more: &str,
) -> String {
    for content in contents {
        world.publish(id, dev, content, at(0)).await;
    }
    let body = image(contents[0], &contents[1..], more);
    put(&world.catalog, id, &body, &[], 0).await;
    body
}

/// Compares (count, bytes) of a cause with what the dry run says.
async fn says(world: &World, minutes: i64, cause: Cause, count: u64, bytes: u64) {
    let report = world.catalog.reclaimable(at(minutes)).await.unwrap();
    let found = report.causes.iter().find(|reclaim| reclaim.cause == cause);
    let found = found.map(|reclaim| (reclaim.count, reclaim.bytes));
    assert_eq!(
        found,
        Some((count, bytes)),
        "{cause:?} after {minutes} min: {report:?}"
    );
    assert!(!report.is_partial);
}

#[tokio::test]
async fn an_index_is_counted_with_everything_that_goes_with_it() {
    each_engine(async |world, dev, [id, other]| {
        let child = push(world, dev, id, &["{}", "layer of the child"], "").await;
        let outer = index(&[(&child, "amd64")]);
        put(&world.catalog, id, &outer, &tags(&["v1"]), 0).await;
        push(world, dev, id, &["{\"said\":1}"], &subject(&outer)).await;
        // Another repository keeps one of the layers.
        world.publish(other, dev, "{}", at(0)).await;
        assert_eq!(
            world.empty_trash(10, at(0), false).await,
            1,
            "its second object"
        );
        put(
            &world.catalog,
            other,
            &image("{}", &[], ""),
            &tags(&["kept"]),
            0,
        )
        .await;
        says(world, 1, Cause::Manifests, 0, 0).await;
        let deleted = world
            .catalog
            .delete_tag(id, &tag("v1"), &by("dev"), at(2))
            .await;
        assert!(deleted.unwrap().is_some());
        says(world, 3, Cause::Manifests, 0, 0).await;
        let bytes = "layer of the child".len() + "{\"said\":1}".len();
        says(world, LATER, Cause::Manifests, 3, bytes as u64).await;
        let promised = world.catalog.reclaimable(at(LATER)).await.unwrap().bytes();
        let before: u64 = world.blob_bytes().await;
        world.run_down(at(LATER)).await;
        assert_eq!(before - world.blob_bytes().await, promised);
        says(world, 2 * LATER, Cause::Manifests, 0, 0).await;
    })
    .await;
}

#[tokio::test]
async fn blobs_are_counted_on_each_step_of_their_way_out() {
    each_engine(async |world, dev, [id, _]| {
        world.publish(id, dev, "content", at(0)).await;
        says(world, 1, Cause::Links, 0, 0).await;
        says(world, 25 * 60, Cause::Links, 1, 7).await;
        let pass = async |pass, minutes| {
            world.catalog.collect(pass, 100, at(minutes)).await.unwrap();
        };
        pass(catalog::Pass::Links, 25 * 60).await;
        says(world, 25 * 60, Cause::Links, 0, 0).await;
        says(world, 25 * 60, Cause::Blobs, 1, 7).await;
        pass(catalog::Pass::Blobs, 25 * 60 + 20).await;
        says(world, 25 * 60 + 20, Cause::Blobs, 0, 0).await;
        says(world, 25 * 60 + 20, Cause::Condemned, 1, 7).await;
        pass(catalog::Pass::Blobs, 25 * 60 + 40).await;
        says(world, 25 * 60 + 40, Cause::Condemned, 0, 0).await;
        says(world, 25 * 60 + 40, Cause::Trash, 1, 7).await;
        world.empty_trash(10, at(26 * 60), false).await;
        says(world, 26 * 60, Cause::Trash, 0, 0).await;
    })
    .await;
}

#[tokio::test]
async fn a_blob_that_a_tag_keeps_elsewhere_is_not_counted() {
    each_engine(async |world, dev, [id, other]| {
        let body = push(world, dev, id, &["{}", "shared"], "").await;
        push(world, dev, other, &["{}", "shared"], "").await;
        put(&world.catalog, other, &body, &tags(&["v1"]), 1).await;
        says(world, LATER, Cause::Manifests, 1, 0).await;
        let queued = world.catalog.reclaimable(at(LATER)).await.unwrap().causes[0].queued;
        assert_eq!(queued, 2, "both arrivals wait");
    })
    .await;
}

#[tokio::test]
async fn an_upload_counts_once_it_is_given_up() {
    each_engine(async |world, dev, [id, _]| {
        let upload = crate::given::upload(&world.catalog, id, dev, "o/1").await;
        let advance = catalog::Advance {
            offset: 5,
            hash_state: oci::MidState(vec![1]),
            staging: catalog::Staging::default(),
            expires_at: at(60),
        };
        assert!(
            world
                .catalog
                .advance_upload(upload, 0, &advance)
                .await
                .unwrap()
        );
        says(world, 59, Cause::Uploads, 0, 0).await;
        says(world, 60, Cause::Uploads, 1, 5).await;
        let known = world.catalog.reclaimable(at(60)).await.unwrap();
        let mut causes = known.causes.iter().map(|reclaim| reclaim.cause);
        assert!(
            !causes.any(|cause| cause == Cause::UnknownObjects),
            "nobody has compared the store with its rows yet"
        );
        let digest = Digest::sha256(b"content");
        assert!(world.catalog.blob(&digest).await.unwrap().is_none());
    })
    .await;
}
