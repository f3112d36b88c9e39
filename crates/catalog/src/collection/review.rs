//! The queue of reviews: what may have lost its last reference, and when to look.
//!
//! An entry is appended in the transaction of its cause, so nobody waits for a row of the queue, whatever else they
//! hold. Asking again postpones: the youngest entry of a thing counts, and older ones are dropped unseen. Losing an
//! entry would leave garbage behind; one too many costs a look.

use jiff::{SignedDuration, Timestamp};
use oci::Digest;

use crate::connection::Tx;
use crate::dialect::{chunks, statements};
use crate::rows::micros;
use crate::{Catalog, CatalogError, RepositoryId};

/// How long after its cause a review happens: whoever deletes and pushes again within it keeps everything.
const GRACE: SignedDuration = SignedDuration::from_mins(15);
/// Reviews of one cause spread over this many seconds more.
const SPREAD_SECONDS: i64 = 60;

statements! {
    ASK = "INSERT INTO gc_review (kind, repository_id, digest, review_after, review_count, event)
        VALUES {rows 6}";
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
            let mut query = self.dialect.query_many(ASK, chunk.len());
            for review in chunk {
                let after = from.saturating_add(GRACE + review.spread()).unwrap_or(from);
                query = query
                    .bind(review.kind.as_str())
                    .bind(review.repository)
                    .bind(review.digest.clone())
                    .bind(micros(after))
                    .bind(0_i64)
                    .bind(event.as_str());
            }
            query.execute(&mut **tx).await?;
        }
        Ok(())
    }
}
