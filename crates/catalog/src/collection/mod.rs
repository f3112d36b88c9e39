//! Collection: what nothing refers to any more goes away, while pushes and pulls run.
//!
//! Whatever may drop a reference asks for a review, in its own transaction ([`review`]). A pass takes due entries and
//! looks again, under the locks of the rows they are about; what has no reason left to stay goes, and what only it held
//! is asked about in the same transaction. So one deletion runs down by itself:
//!
//! | Pass | Takes away | When |
//! |---|---|---|
//! | [`manifest`] | a manifest with its edges | no tag, span inside the restore window, index, subject or protection keeps it |
//! | [`link`] | a repository's right to a blob | none of its manifests names the blob, and its protection is over |
//! | [`blob`] | a blob: first condemned, later its row | no repository has a right to it, and then still none |
//! | [`evidence`] | what was found in content | the content is nowhere any more |
//! | [`trash`] | the object, by whoever calls | its row is gone |
//!
//! Nothing is held while an object is deleted, and a pass never waits for a lock: what somebody holds is in use. A
//! transaction is a batch of entries, so a crash loses at most one batch, which is looked at again.
//!
//! Adding a root: a fact in [`manifest`], a line in its decision, a case in the tests' sequential model.

mod blob;
mod check;
mod evidence;
mod graph;
mod link;
mod manifest;
mod promise;
mod report;
mod review;
mod run;
mod trash;

pub use check::{BlobRow, Rule};
pub use promise::is_assured;
pub use report::{Cause as ReclaimCause, Reclaim, Reclaimable};
pub(crate) use review::{Review, ReviewEvent};
pub use run::{CollectionRun, Queue, Switches};
pub use trash::Discarded;

use failpoint::Step;
use jiff::Timestamp;
use oci::Digest;

use crate::connection::Tx;
use crate::dialect::{Statement, chunks};
use crate::{Catalog, CatalogError, RepositoryId};
use review::Due;

/// Every statement of this folder.
#[cfg(feature = "testkit")]
pub(crate) const STATEMENTS: [&[(&str, crate::dialect::Statement)]; 11] = [
    blob::STATEMENTS,
    check::STATEMENTS,
    evidence::STATEMENTS,
    graph::STATEMENTS,
    link::STATEMENTS,
    manifest::STATEMENTS,
    promise::STATEMENTS,
    report::STATEMENTS,
    review::STATEMENTS,
    run::STATEMENTS,
    trash::STATEMENTS,
];

/// One kind of look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pass {
    /// Manifests in their repositories.
    Manifests,
    /// Rights of repositories to blobs.
    Links,
    /// Blobs, condemned and then removed.
    Blobs,
    /// What was found in content.
    Evidence,
}

impl Pass {
    /// Every pass, in the order in which a deletion runs down.
    pub const ALL: [Self; 4] = [Self::Manifests, Self::Links, Self::Blobs, Self::Evidence];
}

/// What collection did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Entries of the queue that were looked at.
    pub reviewed: u64,
    /// Manifests that left their repository.
    pub manifests: u64,
    /// Rights to blobs that ended.
    pub links: u64,
    /// Blobs that nobody had a right to.
    pub condemned: u64,
    /// Blobs whose rows are gone.
    pub blobs: u64,
    /// Digests whose evidence is gone.
    pub evidence: u64,
    /// Objects deleted from the store.
    pub objects: u64,
    /// Their size in bytes.
    pub freed_bytes: u64,
}

impl std::ops::AddAssign for Collected {
    fn add_assign(&mut self, more: Self) {
        self.reviewed += more.reviewed;
        self.manifests += more.manifests;
        self.links += more.links;
        self.condemned += more.condemned;
        self.blobs += more.blobs;
        self.evidence += more.evidence;
        self.objects += more.objects;
        self.freed_bytes += more.freed_bytes;
    }
}

impl Catalog {
    /// Looks at up to `limit` due entries of one kind, in one transaction. Nothing more is due when nothing was
    /// reviewed, or when everything due is in another collector's hands.
    pub async fn collect(
        &self,
        pass: Pass,
        limit: u32,
        now: Timestamp,
    ) -> Result<Collected, CatalogError> {
        let mut tx = self.begin().await?;
        let collected = match pass {
            Pass::Manifests => self.collect_manifests_in(&mut tx, limit, now).await?,
            Pass::Links => self.collect_links_in(&mut tx, limit, now).await?,
            Pass::Blobs => self.collect_blobs_in(&mut tx, limit, now).await?,
            Pass::Evidence => self.collect_evidence_in(&mut tx, limit, now).await?,
        };
        failpoint::before(Step::Collect);
        tx.commit().await?;
        failpoint::after(Step::Collect);
        Ok(collected)
    }

    /// Runs a statement with a `{list}` of digests.
    pub(crate) async fn on_digests(
        &self,
        tx: &mut Tx,
        statement: Statement,
        digests: &[Digest],
    ) -> Result<Vec<sqlx::any::AnyRow>, CatalogError> {
        let mut rows = Vec::new();
        for chunk in chunks(digests) {
            let mut query = self.dialect.query_many(statement, chunk.len());
            for digest in chunk {
                query = query.bind(digest.to_string());
            }
            rows.extend(query.fetch_all(&mut **tx).await?);
        }
        Ok(rows)
    }

    /// Runs a statement with `{rows 2}` of (repository, digest).
    async fn on_places(
        &self,
        connection: &mut sqlx::AnyConnection,
        statement: Statement,
        places: &[graph::Place],
        now: Option<Timestamp>,
    ) -> Result<Vec<sqlx::any::AnyRow>, CatalogError> {
        let mut rows = Vec::new();
        for chunk in chunks(places) {
            let mut query = self.dialect.query_many(statement, chunk.len());
            if let Some(now) = now {
                query = query.bind(now.as_microsecond());
            }
            for (repository, digest) in chunk {
                query = query.bind(repository.0).bind(digest.to_string());
            }
            rows.extend(query.fetch_all(&mut *connection).await?);
        }
        Ok(rows)
    }
}

/// Returns the digests of entries, each once and in order: rows are locked in this order everywhere.
fn digests_of(due: &[Due]) -> Vec<Digest> {
    let mut digests: Vec<Digest> = due.iter().map(|due| due.digest.clone()).collect();
    digests.sort_unstable();
    digests.dedup();
    digests
}

/// Returns the places of entries, each once and in order.
fn places_of(due: &[Due]) -> Vec<(RepositoryId, Digest)> {
    let mut places: Vec<_> = due
        .iter()
        .map(|due| (due.repository, due.digest.clone()))
        .collect();
    places.sort_unstable();
    places.dedup();
    places
}
