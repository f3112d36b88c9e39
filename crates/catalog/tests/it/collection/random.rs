//! Random sequences of pushes, mounts, tags, deletions, clock steps and single passes, each step compared with the
//! model. `TEST_COLLECTION_SEEDS=FIRST..LAST` chooses the seeds; a failure names its own.

use std::collections::BTreeMap;

use catalog::testkit::{Postgres, Sqlite};
use catalog::{
    DeleteOutcome, Pass, Principal, PutError, PutManifest, Referenced, RepositoryId, RestoreError,
    Sparse, UnlinkOutcome, Writer,
};
use jiff::{SignedDuration, Timestamp};
use oci::{Digest, Manifest, Tag};

use super::model::{Document, Model};
use super::state::{State, World};
use crate::given::{account, at, by, image, index, repository, subject};

const STEPS: usize = 60;

/// The seeds of this run: a few unless the environment names a range.
pub(crate) fn seeds() -> std::ops::Range<u64> {
    let Ok(range) = std::env::var("TEST_COLLECTION_SEEDS") else {
        return 0..10;
    };
    let (first, last) = range.split_once("..").expect("FIRST..LAST");
    first.parse().expect("a number")..last.parse().expect("a number")
}

/// Numbers that depend on nothing but the seed.
///
/// # Source
/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators").
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5851_F42D_4C95_7F2D)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }

    pub(crate) fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// What a sequence is played with.
struct Game {
    world: World,
    model: Model,
    dice: Dice,
    now: Timestamp,
    dev: Principal,
    repositories: Vec<RepositoryId>,
    contents: Vec<String>,
    documents: Vec<Document>,
    tags: Vec<String>,
    seed: u64,
}

#[tokio::test]
async fn random_histories_lose_nothing_and_leave_nothing_on_sqlite() {
    let files = Sqlite::new();
    play_all(World::new(&files.url()).await).await;
}

#[tokio::test]
async fn random_histories_lose_nothing_and_leave_nothing_on_postgres() {
    let url = Postgres::shared().await.database().await;
    play_all(World::new(&url).await).await;
}

async fn play_all(world: World) {
    let dev = account(&world.catalog, "dev").await.principal();
    for seed in seeds() {
        let mut game = Game::new(world.clone(), dev.clone(), seed).await;
        for step in 0..STEPS {
            let what = game.step().await;
            game.check(&format!("seed {seed}, step {step}: {what}"))
                .await;
        }
        game.end().await;
    }
    world.close().await;
}

/// Contents, images over them, indexes over those, and what is said about each.
fn universe(seed: u64) -> (Vec<String>, Vec<Document>) {
    let contents: Vec<String> = (0..6).map(|n| format!("content {n} of {seed}")).collect();
    let mut documents: Vec<Document> = Vec::new();
    let digest_of = |text: &String| Digest::sha256(text.as_bytes()).to_string();
    let image_over = |blobs: &[usize], about: Option<&Document>| {
        let layers: Vec<&str> = blobs[1..].iter().map(|n| contents[*n].as_str()).collect();
        let more = about
            .map(|document| subject(&document.body))
            .unwrap_or_default();
        let body = image(&contents[blobs[0]], &layers, &more);
        Document {
            digest: digest_of(&body),
            blobs: blobs.iter().map(|n| digest_of(&contents[*n])).collect(),
            children: Vec::new(),
            subject: about.map(|document| document.digest.clone()),
            body,
        }
    };
    let index_over = |children: &[&Document]| {
        let entries: Vec<_> = children
            .iter()
            .map(|child| (child.body.as_str(), "amd64"))
            .collect();
        let body = index(&entries);
        Document {
            digest: digest_of(&body),
            blobs: Vec::new(),
            children: children.iter().map(|child| child.digest.clone()).collect(),
            subject: None,
            body,
        }
    };
    // The same layer twice is one blob and one right.
    for blobs in [&[0, 1, 2][..], &[0, 2, 2], &[3, 1], &[4]] {
        documents.push(image_over(blobs, None));
    }
    documents.push(index_over(&[&documents[0], &documents[1]]));
    documents.push(index_over(&[&documents[2], &documents[2]]));
    documents.push(index_over(&[&documents[4], &documents[3]]));
    // About an image, about an index, about a signature, and about something that never comes.
    documents.push(image_over(&[5], Some(&documents[0])));
    documents.push(image_over(&[5, 4], Some(&documents[6])));
    documents.push(image_over(&[5, 3], Some(&documents[7])));
    let absent = image_over(&[0, 1, 2, 3, 4, 5], None);
    documents.push(image_over(&[5, 1], Some(&absent)));
    (contents, documents)
}

