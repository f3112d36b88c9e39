//! What tags were, and the way back.

use axum::http::StatusCode;
use axum::response::Response;
use catalog::{
    CatalogError, HistoryRow, Principal, Repository, RestoreError, RestoreWindow, Role, TagCause,
};
use jiff::Timestamp;
use oci::{Digest, Tag};
use web::routes::Route;
use web::{ErrorKind, HistoryPage, RestorePage, SpanRow};

use super::{Form, PageError, Visit, html, redirect};

/// Spans on a page.
const PER_PAGE: u32 = 100;

pub(super) async fn page(
    visit: &Visit,
    repository: Repository,
    role: Role,
) -> Result<Response, PageError> {
    let catalog = &visit.app.catalog;
    let before = visit.parameter("before").parse().ok();
    let text = visit.parameter("tag").trim();
    let mut found = match (text, text.parse::<Tag>()) {
        ("", _) => {
            catalog
                .repository_history(repository.id, before, PER_PAGE + 1)
                .await?
        }
        (_, Ok(tag)) => {
            catalog
                .tag_history(repository.id, &tag, before, PER_PAGE + 1)
                .await?
        }
        // What is no tag has no history.
        (_, Err(_)) => Vec::new(),
    };
    let has_more = found.len() > PER_PAGE as usize;
    found.truncate(PER_PAGE as usize);
    let window = catalog.restore_window(&repository.namespace).await?;
    let now = visit.app.clock.now();
    let page = HistoryPage {
        frame: visit.frame(),
        tag: text.to_owned(),
        next: found.last().filter(|_| has_more).map(|row| row.id),
        rows: found
            .into_iter()
            .map(|row| span(row, role >= Role::Write, window, now))
            .collect(),
        restore_window: window_words(window),
        repository: repository.name,
    };
    html(web::render_history(&page))
}

fn span(row: HistoryRow, may_write: bool, window: RestoreWindow, now: Timestamp) -> SpanRow {
    // A span that ran out has ended, whether or not its row was closed since.
    let ran_out = row.expires.filter(|expires| *expires <= now);
    let ended = match (row.end, ran_out) {
        (Some(end), _) => Some((end, row.end_cause.map_or("ended", ended_word))),
        (None, Some(expired)) => Some((expired, ended_word(TagCause::Expire))),
        (None, None) => None,
    };
    let is_in_window = ended.is_some_and(|(end, _)| end > window.begin(now));
    SpanRow {
        restorable: may_write && is_in_window && row.purged.is_none(),
        began: began_word(row.cause),
        expires: row.expires.filter(|_| ended.is_none()),
        tag: row.tag,
        digest: row.digest,
        actor: row.actor,
        start: row.start,
        ended,
    }
}

const fn began_word(cause: TagCause) -> &'static str {
    match cause {
        TagCause::Push => "pushed",
        TagCause::Move => "pushed anew",
        TagCause::Restore => "brought back",
        TagCause::Mirror => "mirrored",
        TagCause::Delete | TagCause::Expire | TagCause::Prune => "began",
    }
}

const fn ended_word(cause: TagCause) -> &'static str {
    match cause {
        TagCause::Push | TagCause::Move => "pushed over",
        TagCause::Delete => "deleted",
        TagCause::Expire => "expired",
        TagCause::Prune => "pruned",
        TagCause::Restore => "gave way to a restore",
        TagCause::Mirror => "mirrored over",
    }
}

/// Says how long there is a way back.
pub(super) const fn window_words(window: RestoreWindow) -> &'static str {
    match window {
        RestoreWindow::None => "What is deleted here cannot be brought back.",
        RestoreWindow::Day => "What ends can be brought back for 24 hours.",
        RestoreWindow::Week => "What ends can be brought back for 7 days.",
        RestoreWindow::TwoWeeks => "What ends can be brought back for 14 days.",
        RestoreWindow::FourWeeks => "What ends can be brought back for 28 days.",
    }
}

/// Asks whether a tag is to be brought back.
pub(super) async fn question(
    visit: &Visit,
    repository: Repository,
    role: Role,
) -> Result<Response, PageError> {
    let (tag, digest) = asked(visit.parameter("tag"), visit.parameter("digest"))?;
    require_write(role)?;
    show(visit, repository, tag, digest, None).await
}

/// Brings a tag back and shows its history.
pub(super) async fn restore(
    visit: &Visit,
    repository: Repository,
    role: Role,
    principal: &Principal,
    form: &Form,
) -> Result<Response, PageError> {
    let (tag, digest) = asked(form.field("tag"), form.field("digest"))?;
    require_write(role)?;
    let (app, actor) = (&visit.app, visit.actor(principal));
    let restored = app
        .catalog
        .restore_tag(
            repository.id,
            &tag,
            &digest,
            app.settings.registry.sparse,
            &actor,
            app.clock.now(),
        )
        .await;
    let problem = match restored {
        Ok(_) => {
            let history = Route::History(repository.name).with("tag", tag.as_str());
            return Ok(redirect(&history.to_string()));
        }
        Err(RestoreError::Catalog(
            error @ (CatalogError::Immutable(_)
            | CatalogError::ReadOnly(_)
            | CatalogError::RepositoryGone),
        )) => error.to_string(),
        Err(RestoreError::Catalog(error)) => return Err(error.into()),
        Err(refusal) => refusal.to_string(),
    };
    let mut response = show(visit, repository, tag, digest, Some(problem)).await?;
    *response.status_mut() = StatusCode::CONFLICT;
    Ok(response)
}

async fn show(
    visit: &Visit,
    repository: Repository,
    tag: Tag,
    digest: Digest,
    problem: Option<String>,
) -> Result<Response, PageError> {
    let app = &visit.app;
    let current = app
        .catalog
        .resolve_tag(repository.id, &tag, app.clock.now())
        .await?;
    let page = RestorePage {
        frame: visit.frame(),
        repository: repository.name,
        tag,
        current,
        digest,
        problem,
    };
    html(web::render_restore(&page))
}

fn asked(tag: &str, digest: &str) -> Result<(Tag, Digest), PageError> {
    let bad = || PageError::Shown(ErrorKind::BadRequest);
    let tag = tag.parse().map_err(|_| bad())?;
    Ok((tag, digest.parse().map_err(|_| bad())?))
}

fn require_write(role: Role) -> Result<(), PageError> {
    if role >= Role::Write {
        Ok(())
    } else {
        Err(PageError::Shown(ErrorKind::Forbidden))
    }
}
