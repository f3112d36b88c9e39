//! Analysis: reports after pushes, jobs after crashes, and layers that want to do harm.

use std::time::{Duration, Instant};

use bytes::Bytes;
use image::testkit::{TarBuilder, TestImage, TestLayer};
use oci::Digest;
use serde_json::{Value, json};

use crate::gate::no_telnet;
use crate::world::{Answer, INDEX, World, admin, debian, eventually, image_with, index_of, plain};

pub(crate) async fn a_report_is_there_when_the_push_returns(world: &mut World) {
    world
        .import_now(&[("zlib1g", "CVE-2026-0001", "2.0-1")])
        .await;
    let image = image_with("zlib1g", "1.0-1");
    for layer in &image.layers {
        world.push_blob(&admin(), "team/app", &layer.bytes).await;
    }
    world.push_blob(&admin(), "team/app", &image.config()).await;
    let started = Instant::now();
    let path = "/v2/team/app/manifests/1";
    let request = world
        .request(&admin(), "PUT", path)
        .header("content-type", crate::world::IMAGE)
        .body(image.manifest());
    assert_eq!(Answer::of(request).await.status, 201);
    let put = started.elapsed();
    let report = world
        .report("team/app", &Digest::sha256(&image.manifest()))
        .await;
    println!(
        "manifest accepted after {put:?}, report there after {:?}",
        started.elapsed()
    );
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!(report["inventory"]["packages"][0]["name"], "zlib1g");
    assert_eq!(report["matches"]["findings"][0]["id"], "CVE-2026-0001");
}

pub(crate) async fn a_stored_job_finishes_what_a_crash_left(world: &mut World) {
    let image = image_with("zlib1g", "1");
    let digest = world.push_image("team/app", "1", &image).await;
    let live = world.report("team/app", &digest).await;
    // The in-process run is lost: no report of layer or image was written. The job that came with the manifest was.
    catalog::testkit::forget_evidence(world.database(), true).await;
    let catalog = catalog::Catalog::connect(world.database()).await.unwrap();
    let name = "team/app".parse().unwrap();
    let repository = catalog.repository(&name).await.unwrap().unwrap();
    let job = catalog::NewJob {
        kind: "analyse".into(),
        lane: catalog::Lane::Interactive,
        payload: json!({"repository": repository.id.0, "digest": digest}).to_string(),
        dedup_key: None,
        delay: Duration::from_hours(1),
    };
    catalog.enqueue(&job).await.unwrap();
    catalog.close().await;
    // Not queued as due: the server that is about to end would be told, and might begin.
    catalog::testkit::make_jobs_due(world.database()).await;
    world.restart(server::Clock::System).await;
    let stored = world.report("team/app", &digest).await;
    assert_eq!(
        stored["inventory"], live["inventory"],
        "analysed live and from the blob alike"
    );
}

pub(crate) async fn a_push_that_ends_well_leaves_no_job_behind(world: &mut World) {
    world
        .push_image("team/app", "1", &image_with("zlib1g", "1"))
        .await;
    let waiting = async || {
        let answer = world.get(&admin(), "/api/v1/jobs?state=ready").await;
        let items = answer.json()["items"].as_array().unwrap().clone();
        items.into_iter().any(|item| item["kind"] == "analyse")
    };
    assert!(!waiting().await);
    // An index is judged by what its children turn out to be: its job looks once more.
    let image = image_with("zlib1g", "2");
    world.push_image("team/app", "2", &image).await;
    let index = index_of(&[(&image.manifest(), "linux/amd64")]);
    let put = world.put(&admin(), "team/app", "all", INDEX, &index).await;
    assert_eq!(put.status, 201);
    assert!(waiting().await);
}

