//! One sequence: draws a step, takes it twice, compares.

use std::collections::BTreeMap;

use catalog::{
    Actor, Catalog, CatalogError, DeleteRepositoryError, Principal, PurgeOutcome, PutError,
    PutManifest, Referenced, RepositoryId, RepositoryState, RestoreError, Scope, Sparse, Writer,
};
use jiff::{SignedDuration, Timestamp};
use oci::{Digest, Manifest, Tag};

use super::model::{Document, Model, Moved, Place, Pushed, Refusal, Repository};
use super::retention::told;
use crate::collection::random::Dice;
use crate::given::{at, blob, by, image, index, repository};

const STEPS: usize = 70;

pub(super) const TAGS: [&str; 5] = ["v1", "v1.0", "latest", "Dev", "v10"];

pub(super) struct Game {
    pub(super) catalog: Catalog,
    pub(super) model: Model,
    pub(super) dice: Dice,
    pub(super) now: Timestamp,
    pub(super) seed: u64,
    /// Where the game stands, for the words of a failure.
    pub(super) what: String,
    /// The instants of all steps, for looks into the past.
    pub(super) instants: Vec<Timestamp>,
    /// What others use of the system.
    pub(super) elsewhere: u64,
    dev: Principal,
    pub(super) by: Actor,
}

/// A refusal in the model's words.
pub(super) fn refusal(error: CatalogError) -> Refusal {
    match error {
        CatalogError::Immutable(tag) => Refusal::Immutable(tag.to_string()),
        CatalogError::Expiring(_) => Refusal::Expiring,
        CatalogError::ReadOnly(_) => Refusal::ReadOnly,
        CatalogError::RepositoryGone => Refusal::RepositoryGone,
        CatalogError::OverQuota(_) => Refusal::OverQuota,
        other => panic!("{other:?}"),
    }
}

fn refused_push(error: PutError) -> Refusal {
    match error {
        PutError::Immutable(tag) => Refusal::Immutable(tag.to_string()),
        PutError::ReadOnly(_) => Refusal::ReadOnly,
        PutError::OverQuota(_) => Refusal::OverQuota,
        PutError::Catalog(error) => refusal(error),
        other => panic!("{other:?}"),
    }
}

/// Images with and without labels, and an index over two of them.
fn universe(seed: u64) -> Vec<Document> {
    let contents: Vec<String> = (0..4).map(|n| format!("content {n} of {seed}")).collect();
    let document = |body: String, blobs: &[usize], labels: &[(&str, &str)], life| Document {
        digest: Digest::sha256(body.as_bytes()).to_string(),
        blobs: blobs.iter().map(|n| contents[*n].clone()).collect(),
        children: Vec::new(),
        labels: labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        life,
        body,
    };
    let over = |blobs: &[usize], labels: &[(&str, &str)], life| {
        let layers: Vec<&str> = blobs[1..].iter().map(|n| contents[*n].as_str()).collect();
        document(image(&contents[blobs[0]], &layers, ""), blobs, labels, life)
    };
    let mut documents = vec![
        over(&[0, 1], &[], None),
        over(&[0, 2], &[], None),
        over(&[0, 3], &[("tidegate.expires-after", "1h")], Some(60)),
        over(&[1, 2], &[("release", "yes")], None),
        over(
            &[1, 3],
            &[("release", "yes"), ("quay.expires-after", "2d")],
            Some(2 * 24 * 60),
        ),
    ];
    let children = [
        (documents[0].body.as_str(), "amd64"),
        (documents[3].body.as_str(), "arm64"),
    ];
    let mut above = document(index(&children), &[], &[], None);
    above.children = vec![0, 3];
    documents.push(above);
    documents
}

impl Game {
    pub(super) async fn new(catalog: Catalog, dev: Principal, seed: u64) -> Self {
        let elsewhere = catalog.used_bytes(&Scope::System).await.unwrap();
        let mut game = Self {
            catalog,
            model: Model {
                documents: universe(seed),
                repositories: Vec::new(),
                windows: BTreeMap::new(),
                quotas: BTreeMap::new(),
                rules: Vec::new(),
                is_read_only: false,
            },
            dice: Dice::new(seed),
            now: at(0),
            seed,
            what: format!("seed {seed}, at the beginning"),
            instants: Vec::new(),
            elsewhere,
            dev,
            by: by("dev"),
        };
        // Two of one namespace, one of another.
        for name in ["a/app", "a/app2", "b/app"] {
            let made = game.make(&format!("s{seed}{name}")).await;
            game.model.repositories.push(made);
        }
        game
    }