impl Game {
    async fn new(world: World, dev: Principal, seed: u64) -> Self {
        let mut repositories = Vec::new();
        // Names that begin with each other are different names.
        for name in ["app", "app/x", "apps"] {
            let name = format!("s{seed}/{name}");
            repositories.push(repository(&world.catalog, &name, &dev).await.id);
        }
        let (contents, documents) = universe(seed);
        let mut model = Model::default();
        for document in &documents {
            model
                .documents
                .insert(document.digest.clone(), document.clone());
        }
        let mut tags: Vec<String> = ["v1", "v1.0", "latest"].map(str::to_owned).into();
        for about in [0, 4] {
            let hex = documents[about]
                .digest
                .strip_prefix("sha256:")
                .expect("a SHA-256");
            tags.push(format!("sha256-{hex}.sig"));
        }
        Self {
            world,
            model,
            dice: Dice::new(seed),
            now: at(0),
            dev,
            repositories,
            contents,
            documents,
            tags,
            seed,
        }
    }

    async fn step(&mut self) -> String {
        match self.dice.below(26) {
            0..=3 => self.publish().await,
            4 => self.mount().await,
            5..=8 => self.put().await,
            9 => self.delete_tag().await,
            10 => self.delete_manifest().await,
            11 => self.unlink().await,
            12..=14 => self.wait(),
            15..=19 => self.pass().await,
            20 => self.empty_trash().await,
            21 | 22 => self.restore().await,
            23 | 24 => self.ask().await,
            _ => self.push_whole().await,
        }
    }

    async fn publish(&mut self) -> String {
        let (repository, content) = (
            *self.dice.of(&self.repositories),
            self.dice.of(&self.contents).clone(),
        );
        self.publish_this(repository, &content).await;
        format!("{content} into {}", repository.0)
    }

    async fn publish_this(&mut self, repository: RepositoryId, content: &str) {
        self.world
            .publish(repository, &self.dev, content, self.now)
            .await;
        let digest = Digest::sha256(content.as_bytes()).to_string();
        self.model.published(repository.0, &digest, self.now);
    }

    async fn mount(&mut self) -> String {
        let (from, to) = (
            *self.dice.of(&self.repositories),
            *self.dice.of(&self.repositories),
        );
        let digest = Digest::sha256(self.dice.of(&self.contents).as_bytes());
        let mounted = self
            .world
            .catalog
            .mount_blob(from, to, &digest, &by("dev"), self.now)
            .await
            .unwrap();
        let expected = self.model.links.contains_key(&(from.0, digest.to_string()));
        assert_eq!(mounted, expected, "seed {}: a mount", self.seed);
        if mounted {
            self.model.published(to.0, digest.as_str(), self.now);
        }
        format!("mount from {} to {}", from.0, to.0)
    }

    async fn put(&mut self) -> String {
        let (repository, document) = (
            *self.dice.of(&self.repositories),
            self.dice.of(&self.documents).clone(),
        );
        let mut tags = Vec::new();
        for _ in 0..self.dice.below(3) {
            // Circles too: what is attached to itself, or to what it holds.
            tags.push(self.dice.of(&self.tags).clone());
        }
        self.put_this(repository, &document, &tags).await
    }

    async fn put_this(
        &mut self,
        repository: RepositoryId,
        document: &Document,
        tags: &[String],
    ) -> String {
        let manifest = Manifest::parse(document.body.as_bytes(), "").unwrap();
        let parsed: Vec<Tag> = tags.iter().map(|tag| tag.parse().unwrap()).collect();
        let put = PutManifest {
            repository,
            digest: &document.digest.parse().unwrap(),
            bytes: document.body.as_bytes(),
            manifest: &manifest,
            tags: &parsed,
            sparse: Sparse::Index,
            jobs: &[],
            labels: &BTreeMap::new(),
            writer: Writer::Person,
        };
        let outcome = self
            .world
            .catalog
            .put_manifest(put, &by("dev"), self.now)
            .await;
        if self.model.has_blobs_of(repository.0, document) {
            outcome.unwrap();
            self.model
                .stored(repository.0, &document.digest, tags, self.now);
        } else {
            assert!(
                matches!(outcome, Err(PutError::Missing(_))),
                "seed {}",
                self.seed
            );
        }
        format!("put {} into {} as {tags:?}", document.digest, repository.0)
    }

