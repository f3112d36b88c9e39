//! An export of the trail to whoever asks by HTTP: a file that is streamed, and an entry that says so.

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use catalog::{Actor, AuditAction, AuditEntry, AuditFilter, CatalogError};

use super::{AuditFormat, lines};
use crate::app::App;

/// Answers with the entries that a filter lets through. Whether the caller may see them is checked before.
pub(crate) async fn answer(
    app: &App,
    filter: AuditFilter,
    format: AuditFormat,
    by: &Actor,
) -> Result<Response, CatalogError> {
    let exported = AuditEntry::on(AuditAction::AuditExport, filter.repository.as_deref(), None);
    app.catalog.audit(&exported, by, app.clock.now()).await?;
    let (content_type, name) = match format {
        AuditFormat::Csv => (
            "text/csv; charset=utf-8",
            "attachment; filename=\"audit.csv\"",
        ),
        AuditFormat::Ndjson => (
            "application/x-ndjson",
            "attachment; filename=\"audit.ndjson\"",
        ),
    };
    let lines = lines(app.catalog.clone(), filter, format);
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, Body::from_stream(lines)).into_response())
}
