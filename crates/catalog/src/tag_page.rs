//! The page of a repository's tags: each tag with what is known about its image.
//!
//! A page is found in two steps: the names in the order asked for, beginning after the last page's end, then what is
//! known of exactly these. Every order walks along an index and costs the same on every page; those by size and by grade
//! along rows that are kept beside the tags ([`crate::tag_figures`]).
//!
//! Adding an order: a variant of [`TagOrder`], its statement, its line in `statement`.

use std::collections::HashMap;

use evidence::{Grade, SeverityCounts};
use jiff::Timestamp;
use oci::{Digest, Tag};
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::dialect::{Statement, chunks, statements};
use crate::evidence_rows::{read_counts, read_fixable, read_grade, read_next_drop};
use crate::rows::{Columns as _, all, containing, micros};
use crate::tags::sort_key;
use crate::{Catalog, CatalogError, RepositoryId};

/// One line of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRow {
    /// The tag.
    pub tag: Tag,
    /// What it points at.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// The size of everything below it in bytes, each blob once.
    pub size_bytes: u64,
    /// When it came to point there.
    pub pushed_at: Timestamp,
    /// Who pushed it.
    pub pushed_by: String,
    /// Whether somebody made it immutable; rules are another question.
    pub immutable: bool,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// The health grade, if graded.
    pub grade: Option<Grade>,
    /// Unique vulnerabilities by severity; `None` before the first match.
    pub counts: Option<SeverityCounts>,
    /// Those of them that have a fix.
    pub fixable: Option<SeverityCounts>,
    /// The next, lower grade and its instant.
    pub next_drop: Option<(Grade, Timestamp)>,
    /// When the advisories behind the counts were built.
    pub as_of: Option<Timestamp>,
    /// Whether everything inside was looked at; `None` before the analysis.
    pub complete: Option<bool>,
    /// The current verdict's word.
    pub verdict: Option<String>,
    /// How many rules stand behind it.
    pub loud_rules: u32,
    /// The current decision.
    pub decision: Option<Uuid>,
    /// The platforms: of an index's children, or of the image.
    pub platforms: Vec<String>,
}

/// The order of a page of tags. Equal ones are in the order of their names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TagOrder {
    /// Last pushed first.
    #[default]
    Newest,
    /// First pushed first.
    Oldest,
    /// Lowest version first.
    Version,
    /// Highest version first.
    VersionReversed,
    /// Smallest first.
    Smallest,
    /// Largest first.
    Largest,
    /// Best grade first, ungraded last.
    Best,
    /// Worst grade first, ungraded last.
    Worst,
}

/// Where a page ends: the last tag, and what it was ordered by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagCursor {
    /// What the order compares; 0 for orders by version.
    pub key: i64,
    /// The tag.
    pub tag: Tag,
}

/// Which tags are asked for.
#[derive(Clone, Debug, Default)]
pub struct TagListing<'a> {
    /// A part of the name or of the digest.
    pub filter: &'a str,
    /// The order.
    pub order: TagOrder,
    /// The end of the page before.
    pub after: Option<TagCursor>,
    /// How many at most.
    pub limit: u32,
}

