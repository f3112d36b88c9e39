//! Manifests: stored byte for byte, with the edges of the graph they form.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};
use oci::{Descriptor, Digest, Platform, Reference, Tag};
use sqlx::any::AnyRow;

use crate::connection::Tx;
use crate::dialect::{chunks, statements};
use crate::rows::{Columns as _, all, micros};
use crate::tags::{Retargeted, TagTarget};
use crate::{
    Actor, AuditAction, AuditEntry, Catalog, CatalogError, NewJob, RepositoryId, Sparse, TagCause,
    TagMove,
};

/// A manifest to be stored.
#[derive(Clone, Copy, Debug)]
pub struct PutManifest<'a> {
    /// Where.
    pub repository: RepositoryId,
    /// The digest of `bytes`.
    pub digest: &'a Digest,
    /// The manifest as it arrived.
    pub bytes: &'a [u8],
    /// The view over `bytes`: type, references, subject, annotations.
    pub manifest: &'a oci::Manifest,
    /// The tags to point at it; all or none.
    pub tags: &'a [Tag],
    /// What may be missing.
    pub sparse: Sparse,
    /// Jobs that exist if and only if the manifest does.
    pub jobs: &'a [NewJob],
}

/// What a put changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutOutcome {
    /// Whether the manifest was not in the repository before.
    pub created: bool,
    /// The tags that point elsewhere than before, in ASCII order.
    pub moved: Vec<TagMove>,
}

/// Why a manifest is not stored. Nothing is changed then.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// Blobs or children that the repository does not have.
    #[error("the manifest refers to content that is not in the repository")]
    Missing(Vec<Digest>),
    /// A descriptor's size is not that of the content.
    #[error("the manifest says {declared} bytes for {digest}, stored are {stored}")]
    Size {
        /// The content.
        digest: Digest,
        /// The size its descriptor says.
        declared: u64,
        /// The size stored.
        stored: u64,
    },
    /// A tag may not move.
    #[error("tag `{0}` is immutable")]
    Immutable(Tag),
    /// A fault of the catalog.
    #[error("the manifest cannot be stored")]
    Catalog(#[source] CatalogError),
}

/// A manifest as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredManifest {
    /// The digest.
    pub digest: Digest,
    /// The media type it was accepted with.
    pub media_type: String,
    /// The manifest as it arrived.
    pub bytes: Vec<u8>,
    /// The manifest it refers to.
    pub subject: Option<Digest>,
    /// The artifact type shown in referrer lists.
    pub artifact_type: Option<String>,
    /// When it arrived in this repository.
    pub pushed_at: Timestamp,
}

/// A child of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildRow {
    /// The child's digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Its size in bytes, as the index says.
    pub size_bytes: u64,
    /// `os/architecture[/variant]`.
    pub platform: Option<String>,
    /// Whether the repository has it.
    pub present: bool,
}

/// A manifest that refers to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrer {
    /// The digest.
    pub digest: Digest,
    /// The media type.
    pub media_type: String,
    /// The size in bytes.
    pub size_bytes: u64,
    /// The artifact type, if it has one.
    pub artifact_type: Option<String>,
    /// The annotations.
    pub annotations: BTreeMap<String, String>,
}

/// Whether a manifest left its repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeleteOutcome {
    /// It left, and these tags with it.
    Deleted {
        /// The tags that ended.
        tags: Vec<Tag>,
    },
    /// It was not there.
    NotFound,
    /// This index of the repository holds it.
    Referenced {
        /// The index.
        by: Digest,
    },
}

/// How long a new manifest is kept although nothing refers to it yet.
const PUSH_PROTECTION: SignedDuration = SignedDuration::from_hours(24);

