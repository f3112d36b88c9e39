//! skopeo: every format in, the same bytes out.

use std::collections::BTreeMap;

use image::testkit::{TestImage, docker_archive};
use oci::{Digest, media_type};
use rstest::rstest;
use serde_json::Value;

use crate::samples::{application, write_layout};
use crate::serve::{Engine, Server, Site};
use crate::tools::Tools;
use crate::wire::manifest_path;

/// The files of a `dir:` that are blobs, by the digest of what they hold.
fn pulled(tools: &Tools, folder: &str) -> (Vec<u8>, BTreeMap<String, Vec<u8>>) {
    let folder = tools.path(folder);
    let manifest = fs_err::read(folder.join("manifest.json")).expect("a manifest");
    let mut blobs = BTreeMap::new();
    for entry in fs_err::read_dir(&folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.len() == 64 {
            let bytes = fs_err::read(entry.path()).expect("a blob");
            assert_eq!(Digest::sha256(&bytes).hex(), name, "the content is another");
            blobs.insert(name, bytes);
        }
    }
    (manifest, blobs)
}

/// The digests that a manifest refers to.
fn references(manifest: &[u8]) -> Vec<String> {
    let manifest: Value = serde_json::from_slice(manifest).expect("JSON");
    let layers = manifest["layers"].as_array().expect("layers");
    std::iter::once(&manifest["config"])
        .chain(layers)
        .map(|blob| {
            let digest = blob["digest"].as_str().expect("a digest");
            digest.trim_start_matches("sha256:").to_owned()
        })
        .collect()
}

