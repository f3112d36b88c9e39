//! Mirroring.

use oci::Digest;
use serde_json::{Value, json};

use super::scripted::{Scripted, manifest, reply};
use super::{cache, cache_of, pair};
use crate::world::{
    Answer, IMAGE, INDEX, World, admin, artifact, eventually, image_with, index_of,
};

async fn mirror(world: &World, more: &Value) {
    let mut body = json!({ "repository": "copies/app", "upstream": "hub", "source": "app" });
    for (key, value) in more.as_object().expect("an object") {
        body[key] = value.clone();
    }
    let request = world.request(&admin(), "POST", "/api/v1/mirrors");
    let answer = Answer::of(request.json(&body)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

/// Runs the mirror and returns what it says about itself afterwards.
async fn run(world: &World) -> Value {
    let path = "/api/v1/mirrors/copies/app/-";
    let before = world.get(&admin(), path).await.json()["last"]["finishedAt"].clone();
    let answer = world
        .send(&admin(), "POST", "/api/v1/mirrors/copies/app/-/run")
        .await;
    assert_eq!(answer.status, 202, "{answer:?}");
    eventually(async || {
        let mirror = world.get(&admin(), path).await.json();
        (mirror["last"]["finishedAt"] != before).then_some(mirror)
    })
    .await
}

pub(crate) async fn a_mirror_copies_everything_that_belongs_to_an_image(world: &mut World) {
    let mut upstream = pair(world).await;
    let (one, two) = (image_with("zlib1g", "1.2.13"), image_with("bash", "5.2"));
    let subject = upstream.push_image("app", "v1", &one).await;
    upstream.push_image("app", "v2", &two).await;
    let index = index_of(&[
        (&one.manifest(), "linux/amd64"),
        (&two.manifest(), "linux/arm64"),
    ]);
    let sbom = artifact("application/spdx+json", Some(&one.manifest()), &[]);
    let about_sbom = artifact("application/vnd.example.note", Some(&sbom), &[]);
    let signature = artifact("application/vnd.example.signature", None, &[]);
    upstream.push_blob(&admin(), "app", b"{}").await;
    let signature_tag = subject.as_str().replace(':', "-") + ".sig";
    for (reference, media_type, bytes) in [
        ("both".to_owned(), INDEX, &index),
        (Digest::sha256(&sbom).to_string(), IMAGE, &sbom),
        (Digest::sha256(&about_sbom).to_string(), IMAGE, &about_sbom),
        (signature_tag.clone(), IMAGE, &signature),
    ] {
        let answer = upstream
            .put(&admin(), "app", &reference, media_type, bytes)
            .await;
        assert_eq!(answer.status, 201, "{answer:?}");
    }
    cache_of(world, &upstream, &json!({ "namespace": null })).await;
    mirror(world, &json!({ "cron": "0 3 * * *" })).await;
    let ran = run(world).await;
    assert_eq!(ran["last"]["outcome"], "ok", "{ran}");
    assert_eq!(ran["last"]["report"]["copied"], 3, "{ran}");

    // A second run has nothing to do but to look for new signatures.
    let late = artifact("application/vnd.example.late", Some(&two.manifest()), &[]);
    let reference = Digest::sha256(&late).to_string();
    let answer = upstream
        .put(&admin(), "app", &reference, IMAGE, &late)
        .await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let ran = run(world).await;
    assert_eq!(ran["last"]["report"]["unchanged"], 3, "{ran}");
    assert_eq!(ran["last"]["report"]["manifests"], 1, "{ran}");

    upstream.stop().await;
    for (reference, bytes) in [
        ("v1".to_owned(), one.manifest()),
        ("both".to_owned(), index),
        (Digest::sha256(&about_sbom).to_string(), about_sbom),
        (signature_tag, signature),
        (reference, late),
    ] {
        let path = format!("/v2/copies/app/manifests/{reference}");
        let answer = world.get(&admin(), &path).await;
        assert_eq!((answer.status, &answer.body), (200, &bytes), "{reference}");
    }
    for layer in one.layers.iter().chain(&two.layers) {
        let path = format!("/v2/copies/app/blobs/{}", Digest::sha256(&layer.bytes));
        assert_eq!(world.get(&admin(), &path).await.body, layer.bytes);
    }
    let path = format!("/v2/copies/app/referrers/{subject}");
    let listed = world.get(&admin(), &path).await.json();
    assert_eq!(
        listed["manifests"][0]["artifactType"],
        "application/spdx+json"
    );

    // With the upstream gone a run fails, says so, and takes nothing away.
    let ran = run(world).await;
    assert_eq!(ran["last"]["outcome"], "failed", "{ran}");
    let tags = world.get(&admin(), "/v2/copies/app/tags/list").await.json();
    assert!(
        tags["tags"]
            .as_array()
            .expect("tags")
            .contains(&json!("v2"))
    );
}

pub(crate) async fn a_filter_chooses_and_a_dry_run_changes_nothing(world: &mut World) {
    let upstream = pair(world).await;
    let image = image_with("zlib1g", "1.2.13");
    for tag in ["v1.2", "v1.10", "v1.9", "latest"] {
        upstream.push_image("app", tag, &image).await;
    }
    cache_of(world, &upstream, &json!({ "namespace": null })).await;
    let filter = json!({ "tags": ["v*"], "newest": 2, "prune": true });
    mirror(world, &json!({ "filter": filter })).await;
    let plan = "/api/v1/mirrors/copies/app/-/plan";
    let planned = world.get(&admin(), plan).await.json();
    let steps: Vec<_> = planned["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .map(|step| (step["tag"].clone(), step["kind"].clone()))
        .collect();
    assert_eq!(
        steps,
        [
            (json!("v1.10"), json!("copy")),
            (json!("v1.9"), json!("copy"))
        ]
    );
    let tags = async || {
        let answer = world.get(&admin(), "/v2/copies/app/tags/list").await;
        answer.json()["tags"].clone()
    };
    assert_eq!(tags().await, json!([]));
    run(world).await;
    assert_eq!(tags().await, json!(["v1.10", "v1.9"]));

    // A newer one pushes the oldest out; what history holds can bring it back.
    upstream.push_image("app", "v1.11", &image).await;
    let ran = run(world).await;
    assert_eq!(ran["last"]["report"]["ended"], 1, "{ran}");
    assert_eq!(tags().await, json!(["v1.10", "v1.11"]));
}

pub(crate) async fn one_tag_that_fails_does_not_stop_the_others(world: &mut World) {
    world.may_reach("127.0.0.1").await;
    let (good, bad) = (image_with("zlib1g", "1.2.13"), image_with("bash", "5.2"));
    let bytes = [good.manifest(), bad.manifest()];
    let (config, layer) = (good.config(), good.layers[0].bytes.clone());
    let [config_digest, layer_digest] =
        [&config, &layer].map(|bytes| Digest::sha256(bytes).to_string());
    let digests = [&bytes[0], &bytes[1]].map(|bytes| Digest::sha256(bytes).to_string());
    let upstream = Scripted::new(move |seen| {
        let names = |text: &str| seen.path.ends_with(text);
        if seen.path.contains("/tags/list") {
            reply(200, &[], br#"{"tags":["a-bad","b-good","not a tag"]}"#)
        } else if names("/b-good") || names(&digests[0]) && seen.path.contains("manifests") {
            manifest(&bytes[0])
        } else if names("/a-bad") || names(&digests[1]) && seen.path.contains("manifests") {
            manifest(&bytes[1])
        } else if names(&config_digest) {
            reply(200, &[], &config)
        } else if names(&layer_digest) {
            reply(200, &[], &layer)
        } else {
            // The blobs of the bad image are gone.
            reply(404, &[], b"")
        }
    })
    .await;
    let answer = cache(world, &upstream.url(), &json!({ "namespace": null })).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    mirror(world, &json!({})).await;
    let ran = run(world).await;
    assert_eq!(ran["last"]["outcome"], "partial", "{ran}");
    assert_eq!(ran["last"]["report"]["copied"], 1, "{ran}");
    assert!(
        ran["last"]["report"]["failures"]["a-bad"].is_string(),
        "{ran}"
    );
    let tags = world.get(&admin(), "/v2/copies/app/tags/list").await.json();
    assert_eq!(tags["tags"], json!(["b-good"]));
}

pub(crate) async fn nothing_is_pushed_into_a_mirror(world: &mut World) {
    let upstream = pair(world).await;
    let image = image_with("zlib1g", "1.2.13");
    upstream.push_image("app", "v1", &image).await;
    cache_of(world, &upstream, &json!({ "namespace": null })).await;
    mirror(world, &json!({})).await;
    run(world).await;
    let answer = world
        .put(&admin(), "copies/app", "v1", IMAGE, &image.manifest())
        .await;
    let error = answer.error(403, "DENIED");
    assert!(
        error["message"]
            .as_str()
            .expect("words")
            .contains("is a mirror"),
        "{error}"
    );

    let conflict = world
        .send(&admin(), "DELETE", "/api/v1/upstreams/hub")
        .await;
    assert_eq!(conflict.status, 409, "{conflict:?}");
    let ended = world
        .send(&admin(), "DELETE", "/api/v1/mirrors/copies/app/-")
        .await;
    assert_eq!(ended.status, 204, "{ended:?}");
    let answer = world
        .put(&admin(), "copies/app", "v2", IMAGE, &image.manifest())
        .await;
    assert_eq!(answer.status, 201, "{answer:?}");
}