statements! {
    PRESENT_BLOBS = "SELECT l.digest, b.size_bytes, b.state FROM repo_blob l JOIN blob b ON b.digest = l.digest
        WHERE l.repository_id = $1 AND l.digest IN ({list}) {for share}";
    PRESENT_MANIFESTS = "SELECT digest, size_bytes FROM manifest
        WHERE repository_id = $1 AND digest IN ({list}) {for share}";
    INSERT_BODY = "INSERT INTO manifest_body (digest, bytes) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING";
    INSERT = "INSERT INTO manifest (repository_id, digest, media_type, artifact_type, config_digest, subject,
            annotations, size_bytes, closure_bytes, pushed_at, protected_until)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10)
        ON CONFLICT (repository_id, digest) DO NOTHING";
    PROTECT = "UPDATE manifest SET protected_until = $3 WHERE repository_id = $1 AND digest = $2";
    INSERT_REFS = "INSERT INTO manifest_ref
            (repository_id, parent, kind, ordinal, digest, size_bytes, media_type, platform)
        SELECT $1, $2, v.column1, CAST(v.column2 AS BIGINT), v.column3, CAST(v.column4 AS BIGINT), v.column5, v.column6
        FROM (VALUES {rows 6}) AS v";
    SET_CLOSURE = "UPDATE manifest SET closure_bytes = size_bytes + (
            SELECT CAST(COALESCE(SUM(below.size_bytes), 0) AS BIGINT) FROM (
                SELECT r.digest, r.size_bytes FROM manifest_ref r
                WHERE r.repository_id = $1 AND r.parent = $2 AND r.kind <> 'foreign'
                UNION
                SELECT r.digest, r.size_bytes FROM manifest_ref c
                JOIN manifest_ref r ON r.repository_id = c.repository_id AND r.parent = c.digest AND r.kind <> 'foreign'
                WHERE c.repository_id = $1 AND c.parent = $2 AND c.kind = 'child'
            ) AS below)
        WHERE repository_id = $1 AND digest = $2";
    INSERT_REFERRER = "INSERT INTO referrer (repository_id, subject, digest, source) VALUES ($1, $2, $3, 'subject')
        ON CONFLICT (repository_id, subject, digest, source) DO NOTHING";
    GET = "SELECT m.digest, m.media_type, b.bytes, m.subject, m.artifact_type, m.pushed_at
        FROM manifest m JOIN manifest_body b ON b.digest = m.digest
        WHERE m.repository_id = $1 AND m.digest = $2";
    GET_BY_TAG = "SELECT m.digest, m.media_type, b.bytes, m.subject, m.artifact_type, m.pushed_at
        FROM tag t
        JOIN manifest m ON m.repository_id = t.repository_id AND m.digest = t.digest
        JOIN manifest_body b ON b.digest = m.digest
        WHERE t.repository_id = $1 AND t.live_name = $2 AND (t.expires_us IS NULL OR t.expires_us > $3)";
    LOCK = "SELECT digest FROM manifest WHERE repository_id = $1 AND digest = $2 {for update}";
    LIVE_TAGS = "SELECT live_name FROM tag
        WHERE repository_id = $1 AND digest = $2 AND live_name IS NOT NULL ORDER BY live_name";
    DELETE_REFS = "DELETE FROM manifest_ref WHERE repository_id = $1 AND parent = $2";
    DELETE_EDGES = "DELETE FROM referrer WHERE repository_id = $1 AND digest = $2";
    DELETE = "DELETE FROM manifest WHERE repository_id = $1 AND digest = $2";
    DELETE_BODY = "DELETE FROM manifest_body
        WHERE digest = $1 AND NOT EXISTS (SELECT 1 FROM manifest m WHERE m.digest = $1)";
    REFERRERS = "SELECT m.digest, m.media_type, m.size_bytes, m.artifact_type, m.annotations
        FROM manifest m
        WHERE m.repository_id = $1 AND m.digest > $3 AND EXISTS (
            SELECT 1 FROM referrer r WHERE r.repository_id = $1 AND r.subject = $2 AND r.digest = m.digest
              AND r.source IN ('subject', 'fallback_index'))
        ORDER BY m.digest LIMIT $4";
    REFERRERS_OF_TYPE = "SELECT m.digest, m.media_type, m.size_bytes, m.artifact_type, m.annotations
        FROM manifest m
        WHERE m.repository_id = $1 AND m.digest > $3 AND EXISTS (
            SELECT 1 FROM referrer r WHERE r.repository_id = $1 AND r.subject = $2 AND r.digest = m.digest
              AND r.source IN ('subject', 'fallback_index'))
          AND m.artifact_type IN ({list})
        ORDER BY m.digest LIMIT $4";
    PARENTS = "SELECT DISTINCT parent FROM manifest_ref
        WHERE repository_id = $1 AND digest = $2 AND kind = 'child' ORDER BY parent";
    CHILDREN = "SELECT r.digest, r.media_type, r.size_bytes, r.platform,
            CASE WHEN m.digest IS NULL THEN 0 ELSE 1 END AS present
        FROM manifest_ref r
        LEFT JOIN manifest m ON m.repository_id = r.repository_id AND m.digest = r.digest
        WHERE r.repository_id = $1 AND r.parent = $2 AND r.kind = 'child' ORDER BY r.ordinal";
    OF_BLOB = "SELECT DISTINCT m.digest, m.pushed_at FROM manifest_ref r
        JOIN manifest m ON m.repository_id = r.repository_id AND m.digest = r.parent
        WHERE r.repository_id = $1 AND r.digest = $2 AND r.kind IN ('config', 'layer')
        ORDER BY m.pushed_at DESC, m.digest LIMIT $3";
}

