//! Pull-through caching: a pull below a namespace is answered from a cache that fills itself.
//!
//! A tag is compared with its upstream when it is older than the upstream's staleness; in between, and whenever the
//! upstream is in trouble, what is cached is served, in the latter case with a `Warning`. A manifest is cached before
//! its blobs: those follow when somebody pulls them, or when the image is analysed. Only blobs that a cached manifest
//! names are fetched, so that no pull by digest goes around the gate.
//!
//! A repository begins to exist with its first manifest, never with a mere question.

mod blob;
mod companions;
mod evict;
mod manifest;
mod rights;

use std::sync::Arc;
use std::time::Duration;

use catalog::{Actor, Repository, RepositoryId, Upstream, UpstreamId};
use moka::sync::Cache;
use oci::{Digest, RepositoryName, Tag};

pub(crate) use self::blob::{BlobAnswer, Wish, blob};
pub(crate) use self::companions::{companions, tags};
pub(crate) use self::evict::JOB as EVICT_JOB;
pub(crate) use self::manifest::{Freshness, manifest};
pub(crate) use self::rights::{is_open_to_all, open};

use super::client::{ManifestHead, Remote};
use super::copy::Route;
use super::{FetchError, address, patterns, remote};
use crate::app::{App, Shared};
use crate::error::ApiError;

/// How long "not there" is remembered.
const MISSING_LIFE: Duration = Duration::from_secs(20);
/// How long an upstream that did not answer is not asked again while there is something cached.
const DOWN_LIFE: Duration = Duration::from_secs(15);
/// How long a list of tags is served without asking again.
const TAGS_LIFE: Duration = Duration::from_mins(1);
/// Things remembered of each kind.
const CAPACITY: u64 = 10_000;

/// What may be forgotten at any moment.
pub(crate) struct Memory {
    missing: Cache<(UpstreamId, String), ()>,
    down: Cache<UpstreamId, ()>,
    tags: moka::future::Cache<(UpstreamId, String), Arc<Vec<Tag>>>,
    /// Subjects whose companions were fetched not long ago.
    companions: Cache<(RepositoryId, Digest), ()>,
    /// One question at a time about one reference.
    questions: Cache<(UpstreamId, String), Arc<tokio::sync::Mutex<()>>>,
}

impl Memory {
    pub(super) fn new() -> Self {
        let living = |life| {
            Cache::builder()
                .max_capacity(CAPACITY)
                .time_to_live(life)
                .build()
        };
        Self {
            missing: living(MISSING_LIFE),
            down: Cache::builder()
                .max_capacity(CAPACITY)
                .time_to_live(DOWN_LIFE)
                .build(),
            tags: moka::future::Cache::builder()
                .max_capacity(1_000)
                .time_to_live(TAGS_LIFE)
                .build(),
            companions: Cache::builder()
                .max_capacity(CAPACITY)
                .time_to_live(TAGS_LIFE)
                .build(),
            questions: Cache::builder()
                .max_capacity(CAPACITY)
                .time_to_idle(TAGS_LIFE)
                .build(),
        }
    }
}

/// A name that is cached from an upstream.
#[derive(Clone)]
pub(crate) struct Cached {
    upstream: Arc<Upstream>,
    remote: Arc<Remote>,
    /// The repository on the upstream.
    source: String,
}

impl Cached {
    /// Returns what to say about the upstream to whoever pulls.
    fn answer(&self, error: &FetchError) -> ApiError {
        tracing::warn!(
            upstream = %self.upstream.name,
            source = %self.source,
            cause = %crate::error::chain(error),
            "not fetched"
        );
        error.answer(self.remote.host())
    }

    fn route(&self, repository: &Repository) -> Route {
        Route {
            remote: Arc::clone(&self.remote),
            source: self.source.clone(),
            repository: repository.clone(),
            actor: Actor::named(&format!("cache of {}", self.upstream.name)),
        }
    }

    fn key(&self, reference: &impl std::fmt::Display) -> (UpstreamId, String) {
        (self.upstream.id, format!("{} {reference}", self.source))
    }
}

/// Returns where a name is cached from, if it is.
///
/// # Errors
/// 403 for a name that the administrators do not want cached. `ns`, as containerd sends it, must name the upstream.
pub(crate) async fn find(
    app: &App,
    name: &RepositoryName,
    ns: Option<&str>,
) -> Result<Option<Cached>, ApiError> {
    let upstream = super::cached_from(app, name)
        .await
        .map_err(ApiError::fault)?;
    let Some(upstream) = upstream else {
        return Ok(None);
    };
    let settings = &upstream.settings;
    let base = address::base(&settings.url).map_err(ApiError::fault)?;
    if ns.is_some_and(|ns| !address::is_named(&base, ns)) {
        return Err(ApiError::name_unknown());
    }
    let rest = name.as_str().split_once('/').map_or("", |(_, rest)| rest);
    let source = address::source(&base, &settings.prefix, rest);
    if !patterns::admits(&settings.allow, &settings.deny, &source) {
        return Err(ApiError::denied(format!(
            "`{source}` is not among the names that are cached here, an administrator can allow it"
        )));
    }
    let remote = remote(app, &upstream).map_err(ApiError::fault)?;
    Ok(Some(Cached {
        upstream,
        remote,
        source,
    }))
}

/// Fetches the blobs of an image in a cached repository, for its analysis. Does nothing anywhere else.
pub(crate) async fn complete(
    app: &Shared,
    repository: RepositoryId,
    manifest: &oci::Manifest,
) -> Result<(), FetchError> {
    match app.catalog.repository_by_id(repository).await? {
        Some(repository) => complete_in(app, &repository, manifest).await,
        None => Ok(()),
    }
}

/// Does as [`complete`] where the repository is at hand.
pub(crate) async fn complete_in(
    app: &Shared,
    repository: &Repository,
    manifest: &oci::Manifest,
) -> Result<(), FetchError> {
    match find(app, &repository.name, None).await {
        Ok(Some(cached)) => super::copy::blobs(app, &cached.route(repository), manifest).await,
        // What is not cached any more is judged by what is here.
        _ => Ok(()),
    }
}

/// What an upstream says about a manifest that is not cached.
pub(crate) type Head = ManifestHead;
