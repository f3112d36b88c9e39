//! Pass M: manifests that nothing in their repository keeps.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use oci::Digest;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::graph::{Footing, Place, read_place};
use super::review::{Due, ReviewKind, Settled};
use super::{Collected, Review, ReviewEvent, digests_of, places_of};
use crate::connection::Tx;
use crate::dialect::statements;
use crate::repository_state::namespace_of;
use crate::rows::{Columns as _, all};
use crate::tags::TagTarget;
use crate::{Actor, Catalog, CatalogError, RepositoryId, TagCause};

statements! {
    LOCK_BODIES = "SELECT digest FROM manifest_body WHERE digest IN ({list}) ORDER BY digest {skip locked}";
    LOCK = "SELECT m.repository_id, m.digest FROM (VALUES {rows 2}) AS v CROSS JOIN manifest m
        WHERE m.repository_id = CAST(v.column1 AS BIGINT) AND m.digest = v.column2
        ORDER BY m.repository_id, m.digest {skip locked}";
    FACTS = "SELECT m.repository_id, m.digest, m.protected_until, m.subject, m.deleted_at,
            CASE WHEN EXISTS (SELECT 1 FROM tag t
                WHERE t.repository_id = m.repository_id AND t.digest = m.digest AND t.live_name IS NOT NULL
                  AND (t.expires_us IS NULL OR t.expires_us > $1)
                  AND NOT EXISTS (SELECT 1 FROM referrer k
                    WHERE k.repository_id = t.repository_id AND k.digest = t.digest AND k.source = 'cosign_tag'
                      AND k.subject = 'sha256:' || SUBSTR(t.live_name, 8, 64)
                      AND SUBSTR(t.live_name, 72) IN ('.sig', '.att', '.sbom'))
                ) THEN 1 ELSE 0 END AS has_tag,
            CASE WHEN EXISTS (SELECT 1 FROM tag t
                WHERE t.repository_id = m.repository_id AND t.digest = m.digest AND t.live_name IS NOT NULL
                ) THEN 1 ELSE 0 END AS has_live_row,
            CASE WHEN EXISTS (SELECT 1 FROM manifest_ref r
                WHERE r.repository_id = m.repository_id AND r.digest = m.digest AND r.kind = 'child'
                ) THEN 1 ELSE 0 END AS has_parent,
            CASE WHEN EXISTS (SELECT 1 FROM referrer e
                JOIN manifest s ON s.repository_id = e.repository_id AND s.digest = e.subject
                WHERE e.repository_id = m.repository_id AND e.digest = m.digest
                ) THEN 1 ELSE 0 END AS has_subject,
            CASE WHEN EXISTS (SELECT 1 FROM referrer e
                JOIN tag t ON t.repository_id = e.repository_id AND t.digest = e.digest
                WHERE e.repository_id = m.repository_id AND e.subject = m.digest AND e.source = 'subject'
                  AND t.live_name IS NOT NULL AND (t.expires_us IS NULL OR t.expires_us > $1)
                  AND NOT EXISTS (SELECT 1 FROM referrer k
                    WHERE k.repository_id = t.repository_id AND k.digest = t.digest AND k.source = 'cosign_tag'
                      AND k.subject = 'sha256:' || SUBSTR(t.live_name, 8, 64)
                      AND SUBSTR(t.live_name, 72) IN ('.sig', '.att', '.sbom'))
                ) THEN 1 ELSE 0 END AS has_tagged_referrer,
            (SELECT MAX(COALESCE(t.end_us, t.expires_us)) FROM tag t
                WHERE t.repository_id = m.repository_id AND t.digest = m.digest AND t.purged_at IS NULL
                  AND (t.live_name IS NULL OR t.expires_us <= $1)) AS last_end
        FROM (VALUES {rows 2}) AS v CROSS JOIN manifest m
        WHERE m.repository_id = CAST(v.column1 AS BIGINT) AND m.digest = v.column2";
    LIVE_TAGS = "SELECT live_name FROM tag
        WHERE repository_id = $1 AND digest = $2 AND live_name IS NOT NULL ORDER BY live_name";
    DROP_DECISIONS = "DELETE FROM decision WHERE repository_id = $1 AND digest = $2";
}

