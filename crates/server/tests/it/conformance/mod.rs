//! What the specification's own conformance program asks of a registry, asked here without it.
//!
//! Each file takes one part of the protocol and tries it with both digest algorithms. The program itself runs with
//! `make conformance`; these tests keep its result from one run to the next.
//!
//! # Source
//! OCI distribution specification (main), and the behaviour its `conformance` folder describes.

mod blobs;
mod content;
mod manifests;
mod mount;
mod ranges;
mod referrers;
mod uploads;

use oci::{Algorithm, Digest};

pub(crate) use self::blobs::*;
pub(crate) use self::manifests::*;
pub(crate) use self::mount::*;
pub(crate) use self::ranges::*;
pub(crate) use self::referrers::*;
pub(crate) use self::uploads::*;
use crate::world::{Answer, World, admin};

const ALGORITHMS: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Sha512];
const REPOSITORY: &str = "conformance/one";
const OTHER: &str = "conformance/two";

/// Returns bytes that no other call returns.
fn fresh(len: usize) -> Vec<u8> {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let mut state = NEXT
        .fetch_add(1, Ordering::Relaxed)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let byte = || {
        // Xorshift: different seeds, different bytes.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(byte).take(len).collect()
}

async fn send(
    world: &World,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut request = world.request(&admin(), method, path).body(body.to_vec());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Answer::of(request).await
}

fn blob_path(repository: &str, digest: &Digest) -> String {
    format!("/v2/{repository}/blobs/{digest}")
}

/// Pushes a blob in one request.
async fn push(world: &World, repository: &str, digest: &Digest, bytes: &[u8]) {
    let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
    let answer = send(world, "POST", &path, &[], bytes).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
}

/// Checks that the blob is there, by `HEAD` and by `GET`.
async fn is_there(world: &World, repository: &str, digest: &Digest, bytes: &[u8]) {
    let path = blob_path(repository, digest);
    for method in ["HEAD", "GET"] {
        let answer = send(world, method, &path, &[], b"").await;
        assert_eq!(answer.status, 200, "{method} {path}");
        assert_eq!(answer.header("content-length"), bytes.len().to_string());
        assert_eq!(answer.header("docker-content-digest"), digest.as_str());
        let body = if method == "GET" { bytes } else { b"" };
        assert!(answer.body == body, "{method} {path}");
    }
}

/// Deletes something and checks that it is gone at once.
async fn delete(world: &World, path: &str) {
    let answer = send(world, "DELETE", path, &[], b"").await;
    assert_eq!(answer.status, 202, "DELETE {path}: {}", answer.text());
    assert_eq!(
        send(world, "HEAD", path, &[], b"").await.status,
        404,
        "{path}"
    );
    assert_eq!(
        send(world, "DELETE", path, &[], b"").await.status,
        404,
        "{path}"
    );
}
