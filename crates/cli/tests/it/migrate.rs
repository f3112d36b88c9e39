//! `tidegate migrate`: a registry on SQLite and files becomes one on PostgreSQL and a bucket of a real S3 server.

use std::os::unix::process::ExitStatusExt as _;

use blobs::testkit::Seaweed;
use blobs::{S3Config, S3Credentials};
use image::testkit::TestImage;
use oci::Digest;
use secrecy::ExposeSecret as _;

use crate::fsck::fsck;
use crate::samples::application;
use crate::serve::{Engine, Server, Site};
use crate::tools::Tools;
use crate::wire::{Request, blob_path, manifest_path, push_blob, push_image};
use crate::world::{Run, image_of};

/// Where a registry moves to: a database and a place in a bucket.
struct Target {
    database: String,
    config: S3Config,
}

impl Target {
    fn new() -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        Self {
            database: Site::on(Engine::Postgres).catalog(),
            config: runtime.block_on(async { Seaweed::shared().await.config() }),
        }
    }

    fn place(&self) -> String {
        format!("s3://{}/{}", self.config.bucket, self.config.prefix)
    }

    /// How to get to the bucket.
    fn variables(&self) -> [(&'static str, String); 3] {
        let key: &S3Credentials = self.config.credentials.as_ref().expect("a key");
        let endpoint = self.config.endpoint.clone();
        [
            ("TIDEGATE_S3_ENDPOINT", endpoint.expect("an address")),
            ("TIDEGATE_S3_ACCESS_KEY_ID", key.access_key_id.clone()),
            (
                "TIDEGATE_S3_SECRET_ACCESS_KEY",
                key.secret_access_key.expose_secret().to_owned(),
            ),
        ]
    }

    /// A site that is served from here, with a data folder of its own.
    fn site(&self) -> Site {
        let site = Site::new()
            .with_variable("TIDEGATE_DATABASE", &self.database)
            .with_variable("TIDEGATE_STORAGE", &self.place());
        self.variables()
            .into_iter()
            .fold(site, |site, (name, value)| site.with_variable(name, &value))
    }
}

/// Migrates a site that has no server at the moment; at the place, if one is given, the process dies.
fn migrate(site: &Site, target: &Target, dies_at: &str) -> std::process::Output {
    site.world.write("armed", dies_at);
    let mut command = site.world.command(&[
        "migrate",
        "--data",
        "data",
        "--to-database",
        &target.database,
        "--to-storage",
        &target.place(),
    ]);
    command.env(failpoint::VARIABLE, site.world.path("armed"));
    command.envs(target.variables());
    command.output().expect("it starts")
}

/// Returns content of more than one part of an upload to a bucket whose digest comes before those of the images' blobs:
/// objects are copied in that order.
fn large_before(images: &[TestImage]) -> Vec<u8> {
    let blobs = images.iter().flat_map(|image| {
        let layers = image
            .layers
            .iter()
            .map(|layer| Digest::sha256(&layer.bytes));
        layers.chain([Digest::sha256(&image.config())])
    });
    let least = blobs.map(|digest| digest.to_string()).min();
    let least = least.expect("a blob");
    let mut content: Vec<u8> = (0..18_000_000_u32).map(|n| (n >> 7) as u8).collect();
    while Digest::sha256(&content).to_string() > least {
        content[0] += 1;
    }
    content
}

#[track_caller]
fn pulls(server: &Server, path: &str) -> Vec<u8> {
    server.get(path).expect(200).body
}

#[test]
fn a_registry_moves_whole_whenever_its_migration_dies() {
    let site = Site::new();
    let server = site.start();
    let manifest = push_image(&server, "team/app", "1.0", &application());
    let other = push_image(&server, "team/other", "2", &image_of(&[("a", "text")]));
    let large = large_before(&[application(), image_of(&[("a", "text")])]);
    let large_digest = push_blob(&server, "team/app", &large);
    server.stop();
    let words = ["admin", "robot", "create", "ci", "--repository", "team/app"];
    let robot = site
        .world
        .run(&[&words[..], &["--data", "data"]].concat())
        .ends_with(0);

    let target = Target::new();
    for place in [
        "after bucket.part",
        "before bucket.complete",
        "before bucket.put 2",
        "after bucket.put",
        "before transfer.rows",
        "after transfer.rows 4",
    ] {
        let died = migrate(&site, &target, place);
        assert_eq!(died.status.signal(), Some(9), "`{place}`: {died:?}");
    }
    // Nobody uses what is half there.
    let half = target.site();
    half.run()
        .ends_with(1)
        .says("a migration into this database has not ended: run `tidegate migrate` again");
    crate::fsck::fsck(&half, &[])
        .ends_with(1)
        .says("a migration into this database has not ended: run `tidegate migrate` again");

    let done: Run = migrate(&site, &target, "").into();
    let done = done
        .ends_with(0)
        .shows("each hashed on both sides")
        .shows("tables copied and compared")
        .hides(" 0 were there already");
    assert!(!done.stderr.contains("warning"), "{}", done.stderr);
    let again: Run = migrate(&site, &target, "").into();
    again.ends_with(1).says("Nothing in the source was changed");

    // The target is a registry by itself: the source's folder is not there.
    let moved = target.site();
    let server = moved.start();
    for (repository, tag, digest) in [("team/app", "1.0", &manifest), ("team/other", "2", &other)] {
        let body = pulls(&server, &manifest_path(repository, tag));
        assert_eq!(Digest::sha256(&body), *digest, "{repository}:{tag}");
    }
    assert!(pulls(&server, &blob_path("team/app", &large_digest)) == large);
    Request::new(server.host(), "GET", "/v2/team/app/tags/list")
        .by("admin+ci", robot.stdout.trim())
        .send()
        .expect(200);
    let tools = Tools::of_admin(&server);
    let image = format!("docker://{}", server.image("team/app:1.0"));
    tools.copy(&[], &image, "dir:pulled").done();
    // Numbers of new rows are nobody's.
    push_image(&server, "team/new", "3", &image_of(&[("b", "more")]));
    server.stop();
    fsck(&moved, &["--deep"]).ends_with(0).says(": 0 faults");
    // So is the source, as it was.
    let server = site.start();
    let body = pulls(&server, &manifest_path("team/app", "1.0"));
    assert_eq!(Digest::sha256(&body), manifest);
    server.stop();
    fsck(&site, &["--deep"]).ends_with(0).says(": 0 faults");
}

#[test]
fn a_migration_to_nowhere_or_to_itself_is_refused() {
    let site = Site::new();
    site.start().stop();
    let run = |words: &[&str]| {
        site.world
            .run(&[&["migrate", "--data", "data"][..], words].concat())
    };
    run(&[])
        .ends_with(64)
        .says("there is nowhere to migrate to")
        .says("Name a target with --to-database, --to-storage, or both.");
    run(&["--to-storage", "files"])
        .ends_with(1)
        .says("the storage to migrate to is the one in use");
    run(&["--to-database", &site.catalog()])
        .ends_with(1)
        .says("the database to migrate to is the one in use");
    run(&["--to-storage", "ftp://x"]).ends_with(64);
}
