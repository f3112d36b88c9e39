//! Pushers, deleters and collectors at once: whatever was acknowledged is there until its owner says otherwise.
//!
//! Each pusher owns one tag, so it alone knows what the tag must say; blobs, documents and repositories are everybody's.
//! The clock runs on under all of them. Collection was tested alone before; here the locks are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use catalog::testkit::{Postgres, Sqlite};
use catalog::{Pass, Principal, PutError, PutManifest, Referenced, RepositoryId, Sparse, Writer};
use jiff::Timestamp;
use oci::{Digest, Manifest, Tag};

use super::random::{Dice, seeds};
use super::state::World;
use crate::given::{account, at, by, image, repository};

const PUSHERS: usize = 4;
const COLLECTORS: usize = 2;
const ROUNDS: usize = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pushes_and_deletions_during_collection_lose_nothing_on_sqlite() {
    let files = Sqlite::new();
    rush(World::new(&files.url()).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pushes_and_deletions_during_collection_lose_nothing_on_postgres() {
    let url = Postgres::shared().await.database().await;
    rush(World::new(&url).await).await;
}

/// Minutes since the beginning of time.
#[derive(Clone)]
struct RunningClock(Arc<AtomicI64>);

impl RunningClock {
    fn now(&self) -> Timestamp {
        at(self.0.load(Ordering::SeqCst))
    }

    fn advance(&self, minutes: i64) {
        self.0.fetch_add(minutes, Ordering::SeqCst);
    }
}

async fn rush(world: World) {
    let dev = account(&world.catalog, "dev").await.principal();
    // A tenth of the seeds: each of these is many histories.
    for seed in seeds().step_by(10) {
        let mut repositories = Vec::new();
        for name in ["app", "apps"] {
            let name = format!("c{seed}/{name}");
            repositories.push(repository(&world.catalog, &name, &dev).await.id);
        }
        let clock = RunningClock(Arc::new(AtomicI64::new(0)));
        let is_over = Arc::new(AtomicBool::new(false));
        let pushers: Vec<_> = (0..PUSHERS)
            .map(|n| {
                let pusher = Pusher {
                    world: world.clone(),
                    dice: Dice::new(seed * 1000 + n as u64),
                    clock: clock.clone(),
                    dev: dev.clone(),
                    repository: repositories[n % repositories.len()],
                    neighbour: repositories[(n + 1) % repositories.len()],
                    tag: format!("v{n}").parse().unwrap(),
                    seed,
                };
                tokio::spawn(pusher.push_and_look())
            })
            .collect();
        let collectors: Vec<_> = (0..COLLECTORS)
            .map(|n| {
                tokio::spawn(collect(
                    world.clone(),
                    clock.clone(),
                    is_over.clone(),
                    seed * 7 + n as u64,
                ))
            })
            .collect();
        let mut tagged = Vec::new();
        for pusher in pushers {
            tagged.extend(pusher.await.unwrap());
        }
        is_over.store(true, Ordering::SeqCst);
        for collector in collectors {
            collector.await.unwrap();
        }
        world.state().await.is_whole(&format!("seed {seed}"));
        let now = world.run_down(clock.now()).await;
        let state = world.state().await;
        let mut expected: Vec<_> = tagged
            .iter()
            .map(|(repository, digest)| (repository.0, digest.clone()))
            .collect();
        expected.sort();
        expected.dedup();
        assert_eq!(
            state.manifests.iter().cloned().collect::<Vec<_>>(),
            expected,
            "seed {seed}: exactly what tags keep is left"
        );
        for (repository, digest) in &tagged {
            is_readable(&world, *repository, &digest.parse().unwrap(), seed).await;
        }
        for n in 0..PUSHERS {
            let tag = format!("v{n}").parse().unwrap();
            for repository in &repositories {
                world
                    .catalog
                    .delete_tag(*repository, &tag, &by("dev"), now)
                    .await
                    .unwrap();
            }
        }
        world.run_down(now).await;
        assert_eq!(
            world.state().await,
            super::state::State::default(),
            "seed {seed}: nothing is left"
        );
    }
    world.close().await;
}

struct Pusher {
    world: World,
    dice: Dice,
    clock: RunningClock,
    dev: Principal,
    repository: RepositoryId,
    neighbour: RepositoryId,
    tag: Tag,
    seed: u64,
}

impl Pusher {
    /// Pushes, moves, deletes, and looks after each step. Returns what its tag points at in the end.
    async fn push_and_look(mut self) -> Option<(RepositoryId, String)> {
        let mut tagged: Option<Digest> = None;
        for _ in 0..ROUNDS {
            match self.dice.below(8) {
                0..=4 => {
                    if let Some(digest) = self.push().await {
                        tagged = Some(digest);
                    }
                }
                5 => {
                    self.world
                        .catalog
                        .delete_tag(self.repository, &self.tag, &by("dev"), self.clock.now())
                        .await
                        .unwrap();
                    tagged = None;
                }
                6 => self.mount().await,
                _ => self.delete_somebody(tagged.as_ref()).await,
            }
            let resolved = self
                .world
                .catalog
                .resolve_tag(self.repository, &self.tag, self.clock.now())
                .await
                .unwrap();
            assert_eq!(resolved, tagged, "seed {}: {}", self.seed, self.tag);
            if let Some(digest) = &tagged {
                is_readable(&self.world, self.repository, digest, self.seed).await;
            }
        }
        tagged.map(|digest| (self.repository, digest.to_string()))
    }

    /// A push as clients do it: what the repository says it has is not sent again.
    async fn push(&mut self) -> Option<Digest> {
        let contents: Vec<String> = (0..3)
            .map(|_| format!("shared {} of {}", self.dice.below(6), self.seed))
            .collect();
        for content in &contents {
            let digest = Digest::sha256(content.as_bytes());
            let is_there = self
                .world
                .catalog
                .blob_in_repo(self.repository, &digest)
                .await
                .unwrap()
                .is_some();
            if !is_there || self.dice.below(4) == 0 {
                self.world
                    .publish(self.repository, &self.dev, content, self.clock.now())
                    .await;
            }
        }
        // A name of its own makes each pusher's manifests its own; the layers are shared.
        let more = format!(r#","annotations":{{"by":"{}"}}"#, self.tag);
        let body = image(&contents[0], &[&contents[1], &contents[2]], &more);
        let (digest, manifest) = (
            Digest::sha256(body.as_bytes()),
            Manifest::parse(body.as_bytes(), "").unwrap(),
        );
        let put = PutManifest {
            repository: self.repository,
            digest: &digest,
            bytes: body.as_bytes(),
            manifest: &manifest,
            tags: std::slice::from_ref(&self.tag),
            sparse: Sparse::Index,
            jobs: &[],
            labels: &BTreeMap::new(),
            writer: Writer::Person,
        };
        match self
            .world
            .catalog
            .put_manifest(put, &by("dev"), self.clock.now())
            .await
        {
            Ok(_) => Some(digest),
            // A layer it relied on went in between, which it is told: a client sends it again.
            Err(PutError::Missing(_)) => None,
            Err(error) => panic!("seed {}: {error:?}", self.seed),
        }
    }

    async fn mount(&mut self) {
        let digest =
            Digest::sha256(format!("shared {} of {}", self.dice.below(6), self.seed).as_bytes());
        self.world
            .catalog
            .mount_blob(
                self.neighbour,
                self.repository,
                &digest,
                &by("dev"),
                self.clock.now(),
            )
            .await
            .unwrap();
    }

    /// Deletes its own manifest by digest, or lets go of a blob that nothing names.
    async fn delete_somebody(&mut self, tagged: Option<&Digest>) {
        let digest =
            Digest::sha256(format!("shared {} of {}", self.dice.below(6), self.seed).as_bytes());
        self.world
            .catalog
            .unlink_blob(
                self.repository,
                &digest,
                Referenced::Refuse,
                &by("dev"),
                self.clock.now(),
            )
            .await
            .unwrap();
        if let Some(tagged) = tagged {
            let holders = self
                .world
                .catalog
                .manifests_of_blob(self.repository, &digest, 10)
                .await
                .unwrap();
            for other in holders.iter().filter(|other| *other != tagged) {
                let stored = self
                    .world
                    .catalog
                    .manifest(self.repository, other)
                    .await
                    .unwrap();
                let is_mine = stored.is_some_and(|stored| {
                    String::from_utf8_lossy(&stored.bytes)
                        .contains(&format!(r#""by":"{}""#, self.tag))
                });
                if is_mine {
                    self.world
                        .catalog
                        .delete_manifest(
                            self.repository,
                            other,
                            Referenced::Refuse,
                            &by("dev"),
                            self.clock.now(),
                        )
                        .await
                        .unwrap();
                }
            }
        }
    }
}

/// Whoever pulls gets the manifest, and every layer has its object.
async fn is_readable(world: &World, repository: RepositoryId, digest: &Digest, seed: u64) {
    let stored = world.catalog.manifest(repository, digest).await.unwrap();
    let stored = stored.unwrap_or_else(|| panic!("seed {seed}: {digest} is gone"));
    let manifest = Manifest::parse(&stored.bytes, "").unwrap();
    for descriptor in manifest.required_blobs() {
        let blob = world
            .catalog
            .blob_in_repo(repository, &descriptor.digest)
            .await
            .unwrap();
        let blob =
            blob.unwrap_or_else(|| panic!("seed {seed}: layer {} is gone", descriptor.digest));
        // Another pusher may have brought the same content meanwhile; the row then names another object.
        if !world.has_object(&blob.object_key) {
            let again = world
                .catalog
                .blob_in_repo(repository, &descriptor.digest)
                .await
                .unwrap()
                .unwrap();
            assert!(
                world.has_object(&again.object_key),
                "seed {seed}: an object is gone"
            );
        }
    }
}

async fn collect(world: World, clock: RunningClock, is_over: Arc<AtomicBool>, seed: u64) {
    let mut dice = Dice::new(seed);
    while !is_over.load(Ordering::SeqCst) {
        let pass = *dice.of(&Pass::ALL);
        world
            .catalog
            .collect(pass, *dice.of(&[1, 5, 50]), clock.now())
            .await
            .unwrap();
        world.empty_trash(5, clock.now(), dice.below(3) == 0).await;
        clock.advance(*dice.of(&[1, 10, 20, 120]));
        if dice.below(40) == 0 {
            clock.advance(15 * 24 * 60);
        }
    }
}
