//! What keeps what in a repository: the edges that pass M and the dry run follow.
//!
//! An index keeps its children; a subject keeps what is said about it, whether by content or by a tag that attaches it.
//! Edges by content cannot form a circle, a digest cannot be known before its content. Tags can: something may be
//! attached to itself, or to its own child. So whoever is kept by an edge is kept only if some root stands behind it.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use oci::Digest;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::manifest::{Fate, fate};
use crate::dialect::statements;
use crate::rows::{Columns as _, all};
use crate::{Catalog, CatalogError, RepositoryId};

/// A manifest in its repository.
pub(super) type Place = (RepositoryId, Digest);

/// Manifests that are climbed through before one counts as kept: a limit on one look, far above what people build.
const MOST_CLIMBED: usize = 1_000;

/// What keeps a manifest by an edge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Holders {
    /// Indexes that hold it.
    pub(super) parents: Vec<Digest>,
    /// What it says something about, as far as that is there.
    pub(super) subjects: Vec<Digest>,
}

/// What stands behind a manifest that edges keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Footing {
    /// A root that stays until somebody takes it away, which will ask again.
    Lasting,
    /// Roots that time takes away, the last of them then. Nobody asks again where they are part of a circle.
    Until(Timestamp),
    /// Nothing: what was reached keeps one another. These no index holds, so they can go first.
    Circle(Vec<Place>),
}

statements! {
    PARENTS = "SELECT DISTINCT f.repository_id, f.digest, f.parent AS holder
        FROM (VALUES {rows 2}) AS v CROSS JOIN manifest_ref f
        WHERE f.repository_id = CAST(v.column1 AS BIGINT) AND f.digest = v.column2 AND f.kind = 'child'";
    SUBJECTS = "SELECT DISTINCT e.repository_id, e.digest, e.subject AS holder
        FROM (VALUES {rows 2}) AS v CROSS JOIN referrer e
        JOIN manifest s ON s.repository_id = e.repository_id AND s.digest = e.subject
        WHERE e.repository_id = CAST(v.column1 AS BIGINT) AND e.digest = v.column2";
    CHILDREN = "SELECT DISTINCT m.repository_id, m.digest
        FROM (VALUES {rows 2}) AS v CROSS JOIN manifest_ref f
        JOIN manifest m ON m.repository_id = f.repository_id AND m.digest = f.digest
        WHERE f.repository_id = CAST(v.column1 AS BIGINT) AND f.parent = v.column2 AND f.kind = 'child'";
    REFERRERS = "SELECT DISTINCT m.repository_id, m.digest
        FROM (VALUES {rows 2}) AS v CROSS JOIN referrer e
        JOIN manifest m ON m.repository_id = e.repository_id AND m.digest = e.digest
        WHERE e.repository_id = CAST(v.column1 AS BIGINT) AND e.subject = v.column2";
}

impl Catalog {
    /// Returns what keeps each of these manifests by an edge.
    pub(super) async fn holders_in(
        &self,
        connection: &mut AnyConnection,
        places: &[Place],
    ) -> Result<HashMap<Place, Holders>, CatalogError> {
        let mut holders: HashMap<Place, Holders> = HashMap::new();
        for row in self.on_places(connection, PARENTS, places, None).await? {
            let entry = holders.entry(read_place(&row)?).or_default();
            entry.parents.push(row.digest("holder")?);
        }
        for row in self.on_places(connection, SUBJECTS, places, None).await? {
            let entry = holders.entry(read_place(&row)?).or_default();
            entry.subjects.push(row.digest("holder")?);
        }
        Ok(holders)
    }

    /// Returns what these manifests keep by an edge, each once.
    pub(super) async fn kept_by_in(
        &self,
        connection: &mut AnyConnection,
        places: &[Place],
    ) -> Result<Vec<Place>, CatalogError> {
        let mut below = HashSet::new();
        for statement in [CHILDREN, REFERRERS] {
            let rows = self.on_places(connection, statement, places, None).await?;
            below.extend(all(rows, |row| read_place(&row))?);
        }
        let mut below: Vec<Place> = below.into_iter().collect();
        below.sort_unstable();
        Ok(below)
    }

    /// Climbs from a manifest that edges keep, to what stands behind it.
    pub(super) async fn footing_in(
        &self,
        connection: &mut AnyConnection,
        start: &Place,
        window: SignedDuration,
        now: Timestamp,
    ) -> Result<Footing, CatalogError> {
        let (mut seen, mut level) = (HashSet::from([start.clone()]), vec![start.clone()]);
        let (mut until, mut tops) = (None, Vec::new());
        while !level.is_empty() {
            if seen.len() > MOST_CLIMBED {
                return Ok(Footing::Lasting);
            }
            let facts = self.facts_in(connection, &level, now).await?;
            for facts in facts.values() {
                match fate(&facts.without_edges(), window, now) {
                    Fate::Stays => return Ok(Footing::Lasting),
                    Fate::StaysUntil(end) => until = until.max(Some(end)),
                    Fate::Goes => {}
                }
            }
            let holders = self.holders_in(connection, &level).await?;
            let mut above = Vec::new();
            for place in level {
                let held = holders.get(&place).cloned().unwrap_or_default();
                if held.parents.is_empty() {
                    tops.push(place.clone());
                }
                let holders = held.parents.into_iter().chain(held.subjects);
                above.extend(holders.map(|holder| (place.0, holder)));
            }
            above.sort_unstable();
            above.retain(|place| seen.insert(place.clone()));
            level = above;
        }
        Ok(until.map_or(Footing::Circle(tops), Footing::Until))
    }
}

pub(super) fn read_place(row: &AnyRow) -> Result<Place, CatalogError> {
    Ok((
        RepositoryId(row.int("repository_id")?),
        row.digest("digest")?,
    ))
}
