//! Blobs: which object holds which digest, and which repository may read it.
//!
//! `repo_blob` is the only right to read a blob; how one repository gets it from another is in `mounts`. An object key is written once and never reused, so deleting a key
//! cannot hit content that was uploaded again.

use std::collections::HashSet;

use failpoint::Step;
use jiff::{SignedDuration, Timestamp};
use oci::Digest;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::batch::{Answer, Answers, Batch};
use crate::collection::{Review, ReviewEvent};
use crate::connection::Tx;
use crate::dialect::{chunks, statements};
use crate::rows::{Columns as _, micros};
use crate::usage::Count;
use crate::{
    Actor, AuditAction, AuditEntry, Catalog, CatalogError, Referenced, RepositoryId, Writer,
};

/// A blob that a repository may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// The digest.
    pub digest: Digest,
    /// The size in bytes.
    pub size_bytes: u64,
    /// The object that holds it.
    pub object_key: String,
    /// Until when the repository keeps its right to it whatever happens; `None` where no repository was asked about.
    pub kept_until: Option<Timestamp>,
    /// Whether collection is about to remove it.
    pub is_condemned: bool,
    /// Whether its object is missing or damaged: nobody may read it until it is sent again.
    pub is_quarantined: bool,
}

/// An uploaded object that is to become a blob of a repository.
#[derive(Clone, Copy, Debug)]
pub struct NewBlob<'a> {
    /// The repository that may read it.
    pub repository: RepositoryId,
    /// Its digest, which was verified.
    pub digest: &'a Digest,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// The object that holds it.
    pub object_key: &'a str,
    /// The session that made the object; it ends.
    pub upload: Uuid,
}

/// What became of an uploaded object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// The digest is new; the object holds it now.
    New,
    /// The digest was there; the uploaded object is in the trash.
    Kept {
        /// The uploaded object's key.
        discard: String,
    },
    /// The digest was condemned or quarantined; the uploaded object replaces the old one, which is in the trash.
    Revived {
        /// The old object's key.
        discard: String,
    },
}

/// Whether a blob left its repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnlinkOutcome {
    /// It left.
    Unlinked,
    /// It was not there.
    NotFound,
    /// This manifest of the repository refers to it.
    Referenced {
        /// The manifest.
        by: Digest,
    },
}

/// Whether a repository has a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Linked {
    Not,
    Quarantined,
    Readable,
}

/// How long a new link keeps its blob although nothing refers to it yet: a push has a day to send its manifest.
const LINK_PROTECTION: SignedDuration = SignedDuration::from_hours(24);

statements! {
    END_UPLOAD = "DELETE FROM upload WHERE id = $1 AND repository_id = $2 AND object_key = $3";
    INSERT_BLOB = "INSERT INTO blob (digest, object_key, size_bytes, state, created_at)
        VALUES ($1, $2, $3, 'live', $4) ON CONFLICT (digest) DO NOTHING";
    LOCK_BLOB = "SELECT object_key, state FROM blob WHERE digest = $1 {for update}";
    REPLACE_OBJECT = "UPDATE blob SET object_key = $2, state = 'live', condemned_at = NULL WHERE digest = $1";
    REVIVE = "UPDATE blob SET state = 'live', condemned_at = NULL WHERE digest = $1 AND state = 'condemned'";
    LINK = "INSERT INTO repo_blob (repository_id, digest, linked_at, protected_until, namespace)
        SELECT r.id, $2, $3, $4, r.namespace FROM repository r WHERE r.id = $1 AND r.live_name IS NOT NULL
        ON CONFLICT (repository_id, digest) DO NOTHING";
    PROTECT_LINK = "UPDATE repo_blob SET protected_until = $3 WHERE repository_id = $1 AND digest = $2";
    DISCARD = "INSERT INTO trash (object_key, since, size_bytes) VALUES ($1, $2, $3)
        ON CONFLICT (object_key) DO NOTHING";
    DISCARD_UNPUBLISHED = "INSERT INTO trash (object_key, since)
        SELECT CAST($1 AS TEXT), CAST($2 AS BIGINT) WHERE NOT EXISTS (SELECT 1 FROM blob WHERE object_key = $1)
        ON CONFLICT (object_key) DO NOTHING";
    IN_REPOSITORY = "SELECT b.digest, b.size_bytes, b.object_key, b.state, l.protected_until
        FROM repo_blob l JOIN blob b ON b.digest = l.digest WHERE l.repository_id = $1 AND l.digest = $2";
    ANYWHERE = "SELECT digest, size_bytes, object_key, state, CAST(NULL AS BIGINT) AS protected_until
        FROM blob WHERE digest = $1";
    HAS_LINK = "SELECT digest FROM repo_blob WHERE repository_id = $1 AND digest = $2";
    LINKED = "{anew} SELECT l.digest FROM repo_blob l JOIN blob b ON b.digest = l.digest
        WHERE l.repository_id = $1 AND l.digest IN ({list}) AND b.state <> 'quarantined'";
    REFERENCED_BY = "{anew} SELECT r.parent FROM manifest_ref r
        JOIN manifest m ON m.repository_id = r.repository_id AND m.digest = r.parent AND m.deleted_at IS NULL
        WHERE r.repository_id = $1 AND r.digest = $2 AND r.kind <> 'child' ORDER BY r.parent LIMIT 1";
    UNLINK = "DELETE FROM repo_blob WHERE repository_id = $1 AND digest = $2";
}

