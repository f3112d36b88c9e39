//! The list of repositories that somebody sees: a page of names, and what is summed up about each.
//!
//! Every way to a right is a list of its own that begins at the page's first name, so that a page costs what the viewer
//! may see, not what the registry holds. The joins are `CROSS JOIN`s because SQLite then keeps their order: it would
//! else begin with every repository, to save the sorting of a few.
//!
//! The figures of a repository are a few rows that are kept beside its tags ([`crate::tag_figures`]). They are asked for
//! apart from the page: whoever still has those of the same [`FiguresStamp`] need not ask again.

use std::collections::HashMap;

use evidence::Grade;
use jiff::Timestamp;
use oci::RepositoryName;
use sqlx::any::AnyRow;

use crate::dialect::{Statement, chunks, statements};
use crate::evidence_rows::read_grade;
use crate::repositories::read_repository;
use crate::rows::{Columns as _, all, containing, micros};
use crate::tag_figures::UNGRADED;
use crate::{Catalog, CatalogError, Principal, Repository, RepositoryId};

/// How many live tags carry which verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerdictCounts {
    /// `allow`.
    pub allow: u64,
    /// `warn`.
    pub warn: u64,
    /// `deny`.
    pub deny: u64,
    /// `pending`, or not judged yet.
    pub pending: u64,
}

/// A repository of a page, before anything is summed up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryHead {
    /// The repository.
    pub repository: Repository,
    /// What its figures would be those of.
    pub stamp: FiguresStamp,
}

/// Moves with every tag, manifest and decision of a repository: figures read after a stamp hold while it stands still.
/// That a grade drops with the calendar, or with new advisories and no other verdict, moves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FiguresStamp {
    changes: i64,
    decisions: i64,
}

/// What is summed up about a repository's live tags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RepositoryFigures {
    /// How many there are.
    pub tag_count: u64,
    /// When one last moved.
    pub last_push: Option<Timestamp>,
    /// The worst health grade among their images; `None` if none has been graded.
    pub worst_grade: Option<Grade>,
    /// Their verdicts.
    pub verdicts: VerdictCounts,
}

/// One line of the list of repositories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositorySummary {
    /// The repository.
    pub repository: Repository,
    /// How many live tags it has.
    pub tag_count: u64,
    /// When a tag last moved.
    pub last_push: Option<Timestamp>,
    /// The worst health grade among its tagged images; `None` if none has been graded.
    pub worst_grade: Option<Grade>,
    /// The verdicts of its tags.
    pub verdicts: VerdictCounts,
}

/// Greater than every name.
const BEYOND_NAMES: &str = "\u{7f}";

/// A range of names, without both ends.
#[derive(Clone, Copy, Debug)]
struct Names<'a> {
    after: &'a str,
    below: &'a str,
}

impl<'a> Names<'a> {
    fn after(name: Option<&'a RepositoryName>) -> Self {
        Self {
            after: name.map_or("", RepositoryName::as_str),
            below: BEYOND_NAMES,
        }
    }
}

