//! The tags of a repository, each with its grade, verdict and counts: a page of them in the order asked for.

use axum::response::Response;
use catalog::{Repository, TagCursor, TagListing, TagOrder};
use gate::Decision;
use oci::media_type;
use web::{
    Health, PastTagRow, PastTagsPage, TagColumn, TagRow, TagSort, TagsPage, Tally, VerdictChip,
};

use super::{PageError, Visit, html, instant};

/// Tags on a page.
const PER_PAGE: u32 = 100;

pub(super) async fn page(visit: &Visit, repository: Repository) -> Result<Response, PageError> {
    let app = &visit.app;
    let now = app.clock.now();
    let as_of = visit.parameter("as_of").trim();
    let at = instant(as_of);
    if let Some(at) = at {
        // What is to come is not known; up to now everything is.
        return past(visit, repository, at.min(now)).await;
    }
    let query = visit.parameter("q").trim().replace('\0', "");
    let sort = TagSort::from_parameter(visit.parameter("sort"));
    let after = cursor(visit.parameter("cursor"));
    let is_continued = after.is_some();
    let listing = TagListing {
        filter: &query,
        order: order(sort),
        after,
        limit: PER_PAGE,
    };
    let (rows, next) = app.catalog.tag_page(repository.id, &listing, now).await?;
    let page = TagsPage {
        frame: visit.frame(),
        sort,
        policy: app.policies.names(app, &repository).await?,
        rows: rows.into_iter().map(tag_row).collect(),
        is_continued,
        next: next.map(|cursor| format!("{}.{}", cursor.key, cursor.tag)),
        unread_instant: (!as_of.is_empty()).then(|| as_of.to_owned()),
        query,
        registry_host: visit.registry_host(),
        repository: repository.name,
    };
    html(web::render_tags(&page))
}

/// Shows the tags as they were.
async fn past(
    visit: &Visit,
    repository: Repository,
    at: jiff::Timestamp,
) -> Result<Response, PageError> {
    let catalog = &visit.app.catalog;
    let after = visit.parameter("cursor").parse::<oci::Tag>().ok();
    let after = after.as_ref().map(oci::Tag::as_str);
    let mut found = catalog
        .tags_at(repository.id, at, after, PER_PAGE + 1)
        .await?;
    let has_more = found.len() > PER_PAGE as usize;
    found.truncate(PER_PAGE as usize);
    let next = found.last().filter(|_| has_more).map(|row| row.tag.clone());
    let now = visit.app.clock.now();
    let mut rows = Vec::with_capacity(found.len());
    for row in found {
        let current = catalog.resolve_tag(repository.id, &row.tag, now).await?;
        rows.push(PastTagRow {
            changed: current.as_ref() != Some(&row.digest),
            tag: row.tag,
            digest: row.digest,
            since: row.since,
        });
    }
    let page = PastTagsPage {
        frame: visit.frame(),
        repository: repository.name,
        at,
        created: repository.created_at,
        rows,
        next,
    };
    html(web::render_past_tags(&page))
}

fn order(sort: TagSort) -> TagOrder {
    match (sort.column, sort.descending) {
        (TagColumn::Pushed, true) => TagOrder::Newest,
        (TagColumn::Pushed, false) => TagOrder::Oldest,
        (TagColumn::Name, false) => TagOrder::Version,
        (TagColumn::Name, true) => TagOrder::VersionReversed,
        (TagColumn::Size, false) => TagOrder::Smallest,
        (TagColumn::Size, true) => TagOrder::Largest,
        (TagColumn::Grade, false) => TagOrder::Best,
        (TagColumn::Grade, true) => TagOrder::Worst,
    }
}

/// Reads where a page begins; what cannot be read is the first page.
fn cursor(text: &str) -> Option<TagCursor> {
    let (key, tag) = text.split_once('.')?;
    Some(TagCursor {
        key: key.parse().ok()?,
        tag: tag.parse().ok()?,
    })
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
        immutable: row.immutable,
        expires: row.expires_at,
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