impl Catalog {
    /// Makes a finished object visible as `digest` in a repository and ends its session, in one transaction.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] if the session is gone; nothing becomes visible then.
    pub async fn publish_blob(
        &self,
        blob: &NewBlob<'_>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Published, CatalogError> {
        let NewBlob {
            repository,
            digest,
            size_bytes,
            object_key,
            upload,
        } = *blob;
        let mut tx = self.begin_short().await?;
        let mut batch = self.batch();
        batch
            .add(END_UPLOAD)
            .bind(upload.to_string())
            .bind(repository.0)
            .bind(object_key.to_owned());
        insert_blob(&mut batch, digest, size_bytes, object_key, now);
        let mut answers = batch.run(&mut tx).await?;
        if !answers.next()?.has_changed_one() {
            return Err(CatalogError::Conflict("finished upload"));
        }
        let published = if answers.next()?.has_changed_one() {
            Published::New
        } else {
            self.settle_object(&mut tx, digest, size_bytes, object_key, now)
                .await?
        };
        self.link_in(&mut tx, repository, digest, now).await?;
        self.audit_at(&mut tx, AuditAction::BlobPush, repository, digest, by, now)
            .await?;
        failpoint::before(Step::BlobPublish);
        tx.commit().await?;
        failpoint::after(Step::BlobPublish);
        Ok(published)
    }

    /// Decides which of two objects with the same content stays, after an insert found one there.
    async fn settle_object(
        &self,
        tx: &mut Tx,
        digest: &Digest,
        size_bytes: u64,
        object_key: &str,
        now: Timestamp,
    ) -> Result<Published, CatalogError> {
        // Collection may remove the row between the insert and our look; the next round inserts.
        let row = loop {
            let row = self
                .dialect
                .query(LOCK_BLOB)
                .bind(digest.to_string())
                .fetch_optional(&mut **tx)
                .await?;
            if let Some(row) = row {
                break row;
            }
            let mut batch = self.batch();
            insert_blob(&mut batch, digest, size_bytes, object_key, now);
            if batch.run(tx).await?.next()?.has_changed_one() {
                return Ok(Published::New);
            }
        };
        let outcome = if row.text("state")? == "live" {
            Published::Kept {
                discard: object_key.to_owned(),
            }
        } else {
            self.dialect
                .query(REPLACE_OBJECT)
                .bind(digest.to_string())
                .bind(object_key.to_owned())
                .execute(&mut **tx)
                .await?;
            self.heal_in(tx, digest).await?;
            Published::Revived {
                discard: row.text("object_key")?,
            }
        };
        if let Published::Kept { discard } | Published::Revived { discard } = &outcome {
            self.dialect
                .query(DISCARD)
                .bind(discard.clone())
                .bind(micros(now))
                .bind(size_bytes as i64)
                .execute(&mut **tx)
                .await?;
        }
        Ok(outcome)
    }

