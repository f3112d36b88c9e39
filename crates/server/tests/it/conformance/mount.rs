//! Blobs that another repository has already.

use oci::Digest;

use super::{ALGORITHMS, OTHER, REPOSITORY, blob_path, delete, fresh, is_there, push, send};
use crate::world::World;

pub(crate) async fn a_blob_is_mounted_with_and_without_its_source(world: &mut World) {
    for algorithm in ALGORITHMS {
        for from in [format!("&from={OTHER}"), String::new()] {
            let bytes = fresh(512);
            let digest = Digest::compute(algorithm, &bytes);
            push(world, OTHER, &digest, &bytes).await;
            let path = format!("/v2/{REPOSITORY}/blobs/uploads/?mount={digest}{from}");
            let answer = send(world, "POST", &path, &[], b"").await;
            assert_eq!(answer.status, 201, "{from}: {}", answer.text());
            assert_eq!(answer.header("location"), blob_path(REPOSITORY, &digest));
            assert_eq!(answer.header("docker-content-digest"), digest.as_str());
            is_there(world, REPOSITORY, &digest, &bytes).await;
            // Each repository has the blob for itself.
            delete(world, &blob_path(OTHER, &digest)).await;
            is_there(world, REPOSITORY, &digest, &bytes).await;
            delete(world, &blob_path(REPOSITORY, &digest)).await;
        }
    }
}

pub(crate) async fn a_mount_of_what_is_not_there_opens_a_session(world: &mut World) {
    push(world, OTHER, &Digest::sha256(b"{}"), b"{}").await;
    for algorithm in ALGORITHMS {
        for from in [
            format!("&from={OTHER}"),
            "&from=conformance/never".to_owned(),
            String::new(),
        ] {
            let bytes = fresh(512);
            let digest = Digest::compute(algorithm, &bytes);
            let path = format!("/v2/{REPOSITORY}/blobs/uploads/?mount={digest}{from}");
            let answer = send(world, "POST", &path, &[], b"").await;
            assert_eq!(answer.status, 202, "{from}: {}", answer.text());
            let path = format!("{}?digest={digest}", answer.header("location"));
            assert_eq!(send(world, "PUT", &path, &[], &bytes).await.status, 201);
            is_there(world, REPOSITORY, &digest, &bytes).await;
        }
    }
}
