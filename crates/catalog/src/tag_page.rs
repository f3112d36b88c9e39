//! The page of a repository's tags: each tag with what is known about its image.

use evidence::{Grade, SeverityCounts};
use jiff::Timestamp;
use oci::{Digest, Tag};
use uuid::Uuid;

use crate::dialect::statements;
use crate::evidence_rows::{read_counts, read_fixable, read_grade, read_next_drop};
use crate::rows::{Columns as _, all, containing, micros};
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

statements! {
    ROWS = "WITH page AS (
            SELECT t.live_name AS name, t.digest, t.start_us, t.actor FROM tag t
            WHERE t.repository_id = $1 AND t.live_name > $2 AND LOWER(t.live_name) LIKE $3 ESCAPE '!'
              AND (t.expires_us IS NULL OR t.expires_us > $4)
            ORDER BY t.live_name LIMIT $5
        )
        SELECT page.name, page.digest, page.start_us, page.actor, m.media_type, m.closure_bytes,
            i.snapshot, i.grade, i.critical, i.high, i.medium, i.low, i.negligible, i.unknown,
            i.fixable_critical, i.fixable_high, i.fixable_medium, i.fixable_low, i.fixable_negligible,
            i.fixable_unknown, i.platform, i.complete, i.as_of, i.next_grade, i.next_grade_at, d.verdict, d.loud_rules, d.id AS decision_id,
            (SELECT {text_agg}(c.platform, ' ') FROM manifest_ref c
                WHERE c.repository_id = $1 AND c.parent = page.digest AND c.kind = 'child') AS platforms
        FROM page
        JOIN manifest m ON m.repository_id = $1 AND m.digest = page.digest
        LEFT JOIN image_report i ON i.digest = page.digest
        LEFT JOIN decision d ON d.repository_id = $1 AND d.digest = page.digest AND d.is_current = 1
        ORDER BY page.name";
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
            .query(ROWS)
            .bind(repository.0)
            .bind(after.unwrap_or_default().to_owned())
            .bind(containing(filter))
            .bind(micros(now))
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| {
            let is_matched = row.maybe_text("snapshot")?.is_some();
            Ok(TagRow {
                tag: row.tag("name")?,
                digest: row.digest("digest")?,
                media_type: row.text("media_type")?,
                size_bytes: row.size("closure_bytes")?,
                pushed_at: row.time("start_us")?,
                pushed_by: row.text("actor")?,
                grade: row.maybe_int("grade")?.map(read_grade).transpose()?,
                counts: is_matched.then(|| read_counts(&row)).transpose()?,
                fixable: is_matched.then(|| read_fixable(&row)).transpose()?,
                next_drop: read_next_drop(&row)?,
                as_of: row.maybe_time("as_of")?,
                complete: row.maybe_int("complete")?.map(|flag| flag != 0),
                verdict: row.maybe_text("verdict")?,
                loud_rules: u32::try_from(row.maybe_int("loud_rules")?.unwrap_or(0))
                    .unwrap_or(u32::MAX),
                decision: row.maybe_uuid("decision_id")?,
                platforms: platforms(row.maybe_text("platforms")?, row.maybe_text("platform")?),
            })
        })
    }
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
