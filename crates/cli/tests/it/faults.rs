//! Pushes that go wrong: nothing half is ever visible, nothing that was there is lost, and the push can be repeated.

use std::time::{Duration, Instant};

use oci::Digest;
use rstest::rstest;

use crate::disk::{inside, on_small_disk};
use crate::samples::{application, large, noise, write_layout};
use crate::serve::{Server, Site};
use crate::tools::Tools;
use crate::wire::{blob_path, manifest_path, open_upload, push_blob, push_image};

const PATIENCE: Duration = Duration::from_mins(1);

/// Checks that an image is there, byte by byte.
fn assert_intact(server: &Server, repository: &str, image: &image::testkit::TestImage) {
    let answer = server.get(&manifest_path(repository, "1.0")).expect(200);
    assert!(answer.body == image.manifest(), "another manifest");
    for layer in &image.layers {
        let answer = server
            .get(&blob_path(repository, &layer.digest()))
            .expect(200);
        assert!(answer.body == layer.bytes, "another layer");
    }
}

/// Waits until the server has taken so many bytes.
fn wait_until_received(server: &Server, bytes: u64) {
    let deadline = Instant::now() + PATIENCE;
    while server.counter("tidegate_blob_received_bytes_total") < bytes {
        assert!(Instant::now() < deadline, "{}", server.log());
        std::thread::yield_now();
    }
}

#[test]
fn a_server_killed_during_an_upload_shows_nothing_of_it_and_takes_it_again() {
    let site = Site::new();
    let server = site.start();
    let earlier = application();
    push_image(&server, "team/app", "1.0", &earlier);
    let image = large(8 << 20);
    let layer = &image.layers[0];
    let place = open_upload(&server, "team/large");
    let before = server.counter("tidegate_blob_received_bytes_total");
    let (sent, _) = layer.bytes.split_at(5 << 20);
    let upload = server
        .request("PATCH", &place)
        .begin(layer.bytes.len(), sent);
    wait_until_received(&server, before + sent.len() as u64);
    server.kill();
    drop(upload);

    let server = site.start();
    server
        .get(&blob_path("team/large", &layer.digest()))
        .expect(404);
    server.get(&manifest_path("team/large", "1.0")).expect(404);
    assert_intact(&server, "team/app", &earlier);
    push_image(&server, "team/large", "1.0", &image);
    assert_intact(&server, "team/large", &image);
    server.stop();
}

#[test]
fn an_upload_goes_on_after_a_kill_where_the_server_says_it_stands() {
    let site = Site::new();
    let server = site.start();
    let bytes = noise(3 << 20);
    let digest = Digest::sha256(&bytes);
    let place = open_upload(&server, "team/app");
    let (first, second) = bytes.split_at(1 << 20);
    server
        .request("PATCH", &place)
        .body(first)
        .send()
        .expect(202);
    let before = server.counter("tidegate_blob_received_bytes_total");
    let upload = server
        .request("PATCH", &place)
        .begin(second.len(), &second[..1 << 20]);
    wait_until_received(&server, before + (1 << 20));
    server.kill();
    drop(upload);

    let server = site.start();
    let answer = server.get(&place).expect(204);
    let range = answer.header("Range").expect("a range").to_owned();
    let last: usize = range.trim_start_matches("0-").parse().expect("a number");
    // What was acknowledged is durable; what was under way may or may not be.
    assert!(last + 1 >= first.len(), "{range}");
    server
        .request("PUT", &format!("{place}?digest={digest}"))
        .body(&bytes[last + 1..])
        .send()
        .expect(201);
    let answer = server.get(&blob_path("team/app", &digest)).expect(200);
    assert!(answer.body == bytes, "another blob");
}

#[test]
fn a_client_killed_during_its_push_can_push_again() {
    let site = Site::new();
    let server = site.start();
    let tools = Tools::of_admin(&server);
    let image = large(24 << 20);
    write_layout(&tools.world, "layout", "source", &image);
    let target = format!("docker://{}", server.image("team/large:1.0"));
    let mut push = tools.spawn_copy("oci:layout:source", &target);
    wait_until_received(&server, 1);
    push.kill().expect("it runs");
    push.wait().expect("its end");
    server.get(&manifest_path("team/large", "1.0")).expect(404);

    tools.copy(&[], "oci:layout:source", &target).done();
    assert_intact(&server, "team/large", &image);
}

