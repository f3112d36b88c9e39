//! What refers to a manifest: listed whole, filtered, by pages, before the subject is there and after.

use oci::{Algorithm, Digest};
use serde_json::{Value, json};

use super::content::{Content, EXAMPLE};
use super::{REPOSITORY, fresh, push, send};
use crate::world::{INDEX, World};

fn path(subject: &str) -> String {
    format!("/v2/{REPOSITORY}/referrers/{subject}")
}

async fn list(world: &World, path: &str) -> Vec<Value> {
    let answer = send(world, "GET", path, &[], b"").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), INDEX);
    let index = answer.json();
    assert_eq!(index["schemaVersion"], 2);
    assert_eq!(index["mediaType"], INDEX);
    index["manifests"].as_array().expect("a list").clone()
}

async fn push_all(world: &World, content: &Content, subject: &Value) {
    for (digest, bytes) in &content.blobs {
        push(world, REPOSITORY, digest, bytes).await;
    }
    for document in &content.documents {
        let reference = format!("/v2/{REPOSITORY}/manifests/{}", document.digest);
        let headers = [("content-type", document.media_type)];
        let answer = send(world, "PUT", &reference, &headers, &document.bytes).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        if document
            .bytes
            .windows(9)
            .any(|window| window == b"\"subject\"")
        {
            assert_eq!(answer.header("oci-subject"), subject["digest"]);
        }
    }
}

pub(crate) async fn a_name_nobody_has_yet_has_no_referrers(world: &mut World) {
    for subject in [
        Digest::sha256(&fresh(5)),
        Digest::compute(Algorithm::Sha512, &fresh(5)),
    ] {
        assert!(list(world, &path(subject.as_str())).await.is_empty());
    }
    let answer = send(world, "GET", &path("sha256:zz"), &[], b"").await;
    answer.error(400, "DIGEST_INVALID");
    // Asking made no repository.
    let tags = send(
        world,
        "GET",
        &format!("/v2/{REPOSITORY}/tags/list"),
        &[],
        b"",
    )
    .await;
    tags.error(404, "NAME_UNKNOWN");
}

pub(crate) async fn referrers_are_described_as_they_describe_themselves(world: &mut World) {
    for algorithm in super::ALGORITHMS {
        let mut content = Content::new("an image and its referrers", algorithm);
        let subject = content.image(1, &json!({}));
        let subject_field = json!({ "subject": subject });
        let plain = content.image(1, &subject_field);
        let notes = json!({ "org.example": "hello" });
        let artifact = content.artifact(&json!({ "subject": subject, "annotations": notes }));
        let other =
            content.artifact(&json!({ "subject": subject, "artifactType": "application/x.other" }));
        let index = content.index(&[], &subject_field);
        let typed = content.index(
            &[],
            &json!({ "subject": subject, "artifactType": EXAMPLE, "annotations": notes }),
        );
        push_all(world, &content, &subject).await;

        let expected = |descriptor: &Value, kind: Option<&str>, notes: Option<&Value>| {
            let mut expected = descriptor.clone();
            if let Some(kind) = kind {
                expected["artifactType"] = json!(kind);
            }
            if let Some(notes) = notes {
                expected["annotations"] = notes.clone();
            }
            expected
        };
        let config = "application/vnd.oci.image.config.v1+json";
        let mut all = vec![
            expected(&plain, Some(config), None),
            expected(&artifact, Some(EXAMPLE), Some(&notes)),
            expected(&other, Some("application/x.other"), None),
            expected(&index, None, None),
            expected(&typed, Some(EXAMPLE), Some(&notes)),
        ];
        all.sort_by_key(|descriptor| descriptor["digest"].to_string());
        let subject = path(subject["digest"].as_str().expect("a digest"));
        assert_eq!(list(world, &subject).await, all);

        for (query, kinds) in [
            (
                format!("artifactType={EXAMPLE}").replace('+', "%2B"),
                vec![EXAMPLE],
            ),
            (
                "artifactType=application/x.other&artifactType=none".to_owned(),
                vec!["application/x.other"],
            ),
            (
                format!("artifactType={config}&artifactType=application/x.other")
                    .replace('+', "%2B"),
                vec![config, "application/x.other"],
            ),
            ("artifactType=none".to_owned(), vec![]),
        ] {
            let answer = send(world, "GET", &format!("{subject}?{query}"), &[], b"").await;
            assert_eq!(answer.header("oci-filters-applied"), "artifactType");
            let wanted: Vec<Value> = all
                .iter()
                .filter(|descriptor| kinds.iter().any(|kind| descriptor["artifactType"] == *kind))
                .cloned()
                .collect();
            assert_eq!(answer.json()["manifests"], json!(wanted), "{query}");
        }
    }
}

pub(crate) async fn referrers_come_in_pages(world: &mut World) {
    let mut content = Content::new("referrers of what is not there", Algorithm::Sha256);
    let subject = json!({ "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": Digest::sha256(&fresh(7)), "size": 7 });
    // Three whose annotations together are more than a page may carry, and four small ones.
    for number in 0..7 {
        let note = "\u{1}".repeat(if number < 3 { 500_000 } else { 1 });
        content.artifact(&json!({ "subject": subject, "annotations": { "note": note, "number": number.to_string() } }));
    }
    push_all(world, &content, &subject).await;
    let first = path(subject["digest"].as_str().expect("a digest"));
    let mut every: Vec<String> = content
        .documents
        .iter()
        .map(|document| document.digest.to_string())
        .collect();
    every.sort_unstable();
    for query in ["", "?n=1", "?n=2", "?n=3", "?n=1000"] {
        let mut page = format!("{first}{query}");
        let mut seen = Vec::new();
        loop {
            let answer = send(world, "GET", &page, &[], b"").await;
            assert!(answer.body.len() <= 4 << 20, "{} bytes", answer.body.len());
            for descriptor in answer.json()["manifests"].as_array().expect("a list") {
                seen.push(descriptor["digest"].as_str().expect("a digest").to_owned());
            }
            let link = answer.header("link");
            let Some((next, _)) = link
                .strip_prefix('<')
                .and_then(|link| link.split_once(">; rel=\"next\""))
            else {
                break;
            };
            next.clone_into(&mut page);
        }
        assert_eq!(seen, every, "{query}");
    }
    let none = send(world, "GET", &format!("{first}?n=0"), &[], b"").await;
    assert_eq!(
        (none.json()["manifests"].clone(), none.header("link")),
        (json!([]), "")
    );
    for wrong in ["n=-1", "n=x", "last=x"] {
        let answer = send(world, "GET", &format!("{first}?{wrong}"), &[], b"").await;
        assert_eq!(answer.status, 400, "{wrong}");
    }
}