    async fn make(&self, name: &str) -> Repository {
        let id = repository(&self.catalog, name, &self.dev).await.id;
        for content in self.model.documents.iter().flat_map(|d| &d.blobs) {
            blob(&self.catalog, id, &self.dev, content).await;
        }
        Repository {
            id,
            name: name.to_owned(),
            namespace: name.split('/').next().unwrap().to_owned(),
            is_read_only: false,
            spans: Vec::new(),
            manifests: BTreeMap::new(),
        }
    }

    pub(super) async fn play(mut self) {
        for step in 0..STEPS {
            self.what = format!("seed {}, step {step}", self.seed);
            let did = self.step().await;
            self.what = format!("seed {}, step {step}: {did}", self.seed);
            self.instants.push(self.now);
            self.check().await;
        }
        self.end().await;
    }

    async fn step(&mut self) -> String {
        match self.dice.below(37) {
            0..=8 => self.push().await,
            9 | 10 => self.delete_tag().await,
            11 => self.delete_manifest().await,
            12..=15 => self.restore().await,
            16 | 17 => self.set_expiry().await,
            18 => self.close_expired().await,
            19 | 20 => self.set_immutable().await,
            21 | 22 => self.rule().await,
            23 => {
                let keep = 1 + self.dice.below(3);
                self.prune(keep).await
            }
            24 => self.prune_untagged().await,
            25 | 26 => self.purge().await,
            27 => self.set_window().await,
            31 => self.purge_image().await,
            28 => self.set_state().await,
            29 => self.set_quota().await,
            30 => self.delete_repository().await,
            _ => self.wait(),
        }
    }

    pub(super) fn any_repository(&mut self) -> usize {
        self.dice.below(self.model.repositories.len())
    }

    fn any_tag(&mut self) -> (String, Tag) {
        let name = *self.dice.of(&TAGS);
        (name.to_owned(), name.parse().unwrap())
    }

    pub(super) fn digest(&self, document: usize) -> Digest {
        self.model.documents[document].digest.parse().unwrap()
    }

    pub(super) fn document_of(&self, digest: &Digest) -> usize {
        let mut documents = self.model.documents.iter();
        let found = documents.position(|document| document.digest == digest.as_str());
        found.expect("a document of this game")
    }

    async fn push(&mut self) -> String {
        let repository = self.any_repository();
        let document = self.dice.below(self.model.documents.len());
        let count = *self.dice.of(&[0, 1, 1, 1, 2, 3]);
        let names: Vec<String> = (0..count).map(|_| self.any_tag().0).collect();
        let pushed = self
            .put(self.model.repositories[repository].id, document, &names)
            .await;
        let now = self.now;
        let expected = self
            .model
            .whole(|model| model.push(repository, document, &names, now));
        assert_eq!(pushed, expected, "{}: push of {document}", self.what);
        format!("push {document} into {repository} as {names:?}: {pushed:?}")
    }

    async fn put(
        &self,
        id: RepositoryId,
        document: usize,
        names: &[String],
    ) -> Result<Pushed, Refusal> {
        let known = &self.model.documents[document];
        let tags: Vec<Tag> = names.iter().map(|name| name.parse().unwrap()).collect();
        let put = PutManifest {
            repository: id,
            digest: &self.digest(document),
            bytes: known.body.as_bytes(),
            manifest: &Manifest::parse(known.body.as_bytes(), "").unwrap(),
            tags: &tags,
            sparse: Sparse::Index,
            jobs: &[],
            labels: &known.labels,
            writer: Writer::Person,
        };
        let outcome = self.catalog.put_manifest(put, &self.by, self.now).await;
        let outcome = outcome.map_err(refused_push)?;
        let moved = outcome.moved.into_iter().map(|moved| Moved {
            tag: moved.tag.to_string(),
            previous: moved.previous.map(|digest| self.document_of(&digest)),
        });
        Ok(Pushed {
            created: outcome.created,
            moved: moved.collect(),
            is_near_quota: outcome.near_quota.is_some(),
        })
    }

    async fn delete_tag(&mut self) -> String {
        let repository = self.any_repository();
        let (name, tag) = self.any_tag();
        let id = self.model.repositories[repository].id;
        let ended = self.catalog.delete_tag(id, &tag, &self.by, self.now).await;
        let ended = ended
            .map(|digest| digest.map(|digest| self.document_of(&digest)))
            .map_err(refusal);
        let now = self.now;
        let expected = self
            .model
            .whole(|model| model.end(repository, &name, "delete", now));
        assert_eq!(ended, expected, "{}: end of {name}", self.what);
        format!("end of {name} in {repository}: {ended:?}")
    }

