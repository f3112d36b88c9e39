//! The tags of a repository, each with its grade, verdict and counts: one query.

use axum::response::Response;
use catalog::Repository;
use gate::Decision;
use oci::media_type;
use web::{Health, TagRow, TagSort, TagsPage, Tally, VerdictChip};

use super::{PageError, Visit, html};

/// Tags considered for one page; beyond it the filter narrows.
const MAX_TAGS: u32 = 1_000;

pub(super) async fn page(visit: &Visit, repository: Repository) -> Result<Response, PageError> {
    let app = &visit.app;
    let now = app.clock.now();
    let query = visit.parameter("q").trim();
    let rows = app
        .catalog
        .tag_rows(repository.id, query, None, MAX_TAGS, now)
        .await?;
    let total = if query.is_empty() {
        rows.len()
    } else {
        app.catalog
            .list_tags(repository.id, None, MAX_TAGS, now)
            .await?
            .len()
    };
    let page = TagsPage {
        frame: visit.frame(),
        sort: TagSort::from_parameter(visit.parameter("sort")),
        policy: app.policies.names(app, &repository).await?,
        rows: rows.into_iter().map(tag_row).collect(),
        query: query.to_owned(),
        total,
        registry_host: visit.registry_host(),
        repository: repository.name,
    };
    html(web::render_tags(&page))
}

fn tag_row(row: catalog::TagRow) -> TagRow {
    let is_scannable =
        media_type::is_manifest(&row.media_type) || media_type::is_index(&row.media_type);
    let vulnerabilities = match (row.complete, row.counts, row.as_of) {
        (Some(is_complete), Some(open), Some(as_of)) => Tally::Counted {
            open,
            fixable: row.fixable.map_or(0, |fixable| fixable.total()),
            partial: !is_complete,
            as_of,
        },
        (Some(_), _, _) => Tally::Unknown {
            reason: "no advisories imported".to_owned(),
        },
        (None, _, _) if is_scannable && row.verdict.as_deref() == Some("pending") => Tally::Queued,
        (None, _, _) => Tally::NotScanned,
    };
    TagRow {
        tag: row.tag,
        digest: row.digest,
        health: row.grade.map(|grade| Health {
            grade,
            reason: String::new(),
            next_drop: row.next_drop,
        }),
        verdict: row
            .verdict
            .as_deref()
            .and_then(decision_of)
            .map(|decision| VerdictChip {
                decision,
                rules: usize::try_from(row.loud_rules).unwrap_or(usize::MAX),
                id: row.decision.map(|id| id.to_string()),
            }),
        vulnerabilities,
        platforms: row.platforms,
        size_bytes: row.size_bytes,
        pushed: row.pushed_at,
    }
}

/// Reads the word of a stored decision.
fn decision_of(word: &str) -> Option<Decision> {
    [
        Decision::Allow,
        Decision::Warn,
        Decision::Pending,
        Decision::Deny,
    ]
    .into_iter()
    .find(|decision| decision.as_str() == word)
}
