//! Cases that registries got wrong, each with a name.

use catalog::testkit::{Postgres, Sqlite};
use catalog::{Principal, Published, RepositoryId};
use oci::Digest;

use super::state::World;
use crate::given::{account, at, by, digest_of, image, index, put, repository, subject, tag, tags};

/// A world with three repositories whose names begin with each other, on each engine.
async fn each_engine(check: impl AsyncFn(&World, &Principal, [RepositoryId; 3])) {
    let files = Sqlite::new();
    for url in [files.url(), Postgres::shared().await.database().await] {
        let world = World::new(&url).await;
        let dev = account(&world.catalog, "dev").await.principal();
        let mut ids = Vec::new();
        for name in ["app", "app/x", "apps"] {
            ids.push(repository(&world.catalog, name, &dev).await.id);
        }
        check(&world, &dev, [ids[0], ids[1], ids[2]]).await;
        world.close().await;
    }
}

/// Long after `at(0)`: every protection and window is over.
const LATER: i64 = 40 * 24 * 60;

async fn push(
    world: &World,
    dev: &Principal,
    id: RepositoryId,
    contents: &[&str],
    more: &str,
    tag: &[&str],
) -> String {
    for content in contents {
        world.publish(id, dev, content, at(0)).await;
    }
    let body = image(contents[0], &contents[1..], more);
    put(&world.catalog, id, &body, &tags(tag), 0).await;
    body
}

async fn end_tag(world: &World, id: RepositoryId, name: &str) {
    world
        .catalog
        .delete_tag(id, &tag(name), &by("dev"), at(1))
        .await
        .unwrap();
}

async fn has(world: &World, id: RepositoryId, body: &str) -> bool {
    world
        .catalog
        .manifest(id, &digest_of(body))
        .await
        .unwrap()
        .is_some()
}

#[tokio::test]
async fn content_pushed_again_after_collection_is_whole() {
    each_engine(async |world, dev, [id, _, _]| {
        let body = push(world, dev, id, &["{}", "layer"], "", &["v1"]).await;
        end_tag(world, id, "v1").await;
        world.run_down(at(LATER)).await;
        assert_eq!(world.state().await, super::state::State::default());
        let published = world.publish(id, dev, "{}", at(LATER)).await;
        assert_eq!(published, Published::New);
        world.publish(id, dev, "layer", at(LATER)).await;
        put(&world.catalog, id, &body, &tags(&["v1"]), LATER).await;
        world.run_down(at(LATER)).await;
        world.state().await.is_whole("pushed again");
        assert!(has(world, id, &body).await);
    })
    .await;
}

#[tokio::test]
async fn a_layer_listed_twice_is_kept_by_either_and_goes_with_both() {
    each_engine(async |world, dev, [id, _, _]| {
        push(world, dev, id, &["{}", "twice", "twice"], "", &["v1"]).await;
        world.run_down(at(LATER)).await;
        assert_eq!(world.state().await.links.len(), 2);
        end_tag(world, id, "v1").await;
        world.run_down(at(2 * LATER)).await;
        assert_eq!(world.state().await, super::state::State::default());
    })
    .await;
}

#[tokio::test]
async fn a_blob_shared_by_repositories_with_like_names_goes_with_the_last() {
    each_engine(async |world, dev, ids| {
        let mut bodies = Vec::new();
        for id in ids {
            bodies.push(push(world, dev, id, &["{}", "shared"], "", &["v1"]).await);
        }
        for (n, id) in ids.into_iter().enumerate() {
            let state = world.state().await;
            assert_eq!((state.links.len(), state.blobs.len()), (2 * (3 - n), 2));
            for (still, body) in ids[n..].iter().zip(&bodies) {
                assert!(has(world, *still, body).await);
            }
            end_tag(world, id, "v1").await;
            world.run_down(at(LATER)).await;
        }
        assert_eq!(world.state().await, super::state::State::default());
    })
    .await;
}

#[tokio::test]
async fn a_nested_index_keeps_everything_below_it_and_lets_go_of_it() {
    each_engine(async |world, dev, [id, _, _]| {
        let leaf = push(world, dev, id, &["{}", "leaf"], "", &[]).await;
        let inner = index(&[(&leaf, "amd64")]);
        put(&world.catalog, id, &inner, &[], 0).await;
        let outer = index(&[(&inner, "amd64")]);
        put(&world.catalog, id, &outer, &tags(&["v1"]), 0).await;
        world.run_down(at(LATER)).await;
        for body in [&leaf, &inner, &outer] {
            assert!(has(world, id, body).await);
        }
        end_tag(world, id, "v1").await;
        world.run_down(at(2 * LATER)).await;
        assert_eq!(world.state().await, super::state::State::default());
    })
    .await;
}

#[tokio::test]
async fn what_was_said_about_an_image_stays_and_goes_with_it() {
    each_engine(async |world, dev, [id, _, _]| {
        let body = push(world, dev, id, &["{}", "layer"], "", &["v1"]).await;
        let said = push(world, dev, id, &["{\"a\":1}"], &subject(&body), &[]).await;
        let about_that = push(world, dev, id, &["{\"a\":2}"], &subject(&said), &[]).await;
        let absent = image("absent", &[], "");
        let orphan = push(world, dev, id, &["{\"a\":3}"], &subject(&absent), &[]).await;
        world.run_down(at(LATER)).await;
        assert!(has(world, id, &said).await && has(world, id, &about_that).await);
        assert!(
            !has(world, id, &orphan).await,
            "nobody needs what is said about nothing"
        );
        end_tag(world, id, "v1").await;
        world.run_down(at(2 * LATER)).await;
        assert_eq!(world.state().await, super::state::State::default());
    })
    .await;
}

