//! `tidegate admin fsck`: a whole store passes, and what is broken is named.

use rstest::rstest;

use crate::samples::application;
use crate::serve::{Engine, Site};
use crate::wire::push_image;
use crate::world::Run;

/// Checks a site that has no server at the moment.
pub(crate) fn fsck(site: &Site, options: &[&str]) -> Run {
    let mut words = vec!["admin", "fsck", "--data", "data"];
    words.extend(options);
    let mut command = site.world.command(&words);
    for (name, value) in site.variables() {
        command.env(name, value);
    }
    command.output().expect("it starts").into()
}

/// A site with one image, stopped.
fn filled(engine: Engine) -> Site {
    let site = Site::on(engine);
    let server = site.start();
    push_image(&server, "team/app", "1.0", &application());
    server.stop();
    site
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
fn a_pushed_image_is_whole(#[case] engine: Engine) {
    let site = filled(engine);
    let report = fsck(&site, &["--deep", "-o", "json"]).ends_with(0);
    let report: serde_json::Value = serde_json::from_str(&report.stdout).expect("JSON");
    assert_eq!(report["findings"], serde_json::json!([]));
    let image = application();
    assert_eq!(report["blobs"], image.layers.len() + 1);
    assert_eq!(report["objects"], report["blobs"]);
    assert_eq!(report["manifests"], 1);
    assert!(report["hashedBytes"].as_u64() > Some(0));
}

#[test]
fn a_lost_object_is_a_fault() {
    let site = filled(Engine::Sqlite);
    let (path, _) = site.blob_files().pop().expect("an object");
    fs_err::remove_file(&path).expect("removed");
    fsck(&site, &[])
        .ends_with(2)
        .shows("blob-has-its-object")
        .says(": 1 faults");
}

#[test]
fn a_shortened_object_is_a_fault() {
    let site = filled(Engine::Sqlite);
    let (path, size) = site.blob_files().pop().expect("an object");
    make_writable(&path);
    let file = fs_err::OpenOptions::new().write(true).open(&path);
    file.expect("opened").set_len(size - 1).expect("shortened");
    fsck(&site, &[]).ends_with(2).shows("blob-has-its-size");
}

#[test]
fn only_a_deep_check_sees_other_bytes_of_the_same_size() {
    let site = filled(Engine::Sqlite);
    let (path, _) = site.blob_files().pop().expect("an object");
    let mut bytes = fs_err::read(&path).expect("read");
    bytes[0] ^= 1;
    make_writable(&path);
    site.world.write(path.to_str().expect("text"), bytes);
    fsck(&site, &[]).ends_with(0);
    fsck(&site, &["--deep"])
        .ends_with(2)
        .shows("blob-has-its-hash");
}

#[test]
fn an_object_without_a_row_is_left_over_and_no_fault() {
    let site = filled(Engine::Sqlite);
    let name = "o/0a/0a6bd2f3-2c3b-4b9c-8f9e-0d6a7b1c2d3e";
    site.world
        .write(&format!("data/blobs/{name}"), b"left over");
    fsck(&site, &[])
        .ends_with(0)
        .shows("object-has-a-row")
        .shows(name);
}

fn make_writable(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("set");
}