    /// Returns the blob, if this repository may read it.
    pub async fn blob_in_repo(
        &self,
        repository: RepositoryId,
        digest: &Digest,
    ) -> Result<Option<Blob>, CatalogError> {
        let mut batch = self.batch();
        ask_in_repo(&mut batch, repository, digest);
        read_in_repo(&batch.read(&self.reader).await?.next()?)
    }

    /// Returns whether a blob is kept from being read.
    pub async fn is_quarantined(&self, digest: &Digest) -> Result<bool, CatalogError> {
        let blob = self.blob(digest).await?;
        Ok(blob.is_some_and(|blob| blob.is_quarantined))
    }

    /// Returns the blob wherever it is: for the analyser's jobs, never for a request.
    pub async fn blob(&self, digest: &Digest) -> Result<Option<Blob>, CatalogError> {
        let row = self
            .dialect
            .query(ANYWHERE)
            .bind(digest.to_string())
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read_blob).transpose()
    }

    /// Returns those of `digests` that the repository may not read, in the order given.
    pub async fn missing_blobs(
        &self,
        repository: RepositoryId,
        digests: &[Digest],
    ) -> Result<Vec<Digest>, CatalogError> {
        let mut batch = self.batch();
        let asked = ask_linked(&mut batch, repository, digests);
        read_missing(&mut batch.read(&self.reader).await?, asked, digests)
    }

    /// Takes a blob out of a repository; `referenced` decides while one of its manifests refers to it.
    pub async fn unlink_blob(
        &self,
        repository: RepositoryId,
        digest: &Digest,
        referenced: Referenced,
        by: &Actor,
        now: Timestamp,
    ) -> Result<UnlinkOutcome, CatalogError> {
        let mut tx = self.begin().await?;
        let head = self
            .writable_in(&mut tx, repository, Writer::Person)
            .await?;
        if self.lock_linked(&mut tx, repository, digest).await? == Linked::Not {
            return Ok(UnlinkOutcome::NotFound);
        }
        let holder = self
            .dialect
            .query(REFERENCED_BY)
            .bind(repository.0)
            .bind(digest.to_string())
            .fetch_optional(&mut *tx)
            .await?;
        if let (Some(row), Referenced::Refuse) = (holder, referenced) {
            return Ok(UnlinkOutcome::Referenced {
                by: row.digest("parent")?,
            });
        }
        if referenced == Referenced::Allow {
            self.guard_below_immutable_in(&mut tx, repository, &head.name, digest, now)
                .await?;
        }
        self.count_link_in(&mut tx, repository, digest, Count::Out)
            .await?;
        self.dialect
            .query(UNLINK)
            .bind(repository.0)
            .bind(digest.to_string())
            .execute(&mut *tx)
            .await?;
        let entry = AuditEntry::on(
            AuditAction::BlobDelete,
            Some(&head.name),
            Some(digest.as_str()),
        );
        self.audit_in(&mut tx, &entry, by, now).await?;
        let reviews = [Review::blob(digest)];
        self.review_in(&mut tx, &reviews, ReviewEvent::Orphaned, now)
            .await?;
        failpoint::before(Step::BlobUnlink);
        tx.commit().await?;
        failpoint::after(Step::BlobUnlink);
        Ok(UnlinkOutcome::Unlinked)
    }

    /// Puts an object into the trash, unless somebody published it in the meantime: an object store lets two replicas
    /// finish one session, and only one of them ends its row.
    pub async fn discard_unpublished(
        &self,
        object_key: &str,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        self.dialect
            .query(DISCARD_UNPUBLISHED)
            .bind(object_key.to_owned())
            .bind(micros(now))
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Takes condemned blobs back to life, whose rows the transaction has locked: something refers to them again.
    pub(crate) async fn revive_in(
        &self,
        tx: &mut Tx,
        condemned: &[AnyRow],
    ) -> Result<(), CatalogError> {
        for row in condemned {
            self.save_in(tx, &row.digest("digest")?).await?;
        }
        Ok(())
    }

    /// Keeps a blob that is condemned, because somebody with a right to it needs it. Its row is locked.
    pub(crate) async fn save_in(&self, tx: &mut Tx, digest: &Digest) -> Result<(), CatalogError> {
        self.dialect
            .query(REVIVE)
            .bind(digest.to_string())
            .execute(&mut **tx)
            .await?;
        Ok(())
    }

    /// Locks a blob and returns whether the repository has it.
    ///
    /// The row of `blob` is the one lock for everything about a digest: publishing, mounting, unlinking, and (shared)
    /// storing a manifest that names it.
    pub(crate) async fn lock_linked(
        &self,
        tx: &mut Tx,
        repository: RepositoryId,
        digest: &Digest,
    ) -> Result<Linked, CatalogError> {
        let blob = self
            .dialect
            .query(LOCK_BLOB)
            .bind(digest.to_string())
            .fetch_optional(&mut **tx)
            .await?;
        let link = self
            .dialect
            .query(HAS_LINK)
            .bind(repository.0)
            .bind(digest.to_string())
            .fetch_optional(&mut **tx)
            .await?;
        Ok(match (blob, link) {
            (Some(blob), Some(_)) if blob.text("state")? == "quarantined" => Linked::Quarantined,
            (Some(_), Some(_)) => Linked::Readable,
            _ => Linked::Not,
        })
    }

    pub(crate) async fn link_in(
        &self,
        tx: &mut Tx,
        repository: RepositoryId,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let protected_until = now.saturating_add(LINK_PROTECTION).unwrap_or(now);
        let linked = self
            .dialect
            .query(LINK)
            .bind(repository.0)
            .bind(digest.to_string())
            .bind(micros(now))
            .bind(micros(protected_until))
            .execute(&mut **tx)
            .await?;
        if linked.rows_affected() == 1 {
            self.count_link_later(tx, repository, digest).await?;
        } else {
            let protected = self
                .dialect
                .query(PROTECT_LINK)
                .bind(repository.0)
                .bind(digest.to_string())
                .bind(micros(protected_until))
                .execute(&mut **tx)
                .await?;
            if protected.rows_affected() == 0 {
                return Err(CatalogError::RepositoryGone);
            }
        }
        let review = Review::link(repository, digest);
        self.review_later(tx, &review, ReviewEvent::Arrival, protected_until)
            .await
    }
}

