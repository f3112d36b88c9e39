//! One image, two ways: what the server knows after a push is what `tidegate scan` prints.

use image::testkit::{docker_archive, oci_archive};
use serde_json::Value;

use crate::samples::{FEEDS, application};
use crate::serve::{PASSWORD, Server, Site};
use crate::wire::push_image;

/// Removes what must differ: the name the image goes by, and the times of the work.
fn comparable(mut report: Value) -> Value {
    report["subject"] = Value::Null;
    report["matches"]["matched_at"] = Value::Null;
    report
}

fn at_push(server: &Server, digest: &str) -> Value {
    server.verdict("team/app", "1.0");
    let path = format!("/api/v1/repositories/team/app/-/manifests/{digest}/report");
    server.get(&path).expect(200).json()
}

fn offline(site: &Site, source: &str) -> Value {
    let run = site
        .world
        .command(&[
            "scan",
            source,
            "--advisories",
            "data/advisories.tgdb",
            "-o",
            "json",
        ])
        .env("REGISTRY_AUTH_FILE", "auth.json")
        .output()
        .expect("it starts");
    let run: crate::world::Run = run.into();
    serde_json::from_str(&run.ends_with(0).stdout).expect("JSON")
}

#[test]
fn every_way_to_an_image_gives_the_same_packages_and_findings() {
    let site = Site::new().with_advisories(FEEDS);
    let server = site.start();
    let image = application();
    let digest = push_image(&server, "team/app", "1.0", &image);
    site.world
        .write("image.oci.tar", oci_archive(std::slice::from_ref(&image)));
    site.world
        .write("image.docker.tar", docker_archive(&[image]));
    let credential = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        format!("admin:{PASSWORD}"),
    );
    let auths = serde_json::json!({ "auths": { server.host(): { "auth": credential } } });
    site.world.write("auth.json", auths.to_string());

    let pushed = at_push(&server, digest.as_str());
    let packages = pushed["inventory"]["packages"]
        .as_array()
        .expect("packages");
    assert_eq!(packages.len(), 4, "dpkg has two, Python and npm one each");
    let findings = pushed["matches"]["findings"].as_array().expect("findings");
    assert_eq!(findings.len(), 4, "{findings:#?}");
    assert!(findings.iter().any(|finding| finding["kev"].is_object()));
    assert!(findings.iter().any(|finding| finding["epss"].is_object()));

    let expected = comparable(pushed);
    let remote = format!("docker://{}", server.image("team/app:1.0"));
    for source in ["oci-archive:image.oci.tar", &remote] {
        assert_eq!(comparable(offline(&site, source)), expected, "{source}");
    }
    // A docker-archive has other layer blobs (not compressed), so only what was found in them can be compared.
    let archive = offline(&site, "docker-archive:image.docker.tar");
    assert_eq!(
        archive["inventory"]["packages"],
        expected["inventory"]["packages"]
    );
    assert_eq!(
        archive["matches"]["findings"],
        expected["matches"]["findings"]
    );
    assert_eq!(archive["matches"]["grade"], expected["matches"]["grade"]);
}

#[test]
fn advisories_imported_after_the_push_give_the_same_findings() {
    let site = Site::new();
    let server = site.start();
    let image = application();
    let digest = push_image(&server, "team/app", "1.0", &image);
    let before = at_push(&server, digest.as_str());
    assert!(before.get("matches").is_none_or(Value::is_null), "{before}");

    let site = site.with_advisories(FEEDS);
    server.wait_for("advisory snapshot in use");
    site.world.write("image.oci.tar", oci_archive(&[image]));
    let expected = comparable(offline(&site, "oci-archive:image.oci.tar"));
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
    loop {
        let now = at_push(&server, digest.as_str());
        if now["matches"].is_object() {
            assert_eq!(comparable(now), expected);
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{}", server.log());
        std::thread::yield_now();
    }
}
