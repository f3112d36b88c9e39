//! What belongs to a cached image without being part of it: referrers, signatures attached by tag, the list of tags.

use std::sync::Arc;

use catalog::{Repository, Sparse};
use oci::{Digest, Reference, Tag};

use super::super::client::{UpstreamError, cosign_tags, referrers_tag};
use super::super::copy::{follow_tag, put};
use super::{Cached, FetchError};
use crate::app::Shared;

/// Referrers of one subject that are cached; their blobs follow when somebody pulls them.
const MAX_REFERRERS: usize = 100;

/// Fetches the manifests that refer to a subject, unless that was done a moment ago.
pub(crate) async fn companions(
    app: &Shared,
    cached: &Cached,
    repository: &Repository,
    subject: &Digest,
) -> Result<(), FetchError> {
    let key = (repository.id, subject.clone());
    if app.upstreams.proxy.companions.contains_key(&key) {
        return Ok(());
    }
    let route = cached.route(repository);
    let referrers = cached.remote.referrers(&cached.source, subject).await?;
    for referrer in referrers.into_iter().take(MAX_REFERRERS) {
        let known = app
            .catalog
            .manifest(repository.id, &referrer.digest)
            .await?;
        if known.is_some() {
            continue;
        }
        let reference = Reference::Digest(referrer.digest);
        match cached.remote.manifest(&cached.source, &reference).await {
            Ok(found) => drop(put(app, &route, &found, Sparse::All).await?),
            Err(UpstreamError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    for tag in cosign_tags(subject).chain(referrers_tag(subject)) {
        let reference = Reference::Tag(tag.clone());
        match cached.remote.manifest(&cached.source, &reference).await {
            Ok(found) => {
                put(app, &route, &found, Sparse::All).await?;
                follow_tag(app, &route, &tag, Some(&found.digest)).await?;
                app.catalog
                    .tag_checked(repository.id, &tag, app.clock.now())
                    .await?;
            }
            Err(UpstreamError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    app.upstreams.proxy.companions.insert(key, ());
    Ok(())
}

/// Returns the upstream's tags; `None` if it does not answer, and what is cached has to do.
pub(crate) async fn tags(app: &Shared, cached: &Cached) -> Option<Arc<Vec<Tag>>> {
    let key = (cached.upstream.id, cached.source.clone());
    let asked = app
        .upstreams
        .proxy
        .tags
        .try_get_with(key, async {
            cached.remote.tags(&cached.source).await.map(Arc::new)
        })
        .await;
    asked
        .inspect_err(|error| {
            tracing::warn!(source = %cached.source, cause = %crate::error::chain(&**error), "tags not listed");
        })
        .ok()
}
