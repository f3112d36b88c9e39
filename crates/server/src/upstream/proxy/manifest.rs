//! Manifests through the cache.

use std::sync::Arc;

use catalog::{Repository, Sparse, StoredManifest};
use jiff::{SignedDuration, Timestamp};
use oci::{Reference, RepositoryName, Tag};

use super::super::client::FoundManifest;
use super::super::copy::{follow_tag, put};
use super::{Cached, FetchError, Head, companions, rights};
use crate::analysis;
use crate::app::Shared;
use crate::error::ApiError;

/// A pull of a tag is noted at most so often.
const USE_STEP: SignedDuration = SignedDuration::from_hours(1);

/// How a question was answered.
pub(crate) enum Freshness {
    /// What is in the repository now is what the upstream has.
    Fresh,
    /// What is in the repository is older than it should be; these words say why.
    Stale(String),
    /// It is not in the repository, and nobody asked for its bytes.
    Head(Head),
}

/// Makes sure that the repository has what a reference means upstream, as far as it can be known now.
pub(crate) async fn manifest(
    app: &Shared,
    cached: &Cached,
    repository: &Repository,
    reference: &Reference,
    is_head: bool,
) -> Result<Freshness, ApiError> {
    let question = Question {
        app,
        cached,
        repository,
        reference,
    };
    question.answer(is_head).await
}

/// Fetches the first manifest of a name and makes the repository with it.
pub(super) async fn first(
    app: &Shared,
    cached: &Cached,
    name: &RepositoryName,
    reference: &Reference,
) -> Result<Repository, ApiError> {
    let key = cached.key(reference);
    let _turn = turn(app, cached, reference).await;
    if let Some(repository) = app.catalog.repository(name).await? {
        return Ok(repository);
    }
    if app.upstreams.proxy.missing.contains_key(&key) {
        return Err(ApiError::name_unknown());
    }
    let found = cached.remote.manifest(&cached.source, reference).await;
    match found.map_err(FetchError::from) {
        Ok(found) => {
            let stored = async {
                let repository = rights::ensure(app, cached, name).await?;
                store(app, cached, &repository, reference, &found).await?;
                Ok(repository)
            };
            stored
                .await
                .map_err(|error: FetchError| cached.answer(&error))
        }
        Err(error) if error.is_not_found() => {
            app.upstreams.proxy.missing.insert(key, ());
            Err(ApiError::name_unknown())
        }
        Err(error) => {
            app.metrics.upstream.count_proxy("error");
            Err(cached.answer(&error))
        }
    }
}

/// Waits until nobody else in this process asks about the same reference.
async fn turn(
    app: &Shared,
    cached: &Cached,
    reference: &Reference,
) -> tokio::sync::OwnedMutexGuard<()> {
    let questions = &app.upstreams.proxy.questions;
    let question = questions.get_with(cached.key(reference), Arc::default);
    question.lock_owned().await
}

/// Stores a manifest and its tag, and starts what belongs to it.
async fn store(
    app: &Shared,
    cached: &Cached,
    repository: &Repository,
    reference: &Reference,
    found: &FoundManifest,
) -> Result<(), FetchError> {
    let route = cached.route(repository);
    let (manifest, created) = put(app, &route, found, Sparse::All).await?;
    let tag = match reference {
        Reference::Tag(tag) => {
            follow_tag(app, &route, tag, Some(&found.digest)).await?;
            app.catalog
                .tag_checked(repository.id, tag, app.clock.now())
                .await?;
            Some(tag.clone())
        }
        Reference::Digest(_) => None,
    };
    app.metrics.upstream.count_proxy("miss");
    if created {
        tracing::info!(repo = %repository.name, digest = %found.digest, "manifest cached");
        let (app, repository, digest) = (app.clone(), repository.clone(), found.digest.clone());
        let cached = cached.clone();
        tokio::spawn(async move {
            analysis::after_push(&app, &repository, &digest, &manifest, tag.as_ref()).await;
            if let Err(error) = companions(&app, &cached, &repository, &digest).await {
                tracing::debug!(%digest, cause = %crate::error::chain(&error), "companions not fetched");
            }
        });
    }
    Ok(())
}

struct Question<'a> {
    app: &'a Shared,
    cached: &'a Cached,
    repository: &'a Repository,
    reference: &'a Reference,
}

