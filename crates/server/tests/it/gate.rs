//! The pull door: refusals with reasons, no way around them, and nothing stale.

use std::time::{Duration, Instant};

use image::testkit::TestImage;
use oci::Digest;
use serde_json::json;

use crate::world::{
    Answer, EMPTY, IMAGE, INDEX, World, admin, artifact, debian, eventually, image_with, index_of,
    plain,
};

/// Refuses images with a package named `telnetd`.
pub(crate) fn no_telnet(mode: &str) -> String {
    format!(
        "apiVersion: tidegate/v1\nkind: Policy\nmetadata: {{name: house}}\nspec:\n  mode: {mode}\n  pending: {{holdSeconds: 0}}\n  rules:\n    - {{id: no-telnet, when: package.deny, with: {{packages: [\"pkg:deb/telnetd*\"]}}, level: deny, title: No telnet}}\n"
    )
}

/// Refuses images with any known vulnerability.
fn no_known_flaw() -> String {
    "apiVersion: tidegate/v1\nkind: Policy\nmetadata: {name: house}\nspec:\n  mode: enforce\n  rules:\n    - {id: not-this, when: vuln.deny, with: {ids: [CVE-2026-0001]}, level: deny}\n".to_owned()
}

async fn pull(world: &World, reference: &str) -> Answer {
    world
        .get(&admin(), &format!("/v2/team/app/manifests/{reference}"))
        .await
}

pub(crate) async fn a_denied_pull_says_why_and_where(world: &mut World) {
    world.publish("house", &no_telnet("enforce")).await;
    let digest = world
        .push_image("team/app", "bad", &image_with("telnetd", "1"))
        .await;
    world
        .push_image("team/app", "good", &image_with("zlib1g", "1"))
        .await;
    world.report("team/app", &digest).await;
    let answer = pull(world, "bad").await;
    let error = answer.error(403, "DENIED");
    assert_eq!(answer.header("cache-control"), "no-store");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("no-telnet") || message.contains("No telnet"),
        "{message}"
    );
    assert_eq!(error["detail"]["verdict"], "deny");
    assert_eq!(error["detail"]["rules"][0]["rule"], "house/no-telnet");
    let url = error["detail"]["url"].as_str().unwrap();
    let id = error["detail"]["decision"].as_str().unwrap();
    assert_eq!(url, format!("{}/d/{id}", world.base));
    let decision = world
        .get(&admin(), &format!("/api/v1/decisions/{id}"))
        .await;
    assert_eq!(decision.json()["verdict"]["verdict"], "deny");
    let head = world
        .send(&admin(), "HEAD", "/v2/team/app/manifests/bad")
        .await;
    assert_eq!(head.status, 200);
    assert!(
        head.header("warning").starts_with("299 - \""),
        "{:?}",
        head.headers
    );
    assert_eq!(head.header("docker-content-digest"), digest.as_str());
    let good = pull(world, "good").await;
    assert_eq!((good.status, good.header("warning")), (200, ""));
}

pub(crate) async fn every_way_to_an_image_gives_the_same_answer(world: &mut World) {
    world.publish("house", &no_telnet("enforce")).await;
    let image = image_with("telnetd", "1");
    let digest = world.push_image("team/app", "1", &image).await;
    world.push_image("team/app", "other", &image).await;
    let index = index_of(&[(&image.manifest(), "linux/amd64")]);
    let parent = Digest::sha256(&index);
    let put = world
        .put(&admin(), "team/app", "multi", INDEX, &index)
        .await;
    assert_eq!(put.status, 201);
    world.report("team/app", &digest).await;
    for reference in ["1", "other", "multi", digest.as_str(), parent.as_str()] {
        pull(world, reference).await.error(403, "DENIED");
        let path = format!("/v2/team/app/manifests/{reference}");
        for (name, value) in [
            ("if-none-match", format!("\"{digest}\", \"{parent}\"")),
            ("range", "bytes=0-1".to_owned()),
            ("user-agent", "tidegate-scanner".to_owned()),
        ] {
            let request = world.request(&admin(), "GET", &path).header(name, value);
            Answer::of(request).await.error(403, "DENIED");
        }
    }
    let layer = format!("/v2/team/app/blobs/{}", image.layers[0].digest());
    let config = format!("/v2/team/app/blobs/{}", Digest::sha256(&image.config()));
    for path in [&layer, &config] {
        world.get(&admin(), path).await.error(403, "DENIED");
        let request = world
            .request(&admin(), "GET", path)
            .header("range", "bytes=0-0");
        Answer::of(request).await.error(403, "DENIED");
        assert_eq!(world.send(&admin(), "HEAD", path).await.status, 200);
    }
}

