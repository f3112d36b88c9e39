//! Every way to push a blob, with both algorithms and odd contents.

use oci::Digest;

use super::{ALGORITHMS, REPOSITORY, blob_path, delete, fresh, is_there, send};
use crate::world::{Answer, World};

/// How the bytes travel.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// In the request that would open a session.
    Post,
    /// In the request that ends the session.
    PostPut,
    /// In chunks of the given size that say where they belong; the last one by `PUT` or not.
    Chunks { size: usize, last_by_put: bool },
    /// In one request that says neither its place nor its length.
    Stream,
}

const WAYS: [Way; 6] = [
    Way::Post,
    Way::PostPut,
    Way::Chunks {
        size: usize::MAX,
        last_by_put: false,
    },
    Way::Chunks {
        size: 1_024,
        last_by_put: false,
    },
    Way::Chunks {
        size: 1_024,
        last_by_put: true,
    },
    Way::Stream,
];

/// Pushes and returns the last answer.
async fn travel(world: &World, way: Way, digest: &Digest, bytes: &[u8]) -> Answer {
    let uploads = format!("/v2/{REPOSITORY}/blobs/uploads/");
    if let Way::Post = way {
        return send(
            world,
            "POST",
            &format!("{uploads}?digest={digest}"),
            &[],
            bytes,
        )
        .await;
    }
    // A session is opened without a word about its algorithm, also for SHA-512.
    let answer = send(world, "POST", &uploads, &[], b"").await;
    assert_eq!(answer.status, 202);
    let mut location = answer.header("location").to_owned();
    let finish = |location: &str| format!("{location}?digest={digest}");
    match way {
        Way::Post | Way::PostPut => send(world, "PUT", &finish(&location), &[], bytes).await,
        Way::Chunks { size, last_by_put } => {
            let mut sent = 0;
            while sent < bytes.len() {
                let end = bytes.len().min(sent.saturating_add(size));
                let range = format!("{sent}-{}", end - 1);
                let headers = [("content-range", range.as_str())];
                if last_by_put && end == bytes.len() {
                    return send(world, "PUT", &finish(&location), &headers, &bytes[sent..]).await;
                }
                let answer = send(world, "PATCH", &location, &headers, &bytes[sent..end]).await;
                assert_eq!(answer.status, 202, "{}", answer.text());
                assert_eq!(answer.header("range"), format!("0-{}", end - 1));
                answer.header("location").clone_into(&mut location);
                sent = end;
            }
            send(world, "PUT", &finish(&location), &[], b"").await
        }
        Way::Stream => {
            let pieces: Vec<_> = bytes
                .chunks(300)
                .map(|piece| Ok::<_, std::io::Error>(piece.to_vec()))
                .collect();
            let body = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
            let request = world.request(&crate::world::admin(), "PATCH", &location);
            let answer = Answer::of(request.body(body)).await;
            assert_eq!(answer.status, 202, "{}", answer.text());
            send(world, "PUT", &finish(answer.header("location")), &[], b"").await
        }
    }
}

pub(crate) async fn a_blob_is_the_same_however_it_travelled(world: &mut World) {
    for algorithm in ALGORITHMS {
        for way in WAYS {
            for bytes in [Vec::new(), b"{}".to_vec(), fresh(512), fresh(3 * 1_024 - 5)] {
                let digest = Digest::compute(algorithm, &bytes);
                let answer = travel(world, way, &digest, &bytes).await;
                assert_eq!(answer.status, 201, "{way:?}: {}", answer.text());
                assert_eq!(answer.header("docker-content-digest"), digest.as_str());
                let location = answer.header("location").to_owned();
                assert!(send(world, "GET", &location, &[], b"").await.body == bytes);
                is_there(world, REPOSITORY, &digest, &bytes).await;
                delete(world, &blob_path(REPOSITORY, &digest)).await;
            }
        }
    }
}

pub(crate) async fn a_blob_is_refused_under_another_digest_however_it_travelled(world: &mut World) {
    for algorithm in ALGORITHMS {
        for way in WAYS {
            let mut bytes = fresh(3_000);
            let digest = Digest::compute(algorithm, &bytes);
            bytes.extend(b"more");
            let answer = travel(world, way, &digest, &bytes).await;
            answer.error(400, "DIGEST_INVALID");
            for digest in [digest, Digest::compute(algorithm, &bytes)] {
                let path = blob_path(REPOSITORY, &digest);
                assert_eq!(send(world, "HEAD", &path, &[], b"").await.status, 404);
            }
        }
    }
}