/// What may keep a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a table of facts, read by one function"
)]
pub(super) struct Facts {
    /// Whether somebody deleted it: it is hidden, and kept only for the way back.
    pub(super) is_deleted: bool,
    /// Until when it is kept whatever is said about it.
    pub(super) protected_until: Timestamp,
    /// What it says something about.
    pub(super) subject: Option<Digest>,
    /// A live tag that does not merely attach it to a subject.
    pub(super) has_tag: bool,
    /// A row of a tag that has not been closed.
    pub(super) has_live_row: bool,
    /// An index holds it.
    pub(super) has_parent: bool,
    /// What it refers to, or is attached to by a tag, is there.
    pub(super) has_subject: bool,
    /// Somebody tagged what was said about it.
    pub(super) has_tagged_referrer: bool,
    /// When a tag last left it.
    pub(super) last_end: Option<Timestamp>,
}

impl Facts {
    /// What is left to keep a manifest once nothing above it is there.
    pub(super) fn without_edges(&self) -> Self {
        Self {
            has_parent: false,
            has_subject: false,
            ..self.clone()
        }
    }
}

/// What becomes of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It stays until whatever keeps it goes, which will ask again.
    Stays,
    /// It stays until then.
    StaysUntil(Timestamp),
    /// It goes, and tags that only attach it to something end first.
    Goes,
}

/// Decides what becomes of a manifest. `window` is how long an earlier target of a tag can be brought back.
pub(super) fn fate(facts: &Facts, window: SignedDuration, now: Timestamp) -> Fate {
    let is_referred_to = facts.has_tag || facts.has_subject || facts.has_tagged_referrer;
    if facts.has_parent || (is_referred_to && !facts.is_deleted) {
        return Fate::Stays;
    }
    let restorable = facts
        .last_end
        .map(|end| end.saturating_add(window).unwrap_or(end));
    let until = restorable.map_or(facts.protected_until, |until| {
        until.max(facts.protected_until)
    });
    if until > now {
        return Fate::StaysUntil(until);
    }
    Fate::Goes
}

impl Catalog {
    pub(super) async fn collect_manifests_in(
        &self,
        tx: &mut Tx,
        limit: u32,
        now: Timestamp,
    ) -> Result<Collected, CatalogError> {
        let mut settled = Settled::default();
        let due = self
            .due_in(tx, ReviewKind::Manifest, limit, now, &mut settled)
            .await?;
        let places = places_of(&due);
        let locked = self.lock_manifests_in(tx, &due, &places).await?;
        // A statement of its own: it sees what was committed before the locks were had.
        let facts = self.facts_in(tx, &places, now).await?;
        let windows = self.windows_in(tx, &places).await?;
        let mut collected = Collected::default();
        let mut asked = Vec::new();
        for due in &due {
            let place = (due.repository, due.digest.clone());
            let Some(facts) = facts.get(&place) else {
                settled.drop(due);
                continue;
            };
            if !facts.has_tag
                && let Some(subject) = &facts.subject
            {
                // While it had a tag, it may have kept what it speaks about.
                asked.push(Review::manifest(due.repository, subject));
            }
            let window = windows.get(&due.repository).copied().unwrap_or_default();
            let mut fate_of_this = fate(facts, window, now);
            let is_kept_by_edges = fate_of_this == Fate::Stays
                && fate(&facts.without_edges(), window, now) != Fate::Stays;
            if is_kept_by_edges {
                match self.footing_in(tx, &place, window, now).await? {
                    Footing::Lasting => {}
                    Footing::Until(end) => fate_of_this = Fate::StaysUntil(end),
                    Footing::Circle(tops) if tops.contains(&place) => fate_of_this = Fate::Goes,
                    // Whoever holds it goes first, and asks again about what it held.
                    Footing::Circle(tops) => {
                        asked.extend(tops.iter().map(|(id, top)| Review::manifest(*id, top)));
                    }
                }
            }
            match fate_of_this {
                Fate::Stays => settled.drop(due),
                Fate::StaysUntil(until) => settled.postpone(due, until),
                Fate::Goes if !locked.contains(&place) => settled.is_busy(due, now),
                Fate::Goes => {
                    settled.drop(due);
                    let is_gone = if facts.has_live_row {
                        self.end_tags_in(tx, due, now).await?;
                        false
                    } else {
                        self.remove_manifest_in(tx, due.repository, &due.digest, now)
                            .await?;
                        true
                    };
                    if is_gone {
                        collected.manifests += 1;
                        self.dialect
                            .query(DROP_DECISIONS)
                            .bind(due.repository.0)
                            .bind(due.digest.to_string())
                            .execute(&mut **tx)
                            .await?;
                    }
                }
            }
        }
        self.review_in(tx, &asked, ReviewEvent::Orphaned, now)
            .await?;
        collected.reviewed = self.settle_in(tx, settled).await?;
        Ok(collected)
    }