pub(crate) async fn a_layer_kept_elsewhere_opens_no_way(world: &mut World) {
    world.publish("house", &no_telnet("enforce")).await;
    let image = image_with("telnetd", "1");
    world.push_image("team/app", "source", &image).await;
    let hidden = b"kept elsewhere, pushed all the same";
    world.push_blob(&admin(), "team/app", hidden).await;
    let mut manifest: serde_json::Value = serde_json::from_slice(&image.manifest()).unwrap();
    manifest["layers"].as_array_mut().unwrap().push(json!({
        "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "digest": Digest::sha256(hidden), "size": hidden.len(), "urls": ["https://example.com/"],
    }));
    let manifest = manifest.to_string().into_bytes();
    let put = world.put(&admin(), "team/app", "1", IMAGE, &manifest).await;
    assert_eq!(put.status, 201, "{}", put.text());
    world.report("team/app", &Digest::sha256(&manifest)).await;
    pull(world, "1").await.error(403, "DENIED");
    let path = format!("/v2/team/app/blobs/{}", Digest::sha256(hidden));
    world.get(&admin(), &path).await.error(403, "DENIED");
}

pub(crate) async fn a_shared_base_stays_available(world: &mut World) {
    world.publish("house", &no_telnet("enforce")).await;
    let base = debian("zlib1g", "1");
    let bad = TestImage::new(vec![base.clone(), debian("telnetd", "1")]);
    let good = TestImage::new(vec![base.clone(), plain("good")]);
    let digest = world.push_image("team/app", "bad", &bad).await;
    world.report("team/app", &digest).await;
    let path = format!("/v2/team/app/blobs/{}", base.digest());
    world.get(&admin(), &path).await.error(403, "DENIED");
    let digest = world.push_image("team/app", "good", &good).await;
    world.report("team/app", &digest).await;
    assert_eq!(world.get(&admin(), &path).await.body, base.bytes);
    let own = format!("/v2/team/app/blobs/{}", bad.layers[1].digest());
    world.get(&admin(), &own).await.error(403, "DENIED");
}

pub(crate) async fn modes_and_policies_count_at_once(world: &mut World) {
    let digest = world
        .push_image("team/app", "1", &image_with("telnetd", "1"))
        .await;
    world.report("team/app", &digest).await;
    // The starter policy only records.
    let answer = pull(world, "1").await;
    assert_eq!((answer.status, answer.header("warning")), (200, ""));
    for (mode, status, speaks) in [
        ("enforce", 403, true),
        ("warn", 200, true),
        ("audit", 200, false),
        ("enforce", 403, true),
    ] {
        world.publish("house", &no_telnet(mode)).await;
        let answer = pull(world, "1").await;
        assert_eq!(answer.status, status, "{mode}");
        if status == 200 {
            assert_eq!(answer.header("warning").is_empty(), !speaks, "{mode}");
        }
        // Lists show the decision that is in force.
        let tags = world
            .get(&admin(), "/api/v1/repositories/team/app/-/tags")
            .await
            .json();
        let shown = if mode == "enforce" { "deny" } else { "warn" };
        assert_eq!(tags["items"][0]["verdict"], shown, "{mode}");
    }
}