#[tokio::test]
async fn a_tag_on_what_was_said_keeps_its_subject_but_a_tag_that_attaches_does_not() {
    each_engine(async |world, dev, [id, other, _]| {
        let body = push(world, dev, id, &["{}", "layer"], "", &[]).await;
        push(world, dev, id, &["{\"a\":1}"], &subject(&body), &["said"]).await;
        let hex = digest_of(&body).to_string().replace("sha256:", "sha256-");
        let attached = format!("{hex}.sig");
        push(world, dev, other, &["{}", "layer"], "", &[]).await;
        push(world, dev, other, &["{\"a\":2}"], "", &[&attached]).await;
        world.run_down(at(LATER)).await;
        assert!(has(world, id, &body).await);
        assert!(!has(world, other, &body).await);
        let resolved = world
            .catalog
            .resolve_tag(other, &tag(&attached), at(2 * LATER))
            .await
            .unwrap();
        assert_eq!(resolved, None, "it does not outlive what it is attached to");
        end_tag(world, id, "said").await;
        world.run_down(at(2 * LATER)).await;
        assert_eq!(world.state().await, super::state::State::default());
    })
    .await;
}

#[tokio::test]
async fn a_mount_of_a_blob_in_its_last_minutes_saves_it() {
    each_engine(async |world, dev, [id, other, _]| {
        world.publish(id, dev, "content", at(0)).await;
        let digest = Digest::sha256(b"content");
        // Its right ended and it is condemned; then somebody brings it again.
        world.collect_all(at(25 * 60)).await;
        world.collect_all(at(25 * 60 + 20)).await;
        assert!(world.catalog.blob(&digest).await.unwrap().is_some());
        assert_eq!(world.state().await.links.len(), 0);
        let published = world.publish(other, dev, "content", at(25 * 60 + 25)).await;
        assert!(
            matches!(published, Published::Revived { .. }),
            "{published:?}"
        );
        for minutes in [50, 70, 90] {
            world.collect_all(at(25 * 60 + minutes)).await;
        }
        let state = world.state().await;
        state.is_whole("saved");
        assert_eq!(
            (state.links.len(), state.blobs.len(), state.objects.len()),
            (1, 1, 1)
        );
    })
    .await;
}

#[tokio::test]
async fn a_run_by_hand_takes_nothing_that_is_protected() {
    each_engine(async |world, dev, [id, _, _]| {
        let body = push(world, dev, id, &["{}", "layer"], "", &[]).await;
        let job = catalog::NewJob {
            kind: "collect".into(),
            lane: catalog::Lane::Manual,
            payload: "{}".into(),
            dedup_key: None,
            delay: std::time::Duration::ZERO,
        };
        let hastened = world
            .catalog
            .run_collection(&job, &by("ops"), at(1))
            .await
            .unwrap();
        assert_eq!(hastened, 3);
        world.collect_all(at(1)).await;
        assert!(has(world, id, &body).await);
        world.state().await.is_whole("by hand");
    })
    .await;
}

/// The tag by which the older scheme attaches something to a body.
fn attaching(body: &str, kind: &str) -> String {
    let hex = digest_of(body).to_string().replace("sha256:", "sha256-");
    format!("{hex}.{kind}")
}

#[tokio::test]
async fn what_is_attached_to_itself_goes_with_its_last_tag() {
    each_engine(async |world, dev, [id, _, _]| {
        let body = push(world, dev, id, &["{}", "layer"], "", &["v1"]).await;
        let own = attaching(&body, "sig");
        put(&world.catalog, id, &body, &tags(&[&own]), 0).await;
        world.run_down(at(LATER)).await;
        assert!(has(world, id, &body).await, "it has a tag of its own");
        end_tag(world, id, "v1").await;
        world.run_down(at(2 * LATER)).await;
        assert_eq!(world.state().await, super::state::State::default());
    })
    .await;
}

#[tokio::test]
async fn an_index_attached_to_its_own_child_goes_with_the_childs_last_tag() {
    each_engine(async |world, dev, [id, _, _]| {
        let child = push(world, dev, id, &["{}", "layer"], "", &["v1"]).await;
        let outer = index(&[(&child, "amd64")]);
        put(
            &world.catalog,
            id,
            &outer,
            &tags(&[&attaching(&child, "att")]),
            0,
        )
        .await;
        world.run_down(at(LATER)).await;
        assert!(has(world, id, &child).await && has(world, id, &outer).await);
        end_tag(world, id, "v1").await;
        world.run_down(at(2 * LATER)).await;
        assert_eq!(world.state().await, super::state::State::default());
    })
    .await;
}

#[tokio::test]
async fn a_ring_of_what_is_attached_to_one_another_goes_with_the_last_tag() {
    each_engine(async |world, dev, [id, _, _]| {
        let names = ["{\"n\":1}", "{\"n\":2}", "{\"n\":3}"];
        let mut bodies = Vec::new();
        for name in names {
            bodies.push(push(world, dev, id, &[name], "", &[]).await);
        }
        for n in 0..3 {
            let tag = attaching(&bodies[(n + 1) % 3], "sbom");
            put(&world.catalog, id, &bodies[n], &tags(&[&tag]), 0).await;
        }
        put(&world.catalog, id, &bodies[1], &tags(&["v1"]), 0).await;
        world.run_down(at(LATER)).await;
        for body in &bodies {
            assert!(
                has(world, id, body).await,
                "one of them has a tag of its own"
            );
        }
        end_tag(world, id, "v1").await;
        world.run_down(at(2 * LATER)).await;
        assert_eq!(world.state().await, super::state::State::default());
    })
    .await;
}