fn insert_blob(
    batch: &mut Batch,
    digest: &Digest,
    size_bytes: u64,
    object_key: &str,
    now: Timestamp,
) {
    batch
        .add(INSERT_BLOB)
        .bind(digest.to_string())
        .bind(object_key.to_owned())
        .bind(size_bytes as i64)
        .bind(micros(now));
}

/// Asks in a batch for a blob of a repository.
pub(crate) fn ask_in_repo(batch: &mut Batch, repository: RepositoryId, digest: &Digest) {
    batch
        .add(IN_REPOSITORY)
        .bind(repository.0)
        .bind(digest.to_string());
}

/// Reads the answer to [`ask_in_repo`].
pub(crate) fn read_in_repo(answer: &Answer) -> Result<Option<Blob>, CatalogError> {
    answer.rows.first().map(read_blob).transpose()
}

/// Asks in a batch which of these blobs a repository has. Returns how many statements that takes.
pub(crate) fn ask_linked(batch: &mut Batch, repository: RepositoryId, digests: &[Digest]) -> usize {
    let before = batch.len();
    for chunk in chunks(digests) {
        batch.add_many(LINKED, chunk.len()).bind(repository.0);
        for digest in chunk {
            batch.bind(digest.to_string());
        }
    }
    batch.len() - before
}

/// Reads the answers to [`ask_linked`]: which of `digests` are not there.
pub(crate) fn read_missing(
    answers: &mut Answers,
    asked: usize,
    digests: &[Digest],
) -> Result<Vec<Digest>, CatalogError> {
    let mut linked = HashSet::new();
    for row in answers.rows_of(asked)? {
        linked.insert(row.digest("digest")?);
    }
    let missing = digests.iter().filter(|digest| !linked.contains(digest));
    Ok(missing.cloned().collect())
}

pub(crate) fn read_blob(row: &AnyRow) -> Result<Blob, CatalogError> {
    Ok(Blob {
        digest: row.digest("digest")?,
        size_bytes: row.size("size_bytes")?,
        object_key: row.text("object_key")?,
        kept_until: row.maybe_time("protected_until")?,
        is_condemned: row.text("state")? == "condemned",
        is_quarantined: row.text("state")? == "quarantined",
    })
}
