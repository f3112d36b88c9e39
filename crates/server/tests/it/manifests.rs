//! Manifests: what is accepted, what comes back, what is deleted, what refers to what.

use oci::{Algorithm, Digest};
use serde_json::json;

use crate::world::{Answer, EMPTY, IMAGE, INDEX, World, admin, artifact, image_with, index_of};

pub(crate) async fn a_manifest_comes_back_byte_for_byte(world: &mut World) {
    let image = image_with("zlib1g", "1");
    // Unknown fields and odd spacing are kept: the bytes are the truth.
    let mut text = String::from_utf8(image.manifest()).unwrap();
    text.insert_str(1, "  \"x-unknown\" : [1,\n 2],");
    let digest = Digest::sha256(text.as_bytes());
    world.push_image("team/app", "first", &image).await;
    let type_with_parameter = format!("{IMAGE}; charset=utf-8");
    let answer = world
        .put(
            &admin(),
            "team/app",
            "1.0",
            &type_with_parameter,
            text.as_bytes(),
        )
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(
        answer.header("location"),
        format!("/v2/team/app/manifests/{digest}")
    );
    assert_eq!(answer.header("docker-content-digest"), digest.as_str());
    for reference in ["1.0", digest.as_str(), &digest.as_str().replace(':', "%3A")] {
        let path = format!("/v2/team/app/manifests/{reference}");
        for method in ["GET", "HEAD"] {
            let request = world
                .request(&admin(), method, &path)
                .header("accept", "text/html");
            let answer = Answer::of(request).await;
            assert_eq!(answer.status, 200);
            assert_eq!(answer.header("content-type"), IMAGE);
            assert_eq!(answer.header("docker-content-digest"), digest.as_str());
            assert_eq!(answer.header("content-length"), text.len().to_string());
            assert_eq!(answer.header("etag"), format!("\"{digest}\""));
            assert_eq!(answer.text(), if method == "GET" { &text } else { "" });
        }
        for etag in [
            format!("\"{digest}\""),
            digest.to_string(),
            format!("W/\"{digest}\", \"x\""),
        ] {
            let request = world
                .request(&admin(), "GET", &path)
                .header("if-none-match", etag);
            let answer = Answer::of(request).await;
            assert_eq!((answer.status, answer.body.len()), (304, 0));
        }
    }
    let other = world
        .request(&admin(), "GET", "/v2/team/app/manifests/1.0")
        .header("if-none-match", "\"sha256:0\"");
    assert_eq!(Answer::of(other).await.status, 200);
    for (reference, status, code) in [
        ("none", 404, "MANIFEST_UNKNOWN"),
        ("-bad", 404, "MANIFEST_UNKNOWN"),
        ("sha256:zz", 400, "DIGEST_INVALID"),
    ] {
        for method in ["GET", "DELETE"] {
            let path = format!("/v2/team/app/manifests/{reference}");
            world
                .send(&admin(), method, &path)
                .await
                .error(status, code);
        }
    }
}

pub(crate) async fn what_is_no_manifest_is_refused(world: &mut World) {
    let image = image_with("zlib1g", "1");
    world.push_image("team/app", "1", &image).await;
    let good = String::from_utf8(image.manifest()).unwrap();
    let schema1 = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    for (media_type, body) in [
        (schema1, good.clone()),
        ("application/json", r#"{"schemaVersion":2}"#.to_owned()),
        ("text/html", "<html>".to_owned()),
        (IMAGE, "not json".to_owned()),
        (IMAGE, format!("{good} trailing")),
        (IMAGE, format!("\u{feff}{good}")),
        (INDEX, good.clone()),
        (
            IMAGE,
            good.replacen("\"schemaVersion\":2", "\"schemaVersion\":1", 1),
        ),
        (IMAGE, good.replacen('{', "{\"layers\":[],", 1)),
        (IMAGE, good.replacen('{', "{\"manifests\":[],", 1)),
        (IMAGE, good.replacen("sha256:", "sha256:zz", 1)),
        (IMAGE, "[".repeat(100_000)),
    ] {
        let answer = world
            .put(&admin(), "team/app", "2", media_type, body.as_bytes())
            .await;
        answer.error(400, "MANIFEST_INVALID");
    }
    let wrong = Digest::sha256(b"other");
    let answer = world
        .put(&admin(), "team/app", wrong.as_str(), IMAGE, good.as_bytes())
        .await;
    answer.error(400, "DIGEST_INVALID");
    let answer = world
        .put(&admin(), "team/app", "-x", IMAGE, good.as_bytes())
        .await;
    answer.error(400, "MANIFEST_INVALID");
    let large = format!("{good}{}", " ".repeat(4 << 20));
    let answer = world
        .put(&admin(), "team/app", "2", IMAGE, large.as_bytes())
        .await;
    answer.error(413, "MANIFEST_INVALID");
    let padded = format!("{good}{}", " ".repeat(3_900_000 - good.len()));
    let answer = world
        .put(&admin(), "team/app", "2", IMAGE, padded.as_bytes())
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text());
}