    async fn delete_manifest(&mut self) -> String {
        let repository = self.any_repository();
        let document = self.dice.below(self.model.documents.len());
        let id = self.model.repositories[repository].id;
        let deleted = self
            .catalog
            .delete_manifest(
                id,
                &self.digest(document),
                Referenced::Refuse,
                &self.by,
                self.now,
            )
            .await;
        let now = self.now;
        let expected = self
            .model
            .whole(|model| model.delete(repository, document, "delete", now));
        assert_eq!(told(deleted), expected, "{}: {document} goes", self.what);
        format!("deletion of {document} in {repository}: {expected:?}")
    }

    async fn restore(&mut self) -> String {
        let repository = self.any_repository();
        // Mostly something that was there.
        let count = self.model.repositories[repository].spans.len();
        let (name, document) = if count == 0 {
            (self.any_tag().0, 0)
        } else {
            let place = self.dice.below(count);
            let span = &self.model.repositories[repository].spans[place];
            (span.tag.clone(), span.document)
        };
        let restored = self
            .catalog
            .restore_tag(
                self.model.repositories[repository].id,
                &name.parse().unwrap(),
                &self.digest(document),
                Sparse::Index,
                &self.by,
                self.now,
            )
            .await;
        let restored = match restored {
            Ok(previous) => Ok(previous.map(|digest| self.document_of(&digest))),
            Err(RestoreError::NoSpan { .. }) => Err(Refusal::NoWayBack),
            Err(RestoreError::OutsideWindow { .. }) => Err(Refusal::WindowClosed),
            Err(RestoreError::Gone(_)) => Err(Refusal::NotWhole),
            Err(RestoreError::Catalog(error)) => Err(refusal(error)),
        };
        let now = self.now;
        let expected = self
            .model
            .whole(|model| model.restore(repository, &name, document, now));
        assert_eq!(restored, expected, "{}: {name} to {document}", self.what);
        format!("restore of {name} to {document} in {repository}: {restored:?}")
    }

    async fn set_expiry(&mut self) -> String {
        let repository = self.any_repository();
        let (name, tag) = self.any_tag();
        let minutes = *self
            .dice
            .of(&[Some(30), Some(26 * 60), Some(9 * 24 * 60), None]);
        let expires = minutes.map(|minutes| self.now + SignedDuration::from_mins(minutes));
        let id = self.model.repositories[repository].id;
        let set = self
            .catalog
            .set_tag_expiry(id, &tag, expires, &self.by, self.now)
            .await
            .map_err(refusal);
        let now = self.now;
        let expected = self
            .model
            .whole(|model| model.set_expiry(repository, &name, expires, now));
        assert_eq!(set, expected, "{}: expiry of {name}", self.what);
        format!("expiry of {name} in {repository} {minutes:?}: {set:?}")
    }

    async fn close_expired(&mut self) -> String {
        let closed = self
            .catalog
            .close_expired_tags(500, &by("system"), self.now)
            .await
            .unwrap();
        let expected = self.model.close_expired(self.now);
        assert_eq!(closed, expected, "{}: what ran out", self.what);
        format!("{closed} closed")
    }

    async fn set_immutable(&mut self) -> String {
        let repository = self.any_repository();
        let (name, tag) = self.any_tag();
        let immutable = self.dice.below(3) == 0;
        let id = self.model.repositories[repository].id;
        let set = self
            .catalog
            .set_immutable(id, &tag, immutable, &self.by, self.now)
            .await
            .map_err(refusal);
        let now = self.now;
        let expected = self
            .model
            .whole(|model| model.set_immutable(repository, &name, immutable, now));
        assert_eq!(set, expected, "{}: lock of {name}", self.what);
        format!("lock {immutable} of {name} in {repository}: {set:?}")
    }

    async fn purge(&mut self) -> String {
        let repository = self.any_repository();
        let (name, tag) = self.any_tag();
        let takes_all = self.dice.below(2) == 0;
        let spans = &self.model.repositories[repository].spans;
        let of_tag = spans.iter().filter(|span| span.tag == name);
        let count = if takes_all { spans.len() } else { 1 };
        let mut ids: Vec<i64> = of_tag.filter_map(|span| span.id).take(count).collect();
        // An id of another tag is nobody's here.
        ids.extend(
            spans
                .iter()
                .filter(|span| span.tag != name)
                .find_map(|span| span.id),
        );
        let id = self.model.repositories[repository].id;
        let purged = self
            .catalog
            .purge_history(id, &tag, &ids, &self.by, self.now)
            .await
            .map_err(refusal);
        let now = self.now;
        let expected = self
            .model
            .whole(|model| model.purge(repository, &name, &ids, now));
        assert_eq!(purged, expected, "{}: purge of {name} {ids:?}", self.what);
        format!("purge of {name} in {repository}, {ids:?}: {purged:?}")
    }

