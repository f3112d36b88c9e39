//! The repositories a visitor may read.

use axum::response::Response;
use catalog::{Principal, RepositorySummary};
use web::{Figures, Health, ImagesPage, Paging, RepositoryRow, VerdictTally};

use super::{PageError, Visit, html};
use crate::summaries;

/// Repositories considered for one page; beyond it the filter narrows.
const MAX_REPOSITORIES: u32 = 1_000;

pub(super) async fn page(visit: &Visit, principal: &Principal) -> Result<Response, PageError> {
    let app = &visit.app;
    let now = app.clock.now();
    let query = visit.parameter("q").trim();
    let all = summaries::list(app, principal, "", None, MAX_REPOSITORIES).await?;
    let figures = figures(&all, now);
    let matching: Vec<&RepositorySummary> = all
        .iter()
        .filter(|row| row.repository.name.as_str().contains(&query.to_lowercase()))
        .collect();
    let paging = Paging::new(visit.page_number(), Paging::PER_PAGE, matching.len());
    let page = ImagesPage {
        frame: visit.frame(),
        query: query.to_owned(),
        figures,
        rows: matching[paging.range()]
            .iter()
            .map(|row| repository_row(row))
            .collect(),
        paging,
        registry_host: visit.registry_host(),
    };
    html(web::render_images(&page))
}

fn figures(rows: &[RepositorySummary], now: jiff::Timestamp) -> Figures {
    let sum = |of: fn(&RepositorySummary) -> u64| {
        usize::try_from(rows.iter().map(of).sum::<u64>()).unwrap_or(usize::MAX)
    };
    Figures {
        repositories: rows.len(),
        tags: sum(|row| row.tag_count),
        allowed: sum(|row| row.verdicts.allow),
        warned: sum(|row| row.verdicts.warn),
        blocked: sum(|row| row.verdicts.deny),
        pending: sum(|row| row.verdicts.pending),
        as_of: Some(now),
    }
}

fn repository_row(row: &RepositorySummary) -> RepositoryRow {
    let count = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    RepositoryRow {
        name: row.repository.name.clone(),
        tags: usize::try_from(row.tag_count).unwrap_or(usize::MAX),
        worst: row.worst_grade.map(|grade| Health {
            grade,
            reason: String::new(),
            next_drop: None,
        }),
        verdicts: VerdictTally {
            allow: count(row.verdicts.allow),
            warn: count(row.verdicts.warn),
            deny: count(row.verdicts.deny),
            pending: count(row.verdicts.pending),
        },
        pushed: row.last_push,
    }
}
