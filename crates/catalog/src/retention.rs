//! Retention: the policies' texts, and what they judge.
//!
//! What a policy says and which tags it ends is decided by `server`; here are its rows, the candidates page by page, and
//! nothing else. A tag ends by [`Catalog::end_tag`] with the cause `prune`.

use jiff::Timestamp;
use oci::{Digest, RepositoryName, Tag};
use sqlx::any::AnyRow;

use crate::dialect::statements;
use crate::repository_state::namespace_of;
use crate::rows::{Columns as _, all, micros};
use crate::scope::Scope;
use crate::tags::{cosign_subject, immutability};
use crate::{
    Actor, AuditAction, AuditEntry, Catalog, CatalogError, DeleteOutcome, Referenced, RepositoryId,
    TagCause,
};

/// A policy of one scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// Where it is in force, unless a nearer one is.
    pub scope: Scope,
    /// Its text, JSON.
    pub body: String,
    /// Whether it ends anything. One that does not still keeps farther ones away.
    pub enabled: bool,
    /// Who set it.
    pub author: String,
    /// When.
    pub updated_at: Timestamp,
}

/// A live tag as a policy sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagCandidate {
    /// The tag.
    pub tag: Tag,
    /// What it points at.
    pub digest: Digest,
    /// Since when.
    pub pushed_at: Timestamp,
    /// When its manifest was last pulled, by whatever name; `None` if nobody knows.
    pub pulled_at: Option<Timestamp>,
    /// The bytes below it, each blob once.
    pub size_bytes: u64,
    /// Whether it follows something else and is never judged by itself: a signature or another referrer, or a child of
    /// a tagged index.
    pub follows: bool,
}

/// A manifest without a tag, index or subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UntaggedManifest {
    /// The manifest.
    pub digest: Digest,
    /// When it arrived.
    pub pushed_at: Timestamp,
    /// When its last tag ended, if it had one.
    pub untagged_at: Option<Timestamp>,
    /// The bytes below it, each blob once.
    pub size_bytes: u64,
}

statements! {
    SET = "INSERT INTO policy_retention (scope, body, enabled, author, updated_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (scope) DO UPDATE SET body = excluded.body, enabled = excluded.enabled, author = excluded.author,
            updated_at = excluded.updated_at";
    DELETE = "DELETE FROM policy_retention WHERE scope = $1";
    GET = "SELECT * FROM policy_retention WHERE scope IN ($1, $2, $3)";
    ALL = "SELECT * FROM policy_retention ORDER BY scope LIMIT $1";
    ANY = "SELECT scope FROM policy_retention WHERE enabled = 1 LIMIT 1";
    REPOSITORIES = "SELECT id, name FROM repository WHERE id > $1 AND live_name IS NOT NULL AND state <> 'read_only'
        ORDER BY id LIMIT $2";
    TAGS = "{anew} SELECT t.live_name, t.digest, t.start_us, m.last_pulled_at, m.closure_bytes, m.subject,
            CASE WHEN EXISTS (SELECT 1 FROM manifest_ref r
                JOIN tag p ON p.repository_id = $1 AND p.digest = r.parent AND p.live_name IS NOT NULL
                    AND (p.expires_us IS NULL OR p.expires_us > $3)
                WHERE r.repository_id = $1 AND r.digest = t.digest AND r.kind = 'child') THEN 1 ELSE 0 END AS is_child
        FROM tag t JOIN manifest m ON m.repository_id = $1 AND m.digest = t.digest
        WHERE t.repository_id = $1 AND t.live_name > $2 AND (t.expires_us IS NULL OR t.expires_us > $3)
        ORDER BY t.live_name LIMIT $4";
    UNTAGGED = "SELECT m.digest, m.pushed_at, m.closure_bytes,
            (SELECT MAX(t.end_us) FROM tag t WHERE t.repository_id = $1 AND t.digest = m.digest) AS untagged_at
        FROM manifest m
        WHERE m.repository_id = $1 AND m.digest > $2 AND m.deleted_at IS NULL AND m.subject IS NULL
          AND NOT EXISTS (SELECT 1 FROM tag t
            WHERE t.repository_id = $1 AND t.digest = m.digest AND t.live_name IS NOT NULL)
          AND NOT EXISTS (SELECT 1 FROM manifest_ref r
            WHERE r.repository_id = $1 AND r.digest = m.digest AND r.kind = 'child')
        ORDER BY m.digest LIMIT $3";
}