    /// Deletes an image for good. Blobs are given back at once: the game pushes what it likes.
    async fn purge_image(&mut self) -> String {
        let repository = self.any_repository();
        let document = self.dice.below(self.model.documents.len());
        let id = self.model.repositories[repository].id;
        let purged = self
            .catalog
            .purge_manifest(id, &self.digest(document), &self.by, self.now)
            .await;
        let purged = match purged {
            Ok(PurgeOutcome::Purged { manifests, .. }) => Ok(Some(manifests)),
            Ok(PurgeOutcome::NotFound | PurgeOutcome::Referenced { .. }) => Ok(None),
            Err(error) => Err(refusal(error)),
        };
        let now = self.now;
        let expected = self
            .model
            .whole(|model| model.purge_image(repository, document, now));
        assert_eq!(purged, expected, "{}: {document} for good", self.what);
        if purged.as_ref().is_ok_and(Option::is_some) {
            for content in self.model.documents.iter().flat_map(|d| &d.blobs) {
                blob(&self.catalog, id, &self.dev, content).await;
            }
        }
        format!("{document} of {repository} for good: {purged:?}")
    }

    /// Deletes a repository and makes one of the same name, which inherits nothing.
    async fn delete_repository(&mut self) -> String {
        let repository = self.any_repository();
        let (id, name) = {
            let here = &self.model.repositories[repository];
            (here.id, here.name.clone())
        };
        let deleted = self.catalog.delete_repository(id, &self.by, self.now).await;
        let refused = match deleted {
            Ok(()) => None,
            Err(DeleteRepositoryError::Immutable(tag)) => Some(Refusal::Immutable(tag.to_string())),
            Err(DeleteRepositoryError::Catalog(error)) => Some(refusal(error)),
            Err(error @ DeleteRepositoryError::NotFound) => panic!("{}: {error}", self.what),
        };
        let expected = self.model.may_end(repository, self.now).err();
        match (&refused, &expected) {
            // Any immutable tag may be the one that is named.
            (Some(Refusal::Immutable(_)), Some(Refusal::Immutable(_))) => {}
            _ => assert_eq!(refused, expected, "{}: end of {name}", self.what),
        }
        if refused.is_some() {
            return format!("no end of {repository}: {refused:?}");
        }
        self.remove_rows(id).await;
        let gone = self.put(id, 0, &["v1".to_owned()]).await;
        assert_eq!(gone, Err(Refusal::RepositoryGone), "{}", self.what);
        self.model
            .rules
            .retain(|rule| rule.place != Place::Repository(repository));
        self.model.repositories[repository] = self.make(&name).await;
        format!("{repository} ends and begins anew")
    }

    async fn remove_rows(&self, id: RepositoryId) {
        while self
            .catalog
            .remove_repository_rows(id, 3, self.now)
            .await
            .unwrap()
        {}
    }

    fn wait(&mut self) -> String {
        let minutes = *self
            .dice
            .of(&[1, 30, 61, 24 * 60, 49 * 60, 8 * 24 * 60, -45, -26 * 60]);
        self.now += SignedDuration::from_mins(minutes);
        format!("{minutes} min")
    }

    /// Takes everything back: nothing is left of this game.
    async fn end(mut self) {
        self.what = format!("seed {}, at the end", self.seed);
        self.catalog
            .set_system_read_only(false, &self.by, self.now)
            .await
            .unwrap();
        for rule in std::mem::take(&mut self.model.rules) {
            self.lift(&rule).await;
        }
        for here in std::mem::take(&mut self.model.repositories) {
            let spans = here.spans.iter();
            for span in spans.filter(|span| span.immutable && span.end.is_none()) {
                let state = RepositoryState::Normal;
                let open = self
                    .catalog
                    .set_repository_state(here.id, state, &self.by, self.now);
                open.await.unwrap();
                let tag = span.tag.parse().unwrap();
                let lifted = self
                    .catalog
                    .set_immutable(here.id, &tag, false, &self.by, self.now);
                lifted.await.unwrap();
            }
            let state = RepositoryState::Normal;
            let open = self
                .catalog
                .set_repository_state(here.id, state, &self.by, self.now);
            open.await.unwrap();
            self.catalog
                .delete_repository(here.id, &self.by, self.now)
                .await
                .unwrap();
            self.remove_rows(here.id).await;
        }
        let used = self.catalog.used_bytes(&Scope::System).await.unwrap();
        assert_eq!(used, self.elsewhere, "{}: something is left", self.what);
    }
}