pub(crate) async fn artifacts_are_never_gated(world: &mut World) {
    world.publish("house", &no_telnet("enforce")).await;
    let image = image_with("telnetd", "1");
    let digest = world.push_image("team/app", "1", &image).await;
    world.report("team/app", &digest).await;
    world.push_blob(&admin(), "team/app", b"{}").await;
    world.push_blob(&admin(), "team/app", b"signature").await;
    let signature = artifact(
        "application/sig",
        Some(&image.manifest()),
        &[("text/plain", b"signature")],
    );
    assert_eq!(
        world
            .put(&admin(), "team/app", "sig", IMAGE, &signature)
            .await
            .status,
        201
    );
    // As cosign stores it: the configuration calls itself an image's.
    let legacy = json!({
        "schemaVersion": 2, "mediaType": IMAGE,
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": Digest::sha256(b"{}"), "size": 2 },
        "layers": [{ "mediaType": "application/vnd.dev.cosign.simplesigning.v1+json", "digest": Digest::sha256(b"signature"), "size": 9 }],
    });
    let legacy = legacy.to_string().into_bytes();
    let tag = digest.as_str().replace(':', "-") + ".sig";
    assert_eq!(
        world
            .put(&admin(), "team/app", &tag, IMAGE, &legacy)
            .await
            .status,
        201
    );
    // As clients keep referrers where a registry has no list of them.
    let fallback = index_of(&[(&signature, "")]);
    let tag_of_fallback = digest.as_str().replace(':', "-");
    let put = world
        .put(&admin(), "team/app", &tag_of_fallback, INDEX, &fallback)
        .await;
    assert_eq!(put.status, 201);
    for (reference, bytes) in [
        ("sig", &signature),
        (tag.as_str(), &legacy),
        (tag_of_fallback.as_str(), &fallback),
    ] {
        let answer = pull(world, reference).await;
        assert_eq!(
            (answer.status, &answer.body),
            (200, bytes),
            "{reference}: {}",
            answer.text()
        );
    }
    let blob = format!("/v2/team/app/blobs/{}", Digest::sha256(b"signature"));
    assert_eq!(world.get(&admin(), &blob).await.status, 200);
    let referrers = format!("/v2/team/app/referrers/{digest}");
    assert_eq!(world.get(&admin(), &referrers).await.status, 200);
}

pub(crate) async fn an_artifact_opens_no_refused_layer(world: &mut World) {
    world.publish("house", &no_telnet("enforce")).await;
    let image = image_with("telnetd", "1");
    let digest = world.push_image("team/app", "1", &image).await;
    world.report("team/app", &digest).await;
    world.push_blob(&admin(), "team/app", b"{}").await;
    let layer = &image.layers[0];
    let disguise = artifact("application/x", None, &[("application/x", &layer.bytes)]);
    assert_eq!(
        world
            .put(&admin(), "team/app", "x", IMAGE, &disguise)
            .await
            .status,
        201
    );
    let path = format!("/v2/team/app/blobs/{}", layer.digest());
    world.get(&admin(), &path).await.error(403, "DENIED");
    // With a layer to run it is an image, whatever it calls itself.
    let disguise = artifact("application/x", None, &[(layer.media_type, &layer.bytes)]);
    assert_eq!(
        world
            .put(&admin(), "team/app", "y", IMAGE, &disguise)
            .await
            .status,
        201
    );
    world.report("team/app", &Digest::sha256(&disguise)).await;
    pull(world, "y").await.error(403, "DENIED");
}