// A page's parameters: repository, the cursor's key and name, filter, now, limit.
statements! {
    BY_NAME = "SELECT live_name, CAST(0 AS BIGINT) AS key FROM tag
        WHERE repository_id = $1 AND live_name > $2 AND LOWER(live_name) LIKE $3 ESCAPE '!'
          AND (expires_us IS NULL OR expires_us > $4)
        ORDER BY live_name LIMIT $5";
    NEWEST = "SELECT live_name, start_us AS key FROM tag
        WHERE repository_id = $1 AND live_name IS NOT NULL AND (start_us, live_name) < ($2, $3)
          AND (LOWER(live_name) LIKE $4 ESCAPE '!' OR digest LIKE $4 ESCAPE '!') AND (expires_us IS NULL OR expires_us > $5)
        ORDER BY start_us DESC, live_name DESC LIMIT $6";
    OLDEST = "SELECT live_name, start_us AS key FROM tag
        WHERE repository_id = $1 AND live_name IS NOT NULL AND (start_us, live_name) > ($2, $3)
          AND (LOWER(live_name) LIKE $4 ESCAPE '!' OR digest LIKE $4 ESCAPE '!') AND (expires_us IS NULL OR expires_us > $5)
        ORDER BY start_us, live_name LIMIT $6";
    VERSION = "SELECT live_name, CAST(0 AS BIGINT) AS key FROM tag
        WHERE repository_id = $1 AND live_name IS NOT NULL AND (sort_key, live_name) > ($2, $3)
          AND (LOWER(live_name) LIKE $4 ESCAPE '!' OR digest LIKE $4 ESCAPE '!') AND (expires_us IS NULL OR expires_us > $5)
        ORDER BY sort_key, live_name LIMIT $6";
    VERSION_REVERSED = "SELECT live_name, CAST(0 AS BIGINT) AS key FROM tag
        WHERE repository_id = $1 AND live_name IS NOT NULL AND (sort_key, live_name) < ($2, $3)
          AND (LOWER(live_name) LIKE $4 ESCAPE '!' OR digest LIKE $4 ESCAPE '!') AND (expires_us IS NULL OR expires_us > $5)
        ORDER BY sort_key DESC, live_name DESC LIMIT $6";
    SMALLEST = "SELECT f.live_name, f.size_bytes AS key FROM tag_figure f CROSS JOIN tag t
        WHERE f.repository_id = $1 AND (f.size_bytes, f.live_name) > ($2, $3) AND t.id = f.tag_id AND t.live_name IS NOT NULL
          AND (LOWER(t.live_name) LIKE $4 ESCAPE '!' OR t.digest LIKE $4 ESCAPE '!') AND (t.expires_us IS NULL OR t.expires_us > $5)
        ORDER BY f.size_bytes, f.live_name LIMIT $6";
    LARGEST = "SELECT f.live_name, f.size_bytes AS key FROM tag_figure f CROSS JOIN tag t
        WHERE f.repository_id = $1 AND (f.size_bytes, f.live_name) < ($2, $3) AND t.id = f.tag_id AND t.live_name IS NOT NULL
          AND (LOWER(t.live_name) LIKE $4 ESCAPE '!' OR t.digest LIKE $4 ESCAPE '!') AND (t.expires_us IS NULL OR t.expires_us > $5)
        ORDER BY f.size_bytes DESC, f.live_name DESC LIMIT $6";
    // The ungraded come last in both directions.
    BEST = "SELECT live_name, key FROM (
            SELECT live_name, key FROM (SELECT f.live_name, f.grade AS key FROM tag_figure f CROSS JOIN tag t
                WHERE f.repository_id = $1 AND (f.grade, f.live_name) > ($2, $3) AND t.id = f.tag_id AND t.live_name IS NOT NULL
                  AND (LOWER(t.live_name) LIKE $4 ESCAPE '!' OR t.digest LIKE $4 ESCAPE '!') AND (t.expires_us IS NULL OR t.expires_us > $5)
                ORDER BY f.grade, f.live_name LIMIT $6) graded
            UNION ALL
            SELECT live_name, key FROM (SELECT f.live_name, CAST(1000 AS BIGINT) AS key FROM tag_figure f CROSS JOIN tag t
                WHERE f.repository_id = $1 AND f.grade = -1 AND f.live_name > CASE WHEN $2 >= 1000 THEN $3 ELSE '' END
                  AND t.id = f.tag_id AND t.live_name IS NOT NULL
                  AND (LOWER(t.live_name) LIKE $4 ESCAPE '!' OR t.digest LIKE $4 ESCAPE '!') AND (t.expires_us IS NULL OR t.expires_us > $5)
                ORDER BY f.live_name LIMIT $6) ungraded
        ) found ORDER BY key, live_name LIMIT $6";
    WORST = "SELECT f.live_name, f.grade AS key FROM tag_figure f CROSS JOIN tag t
        WHERE f.repository_id = $1 AND (f.grade, f.live_name) < ($2, $3) AND t.id = f.tag_id AND t.live_name IS NOT NULL
          AND (LOWER(t.live_name) LIKE $4 ESCAPE '!' OR t.digest LIKE $4 ESCAPE '!') AND (t.expires_us IS NULL OR t.expires_us > $5)
        ORDER BY f.grade DESC, f.live_name DESC LIMIT $6";
    DETAILS = "{anew} SELECT t.live_name AS name, t.digest, t.start_us, t.actor, t.immutable, t.expires_us,
            m.media_type, m.closure_bytes,
            i.snapshot, i.grade, i.critical, i.high, i.medium, i.low, i.negligible, i.unknown,
            i.fixable_critical, i.fixable_high, i.fixable_medium, i.fixable_low, i.fixable_negligible,
            i.fixable_unknown, i.platform, i.complete, i.as_of, i.next_grade, i.next_grade_at, d.verdict, d.loud_rules, d.id AS decision_id,
            (SELECT {text_agg}(c.platform, ' ') FROM manifest_ref c
                WHERE c.repository_id = $1 AND c.parent = t.digest AND c.kind = 'child') AS platforms
        FROM tag t
        JOIN manifest m ON m.repository_id = $1 AND m.digest = t.digest
        LEFT JOIN image_report i ON i.digest = t.digest
        LEFT JOIN decision d ON d.repository_id = $1 AND d.digest = t.digest AND d.is_current = 1
        WHERE t.repository_id = $1 AND t.live_name IN ({list})";
}

