//! The trail as a stream of lines: for the API and for the console. Entries that were packed come after those that were
//! not, which are later.

use catalog::{AuditCursor, AuditFilter, AuditRow, Catalog, CatalogError};
use futures::{Stream, StreamExt as _};

use super::rotate::{is_asked_for, unpack};
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

/// How far a stream has come.
enum Place {
    /// In the table, after this entry.
    Rows(Option<AuditCursor>),
    /// Among the segments, after this one. What the table gave is not given again, should it have moved since.
    Segments(Option<i64>, Option<AuditCursor>),
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
    let pages = futures::stream::try_unfold(Place::Rows(None), move |place| {
        let (catalog, filter) = (catalog.clone(), filter.clone());
        async move {
            let Some((rows, next)) = page(&catalog, &filter, place).await? else {
                return Ok(None);
            };
            let text: String = rows
                .into_iter()
                .map(|row| write(&AuditItem::from(row)))
                .collect();
            Ok(Some((text, next)))
        }
    });
    futures::stream::iter(head).chain(pages)
}

/// Reads the page at a place. It may be empty although others follow.
async fn page(
    catalog: &Catalog,
    filter: &AuditFilter,
    place: Place,
) -> Result<Option<(Vec<AuditRow>, Place)>, CatalogError> {
    match place {
        Place::Rows(after) => {
            let rows = catalog.audit_page(filter, after, CHUNK).await?;
            let last = rows.last().map(|last| AuditCursor {
                at: last.at,
                id: last.id,
            });
            let next = if rows.len() == CHUNK as usize {
                Place::Rows(last)
            } else {
                Place::Segments(None, last.or(after))
            };
            Ok(Some((rows, next)))
        }
        Place::Segments(after, seen) => {
            let Some(segment) = catalog.audit_segment(filter, after).await? else {
                return Ok(None);
            };
            let mut rows = unpack(&segment.content)?;
            rows.retain(|row| is_asked_for(filter, row));
            rows.retain(|row| seen.is_none_or(|seen| (row.at, row.id) < (seen.at, seen.id)));
            rows.reverse();
            Ok(Some((rows, Place::Segments(Some(segment.id), seen))))
        }
    }
}
