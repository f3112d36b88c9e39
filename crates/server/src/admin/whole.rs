//! Lists of names to their end, page after page: whoever works at the console asks for all of one.

use catalog::CatalogError;

/// Names on a page.
pub(super) const PAGE: u32 = 500;

/// Reads every page of a list in order of names. `page` returns up to [`PAGE`] of what follows a name.
pub(super) async fn whole<T>(
    page: impl AsyncFn(&str) -> Result<Vec<T>, CatalogError>,
    name: impl Fn(&T) -> &str,
) -> Result<Vec<T>, CatalogError> {
    let mut all = page("").await?;
    let mut read = all.len();
    while read == PAGE as usize {
        let last = all.last().map(&name).unwrap_or_default().to_owned();
        let more = page(&last).await?;
        read = more.len();
        all.extend(more);
    }
    Ok(all)
}