impl Catalog {
    /// Lists the tags whose name contains `filter`, in ASCII order, beginning after `after`.
    ///
    /// An index shows the report stored under its own digest; the caller that judges its children stores one there.
    pub async fn tag_rows(
        &self,
        repository: RepositoryId,
        filter: &str,
        after: Option<&str>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<TagRow>, CatalogError> {
        let rows = self
            .dialect
            .query(BY_NAME)
            .bind(repository.0)
            .bind(after.unwrap_or_default().to_owned())
            .bind(containing(filter))
            .bind(micros(now))
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        let found = all(rows, |row| read_cursor(&row))?;
        self.details(repository, &found).await
    }

    /// Returns a page of tags in an order, and where it ends if more follow.
    pub async fn tag_page(
        &self,
        repository: RepositoryId,
        listing: &TagListing<'_>,
        now: Timestamp,
    ) -> Result<(Vec<TagRow>, Option<TagCursor>), CatalogError> {
        if listing.order.is_by_figures() {
            self.refresh_tag_figures().await?;
        }
        let query = self
            .dialect
            .query(listing.order.statement())
            .bind(repository.0);
        let name = listing
            .after
            .as_ref()
            .map_or("", |cursor| cursor.tag.as_str());
        let query = match (listing.order, &listing.after) {
            (TagOrder::Version, None) => query.bind(String::new()),
            (TagOrder::VersionReversed, None) => query.bind(BEYOND_VERSIONS.to_owned()),
            (TagOrder::Version | TagOrder::VersionReversed, Some(cursor)) => {
                query.bind(sort_key(&cursor.tag))
            }
            (_, Some(cursor)) => query.bind(cursor.key),
            // No grade is below this one; less would begin with the ungraded.
            (TagOrder::Best, None) => query.bind(0_i64),
            (order, None) if order.is_descending() => query.bind(i64::MAX),
            (_, None) => query.bind(i64::MIN),
        };
        let rows = query
            .bind(name.to_owned())
            .bind(containing(listing.filter))
            .bind(micros(now))
            .bind(i64::from(listing.limit) + 1)
            .fetch_all(&self.reader)
            .await?;
        let limit = listing.limit as usize;
        let mut found = all(rows, |row| read_cursor(&row))?;
        let has_more = found.len() > limit;
        found.truncate(limit);
        let rows = self.details(repository, &found).await?;
        Ok((rows, found.pop().filter(|_| has_more)))
    }

    /// Returns what is known of these tags, in their order.
    async fn details(
        &self,
        repository: RepositoryId,
        tags: &[TagCursor],
    ) -> Result<Vec<TagRow>, CatalogError> {
        let mut known = HashMap::with_capacity(tags.len());
        for chunk in chunks(tags) {
            let mut query = self.dialect.query_many(DETAILS, chunk.len());
            query = query.bind(repository.0);
            for cursor in chunk {
                query = query.bind(cursor.tag.to_string());
            }
            for row in query.fetch_all(&self.reader).await? {
                let row = read_details(&row)?;
                known.insert(row.tag.clone(), row);
            }
        }
        // A tag that went between the two steps is left out.
        Ok(tags
            .iter()
            .filter_map(|cursor| known.remove(&cursor.tag))
            .collect())
    }
}

/// Greater than every version's key.
const BEYOND_VERSIONS: &str = "\u{7f}";

impl TagOrder {
    const fn statement(self) -> Statement {
        match self {
            Self::Newest => NEWEST,
            Self::Oldest => OLDEST,
            Self::Version => VERSION,
            Self::VersionReversed => VERSION_REVERSED,
            Self::Smallest => SMALLEST,
            Self::Largest => LARGEST,
            Self::Best => BEST,
            Self::Worst => WORST,
        }
    }