impl Catalog {
    /// Sets the policy of a scope.
    pub async fn set_retention(
        &self,
        scope: &Scope,
        body: &str,
        enabled: bool,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let mut tx = self.begin().await?;
        self.dialect
            .query(SET)
            .bind(scope.to_string())
            .bind(body.to_owned())
            .bind(i64::from(enabled))
            .bind(by.name.clone())
            .bind(micros(now))
            .execute(&mut *tx)
            .await?;
        let target = scope.to_string();
        let entry = AuditEntry {
            detail: Some(body),
            ..AuditEntry::on(AuditAction::RetentionSet, None, Some(&target))
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Takes the policy of a scope away. Returns whether there was one.
    pub async fn delete_retention(
        &self,
        scope: &Scope,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        let query = self.dialect.query(DELETE).bind(scope.to_string());
        if query.execute(&mut *tx).await?.rows_affected() == 0 {
            return Ok(false);
        }
        let target = scope.to_string();
        let entry = AuditEntry::on(AuditAction::RetentionDelete, None, Some(&target));
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Returns the policy of a scope itself.
    pub async fn retention(&self, scope: &Scope) -> Result<Option<RetentionPolicy>, CatalogError> {
        let found = self.retentions([scope, scope, scope]).await?;
        Ok(found.into_iter().next())
    }

    /// Returns the policy in force for a repository: its own, else its namespace's, else the system's.
    pub async fn retention_for(
        &self,
        repository: RepositoryId,
        name: &RepositoryName,
    ) -> Result<Option<RetentionPolicy>, CatalogError> {
        let namespace = Scope::Namespace(namespace_of(name.as_str()).to_owned());
        let nearest = [Scope::Repository(repository), namespace, Scope::System];
        let found = self
            .retentions([&nearest[0], &nearest[1], &nearest[2]])
            .await?;
        Ok(nearest
            .iter()
            .find_map(|scope| found.iter().find(|policy| policy.scope == *scope))
            .cloned())
    }

    async fn retentions(&self, scopes: [&Scope; 3]) -> Result<Vec<RetentionPolicy>, CatalogError> {
        let mut query = self.dialect.query(GET);
        for scope in scopes {
            query = query.bind(scope.to_string());
        }
        all(query.fetch_all(&self.reader).await?, |row| {
            read_policy(&row)
        })
    }

    /// Lists policies by scope.
    pub async fn retention_policies(
        &self,
        limit: u32,
    ) -> Result<Vec<RetentionPolicy>, CatalogError> {
        let query = self.dialect.query(ALL).bind(i64::from(limit));
        all(query.fetch_all(&self.reader).await?, |row| {
            read_policy(&row)
        })
    }

    /// Returns whether any policy could end anything.
    pub async fn has_retention(&self) -> Result<bool, CatalogError> {
        let row = self.dialect.query(ANY).fetch_optional(&self.reader).await?;
        Ok(row.is_some())
    }

    /// Returns live repositories that are open for changes, by id, beginning after `after`.
    pub async fn repositories_after(
        &self,
        after: RepositoryId,
        limit: u32,
    ) -> Result<Vec<(RepositoryId, RepositoryName)>, CatalogError> {
        let rows = self
            .dialect
            .query(REPOSITORIES)
            .bind(after.0)
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| {
            Ok((RepositoryId(row.int("id")?), row.repository_name("name")?))
        })
    }

    /// Returns a repository's live tags for a policy, in ASCII order, beginning after `after`.
    pub async fn tag_candidates(
        &self,
        repository: RepositoryId,
        after: Option<&Tag>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<TagCandidate>, CatalogError> {
        let rows = self
            .dialect
            .query(TAGS)
            .bind(repository.0)
            .bind(after.map(ToString::to_string).unwrap_or_default())
            .bind(micros(now))
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| read_candidate(&row))
    }

    /// Returns a repository's manifests that nothing leads to, by digest, beginning after `after`.
    pub async fn untagged_manifests(
        &self,
        repository: RepositoryId,
        after: Option<&Digest>,
        limit: u32,
    ) -> Result<Vec<UntaggedManifest>, CatalogError> {
        let rows = self
            .dialect
            .query(UNTAGGED)
            .bind(repository.0)
            .bind(after.map(ToString::to_string).unwrap_or_default())
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| {
            Ok(UntaggedManifest {
                digest: row.digest("digest")?,
                pushed_at: row.time("pushed_at")?,
                untagged_at: row.maybe_time("untagged_at")?,
                size_bytes: row.size("closure_bytes")?,
            })
        })
    }

    /// Deletes a manifest on behalf of a policy, unless something leads to it again.
    pub async fn prune_manifest(
        &self,
        repository: RepositoryId,
        digest: &Digest,
        by: &Actor,
        now: Timestamp,
    ) -> Result<DeleteOutcome, CatalogError> {
        self.delete_manifest_as(
            repository,
            digest,
            Referenced::Refuse,
            TagCause::Prune,
            by,
            now,
        )
        .await
    }

    /// Returns whether a tag may neither move nor end now, by its flag or a rule. `None`: there is no such tag.
    pub async fn is_tag_immutable(
        &self,
        repository: RepositoryId,
        name: &RepositoryName,
        tag: &Tag,
        now: Timestamp,
    ) -> Result<Option<bool>, CatalogError> {
        let mut tx = self.begin().await?;
        let live = self.lock_tag(&mut tx, repository, tag).await?;
        let Some(live) = live.filter(|live| live.is_present(now)) else {
            return Ok(None);
        };
        let subject = immutability::Subject {
            repository,
            repository_name: name.as_str(),
            tag,
            digest: &live.digest,
        };
        let by_rule = self.immutable_by_rule_in(&mut tx, &subject).await?;
        Ok(Some(live.immutable || by_rule))
    }
}

fn read_policy(row: &AnyRow) -> Result<RetentionPolicy, CatalogError> {
    Ok(RetentionPolicy {
        scope: Scope::parse(&row.text("scope")?)?,
        body: row.text("body")?,
        enabled: row.flag("enabled")?,
        author: row.text("author")?,
        updated_at: row.time("updated_at")?,
    })
}

fn read_candidate(row: &AnyRow) -> Result<TagCandidate, CatalogError> {
    let tag = row.tag("live_name")?;
    let is_referrer = row.maybe_text("subject")?.is_some();
    let follows = is_referrer
        || row.flag("is_child")?
        || cosign_subject(&tag).is_some()
        || is_fallback_index(&tag);
    Ok(TagCandidate {
        digest: row.digest("digest")?,
        pushed_at: row.time("start_us")?,
        pulled_at: row.maybe_time("last_pulled_at")?,
        size_bytes: row.size("closure_bytes")?,
        follows,
        tag,
    })
}

/// Returns whether a tag is a list of referrers of the scheme for registries without the referrers API.
///
/// # Source
/// OCI distribution specification, "Referrers Tag Schema".
fn is_fallback_index(tag: &Tag) -> bool {
    let parts = tag.as_str().split_once('-');
    parts.is_some_and(|(algorithm, encoded)| {
        matches!(algorithm, "sha256" | "sha512")
            && encoded.len() == 64
            && encoded.bytes().all(|b| b.is_ascii_hexdigit())
    })
}
