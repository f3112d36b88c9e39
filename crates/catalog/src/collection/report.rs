//! The dry run: what collection would give back, and why, if everything that waits were looked at now.
//!
//! A manifest's fate is decided by the function that pass M uses; what goes with it, and the blobs that only it holds,
//! are followed down as the passes would. Nothing is locked and nothing is changed, so on a busy registry the figures
//! are of several moments close together. Bytes are those of objects in the store: rows count for nothing here.
//!
//! What it does not tell: what waits for its protection or its restore window to end, which is counted once that is over;
//! and manifests that only keep one another by tags (see [`super::graph`]), which are counted once the first has gone.
//!
//! Adding a cause: a variant of [`Cause`], and its figures in [`Catalog::reclaimable`].

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use oci::Digest;

use super::graph::{Place, read_place};
use super::manifest::{Facts, Fate, fate};
use crate::dialect::{Statement, chunks, statements};
use crate::rows::{Columns as _, all, micros};
use crate::{Catalog, CatalogError, RepositoryId};

/// Manifests that are looked at for one report. Beyond it the report says that it is partial.
const MOST_MANIFESTS: usize = 50_000;
/// Manifests of one query.
const PAGE: i64 = 256;

/// Why bytes can be had back, in the order in which a deletion runs down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Manifests that nothing keeps, and the blobs that only they hold.
    Manifests,
    /// Rights to blobs that no manifest names.
    Links,
    /// Blobs that no repository has a right to.
    Blobs,
    /// Blobs in the last minutes before their rows go.
    Condemned,
    /// Objects whose rows are gone.
    Trash,
    /// Uploads that were given up.
    Uploads,
    /// Objects that no row names, as the last comparison of the store with its rows found them.
    UnknownObjects,
}

impl Cause {
    /// Returns the word shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manifests => "manifests",
            Self::Links => "links",
            Self::Blobs => "blobs",
            Self::Condemned => "condemned",
            Self::Trash => "trash",
            Self::Uploads => "uploads",
            Self::UnknownObjects => "unknownObjects",
        }
    }
}

/// What one cause gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reclaim {
    /// The cause.
    pub cause: Cause,
    /// Entries of the queue that wait for this pass, due or not; 0 where nothing is queued.
    pub queued: u64,
    /// How many things would go.
    pub count: u64,
    /// The bytes of objects that would go.
    pub bytes: u64,
}

/// What a dry run says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reclaimable {
    /// The causes, each once. [`Cause::UnknownObjects`] is there once the store was compared with its rows.
    pub causes: Vec<Reclaim>,
    /// Whether more waits than one report looks at.
    pub is_partial: bool,
}

impl Reclaimable {
    /// Returns the bytes of all causes.
    pub fn bytes(&self) -> u64 {
        self.causes.iter().map(|reclaim| reclaim.bytes).sum()
    }
}