impl From<CatalogError> for PutError {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::Immutable(tag) => Self::Immutable(tag),
            other => Self::Catalog(other),
        }
    }
}

impl From<sqlx::Error> for PutError {
    fn from(error: sqlx::Error) -> Self {
        Self::Catalog(error.into())
    }
}

impl Catalog {
    /// Stores a manifest, its edges, its tags, its jobs and the audit rows in one transaction. Repeating it is harmless.
    ///
    /// # Errors
    /// See [`PutError`]; the references are checked before anything is written.
    pub async fn put_manifest(
        &self,
        put: PutManifest<'_>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<PutOutcome, PutError> {
        let mut tx = self.begin().await?;
        self.check_references(&mut tx, &put).await?;
        let created = self.insert_manifest(&mut tx, &put, now).await?;
        let name = self.repository_name_in(&mut tx, put.repository).await?;
        if created {
            self.insert_edges(&mut tx, &put).await?;
            let entry = AuditEntry::on(
                AuditAction::Push,
                name.as_deref(),
                Some(put.digest.as_str()),
            );
            self.audit_in(&mut tx, &entry, by, now).await?;
        }
        let mut moved = Vec::new();
        // Tags are locked in one order, so that two pushes of several tags cannot wait for each other.
        let mut tags: Vec<&Tag> = put.tags.iter().collect();
        tags.sort_unstable();
        tags.dedup();
        for tag in tags {
            let target = TagTarget {
                repository: put.repository,
                repository_name: name.as_deref(),
                tag,
                digest: Some(put.digest),
                cause: TagCause::Push,
            };
            let retargeted = self.retarget_tag(&mut tx, &target, by, now).await?;
            if let Retargeted::Changed { previous } = retargeted {
                moved.push(TagMove {
                    tag: tag.clone(),
                    previous,
                });
            }
        }
        for job in put.jobs {
            self.enqueue_in(&mut tx, job).await?;
        }
        tx.commit().await?;
        Ok(PutOutcome { created, moved })
    }

    /// Checks that what the manifest refers to is in the repository and has the size it says.
    async fn check_references(&self, tx: &mut Tx, put: &PutManifest<'_>) -> Result<(), PutError> {
        let blobs: Vec<&Descriptor> = put.manifest.required_blobs().collect();
        let (sizes, condemned) = self.present_blobs(tx, put.repository, &blobs).await?;
        let children: Vec<&Descriptor> = put.manifest.children.iter().collect();
        let child_sizes = self
            .present_manifests(tx, put.repository, &children)
            .await?;

        let mut missing = Vec::new();
        let needs_blobs = put.sparse != Sparse::All;
        let needs_children = put.sparse == Sparse::None;
        for (descriptors, sizes, needed) in [
            (&blobs, &sizes, needs_blobs),
            (&children, &child_sizes, needs_children),
        ] {
            for descriptor in descriptors {
                match sizes.get(&descriptor.digest) {
                    Some(&stored) if stored != descriptor.size => {
                        return Err(PutError::Size {
                            digest: descriptor.digest.clone(),
                            declared: descriptor.size,
                            stored,
                        });
                    }
                    None if needed && !missing.contains(&descriptor.digest) => {
                        missing.push(descriptor.digest.clone());
                    }
                    _ => {}
                }
            }
        }
        if !missing.is_empty() {
            return Err(PutError::Missing(missing));
        }
        for digest in condemned {
            self.revive_in(tx, &digest).await?;
        }
        Ok(())
    }

