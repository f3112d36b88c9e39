//! The advisories in use.

use axum::response::Response;
use web::{FeedRow, FeedsPage};

use super::{PageError, STALE_HOURS, Visit, html};

pub(super) fn page(visit: &Visit) -> Result<Response, PageError> {
    let app = &visit.app;
    let is_stale = super::feeds_note(app).stale;
    let snapshot = app.snapshot.load();
    let feeds = snapshot
        .as_ref()
        .map(|snapshot| snapshot.info().feeds.clone())
        .unwrap_or_default();
    let rows: Vec<FeedRow> = feeds
        .iter()
        .map(|feed| FeedRow {
            name: feed.name.clone(),
            title: title(&feed.name),
            records: usize::try_from(feed.records).unwrap_or(usize::MAX),
            updated: feed.upstream_modified,
            digest: Some(feed.sha256.to_string()),
            // A feed that upstream left alone is not stale; one that nobody fetched again is.
            stale: is_stale,
            problem: (feed.skipped > 0)
                .then(|| format!("{} documents could not be read", feed.skipped)),
        })
        .collect();
    let page = FeedsPage {
        frame: visit.frame(),
        limit_hours: u32::try_from(STALE_HOURS).ok(),
        records: rows.iter().map(|row| row.records).sum(),
        rows,
    };
    html(web::render_feeds(&page))
}

/// Says what a feed brings.
fn title(name: &str) -> String {
    match name {
        "debian" => "Debian security tracker".to_owned(),
        "debian-advisories" => "Debian security advisories (DSA, DLA)".to_owned(),
        "kev" => "CISA known exploited vulnerabilities".to_owned(),
        "epss" => "FIRST exploit prediction scores".to_owned(),
        other => match other.strip_prefix("osv:") {
            Some(ecosystem) => format!("OSV advisories for {ecosystem}"),
            None => other.to_owned(),
        },
    }
}
