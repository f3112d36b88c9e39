//! Blobs: reading, mounting, deleting.

use oci::Digest;

use crate::world::{Answer, World, admin, image_with};

pub(crate) async fn a_blob_is_read_whole_in_part_and_by_head(world: &mut World) {
    let digest = world.push_blob(&admin(), "team/app", b"0123456789").await;
    let path = format!("/v2/team/app/blobs/{digest}");
    for method in ["GET", "HEAD"] {
        let answer = world.send(&admin(), method, &path).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-length"), "10");
        assert_eq!(answer.header("accept-ranges"), "bytes");
        assert_eq!(answer.header("docker-content-digest"), digest.as_str());
        assert_eq!(answer.header("etag"), format!("\"{digest}\""));
        assert_eq!(answer.header("content-type"), "application/octet-stream");
        let body = if method == "GET" { "0123456789" } else { "" };
        assert_eq!(answer.text(), body);
    }
    for (range, status, body, said) in [
        ("bytes=0-3", 206, "0123", "bytes 0-3/10"),
        ("bytes=7-", 206, "789", "bytes 7-9/10"),
        ("bytes=-2", 206, "89", "bytes 8-9/10"),
        ("bytes=8-500", 206, "89", "bytes 8-9/10"),
        ("bytes=10-", 416, "", "bytes */10"),
        ("bytes=500-0", 416, "", "bytes */10"),
        ("bytes=0-1,3-4", 200, "0123456789", ""),
        ("lines=1", 200, "0123456789", ""),
    ] {
        let request = world.request(&admin(), "GET", &path).header("range", range);
        let answer = Answer::of(request).await;
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (status, body),
            "{range}"
        );
        assert_eq!(answer.header("content-range"), said, "{range}");
    }
    let head = world
        .request(&admin(), "HEAD", &path)
        .header("range", "bytes=0-3");
    let answer = Answer::of(head).await;
    assert_eq!(
        (answer.status, answer.header("content-length")),
        (200, "10")
    );
    let empty = world.push_blob(&admin(), "team/app", b"").await;
    let answer = world
        .get(&admin(), &format!("/v2/team/app/blobs/{empty}"))
        .await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    let unknown = format!("/v2/team/app/blobs/{}", Digest::sha256(b"never"));
    world
        .get(&admin(), &unknown)
        .await
        .error(404, "BLOB_UNKNOWN");
    world
        .get(&admin(), "/v2/team/app/blobs/sha256:zz")
        .await
        .error(400, "DIGEST_INVALID");
}

pub(crate) async fn a_mount_needs_the_right_to_pull_the_source(world: &mut World) {
    let digest = world.push_blob(&admin(), "team/private", b"layer").await;
    world.push_blob(&admin(), "team/app", b"other").await;
    let writer = world.robot("writer", "team/app", "write").await;
    let mount = |query: String| format!("/v2/team/app/blobs/uploads/?mount={digest}{query}");
    for query in [
        "&from=team/private",
        "&from=team/missing",
        "&from=..%2f..",
        "",
    ] {
        let answer = world.send(&writer, "POST", &mount(query.into())).await;
        assert_eq!(answer.status, 202, "{query}: {}", answer.text());
        assert!(
            answer
                .header("location")
                .starts_with("/v2/team/app/blobs/uploads/")
        );
    }
    let read = format!("/v2/team/app/blobs/{digest}");
    world.get(&writer, &read).await.error(404, "BLOB_UNKNOWN");
    // Clients keep the token they asked for the target with: whether the source may be read, the catalog says.
    let narrow = world
        .token(&writer, &["repository:team/app:pull,push"])
        .await;
    let path = mount("&from=team/private".into());
    assert_eq!(world.send(&narrow, "POST", &path).await.status, 202);
    let narrow = world
        .token(&admin(), &["repository:team/app:pull,push"])
        .await;
    assert_eq!(world.send(&narrow, "POST", &path).await.status, 201);
    world
        .send(&admin(), "DELETE", &format!("/v2/team/app/blobs/{digest}"))
        .await;
    for query in ["&from=team/private", ""] {
        let answer = world.send(&admin(), "POST", &mount(query.into())).await;
        assert_eq!(answer.status, 201, "{query}");
        assert_eq!(answer.header("location"), read);
    }
    assert_eq!(world.get(&writer, &read).await.text(), "layer");
    let missing = format!(
        "/v2/team/app/blobs/uploads/?mount={}&from=team/private",
        Digest::sha256(b"never")
    );
    assert_eq!(world.send(&admin(), "POST", &missing).await.status, 202);
}

pub(crate) async fn a_blob_of_another_repository_is_unknown(world: &mut World) {
    let digest = world.push_blob(&admin(), "team/private", b"layer").await;
    world.push_blob(&admin(), "team/app", b"other").await;
    let writer = world.robot("writer", "team/app", "write").await;
    let path = format!("/v2/team/app/blobs/{digest}");
    for method in ["GET", "HEAD"] {
        assert_eq!(world.send(&writer, method, &path).await.status, 404);
    }
    let private = format!("/v2/team/private/blobs/{digest}");
    world
        .get(&writer, &private)
        .await
        .error(404, "NAME_UNKNOWN");
}

pub(crate) async fn a_referenced_blob_is_not_deleted(world: &mut World) {
    let image = image_with("zlib1g", "1");
    let manifest = world.push_image("team/app", "1", &image).await;
    let layer = image.layers[0].digest();
    let path = format!("/v2/team/app/blobs/{layer}");
    let error = world
        .send(&admin(), "DELETE", &path)
        .await
        .error(405, "DENIED");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains(manifest.as_str())
    );
    let digest = world.push_blob(&admin(), "team/app", b"loose").await;
    world.push_blob(&admin(), "team/other", b"loose").await;
    let path = format!("/v2/team/app/blobs/{digest}");
    assert_eq!(world.send(&admin(), "DELETE", &path).await.status, 202);
    assert_eq!(world.send(&admin(), "HEAD", &path).await.status, 404);
    world
        .send(&admin(), "DELETE", &path)
        .await
        .error(404, "BLOB_UNKNOWN");
    let elsewhere = format!("/v2/team/other/blobs/{digest}");
    assert_eq!(world.get(&admin(), &elsewhere).await.text(), "loose");
}
