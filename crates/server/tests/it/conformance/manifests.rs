//! Manifests of every shape: pushed, listed, read and deleted, by digest, by tag and with tag parameters.

use oci::{Algorithm, Digest};
use serde_json::json;

use super::content::{Content, Document, shapes, sparse};
use super::{REPOSITORY, blob_path, delete, fresh, is_there, push, send};
use crate::world::{Answer, IMAGE, World, admin};

fn path(reference: &str) -> String {
    format!("/v2/{REPOSITORY}/manifests/{reference}")
}

async fn put(world: &World, reference: &str, document: &Document) -> Answer {
    let headers = [("content-type", document.media_type)];
    send(world, "PUT", &path(reference), &headers, &document.bytes).await
}

/// Pushes everything; tags as parameters of the digest's address, or by an address each.
async fn push_all(world: &World, content: &Content, tag_parameters: bool) {
    for (digest, bytes) in &content.blobs {
        push(world, REPOSITORY, digest, bytes).await;
    }
    for (position, document) in content.documents.iter().enumerate() {
        let tags: Vec<&str> = content
            .tags
            .iter()
            .filter(|(_, on)| *on == position && tag_parameters)
            .map(|(tag, _)| tag.as_str())
            .collect();
        let parameters: Vec<String> = tags.iter().map(|tag| format!("tag={tag}")).collect();
        let reference = format!("{}?{}", document.digest, parameters.join("&"));
        let answer = put(world, &reference, document).await;
        accepted(world, content, document, &answer).await;
        let said: Vec<&str> = answer
            .header("oci-tag")
            .split(", ")
            .filter(|tag| !tag.is_empty())
            .collect();
        assert_eq!(said, tags, "{}", content.name);
    }
    for (tag, on) in &content.tags {
        if !tag_parameters {
            let document = &content.documents[*on];
            let answer = put(world, tag, document).await;
            accepted(world, content, document, &answer).await;
        }
    }
}

async fn accepted(world: &World, content: &Content, document: &Document, answer: &Answer) {
    assert_eq!(answer.status, 201, "{}: {}", content.name, answer.text());
    assert_eq!(
        answer.header("docker-content-digest"),
        document.digest.as_str()
    );
    let location = answer.header("location").to_owned();
    assert!(send(world, "GET", &location, &[], b"").await.body == document.bytes);
}

async fn read_all(world: &World, content: &Content) {
    let tags = send(
        world,
        "GET",
        &format!("/v2/{REPOSITORY}/tags/list"),
        &[],
        b"",
    )
    .await;
    let mut expected: Vec<&str> = content.tags.iter().map(|(tag, _)| tag.as_str()).collect();
    expected.sort_unstable();
    assert_eq!(tags.json()["tags"], json!(expected), "{}", content.name);
    let by_digest = content
        .documents
        .iter()
        .map(|document| (document.digest.to_string(), document));
    let by_tag = content
        .tags
        .iter()
        .map(|(tag, on)| (tag.clone(), &content.documents[*on]));
    for (reference, document) in by_digest.chain(by_tag) {
        for method in ["HEAD", "GET"] {
            let headers = [("accept", "application/vnd.oci.image.index.v1+json")];
            let answer = send(world, method, &path(&reference), &headers, b"").await;
            assert_eq!(answer.status, 200, "{}: {method} {reference}", content.name);
            assert_eq!(answer.header("content-type"), document.media_type);
            assert_eq!(
                answer.header("content-length"),
                document.bytes.len().to_string()
            );
            assert_eq!(
                answer.header("docker-content-digest"),
                document.digest.as_str()
            );
            let body: &[u8] = if method == "GET" {
                &document.bytes
            } else {
                b""
            };
            assert!(
                answer.body == body,
                "{}: {method} {reference}",
                content.name
            );
        }
    }
    for (digest, bytes) in &content.blobs {
        is_there(world, REPOSITORY, digest, bytes).await;
    }
}

