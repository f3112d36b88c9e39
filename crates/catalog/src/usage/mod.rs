//! How much is used, and how much may be.
//!
//! A namespace uses the bytes of each blob that one of its repositories may read, once, and of its manifests; the system
//! counts the same over all, and a repository what is in it, whoever else has it. Every change appends a row of `usage_delta` in its own transaction, so no two pushes wait
//! for one counter; [`Catalog::fold_usage`] folds them. What is used is always the folded figure plus what is pending.
//!
//! A blob's first link in a namespace and its last are told apart under the lock of the blob's row, which everybody
//! holds who links or unlinks. [`Catalog::recompute_usage`] counts anew from the rows themselves; a test holds that both
//! agree.

mod fold;
mod lists;
mod quota;

pub use fold::PendingUsage;
pub use lists::{NamespaceUse, RepositoryUse};
pub use quota::{NewQuota, Quota, QuotaUse};
pub(crate) use quota::{ask_quotas, room_left};

use oci::Digest;

use crate::batch::Batch;
use crate::connection::Tx;
use crate::dialect::statements;
use crate::{Catalog, CatalogError, RepositoryId};

/// Every statement of this folder.
#[cfg(feature = "testkit")]
pub(crate) const STATEMENTS_OF_FOLDER: [&[(&str, crate::dialect::Statement)]; 4] = [
    STATEMENTS,
    fold::STATEMENTS,
    lists::STATEMENTS,
    quota::STATEMENTS,
];

statements! {
    COUNT_LINK = "INSERT INTO usage_delta (scope, bytes)
        SELECT 'namespace:' || l.namespace, CAST($3 AS BIGINT) * b.size_bytes
        FROM repo_blob l JOIN blob b ON b.digest = l.digest
        WHERE l.repository_id = $1 AND l.digest = $2 AND NOT EXISTS (SELECT 1 FROM repo_blob o
            WHERE o.namespace = l.namespace AND o.digest = l.digest AND o.repository_id <> $1)
        UNION ALL
        SELECT 'system', CAST($3 AS BIGINT) * b.size_bytes
        FROM repo_blob l JOIN blob b ON b.digest = l.digest
        WHERE l.repository_id = $1 AND l.digest = $2 AND NOT EXISTS (SELECT 1 FROM repo_blob o
            WHERE o.digest = l.digest AND o.repository_id <> $1)
        UNION ALL
        SELECT 'repository:' || CAST(l.repository_id AS TEXT), CAST($3 AS BIGINT) * b.size_bytes
        FROM repo_blob l JOIN blob b ON b.digest = l.digest
        WHERE l.repository_id = $1 AND l.digest = $2";
    COUNT_MANIFEST = "INSERT INTO usage_delta (scope, bytes)
        SELECT 'namespace:' || r.namespace, CAST($3 AS BIGINT) * m.size_bytes
        FROM manifest m JOIN repository r ON r.id = m.repository_id
        WHERE m.repository_id = $1 AND m.digest = $2
        UNION ALL
        SELECT 'system', CAST($3 AS BIGINT) * m.size_bytes FROM manifest m
        WHERE m.repository_id = $1 AND m.digest = $2
        UNION ALL
        SELECT 'repository:' || CAST(m.repository_id AS TEXT), CAST($3 AS BIGINT) * m.size_bytes FROM manifest m
        WHERE m.repository_id = $1 AND m.digest = $2";
}

/// Which way something goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// Its row is there now.
    In,
    /// Its row is still there and about to be deleted.
    Out,
}

impl Count {
    const fn sign(self) -> i64 {
        match self {
            Self::In => 1,
            Self::Out => -1,
        }
    }
}

impl Catalog {
    /// Counts a link of `repo_blob`: call it after inserting, or before deleting, with the row of `blob` locked.
    pub(crate) async fn count_link_in(
        &self,
        tx: &mut Tx,
        repository: RepositoryId,
        digest: &Digest,
        way: Count,
    ) -> Result<(), CatalogError> {
        self.dialect
            .query(COUNT_LINK)
            .bind(repository.0)
            .bind(digest.to_string())
            .bind(way.sign())
            .execute(&mut **tx)
            .await?;
        Ok(())
    }

    /// Counts a new link at the end of its transaction, which makes no other link to the same blob.
    pub(crate) async fn count_link_later(
        &self,
        tx: &mut Tx,
        repository: RepositoryId,
        digest: &Digest,
    ) -> Result<(), CatalogError> {
        tx.later()
            .await?
            .add(COUNT_LINK)
            .bind(repository.0)
            .bind(digest.to_string())
            .bind(Count::In.sign());
        Ok(())
    }
}

/// Counts a row of `manifest` in a batch: after it is inserted, or before it is deleted.
pub(crate) fn count_manifest(
    batch: &mut Batch,
    repository: RepositoryId,
    digest: &Digest,
    way: Count,
) {
    batch
        .add(COUNT_MANIFEST)
        .bind(repository.0)
        .bind(digest.to_string())
        .bind(way.sign());
}