    /// Returns the sizes of those blobs that are there, and which of them were about to be collected.
    async fn present_blobs(
        &self,
        tx: &mut Tx,
        repository: RepositoryId,
        descriptors: &[&Descriptor],
    ) -> Result<(HashMap<Digest, u64>, Vec<Digest>), CatalogError> {
        let mut sizes = HashMap::new();
        let mut condemned = Vec::new();
        for chunk in chunks(descriptors) {
            let mut query = self
                .dialect
                .query_many(PRESENT_BLOBS, chunk.len())
                .bind(repository.0);
            for descriptor in chunk {
                query = query.bind(descriptor.digest.to_string());
            }
            for row in query.fetch_all(&mut **tx).await? {
                let digest = row.digest("digest")?;
                if row.text("state")? == "condemned" {
                    condemned.push(digest.clone());
                }
                sizes.insert(digest, row.size("size_bytes")?);
            }
        }
        Ok((sizes, condemned))
    }

    async fn present_manifests(
        &self,
        tx: &mut Tx,
        repository: RepositoryId,
        descriptors: &[&Descriptor],
    ) -> Result<HashMap<Digest, u64>, CatalogError> {
        let mut sizes = HashMap::new();
        for chunk in chunks(descriptors) {
            let mut query = self
                .dialect
                .query_many(PRESENT_MANIFESTS, chunk.len())
                .bind(repository.0);
            for descriptor in chunk {
                query = query.bind(descriptor.digest.to_string());
            }
            for row in query.fetch_all(&mut **tx).await? {
                sizes.insert(row.digest("digest")?, row.size("size_bytes")?);
            }
        }
        Ok(sizes)
    }

    /// Inserts the manifest and its body. Returns whether the repository did not have it.
    async fn insert_manifest(
        &self,
        tx: &mut Tx,
        put: &PutManifest<'_>,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let manifest = put.manifest;
        let protected_until = micros(now.saturating_add(PUSH_PROTECTION).unwrap_or(now));
        let annotations = serde_json::to_string(&manifest.annotations)
            .map_err(|_| CatalogError::Corrupt("map of annotations"))?;
        self.dialect
            .query(INSERT_BODY)
            .bind(put.digest.to_string())
            .bind(put.bytes.to_vec())
            .execute(&mut **tx)
            .await?;
        let inserted = self
            .dialect
            .query(INSERT)
            .bind(put.repository.0)
            .bind(put.digest.to_string())
            .bind(manifest.media_type.clone())
            .bind(manifest.effective_artifact_type().map(str::to_owned))
            .bind(manifest.config.as_ref().map(|c| c.digest.to_string()))
            .bind(manifest.subject.as_ref().map(|s| s.digest.to_string()))
            .bind(annotations)
            .bind(put.bytes.len() as i64)
            .bind(micros(now))
            .bind(protected_until)
            .execute(&mut **tx)
            .await?;
        if inserted.rows_affected() == 1 {
            return Ok(true);
        }
        self.dialect
            .query(PROTECT)
            .bind(put.repository.0)
            .bind(put.digest.to_string())
            .bind(protected_until)
            .execute(&mut **tx)
            .await?;
        Ok(false)
    }