statements! {
    LIST_ALL = "SELECT r.id FROM repository r
        WHERE r.live_name > $1 AND r.live_name < $4 AND LOWER(r.live_name) LIKE $2 ESCAPE '!'
        ORDER BY r.live_name LIMIT $3";
    LIST_VISIBLE = "WITH subject (kind, id) AS (
            SELECT CAST($5 AS TEXT), CAST($6 AS BIGINT)
            UNION ALL SELECT 'team', m.team_id FROM team_member m WHERE m.member_kind = $5 AND m.member_id = $6
        ),
        held (pattern_namespace, name_like, slashes) AS (
            SELECT g.namespace, g.name_like, g.slashes FROM subject s
                CROSS JOIN pattern_permission g WHERE g.subject_kind = s.kind AND g.subject_id = s.id
        ),
        owned (namespace) AS (
            SELECT a.name FROM account a WHERE $5 = 'account' AND a.id = $6 AND a.kind = 'user'
            UNION ALL
            SELECT o.name FROM team_member m JOIN team t ON t.id = m.team_id AND t.role = 'admin'
                JOIN account o ON o.id = t.org_id WHERE m.member_kind = $5 AND m.member_id = $6
        )
        SELECT id, live_name FROM (
            SELECT id, live_name FROM (SELECT r.id, r.live_name FROM repository r
                WHERE r.visibility = 'public' AND r.live_name > $1 AND r.live_name < $4 AND LOWER(r.live_name) LIKE $2 ESCAPE '!'
                ORDER BY r.live_name LIMIT $3) open
            UNION
            SELECT id, live_name FROM (SELECT r.id, r.live_name FROM subject s
                CROSS JOIN permission p
                CROSS JOIN repository r
                WHERE p.subject_kind = s.kind AND p.subject_id = s.id AND r.id = p.repository_id AND r.live_name > $1 AND r.live_name < $4 AND LOWER(r.live_name) LIKE $2 ESCAPE '!'
                ORDER BY r.live_name LIMIT $3) given
            UNION
            SELECT id, live_name FROM (SELECT r.id, r.live_name FROM owned o
                CROSS JOIN repository r
                WHERE r.namespace = o.namespace AND r.live_name > $1 AND r.live_name < $4 AND LOWER(r.live_name) LIKE $2 ESCAPE '!'
                ORDER BY r.live_name LIMIT $3) own
            UNION
            SELECT id, live_name FROM (SELECT r.id, r.live_name FROM held h
                CROSS JOIN repository r
                WHERE r.namespace = h.pattern_namespace AND r.live_name > $1 AND r.live_name < $4 AND LOWER(r.live_name) LIKE $2 ESCAPE '!' AND r.live_name LIKE h.name_like ESCAPE '!'
                  AND (h.slashes IS NULL OR h.slashes = LENGTH(r.live_name) - LENGTH(REPLACE(r.live_name, '/', '')))
                ORDER BY r.live_name LIMIT $3) matching
            UNION
            SELECT id, live_name FROM (SELECT r.id, r.live_name FROM repository r
                WHERE EXISTS (SELECT 1 FROM held WHERE pattern_namespace = '*')
                  AND r.live_name > $1 AND r.live_name < $4 AND LOWER(r.live_name) LIKE $2 ESCAPE '!'
                  AND EXISTS (SELECT 1 FROM held h WHERE h.pattern_namespace = '*' AND r.live_name LIKE h.name_like ESCAPE '!'
                    AND (h.slashes IS NULL OR h.slashes = LENGTH(r.live_name) - LENGTH(REPLACE(r.live_name, '/', ''))))
                ORDER BY r.live_name LIMIT $3) anywhere
        ) visible ORDER BY live_name LIMIT $3";
    HEADS = "SELECT r.id, r.name, r.namespace, r.visibility, r.sparse, r.state, r.description, r.created_at,
            g.value AS changes, g.decisions
        FROM repository r LEFT JOIN repository_generation g ON g.repository_id = r.id WHERE r.id IN ({list})";
    NAMES = "SELECT name FROM repository WHERE id IN ({list})";
    // Tags that ran out and were not closed yet are few: they are taken off again.
    TALLIES = "{anew} SELECT cells.repository_id, cells.grade, cells.verdict, CAST(SUM(cells.tags) AS BIGINT) AS tags FROM (
            SELECT c.repository_id, c.grade, c.verdict, c.tags FROM tag_tally c WHERE c.repository_id IN ({list})
            UNION ALL
            SELECT f.repository_id, f.grade, f.verdict, -1 FROM tag t CROSS JOIN tag_figure f
            WHERE t.live_name IS NOT NULL AND t.expires_us <= $1 AND f.tag_id = t.id AND f.repository_id IN ({list})
        ) cells GROUP BY cells.repository_id, cells.grade, cells.verdict";
    LAST_PUSH = "SELECT r.id, (SELECT t.start_us FROM tag t WHERE t.repository_id = r.id AND t.live_name IS NOT NULL
                AND (t.expires_us IS NULL OR t.expires_us > $1)
            ORDER BY t.start_us DESC, t.live_name DESC LIMIT 1) AS last_push
        FROM repository r WHERE r.id IN ({list})";
}

