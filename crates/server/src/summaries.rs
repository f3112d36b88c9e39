//! The list of repositories with what is summed up about each, and nothing counted again that has not moved.
//!
//! Figures are kept beside the stamp that was read before them and given out only with the same stamp: a push, a moved
//! tag or another verdict shows with the next page on every replica. What moves no stamp, a grade that drops with the
//! calendar, shows after [`LIFETIME`]. All of it may be lost at any moment.
//!
//! What it is not for: rights. Which repositories a page has is asked each time.

use catalog::{
    CatalogError, FiguresStamp, Principal, RepositoryFigures, RepositoryHead, RepositoryId,
    RepositorySummary,
};
use jiff::{SignedDuration, Timestamp};
use moka::sync::Cache;
use oci::RepositoryName;

use crate::app::App;

/// How long figures are kept that only time would change.
const LIFETIME: SignedDuration = SignedDuration::from_mins(10);
/// Repositories whose figures are kept, of about 150 bytes each.
const ENTRIES: u64 = 20_000;

/// The figures that one server has counted.
pub(crate) struct Summaries {
    kept: Cache<RepositoryId, (FiguresStamp, Timestamp, RepositoryFigures)>,
}

impl Summaries {
    pub(crate) fn new() -> Self {
        Self {
            kept: Cache::new(ENTRIES),
        }
    }

    fn get(
        &self,
        repository: RepositoryId,
        stamp: FiguresStamp,
        now: Timestamp,
    ) -> Option<RepositoryFigures> {
        let (read_at, since, figures) = self.kept.get(&repository)?;
        // A clock that was set back makes nothing younger.
        let age = now.duration_since(since);
        (read_at == stamp && !age.is_negative() && age < LIFETIME).then_some(figures)
    }
}

/// Lists the repositories that `viewer` may pull and whose name contains `query`, by name, beginning after `after`.
pub(crate) async fn list(
    app: &App,
    viewer: &Principal,
    query: &str,
    after: Option<&RepositoryName>,
    limit: u32,
) -> Result<Vec<RepositorySummary>, CatalogError> {
    let catalog = &app.catalog;
    let heads = catalog
        .repository_heads(viewer, query, after, limit)
        .await?;
    summed_up(app, heads).await
}

/// Lists the repositories in a namespace that `viewer` may pull, by name.
pub(crate) async fn in_namespace(
    app: &App,
    viewer: &Principal,
    namespace: &str,
    limit: u32,
) -> Result<Vec<RepositorySummary>, CatalogError> {
    let catalog = &app.catalog;
    let heads = catalog
        .repository_heads_in(viewer, namespace, limit)
        .await?;
    summed_up(app, heads).await
}

async fn summed_up(
    app: &App,
    heads: Vec<RepositoryHead>,
) -> Result<Vec<RepositorySummary>, CatalogError> {
    let now = app.clock.now();
    let known: Vec<Option<RepositoryFigures>> = heads
        .iter()
        .map(|head| app.summaries.get(head.repository.id, head.stamp, now))
        .collect();
    let unknown: Vec<RepositoryId> = heads
        .iter()
        .zip(&known)
        .filter(|(_, figures)| figures.is_none())
        .map(|(head, _)| head.repository.id)
        .collect();
    let counted = app.catalog.repository_figures(&unknown, now).await?;
    let mut summaries = Vec::with_capacity(heads.len());
    for (head, known) in heads.into_iter().zip(known) {
        let id = head.repository.id;
        let figures = known.unwrap_or_else(|| {
            let figures = counted.get(&id).copied().unwrap_or_default();
            app.summaries.kept.insert(id, (head.stamp, now, figures));
            figures
        });
        summaries.push(RepositorySummary::new(head.repository, figures));
    }
    Ok(summaries)
}