statements! {
    QUEUED = "SELECT kind, COUNT(*) AS queued FROM gc_review GROUP BY kind";
    WAITING = "SELECT DISTINCT repository_id, digest FROM gc_review
        WHERE kind = 'manifest' AND (repository_id > $1 OR (repository_id = $1 AND digest > $2))
        ORDER BY repository_id, digest LIMIT $3";
    NAMED = "SELECT DISTINCT f.digest, f.repository_id, f.parent
        FROM (VALUES {rows 2}) AS v CROSS JOIN manifest_ref f
        JOIN repo_blob l ON l.repository_id = f.repository_id AND l.digest = f.digest
        WHERE f.repository_id = CAST(v.column1 AS BIGINT) AND f.parent = v.column2";
    HOLD = "SELECT b.digest, b.size_bytes,
            (SELECT COUNT(*) FROM (SELECT DISTINCT f.repository_id, f.parent FROM manifest_ref f
                JOIN repo_blob l ON l.repository_id = f.repository_id AND l.digest = f.digest
                WHERE f.digest = b.digest) AS named) AS holders,
            CASE WHEN EXISTS (SELECT 1 FROM repo_blob l WHERE l.digest = b.digest AND l.protected_until > $1)
                THEN 1 ELSE 0 END AS is_protected
        FROM blob b WHERE b.digest IN ({list})";
    UNNAMED = "SELECT COUNT(*) AS things, CAST(COALESCE(SUM(b.size_bytes), 0) AS BIGINT) AS bytes FROM blob b
        WHERE b.digest IN (SELECT q.digest FROM gc_review q WHERE q.kind = 'link')
          AND EXISTS (SELECT 1 FROM repo_blob l WHERE l.digest = b.digest)
          AND NOT EXISTS (SELECT 1 FROM repo_blob l WHERE l.digest = b.digest AND (l.protected_until > $1
            OR EXISTS (SELECT 1 FROM manifest_ref f WHERE f.repository_id = l.repository_id AND f.digest = l.digest)))";
    UNLINKED = "SELECT COUNT(*) AS things, CAST(COALESCE(SUM(b.size_bytes), 0) AS BIGINT) AS bytes FROM blob b
        WHERE b.digest IN (SELECT q.digest FROM gc_review q WHERE q.kind = 'blob') AND b.state <> 'condemned'
          AND NOT EXISTS (SELECT 1 FROM repo_blob l WHERE l.digest = b.digest)";
    CONDEMNED = "SELECT COUNT(*) AS things, CAST(COALESCE(SUM(b.size_bytes), 0) AS BIGINT) AS bytes FROM blob b
        WHERE b.state = 'condemned' AND NOT EXISTS (SELECT 1 FROM repo_blob l WHERE l.digest = b.digest)";
    TRASH = "SELECT COUNT(*) AS things, CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) AS bytes FROM trash";
    UPLOADS = "SELECT COUNT(*) AS things, CAST(COALESCE(SUM(durable_bytes), 0) AS BIGINT) AS bytes FROM upload
        WHERE expires_at <= $1";
    UNKNOWN = "SELECT unknown_objects AS things, unknown_bytes AS bytes FROM store_check WHERE name = 'reconcile'";
}

/// How many things, and their bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Figures {
    count: u64,
    bytes: u64,
}

/// What is known about manifests so far.
#[derive(Debug, Default)]
struct Simulation {
    going: HashSet<Place>,
    windows: HashMap<RepositoryId, SignedDuration>,
    is_partial: bool,
}

impl Catalog {
    /// Tells what collection would give back if everything that waits were looked at now.
    pub async fn reclaimable(&self, now: Timestamp) -> Result<Reclaimable, CatalogError> {
        let mut queued = HashMap::new();
        for row in self.dialect.query(QUEUED).fetch_all(&self.reader).await? {
            queued.insert(row.text("kind")?, row.size("queued")?);
        }
        let simulation = self.simulate(now).await?;
        let manifests = Figures {
            count: simulation.going.len() as u64,
            bytes: self.bytes_held_by(&simulation.going, now).await?,
        };
        let mut report = Reclaimable {
            causes: Vec::new(),
            is_partial: simulation.is_partial,
        };
        let mut add = |cause, kind: &str, figures: Figures| {
            report.causes.push(Reclaim {
                cause,
                queued: queued.get(kind).copied().unwrap_or_default(),
                count: figures.count,
                bytes: figures.bytes,
            });
        };
        add(Cause::Manifests, "manifest", manifests);
        add(Cause::Links, "link", self.count(UNNAMED, Some(now)).await?);
        add(Cause::Blobs, "blob", self.count(UNLINKED, None).await?);
        add(Cause::Condemned, "", self.count(CONDEMNED, None).await?);
        add(Cause::Trash, "", self.count(TRASH, None).await?);
        add(Cause::Uploads, "", self.count(UPLOADS, Some(now)).await?);
        let unknown = self.dialect.query(UNKNOWN);
        if let Some(row) = unknown.fetch_optional(&self.reader).await? {
            add(Cause::UnknownObjects, "", read_figures(&row)?);
        }
        Ok(report)
    }

    async fn count(
        &self,
        statement: Statement,
        now: Option<Timestamp>,
    ) -> Result<Figures, CatalogError> {
        let mut query = self.dialect.query(statement);
        if let Some(now) = now {
            query = query.bind(micros(now));
        }
        read_figures(&query.fetch_one(&self.reader).await?)
    }