    /// Inserts the edges of a new manifest and the size of everything below it.
    ///
    /// The size counts one level of children, as far as they are there when their index arrives: clients push children
    /// first.
    async fn insert_edges(&self, tx: &mut Tx, put: &PutManifest<'_>) -> Result<(), CatalogError> {
        let references = references(put.manifest);
        for chunk in chunks(&references) {
            let mut query = self
                .dialect
                .query_many(INSERT_REFS, chunk.len())
                .bind(put.repository.0)
                .bind(put.digest.to_string());
            for (kind, ordinal, descriptor) in chunk {
                query = query
                    .bind(*kind)
                    .bind(*ordinal as i64)
                    .bind(descriptor.digest.to_string())
                    .bind(descriptor.size as i64)
                    .bind(descriptor.media_type.clone())
                    .bind(descriptor.platform.as_ref().map(Platform::label));
            }
            query.execute(&mut **tx).await?;
        }
        if !references.is_empty() {
            self.dialect
                .query(SET_CLOSURE)
                .bind(put.repository.0)
                .bind(put.digest.to_string())
                .execute(&mut **tx)
                .await?;
        }
        if let Some(subject) = &put.manifest.subject {
            self.dialect
                .query(INSERT_REFERRER)
                .bind(put.repository.0)
                .bind(subject.digest.to_string())
                .bind(put.digest.to_string())
                .execute(&mut **tx)
                .await?;
        }
        Ok(())
    }

