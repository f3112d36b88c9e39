//! Passes B1 and B2: blobs that no repository has a right to are condemned, and removed a while later.
//!
//! Between the two, whoever brings the same content again finds the row and keeps it. The wait is for readers: an
//! address that was given to one of them stays good for less than that.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use sqlx::any::AnyRow;

use super::review::{ReviewKind, Settled};
use super::{Collected, Review, ReviewEvent, digests_of};
use crate::connection::Tx;
use crate::dialect::{chunks, statements};
use crate::rows::{Columns as _, micros};
use crate::{Catalog, CatalogError};

/// How long a condemned blob can still be read and saved.
const LAST_READS: SignedDuration = SignedDuration::from_mins(15);

statements! {
    LOCK = "SELECT digest, object_key, size_bytes, state, condemned_at FROM blob
        WHERE digest IN ({list}) ORDER BY digest {skip locked}";
    EXISTING = "SELECT digest FROM blob WHERE digest IN ({list})";
    LINKED = "SELECT b.digest FROM blob b WHERE b.digest IN ({list})
        AND EXISTS (SELECT 1 FROM repo_blob l WHERE l.digest = b.digest)";
    CONDEMN = "UPDATE blob SET state = 'condemned', condemned_at = $1 WHERE digest IN ({list})";
    SPARE = "UPDATE blob SET state = 'live', condemned_at = NULL WHERE digest = $1 AND state = 'condemned'";
    REMOVE = "DELETE FROM blob WHERE digest IN ({list}) RETURNING digest";
    FORGET_FINDINGS = "DELETE FROM store_finding WHERE digest IN ({list})";
    DISCARD = "INSERT INTO trash (object_key, since, size_bytes) VALUES {rows 3}
        ON CONFLICT (object_key) DO NOTHING";
}

/// A locked row.
struct Held {
    object_key: String,
    size_bytes: i64,
    condemned_at: Option<Timestamp>,
}

impl Catalog {
    pub(super) async fn collect_blobs_in(
        &self,
        tx: &mut Tx,
        limit: u32,
        now: Timestamp,
    ) -> Result<Collected, CatalogError> {
        let mut settled = Settled::default();
        let due = self
            .due_in(tx, ReviewKind::Blob, limit, now, &mut settled)
            .await?;
        let digests = digests_of(&due);
        let mut held = HashMap::new();
        for row in self.on_digests(tx, LOCK, &digests).await? {
            held.insert(row.digest("digest")?, read_held(&row)?);
        }
        // Statements of their own: they see what was committed before the locks were had.
        let mut existing = HashSet::new();
        for row in self.on_digests(tx, EXISTING, &digests).await? {
            existing.insert(row.digest("digest")?);
        }
        let mut linked = HashSet::new();
        for row in self.on_digests(tx, LINKED, &digests).await? {
            linked.insert(row.digest("digest")?);
        }
        let (mut condemned, mut removed) = (Vec::new(), Vec::new());
        for due in &due {
            let Some(blob) = held.get(&due.digest) else {
                if existing.contains(&due.digest) {
                    settled.is_busy(due, now);
                } else {
                    settled.drop(due);
                }
                continue;
            };
            let last_reads = |from: Timestamp| from.saturating_add(LAST_READS).unwrap_or(from);
            match blob.condemned_at {
                _ if linked.contains(&due.digest) => {
                    settled.drop(due);
                    self.spare_in(tx, blob, due).await?;
                }
                None => {
                    settled.postpone(due, last_reads(now));
                    condemned.push(due.digest.clone());
                }
                Some(at) if last_reads(at) > now => settled.postpone(due, last_reads(at)),
                Some(_) => {
                    settled.drop(due);
                    removed.push(due.digest.clone());
                }
            }
        }
        for chunk in chunks(&condemned) {
            let mut query = self
                .dialect
                .query_many(CONDEMN, chunk.len())
                .bind(micros(now));
            for digest in chunk {
                query = query.bind(digest.to_string());
            }
            query.execute(&mut **tx).await?;
        }
        self.on_digests(tx, REMOVE, &removed).await?;
        self.on_digests(tx, FORGET_FINDINGS, &removed).await?;
        let objects: Vec<&Held> = removed
            .iter()
            .filter_map(|digest| held.get(digest))
            .collect();
        for chunk in chunks(&objects) {
            let mut query = self.dialect.query_many(DISCARD, chunk.len());
            for object in chunk {
                query = query
                    .bind(object.object_key.clone())
                    .bind(micros(now))
                    .bind(object.size_bytes);
            }
            query.execute(&mut **tx).await?;
        }
        let gone: Vec<_> = removed.iter().map(Review::evidence).collect();
        self.review_in(tx, &gone, ReviewEvent::Orphaned, now)
            .await?;
        Ok(Collected {
            reviewed: self.settle_in(tx, settled).await?,
            condemned: condemned.len() as u64,
            blobs: removed.len() as u64,
            ..Collected::default()
        })
    }

    /// Keeps a blob that somebody has a right to, whatever its row says.
    async fn spare_in(
        &self,
        tx: &mut Tx,
        blob: &Held,
        due: &super::review::Due,
    ) -> Result<(), CatalogError> {
        if blob.condemned_at.is_some() {
            self.dialect
                .query(SPARE)
                .bind(due.digest.to_string())
                .execute(&mut **tx)
                .await?;
        }
        Ok(())
    }
}

fn read_held(row: &AnyRow) -> Result<Held, CatalogError> {
    let is_condemned = row.text("state")? == "condemned";
    Ok(Held {
        object_key: row.text("object_key")?,
        size_bytes: row.int("size_bytes")?,
        condemned_at: row.maybe_time("condemned_at")?.filter(|_| is_condemned),
    })
}