impl Question<'_> {
    async fn here(&self) -> Result<Option<StoredManifest>, ApiError> {
        let now = self.app.clock.now();
        let catalog = &self.app.catalog;
        let found = catalog.manifest_by_reference(self.repository.id, self.reference, now);
        Ok(found.await?)
    }

    /// Whether what is here need not be compared.
    async fn is_fresh(&self, now: Timestamp) -> Result<bool, ApiError> {
        let Reference::Tag(tag) = self.reference else {
            // Under a digest there is one content, for ever.
            return Ok(true);
        };
        let checked = self
            .app
            .catalog
            .tag_checked_at(self.repository.id, tag)
            .await?;
        let ttl = SignedDuration::try_from(self.cached.upstream.settings.ttl)
            .unwrap_or(SignedDuration::MAX);
        Ok(checked.is_some_and(|at| at.saturating_add(ttl).is_ok_and(|until| until > now)))
    }

    async fn answer(&self, is_head: bool) -> Result<Freshness, ApiError> {
        if let Some(fresh) = self.fresh_in_cache().await? {
            return Ok(fresh);
        }
        let _turn = turn(self.app, self.cached, self.reference).await;
        // Somebody may have asked in the meantime.
        if let Some(fresh) = self.fresh_in_cache().await? {
            return Ok(fresh);
        }
        let here = self.here().await?;
        let memory = &self.app.upstreams.proxy;
        if here.is_none()
            && memory
                .missing
                .contains_key(&self.cached.key(self.reference))
        {
            return Err(ApiError::manifest_unknown(&self.reference.to_string()));
        }
        if here.is_some() && memory.down.contains_key(&self.cached.upstream.id) {
            return Ok(self.stale());
        }
        match self.compare(here.as_ref(), is_head).await {
            Ok(freshness) => Ok(freshness),
            Err(error) if error.is_not_found() => {
                self.gone(here.is_some()).await?;
                Err(ApiError::manifest_unknown(&self.reference.to_string()))
            }
            Err(error) => {
                if error.is_outage() {
                    memory.down.insert(self.cached.upstream.id, ());
                }
                let answer = self.cached.answer(&error);
                if here.is_some() && error.may_serve_stale() {
                    Ok(self.stale())
                } else {
                    self.app.metrics.upstream.count_proxy("error");
                    Err(answer)
                }
            }
        }
    }

    async fn fresh_in_cache(&self) -> Result<Option<Freshness>, ApiError> {
        let now = self.app.clock.now();
        if self.here().await?.is_none() || !self.is_fresh(now).await? {
            return Ok(None);
        }
        self.app.metrics.upstream.count_proxy("hit");
        self.used(now).await?;
        Ok(Some(Freshness::Fresh))
    }

    async fn used(&self, now: Timestamp) -> Result<(), ApiError> {
        if let Reference::Tag(tag) = self.reference {
            let noted = now.saturating_sub(USE_STEP).unwrap_or(now);
            self.app
                .catalog
                .tag_used(self.repository.id, tag, now, noted)
                .await?;
        }
        Ok(())
    }

    fn stale(&self) -> Freshness {
        self.app.metrics.upstream.count_proxy("stale");
        Freshness::Stale(format!(
            "the upstream {} does not answer, this is what was cached",
            self.cached.remote.host()
        ))
    }

    /// Asks the upstream, the cheap way first: many count only whole manifests against their limits.
    async fn compare(
        &self,
        here: Option<&StoredManifest>,
        is_head: bool,
    ) -> Result<Freshness, FetchError> {
        let (app, cached, repository) = (self.app, self.cached, self.repository);
        if here.is_some() || is_head {
            let head = cached
                .remote
                .manifest_head(&cached.source, self.reference)
                .await?;
            if let (Some(head), Some(here)) = (&head, here)
                && head.digest == here.digest
            {
                if let Reference::Tag(tag) = self.reference {
                    app.catalog
                        .tag_checked(repository.id, tag, app.clock.now())
                        .await?;
                }
                app.metrics.upstream.count_proxy("hit");
                return Ok(Freshness::Fresh);
            }
            if let (true, Some(head)) = (is_head, head) {
                return Ok(Freshness::Head(head));
            }
        }
        let found = cached
            .remote
            .manifest(&cached.source, self.reference)
            .await?;
        store(app, cached, repository, self.reference, &found).await?;
        Ok(Freshness::Fresh)
    }

    /// The upstream says that it does not have it: then neither have we, under this name.
    async fn gone(&self, was_here: bool) -> Result<(), ApiError> {
        let key = self.cached.key(self.reference);
        self.app.upstreams.proxy.missing.insert(key, ());
        let Reference::Tag(tag) = self.reference else {
            return Ok(());
        };
        if was_here {
            self.end(tag)
                .await
                .map_err(|error| self.cached.answer(&error))?;
        }
        Ok(())
    }

    async fn end(&self, tag: &Tag) -> Result<(), FetchError> {
        let route = self.cached.route(self.repository);
        follow_tag(self.app, &route, tag, None).await?;
        self.app
            .catalog
            .forget_cached_tag(self.repository.id, tag)
            .await?;
        Ok(())
    }
}
