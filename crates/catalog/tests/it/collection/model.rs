//! The sequential model: what may not go, said in the words of the specification and not in those of the code.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::state::Place;

const PROTECTION: SignedDuration = SignedDuration::from_hours(24);
const WINDOW: SignedDuration = SignedDuration::from_hours(14 * 24);

/// A document of the universe.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) body: String,
    pub(crate) digest: String,
    pub(crate) blobs: Vec<String>,
    pub(crate) children: Vec<String>,
    pub(crate) subject: Option<String>,
}

/// What has happened so far.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) documents: BTreeMap<String, Document>,
    /// Manifests there are: taken from the database after each collection, once it was checked against this model.
    pub(crate) present: BTreeSet<Place>,
    /// Those of them that were deleted: nobody sees them, and only the way back keeps them.
    pub(crate) hidden: BTreeSet<Place>,
    /// Until when a manifest is kept because it was just pushed.
    pub(crate) fresh: BTreeMap<Place, Timestamp>,
    /// Rights to blobs there are, and until when each is kept because it is new.
    pub(crate) links: BTreeMap<Place, Timestamp>,
    /// Live tags, by repository and name.
    pub(crate) tags: BTreeMap<(i64, String), String>,
    /// When a tag last left a manifest.
    pub(crate) left: BTreeMap<Place, Timestamp>,
}

impl Model {
    pub(crate) fn published(&mut self, repository: i64, digest: &str, now: Timestamp) {
        self.links
            .insert((repository, digest.to_owned()), now + PROTECTION);
    }

    /// Somebody asked for a blob, and relies on the answer from now on. Returns the answer.
    pub(crate) fn asked_for_blob(&mut self, repository: i64, digest: &str, now: Timestamp) -> bool {
        let until = self.links.get_mut(&(repository, digest.to_owned()));
        until
            .map(|until| *until = (*until).max(now + PROTECTION))
            .is_some()
    }

    /// Somebody asked for a manifest, and relies on the answer from now on. Returns the answer.
    pub(crate) fn asked_for_manifest(
        &mut self,
        repository: i64,
        digest: &str,
        now: Timestamp,
    ) -> bool {
        let place = (repository, digest.to_owned());
        let is_seen = self.present.contains(&place) && !self.hidden.contains(&place);
        if is_seen {
            let until = self.fresh.entry(place).or_insert(now);
            *until = (*until).max(now + PROTECTION);
        }
        is_seen
    }

    pub(crate) fn has_blobs_of(&self, repository: i64, document: &Document) -> bool {
        let mut blobs = document.blobs.iter();
        blobs.all(|digest| self.links.contains_key(&(repository, digest.clone())))
    }

    pub(crate) fn stored(
        &mut self,
        repository: i64,
        digest: &str,
        tags: &[String],
        now: Timestamp,
    ) {
        let place = (repository, digest.to_owned());
        self.present.insert(place.clone());
        self.hidden.remove(&place);
        self.fresh.insert(place, now + PROTECTION);
        for tag in tags {
            let before = self
                .tags
                .insert((repository, tag.clone()), digest.to_owned());
            if let Some(before) = before.filter(|before| before != digest) {
                self.left(repository, before, now);
            }
        }
    }

    pub(crate) fn untagged(&mut self, repository: i64, tag: &str, now: Timestamp) {
        if let Some(digest) = self.tags.remove(&(repository, tag.to_owned())) {
            self.left(repository, digest, now);
        }
    }

    fn left(&mut self, repository: i64, digest: String, now: Timestamp) {
        // A clock that was set back does not shorten a window.
        let left = self.left.entry((repository, digest)).or_insert(now);
        *left = now.max(*left);
    }

    /// Returns the index that holds a manifest, if one does that can be seen.
    pub(crate) fn holder(&self, place: &Place) -> Option<&str> {
        let seen = self.present.difference(&self.hidden);
        let in_repository = seen.filter(|(id, _)| *id == place.0);
        let mut indexes = in_repository.map(|(_, digest)| &self.documents[digest]);
        let holder = indexes.find(|index| index.children.contains(&place.1));
        holder.map(|index| index.digest.as_str())
    }