pub(crate) async fn hostile_layers_are_pushed_and_never_allowed(world: &mut World) {
    let policy = no_telnet("enforce").replace(
        "  rules:\n",
        "  rules:\n    - {id: complete, when: evidence.diagnostics, with: {max: 0}, level: deny}\n",
    );
    world.publish("house", &policy).await;
    let whole = debian("zlib1g", "1");
    let mut damaged = whole.clone();
    let middle = damaged.bytes.len() / 2;
    damaged.bytes[middle..].fill(0xff);
    let mut cut = whole.clone();
    cut.bytes.truncate(middle);
    let status = "Package: zlib1g\nStatus: install ok installed\nVersion: 1\n\nPackage: tel";
    let truncated = TestLayer::gzip(
        &TarBuilder::new()
            .file("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n")
            .file(
                "var/lib/dpkg/status",
                [status.as_bytes(), &[0xff; 300]].concat(),
            )
            .finish(),
    );
    for (tag, layer) in [("damaged", damaged), ("cut", cut), ("truncated", truncated)] {
        let image = TestImage::new(vec![layer]);
        let digest = world.push_image("team/app", tag, &image).await;
        let report = world.report("team/app", &digest).await;
        let inventory = &report["inventory"];
        assert!(
            inventory["diagnostics"][0].is_object(),
            "{tag}: {inventory}"
        );
        let verdict = world.verdict("team/app", tag).await;
        assert_ne!(verdict["verdict"], "allow", "{tag}: {inventory}");
        let path = format!("/v2/team/app/manifests/{tag}");
        assert_eq!(world.get(&admin(), &path).await.status, 403, "{tag}");
    }
}