pub(crate) async fn an_index_is_as_usable_as_its_platforms(world: &mut World) {
    world.publish("house", &no_telnet("enforce")).await;
    let good = image_with("zlib1g", "1");
    let bad = image_with("telnetd", "1").on("linux/arm64");
    for image in [&good, &bad] {
        let digest = world.push_image("team/app", "part", image).await;
        world.report("team/app", &digest).await;
    }
    let (good, bad) = (good.manifest(), bad.manifest());
    let both = index_of(&[(&good, "linux/amd64"), (&bad, "linux/arm64")]);
    let attested = index_of(&[(&good, "linux/amd64"), (b"attestation", "unknown/unknown")]);
    let only_bad = index_of(&[(&bad, "linux/arm64")]);
    let absent = index_of(&[(b"never pushed", "linux/amd64")]);
    for (tag, index) in [
        ("both", &both),
        ("attested", &attested),
        ("bad", &only_bad),
        ("absent", &absent),
    ] {
        let answer = world.put(&admin(), "team/app", tag, INDEX, index).await;
        assert_eq!(answer.status, 201, "{tag}: {}", answer.text());
    }
    let answer = pull(world, "both").await;
    assert_eq!(answer.status, 200, "one platform can run");
    assert!(
        answer.header("warning").contains("linux/arm64"),
        "{:?}",
        answer.headers
    );
    let answer = pull(world, "attested").await;
    assert_eq!(
        (answer.status, answer.header("warning")),
        (200, ""),
        "{}",
        answer.text()
    );
    pull(world, "bad").await.error(403, "DENIED");
    pull(world, "absent").await.error(403, "DENIED");
    pull(world, Digest::sha256(&bad).as_str())
        .await
        .error(403, "DENIED");
    assert_eq!(
        pull(world, Digest::sha256(&good).as_str()).await.status,
        200
    );
}

