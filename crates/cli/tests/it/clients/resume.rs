//! Connections that break: real clients go on where they were, or begin again, and nothing half is ever there.

use image::testkit::{TestImage, docker_archive};

use crate::cutter::Cutter;
use crate::daemons::Daemon;
use crate::samples::{large, write_layout};
use crate::serve::{PASSWORD, Server, Site};
use crate::tools::Tools;
use crate::wire::{blob_path, manifest_path, push_image};

/// More than every buffer on the way, so that a cut leaves something to be sent.
const LAYER: usize = 24 << 20;
/// Where the connection breaks.
const CUT: u64 = 9 << 20;

/// Checks that every blob of a manifest is there whole, and returns the manifest.
fn assert_whole(server: &Server, repository: &str) -> Vec<u8> {
    let stored = server.get(&manifest_path(repository, "1.0")).expect(200);
    let document = stored.json();
    let layers = document["layers"].as_array().expect("layers");
    for blob in layers.iter().chain([&document["config"]]) {
        let digest = blob["digest"].as_str().expect("a digest");
        let digest = digest.parse().expect("a digest");
        let bytes = server.get(&blob_path(repository, &digest)).expect(200).body;
        assert!(oci::Digest::sha256(&bytes) == digest, "another blob");
    }
    stored.body
}

/// The administrator's credentials for the way through the proxy.
fn tools_through(proxy: &Cutter) -> Tools {
    Tools::of_host(proxy.host(), "admin", PASSWORD)
}

fn image() -> TestImage {
    large(LAYER).named("team/app:1.0")
}

#[test]
fn skopeo_pushes_again_when_the_answer_was_lost() {
    let server = Site::new().start();
    let proxy = Cutter::of_uploads(server.host(), CUT);
    let tools = tools_through(&proxy);
    let image = image();
    write_layout(&tools.world, "layout", "source", &image);
    let target = format!("docker://{}/team/app:1.0", proxy.host());
    let options = ["--retry-times", "3"];
    tools.copy(&options, "oci:layout:source", &target).done();
    assert_eq!(proxy.cuts(), 1, "the connection was to break");
    assert_eq!(assert_whole(&server, "team/app"), image.manifest());
    server.stop();
}

#[test]
fn podman_pushes_again_when_the_answer_was_lost() {
    const POLICY: &str = "--signature-policy=policy.json";
    let server = Site::new().start();
    let proxy = Cutter::of_uploads(server.host(), CUT);
    let tools = tools_through(&proxy);
    tools.world.write("image.tar", docker_archive(&[image()]));
    tools
        .podman(&["load", "--quiet", POLICY, "--input", "image.tar"])
        .done();
    let name = format!("{}/team/app:1.0", proxy.host());
    let push = ["push", "--quiet", "--tls-verify=false", POLICY];
    tools
        .podman(&[&push[..], &["localhost/team/app:1.0", &name]].concat())
        .done();
    assert_eq!(proxy.cuts(), 1, "the connection was to break");
    assert_whole(&server, "team/app");
    server.stop();
}

#[test]
fn containerd_pulls_the_rest_of_a_layer_after_a_broken_connection() {
    let server = Site::new().start();
    let image = image();
    push_image(&server, "team/app", "1.0", &image);
    let proxy = Cutter::of_downloads(server.host(), CUT);
    let ctr = Daemon::containerd(&server);
    let name = format!("{}/team/app:1.0", proxy.host());
    ctr.reach(&["images", "pull"], &["--snapshotter=native", &name])
        .done();
    assert_eq!(proxy.cuts(), 1, "the connection was to break");
    // Not from the beginning: a part was asked for, and a part was given.
    let log = server.stop();
    let digest = image.layers[0].digest();
    let asked = format!("path=/v2/team/app/blobs/{digest} status=206");
    assert!(log.contains(&asked), "no `{asked}` in {log}");
}