pub(crate) async fn a_manifest_needs_its_blobs(world: &mut World) {
    let image = image_with("zlib1g", "1");
    let layer = image.layers[0].digest();
    // Another repository's blob is not this one's.
    world
        .push_blob(&admin(), "team/other", &image.layers[0].bytes)
        .await;
    world.push_blob(&admin(), "team/app", &image.config()).await;
    let answer = world
        .put(&admin(), "team/app", "1", IMAGE, &image.manifest())
        .await;
    let error = answer.error(400, "MANIFEST_BLOB_UNKNOWN");
    assert_eq!(error["detail"]["missing"], json!([layer]));
    world
        .get(&admin(), "/v2/team/app/manifests/1")
        .await
        .error(404, "MANIFEST_UNKNOWN");
    world
        .push_blob(&admin(), "team/app", &image.layers[0].bytes)
        .await;
    let text = String::from_utf8(image.manifest()).unwrap();
    let size = format!("\"size\":{}", image.layers[0].bytes.len());
    let lying = text.replacen(&size, "\"size\":1", 1);
    assert_ne!(lying, text);
    let answer = world
        .put(&admin(), "team/app", "1", IMAGE, lying.as_bytes())
        .await;
    answer.error(400, "SIZE_INVALID");
}

pub(crate) async fn several_tags_arrive_with_one_push(world: &mut World) {
    let image = image_with("zlib1g", "1");
    world.push_image("team/app", "1", &image).await;
    let digest = Digest::compute(Algorithm::Sha512, &image.manifest());
    let tags: Vec<String> = (0..12).map(|n| format!("t{n}")).collect();
    let query: Vec<String> = tags.iter().map(|tag| format!("tag={tag}")).collect();
    let reference = format!("{digest}?{}", query.join("&"));
    let answer = world
        .put(&admin(), "team/app", &reference, IMAGE, &image.manifest())
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.header("oci-tag"), tags.join(", "));
    for tag in &tags {
        let answer = world
            .send(&admin(), "HEAD", &format!("/v2/team/app/manifests/{tag}"))
            .await;
        assert_eq!(answer.header("docker-content-digest"), digest.as_str());
    }
    let many: Vec<String> = (0..65).map(|n| format!("tag=n{n}")).collect();
    let reference = format!("{digest}?{}", many.join("&"));
    let answer = world
        .put(&admin(), "team/app", &reference, IMAGE, &image.manifest())
        .await;
    answer.error(414, "UNSUPPORTED");
    let reference = format!("{digest}?tag=good&tag=-bad");
    let answer = world
        .put(&admin(), "team/app", &reference, IMAGE, &image.manifest())
        .await;
    answer.error(400, "MANIFEST_INVALID");
    world
        .get(&admin(), "/v2/team/app/manifests/good")
        .await
        .error(404, "MANIFEST_UNKNOWN");
}

