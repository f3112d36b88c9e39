//! Pulls as events: only while somebody asks for them, and one a minute for each repository and reference.
//!
//! A pull changes no row, so nothing waits for its event: it is recorded beside the answer, and one that cannot be
//! recorded is a line in the log.

use std::time::Duration;

use catalog::{Event, EventKind, Repository};
use moka::future::Cache;
use oci::{Digest, Tag};

use crate::app::Shared;
use crate::error::chain;

const WINDOW: Duration = Duration::from_mins(1);
/// How long the answer to "does anybody ask" is believed.
const BELIEF: Duration = Duration::from_secs(10);

/// What was told lately.
#[derive(Clone)]
pub(crate) struct Pulls {
    told: Cache<(i64, String), ()>,
    is_wanted: Cache<(), bool>,
}

impl Pulls {
    pub(crate) fn new() -> Self {
        Self {
            told: Cache::builder()
                .max_capacity(50_000)
                .time_to_live(WINDOW)
                .build(),
            is_wanted: Cache::builder()
                .max_capacity(1)
                .time_to_live(BELIEF)
                .build(),
        }
    }
}

impl std::fmt::Debug for Pulls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pulls")
    }
}

/// Records a pull, if anybody asks for pulls and this one was not told within the minute.
pub(crate) async fn tell(
    app: &Shared,
    repository: &Repository,
    tag: Option<&Tag>,
    digest: &Digest,
    actor: &str,
) {
    let wanted = app
        .pulls
        .is_wanted
        .try_get_with((), app.catalog.wants_pulls());
    if !wanted.await.unwrap_or(false) {
        return;
    }
    let reference = tag.map_or_else(|| digest.to_string(), Tag::to_string);
    let entry = app.pulls.told.entry((repository.id.0, reference));
    if !entry.or_insert(()).await.is_fresh() {
        return;
    }
    let event = Event {
        tag,
        digest: Some(digest),
        ..Event::in_repository(
            EventKind::Pull,
            repository.id,
            repository.name.as_str(),
            actor,
        )
    };
    if let Err(error) = app.catalog.record_event(&event, app.clock.now()).await {
        tracing::warn!(cause = %chain(&error), "a pull could not be told");
    }
}
