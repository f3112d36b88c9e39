//! Pulling through a cache.

use std::time::Duration;

use oci::Digest;
use serde_json::json;

use super::scripted::{Scripted, manifest, reply};
use super::{cache, cache_of, pair};
use crate::world::{
    Answer, IMAGE, INDEX, World, admin, artifact, eventually, image_with, index_of,
};

/// Pulls an image as a client does: the manifest, then its configuration and layers.
async fn pull(world: &World, repository: &str, tag: &str) -> Vec<u8> {
    let path = format!("/v2/{repository}/manifests/{tag}");
    let answer = world.get(&admin(), &path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let manifest = answer.json();
    let layers = manifest["layers"].as_array().expect("layers").clone();
    for blob in layers.iter().chain([&manifest["config"]]) {
        let digest = blob["digest"].as_str().expect("a digest");
        let path = format!("/v2/{repository}/blobs/{digest}");
        let answer = world.get(&admin(), &path).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(Digest::sha256(&answer.body).as_str(), digest);
    }
    answer.body
}

pub(crate) async fn a_pull_fills_the_cache_and_the_next_needs_no_upstream(world: &mut World) {
    let mut upstream = pair(world).await;
    let image = image_with("zlib1g", "1.2.13");
    upstream.push_image("team/app", "v1", &image).await;
    cache_of(world, &upstream, &json!({})).await;

    let head = world
        .send(&admin(), "HEAD", "/v2/hub/team/app/manifests/v1")
        .await;
    assert_eq!(head.status, 200, "{head:?}");
    let ns = format!("/v2/hub/team/app/manifests/v1?ns={}", upstream.address());
    let named = world.get(&admin(), &ns).await;
    assert_eq!(named.status, 200, "{named:?}");
    assert_eq!(named.header("oci-namespace"), upstream.address());
    let other = world
        .get(&admin(), "/v2/hub/team/app/manifests/v1?ns=quay.io")
        .await;
    other.error(404, "NAME_UNKNOWN");

    assert_eq!(pull(world, "hub/team/app", "v1").await, image.manifest());
    let tags = world.get(&admin(), "/v2/hub/team/app/tags/list").await;
    assert_eq!(tags.json()["tags"], json!(["v1"]));

    upstream.stop().await;
    assert_eq!(pull(world, "hub/team/app", "v1").await, image.manifest());
    let digest = Digest::sha256(&image.manifest());
    let path = format!("/v2/hub/team/app/manifests/{digest}");
    assert_eq!(world.get(&admin(), &path).await.status, 200);
    // What was never pulled cannot be had, and is not said to be missing.
    let unknown = world.get(&admin(), "/v2/hub/team/app/manifests/v2").await;
    unknown.error(502, "UNKNOWN");
}

pub(crate) async fn an_outage_serves_what_is_cached_and_says_so(world: &mut World) {
    let mut upstream = pair(world).await;
    let image = image_with("zlib1g", "1.2.13");
    upstream.push_image("app", "v1", &image).await;
    cache_of(world, &upstream, &json!({ "ttlSeconds": 0 })).await;
    pull(world, "hub/app", "v1").await;
    upstream.stop().await;

    let stale = world.get(&admin(), "/v2/hub/app/manifests/v1").await;
    assert_eq!(stale.status, 200, "{stale:?}");
    assert_eq!(stale.body, image.manifest());
    let warnings: Vec<_> = stale.headers.get_all("warning").iter().collect();
    let said = format!("{warnings:?}");
    assert!(
        said.contains("does not answer, this is what was cached"),
        "{said}"
    );
    let metrics = world.get(&admin(), "/metrics").await.text();
    assert!(
        metrics.contains(r#"tidegate_proxied_manifests_total{outcome="stale"} 1"#),
        "{metrics}"
    );

    for status in [500, 503, 429] {
        let scripted = Scripted::new(move |_| reply(status, &[], b"")).await;
        let body = json!({ "url": scripted.url(), "namespace": "hub", "ttlSeconds": 0 });
        let request = world.request(&admin(), "PUT", "/api/v1/upstreams/hub");
        let answer = Answer::of(request.json(&body)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let stale = world.get(&admin(), "/v2/hub/app/manifests/v1").await;
        assert_eq!(stale.status, 200, "{status}: {stale:?}");
    }
}

pub(crate) async fn simultaneous_pulls_fetch_once(world: &mut World) {
    world.may_reach("127.0.0.1").await;
    let image = image_with("zlib1g", "1.2.13");
    let (bytes, config) = (image.manifest(), image.config());
    let layer = image.layers[0].bytes.clone();
    let layer_digest = Digest::sha256(&layer).to_string();
    let (slow, wanted) = (layer.clone(), layer_digest.clone());
    let upstream = Scripted::new(move |seen| {
        if seen.path.contains("/manifests/v1") {
            return manifest(&bytes);
        }
        if seen.path.contains(&wanted) {
            std::thread::sleep(Duration::from_millis(150));
            return reply(200, &[], &slow);
        }
        if seen.path.contains("/blobs/") {
            return reply(200, &[], &config);
        }
        reply(404, &[], b"")
    })
    .await;
    let answer = cache(world, &upstream.url(), &json!({})).await;
    assert_eq!(answer.status, 201, "{answer:?}");

    let world = &*world;
    let manifests = (0..8).map(|_| async {
        let answer = world.get(&admin(), "/v2/hub/app/manifests/v1").await;
        assert_eq!(answer.status, 200, "{answer:?}");
    });
    futures::future::join_all(manifests).await;
    assert_eq!(upstream.count("GET", "/manifests/v1"), 1);

    let path = format!("/v2/hub/app/blobs/{layer_digest}");
    let blobs = (0..8).map(|turn| {
        let (path, layer) = (&path, &layer);
        async move {
            let mut request = world.request(&admin(), "GET", path);
            if turn % 2 == 1 {
                request = request.header("range", "bytes=1-3");
            }
            let answer = Answer::of(request).await;
            if turn % 2 == 1 {
                assert_eq!(answer.status, 206, "{answer:?}");
                assert_eq!(answer.body, layer[1..4]);
            } else {
                assert_eq!(answer.status, 200, "{answer:?}");
                assert_eq!(answer.body, *layer);
            }
        }
    });
    futures::future::join_all(blobs).await;
    assert_eq!(upstream.count("GET", &layer_digest), 1);
}

pub(crate) async fn a_second_replica_serves_what_the_first_fetched(world: &mut World) {
    let mut upstream = pair(world).await;
    let image = image_with("zlib1g", "1.2.13");
    upstream.push_image("app", "v1", &image).await;
    let mut replica = world.other_replica().await;
    cache_of(world, &upstream, &json!({})).await;
    pull(world, "hub/app", "v1").await;
    upstream.stop().await;
    // The replica hears of the new upstream within its settings' life; what is cached it needs none for.
    eventually(async || {
        let answer = replica.get(&admin(), "/v2/hub/app/manifests/v1").await;
        (answer.status == 200).then_some(())
    })
    .await;
    pull(&replica, "hub/app", "v1").await;
    replica.stop().await;
}

pub(crate) async fn a_moved_tag_is_followed_and_an_ended_one_ends(world: &mut World) {
    let upstream = pair(world).await;
    let (old, new) = (
        image_with("zlib1g", "1.2.13"),
        image_with("zlib1g", "1.3.1"),
    );
    upstream.push_image("app", "latest", &old).await;
    cache_of(world, &upstream, &json!({ "ttlSeconds": 0 })).await;
    assert_eq!(pull(world, "hub/app", "latest").await, old.manifest());
    upstream.push_image("app", "latest", &new).await;
    assert_eq!(pull(world, "hub/app", "latest").await, new.manifest());
    // The older image is still there by its digest.
    let path = format!("/v2/hub/app/manifests/{}", Digest::sha256(&old.manifest()));
    assert_eq!(world.get(&admin(), &path).await.status, 200);

    let answer = upstream
        .send(&admin(), "DELETE", "/v2/app/manifests/latest")
        .await;
    assert_eq!(answer.status, 202);
    let ended = world.get(&admin(), "/v2/hub/app/manifests/latest").await;
    ended.error(404, "MANIFEST_UNKNOWN");
}

pub(crate) async fn signatures_and_referrers_come_along(world: &mut World) {
    let mut upstream = pair(world).await;
    let image = image_with("zlib1g", "1.2.13");
    let subject = upstream.push_image("app", "v1", &image).await;
    let sbom = artifact("application/spdx+json", Some(&image.manifest()), &[]);
    let signature = artifact("application/vnd.example.signature", None, &[]);
    upstream.push_blob(&admin(), "app", b"{}").await;
    let referrer = Digest::sha256(&sbom);
    for (tag, bytes) in [
        (referrer.to_string(), &sbom),
        (subject.as_str().replace(':', "-") + ".sig", &signature),
    ] {
        let answer = upstream.put(&admin(), "app", &tag, IMAGE, bytes).await;
        assert_eq!(answer.status, 201, "{answer:?}");
    }
    cache_of(world, &upstream, &json!({})).await;
    pull(world, "hub/app", "v1").await;
    let path = format!("/v2/hub/app/referrers/{subject}");
    let listed = world.get(&admin(), &path).await;
    assert_eq!(listed.json()["manifests"][0]["digest"], referrer.as_str());
    upstream.stop().await;
    let path = format!(
        "/v2/hub/app/manifests/{}.sig",
        subject.as_str().replace(':', "-")
    );
    assert_eq!(world.get(&admin(), &path).await.body, signature);
    let path = format!("/v2/hub/app/manifests/{referrer}");
    assert_eq!(world.get(&admin(), &path).await.body, sbom);
}

pub(crate) async fn nothing_is_pushed_into_a_cache(world: &mut World) {
    let upstream = pair(world).await;
    upstream
        .push_image("app", "v1", &image_with("zlib1g", "1.2.13"))
        .await;
    cache_of(world, &upstream, &json!({})).await;
    pull(world, "hub/app", "v1").await;
    for (method, path) in [
        ("POST", "/v2/hub/app/blobs/uploads/"),
        ("POST", "/v2/hub/new/blobs/uploads/"),
        ("PUT", "/v2/hub/app/manifests/v2"),
    ] {
        let answer = world.send(&admin(), method, path).await;
        let error = answer.error(403, "DENIED");
        let said = error["message"].as_str().expect("words");
        assert!(said.contains("is a cache of"), "{said}");
    }
}

pub(crate) async fn names_that_are_not_allowed_are_not_asked_for(world: &mut World) {
    world.may_reach("127.0.0.1").await;
    let upstream = Scripted::new(|_| reply(404, &[], b"")).await;
    let lists = json!({ "allow": ["team/*"], "deny": ["team/secret"] });
    let answer = cache(world, &upstream.url(), &lists).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    for name in ["other/app", "team/secret", "team/a/b"] {
        let path = format!("/v2/hub/{name}/manifests/v1");
        world.get(&admin(), &path).await.error(403, "DENIED");
    }
    assert!(upstream.seen().is_empty());
    let path = "/v2/hub/team/app/manifests/v1";
    world.get(&admin(), path).await.error(404, "NAME_UNKNOWN");
    let asked = upstream.seen().len();
    assert!(asked > 0);
    // "Not there" is remembered for a moment.
    world.get(&admin(), path).await.error(404, "NAME_UNKNOWN");
    assert_eq!(upstream.seen().len(), asked);
    let listed = world.get(&admin(), "/v2/_catalog").await;
    assert_eq!(
        listed.json()["repositories"],
        json!([]),
        "a question makes no repository"
    );
}

pub(crate) async fn only_named_blobs_are_fetched(world: &mut World) {
    let upstream = pair(world).await;
    upstream
        .push_image("app", "v1", &image_with("zlib1g", "1.2.13"))
        .await;
    let stray = upstream
        .push_blob(&admin(), "app", b"no manifest names me")
        .await;
    cache_of(world, &upstream, &json!({})).await;
    pull(world, "hub/app", "v1").await;
    for method in ["GET", "HEAD"] {
        let path = format!("/v2/hub/app/blobs/{stray}");
        assert_eq!(world.send(&admin(), method, &path).await.status, 404);
    }
}

pub(crate) async fn a_cached_image_is_judged_like_a_pushed_one(world: &mut World) {
    let upstream = pair(world).await;
    let policy = "apiVersion: tidegate/v1\nkind: Policy\nmetadata: {name: house}\nspec:\n  mode: enforce\n  pending: {holdSeconds: 10}\n  rules:\n    - {id: no-telnet, when: package.deny, with: {packages: [\"pkg:deb/telnetd*\"]}, level: deny}\n";
    world.publish("house", policy).await;
    let (bad, good) = (image_with("telnetd", "1"), image_with("bash", "5.2"));
    let bad_digest = upstream.push_image("app", "bad", &bad).await;
    let good_digest = upstream.push_image("app", "good", &good).await;
    let index = index_of(&[
        (&bad.manifest(), "linux/amd64"),
        (&good.manifest(), "linux/arm64"),
    ]);
    let answer = upstream.put(&admin(), "app", "both", INDEX, &index).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    cache_of(world, &upstream, &json!({})).await;

    // The index names images that nobody has judged yet; each of them is judged when it is pulled.
    let answer = world.get(&admin(), "/v2/hub/app/manifests/both").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let path = format!("/v2/hub/app/manifests/{good_digest}");
    let answer = world.get(&admin(), &path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    for reference in [bad_digest.as_str(), "bad"] {
        let path = format!("/v2/hub/app/manifests/{reference}");
        let refused = world.get(&admin(), &path).await.error(403, "DENIED");
        assert_eq!(refused["detail"]["verdict"], "deny", "{refused}");
    }
    let layer = Digest::sha256(&bad.layers[0].bytes);
    let path = format!("/v2/hub/app/blobs/{layer}");
    world.get(&admin(), &path).await.error(403, "DENIED");
}

pub(crate) async fn who_may_not_pull_learns_nothing_and_asks_nothing(world: &mut World) {
    world.may_reach("127.0.0.1").await;
    let image = image_with("zlib1g", "1.2.13");
    let bytes = image.manifest();
    let upstream = Scripted::new(move |seen| {
        if seen.path.contains("/manifests/v1") {
            manifest(&bytes)
        } else {
            reply(404, &[], b"")
        }
    })
    .await;
    let robot = world.robot("other", "elsewhere/app", "write").await;
    let answer = cache(world, &upstream.url(), &json!({})).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let path = "/v2/hub/app/manifests/v1";
    world.get(&robot, path).await.error(404, "NAME_UNKNOWN");
    let nobody = world.get(&crate::world::Who::Nobody, path).await;
    nobody.error(401, "UNAUTHORIZED");
    assert!(upstream.seen().is_empty());

    // Open to everybody who is signed in: by password and by registry token.
    let body = json!({ "url": upstream.url(), "namespace": "hub", "signedInRead": true });
    let request = world.request(&admin(), "PUT", "/api/v1/upstreams/hub");
    assert_eq!(Answer::of(request.json(&body)).await.status, 200);
    let token = world.token(&robot, &["repository:hub/app:pull"]).await;
    for who in [&robot, &token] {
        let answer = world.get(who, path).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let nobody = world.get(&crate::world::Who::Nobody, path).await;
    nobody.error(401, "UNAUTHORIZED");
}