fn push_layout(tools: &Tools, server: &Server, image: &TestImage, name: &str) {
    write_layout(&tools.world, "layout", "source", image);
    let target = format!("docker://{}", server.image(name));
    tools.copy(&[], "oci:layout:source", &target).done();
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn an_oci_image_comes_back_bit_for_bit(#[case] engine: Engine) {
    let server = Site::on(engine).start();
    let tools = Tools::of_admin(&server);
    let image = application();
    push_layout(&tools, &server, &image, "team/app:1.0");

    let source = format!("docker://{}", server.image("team/app:1.0"));
    tools.copy(&[], &source, "dir:back").done();
    let (manifest, blobs) = pulled(&tools, "back");
    assert_eq!(manifest, image.manifest());
    assert_eq!(blobs.len(), image.layers.len() + 1);
    for wanted in references(&manifest) {
        assert!(blobs.contains_key(&wanted), "{wanted} is missing");
    }
    server.stop();
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn a_docker_archive_becomes_schema_2_and_comes_back_bit_for_bit(#[case] engine: Engine) {
    let server = Site::on(engine).start();
    let tools = Tools::of_admin(&server);
    let image = application();
    tools
        .world
        .write("image.tar", docker_archive(std::slice::from_ref(&image)));
    let name = format!("docker://{}", server.image("team/app:docker"));
    let options = ["--format", "v2s2", "--digestfile", "pushed"];
    tools
        .copy(&options, "docker-archive:image.tar", &name)
        .done();

    tools.copy(&[], &name, "dir:back").done();
    let (manifest, blobs) = pulled(&tools, "back");
    assert_eq!(
        Digest::sha256(&manifest).as_str(),
        tools.world.read("pushed")
    );
    let document: Value = serde_json::from_slice(&manifest).expect("JSON");
    assert_eq!(document["mediaType"], media_type::DOCKER_MANIFEST);
    let wanted = references(&manifest);
    assert_eq!(wanted[0], Digest::sha256(&image.config()).hex());
    assert_eq!(blobs.keys().len(), wanted.len());
    assert!(wanted.iter().all(|digest| blobs.contains_key(digest)));
    server.stop();
}

#[test]
fn an_oci_image_is_converted_to_schema_2_by_the_client_and_kept_as_it_comes() {
    let server = Site::new().start();
    let tools = Tools::of_admin(&server);
    write_layout(&tools.world, "layout", "source", &application());
    let name = format!("docker://{}", server.image("team/app:v2s2"));
    let options = ["--format", "v2s2", "--digestfile", "pushed"];
    tools.copy(&options, "oci:layout:source", &name).done();

    let answer = server.get(&manifest_path("team/app", "v2s2")).expect(200);
    assert_eq!(
        answer.header("content-type"),
        Some(media_type::DOCKER_MANIFEST)
    );
    assert_eq!(
        Digest::sha256(&answer.body).as_str(),
        tools.world.read("pushed")
    );
}

#[test]
fn an_image_is_copied_by_digest_and_inspected() {
    let server = Site::new().start();
    let tools = Tools::of_admin(&server);
    let image = application();
    push_layout(&tools, &server, &image, "team/app:1.0");
    let digest = Digest::sha256(&image.manifest());

    let by_digest = format!("docker://{}", server.image(&format!("team/app@{digest}")));
    let copy = format!("docker://{}", server.image("team/copy:1.0"));
    tools.copy(&[], &by_digest, &copy).done();
    let answer = server.get(&manifest_path("team/copy", "1.0")).expect(200);
    assert_eq!(answer.body, image.manifest());

    let raw = tools.skopeo("inspect", &["--raw"], &by_digest).done();
    assert_eq!(raw.as_bytes(), image.manifest());
    let config = tools
        .skopeo("inspect", &["--config", "--raw"], &by_digest)
        .done();
    assert_eq!(config.as_bytes(), image.config());
    let facts: Value =
        serde_json::from_str(&tools.skopeo("inspect", &[], &copy).done()).expect("JSON");
    assert_eq!(facts["Digest"], digest.as_str());
    assert_eq!(facts["RepoTags"], serde_json::json!(["1.0"]));
    assert_eq!(
        facts["Layers"].as_array().map(Vec::len),
        Some(image.layers.len())
    );
}

#[test]
fn tags_are_listed_and_a_deleted_image_is_gone() {
    let server = Site::new().start();
    let tools = Tools::of_admin(&server);
    push_layout(&tools, &server, &application(), "team/app:1.0");
    push_layout(&tools, &server, &crate::samples::harmless(), "team/app:2.0");
    let repository = format!("docker://{}", server.image("team/app"));
    let tags = |tools: &Tools| -> Value {
        let listed = tools.skopeo("list-tags", &[], &repository).done();
        serde_json::from_str::<Value>(&listed).expect("JSON")["Tags"].clone()
    };
    assert_eq!(tags(&tools), serde_json::json!(["1.0", "2.0"]));

    tools
        .skopeo("delete", &[], &format!("{repository}:1.0"))
        .done();
    assert_eq!(tags(&tools), serde_json::json!(["2.0"]));
    let said = tools
        .copy(&[], &format!("{repository}:1.0"), "dir:gone")
        .refused();
    assert!(said.contains("manifest `1.0` not known"), "{said}");
    tools
        .copy(&[], &format!("{repository}:2.0"), "dir:kept")
        .done();
}

#[test]
fn layers_known_in_another_repository_are_mounted_and_not_sent() {
    let server = Site::new().start();
    let tools = Tools::of_admin(&server);
    let image = application();
    push_layout(&tools, &server, &image, "team/app:1.0");
    let received = "tidegate_blob_received_bytes_total";
    let before = server.counter(received);
    let layers: usize = image.layers.iter().map(|layer| layer.bytes.len()).sum();
    let config = image.config().len();
    assert_eq!(before, (layers + config) as u64);

    push_layout(&tools, &server, &image, "other/app:1.0");
    // skopeo sends a configuration always; it is small.
    assert_eq!(server.counter(received), before + config as u64);
    let answer = server.get(&manifest_path("other/app", "1.0")).expect(200);
    assert_eq!(answer.body, image.manifest());
}