    const fn is_by_figures(self) -> bool {
        matches!(
            self,
            Self::Smallest | Self::Largest | Self::Best | Self::Worst
        )
    }

    const fn is_descending(self) -> bool {
        matches!(
            self,
            Self::Newest | Self::VersionReversed | Self::Largest | Self::Worst
        )
    }
}

fn read_cursor(row: &AnyRow) -> Result<TagCursor, CatalogError> {
    Ok(TagCursor {
        key: row.int("key")?,
        tag: row.tag("live_name")?,
    })
}

fn read_details(row: &AnyRow) -> Result<TagRow, CatalogError> {
    let is_matched = row.maybe_text("snapshot")?.is_some();
    Ok(TagRow {
        tag: row.tag("name")?,
        digest: row.digest("digest")?,
        media_type: row.text("media_type")?,
        size_bytes: row.size("closure_bytes")?,
        pushed_at: row.time("start_us")?,
        pushed_by: row.text("actor")?,
        immutable: row.flag("immutable")?,
        expires_at: row.maybe_time("expires_us")?,
        grade: row.maybe_int("grade")?.map(read_grade).transpose()?,
        counts: is_matched.then(|| read_counts(row)).transpose()?,
        fixable: is_matched.then(|| read_fixable(row)).transpose()?,
        next_drop: read_next_drop(row)?,
        as_of: row.maybe_time("as_of")?,
        complete: row.maybe_int("complete")?.map(|flag| flag != 0),
        verdict: row.maybe_text("verdict")?,
        loud_rules: u32::try_from(row.maybe_int("loud_rules")?.unwrap_or(0)).unwrap_or(u32::MAX),
        decision: row.maybe_uuid("decision_id")?,
        platforms: platforms(row.maybe_text("platforms")?, row.maybe_text("platform")?),
    })
}

/// Returns the runnable platforms of an index, sorted, or the one of an image.
fn platforms(of_children: Option<String>, of_image: Option<String>) -> Vec<String> {
    let Some(of_children) = of_children else {
        return of_image.into_iter().collect();
    };
    let mut platforms: Vec<String> = of_children
        .split(' ')
        .filter(|platform| !platform.contains("unknown"))
        .map(str::to_owned)
        .collect();
    platforms.sort_unstable();
    platforms.dedup();
    platforms
}
