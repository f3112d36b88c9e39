//! Where blobs live: replicas over one store, and clients that fetch from the store itself.

use bytes::Bytes;
use oci::Digest;

use crate::world::{Answer, World, admin};

/// More than one part of an object store, and an odd rest.
const LARGE: usize = (17 << 20) + 4321;

pub(crate) fn content(seed: u64) -> Bytes {
    let mut state = seed | 1;
    let mut bytes = Vec::with_capacity(LARGE + 8);
    while bytes.len() < LARGE {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        bytes.extend_from_slice(&(state ^ (state >> 29)).to_le_bytes());
    }
    bytes.truncate(LARGE);
    bytes.into()
}

async fn patch(world: &World, location: &str, range: Option<&str>, chunk: &Bytes) -> Answer {
    let mut request = world.request(&admin(), "PATCH", location);
    if let Some(range) = range {
        request = request.header("content-range", range);
    }
    Answer::of(request.body(chunk.clone())).await
}

async fn fetched(world: &World, digest: &Digest) -> Vec<u8> {
    let path = format!("/v2/team/app/blobs/{digest}");
    let answer = world.get(&admin(), &path).await;
    assert_eq!(answer.status, 200, "{:?}", answer.status);
    answer.body
}

pub(crate) async fn an_upload_goes_on_in_another_replica(world: &mut World) {
    let mut other = world.other_replica().await;
    let whole = content(1);
    let digest = Digest::sha256(&whole);
    let location = world.session(&admin(), "team/app").await;
    let replicas = [&*world, &other];
    let mut at = 0;
    for (turn, end) in [1000, 17 << 20, (17 << 20) + 1].into_iter().enumerate() {
        let chunk = whole.slice(at..end);
        let answer = patch(replicas[turn % 2], &location, None, &chunk).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        let status = replicas[(turn + 1) % 2].get(&admin(), &location).await;
        assert_eq!(status.header("range"), format!("0-{}", end - 1));
        at = end;
    }
    let path = format!("{location}?digest={digest}");
    let request = other
        .request(&admin(), "PUT", &path)
        .body(whole.slice(at..));
    assert_eq!(Answer::of(request).await.status, 201);
    for replica in replicas {
        assert!(fetched(replica, &digest).await == whole, "the bytes differ");
    }
    assert!(world.store().await.list_uploads().await.unwrap().is_empty());
    other.stop().await;
}

pub(crate) async fn two_replicas_that_write_at_once_lose_nothing(world: &mut World) {
    let mut other = world.other_replica().await;
    let location = world.session(&admin(), "team/app").await;
    let chunks = [content(2), content(3)];
    let range = format!("0-{}", LARGE - 1);
    let (first, second) = tokio::join!(
        patch(world, &location, Some(&range), &chunks[0]),
        patch(&other, &location, Some(&range), &chunks[1]),
    );
    let won: Vec<usize> = [&first, &second]
        .iter()
        .enumerate()
        .filter(|(_, answer)| answer.status == 202)
        .map(|(number, _)| number)
        .collect();
    assert_eq!(won.len(), 1, "{first:?} {second:?}");
    let refused = if won == [0] { &second } else { &first };
    refused.error(416, "BLOB_UPLOAD_INVALID");
    let digest = Digest::sha256(&chunks[won[0]]);
    let path = format!("{location}?digest={digest}");
    let answer = other.send(&admin(), "PUT", &path).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert!(
        fetched(world, &digest).await == chunks[won[0]],
        "the bytes differ"
    );
    assert!(world.store().await.list_uploads().await.unwrap().is_empty());
    other.stop().await;
}

pub(crate) async fn two_replicas_that_finish_at_once_keep_the_blob(world: &mut World) {
    let mut other = world.other_replica().await;
    let whole = content(4);
    let digest = Digest::sha256(&whole);
    for turn in 0..3 {
        let repository = format!("team/app{turn}");
        let location = world.session(&admin(), &repository).await;
        assert_eq!(patch(world, &location, None, &whole).await.status, 202);
        let path = format!("{location}?digest={digest}");
        let (who, who_else) = (admin(), admin());
        let (first, second) = tokio::join!(
            world.send(&who, "PUT", &path),
            other.send(&who_else, "PUT", &path),
        );
        let mut answers = [first.status, second.status];
        answers.sort_unstable();
        assert_eq!(answers[0], 201, "{first:?} {second:?}");
        assert!(
            matches!(answers[1], 201 | 404 | 416),
            "{first:?} {second:?}"
        );
        let path = format!("/v2/{repository}/blobs/{digest}");
        let answer = other.get(&admin(), &path).await;
        assert!(answer.body == whole, "the bytes differ");
    }
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_is_sent_to_the_object_store_where_that_is_set() {
    let mut world = World::sqlite_s3().await;
    world.settings().blob_redirect = true;
    world.restart(server::Clock::System).await;
    let digest = world.push_blob(&admin(), "team/app", b"0123456789").await;
    let path = format!("/v2/team/app/blobs/{digest}");

    let head = world.send(&admin(), "HEAD", &path).await;
    assert_eq!((head.status, head.header("content-length")), (200, "10"));
    let sent = world.get(&admin(), &path).await;
    assert_eq!(sent.status, 307);
    assert_eq!(sent.header("docker-content-digest"), digest.as_str());
    assert_eq!(sent.header("cache-control"), "no-store");
    let address = sent.header("location").to_owned();
    assert!(address.contains("X-Amz-Expires=300"), "{address}");

    let nobody = crate::world::Who::Nobody;
    assert_eq!(world.get(&nobody, &address).await.text(), "0123456789");
    let part = world
        .request(&nobody, "GET", &address)
        .header("range", "bytes=2-4");
    let part = Answer::of(part).await;
    assert_eq!((part.status, part.text().as_str()), (206, "234"));
    // Without the right to pull there is no address.
    let other = world.robot("other", "team/other", "write").await;
    world.get(&other, &path).await.error(404, "NAME_UNKNOWN");
    world.stop().await;
}
