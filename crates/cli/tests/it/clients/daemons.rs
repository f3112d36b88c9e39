//! containerd and Docker: they push, pull, and say why they may not.

use image::testkit::{docker_archive, oci_archive};
use oci::{Digest, media_type};
use rstest::rstest;
use serde_json::Value;

use crate::daemons::Daemon;
use crate::samples::{FEEDS, application, harmless, index_of, policy};
use crate::serve::{Engine, Site};
use crate::wire::{manifest_path, push_image, push_manifest};

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn docker_gets_back_the_image_it_pushed(#[case] engine: Engine) {
    let server = Site::on(engine).start();
    let docker = Daemon::docker(&server);
    let image = application();
    let id = Digest::sha256(&image.config());
    docker
        .tools
        .world
        .write("image.tar", docker_archive(&[image]));
    docker.run(&["load", "--input", "image.tar"]).done();
    let name = server.image("team/app:docker");
    docker.run(&["tag", "team/app:1.0", &name]).done();
    let said = docker.run(&["push", &name]).done();
    let stored = server.get(&manifest_path("team/app", "docker")).expect(200);
    let digest = Digest::sha256(&stored.body);
    assert!(said.contains(digest.as_str()), "{said}");
    assert_eq!(
        stored.header("content-type"),
        Some(media_type::DOCKER_MANIFEST)
    );

    docker
        .run(&["rmi", "--force", &name, "team/app:1.0"])
        .done();
    docker.run(&["pull", "--quiet", &name]).done();
    let found = docker.run(&["inspect", "--format={{.Id}}", &name]).done();
    assert_eq!(found, id.as_str());

    // By digest, and layers that the registry has under another name.
    let pinned = server.image(&format!("team/app@{digest}"));
    docker.run(&["pull", "--quiet", &pinned]).done();
    let other = server.image("other/app:1.0");
    docker.run(&["tag", &name, &other]).done();
    let received = server.counter("tidegate_blob_received_bytes_total");
    let said = docker.run(&["push", &other]).done();
    assert!(said.contains("Mounted from team/app"), "{said}");
    let config = stored.json()["config"]["size"].as_u64().expect("a size");
    let sent = server.counter("tidegate_blob_received_bytes_total") - received;
    assert!(sent <= config, "{sent} bytes were sent again");
    server.stop();
}

#[test]
fn docker_pulls_its_platform_from_an_index() {
    let server = Site::new().start();
    let images = [
        application().on("linux/amd64"),
        harmless().on("linux/arm64"),
    ];
    for (tag, image) in ["amd64", "arm64"].into_iter().zip(&images) {
        push_image(&server, "team/multi", tag, image);
    }
    let index = index_of(&images.each_ref());
    push_manifest(&server, "team/multi", "1.0", media_type::OCI_INDEX, &index);
    let docker = Daemon::docker(&server);
    let name = server.image("team/multi:1.0");
    for (platform, image) in ["linux/amd64", "linux/arm64"].into_iter().zip(&images) {
        docker
            .run(&["pull", "--quiet", "--platform", platform, &name])
            .done();
        let found = docker.run(&["inspect", "--format={{.Id}}", &name]).done();
        assert_eq!(
            found,
            Digest::sha256(&image.config()).as_str(),
            "{platform}"
        );
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn containerd_gets_back_the_image_it_pushed(#[case] engine: Engine) {
    let server = Site::on(engine).start();
    let name = server.image("team/app:ctr");
    let image = application().named(&name);
    let ctr = Daemon::containerd(&server);
    ctr.tools
        .world
        .write("image.tar", oci_archive(std::slice::from_ref(&image)));
    ctr.run(&["images", "import", "--no-unpack", "--digests", "image.tar"])
        .done();
    let digest = Digest::sha256(&image.manifest());
    let held = ctr.run(&["images", "list", "--quiet"]).done();
    let imported = held.lines().next().expect("an image");
    ctr.reach(&["images", "push"], &[&name, imported]).done();
    let stored = server.get(&manifest_path("team/app", "ctr")).expect(200);
    assert_eq!(stored.body, image.manifest());

    for held in held.lines() {
        ctr.run(&["images", "remove", "--sync", held]).done();
    }
    ctr.reach(&["images", "pull"], &["--snapshotter=native", &name])
        .done();
    let listed = ctr.run(&["images", "list"]).done();
    assert!(listed.contains(digest.as_str()), "{listed}");
    let content = ctr.run(&["content", "get", digest.as_str()]).done();
    assert_eq!(content.as_bytes(), image.manifest());
    for layer in &image.layers {
        let held = ctr.run(&["content", "list"]).done();
        assert!(held.contains(layer.digest().as_str()), "{held}");
    }
    server.stop();
}

#[test]
fn containerd_copies_an_index_with_every_platform() {
    let server = Site::new().start();
    let images = [
        application().on("linux/amd64"),
        harmless().on("linux/arm64"),
    ];
    for image in &images {
        let digest = Digest::sha256(&image.manifest());
        push_image(&server, "team/multi", digest.as_str(), image);
    }
    let index = index_of(&images.each_ref());
    push_manifest(&server, "team/multi", "1.0", media_type::OCI_INDEX, &index);
    let ctr = Daemon::containerd(&server);
    let name = server.image("team/multi:1.0");
    ctr.reach(&["content", "fetch"], &["--all-platforms", &name])
        .done();
    let copy = server.image("copy/multi:1.0");
    ctr.reach(&["images", "push"], &[&copy, &name]).done();
    let stored = server.get(&manifest_path("copy/multi", "1.0")).expect(200);
    assert_eq!(stored.body, index);
    for image in &images {
        let path = manifest_path("copy/multi", Digest::sha256(&image.manifest()));
        assert_eq!(server.get(&path).expect(200).body, image.manifest());
    }
}

#[test]
fn docker_and_containerd_say_which_rule_refused_a_pull() {
    let server = Site::new()
        .with_policy(&policy("enforce"))
        .with_advisories(FEEDS)
        .start();
    push_image(&server, "team/app", "1.0", &application());
    let link = server.verdict("team/app", "1.0")["verdict"]["url"].clone();
    let Value::String(link) = link else {
        panic!("no link")
    };
    let name = server.image("team/app:1.0");

    let docker = Daemon::docker(&server);
    let said = docker.run(&["pull", &name]).refused();
    for wanted in ["denied", "no-known-exploited", "CVE-2024-0001", &link] {
        assert!(said.contains(wanted), "no `{wanted}` in: {said}");
    }
    // containerd 1.6 reads no body of a refused HEAD; the status is all it can show.
    let ctr = Daemon::containerd(&server);
    let said = ctr.reach(&["images", "pull"], &[&name]).refused();
    assert!(said.contains("403") || said.contains("denied"), "{said}");
    let held = ctr.run(&["content", "list", "--quiet"]).done();
    assert_eq!(held, "", "something of a refused image was fetched");
}
