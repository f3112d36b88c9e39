//! Collection and the checks of the store, with the real store: files and objects go, and what is needed does not.
//!
//! Time passes by starting the server again with a later clock.

use std::time::{Duration, SystemTime};

use catalog::Catalog;
use image::testkit::TestImage;
use jiff::{SignedDuration, Timestamp};
use oci::Digest;
use serde_json::{Value, json};
use server::Clock;

use crate::world::{Answer, IMAGE, World, admin, eventually, image_with, now, plain};

fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
}

async fn later(world: &mut World, by: SignedDuration) -> Timestamp {
    let at = now() + by;
    world.restart(Clock::Fixed(at)).await;
    at
}

async fn objects(world: &World) -> usize {
    let store = world.store().await;
    store.list(None, 1000).await.unwrap().len()
}

async fn api(world: &World, path: &str) -> Value {
    let answer = world.get(&admin(), path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// Collects everything that may go at this moment, and waits until it has gone.
async fn collect(world: &World) {
    // Each kind of thing is asked about only once what held it is gone.
    for _ in 0..4 {
        let answer = world.send(&admin(), "POST", "/api/v1/gc/run").await;
        assert_eq!(answer.status, 202, "{answer:?}");
        eventually(async || {
            let status = api(world, "/api/v1/gc").await;
            let is_done = status["dueSince"].is_null() && status["objects"] == 0;
            is_done.then_some(())
        })
        .await;
    }
}

async fn pause(world: &World, is_paused: bool) {
    let body = json!({ "paused": is_paused });
    let request = world.request(&admin(), "PATCH", "/api/v1/gc").json(&body);
    assert_eq!(Answer::of(request).await.status, 200);
}

async fn head(world: &World, path: &str) -> u16 {
    world.send(&admin(), "HEAD", path).await.status
}

fn cause<'a>(report: &'a Value, cause: &str) -> &'a Value {
    let causes = report["causes"].as_array().unwrap();
    let found = causes.iter().find(|found| found["cause"] == cause);
    found.unwrap_or_else(|| panic!("{cause}: {report}"))
}

