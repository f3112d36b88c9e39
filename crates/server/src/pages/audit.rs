//! The audit trail: everything for a superuser, a namespace for its owners, a repository for its administrators.

use axum::response::Response;
use catalog::{AuditCursor, AuditFilter, AuditOutcome, AuditRow, Principal};
use jiff::Timestamp;
use web::{AuditFields, AuditLine, AuditPage, ErrorKind};

use super::{Form, PageError, Visit, html, instant};
use crate::audit::{AuditFormat, export, may_see};

/// Entries on a page.
const PER_PAGE: u32 = 100;

/// What nobody but a superuser may ask without narrowing it.
const TOO_WIDE: &str = "The whole trail is for administrators. Name a namespace that you own, or a repository that you administer.";

pub(super) async fn page(visit: &Visit, principal: &Principal) -> Result<Response, PageError> {
    let fields = fields(|name| visit.parameter(name));
    let after = cursor(visit.parameter("cursor"));
    let mut page = AuditPage {
        frame: visit.frame(),
        problem: None,
        rows: Vec::new(),
        is_continued: after.is_some(),
        next: None,
        filter: fields,
    };
    match filter(&page.filter) {
        Err(problem) => page.problem = Some(problem.to_owned()),
        Ok(filter) if !may_see(&visit.app.catalog, principal, &filter).await? => {
            page.problem = Some(TOO_WIDE.to_owned());
        }
        Ok(filter) => {
            let catalog = &visit.app.catalog;
            let mut rows = catalog.audit_page(&filter, after, PER_PAGE + 1).await?;
            let has_more = rows.len() > PER_PAGE as usize;
            rows.truncate(PER_PAGE as usize);
            let last = rows.last().filter(|_| has_more);
            page.next = last.map(|row| format!("{}.{}", row.at.as_microsecond(), row.id));
            page.rows = rows.into_iter().map(line).collect();
        }
    }
    html(web::render_audit(&page))
}

/// Sends the entries of the same filter as a file. It is a form and no link: an export leaves an entry behind.
pub(super) async fn export(
    visit: &Visit,
    principal: &Principal,
    form: &Form,
) -> Result<Response, PageError> {
    let bad = || PageError::Shown(ErrorKind::BadRequest);
    let format = match form.field("format") {
        "csv" => AuditFormat::Csv,
        "ndjson" => AuditFormat::Ndjson,
        _ => return Err(bad()),
    };
    let filter = filter(&fields(|name| form.field(name))).map_err(|_| bad())?;
    if !may_see(&visit.app.catalog, principal, &filter).await? {
        return Err(PageError::Shown(ErrorKind::Forbidden));
    }
    let actor = visit.actor(principal);
    Ok(export::answer(&visit.app, filter, format, &actor).await?)
}

/// Takes the filter from the address or from a form.
fn fields<'a>(value: impl Fn(&str) -> &'a str) -> AuditFields {
    let field = |name| value(name).trim().replace('\0', "");
    AuditFields {
        actor: field("actor"),
        action: field("action"),
        outcome: field("outcome"),
        namespace: field("namespace"),
        repository: field("repository"),
        from: field("from"),
        to: field("to"),
    }
}

fn line(row: AuditRow) -> AuditLine {
    AuditLine {
        at: row.at,
        actor: row.actor.name,
        ip: row.actor.ip,
        action: row.action,
        outcome: row.outcome.as_str(),
        place: row.repository.or(row.namespace),
        target: row.target,
        detail: row.detail,
        occurrences: u64::try_from(row.occurrences).unwrap_or(1),
    }
}

/// Reads the conditions.
fn filter(fields: &AuditFields) -> Result<AuditFilter, &'static str> {
    let text = |text: &String| (!text.is_empty()).then(|| text.clone());
    let time = |text: &str| {
        match text {
        "" => Ok(None),
        text => day_or_instant(text)
            .map(Some)
            .ok_or("`From` and `Before` are days such as 2026-07-01, or instants such as 2026-07-01T12:00:00Z."),
    }
    };
    let outcome = match fields.outcome.as_str() {
        "" => None,
        word => Some(AuditOutcome::parse(word).ok_or("There is no such outcome.")?),
    };
    Ok(AuditFilter {
        actor: text(&fields.actor),
        action: text(&fields.action),
        repository: text(&fields.repository),
        namespace: text(&fields.namespace),
        target: None,
        outcome,
        from: time(&fields.from)?,
        to: time(&fields.to)?,
    })
}

/// A day is its first moment here: the end of the filter is not part of it.
fn day_or_instant(text: &str) -> Option<Timestamp> {
    instant(&format!("{text}T00:00:00Z")).or_else(|| instant(text))
}

fn cursor(text: &str) -> Option<AuditCursor> {
    let (at, id) = text.split_once('.')?;
    Some(AuditCursor {
        at: Timestamp::from_microsecond(at.parse().ok()?).ok()?,
        id: id.parse().ok()?,
    })
}
