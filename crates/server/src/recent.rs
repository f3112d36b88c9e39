//! What was read lately and still holds.
//!
//! Everything kept here stands beside the [`Generation`] that was read before it, and is given out only to a request
//! that has just read the same one: a revoked right, a deleted manifest or a changed policy counts with the next request
//! on every replica. What time alone ends is kept for [`LIFETIME`] at most, by the server's own clock. All of it may be
//! lost at any moment.
//!
//! What it is not for: bytes of blobs (see [`crate::registry`]), and anything whose origin moves no counter.
//!
//! Adding something: a [`Memo`] in [`Recent`]; make sure that a trigger moves a counter whenever it changes.
//!
//! # Source
//! ADR 0019; the project's registry specification, sections 1.5 (authority) and 8 (stale cache).

use std::hash::Hash;
use std::sync::Arc;

use catalog::{Blob, Generation, PrincipalId, PrincipalState, RepositoryId, Role, StoredManifest};
use jiff::{SignedDuration, Timestamp};
use moka::sync::Cache;
use oci::{Digest, Reference};
use uuid::Uuid;

use crate::doors::Remembered;

/// How long something is kept that only time would end.
const LIFETIME: SignedDuration = SignedDuration::from_secs(5);
const ENTRIES: u64 = 10_000;
/// Larger manifests are rare, and read from the catalog each time.
const MAX_MANIFEST: usize = 32 << 10;
/// All remembered manifests together.
const MANIFEST_BYTES: u64 = 8 << 20;

/// The memories of one server.
pub(crate) struct Recent {
    /// Whom a registry token speaks for, by the token's subject and credential.
    pub(crate) states: Memo<(PrincipalId, Option<Uuid>), PrincipalState>,
    pub(crate) roles: Memo<(PrincipalId, RepositoryId), Option<Role>>,
    manifests: Memo<(RepositoryId, Reference), Arc<StoredManifest>>,
    pub(crate) blobs: Memo<(RepositoryId, Digest), Blob>,
    /// Verdicts, with the stamps of the evidence behind them.
    pub(crate) verdicts: Memo<(RepositoryId, Digest), Arc<Remembered>>,
    /// Which images hold a blob.
    pub(crate) holders: Memo<(RepositoryId, Digest), Arc<[Digest]>>,
}

impl Recent {
    pub(crate) fn new() -> Self {
        Self {
            states: Memo::new(ENTRIES),
            roles: Memo::new(ENTRIES),
            manifests: Memo {
                kept: Cache::builder()
                    .max_capacity(MANIFEST_BYTES)
                    .weigher(|_, (_, _, manifest): &(_, _, Arc<StoredManifest>)| {
                        u32::try_from(manifest.bytes.len() + 512).unwrap_or(u32::MAX)
                    })
                    .build(),
            },
            blobs: Memo::new(ENTRIES),
            verdicts: Memo::new(ENTRIES),
            holders: Memo::new(ENTRIES),
        }
    }

    pub(crate) fn manifest(
        &self,
        repository: RepositoryId,
        reference: &Reference,
        generation: Generation,
        now: Timestamp,
    ) -> Option<Arc<StoredManifest>> {
        self.manifests
            .get(&(repository, reference.clone()), generation, now)
    }

    pub(crate) fn keep_manifest(
        &self,
        repository: RepositoryId,
        reference: &Reference,
        generation: Generation,
        now: Timestamp,
        manifest: &Arc<StoredManifest>,
    ) {
        // A tag that ends by itself moves no counter when it does.
        if manifest.bytes.len() <= MAX_MANIFEST && manifest.expires_at.is_none() {
            let key = (repository, reference.clone());
            self.manifests
                .keep(key, generation, now, Arc::clone(manifest));
        }
    }
}

/// Values beside the counters they were read after and the moment they were read.
pub(crate) struct Memo<K, V> {
    kept: Cache<K, (Generation, Timestamp, V)>,
}

impl<K, V> Memo<K, V>
where
    K: Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    fn new(entries: u64) -> Self {
        Self {
            kept: Cache::new(entries),
        }
    }

    /// Returns the value if nothing has moved since it was read.
    pub(crate) fn get(&self, key: &K, generation: Generation, now: Timestamp) -> Option<V> {
        let (read_at, since, value) = self.kept.get(key)?;
        // A clock that was set back makes nothing younger.
        let age = now.duration_since(since);
        (read_at == generation && !age.is_negative() && age < LIFETIME).then_some(value)
    }

    /// Keeps a value that was read after `generation` was.
    pub(crate) fn keep(&self, key: K, generation: Generation, now: Timestamp, value: V) {
        self.kept.insert(key, (generation, now, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn generation(people: i64, policies: i64, repository: i64) -> Generation {
        Generation {
            people,
            policies,
            repository,
        }
    }

    #[test]
    fn a_value_is_given_out_only_while_every_counter_stands_still_and_it_is_young() {
        let memo = Memo::new(10);
        memo.keep("key", generation(1, 1, 1), NOW, "value");
        let cases = [
            (generation(1, 1, 1), 0, true),
            (generation(1, 1, 1), 4, true),
            (generation(1, 1, 1), 5, false),
            (generation(1, 1, 1), -1, false),
            (generation(2, 1, 1), 0, false),
            (generation(1, 2, 1), 0, false),
            (generation(1, 1, 2), 0, false),
            (generation(0, 1, 1), 0, false),
        ];
        for (generation, seconds, expected) in cases {
            let now = NOW + SignedDuration::from_secs(seconds);
            let found = memo.get(&"key", generation, now).is_some();
            assert_eq!(found, expected, "{generation:?} after {seconds} s");
        }
    }
}
