//! Mounts: a repository gets the right to a blob that another one has, and nothing is sent.
//!
//! Who may take from where is asked in the catalog, never read from a token. What is mounted is as good as pushed: it is
//! kept for a day, and a condemned blob is saved.

use failpoint::Step;
use jiff::Timestamp;
use oci::Digest;

use crate::blobs::Linked;
use crate::dialect::statements;
use crate::rows::Columns as _;
use crate::{Actor, AuditAction, Catalog, CatalogError, Principal, RepositoryId};

/// How many repositories an anonymous mount looks at.
const MOUNT_CANDIDATES: i64 = 100;

statements! {
    PULLABLE_SOURCE = "WITH held AS (
            SELECT l.repository_id AS id, CAST(1 AS BIGINT) AS holds FROM repo_blob l
            WHERE l.digest = $1 ORDER BY l.repository_id LIMIT $2
        ),
        filler AS (SELECT r.id, CAST(0 AS BIGINT) AS holds FROM repository r ORDER BY r.id LIMIT $2),
        candidate AS (
            SELECT id, holds FROM (SELECT id, holds FROM held UNION ALL SELECT id, holds FROM filler) AS both_kinds
            ORDER BY holds DESC, id LIMIT $2
        ),
        subject (kind, id) AS (
            SELECT CAST($4 AS TEXT), CAST($5 AS BIGINT)
            UNION ALL SELECT 'team', m.team_id FROM team_member m WHERE m.member_kind = $4 AND m.member_id = $5
        ),
        seen AS (
            SELECT c.id, c.holds * CASE WHEN r.live_name IS NOT NULL AND ($3 = 1 OR r.visibility = 'public'
               OR EXISTS (SELECT 1 FROM subject s JOIN permission p
                    ON p.repository_id = r.id AND p.subject_kind = s.kind AND p.subject_id = s.id)
               OR EXISTS (SELECT 1 FROM subject s JOIN pattern_permission g
                    ON g.subject_kind = s.kind AND g.subject_id = s.id AND g.namespace IN (r.namespace, '*')
                    WHERE r.name LIKE g.name_like ESCAPE '!'
                      AND (g.slashes IS NULL OR g.slashes = LENGTH(r.name) - LENGTH(REPLACE(r.name, '/', ''))))
               OR EXISTS (SELECT 1 FROM account a
                    WHERE a.name = r.namespace AND $4 = 'account' AND a.id = $5 AND a.kind = 'user')
               OR EXISTS (SELECT 1 FROM account o JOIN team t ON t.org_id = o.id AND t.role = 'admin'
                    JOIN team_member m ON m.team_id = t.id AND m.member_kind = $4 AND m.member_id = $5
                    WHERE o.name = r.namespace AND o.kind = 'org')) THEN 1 ELSE 0 END AS is_source
            FROM candidate c JOIN repository r ON r.id = c.id
        )
        SELECT MIN(CASE WHEN is_source = 1 THEN id END) AS repository_id FROM seen";
}

impl Catalog {
    /// Links a blob of `from` into `to`. Returns whether `from` has it and it can be read. The caller has checked the
    /// right to pull `from`.
    pub async fn mount_blob(
        &self,
        from: RepositoryId,
        to: RepositoryId,
        digest: &Digest,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin_short().await?;
        if self.lock_linked(&mut tx, from, digest).await? != Linked::Readable {
            return Ok(false);
        }
        self.save_in(&mut tx, digest).await?;
        self.link_in(&mut tx, to, digest, now).await?;
        self.audit_at(&mut tx, AuditAction::BlobMount, to, digest, by, now)
            .await?;
        failpoint::before(Step::BlobMount);
        tx.commit().await?;
        failpoint::after(Step::BlobMount);
        Ok(true)
    }

    /// Links a blob of any repository that `viewer` may pull into `to`. Returns whether there is one.
    ///
    /// How long the search takes tells nothing about repositories that `viewer` may not pull: those that hold the blob
    /// are filled up to a fixed number with others, the right to each is looked up, and none ends the search early.
    pub async fn mount_blob_from_any(
        &self,
        viewer: &Principal,
        to: RepositoryId,
        digest: &Digest,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let row = self
            .dialect
            .query(PULLABLE_SOURCE)
            .bind(digest.to_string())
            .bind(MOUNT_CANDIDATES)
            .bind(i64::from(viewer.superuser || viewer.reader_superuser))
            .bind(viewer.id.kind())
            .bind(viewer.id.number())
            .fetch_one(&self.reader)
            .await?;
        match row.maybe_int("repository_id")? {
            Some(from) => {
                let from = RepositoryId(from);
                self.mount_blob(from, to, digest, by, now).await
            }
            None => Ok(false),
        }
    }
}
