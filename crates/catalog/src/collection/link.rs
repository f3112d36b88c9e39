//! Pass L: rights of repositories to blobs that none of their manifests names.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::review::{ReviewKind, Settled};
use super::{Collected, Review, ReviewEvent, digests_of, places_of};
use crate::connection::Tx;
use crate::dialect::statements;
use crate::rows::Columns as _;
use crate::usage::Count;
use crate::{Catalog, CatalogError, RepositoryId};

statements! {
    LOCK = "SELECT digest FROM blob WHERE digest IN ({list}) ORDER BY digest {skip locked}";
    FACTS = "SELECT l.repository_id, l.digest, l.protected_until, CASE WHEN EXISTS (SELECT 1 FROM manifest_ref r
            WHERE r.repository_id = l.repository_id AND r.digest = l.digest) THEN 1 ELSE 0 END AS is_named
        FROM (VALUES {rows 2}) AS v CROSS JOIN repo_blob l
        WHERE l.repository_id = CAST(v.column1 AS BIGINT) AND l.digest = v.column2";
    UNLINK = "DELETE FROM repo_blob WHERE repository_id = $1 AND digest = $2";
}

impl Catalog {
    pub(super) async fn collect_links_in(
        &self,
        tx: &mut Tx,
        limit: u32,
        now: Timestamp,
    ) -> Result<Collected, CatalogError> {
        let mut settled = Settled::default();
        let due = self
            .due_in(tx, ReviewKind::Link, limit, now, &mut settled)
            .await?;
        // The row of the blob is the lock of everything about a digest: whoever stores a manifest that names it shares
        // it, whoever links it owns it.
        let mut locked = HashSet::new();
        for row in self.on_digests(tx, LOCK, &digests_of(&due)).await? {
            locked.insert(row.digest("digest")?);
        }
        let mut facts = HashMap::new();
        // A statement of its own: it sees what was committed before the lock was had.
        for row in self.on_places(tx, FACTS, &places_of(&due), None).await? {
            let place = (
                RepositoryId(row.int("repository_id")?),
                row.digest("digest")?,
            );
            facts.insert(place, (row.time("protected_until")?, row.flag("is_named")?));
        }
        let mut ending = Vec::new();
        for due in &due {
            let place = (due.repository, due.digest.clone());
            match facts.get(&place) {
                None | Some((_, true)) => settled.drop(due),
                Some(_) if !locked.contains(&due.digest) => settled.is_busy(due, now),
                Some((protected_until, false)) if *protected_until > now => {
                    settled.postpone(due, *protected_until);
                }
                Some(_) => {
                    settled.drop(due);
                    ending.push(place);
                }
            }
        }
        let mut ended = 0;
        for place in &ending {
            // One by one: what is a namespace's last link is known only while the others are gone or still there.
            self.count_link_in(tx, place.0, &place.1, Count::Out)
                .await?;
            let query = self.dialect.query(UNLINK).bind(place.0.0);
            let unlinked = query.bind(place.1.to_string()).execute(&mut **tx).await?;
            ended += unlinked.rows_affected();
        }
        let orphaned: Vec<_> = ending
            .iter()
            .map(|(_, digest)| Review::blob(digest))
            .collect();
        self.review_in(tx, &orphaned, ReviewEvent::Orphaned, now)
            .await?;
        Ok(Collected {
            reviewed: self.settle_in(tx, settled).await?,
            links: ended,
            ..Collected::default()
        })
    }
}
