//! What a manifest refers to: whether it is there, and the edges to it.

use std::collections::HashMap;

use oci::{Descriptor, Digest, Platform};
use sqlx::any::AnyRow;

use super::{PutError, PutManifest};
use crate::batch::{Answers, Batch};
use crate::dialect::{Dialect, Statement, chunks, statements};
use crate::rows::Columns as _;
use crate::{CatalogError, RepositoryId, Sparse};

statements! {
    CONDEMNED = "SELECT digest FROM blob WHERE state = 'condemned' AND digest IN ({list})
            AND EXISTS (SELECT 1 FROM repo_blob l WHERE l.repository_id = $1 AND l.digest = blob.digest)
        ORDER BY digest {for update}";
    SHARE_BLOBS = "SELECT digest FROM blob WHERE digest IN ({list}) ORDER BY digest {for share}";
    PRESENT_BLOBS = "{anew} SELECT l.digest, b.size_bytes FROM repo_blob l JOIN blob b ON b.digest = l.digest
        WHERE l.repository_id = $1 AND l.digest IN ({list}) AND b.state <> 'quarantined'";
    PRESENT_MANIFESTS = "{anew} SELECT digest, size_bytes FROM manifest
        WHERE repository_id = $1 AND digest IN ({list}) AND deleted_at IS NULL ORDER BY digest {for share}";
    INSERT_REFS = "INSERT INTO manifest_ref
            (repository_id, parent, kind, ordinal, digest, size_bytes, media_type, platform)
        SELECT $1, $2, v.column1, CAST(v.column2 AS BIGINT), v.column3, CAST(v.column4 AS BIGINT), v.column5, v.column6
        FROM (VALUES {rows 6}) AS v";
    SET_CLOSURE = "UPDATE manifest SET closure_bytes = size_bytes + (
            SELECT CAST(COALESCE(SUM(CASE WHEN below.size_bytes < 1125899906842624 THEN below.size_bytes
                ELSE 1125899906842624 END), 0) AS BIGINT) FROM (
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
}

/// A question about everything that a manifest refers to.
pub(super) struct Asked {
    condemned: usize,
    shared: usize,
    blobs: usize,
    manifests: usize,
}

/// Asks in a batch what [`Asked::read`] reads, and keeps what is there until the end of the transaction.
///
/// Condemned blobs are locked whole before anybody shares them: two pushes that both shared a row and then wanted to
/// change it would wait for each other. Sharing and looking are two statements: one that waits for a lock still sees the
/// rights that were there when it began to wait.
pub(super) fn ask(batch: &mut Batch, dialect: Dialect, put: &PutManifest<'_>) -> Asked {
    let blobs: Vec<&Descriptor> = put.manifest.required_blobs().collect();
    let children: Vec<&Descriptor> = put.manifest.children.iter().collect();
    let (blobs, children) = (in_order(&blobs), in_order(&children));
    let repository = Some(put.repository);
    Asked {
        condemned: on_digests(batch, CONDEMNED, repository, &blobs),
        shared: match dialect {
            // The one writer is alone.
            Dialect::Sqlite => 0,
            Dialect::Postgres => on_digests(batch, SHARE_BLOBS, None, &blobs),
        },
        blobs: on_digests(batch, PRESENT_BLOBS, repository, &blobs),
        manifests: on_digests(batch, PRESENT_MANIFESTS, repository, &children),
    }
}

impl Asked {
    /// Checks that what the manifest refers to is in the repository and has the size it says. Returns the blobs that are
    /// condemned and shall not be.
    pub(super) fn read(
        &self,
        answers: &mut Answers,
        put: &PutManifest<'_>,
    ) -> Result<Vec<AnyRow>, PutError> {
        let condemned = answers.rows_of(self.condemned)?;
        answers.rows_of(self.shared)?;
        let blob_sizes = sizes(answers.rows_of(self.blobs)?)?;
        let child_sizes = sizes(answers.rows_of(self.manifests)?)?;
        let blobs: Vec<&Descriptor> = put.manifest.required_blobs().collect();
        let children: Vec<&Descriptor> = put.manifest.children.iter().collect();
        let needs_blobs = put.sparse != Sparse::All;
        let needs_children = put.sparse == Sparse::None;
        let mut missing = Vec::new();
        for (descriptors, sizes, needed) in [
            (blobs, blob_sizes, needs_blobs),
            (children, child_sizes, needs_children),
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
        if missing.is_empty() {
            Ok(condemned)
        } else {
            Err(PutError::Missing(missing))
        }
    }
}

/// Adds the edges of a new manifest and the size of everything below it. Returns how many statements that takes.
///
/// An absent child's size is only its index's word, so each counts for a pebibyte at most: the sum stays a number.
/// The size counts one level of children, as far as they are there when their index arrives: clients push children
/// first.
pub(super) fn insert_edges(batch: &mut Batch, put: &PutManifest<'_>) -> usize {
    let before = batch.len();
    let references = references(put.manifest);
    for chunk in chunks(&references) {
        batch
            .add_many(INSERT_REFS, chunk.len())
            .bind(put.repository.0)
            .bind(put.digest.to_string());
        for (kind, ordinal, descriptor) in chunk {
            batch
                .bind(*kind)
                .bind(*ordinal as i64)
                .bind(descriptor.digest.to_string())
                .bind(descriptor.size as i64)
                .bind(descriptor.media_type.clone())
                .bind(descriptor.platform.as_ref().map(Platform::label));
        }
    }
    if !references.is_empty() {
        batch
            .add(SET_CLOSURE)
            .bind(put.repository.0)
            .bind(put.digest.to_string());
    }
    if let Some(subject) = &put.manifest.subject {
        batch
            .add(INSERT_REFERRER)
            .bind(put.repository.0)
            .bind(subject.digest.to_string())
            .bind(put.digest.to_string());
    }
    batch.len() - before
}

fn on_digests(
    batch: &mut Batch,
    statement: Statement,
    repository: Option<RepositoryId>,
    digests: &[Digest],
) -> usize {
    let before = batch.len();
    for chunk in chunks(digests) {
        batch.add_many(statement, chunk.len());
        if let Some(repository) = repository {
            batch.bind(repository.0);
        }
        for digest in chunk {
            batch.bind(digest.to_string());
        }
    }
    batch.len() - before
}

fn sizes(rows: Vec<AnyRow>) -> Result<HashMap<Digest, u64>, CatalogError> {
    let sizes = rows
        .into_iter()
        .map(|row| Ok((row.digest("digest")?, row.size("size_bytes")?)));
    sizes.collect()
}

/// Returns the digests of descriptors, each once and in the order in which everybody locks rows.
fn in_order(descriptors: &[&Descriptor]) -> Vec<Digest> {
    let mut digests: Vec<Digest> = descriptors.iter().map(|d| d.digest.clone()).collect();
    digests.sort_unstable();
    digests.dedup();
    digests
}

/// Returns what a manifest refers to below itself, as (kind, position within the kind, descriptor).
fn references(manifest: &oci::Manifest) -> Vec<(&'static str, usize, &Descriptor)> {
    let layers = manifest.layers.iter().enumerate().map(|(ordinal, layer)| {
        let kind = if layer.is_kept_elsewhere() {
            "foreign"
        } else {
            "layer"
        };
        (kind, ordinal, layer)
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