pub(crate) async fn hostile_names_are_stored(world: &mut World) {
    world
        .import_now(&[("zlib1g", "CVE-2026-0001", "2.0-1")])
        .await;
    let metadata = "Metadata-Version: 2.1\nName: a\0b\nVersion: 1\0\n\n";
    let layer = TestLayer::gzip(
        &TarBuilder::new()
            .file("etc/os-release", "ID=debian\0x\nVERSION_ID=\"12\0\"\n")
            .file(
                "usr/lib/python3/site-packages/a-1.dist-info/METADATA",
                metadata,
            )
            .file(
                "node_modules/x/package.json",
                r#"{"name":"x\u0000y","version":"1\u0000"}"#,
            )
            .file(
                "var/lib/dpkg/status",
                "Package: a\0b\nStatus: install ok installed\nVersion: 1\0\n\n",
            )
            .finish(),
    );
    let image = TestImage::new(vec![layer]).on("linux\0/amd64\0");
    let digest = world.push_image("team/app", "1", &image).await;
    world.report("team/app", &digest).await;
    for path in [
        "/api/v1/repositories/team/app/-/tags",
        "/api/v1/repositories/team/app/-/tags/1",
    ] {
        assert_eq!(world.get(&admin(), path).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_layer_that_inflates_without_end_is_pushed_and_never_allowed() {
    let mut world = World::sqlite().await;
    let policy = no_telnet("enforce").replace(
        "package.deny, with: {packages: [\"pkg:deb/telnetd*\"]}",
        "evidence.diagnostics, with: {max: 0}",
    );
    world.publish("house", &policy).await;
    // 280 MiB of zeros in some kilobytes.
    let bomb = TestLayer::zstd(&TarBuilder::new().file("zeros", vec![0; 280 << 20]).finish());
    assert!(bomb.bytes.len() < 100_000);
    let digest = world
        .push_image("team/app", "bomb", &TestImage::new(vec![bomb]))
        .await;
    let report = world.report("team/app", &digest).await;
    assert_eq!(report["inventory"]["coverage"], "partial", "{report}");
    world
        .get(&admin(), "/v2/team/app/manifests/bomb")
        .await
        .error(403, "DENIED");
    world.stop().await;
}

/// Sends a layer in chunks of the given sizes, repeated, and returns its report.
async fn pushed_in_chunks(world: &World, layer: &TestLayer, sizes: &[usize]) -> Value {
    let mut rest = Bytes::from(layer.bytes.clone());
    let mut chunks = Vec::new();
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        chunks.push(Ok::<_, std::io::Error>(
            rest.split_to((*size).min(rest.len())),
        ));
    }
    let location = world.session(&admin(), "team/app").await;
    let body = reqwest::Body::wrap_stream(futures::stream::iter(chunks));
    let request = world.request(&admin(), "PATCH", &location).body(body);
    assert_eq!(Answer::of(request).await.status, 202);
    let path = format!("{location}?digest={}", layer.digest());
    assert_eq!(world.send(&admin(), "PUT", &path).await.status, 201);
    // A configuration of its own makes a manifest of its own.
    let mut image = TestImage::new(vec![layer.clone()]);
    image.process = json!({ "Labels": { "sizes": format!("{sizes:?}") } });
    world.push_blob(&admin(), "team/app", &image.config()).await;
    let answer = world
        .put(
            &admin(),
            "team/app",
            "1",
            crate::world::IMAGE,
            &image.manifest(),
        )
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let report = world
        .report("team/app", &Digest::sha256(&image.manifest()))
        .await;
    report["inventory"]["packages"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_layer_gives_one_report_however_it_arrives() {
    use proptest::prelude::Strategy as _;
    let mut world = World::sqlite().await;
    let stanza = |number: usize| {
        format!(
            "Package: p{number}\nStatus: install ok installed\nVersion: {number}.1\nArchitecture: amd64\n\n"
        )
    };
    let status = (0..400).map(stanza).collect::<Vec<_>>().concat();
    let layer = TestLayer::gzip(
        &TarBuilder::new()
            .file("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n")
            .file("srv/noise", noise(600_000))
            .file("var/lib/dpkg/status", &status)
            .finish(),
    );
    let image = TestImage::new(vec![layer.clone()]);
    let digest = world.push_image("team/app", "0", &image).await;
    let expected = world.report("team/app", &digest).await["inventory"]["packages"].clone();
    assert_eq!(expected.as_array().unwrap().len(), 400);
    let sizes = proptest::collection::vec(1_usize..60_000, 1..6);
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..12 {
        let sizes = sizes.new_tree(&mut runner).unwrap();
        let sizes = proptest::strategy::ValueTree::current(&sizes);
        catalog::testkit::forget_evidence(world.database(), true).await;
        assert_eq!(
            pushed_in_chunks(&world, &layer, &sizes).await,
            expected,
            "{sizes:?}"
        );
    }
    assert!(
        layers_analysed(&world, "live").await > 0,
        "some were analysed while they arrived"
    );
    world.stop().await;
}

/// How many layers were read in `kind` of way, from the metrics.
async fn layers_analysed(world: &World, kind: &str) -> u64 {
    let metrics = world.get(&admin(), "/metrics").await.text();
    let name = format!("tidegate_layers_analysed_total{{when=\"{kind}\"}} ");
    metrics
        .lines()
        .find_map(|line| line.strip_prefix(&name))
        .map_or(0, |count| count.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_layer_of_several_images_is_read_once() {
    let mut world = World::sqlite().await;
    let base = debian("zlib1g", "1");
    let below = TestImage::new(vec![base.clone()]);
    let above = TestImage::new(vec![base.clone(), plain("of its own")]);
    let first = world.push_image("team/below", "1", &below).await;
    world.report("team/below", &first).await;
    let read =
        async || layers_analysed(&world, "live").await + layers_analysed(&world, "stored").await;
    assert_eq!(read().await, 1);

    let mount = format!(
        "/v2/team/above/blobs/uploads/?mount={}&from=team/below",
        base.digest()
    );
    assert_eq!(world.send(&admin(), "POST", &mount).await.status, 201);
    world
        .push_blob(&admin(), "team/above", &above.layers[1].bytes)
        .await;
    world
        .push_blob(&admin(), "team/above", &above.config())
        .await;
    let manifest = above.manifest();
    let answer = world
        .put(&admin(), "team/above", "1", crate::world::IMAGE, &manifest)
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let report = world.report("team/above", &Digest::sha256(&manifest)).await;
    assert_eq!(report["inventory"]["packages"][0]["name"], "zlib1g");
    assert_eq!(read().await, 2, "only its own layer was read");
    world.stop().await;
}

/// Bytes that do not compress.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    })
    .take(len)
    .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grade_that_drops_is_noticed_after_a_restart_on_a_later_day() {
    let mut world = World::sqlite().await;
    world
        .import_now(&[("zlib1g", "CVE-2026-0001", "2.0-1")])
        .await;
    let digest = world
        .push_image("team/app", "1", &image_with("zlib1g", "1.0-1"))
        .await;
    let first = world.report("team/app", &digest).await;
    let grade = |report: &Value| {
        report["matches"]["grade"]["grade"]
            .as_str()
            .unwrap_or("")
            .to_owned()
    };
    let later = crate::world::now() + jiff::SignedDuration::from_hours(24 * 800);
    world.restart(server::Clock::Fixed(later)).await;
    eventually(async || {
        let report = world.report("team/app", &digest).await;
        (grade(&report) != grade(&first)).then_some(())
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_layer_of_another_repository_is_not_analysed() {
    let mut world = World::sqlite().await;
    let secret = debian("secret-package", "1");
    world
        .push_blob(&admin(), "team/private", &secret.bytes)
        .await;
    let config = TestImage::new(vec![plain("x")]).config();
    world.push_blob(&admin(), "team/app", &config).await;
    let foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
    let manifest = json!({
        "schemaVersion": 2, "mediaType": crate::world::IMAGE,
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": Digest::sha256(&config), "size": config.len() },
        "layers": [{ "mediaType": foreign, "digest": secret.digest(), "size": secret.bytes.len(), "urls": ["https://example.com/"] }],
    });
    let manifest = manifest.to_string().into_bytes();
    let answer = world
        .put(&admin(), "team/app", "1", crate::world::IMAGE, &manifest)
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let report = world.report("team/app", &Digest::sha256(&manifest)).await;
    assert_eq!(report["inventory"]["packages"], json!([]));
    assert_eq!(
        report["inventory"]["diagnostics"][0]["code"],
        "layer.foreign"
    );
    world.stop().await;
}

pub(crate) async fn a_job_of_an_unknown_kind_is_retried_and_never_lost(world: &mut World) {
    let catalog = catalog::Catalog::connect(world.database()).await.unwrap();
    let job = catalog::NewJob {
        kind: "of-the-future".into(),
        lane: catalog::Lane::Manual,
        payload: "{}".into(),
        dedup_key: None,
        delay: Duration::ZERO,
    };
    catalog.enqueue(&job).await.unwrap();
    let listed = eventually(async || {
        let answer = world.get(&admin(), "/api/v1/jobs?state=ready").await;
        let items = answer.json()["items"].as_array().unwrap().clone();
        let tried = items.into_iter().find(|item| item["attempts"] == 1);
        tried.filter(|item| item["lastError"].is_string())
    })
    .await;
    assert_eq!(listed["kind"], "of-the-future");
    assert_eq!(listed["lane"], "manual");
    catalog.close().await;
}

pub(crate) async fn a_dead_job_is_listed_and_retried(world: &mut World) {
    let catalog = catalog::Catalog::connect(world.database()).await.unwrap();
    let job = catalog::NewJob {
        kind: "analyse".into(),
        lane: catalog::Lane::Interactive,
        payload: "not what an analysis needs".into(),
        dedup_key: None,
        delay: Duration::ZERO,
    };
    let job = catalog.enqueue(&job).await.unwrap().unwrap();
    let dead = async || {
        let answer = world.get(&admin(), "/api/v1/jobs").await;
        let items = answer.json()["items"].as_array().unwrap().clone();
        items.into_iter().find(|item| item["id"] == job)
    };
    let listed = eventually(dead).await;
    assert_eq!(
        (&listed["state"], &listed["attempts"]),
        (&json!("dead"), &json!(1))
    );
    let path = format!("/api/v1/jobs/{job}/retry");
    assert_eq!(world.send(&admin(), "POST", &path).await.status, 204);
    // It is done again, and as it is no better, it dies again.
    eventually(dead).await;
    for unknown in [
        "/api/v1/jobs?state=lost",
        "/api/v1/jobs?limit=-1",
        "/api/v1/jobs?other=1",
    ] {
        let status = world.get(&admin(), unknown).await.status;
        assert!((400..500).contains(&status), "{unknown}: {status}");
    }
    catalog.close().await;
}