    /// Asks whether a blob and a manifest are there, as a client does that will not send what is.
    async fn ask(&mut self) -> String {
        let repository = *self.dice.of(&self.repositories);
        let digest = Digest::sha256(self.dice.of(&self.contents).as_bytes());
        let document = self.dice.of(&self.documents).digest.clone();
        let (catalog, now) = (&self.world.catalog, self.now);
        let blob = catalog.promise_blob(repository, &digest, now).await;
        let is_told = blob.unwrap().is_some();
        let expected = self
            .model
            .asked_for_blob(repository.0, digest.as_str(), now);
        assert_eq!(is_told, expected, "seed {}: HEAD of {digest}", self.seed);
        let manifest = catalog
            .promise_manifest(repository, &document.parse().unwrap(), now)
            .await;
        let is_told = manifest.unwrap().is_some();
        let expected = self.model.asked_for_manifest(repository.0, &document, now);
        assert_eq!(is_told, expected, "seed {}: HEAD of {document}", self.seed);
        format!("HEAD of {digest} and {document} in {}", repository.0)
    }

    /// A whole push: blobs, then the manifest.
    async fn push_whole(&mut self) -> String {
        let (repository, document) = (
            *self.dice.of(&self.repositories),
            self.dice.of(&self.documents).clone(),
        );
        for content in self.contents.clone() {
            let digest = Digest::sha256(content.as_bytes()).to_string();
            if document.blobs.contains(&digest) {
                self.publish_this(repository, &content).await;
            }
        }
        let tags = [self.tags[self.dice.below(3)].clone()];
        self.put_this(repository, &document, &tags).await
    }

    async fn delete_tag(&mut self) -> String {
        let (repository, name) = (
            *self.dice.of(&self.repositories),
            self.dice.of(&self.tags).clone(),
        );
        let tag = name.parse().unwrap();
        self.world
            .catalog
            .delete_tag(repository, &tag, &by("dev"), self.now)
            .await
            .unwrap();
        self.model.untagged(repository.0, &name, self.now);
        format!("end of {name} in {}", repository.0)
    }

    async fn delete_manifest(&mut self) -> String {
        let (repository, document) = (
            *self.dice.of(&self.repositories),
            self.dice.of(&self.documents).clone(),
        );
        let place = (repository.0, document.digest.clone());
        let digest = document.digest.parse().unwrap();
        let outcome = self
            .world
            .catalog
            .delete_manifest(
                repository,
                &digest,
                Referenced::Refuse,
                &by("dev"),
                self.now,
            )
            .await
            .unwrap();
        let is_seen = self.model.present.contains(&place) && !self.model.hidden.contains(&place);
        let expected = if !is_seen {
            "absent"
        } else if self.model.holder(&place).is_some() {
            "held"
        } else {
            self.model.deleted(&place, self.now);
            "deleted"
        };
        let got = match outcome {
            DeleteOutcome::Deleted { .. } => "deleted",
            DeleteOutcome::NotFound => "absent",
            DeleteOutcome::Referenced { .. } => "held",
        };
        assert_eq!(
            got, expected,
            "seed {}: deletion of {}",
            self.seed, document.digest
        );
        format!("deletion of {} in {}", document.digest, repository.0)
    }

    async fn unlink(&mut self) -> String {
        let repository = *self.dice.of(&self.repositories);
        let digest = Digest::sha256(self.dice.of(&self.contents).as_bytes());
        let outcome = self
            .world
            .catalog
            .unlink_blob(
                repository,
                &digest,
                Referenced::Refuse,
                &by("dev"),
                self.now,
            )
            .await
            .unwrap();
        if outcome == UnlinkOutcome::Unlinked {
            let place = (repository.0, digest.to_string());
            let named = self
                .model
                .present
                .difference(&self.model.hidden)
                .any(|(id, holder)| {
                    *id == place.0 && self.model.documents[holder].blobs.contains(&place.1)
                });
            assert!(
                !named,
                "seed {}: a blob left although a manifest names it",
                self.seed
            );
            self.model.links.remove(&place);
        }
        format!("unlink in {}", repository.0)
    }

    async fn restore(&mut self) -> String {
        let repository = *self.dice.of(&self.repositories);
        let (name, document) = (
            self.dice.of(&self.tags).clone(),
            self.dice.of(&self.documents).clone(),
        );
        let (tag, digest) = (name.parse().unwrap(), document.digest.parse().unwrap());
        let restored = self
            .world
            .catalog
            .restore_tag(
                repository,
                &tag,
                &digest,
                Sparse::Index,
                &by("dev"),
                self.now,
            )
            .await;
        match &restored {
            Ok(_) => {
                let place = (repository.0, document.digest.clone());
                assert!(
                    self.model.present.contains(&place),
                    "seed {}: from nothing",
                    self.seed
                );
                self.model
                    .restored(repository.0, &name, &document.digest, self.now);
            }
            Err(RestoreError::Gone(_)) => {
                // Only somebody who took a layer away by hand makes a way back end early.
                assert!(
                    !self.model.has_blobs_of(repository.0, &document),
                    "seed {}: no way back",
                    self.seed
                );
            }
            Err(RestoreError::NoSpan { .. } | RestoreError::OutsideWindow { .. }) => {}
            Err(RestoreError::Catalog(error)) => panic!("seed {}: {error:?}", self.seed),
        }
        format!(
            "restore of {name} to {}: {}",
            document.digest,
            restored.is_ok()
        )
    }