/// Tags first, then parents before their children, then blobs.
async fn delete_all(world: &World, content: &Content) {
    for (tag, _) in &content.tags {
        delete(world, &path(tag)).await;
    }
    for document in content.documents.iter().rev() {
        delete(world, &path(document.digest.as_str())).await;
    }
    for (digest, _) in &content.blobs {
        delete(world, &blob_path(REPOSITORY, digest)).await;
    }
}

pub(crate) async fn every_shape_of_content_comes_and_goes(world: &mut World) {
    for content in shapes() {
        // A tag alone would name the same bytes by their SHA-256 digest.
        let needs_parameters = content.documents[0].digest.algorithm() == Algorithm::Sha512;
        for tag_parameters in [true, needs_parameters] {
            push_all(world, &content, tag_parameters).await;
            read_all(world, &content).await;
            delete_all(world, &content).await;
        }
    }
}

pub(crate) async fn sparse_content_comes_where_it_may(world: &mut World) {
    let content = sparse();
    push(world, REPOSITORY, &Digest::sha256(b"{}"), b"{}").await;
    let setting = format!("/api/v1/repositories/{REPOSITORY}/-/sparse");
    let set = async |word: serde_json::Value| {
        let request = world.request(&admin(), "PUT", &setting);
        let answer = Answer::of(request.json(&json!({ "sparse": word }))).await;
        assert_eq!(answer.status, 204, "{}", answer.text());
        assert_eq!(world.get(&admin(), &setting).await.json()["sparse"], word);
    };
    for (digest, bytes) in &content.blobs {
        push(world, REPOSITORY, digest, bytes).await;
    }
    for (word, accepted) in [
        (json!("none"), [400, 201, 400]),
        (json!(null), [400, 201, 201]),
        (json!("index"), [400, 201, 201]),
        (json!("all"), [201, 201, 201]),
    ] {
        set(word.clone()).await;
        for (document, status) in content.documents.iter().zip(accepted) {
            let answer = put(world, document.digest.as_str(), document).await;
            assert_eq!(answer.status, status, "{word}: {}", answer.text());
        }
        for document in content.documents.iter().rev() {
            send(world, "DELETE", &path(document.digest.as_str()), &[], b"").await;
        }
    }
    push_all(world, &content, true).await;
    read_all(world, &content).await;
    delete_all(world, &content).await;
    let request = world.request(&admin(), "PUT", &setting);
    let answer = Answer::of(request.json(&json!({ "sparse": "some" }))).await;
    assert_eq!(answer.status, 422, "{}", answer.text());
}

pub(crate) async fn what_no_manifest_is_named_by_is_an_error(world: &mut World) {
    let mut content = Content::new("an image", Algorithm::Sha256);
    content.image(1, &json!({}));
    for (digest, bytes) in &content.blobs {
        push(world, REPOSITORY, digest, bytes).await;
    }
    let document = &content.documents[0];
    for wrong in [
        "sha256:baddigeststring",
        "sha384:00",
        Digest::sha256(b"other").as_str(),
    ] {
        put(world, wrong, document)
            .await
            .error(400, "DIGEST_INVALID");
    }
    let answer = send(world, "GET", &path("sha256:baddigeststring"), &[], b"").await;
    answer.error(400, "DIGEST_INVALID");
    let mut padded = document.bytes.clone();
    padded.extend(b"  ");
    let headers = [("content-type", IMAGE)];
    let answer = send(
        world,
        "PUT",
        &path(document.digest.as_str()),
        &headers,
        &padded,
    )
    .await;
    answer.error(400, "DIGEST_INVALID");
    for missing in [Digest::sha256(&fresh(9)).to_string(), "missing".to_owned()] {
        for method in ["GET", "DELETE"] {
            let answer = send(world, method, &path(&missing), &[], b"").await;
            answer.error(404, "MANIFEST_UNKNOWN");
        }
    }
}
