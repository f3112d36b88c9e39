//! Making room: cached tags that nobody pulls end, and collection takes the rest.

use catalog::Lane;
use futures::FutureExt as _;
use jiff::SignedDuration;

use crate::app::Shared;
use crate::workers::{ATTEMPTS, JobError, Kind, Work};

/// The job that ends unused cached tags.
pub(crate) const JOB: Kind = Kind {
    name: "cache-evict",
    lane: Lane::Upkeep,
    max_attempts: ATTEMPTS,
    perform: |app, _| perform(app),
};

/// Tags ended per step.
const BATCH: u32 = 100;

fn perform(app: Shared) -> Work {
    async move {
        for upstream in app.catalog.list_upstreams().await? {
            let settings = &upstream.settings;
            let (Some(namespace), Some(keep)) = (&settings.namespace, settings.keep) else {
                continue;
            };
            let now = app.clock.now();
            let keep = SignedDuration::try_from(keep).unwrap_or(SignedDuration::MAX);
            let Ok(before) = now.checked_sub(keep) else {
                continue;
            };
            let ended = evict(&app, namespace, before).await?;
            if ended > 0 {
                tracing::info!(upstream = %upstream.name, tags = ended, "unused cached tags ended");
            }
        }
        Ok(catalog::JobResults::default())
    }
    .boxed()
}

/// Ends what was last pulled before `before`. Returns how many tags.
async fn evict(app: &Shared, namespace: &str, before: jiff::Timestamp) -> Result<u64, JobError> {
    let mut ended = 0;
    loop {
        let unused = app
            .catalog
            .unused_cached_tags(namespace, before, BATCH)
            .await?;
        for cached in &unused {
            let actor = catalog::Actor::named("system");
            let now = app.clock.now();
            let followed = app
                .catalog
                .follow_tag(
                    cached.repository,
                    &cached.tag,
                    None,
                    catalog::TagCause::Prune,
                    &actor,
                    now,
                )
                .await;
            match followed {
                // An immutable tag stays; it is looked at again with the next pull.
                Ok(_) | Err(catalog::CatalogError::Immutable(_)) => {}
                Err(error) => return Err(error.into()),
            }
            app.catalog
                .forget_cached_tag(cached.repository, &cached.tag)
                .await?;
            ended += 1;
        }
        if unused.len() < BATCH as usize {
            return Ok(ended);
        }
        if app.stop.is_cancelled() {
            return Err(JobError::Stopping);
        }
    }
}
