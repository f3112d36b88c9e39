//! The queue of reviews: what may have lost its last reference, and when to look.
//!
//! An entry is appended in the transaction of its cause, so nobody waits for a row of the queue, whatever else they
//! hold. Asking again postpones: the youngest entry of a thing counts, and older ones are dropped unseen. Losing an
//! entry would leave garbage behind; one too many costs a look.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use oci::Digest;

use crate::batch::Batch;
use crate::connection::Tx;
use crate::dialect::{chunks, statements};
use crate::rows::{Columns as _, micros};
use crate::{Actor, AuditAction, AuditEntry, Catalog, CatalogError, NewJob, RepositoryId};

/// How long after its cause a review happens: whoever deletes and pushes again within it keeps everything.
pub(super) const GRACE: SignedDuration = SignedDuration::from_mins(15);
/// Reviews of one cause spread over this many seconds more.
const SPREAD_SECONDS: i64 = 60;

statements! {
    ASK = "INSERT INTO gc_review (kind, repository_id, digest, review_after, review_count, event)
        VALUES {rows 6}";
    DUE = "SELECT r.id, r.repository_id, r.digest, CASE WHEN EXISTS (SELECT 1 FROM gc_review n
            WHERE n.kind = r.kind AND n.repository_id = r.repository_id AND n.digest = r.digest AND n.id > r.id)
            THEN 1 ELSE 0 END AS is_superseded
        FROM gc_review r WHERE r.kind = $1 AND r.review_after <= $2 ORDER BY r.review_after, r.id LIMIT $3 {skip locked}";
    DROP = "DELETE FROM gc_review WHERE id IN ({list})";
    POSTPONE = "UPDATE gc_review SET review_after = $1, review_count = review_count + 1 WHERE id IN ({list})";
    HASTEN = "UPDATE gc_review SET review_after = $1 WHERE review_after > $1";
}

/// How long an entry waits whose rows somebody holds.
const BUSY: SignedDuration = SignedDuration::from_mins(1);

/// An entry in the hands of a pass.
#[derive(Clone, Debug)]
pub(super) struct Due {
    pub(super) id: i64,
    pub(super) repository: RepositoryId,
    pub(super) digest: Digest,
}

/// What a pass found out about its entries.
#[derive(Debug, Default)]
pub(super) struct Settled {
    dropped: Vec<i64>,
    postponed: BTreeMap<Timestamp, Vec<i64>>,
}

impl Settled {
    /// There is nothing more to look at.
    pub(super) fn drop(&mut self, due: &Due) {
        self.dropped.push(due.id);
    }

    /// Look again then.
    pub(super) fn postpone(&mut self, due: &Due, until: Timestamp) {
        self.postponed.entry(until).or_default().push(due.id);
    }

    /// Somebody holds the rows, so they are in use.
    pub(super) fn is_busy(&mut self, due: &Due, now: Timestamp) {
        self.postpone(due, now.saturating_add(BUSY).unwrap_or(now));
    }
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ReviewKind {
    /// A blob's object.
    Blob,
    /// What was found in content of this digest.
    Evidence,
    /// A repository's right to a blob.
    Link,
    /// A manifest in its repository.
    Manifest,
}

impl ReviewKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Blob => "blob",
            Self::Evidence => "evidence",
            Self::Link => "link",
            Self::Manifest => "manifest",
        }
    }
}

/// Why something is looked at, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReviewEvent {
    /// It arrived without anything that refers to it.
    Arrival,
    /// A tag left it.
    TagEnd,
    /// What referred to it is gone.
    Orphaned,
}

impl ReviewEvent {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Arrival => "arrival",
            Self::TagEnd => "tag_end",
            Self::Orphaned => "orphaned",
        }
    }
}

/// One thing to look at again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Review {
    kind: ReviewKind,
    /// 0 where the question is not one repository's; no repository has that id.
    repository: i64,
    digest: String,
}

impl Review {
    /// Is this manifest still needed in its repository?
    pub(crate) fn manifest(repository: RepositoryId, digest: &Digest) -> Self {
        Self::within(ReviewKind::Manifest, repository, digest)
    }

    /// Does this repository still need its right to a blob?
    pub(crate) fn link(repository: RepositoryId, digest: &Digest) -> Self {
        Self::within(ReviewKind::Link, repository, digest)
    }

    /// Does any repository still have a right to this blob?
    pub(crate) fn blob(digest: &Digest) -> Self {
        Self::within(ReviewKind::Blob, RepositoryId(0), digest)
    }

    /// Is content of this digest still anywhere?
    pub(crate) fn evidence(digest: &Digest) -> Self {
        Self::within(ReviewKind::Evidence, RepositoryId(0), digest)
    }

