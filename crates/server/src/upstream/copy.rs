//! Manifests from an upstream, stored like pushed ones; whole images with everything that belongs to them.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use catalog::{Actor, CatalogError, PutError, PutManifest, Repository, Sparse, TagCause, Writer};
use futures::{StreamExt as _, TryStreamExt as _};
use oci::{Descriptor, Digest, Manifest, Reference, Tag};

use super::client::{FoundManifest, Remote, UpstreamError, cosign_tags, referrers_tag};
use super::store::Wanted;
use super::{FetchError, flights};
use crate::analysis;
use crate::app::Shared;

/// Blobs of one manifest fetched at the same time.
const PARALLEL: usize = 3;
/// Manifests that may belong to one tag.
const MAX_MANIFESTS: usize = 2_000;
/// How deep indexes and referrers are followed.
const MAX_DEPTH: usize = 8;

/// Where copies come from and go to.
#[derive(Clone)]
pub(super) struct Route {
    pub(super) remote: Arc<Remote>,
    /// The repository on the upstream.
    pub(super) source: String,
    pub(super) repository: Repository,
    /// Who the audit trail says it was.
    pub(super) actor: Actor,
}

/// Stores a manifest. What `sparse` lets it leave out may follow later.
///
/// Returns the view over it, and whether it was new.
pub(super) async fn put(
    app: &Shared,
    route: &Route,
    found: &FoundManifest,
    sparse: Sparse,
) -> Result<(Manifest, bool), FetchError> {
    let refused = |error: String| FetchError::Manifest(error.into());
    let manifest = Manifest::parse(&found.bytes, &found.media_type)
        .map_err(|error| refused(error.to_string()))?;
    let job = analysis::job_for(route.repository.id, &found.digest, &manifest);
    let put = PutManifest {
        repository: route.repository.id,
        digest: &found.digest,
        bytes: &found.bytes,
        manifest: &manifest,
        tags: &[],
        sparse,
        jobs: job.as_slice(),
        // Rules about labels are for pushes: a copy is what its upstream is.
        labels: &BTreeMap::new(),
        writer: Writer::Mirror,
    };
    let stored = app
        .catalog
        .put_manifest(put, &route.actor, app.clock.now())
        .await;
    match stored {
        Ok(outcome) => Ok((manifest, outcome.created)),
        Err(PutError::Catalog(error)) => Err(error.into()),
        Err(PutError::ReadOnly(what)) => Err(CatalogError::ReadOnly(what).into()),
        Err(error) => Err(refused(error.to_string())),
    }
}

/// Points a tag at what its upstream points it at, or ends it. Returns whether it changed.
pub(super) async fn follow_tag(
    app: &Shared,
    route: &Route,
    tag: &Tag,
    digest: Option<&Digest>,
) -> Result<bool, FetchError> {
    let changed = app
        .catalog
        .follow_tag(
            route.repository.id,
            tag,
            digest,
            TagCause::Mirror,
            &route.actor,
            app.clock.now(),
        )
        .await?;
    Ok(changed)
}

/// Fetches the blobs of a manifest that the repository does not have.
pub(super) async fn blobs(
    app: &Shared,
    route: &Route,
    manifest: &Manifest,
) -> Result<(), FetchError> {
    let needed: Vec<&Descriptor> = manifest.required_blobs().collect();
    let digests: Vec<Digest> = needed.iter().map(|d| d.digest.clone()).collect();
    let missing = app
        .catalog
        .missing_blobs(route.repository.id, &digests)
        .await?;
    let mut seen = HashSet::new();
    let wanted: Vec<Wanted> = needed
        .into_iter()
        .filter(|descriptor| missing.contains(&descriptor.digest))
        .filter(|descriptor| seen.insert(descriptor.digest.clone()))
        .map(|descriptor| Wanted {
            repository: route.repository.id,
            source: route.source.clone(),
            digest: descriptor.digest.clone(),
            size_bytes: descriptor.size,
        })
        .collect();
    futures::stream::iter(wanted)
        .map(|wanted| async move { flights::join(app, &route.remote, &wanted).landed().await })
        .buffer_unordered(PARALLEL)
        .try_collect::<()>()
        .await
}

/// One walk over everything that belongs to an image.
pub(super) struct Closure<'a> {
    app: &'a Shared,
    route: &'a Route,
    seen: HashSet<Digest>,
    /// Manifests that were not here before.
    pub(super) copied: u64,
}

impl<'a> Closure<'a> {
    pub(super) fn new(app: &'a Shared, route: &'a Route) -> Self {
        Self {
            app,
            route,
            seen: HashSet::new(),
            copied: 0,
        }
    }

    /// Copies a manifest with everything below it and everything that refers to it: children, blobs, referrers, and
    /// signatures attached by tag. What is here already is not fetched again, so a copy that broke goes on.
    pub(super) async fn copy(&mut self, digest: &Digest, depth: usize) -> Result<(), FetchError> {
        if !self.seen.insert(digest.clone()) {
            return Ok(());
        }
        if depth > MAX_DEPTH || self.seen.len() > MAX_MANIFESTS {
            return Err(FetchError::Manifest(
                "more belongs to it than is copied, or deeper".into(),
            ));
        }
        let found = self.manifest(digest).await?;
        let manifest = Manifest::parse(&found.bytes, &found.media_type)
            .map_err(|error| FetchError::Manifest(error.to_string().into()))?;
        for child in &manifest.children {
            let copied = Box::pin(self.copy(&child.digest, depth + 1)).await;
            match copied {
                // An index may list what its registry does not have.
                Err(error) if error.is_not_found() => {}
                other => other?,
            }
        }
        blobs(self.app, self.route, &manifest).await?;
        let (_, created) = put(self.app, self.route, &found, Sparse::Index).await?;
        self.copied += u64::from(created);
        self.referrers(digest, depth).await
    }

    /// Copies what refers to a manifest.
    async fn referrers(&mut self, subject: &Digest, depth: usize) -> Result<(), FetchError> {
        let (remote, source) = (&self.route.remote, &self.route.source);
        for referrer in remote.referrers(source, subject).await? {
            match Box::pin(self.copy(&referrer.digest, depth + 1)).await {
                Err(error) if error.is_not_found() => {}
                other => other?,
            }
        }
        for tag in cosign_tags(subject).chain(referrers_tag(subject)) {
            let head = remote
                .manifest_head(source, &Reference::Tag(tag.clone()))
                .await;
            let digest = match head {
                Ok(Some(head)) => head.digest,
                Ok(None) => {
                    remote
                        .manifest(source, &Reference::Tag(tag.clone()))
                        .await?
                        .digest
                }
                Err(UpstreamError::NotFound(_)) => continue,
                Err(error) => return Err(error.into()),
            };
            Box::pin(self.copy(&digest, depth + 1)).await?;
            follow_tag(self.app, self.route, &tag, Some(&digest)).await?;
        }
        Ok(())
    }

    /// Returns a manifest from here, else from the upstream.
    async fn manifest(&self, digest: &Digest) -> Result<FoundManifest, FetchError> {
        let here = self
            .app
            .catalog
            .manifest(self.route.repository.id, digest)
            .await?;
        if let Some(stored) = here {
            return Ok(FoundManifest {
                digest: stored.digest,
                media_type: stored.media_type,
                bytes: stored.bytes.into(),
            });
        }
        let reference = Reference::Digest(digest.clone());
        Ok(self
            .route
            .remote
            .manifest(&self.route.source, &reference)
            .await?)
    }
}