    /// Follows every waiting manifest that goes down to what only it keeps.
    async fn simulate(&self, now: Timestamp) -> Result<Simulation, CatalogError> {
        let mut simulation = Simulation::default();
        let (mut after, mut seen) = ((RepositoryId(0), String::new()), 0);
        loop {
            let rows = self
                .dialect
                .query(WAITING)
                .bind(after.0.0)
                .bind(after.1)
                .bind(PAGE)
                .fetch_all(&self.reader)
                .await?;
            let mut places: Vec<Place> = all(rows, |row| read_place(&row))?;
            let Some((repository, digest)) = places.last() else {
                return Ok(simulation);
            };
            after = (*repository, digest.to_string());
            while !places.is_empty() {
                seen += places.len();
                let gone = self.look_at(&places, &mut simulation, now).await?;
                let mut connection = self.reader.seat().await?;
                places = self.kept_by_in(&mut connection, &gone).await?;
                places.retain(|place| !simulation.going.contains(place));
                if seen > MOST_MANIFESTS {
                    simulation.is_partial = true;
                    return Ok(simulation);
                }
            }
        }
    }

    /// Decides about manifests as pass M would after what is known to go has gone, and returns those that go, too.
    async fn look_at(
        &self,
        places: &[Place],
        simulation: &mut Simulation,
        now: Timestamp,
    ) -> Result<Vec<Place>, CatalogError> {
        let mut connection = self.reader.seat().await?;
        for (repository, window) in self.windows_in(&mut connection, places).await? {
            simulation.windows.insert(repository, window);
        }
        let facts = self.facts_in(&mut connection, places, now).await?;
        let held: Vec<Place> = facts
            .iter()
            .filter(|(_, facts)| facts.has_parent || facts.has_subject)
            .map(|(place, _)| place.clone())
            .collect();
        let holders = self.holders_in(&mut connection, &held).await?;
        let mut gone = Vec::new();
        for (place, facts) in facts {
            let stays = |holders: &[Digest]| {
                let mut holders = holders.iter();
                holders.any(|holder| !simulation.going.contains(&(place.0, holder.clone())))
            };
            let held = holders.get(&place);
            let facts = Facts {
                has_parent: held.is_some_and(|held| stays(&held.parents)),
                has_subject: held.is_some_and(|held| stays(&held.subjects)),
                ..facts
            };
            let window = simulation
                .windows
                .get(&place.0)
                .copied()
                .unwrap_or_default();
            // What only loses its tag now can still be brought back.
            if fate(&facts, window, now) == Fate::Goes && !facts.has_live_row {
                gone.push(place);
            }
        }
        simulation.going.extend(gone.iter().cloned());
        Ok(gone)
    }

    /// Returns the bytes of blobs that nothing but these manifests holds.
    async fn bytes_held_by(
        &self,
        going: &HashSet<Place>,
        now: Timestamp,
    ) -> Result<u64, CatalogError> {
        let ordered: Vec<Place> = going
            .iter()
            .cloned()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let mut names: HashMap<Digest, u64> = HashMap::new();
        let mut connection = self.reader.seat().await?;
        for row in self
            .on_places(&mut connection, NAMED, &ordered, None)
            .await?
        {
            *names.entry(row.digest("digest")?).or_default() += 1;
        }
        let mut digests: Vec<&Digest> = names.keys().collect();
        digests.sort_unstable();
        let mut bytes = 0;
        for chunk in chunks(&digests) {
            let mut query = self.dialect.query_many(HOLD, chunk.len()).bind(micros(now));
            for digest in chunk {
                query = query.bind(digest.to_string());
            }
            for row in query.fetch_all(&mut *connection).await? {
                let named = names.get(&row.digest("digest")?).copied();
                if named == Some(row.size("holders")?) && !row.flag("is_protected")? {
                    bytes += row.size("size_bytes")?;
                }
            }
        }
        Ok(bytes)
    }
}

fn read_figures(row: &sqlx::any::AnyRow) -> Result<Figures, CatalogError> {
    Ok(Figures {
        count: row.size("things")?,
        bytes: row.size("bytes")?,
    })
}
