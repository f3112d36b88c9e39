//! Sessions that go wrong and are taken up again, and sessions that are given up.

use oci::Digest;

use super::{ALGORITHMS, REPOSITORY, fresh, is_there, send};
use crate::world::World;

async fn open(world: &World) -> String {
    let path = format!("/v2/{REPOSITORY}/blobs/uploads/");
    let answer = send(world, "POST", &path, &[], b"").await;
    assert_eq!(answer.status, 202);
    answer.header("location").to_owned()
}

pub(crate) async fn a_chunk_out_of_order_is_refused_and_the_session_goes_on(world: &mut World) {
    const CHUNK: usize = 1_024;
    for algorithm in ALGORITHMS {
        for last_by_put in [false, true] {
            let bytes = fresh(3 * CHUNK - 5);
            let digest = Digest::compute(algorithm, &bytes);
            let mut location = open(world).await;
            let finish = |location: &str| format!("{location}?digest={digest}");
            for start in (0..bytes.len()).step_by(CHUNK) {
                // The one after the next, or the first once more.
                let wrong = if start + CHUNK < bytes.len() {
                    start + CHUNK
                } else {
                    0
                };
                let end = bytes.len().min(wrong + CHUNK);
                let range = format!("{wrong}-{}", end - 1);
                let headers = [("content-range", range.as_str())];
                let is_last = last_by_put && end == bytes.len();
                let (method, path) = if is_last {
                    ("PUT", finish(&location))
                } else {
                    ("PATCH", location.clone())
                };
                let refused = send(world, method, &path, &headers, &bytes[wrong..end]).await;
                refused.error(416, "BLOB_UPLOAD_INVALID");
                let status = send(world, "GET", &location, &[], b"").await;
                assert_eq!(status.status, 204);
                assert_eq!(
                    status.header("range"),
                    format!("0-{}", start.saturating_sub(1))
                );
                status.header("location").clone_into(&mut location);

                let end = bytes.len().min(start + CHUNK);
                let range = format!("{start}-{}", end - 1);
                let headers = [("content-range", range.as_str())];
                if last_by_put && end == bytes.len() {
                    let answer =
                        send(world, "PUT", &finish(&location), &headers, &bytes[start..]).await;
                    assert_eq!(answer.status, 201, "{}", answer.text());
                } else {
                    let answer =
                        send(world, "PATCH", &location, &headers, &bytes[start..end]).await;
                    assert_eq!(answer.status, 202, "{}", answer.text());
                    answer.header("location").clone_into(&mut location);
                }
            }
            if !last_by_put {
                let answer = send(world, "PUT", &finish(&location), &[], b"").await;
                assert_eq!(answer.status, 201, "{}", answer.text());
            }
            is_there(world, REPOSITORY, &digest, &bytes).await;
        }
    }
}

pub(crate) async fn a_session_given_up_is_gone(world: &mut World) {
    for sent in [0, 700] {
        let location = open(world).await;
        if sent > 0 {
            let answer = send(world, "PATCH", &location, &[], &fresh(sent)).await;
            assert_eq!(answer.status, 202);
        }
        let answer = send(world, "DELETE", &location, &[], b"").await;
        assert_eq!((answer.status, answer.body.len()), (204, 0));
        for method in ["GET", "PATCH", "DELETE"] {
            let answer = send(world, method, &location, &[], b"").await;
            answer.error(404, "BLOB_UPLOAD_UNKNOWN");
        }
    }
}

pub(crate) async fn a_session_hashes_with_the_algorithm_it_was_told(world: &mut World) {
    for (algorithm, last) in ALGORITHMS
        .into_iter()
        .flat_map(|algorithm| ALGORITHMS.map(|last| (algorithm, last)))
    {
        let path = format!("/v2/{REPOSITORY}/blobs/uploads/?digest-algorithm={algorithm}");
        let answer = send(world, "POST", &path, &[], b"").await;
        assert_eq!(answer.status, 202);
        let location = answer.header("location").to_owned();
        let bytes = fresh(900);
        assert_eq!(
            send(world, "PATCH", &location, &[], &bytes[..400])
                .await
                .status,
            202
        );
        // Whatever it was told, the digest at the end decides.
        let digest = Digest::compute(last, &bytes);
        let path = format!("{location}?digest={digest}");
        let answer = send(world, "PUT", &path, &[], &bytes[400..]).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        is_there(world, REPOSITORY, &digest, &bytes).await;
    }
    for algorithm in ["md5", "sha1", "SHA256", ""] {
        let path = format!("/v2/{REPOSITORY}/blobs/uploads/?digest-algorithm={algorithm}");
        let answer = send(world, "POST", &path, &[], b"").await;
        answer.error(400, "DIGEST_INVALID");
    }
}