/// What is deleted goes from the disk, and the dry run had said so; who pushes the same content meanwhile keeps it.
async fn what_is_deleted_goes_and_what_is_pushed_meanwhile_stays(mut world: World) {
    let image = TestImage::new(vec![plain("shared"), plain("alone")]);
    let digest = world.push_image("team/app", "1", &image).await;
    assert_eq!(objects(&world).await, 3);
    let path = format!("/v2/team/app/manifests/{digest}");
    assert_eq!(world.send(&admin(), "DELETE", &path).await.status, 202);
    collect(&world).await;
    assert_eq!(objects(&world).await, 3, "it can be brought back");

    // The schedule would be faster than the question.
    pause(&world, true).await;
    later(&mut world, days(15)).await;
    let report = api(&world, "/api/v1/gc/report").await;
    let sizes = image.layers.iter().map(|layer| layer.bytes.len());
    let expected = sizes.sum::<usize>() + image.config().len();
    let manifests = cause(&report, "manifests");
    assert_eq!(
        (&manifests["count"], &manifests["bytes"]),
        (&json!(1), &json!(expected))
    );
    assert_eq!(report["bytes"], json!(expected));
    assert_eq!(report["partial"], false);
    pause(&world, false).await;
    // The same layer again, in another repository, while collection runs.
    let other = TestImage::new(vec![plain("shared"), plain("new")]);
    let pushed = async {
        for tag in ["1", "2", "3", "4", "5"] {
            world.push_image("team/other", tag, &other).await;
        }
    };
    tokio::join!(collect(&world), pushed);

    later(&mut world, days(15) + SignedDuration::from_mins(20)).await;
    collect(&world).await;
    for layer in &other.layers {
        let path = format!("/v2/team/other/blobs/{}", layer.digest());
        let answer = world.get(&admin(), &path).await;
        assert_eq!((answer.status, &answer.body), (200, &layer.bytes));
    }
    for tag in ["1", "5"] {
        let answer = world
            .get(&admin(), &format!("/v2/team/other/manifests/{tag}"))
            .await;
        assert_eq!((answer.status, answer.body), (200, other.manifest()));
    }
    let alone = image.layers[1].digest();
    assert_eq!(
        head(&world, &format!("/v2/team/app/blobs/{alone}")).await,
        404
    );
    assert_eq!(head(&world, &path).await, 404);
    assert_eq!(objects(&world).await, 3, "two layers and a configuration");
    assert_eq!(api(&world, "/api/v1/gc/report").await["bytes"], 0);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_deleted_goes_from_the_disk() {
    what_is_deleted_goes_and_what_is_pushed_meanwhile_stays(World::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_deleted_goes_from_the_bucket() {
    what_is_deleted_goes_and_what_is_pushed_meanwhile_stays(World::postgres_s3().await).await;
}

/// `HEAD` of what would go keeps it for a day more, and costs no write where nothing would go.
async fn whoever_is_told_that_content_is_there_finds_it(mut world: World) {
    let digest = world.push_blob(&admin(), "team/app", b"{}").await;
    let body = crate::world::artifact("application/x", None, &[]);
    let manifest = Digest::sha256(&body);
    let put = world
        .put(&admin(), "team/app", manifest.as_str(), IMAGE, &body)
        .await;
    assert_eq!(put.status, 201);
    let lonely = world.push_blob(&admin(), "team/app", b"lonely").await;
    let catalog = Catalog::connect(world.database()).await.unwrap();
    let name = "team/app".parse().unwrap();
    let id = catalog.repository(&name).await.unwrap().unwrap().id;
    let kept = async |digest: &Digest| {
        let blob = catalog.blob_in_repo(id, digest).await.unwrap();
        blob.and_then(|blob| blob.kept_until)
    };
    let paths = [
        format!("/v2/team/app/blobs/{lonely}"),
        format!("/v2/team/app/manifests/{manifest}"),
    ];
    let before = kept(&lonely).await.unwrap();
    for path in &paths {
        assert_eq!(head(&world, path).await, 200);
    }
    assert_eq!(kept(&lonely).await, Some(before), "a day is far away");
    let until = |at: Timestamp| Timestamp::from_microsecond((at + days(1)).as_microsecond());
    // Twice: the second answer comes from memory and is as good.
    let at = later(&mut world, days(1) - SignedDuration::from_mins(5)).await;
    for path in paths.iter().chain(&paths) {
        assert_eq!(head(&world, path).await, 200);
    }
    assert_eq!(kept(&lonely).await, until(at).ok());
    let stored = catalog.manifest(id, &manifest).await.unwrap().unwrap();
    assert_eq!(Some(stored.kept_until), until(at).ok());
    later(&mut world, days(1) + SignedDuration::from_hours(12)).await;
    collect(&world).await;
    for path in &paths {
        assert_eq!(head(&world, path).await, 200);
    }
    assert_eq!(kept(&lonely).await, until(at).ok());
    later(&mut world, days(3)).await;
    collect(&world).await;
    for path in &paths {
        assert_eq!(head(&world, path).await, 404);
    }
    assert_eq!(kept(&digest).await, None);
    catalog.close().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_told_that_content_is_there_finds_it_on_sqlite() {
    whoever_is_told_that_content_is_there_finds_it(World::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_told_that_content_is_there_finds_it_on_postgres() {
    whoever_is_told_that_content_is_there_finds_it(World::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_a_day_after_its_last_byte_and_a_week_after_its_first() {
    let mut world = World::sqlite().await;
    let idle = world.session(&admin(), "team/app").await;
    let busy = world.session(&admin(), "team/app").await;
    let append = async |world: &World| {
        Answer::of(world.request(&admin(), "PATCH", &busy).body("x"))
            .await
            .status
    };
    assert_eq!(append(&world).await, 202);
    for hours in [20, 40, 60, 80, 100, 120, 140, 160] {
        later(&mut world, SignedDuration::from_hours(hours)).await;
        assert_eq!(append(&world).await, 202, "after {hours} hours");
        let status = world.get(&admin(), &idle).await.status;
        assert_eq!(
            status,
            if hours < 24 { 204 } else { 404 },
            "after {hours} hours"
        );
    }
    later(&mut world, SignedDuration::from_hours(7 * 24 + 1)).await;
    assert_eq!(append(&world).await, 404);
    let store = world.store().await;
    eventually(async || store.list_uploads().await.unwrap().is_empty().then_some(())).await;
    world.stop().await;
}

fn file_of(world: &World, key: &str) -> std::path::PathBuf {
    world.data_directory().join("blobs").join(key)
}

/// The object of a blob.
async fn key_of(world: &World, digest: &Digest) -> String {
    let catalog = Catalog::connect(world.database()).await.unwrap();
    let blob = catalog.blob(digest).await.unwrap().unwrap();
    catalog.close().await;
    blob.object_key
}

async fn finding(world: &World, fault: &str) -> Value {
    eventually(async || {
        let status = api(world, "/api/v1/store").await;
        let findings = status["findings"].as_array().unwrap();
        findings
            .iter()
            .find(|found| found["fault"] == fault)
            .cloned()
    })
    .await
}

async fn is_unreadable_until_sent_again(world: &World, digest: &Digest, content: &[u8]) {
    let path = format!("/v2/team/app/blobs/{digest}");
    let answer = world.get(&admin(), &path).await;
    let error = answer.error(500, "UNKNOWN");
    assert!(
        error["message"].as_str().unwrap().contains("incident"),
        "{error}"
    );
    assert_eq!(
        head(world, &path).await,
        404,
        "a client sends it again then"
    );
    world.push_blob(&admin(), "team/app", content).await;
    let answer = world.get(&admin(), &path).await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, content));
    let status = api(world, "/api/v1/store").await;
    assert_eq!(status["findings"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_bytes_are_found_kept_from_readers_and_healed_by_a_new_upload() {
    let mut world = World::sqlite().await;
    let image = image_with("zlib1g", "1");
    world.push_image("team/app", "1", &image).await;
    let (digest, content) = (image.layers[0].digest(), image.layers[0].bytes.clone());
    let path = format!("/v2/team/app/blobs/{digest}");
    assert_eq!(world.get(&admin(), &path).await.status, 200);
    let file = file_of(&world, &key_of(&world, &digest).await);
    let mut damaged = content.clone();
    damaged[0] ^= 1;
    std::io::Write::write_all(
        &mut fs_err::OpenOptions::new().write(true).open(&file).unwrap(),
        &damaged,
    )
    .unwrap();
    // A new round has begun by then, whatever the first start did.
    later(&mut world, days(31)).await;
    let found = finding(&world, "damaged").await;
    assert_eq!(found["digest"], digest.as_str());
    eventually(async || {
        let metrics = world.get(&admin(), "/metrics").await.text();
        let is_told = metrics.contains("tidegate_store_faults{fault=\"damaged\"} 1");
        is_told.then_some(())
    })
    .await;
    eventually(async || {
        let status = api(&world, "/api/v1/store").await;
        let mut checks = status["checks"].as_array().unwrap().iter();
        checks.any(|check| check["name"] == "verify").then_some(())
    })
    .await;
    is_unreadable_until_sent_again(&world, &digest, &content).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_and_rows_are_compared_each_week() {
    let mut world = World::sqlite().await;
    let image = image_with("zlib1g", "1");
    world.push_image("team/app", "1", &image).await;
    let (digest, content) = (image.layers[0].digest(), image.layers[0].bytes.clone());
    fs_err::remove_file(file_of(&world, &key_of(&world, &digest).await)).unwrap();
    let directory = file_of(&world, "o/0a");
    fs_err::create_dir_all(&directory).unwrap();
    let (old, young) = (
        "0a6bd2f3-2c3b-4b9c-8f9e-0d6a7b1c2d3e",
        "0a6bd2f3-2c3b-4b9c-8f9e-0d6a7b1c2d3f",
    );
    let mut paths = Vec::new();
    for (name, written) in [(old, now()), (young, now() + days(7))] {
        let path = crate::world::write(&directory, name, b"unknown");
        let file = fs_err::OpenOptions::new().write(true).open(&path).unwrap();
        let since = Duration::try_from(written.as_duration()).unwrap();
        file.file()
            .set_modified(SystemTime::UNIX_EPOCH + since)
            .unwrap();
        paths.push(path);
    }
    later(&mut world, days(8)).await;
    let found = finding(&world, "missing").await;
    assert_eq!(found["digest"], digest.as_str());
    is_unreadable_until_sent_again(&world, &digest, &content).await;
    eventually(async || matches!(fs_err::metadata(&paths[0]), Err(error) if error.kind() == std::io::ErrorKind::NotFound).then_some(())).await;
    fs_err::metadata(&paths[1]).expect("a young one may be somebody's");
    let report = api(&world, "/api/v1/gc/report").await;
    let unknown = cause(&report, "unknownObjects");
    assert_eq!(
        (&unknown["count"], &unknown["bytes"]),
        (&json!(1), &json!(7))
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_another_one_is_no_reason_to_quarantine_everything() {
    let mut world = World::sqlite().await;
    let image = TestImage::new((0..12).map(|n| plain(&n.to_string())).collect());
    world.push_image("team/app", "1", &image).await;
    let (blobs, away) = (
        world.data_directory().join("blobs/o"),
        world.data.path().join("away"),
    );
    world.stop().await;
    fs_err::rename(&blobs, &away).unwrap();
    later(&mut world, days(8)).await;
    let dead = eventually(async || {
        let jobs = api(&world, "/api/v1/jobs?state=dead").await;
        let jobs = jobs["items"].as_array().unwrap().clone();
        jobs.into_iter().find(|job| job["kind"] == "reconcile")
    })
    .await;
    assert!(
        dead["lastError"].as_str().unwrap().contains("13 of 13"),
        "{dead}"
    );
    assert_eq!(api(&world, "/api/v1/store").await["findings"], json!([]));
    world.stop().await;
    fs_err::remove_dir_all(&blobs).unwrap();
    fs_err::rename(&away, &blobs).unwrap();
    later(&mut world, days(8)).await;
    let path = format!("/v2/team/app/blobs/{}", image.layers[0].digest());
    assert_eq!(world.get(&admin(), &path).await.status, 200);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_names_what_is_wrong_beside_the_objects() {
    let mut world = World::sqlite().await;
    let image = image_with("zlib1g", "1");
    world.push_image("team/app", "1", &image).await;
    let catalog = Catalog::connect(world.database()).await.unwrap();
    let check = async || {
        let database = secrecy::SecretString::from(world.database().to_owned());
        let admin = server::admin::Admin::open(&database).await.unwrap();
        let options = server::admin::CheckOptions {
            is_deep: true,
            sparse: server::Sparse::Index,
            may_delete_referenced: false,
        };
        let (files, data) = (server::Storage::Files, world.data_directory());
        let report = admin.check(&files, &data, options, now());
        report.await.unwrap().findings
    };
    assert_eq!(check().await, []);

    let row = catalog.blob_row(&image.layers[0].digest()).await.unwrap();
    let row = row.unwrap();
    let fault = catalog::Fault::Damaged;
    assert!(
        catalog
            .quarantine(&row, fault, "seen", now())
            .await
            .unwrap()
    );
    let (body, name) = (image.manifest(), "team/app".parse().unwrap());
    let (repository, other) = (catalog.repository(&name).await.unwrap(), b"other bytes");
    let put = catalog::PutManifest {
        repository: repository.unwrap().id,
        digest: &Digest::sha256(other),
        bytes: &body,
        manifest: &oci::Manifest::parse(&body, IMAGE).unwrap(),
        tags: &[],
        sparse: server::Sparse::All,
        jobs: &[],
        labels: &std::collections::BTreeMap::new(),
        writer: catalog::Writer::Person,
    };
    let by = catalog::Actor::named("somebody");
    catalog.put_manifest(put, &by, now()).await.unwrap();
    let staged = "0a6bd2f3-2c3b-4b9c-8f9e-0d6a7b1c2d3e";
    crate::world::write(&file_of(&world, "uploads"), staged, b"left over");

    let (digest, wrong) = (row.digest.to_string(), Digest::sha256(other).to_string());
    let findings = check().await;
    for (name, subject, is_fault) in [
        ("blob-is-not-quarantined", digest.as_str(), true),
        ("manifest-has-its-hash", wrong.as_str(), true),
        ("staged-bytes-have-a-row", staged, false),
    ] {
        let found = findings.iter().find(|found| found.check == name);
        let found = found.unwrap_or_else(|| panic!("{name}: {findings:?}"));
        assert_eq!(found.is_fault, is_fault, "{name}");
        assert!(found.subject.contains(subject), "{found:?}");
    }
    catalog.close().await;
    world.stop().await;
}
