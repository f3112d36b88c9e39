//! The trail as a stream of lines: for the API and for the console.

use catalog::{AuditCursor, AuditFilter, Catalog, CatalogError};
use futures::{Stream, StreamExt as _};

use super::{AuditItem, CSV_HEAD, csv_line, json_line};

/// Rows that are read at once.
const CHUNK: u32 = 500;

/// How an exported trail is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditFormat {
    /// One JSON object a line.
    Ndjson,
    /// A line of titles, and one line for each entry, as a spreadsheet reads them.
    Csv,
}

/// Reads page after page, latest first, while somebody takes them; memory holds one.
pub(crate) fn lines(
    catalog: Catalog,
    filter: AuditFilter,
    format: AuditFormat,
) -> impl Stream<Item = Result<String, CatalogError>> + Send {
    let (head, write): (_, fn(&AuditItem) -> String) = match format {
        AuditFormat::Ndjson => (None, json_line),
        AuditFormat::Csv => (Some(Ok(CSV_HEAD.to_owned())), csv_line),
    };
    let pages =
        futures::stream::try_unfold(Some(None), move |place: Option<Option<AuditCursor>>| {
            let (catalog, filter) = (catalog.clone(), filter.clone());
            async move {
                let Some(after) = place else { return Ok(None) };
                let rows = catalog.audit_page(&filter, after, CHUNK).await?;
                let Some(last) = rows.last() else {
                    return Ok(None);
                };
                let next = AuditCursor {
                    at: last.at,
                    id: last.id,
                };
                let place = (rows.len() == CHUNK as usize).then_some(Some(next));
                let text: String = rows
                    .into_iter()
                    .map(|row| write(&AuditItem::from(row)))
                    .collect();
                Ok(Some((text, place)))
            }
        });
    futures::stream::iter(head).chain(pages)
}
