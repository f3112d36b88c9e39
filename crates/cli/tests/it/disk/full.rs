//! A disk without a free byte, under the blobs and under the database.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use oci::{Digest, media_type};
use rustix::process::Signal;
use serde_json::json;

use crate::fsck::fsck;
use crate::samples::{application, noise};
use crate::serve::{Server, Site};
use crate::wire::{Answer, blob_path, manifest_path, push_blob, push_image};

/// A data folder on a file system of its own of this size, in the process's own mount namespace.
const DISK: &str =
    "mkdir -p data && mount -t tmpfs -o size=24m,mode=700 tidegate-test data && exec \"$@\"";

/// A site whose data folder is on a disk of 24 MB.
pub(crate) fn on_small_disk(site: Site) -> Site {
    let as_root = ["unshare", "--mount", "sh", "-c", DISK, "sh"];
    let as_user = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        DISK,
        "sh",
    ];
    if rustix::process::geteuid().is_root() {
        site.with_wrapper(&as_root)
    } else {
        site.with_wrapper(&as_user)
    }
}

/// The data folder as the process sees it.
pub(crate) fn inside(site: &Site, server: &Server, path: &str) -> PathBuf {
    let outside = site.data(path);
    let relative = outside.strip_prefix("/").expect("an absolute path");
    Path::new("/proc")
        .join(server.pid().to_string())
        .join("root")
        .join(relative)
}

/// Fills the disk to its last byte.
fn fill(ballast: &Path) {
    let mut file = fs_err::OpenOptions::new()
        .append(true)
        .create(true)
        .open(ballast)
        .expect("the process's own disk");
    for size in [1 << 20, 4 << 10, 1] {
        let piece = noise(size);
        while file.write_all(&piece).is_ok() {}
    }
}

fn image(config: &Digest, config_bytes: usize, number: usize) -> Vec<u8> {
    json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "config": { "mediaType": media_type::OCI_CONFIG, "digest": config, "size": config_bytes },
        "layers": [],
        "annotations": { "number": number.to_string(), "text": "x".repeat(20 << 10) },
    })
    .to_string()
    .into_bytes()
}

fn put(server: &Server, number: usize, bytes: &[u8]) -> Answer {
    server
        .request("PUT", &manifest_path("team/app", format!("v{number}")))
        .header("Content-Type", media_type::OCI_MANIFEST)
        .body(bytes)
        .send()
}

/// A full disk is told as one, or as a database that is busy; never as success, and never as "not there".
#[track_caller]
fn assert_no_room(answer: &Answer) {
    assert!(
        matches!(answer.status, 507 | 503 | 429),
        "{}: {}",
        answer.status,
        answer.text()
    );
}

#[test]
fn a_database_on_a_full_disk_keeps_what_it_acknowledged_and_goes_on() {
    let site = on_small_disk(Site::new());
    let server = site.start();
    push_image(&server, "other/app", "1.0", &application());
    let config = b"{}";
    let digest = push_blob(&server, "team/app", config);
    let ballast = inside(&site, &server, "ballast");
    fill(&ballast);

    let mut acknowledged = Vec::new();
    let mut refused = None;
    for number in 0..2000 {
        let manifest = image(&digest, config.len(), number);
        let answer = put(&server, number, &manifest);
        if answer.status != 201 {
            refused = Some((number, answer));
            break;
        }
        acknowledged.push((number, manifest));
        // What the database gave back is taken too.
        fill(&ballast);
    }
    let (number, answer) = refused.expect("a disk that is full some day");
    assert_eq!(answer.status, 507, "{}", answer.text());
    server
        .get(&manifest_path("team/app", format!("v{number}")))
        .expect(404);
    let upload = format!(
        "/v2/team/app/blobs/uploads/?digest={}",
        Digest::sha256(b"new")
    );
    assert_no_room(&server.request("POST", &upload).body("new").send());
    let doomed = manifest_path("other/app", "1.0");
    assert_no_room(&server.request("DELETE", &doomed).send());

    // Reading needs no room.
    server.get("/healthz").expect(200);
    let intact = application();
    let assert_all_there = |server: &Server| {
        let answer = server.get(&manifest_path("other/app", "1.0")).expect(200);
        assert!(answer.body == intact.manifest());
        let layer = &intact.layers[0];
        let answer = server.get(&blob_path("other/app", &layer.digest()));
        assert!(answer.expect(200).body == layer.bytes);
        for (number, manifest) in &acknowledged {
            let path = manifest_path("team/app", format!("v{number}"));
            assert!(server.get(&path).expect(200).body == *manifest);
        }
    };
    assert_all_there(&server);

    fs_err::remove_file(&ballast).expect("the ballast");
    let manifest = image(&digest, config.len(), number);
    put(&server, number, &manifest).expect(201);
    push_image(&server, "team/later", "1.0", &intact);
    assert_all_there(&server);

    // The process stands still while its disk is copied, as a machine that was switched off leaves it.
    server.signal(Signal::STOP);
    let copied = Command::new("cp")
        .arg("-a")
        .arg(inside(&site, &server, "."))
        .arg(site.data("."))
        .status()
        .expect("cp");
    assert!(copied.success());
    server.kill();
    fsck(&site, &["--deep"]).ends_with(0);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(catalog::testkit::assert_sound(&site.catalog()));
}