pub(crate) async fn deletes_are_seen_at_once(world: &mut World) {
    let image = image_with("zlib1g", "1");
    let digest = world.push_image("team/app", "1", &image).await;
    world.push_image("team/app", "2", &image).await;
    let index = index_of(&[(&image.manifest(), "linux/amd64")]);
    assert_eq!(
        world
            .put(&admin(), "team/app", "multi", INDEX, &index)
            .await
            .status,
        201
    );
    let path = |reference: &str| format!("/v2/team/app/manifests/{reference}");
    let error = world
        .send(&admin(), "DELETE", &path(digest.as_str()))
        .await
        .error(405, "DENIED");
    let parent = Digest::sha256(&index);
    assert!(error["message"].as_str().unwrap().contains(parent.as_str()));
    assert_eq!(world.send(&admin(), "DELETE", &path("1")).await.status, 202);
    world
        .get(&admin(), &path("1"))
        .await
        .error(404, "MANIFEST_UNKNOWN");
    assert_eq!(world.get(&admin(), &path("2")).await.status, 200);
    assert_eq!(
        world
            .send(&admin(), "DELETE", &path(parent.as_str()))
            .await
            .status,
        202
    );
    assert_eq!(
        world
            .send(&admin(), "DELETE", &path(digest.as_str()))
            .await
            .status,
        202
    );
    for reference in ["2", "multi", digest.as_str(), parent.as_str()] {
        world
            .get(&admin(), &path(reference))
            .await
            .error(404, "MANIFEST_UNKNOWN");
        world
            .send(&admin(), "DELETE", &path(reference))
            .await
            .error(404, "MANIFEST_UNKNOWN");
    }
    let layer = format!("/v2/team/app/blobs/{}", image.layers[0].digest());
    assert_eq!(world.send(&admin(), "DELETE", &layer).await.status, 202);
}

pub(crate) async fn referrers_are_an_index_and_never_missing(world: &mut World) {
    let image = image_with("zlib1g", "1");
    let digest = world.push_image("team/app", "1", &image).await;
    world.push_blob(&admin(), "team/app", b"{}").await;
    let path = format!("/v2/team/app/referrers/{digest}");
    let empty = world.get(&admin(), &path).await;
    assert_eq!((empty.status, empty.header("content-type")), (200, INDEX));
    assert_eq!(empty.json()["manifests"], json!([]));
    for (number, kind) in ["application/spdx", "application/sig"].iter().enumerate() {
        let bytes = artifact(kind, Some(&image.manifest()), &[(EMPTY, b"{}")]);
        let answer = world
            .put(&admin(), "team/app", &format!("r{number}"), IMAGE, &bytes)
            .await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(answer.header("oci-subject"), digest.as_str());
    }
    let all = world.get(&admin(), &path).await.json();
    assert_eq!(all["manifests"].as_array().unwrap().len(), 2);
    let answer = world
        .get(&admin(), &format!("{path}?artifactType=application/sig"))
        .await;
    assert_eq!(answer.header("oci-filters-applied"), "artifactType");
    let some = answer.json();
    assert_eq!(some["manifests"].as_array().unwrap().len(), 1);
    assert_eq!(some["manifests"][0]["artifactType"], "application/sig");
    let absent = format!("/v2/team/app/referrers/{}", Digest::sha256(b"never"));
    assert_eq!(
        world.get(&admin(), &absent).await.json()["manifests"],
        json!([])
    );
    world
        .get(&admin(), "/v2/team/app/referrers/sha256:zz")
        .await
        .error(400, "DIGEST_INVALID");
    let flood = format!("{path}?{}", "artifactType=a&".repeat(2_000));
    world.get(&admin(), &flood).await.error(414, "UNSUPPORTED");
}

pub(crate) async fn absurd_sizes_are_only_words(world: &mut World) {
    world.push_blob(&admin(), "team/app", b"{}").await;
    let child = |text: &str| json!({ "mediaType": IMAGE, "digest": Digest::sha256(text.as_bytes()), "size": i64::MAX });
    let index =
        json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [child("a"), child("b")] });
    let body = index.to_string();
    let answer = world
        .put(&admin(), "team/app", "1", INDEX, body.as_bytes())
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let tags = world
        .get(&admin(), "/api/v1/repositories/team/app/-/tags")
        .await;
    assert_eq!(tags.status, 200, "{}", tags.text());
}
