//! What was found in content that is nowhere any more.

use std::collections::HashSet;

use jiff::Timestamp;

use super::review::{ReviewKind, Settled};
use super::{Collected, digests_of};
use crate::connection::Tx;
use crate::dialect::statements;
use crate::rows::Columns as _;
use crate::{Catalog, CatalogError};

statements! {
    BLOBS = "SELECT digest FROM blob WHERE digest IN ({list})";
    MANIFESTS = "SELECT b.digest FROM manifest_body b WHERE b.digest IN ({list})";
    LAYERS = "DELETE FROM layer_report WHERE digest IN ({list}) RETURNING digest";
    PACKAGES = "DELETE FROM inventory_package WHERE digest IN ({list}) RETURNING digest";
    INVENTORIES = "DELETE FROM inventory WHERE digest IN ({list}) RETURNING digest";
    REPORTS = "DELETE FROM image_report WHERE digest IN ({list}) RETURNING digest";
    STRAY = "SELECT e.digest FROM (
            SELECT digest FROM layer_report UNION SELECT digest FROM inventory UNION SELECT digest FROM image_report
        ) AS e
        WHERE e.digest > $1 AND NOT EXISTS (SELECT 1 FROM blob b WHERE b.digest = e.digest)
          AND NOT EXISTS (SELECT 1 FROM manifest_body m WHERE m.digest = e.digest)
        ORDER BY e.digest LIMIT $2";
}

impl Catalog {
    pub(super) async fn collect_evidence_in(
        &self,
        tx: &mut Tx,
        limit: u32,
        now: Timestamp,
    ) -> Result<Collected, CatalogError> {
        let mut settled = Settled::default();
        let due = self
            .due_in(tx, ReviewKind::Evidence, limit, now, &mut settled)
            .await?;
        let digests = digests_of(&due);
        let mut present = HashSet::new();
        for statement in [BLOBS, MANIFESTS] {
            for row in self.on_digests(tx, statement, &digests).await? {
                present.insert(row.digest("digest")?);
            }
        }
        let gone: Vec<_> = digests
            .into_iter()
            .filter(|digest| !present.contains(digest))
            .collect();
        let mut known = HashSet::new();
        for statement in [LAYERS, PACKAGES, INVENTORIES, REPORTS] {
            for row in self.on_digests(tx, statement, &gone).await? {
                known.insert(row.text("digest")?);
            }
        }
        for due in &due {
            settled.drop(due);
        }
        Ok(Collected {
            reviewed: self.settle_in(tx, settled).await?,
            evidence: known.len() as u64,
            ..Collected::default()
        })
    }

    /// Asks for a review of evidence whose content is nowhere: an analysis may store it just after its content went.
    /// Returns the last digest asked about, to go on from, or `None` at the end.
    pub async fn review_stray_evidence(
        &self,
        after: &str,
        limit: u32,
        now: Timestamp,
    ) -> Result<Option<String>, CatalogError> {
        let rows = self
            .dialect
            .query(STRAY)
            .bind(after.to_owned())
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        let digests = crate::rows::all(rows, |row| row.digest("digest"))?;
        let reviews: Vec<_> = digests.iter().map(super::Review::evidence).collect();
        let mut tx = self.begin().await?;
        self.review_in(&mut tx, &reviews, super::ReviewEvent::Orphaned, now)
            .await?;
        tx.commit().await?;
        Ok(digests.last().map(ToString::to_string))
    }
}