    pub(crate) fn deleted(&mut self, place: &Place, now: Timestamp) {
        let on_it =
            |((id, _), target): &(&(i64, String), &String)| *id == place.0 && **target == place.1;
        let tags: Vec<_> = self
            .tags
            .iter()
            .filter(on_it)
            .map(|((_, tag), _)| tag.clone())
            .collect();
        for tag in tags {
            self.untagged(place.0, &tag, now);
        }
        self.fresh.remove(place);
        self.hidden.insert(place.clone());
    }

    /// A tag came back, and with it everything below its target.
    pub(crate) fn restored(&mut self, repository: i64, tag: &str, digest: &str, now: Timestamp) {
        let mut below = vec![digest.to_owned()];
        while let Some(digest) = below.pop() {
            let place = (repository, digest);
            if self.present.contains(&place) {
                self.hidden.remove(&place);
                below.extend(self.documents[&place.1].children.iter().cloned());
                self.fresh.insert(place, now + PROTECTION);
            }
        }
        self.stored(repository, digest, &[tag.to_owned()], now);
    }

    /// Returns the subject that a tag of the older scheme attaches its target to.
    pub(crate) fn attached_to(tag: &str) -> Option<String> {
        let hex = tag.strip_prefix("sha256-")?.strip_suffix(".sig")?;
        Some(format!("sha256:{hex}"))
    }

    /// The manifests that must not go.
    pub(crate) fn needed(&self, now: Timestamp) -> BTreeSet<Place> {
        let mut needed = BTreeSet::new();
        loop {
            let before = needed.len();
            for place in &self.present {
                if !needed.contains(place) && self.is_needed(place, &needed, now) {
                    needed.insert(place.clone());
                }
            }
            if needed.len() == before {
                return needed;
            }
        }
    }

    fn is_needed(&self, place: &Place, needed: &BTreeSet<Place>, now: Timestamp) -> bool {
        let (repository, digest) = place;
        let here = |digest: &str| (*repository, digest.to_owned());
        let tags_of = |digest: &str| {
            let digest = digest.to_owned();
            self.tags
                .iter()
                .filter(move |((id, _), target)| id == repository && **target == digest)
                .map(|((_, tag), _)| tag)
        };
        let has_plain_tag =
            |digest: &str| tags_of(digest).any(|tag| Self::attached_to(tag).is_none());
        let others = || {
            self.present
                .iter()
                .filter(|(id, _)| id == repository)
                .map(|(_, digest)| &self.documents[digest])
        };
        let held = others()
            .any(|index| index.children.contains(digest) && needed.contains(&here(&index.digest)));
        let restorable = self
            .left
            .get(place)
            .is_some_and(|left| *left + WINDOW > now);
        if self.hidden.contains(place) {
            return held || restorable;
        }
        held || restorable
            || has_plain_tag(digest)
            || self.fresh.get(place).is_some_and(|until| *until > now)
            || self.documents[digest]
                .subject
                .as_ref()
                .is_some_and(|subject| needed.contains(&here(subject)))
            || tags_of(digest)
                .filter_map(|tag| Self::attached_to(tag))
                .any(|subject| needed.contains(&here(&subject)))
            || others().any(|referrer| {
                referrer.subject.as_ref() == Some(digest) && has_plain_tag(&referrer.digest)
            })
    }

    /// The rights to blobs that must not go.
    pub(crate) fn needed_links(
        &self,
        manifests: &BTreeSet<Place>,
        now: Timestamp,
    ) -> BTreeSet<Place> {
        let named = manifests.iter().flat_map(|(repository, digest)| {
            let blobs = self.documents[digest].blobs.iter();
            blobs.map(|blob| (*repository, blob.clone()))
        });
        let new = self
            .links
            .iter()
            .filter(|(_, until)| **until > now)
            .map(|(place, _)| place.clone());
        named
            .chain(new)
            .filter(|place| self.links.contains_key(place))
            .collect()
    }
}