    fn wait(&mut self) -> String {
        let minutes = *self.dice.of(&[1, 16, 20, 61, 25 * 60, 15 * 24 * 60, -90]);
        self.now += SignedDuration::from_mins(minutes);
        format!("{minutes} min")
    }

    async fn pass(&mut self) -> String {
        let pass = *self.dice.of(&Pass::ALL);
        let limit = *self.dice.of(&[1, 3, 100]);
        let collected = self
            .world
            .catalog
            .collect(pass, limit, self.now)
            .await
            .unwrap();
        format!("{pass:?} {collected:?}")
    }

    async fn empty_trash(&mut self) -> String {
        let dies = self.dice.below(2) == 0;
        let emptied = self.world.empty_trash(3, self.now, dies).await;
        format!("{emptied} objects, dies {dies}")
    }

    /// Compares the tables with the model, and lets the model learn what went with right.
    async fn check(&mut self, what: &str) {
        let state = self.world.state().await;
        state.is_whole(what);
        let ours: Vec<i64> = self.repositories.iter().map(|id| id.0).collect();
        let is_ours = |place: &&(i64, String)| ours.contains(&place.0);
        self.learn_ended_tags(&state, what).await;
        for place in self.model.needed(self.now) {
            assert!(
                state.manifests.contains(&place),
                "{what}: manifest {place:?} was needed"
            );
        }
        self.model
            .present
            .retain(|place| state.manifests.contains(place));
        self.model
            .hidden
            .retain(|place| state.manifests.contains(place));
        let there: Vec<_> = state.manifests.iter().filter(is_ours).cloned().collect();
        let known: Vec<_> = self.model.present.iter().cloned().collect();
        assert_eq!(there, known, "{what}: manifests");
        for place in self.model.needed_links(&self.model.present, self.now) {
            assert!(
                state.links.contains(&place),
                "{what}: blob {place:?} was needed"
            );
        }
        self.model
            .links
            .retain(|place, _| state.links.contains(place));
        let there: Vec<_> = state.links.iter().filter(is_ours).cloned().collect();
        let known: Vec<_> = self.model.links.keys().cloned().collect();
        assert_eq!(there, known, "{what}: rights to blobs");
    }

    /// A tag that only attaches something ends with what it attaches, and with nothing that is needed.
    async fn learn_ended_tags(&mut self, state: &State, what: &str) {
        let mut ended: BTreeMap<Timestamp, Vec<_>> = BTreeMap::new();
        for ((repository, tag), digest) in self.model.tags.clone() {
            if !state.tags.contains(&(repository, tag.clone())) {
                assert!(Model::attached_to(&tag).is_some(), "{what}: {tag} ended");
                let end = self.world.tag_end(repository, &tag).await;
                ended
                    .entry(end)
                    .or_default()
                    .push((repository, tag, digest));
            }
        }
        // What ended at once was decided at once; what it left can be brought back from then on.
        for (end, tags) in ended {
            let needed = self.model.needed(end);
            for (repository, tag, digest) in &tags {
                assert!(
                    !needed.contains(&(*repository, digest.clone())),
                    "{what}: {tag} ended although {digest} is needed"
                );
            }
            for (repository, tag, _) in tags {
                self.model.untagged(repository, &tag, end);
            }
        }
    }

    /// Lets everything run down: exactly what tags keep is left, and without tags nothing.
    async fn end(mut self) {
        let what = format!("seed {}, at the end", self.seed);
        self.now = self.world.run_down(self.now.max(at(0))).await;
        self.check(&what).await;
        let state = self.world.state().await;
        assert_eq!(
            state.manifests,
            self.model.needed(self.now),
            "{what}: manifests"
        );
        assert_eq!(
            state.links,
            self.model.needed_links(&state.manifests, self.now),
            "{what}: rights"
        );
        for (repository, tag) in self.model.tags.clone().into_keys() {
            let parsed = tag.parse().unwrap();
            self.world
                .catalog
                .delete_tag(RepositoryId(repository), &parsed, &by("dev"), self.now)
                .await
                .unwrap();
            self.model.untagged(repository, &tag, self.now);
        }
        self.now = self.world.run_down(self.now).await;
        let state = self.world.state().await;
        assert_eq!(
            state,
            super::state::State::default(),
            "{what}: without tags nothing is left"
        );
    }
}
