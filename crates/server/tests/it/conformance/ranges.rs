//! Parts of blobs.

use oci::Digest;

use super::{ALGORITHMS, REPOSITORY, blob_path, fresh, push, send};
use crate::world::World;

pub(crate) async fn a_part_of_a_blob_is_exactly_that_part(world: &mut World) {
    const LEN: usize = 2_048;
    for algorithm in ALGORITHMS {
        let bytes = fresh(LEN);
        let digest = Digest::compute(algorithm, &bytes);
        push(world, REPOSITORY, &digest, &bytes).await;
        let path = blob_path(REPOSITORY, &digest);
        for (range, part) in [
            ("bytes=500-1499", Some(500..1_500)),
            ("bytes=500-", Some(500..LEN)),
            ("bytes=-500", Some(LEN - 500..LEN)),
            ("bytes=2000-5000", Some(2_000..LEN)),
            ("bytes=0-0", Some(0..1)),
            ("bytes=2047-2047", Some(2_047..LEN)),
            ("bytes=-99999", Some(0..LEN)),
            ("bytes=500-0", None),
            ("bytes=5000-10000", None),
            ("bytes=2048-", None),
            ("bytes=-0", None),
        ] {
            // What a client would accept compressed is sent as it is.
            let headers = [("range", range), ("accept-encoding", "gzip, zstd")];
            let answer = send(world, "GET", &path, &headers, b"").await;
            assert_eq!(answer.header("content-encoding"), "");
            let Some(part) = part else {
                assert_eq!(answer.status, 416, "{range}");
                assert_eq!(answer.header("content-range"), format!("bytes */{LEN}"));
                continue;
            };
            assert_eq!(answer.status, 206, "{range}");
            let said = format!("bytes {}-{}/{LEN}", part.start, part.end - 1);
            assert_eq!(answer.header("content-range"), said);
            assert_eq!(answer.header("content-length"), part.len().to_string());
            assert!(answer.body == bytes[part], "{range}");
        }
        for range in ["bytes=0-1,5-6", "bytes=x-", "bytes", "items=0-1"] {
            let answer = send(world, "GET", &path, &[("range", range)], b"").await;
            assert_eq!((answer.status, answer.body.len()), (200, LEN), "{range}");
        }
    }
}