impl Catalog {
    /// Lists the repositories that `viewer` may pull and whose name contains `query`, by name, beginning after `after`,
    /// and sums up each anew.
    pub async fn list_repositories(
        &self,
        viewer: &Principal,
        query: &str,
        after: Option<&RepositoryName>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<RepositorySummary>, CatalogError> {
        let heads = self.repository_heads(viewer, query, after, limit).await?;
        let ids: Vec<RepositoryId> = heads.iter().map(|head| head.repository.id).collect();
        let mut figures = self.repository_figures(&ids, now).await?;
        let summaries = heads.into_iter().map(|head| {
            let known = figures.remove(&head.repository.id).unwrap_or_default();
            RepositorySummary::new(head.repository, known)
        });
        Ok(summaries.collect())
    }

    /// Lists the repositories that `viewer` may pull and whose name contains `query`, by name, beginning after `after`,
    /// without summing up anything.
    pub async fn repository_heads(
        &self,
        viewer: &Principal,
        query: &str,
        after: Option<&RepositoryName>,
        limit: u32,
    ) -> Result<Vec<RepositoryHead>, CatalogError> {
        let names = Names::after(after);
        self.heads(self.visible(viewer, query, names, limit).await?)
            .await
    }

    /// Lists the repositories in a namespace that `viewer` may pull, by name, without summing up anything.
    pub async fn repository_heads_in(
        &self,
        viewer: &Principal,
        namespace: &str,
        limit: u32,
    ) -> Result<Vec<RepositoryHead>, CatalogError> {
        let (first, beyond) = (format!("{namespace}/"), format!("{namespace}0"));
        let names = Names {
            after: &first,
            // The character after the slash.
            below: &beyond,
        };
        self.heads(self.visible(viewer, "", names, limit).await?)
            .await
    }

    async fn heads(&self, ids: Vec<i64>) -> Result<Vec<RepositoryHead>, CatalogError> {
        let mut heads = Vec::with_capacity(ids.len());
        for chunk in chunks(&ids) {
            let mut query = self.dialect.query_many(HEADS, chunk.len());
            for id in chunk {
                query = query.bind(*id);
            }
            for row in query.fetch_all(&self.reader).await? {
                heads.push(RepositoryHead {
                    repository: read_repository(&row)?,
                    stamp: FiguresStamp {
                        changes: row.maybe_int("changes")?.unwrap_or_default(),
                        decisions: row.maybe_int("decisions")?.unwrap_or_default(),
                    },
                });
            }
        }
        heads.sort_by(|a, b| a.repository.name.cmp(&b.repository.name));
        Ok(heads)
    }

    /// Sums up repositories, after folding what lately changed; see [`Catalog::fold_tag_figures`].
    pub async fn repository_figures(
        &self,
        repositories: &[RepositoryId],
        now: Timestamp,
    ) -> Result<HashMap<RepositoryId, RepositoryFigures>, CatalogError> {
        let mut figures = HashMap::with_capacity(repositories.len());
        if repositories.is_empty() {
            return Ok(figures);
        }
        self.refresh_tag_figures().await?;
        for chunk in chunks(repositories) {
            for row in self.about(LAST_PUSH, chunk, now).await? {
                let entry: &mut RepositoryFigures =
                    figures.entry(RepositoryId(row.int("id")?)).or_default();
                entry.last_push = row.maybe_time("last_push")?;
            }
            for row in self.about(TALLIES, chunk, now).await? {
                let id = RepositoryId(row.int("repository_id")?);
                count(figures.entry(id).or_default(), &row)?;
            }
        }
        Ok(figures)
    }

    async fn about(
        &self,
        statement: Statement,
        repositories: &[RepositoryId],
        now: Timestamp,
    ) -> Result<Vec<AnyRow>, CatalogError> {
        let query = self.dialect.query_many(statement, repositories.len());
        let mut query = query.bind(micros(now));
        for id in repositories {
            query = query.bind(id.0);
        }
        Ok(query.fetch_all(&self.reader).await?)
    }

    /// Lists the names of the repositories that `viewer` may pull, in order, beginning after `after`.
    pub async fn list_repository_names(
        &self,
        viewer: &Principal,
        after: Option<&RepositoryName>,
        limit: u32,
    ) -> Result<Vec<RepositoryName>, CatalogError> {
        let names = Names::after(after);
        let ids = self.visible(viewer, "", names, limit).await?;
        let mut names = Vec::with_capacity(ids.len());
        for chunk in chunks(&ids) {
            let mut query = self.dialect.query_many(NAMES, chunk.len());
            for id in chunk {
                query = query.bind(*id);
            }
            for row in query.fetch_all(&self.reader).await? {
                names.push(row.repository_name("name")?);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Returns the ids of a page of what `viewer` may pull, by name.
    async fn visible(
        &self,
        viewer: &Principal,
        query: &str,
        names: Names<'_>,
        limit: u32,
    ) -> Result<Vec<i64>, CatalogError> {
        let sees_all = viewer.superuser || viewer.reader_superuser;
        let statement = if sees_all { LIST_ALL } else { LIST_VISIBLE };
        let mut query = self
            .dialect
            .query(statement)
            .bind(names.after.to_owned())
            .bind(containing(query))
            .bind(i64::from(limit))
            .bind(names.below.to_owned());
        if !sees_all {
            query = query.bind(viewer.id.kind()).bind(viewer.id.number());
        }
        all(query.fetch_all(&self.reader).await?, |row| row.int("id"))
    }

    /// Returns how the engine would find a page: for the test that it reads no whole table.
    #[cfg(feature = "testkit")]
    pub async fn explain_visible(&self, viewer: &Principal) -> Result<String, CatalogError> {
        let rows = self
            .dialect
            .explain(LIST_VISIBLE, 1)
            .bind(String::new())
            .bind(containing(""))
            .bind(100_i64)
            .bind(BEYOND_NAMES)
            .bind(viewer.id.kind())
            .bind(viewer.id.number())
            .fetch_all(&self.reader)
            .await?;
        crate::testkit::plan(self, rows)
    }
}

impl RepositorySummary {
    /// Puts a repository and its figures together.
    pub fn new(repository: Repository, figures: RepositoryFigures) -> Self {
        Self {
            repository,
            tag_count: figures.tag_count,
            last_push: figures.last_push,
            worst_grade: figures.worst_grade,
            verdicts: figures.verdicts,
        }
    }
}

/// Adds the tags of one grade and one verdict.
fn count(figures: &mut RepositoryFigures, row: &AnyRow) -> Result<(), CatalogError> {
    let tags = u64::try_from(row.int("tags")?).unwrap_or(0);
    if tags == 0 {
        return Ok(());
    }
    figures.tag_count += tags;
    let verdicts = &mut figures.verdicts;
    match row.text("verdict")?.as_str() {
        "allow" => verdicts.allow += tags,
        "warn" => verdicts.warn += tags,
        "deny" => verdicts.deny += tags,
        _ => verdicts.pending += tags,
    }
    let grade = row.int("grade")?;
    if grade != UNGRADED {
        let grade = read_grade(grade)?;
        figures.worst_grade = figures.worst_grade.max(Some(grade));
    }
    Ok(())
}
