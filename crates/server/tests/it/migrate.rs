//! Moving a server's database and blobs, and serving them from the new places.

use blobs::testkit::Seaweed;
use blobs::{ObjectKey, Store};
use catalog::testkit::{Postgres, Sqlite};
use oci::Digest;
use secrecy::SecretString;
use server::migrate::{MigrateError, Migrated, Migration, Place, run};
use server::{Clock, Storage};

use crate::world::{IMAGE, World, admin, image_with, now};

struct Target {
    database: SecretString,
    storage: Storage,
}

async fn migrated(world: &mut World, target: &Target) -> Result<Migrated, MigrateError> {
    let settings = world.settings().clone();
    let migration = Migration {
        from: Place {
            database: &settings.database,
            storage: &settings.storage,
            data: &settings.data,
        },
        to_database: Some(&target.database),
        to_storage: Some(&target.storage),
    };
    run(&migration, now(), |_| {}).await
}

/// Points the world at the target and starts it there.
async fn moved(world: &mut World, target: Target) {
    world.settings().database = target.database;
    world.settings().storage = target.storage;
    world.restart(Clock::System).await;
}

async fn everything_is_there(world: &World, manifest: &Digest, large: &Digest, content: &[u8]) {
    for reference in ["1".to_owned(), manifest.to_string()] {
        let path = format!("/v2/team/app/manifests/{reference}");
        let answer = world.get(&admin(), &path).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, IMAGE));
        assert_eq!(Digest::sha256(&answer.body), *manifest);
    }
    let answer = world
        .get(&admin(), &format!("/v2/team/app/blobs/{large}"))
        .await;
    assert!(answer.body == content, "the bytes differ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_moves_to_postgres_and_s3_and_back() {
    let mut world = World::sqlite().await;
    let manifest = world
        .push_image("team/app", "1", &image_with("zlib1g", "1"))
        .await;
    let content: Vec<u8> = (0..18_000_000_u32).map(|n| (n >> 7) as u8).collect();
    let large = world.push_blob(&admin(), "team/app", &content).await;
    world.session(&admin(), "team/app").await;
    let robot = world.robot("ci", "team/app", "read").await;
    world.stop().await;

    let away = Target {
        database: Postgres::shared().await.database().await.into(),
        storage: Storage::S3(Seaweed::shared().await.config()),
    };
    let first = migrated(&mut world, &away).await.unwrap();
    assert!(first.copied >= 3 && first.verified == 0, "{first:?}");
    assert_eq!(first.catalog.as_ref().unwrap().uploads_left, 1);
    moved(&mut world, away).await;
    everything_is_there(&world, &manifest, &large, &content).await;
    let answer = world.get(&robot, "/v2/team/app/tags/list").await;
    assert_eq!(answer.status, 200, "credentials go along");
    // Rows that are made now have numbers nobody had.
    world
        .push_image("team/new", "2", &image_with("zlib1g", "2"))
        .await;
    world.stop().await;

    let home = Sqlite::new();
    let back = Target {
        database: home.url().into(),
        storage: Storage::Files,
    };
    let second = migrated(&mut world, &back).await.unwrap();
    assert!(second.copied > 0, "{second:?}");
    assert!(
        second.verified >= 3,
        "what never left is only checked: {second:?}"
    );
    assert_eq!(second.catalog.unwrap().uploads_left, 0);
    moved(&mut world, back).await;
    everything_is_there(&world, &manifest, &large, &content).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_object_stops_a_migration_that_then_goes_on() {
    let mut world = World::sqlite().await;
    let good = world.push_blob(&admin(), "team/app", b"good content").await;
    let bad = world.push_blob(&admin(), "team/app", b"bad content!").await;
    world.stop().await;
    let files = world.store().await;
    let objects = files.list(None, 10).await.unwrap();
    let path = |key: &ObjectKey| world.data_directory().join("blobs").join(key.as_str());
    let mut damaged = None;
    for object in &objects {
        let text = std::fs::read(path(&object.key)).unwrap();
        if text == b"bad content!" {
            damaged = Some(path(&object.key));
        }
    }
    let damaged = damaged.unwrap();
    let folder = damaged.parent().unwrap().to_owned();
    let name = damaged.file_name().unwrap().to_str().unwrap().to_owned();
    std::fs::remove_file(&damaged).unwrap();
    crate::world::write(&folder, &name, b"bad content?");

    let config = Seaweed::shared().await.config();
    let target = Target {
        database: Postgres::shared().await.database().await.into(),
        storage: Storage::S3(config.clone()),
    };
    let stopped = migrated(&mut world, &target).await;
    let Err(MigrateError::Damaged { digest, .. }) = &stopped else {
        panic!("{stopped:?}");
    };
    assert_eq!(*digest, bad);

    std::fs::remove_file(&damaged).unwrap();
    crate::world::write(&folder, &name, b"bad content!");
    let done = migrated(&mut world, &target).await.unwrap();
    assert_eq!(done.copied + done.verified, 2);
    moved(&mut world, target).await;
    for (digest, text) in [(good, "good content"), (bad, "bad content!")] {
        let answer = world
            .get(&admin(), &format!("/v2/team/app/blobs/{digest}"))
            .await;
        assert_eq!(answer.text(), text);
    }
    world.stop().await;
    // A second migration into what is in use now is refused.
    let mut source = World::sqlite().await;
    source.stop().await;
    let taken = Target {
        database: world.settings().database.clone(),
        storage: Storage::S3(config.clone()),
    };
    let refused = migrated(&mut source, &taken).await;
    assert!(
        matches!(refused, Err(MigrateError::Transfer(_))),
        "{refused:?}"
    );
    assert_eq!(
        Store::open_s3(&config)
            .await
            .unwrap()
            .list(None, 10)
            .await
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_server_starts_on_a_half_migrated_database() {
    let mut world = World::sqlite().await;
    world.stop().await;
    catalog::testkit::begin_transfer(world.database()).await;
    let refused = server::start(world.settings().clone(), Clock::System).await;
    assert!(matches!(refused, Err(server::StartError::HalfMigrated)));
}