pub(crate) async fn nested_indexes_end(world: &mut World) {
    world.publish("house", &no_telnet("enforce")).await;
    let image = image_with("telnetd", "1");
    let digest = world.push_image("team/app", "1", &image).await;
    world.report("team/app", &digest).await;
    let mut child = image.manifest();
    let mut media_type = IMAGE;
    for depth in 0..12 {
        // Each lists its child many times: a walk without a budget would take for ever.
        let one = json!({ "mediaType": media_type, "digest": Digest::sha256(&child), "size": child.len() });
        let many: Vec<_> = (0..60)
            .map(|n| {
                let mut one = one.clone();
                one["platform"] = json!({ "os": "linux", "architecture": format!("cpu{n}") });
                one
            })
            .collect();
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": many });
        child = index.to_string().into_bytes();
        media_type = INDEX;
        let answer = world
            .put(&admin(), "team/app", &format!("d{depth}"), INDEX, &child)
            .await;
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    for tag in ["d0", "d1", "d11"] {
        pull(world, tag).await.error(403, "DENIED");
    }
}

pub(crate) async fn a_pending_image_is_held_then_refused(world: &mut World) {
    let image = image_with("zlib1g", "1");
    let digest = world.push_image("team/app", "1", &image).await;
    world.report("team/app", &digest).await;
    world.publish("house", &no_telnet("enforce")).await;
    // As after a crash between the push and its analysis.
    catalog::testkit::forget_evidence(world.database(), false).await;
    let answer = pull(world, "1").await;
    let error = answer.error(403, "DENIED");
    assert_eq!(error["detail"]["verdict"], "pending");
    assert_eq!(answer.header("retry-after"), "5");
    // The pull itself queued the work.
    eventually(async || (pull(world, "1").await.status == 200).then_some(())).await;
    catalog::testkit::forget_evidence(world.database(), false).await;
    let patient = no_telnet("enforce").replace("holdSeconds: 0", "holdSeconds: 10");
    world.publish("house", &patient).await;
    assert_eq!(
        pull(world, "1").await.status,
        200,
        "held until the verdict was there"
    );
}

pub(crate) async fn new_advisories_turn_a_verdict_without_a_push(world: &mut World) {
    world.publish("house", &no_known_flaw()).await;
    world.import_now(&[("other", "CVE-2026-0002", "9")]).await;
    let digest = world
        .push_image("team/app", "1", &image_with("zlib1g", "1.0-1"))
        .await;
    world.report("team/app", &digest).await;
    assert_eq!(
        pull(world, "1").await.status,
        200,
        "{}",
        pull(world, "1").await.text()
    );
    // A tag is not needed to be matched again.
    let untagged = image_with("zlib1g", "1.0-2");
    let put_by_digest = Digest::sha256(&untagged.manifest());
    world
        .push_image("team/app", put_by_digest.as_str(), &untagged)
        .await;
    world.report("team/app", &put_by_digest).await;
    assert_eq!(pull(world, put_by_digest.as_str()).await.status, 200);
    world
        .import_now(&[("zlib1g", "CVE-2026-0001", "2.0-1")])
        .await;
    // From the first pull on, not only once the job came to this image.
    pull(world, "1").await.error(403, "DENIED");
    pull(world, put_by_digest.as_str())
        .await
        .error(403, "DENIED");
    eventually(async || (world.verdict("team/app", "1").await["verdict"] == "deny").then_some(()))
        .await;
    world
        .import_now(&[("zlib1g", "CVE-2026-0003", "0.1-1")])
        .await;
    assert_eq!(pull(world, "1").await.status, 200);
    // The job turns what nobody asks for.
    let count = async |word: &str| {
        let list = world.get(&admin(), "/api/v1/repositories").await.json();
        list["items"][0]["verdicts"][word].as_u64()
    };
    world
        .import_now(&[("zlib1g", "CVE-2026-0001", "3.0-1")])
        .await;
    eventually(async || (count("deny").await == Some(1)).then_some(())).await;
}

pub(crate) async fn a_question_asked_twice_stores_one_decision(world: &mut World) {
    world.publish("house", &no_telnet("enforce")).await;
    let image = image_with("telnetd", "1");
    let digest = world.push_image("team/app", "1", &image).await;
    world.report("team/app", &digest).await;
    let index = index_of(&[(&image.manifest(), "linux/amd64")]);
    assert_eq!(
        world
            .put(&admin(), "team/app", "multi", INDEX, &index)
            .await
            .status,
        201
    );
    let decision = async |reference: &str| {
        let error = pull(world, reference).await.error(403, "DENIED");
        error["detail"]["decision"].as_str().unwrap().to_owned()
    };
    for reference in ["1", "multi"] {
        let first = decision(reference).await;
        let started = Instant::now();
        for _ in 0..20 {
            assert_eq!(decision(reference).await, first, "{reference}");
        }
        println!(
            "{reference}: {:?} per repeated pull",
            started.elapsed() / 20
        );
        assert!(started.elapsed() < Duration::from_secs(4));
    }
}

pub(crate) async fn a_policy_of_a_tag_follows_the_image(world: &mut World) {
    let image = image_with("telnetd", "1");
    let digest = world.push_image("team/app", "dev", &image).await;
    world.report("team/app", &digest).await;
    let scoped = no_telnet("enforce").replace("spec:\n", "spec:\n  scope: [{tags: [\"prod*\"]}]\n");
    world.publish("house", &scoped).await;
    assert_eq!(pull(world, "dev").await.status, 200);
    let index = index_of(&[(&image.manifest(), "linux/amd64")]);
    let outer = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [
        { "mediaType": INDEX, "digest": Digest::sha256(&index), "size": index.len() }] });
    let outer = outer.to_string().into_bytes();
    let inner = Digest::sha256(&index);
    assert_eq!(
        world
            .put(&admin(), "team/app", inner.as_str(), INDEX, &index)
            .await
            .status,
        201
    );
    assert_eq!(
        world
            .put(&admin(), "team/app", "prod-1", INDEX, &outer)
            .await
            .status,
        201
    );
    // The tag two indexes above binds the image, by whatever name it is pulled.
    for reference in ["prod-1", inner.as_str(), digest.as_str(), "dev"] {
        pull(world, reference).await.error(403, "DENIED");
    }
    let empty = artifact("application/x", None, &[(EMPTY, b"{}")]);
    world.push_blob(&admin(), "team/app", b"{}").await;
    assert_eq!(
        world
            .put(&admin(), "team/app", "prod-1", IMAGE, &empty)
            .await
            .status,
        201
    );
    assert_eq!(pull(world, "dev").await.status, 200, "the tag has moved on");
}