    /// Returns what may keep each of these manifests.
    pub(super) async fn facts_in(
        &self,
        connection: &mut AnyConnection,
        places: &[Place],
        now: Timestamp,
    ) -> Result<HashMap<Place, Facts>, CatalogError> {
        let mut facts = HashMap::new();
        for row in self.on_places(connection, FACTS, places, Some(now)).await? {
            facts.insert(read_place(&row)?, read_facts(&row)?);
        }
        Ok(facts)
    }

    /// Returns how long an earlier target can be brought back, for each repository; none where there is no repository.
    pub(super) async fn windows_in(
        &self,
        connection: &mut AnyConnection,
        places: &[Place],
    ) -> Result<HashMap<RepositoryId, SignedDuration>, CatalogError> {
        let mut windows = HashMap::new();
        for (repository, _) in places {
            if windows.contains_key(repository) {
                continue;
            }
            if let Some(name) = self.repository_name_in(connection, *repository).await? {
                let window = self.window_in(connection, namespace_of(&name)).await?;
                let length = window.duration().try_into().unwrap_or(SignedDuration::MAX);
                windows.insert(*repository, length);
            }
        }
        Ok(windows)
    }

    /// Locks bodies, then manifests, as a push does, and returns what could be had at once.
    async fn lock_manifests_in(
        &self,
        tx: &mut Tx,
        due: &[Due],
        places: &[(RepositoryId, Digest)],
    ) -> Result<HashSet<(RepositoryId, Digest)>, CatalogError> {
        let mut bodies = HashSet::new();
        for row in self.on_digests(tx, LOCK_BODIES, &digests_of(due)).await? {
            bodies.insert(row.digest("digest")?);
        }
        let places: Vec<_> = places
            .iter()
            .filter(|(_, digest)| bodies.contains(digest))
            .cloned()
            .collect();
        let rows = self.on_places(tx, LOCK, &places, None).await?;
        rows.iter().map(read_place).collect()
    }

    /// Ends the tags that a manifest still has: they attach it to a subject that is gone, or ran out. What they leave
    /// behind can be brought back for as long as any other tag's target; then the manifest goes.
    async fn end_tags_in(
        &self,
        tx: &mut Tx,
        due: &Due,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let rows = self
            .dialect
            .query(LIVE_TAGS)
            .bind(due.repository.0)
            .bind(due.digest.to_string())
            .fetch_all(&mut **tx)
            .await?;
        let name = self.repository_name_in(tx, due.repository).await?;
        for tag in all(rows, |row| row.tag("live_name"))? {
            let target = TagTarget::end(due.repository, name.as_deref(), &tag, TagCause::Prune);
            let ended = self
                .retarget_tag(tx, &target, &Actor::named("system"), now)
                .await;
            match ended {
                // Somebody wanted it to stay whatever happens.
                Ok(_) | Err(CatalogError::Immutable(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn read_facts(row: &AnyRow) -> Result<Facts, CatalogError> {
    Ok(Facts {
        is_deleted: row.maybe_int("deleted_at")?.is_some(),
        protected_until: row.time("protected_until")?,
        subject: row.maybe_digest("subject")?,
        has_tag: row.flag("has_tag")?,
        has_live_row: row.flag("has_live_row")?,
        has_parent: row.flag("has_parent")?,
        has_subject: row.flag("has_subject")?,
        has_tagged_referrer: row.flag("has_tagged_referrer")?,
        last_end: row.maybe_time("last_end")?,
    })
}