    /// Returns a manifest of the repository.
    pub async fn manifest(
        &self,
        repository: RepositoryId,
        digest: &Digest,
    ) -> Result<Option<StoredManifest>, CatalogError> {
        let row = self
            .dialect
            .query(GET)
            .bind(repository.0)
            .bind(digest.to_string())
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read_manifest).transpose()
    }

    /// Returns the manifest that a tag or digest names, in one query.
    pub async fn manifest_by_reference(
        &self,
        repository: RepositoryId,
        reference: &Reference,
        now: Timestamp,
    ) -> Result<Option<StoredManifest>, CatalogError> {
        let tag = match reference {
            Reference::Digest(digest) => return self.manifest(repository, digest).await,
            Reference::Tag(tag) => tag,
        };
        let row = self
            .dialect
            .query(GET_BY_TAG)
            .bind(repository.0)
            .bind(tag.to_string())
            .bind(micros(now))
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read_manifest).transpose()
    }

    /// Ends every tag on a manifest, then takes it out; refused while an index of the repository holds it.
    ///
    /// # Errors
    /// [`CatalogError::Immutable`] if one of its tags may not end; nothing is changed then.
    pub async fn delete_manifest(
        &self,
        repository: RepositoryId,
        digest: &Digest,
        by: &Actor,
        now: Timestamp,
    ) -> Result<DeleteOutcome, CatalogError> {
        let mut tx = self.begin().await?;
        let on_manifest = |statement| {
            self.dialect
                .query(statement)
                .bind(repository.0)
                .bind(digest.to_string())
        };
        // The manifest is locked before its tags, as in a push; a push that needs this child waits or has been seen.
        let locked = on_manifest(LOCK).fetch_optional(&mut *tx).await?;
        if locked.is_none() {
            return Ok(DeleteOutcome::NotFound);
        }
        let parents = on_manifest(PARENTS).fetch_all(&mut *tx).await?;
        if let Some(row) = parents.first() {
            return Ok(DeleteOutcome::Referenced {
                by: row.digest("parent")?,
            });
        }
        let name = self.repository_name_in(&mut tx, repository).await?;
        let tags = all(on_manifest(LIVE_TAGS).fetch_all(&mut *tx).await?, |row| {
            row.tag("live_name")
        })?;
        for tag in &tags {
            let target = TagTarget {
                repository,
                repository_name: name.as_deref(),
                tag,
                digest: None,
                cause: TagCause::Delete,
            };
            self.retarget_tag(&mut tx, &target, by, now).await?;
        }
        for statement in [DELETE_REFS, DELETE_EDGES, DELETE] {
            on_manifest(statement).execute(&mut *tx).await?;
        }
        self.dialect
            .query(DELETE_BODY)
            .bind(digest.to_string())
            .execute(&mut *tx)
            .await?;
        let entry = AuditEntry::on(
            AuditAction::ManifestDelete,
            name.as_deref(),
            Some(digest.as_str()),
        );
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(DeleteOutcome::Deleted { tags })
    }

    /// Lists what refers to `subject`, by digest, beginning after `after`; with `artifact_types`, only those.
    pub async fn referrers(
        &self,
        repository: RepositoryId,
        subject: &Digest,
        artifact_types: &[String],
        after: Option<&Digest>,
        limit: u32,
    ) -> Result<Vec<Referrer>, CatalogError> {
        let statement = if artifact_types.is_empty() {
            REFERRERS
        } else {
            REFERRERS_OF_TYPE
        };
        let mut query = self
            .dialect
            .query_many(statement, artifact_types.len())
            .bind(repository.0)
            .bind(subject.to_string())
            .bind(after.map_or("", Digest::as_str).to_owned())
            .bind(i64::from(limit));
        for artifact_type in artifact_types {
            query = query.bind(artifact_type.clone());
        }
        all(query.fetch_all(&self.reader).await?, |row| {
            Ok(Referrer {
                digest: row.digest("digest")?,
                media_type: row.text("media_type")?,
                size_bytes: row.size("size_bytes")?,
                artifact_type: row.maybe_text("artifact_type")?,
                annotations: serde_json::from_str(&row.text("annotations")?)
                    .map_err(|_| CatalogError::Corrupt("map of annotations"))?,
            })
        })
    }

    /// Returns the indexes of the repository that hold a manifest.
    pub async fn parents(
        &self,
        repository: RepositoryId,
        digest: &Digest,
    ) -> Result<Vec<Digest>, CatalogError> {
        let rows = self
            .dialect
            .query(PARENTS)
            .bind(repository.0)
            .bind(digest.to_string())
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| row.digest("parent"))
    }

    /// Returns the children of an index, in its order.
    pub async fn children(
        &self,
        repository: RepositoryId,
        digest: &Digest,
    ) -> Result<Vec<ChildRow>, CatalogError> {
        let rows = self
            .dialect
            .query(CHILDREN)
            .bind(repository.0)
            .bind(digest.to_string())
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| {
            Ok(ChildRow {
                digest: row.digest("digest")?,
                media_type: row.text("media_type")?,
                size_bytes: row.size("size_bytes")?,
                platform: row.maybe_text("platform")?,
                present: row.flag("present")?,
            })
        })
    }

    /// Returns up to `limit` manifests of the repository that name a blob as configuration or layer, latest first.
    pub async fn manifests_of_blob(
        &self,
        repository: RepositoryId,
        digest: &Digest,
        limit: u32,
    ) -> Result<Vec<Digest>, CatalogError> {
        let rows = self
            .dialect
            .query(OF_BLOB)
            .bind(repository.0)
            .bind(digest.to_string())
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| row.digest("digest"))
    }
}

/// Returns what a manifest refers to below itself, as (kind, position within the kind, descriptor).
fn references(manifest: &oci::Manifest) -> Vec<(&'static str, usize, &Descriptor)> {
    let layers = manifest.layers.iter().enumerate().map(|(ordinal, layer)| {
        let is_foreign = oci::media_type::is_nondistributable(&layer.media_type);
        (if is_foreign { "foreign" } else { "layer" }, ordinal, layer)
    });
    let children = manifest.children.iter().enumerate();
    manifest
        .config
        .iter()
        .map(|config| ("config", 0, config))
        .chain(layers)
        .chain(children.map(|(ordinal, child)| ("child", ordinal, child)))
        .collect()
}

fn read_manifest(row: &AnyRow) -> Result<StoredManifest, CatalogError> {
    Ok(StoredManifest {
        digest: row.digest("digest")?,
        media_type: row.text("media_type")?,
        bytes: row.bytes("bytes")?,
        subject: row.maybe_digest("subject")?,
        artifact_type: row.maybe_text("artifact_type")?,
        pushed_at: row.time("pushed_at")?,
    })
}