    fn within(kind: ReviewKind, repository: RepositoryId, digest: &Digest) -> Self {
        Self {
            kind,
            repository: repository.0,
            digest: digest.to_string(),
        }
    }

    /// A spread that needs no dice: digests are as good as random.
    fn spread(&self) -> SignedDuration {
        let sum: i64 = self.digest.bytes().map(i64::from).sum();
        SignedDuration::from_secs(sum % SPREAD_SECONDS)
    }
}

/// Asks in a batch for a look at each of some things.
fn ask(batch: &mut Batch, reviews: &[&Review], event: ReviewEvent, from: Timestamp) {
    batch.add_many(ASK, reviews.len());
    for review in reviews {
        let after = from.saturating_add(GRACE + review.spread()).unwrap_or(from);
        batch
            .bind(review.kind.as_str())
            .bind(review.repository)
            .bind(review.digest.clone())
            .bind(micros(after))
            .bind(0_i64)
            .bind(event.as_str());
    }
}

impl Catalog {
    /// Asks for reviews in the transaction of their cause; they happen [`GRACE`] after `from`, or a little later.
    pub(crate) async fn review_in(
        &self,
        tx: &mut Tx,
        reviews: &[Review],
        event: ReviewEvent,
        from: Timestamp,
    ) -> Result<(), CatalogError> {
        let mut ordered: Vec<&Review> = reviews.iter().collect();
        ordered.sort_unstable();
        ordered.dedup();
        for chunk in chunks(&ordered) {
            let mut batch = self.batch();
            ask(&mut batch, chunk, event, from);
            batch.run(tx).await?;
        }
        Ok(())
    }

    /// Asks for a look at the end of a transaction that itself asks nothing of the queue.
    pub(crate) async fn review_later(
        &self,
        tx: &mut Tx,
        review: &Review,
        event: ReviewEvent,
        from: Timestamp,
    ) -> Result<(), CatalogError> {
        ask(tx.later().await?, &[review], event, from);
        Ok(())
    }

    /// Takes up to `limit` due entries of a kind for this transaction, skipping those another collector has. Entries
    /// that a younger one stands for are in `settled` already, and not among those returned.
    pub(super) async fn due_in(
        &self,
        tx: &mut Tx,
        kind: ReviewKind,
        limit: u32,
        now: Timestamp,
        settled: &mut Settled,
    ) -> Result<Vec<Due>, CatalogError> {
        let rows = self
            .dialect
            .query(DUE)
            .bind(kind.as_str())
            .bind(micros(now))
            .bind(i64::from(limit))
            .fetch_all(&mut **tx)
            .await?;
        let mut taken = Vec::with_capacity(rows.len());
        for row in rows {
            let due = Due {
                id: row.int("id")?,
                repository: RepositoryId(row.int("repository_id")?),
                digest: row.digest("digest")?,
            };
            if row.flag("is_superseded")? {
                settled.drop(&due);
            } else {
                taken.push(due);
            }
        }
        Ok(taken)
    }

    /// Writes what a pass found out, and returns how many entries it was about.
    pub(super) async fn settle_in(
        &self,
        tx: &mut Tx,
        settled: Settled,
    ) -> Result<u64, CatalogError> {
        let mut count = settled.dropped.len();
        for chunk in chunks(&settled.dropped) {
            let mut query = self.dialect.query_many(DROP, chunk.len());
            for id in chunk {
                query = query.bind(*id);
            }
            query.execute(&mut **tx).await?;
        }
        for (until, ids) in settled.postponed {
            count += ids.len();
            for chunk in chunks(&ids) {
                let mut query = self
                    .dialect
                    .query_many(POSTPONE, chunk.len())
                    .bind(micros(until));
                for id in chunk {
                    query = query.bind(*id);
                }
                query.execute(&mut **tx).await?;
            }
        }
        Ok(count as u64)
    }

    /// Makes every entry due and queues the job that looks at them, as somebody who runs collection by hand expects.
    /// Returns how many entries became due earlier.
    ///
    /// What protects content is in its own rows, so an early look takes nothing away that a late one would have kept.
    pub async fn run_collection(
        &self,
        job: &NewJob,
        by: &Actor,
        now: Timestamp,
    ) -> Result<u64, CatalogError> {
        let mut tx = self.begin().await?;
        let hastened = self
            .dialect
            .query(HASTEN)
            .bind(micros(now))
            .execute(&mut *tx)
            .await?;
        let entry = AuditEntry::on(AuditAction::CollectionRun, None, None);
        self.audit_in(&mut tx, &entry, by, now).await?;
        self.enqueue_in(&mut tx, job).await?;
        tx.commit().await?;
        Ok(hastened.rows_affected())
    }
}