#[test]
fn a_body_that_breaks_off_is_no_blob_and_the_upload_goes_on() {
    let server = Site::new().start();
    let bytes = noise(1 << 20);
    let digest = Digest::sha256(&bytes);
    let place = open_upload(&server, "team/app");
    let half = &bytes[..bytes.len() / 2];
    let put = format!("{place}?digest={digest}");
    let before = server.counter("tidegate_blob_received_bytes_total");
    let upload = server.request("PUT", &put).begin(bytes.len(), half);
    wait_until_received(&server, before + half.len() as u64);
    let answer = upload.break_off().expect(400);
    assert_eq!(answer.error().0, "SIZE_INVALID", "{}", answer.text());
    server.get(&blob_path("team/app", &digest)).expect(404);
    let answer = server.get(&place).expect(204);
    let range = format!("0-{}", half.len() - 1);
    assert_eq!(answer.header("Range"), Some(range.as_str()));
    let answer = server
        .request("PUT", &put)
        .body(&bytes[half.len()..])
        .send();
    answer.expect(201);
    let answer = server.get(&blob_path("team/app", &digest)).expect(200);
    assert!(answer.body == bytes, "another blob");
}

#[test]
fn a_wrong_digest_is_named_and_nothing_is_kept() {
    let site = Site::new();
    let server = site.start();
    let (sent, promised) = (noise(4 << 10), Digest::sha256(b"something else"));
    let path = format!("/v2/team/app/blobs/uploads/?digest={promised}");
    let answer = server
        .request("POST", &path)
        .body(sent.clone())
        .send()
        .expect(400);
    let (code, message) = answer.error();
    assert_eq!(code, "DIGEST_INVALID");
    let actual = Digest::sha256(&sent);
    assert!(
        message.contains(promised.as_str()) && message.contains(actual.as_str()),
        "{message}"
    );
    for digest in [&promised, &actual] {
        server.get(&blob_path("team/app", digest)).expect(404);
    }
    let left: u64 = site.blob_files().iter().map(|(_, size)| size).sum();
    assert_eq!(left, 0, "{:?}", site.blob_files());
}

#[rstest]
#[case::not_json("{", "MANIFEST_INVALID")]
#[case::missing_blobs(
    r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0},"layers":[]}"#,
    "MANIFEST_BLOB_UNKNOWN"
)]
fn a_manifest_that_cannot_stand_is_refused_and_moves_no_tag(
    #[case] manifest: &str,
    #[case] code: &str,
) {
    let server = Site::new().start();
    let image = application();
    push_image(&server, "team/app", "1.0", &image);
    let answer = server
        .request("PUT", &manifest_path("team/app", "1.0"))
        .header("Content-Type", oci::media_type::OCI_MANIFEST)
        .body(manifest)
        .send();
    assert!((400..500).contains(&answer.status), "{}", answer.text());
    assert_eq!(answer.error().0, code, "{}", answer.text());
    assert_intact(&server, "team/app", &image);
}

#[test]
fn a_manifest_under_another_digest_is_refused() {
    let server = Site::new().start();
    let image = application();
    push_image(&server, "team/app", "1.0", &image);
    let other = Digest::sha256(b"another manifest");
    let answer = server
        .request("PUT", &manifest_path("team/app", &other))
        .header("Content-Type", oci::media_type::OCI_MANIFEST)
        .body(image.manifest())
        .send()
        .expect(400);
    assert_eq!(answer.error().0, "DIGEST_INVALID");
    server.get(&manifest_path("team/app", &other)).expect(404);
}

#[test]
fn a_full_disk_is_said_and_once_there_is_room_the_push_succeeds() {
    let site = on_small_disk(Site::new());
    let server = site.start();
    let earlier = application();
    push_image(&server, "team/app", "1.0", &earlier);
    let ballast = inside(&site, &server, "ballast");
    let mut file = fs_err::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&ballast)
        .expect("the process's own disk");
    std::io::Write::write_all(&mut file, &noise(16 << 20)).expect("room for ballast");
    drop(file);

    let tools = Tools::of_admin(&server);
    let image = large(10 << 20);
    write_layout(&tools.world, "layout", "source", &image);
    let target = format!("docker://{}", server.image("team/large:1.0"));
    let path = format!(
        "/v2/team/large/blobs/uploads/?digest={}",
        image.layers[0].digest()
    );
    let answer = server
        .request("POST", &path)
        .body(image.layers[0].bytes.clone())
        .send()
        .expect(507);
    assert!(
        answer.error().1.contains("storage is full"),
        "{}",
        answer.text()
    );
    let said = tools.copy(&[], "oci:layout:source", &target).refused();
    // Clients read the words of 4xx answers only; of others they print the status.
    assert!(said.contains("507 Insufficient Storage"), "{said}");

    server.get("/healthz").expect(200);
    assert_intact(&server, "team/app", &earlier);
    server
        .get(&blob_path("team/large", &image.layers[0].digest()))
        .expect(404);
    server.get(&manifest_path("team/large", "1.0")).expect(404);

    fs_err::remove_file(&ballast).expect("the ballast");
    tools.copy(&[], "oci:layout:source", &target).done();
    assert_intact(&server, "team/large", &image);
    assert_intact(&server, "team/app", &earlier);
    push_blob(&server, "team/app", b"one more");
    server.stop();
}
