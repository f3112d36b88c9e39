//! Images for two platforms under one tag.

use image::testkit::{TestImage, docker_archive};
use oci::{Digest, media_type};
use serde_json::Value;

use crate::samples::{application, harmless, write_index_layout};
use crate::serve::Site;
use crate::tools::Tools;
use crate::wire::manifest_path;

fn platforms() -> [TestImage; 2] {
    [
        application().on("linux/amd64"),
        harmless().on("linux/arm64"),
    ]
}

#[test]
fn skopeo_copies_every_platform_and_gets_the_same_index_back() {
    let server = Site::new().start();
    let tools = Tools::of_admin(&server);
    let images = platforms();
    let index = write_index_layout(&tools.world, "layout", "source", &images);
    let name = format!("docker://{}", server.image("team/multi:1.0"));
    tools.copy(&["--all"], "oci:layout:source", &name).done();

    let answer = server.get(&manifest_path("team/multi", "1.0")).expect(200);
    assert_eq!(answer.header("content-type"), Some(media_type::OCI_INDEX));
    assert_eq!(answer.body, index);
    tools.copy(&["--all"], &name, "oci:back:1.0").done();
    for image in &images {
        let digest = Digest::sha256(&image.manifest());
        let blob = tools.path("back/blobs/sha256").join(digest.hex());
        assert_eq!(fs_err::read(blob).expect("a manifest"), image.manifest());
    }

    let raw = tools.skopeo("inspect", &["--raw"], &name).done();
    assert_eq!(raw.as_bytes(), index);
}

#[test]
fn podman_pushes_a_manifest_list_and_pulls_the_platform_it_is_asked_for() {
    let server = Site::new().start();
    let tools = Tools::of_admin(&server);
    let images = platforms();
    for (file, image) in ["amd64.tar", "arm64.tar"].into_iter().zip(&images) {
        tools
            .world
            .write(file, docker_archive(std::slice::from_ref(image)));
    }
    tools
        .podman(&["manifest", "create", "localhost/list:1"])
        .done();
    for file in ["docker-archive:amd64.tar", "docker-archive:arm64.tar"] {
        tools
            .podman(&["manifest", "add", "localhost/list:1", file])
            .done();
    }
    let name = server.image("team/list:1");
    let target = format!("docker://{name}");
    tools
        .podman(&[
            "manifest",
            "push",
            "--all",
            "--quiet",
            "--tls-verify=false",
            "localhost/list:1",
            &target,
        ])
        .done();
    let answer = server.get(&manifest_path("team/list", "1")).expect(200);
    let listed = answer.json()["manifests"].as_array().map(Vec::len);
    assert_eq!(listed, Some(2), "{}", answer.text());

    let id = tools
        .podman(&[
            "pull",
            "--quiet",
            "--tls-verify=false",
            "--platform=linux/arm64",
            "--signature-policy=policy.json",
            &name,
        ])
        .done();
    assert_eq!(id, Digest::sha256(&images[1].config()).hex());
    let facts: Value = server
        .get("/api/v1/repositories/team/list/-/tags")
        .expect(200)
        .json();
    assert_eq!(
        facts["items"][0]["platforms"],
        serde_json::json!(["linux/amd64", "linux/arm64"])
    );
}
