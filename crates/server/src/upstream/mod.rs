//! Other registries: pull-through caching and mirroring.
//!
//! [`client`] speaks to an upstream. [`proxy`] answers pulls below a namespace from a cache that it fills; [`mirror`]
//! copies repositories by a plan. Both store what they fetch like a push does ([`store`], [`copy`]): bytes become
//! visible when their digest was verified, and signatures and other referrers come along.
//!
//! What it does not do: it never writes to an upstream, and it decides nothing about images: what was fetched is
//! analysed and judged like what was pushed.
//!
//! Settings of administrators are read from the catalog at most every [`SETTINGS_LIFE`], and at once in the process
//! that changed them.

pub(crate) mod address;
pub(crate) mod client;
mod copy;
mod error;
mod flights;
pub(crate) mod metrics;
pub(crate) mod mirror;
pub(crate) mod patterns;
pub(crate) mod proxy;
pub(crate) mod settings;
mod store;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use catalog::{CatalogError, Upstream, UpstreamId};
use jiff::Timestamp;
use moka::future::Cache;
use oci::RepositoryName;

pub(crate) use self::error::FetchError;
use crate::app::App;
use client::{LastAnswer, Remote};

/// How old the settings in use may be.
const SETTINGS_LIFE: Duration = Duration::from_secs(2);
/// Why a namespace with repositories of its own cannot become a cache: its tags would be ended.
pub(crate) const ROOT_CONFLICT: &str = "a cache needs a namespace of its own";
/// Mirrors that push protection knows of; administrators write them by hand.
const MAX_MIRRORS: u32 = 10_000;

/// The upstreams of one process, and what is under way with them.
pub(crate) struct Upstreams {
    settings: Cache<(), Arc<Plan>>,
    remotes: Mutex<HashMap<UpstreamId, (Timestamp, Arc<Remote>)>>,
    pub(crate) flights: flights::Flights,
    pub(crate) proxy: proxy::Memory,
}

/// What administrators set up.
pub(crate) struct Plan {
    by_namespace: HashMap<String, Arc<Upstream>>,
    mirrors: HashSet<RepositoryName>,
}

impl Upstreams {
    pub(crate) fn new() -> Self {
        Self {
            settings: Cache::builder()
                .max_capacity(1)
                .time_to_live(SETTINGS_LIFE)
                .build(),
            remotes: Mutex::new(HashMap::new()),
            flights: flights::Flights::default(),
            proxy: proxy::Memory::new(),
        }
    }

    /// Makes the next question read the catalog.
    pub(crate) async fn changed(&self) {
        self.settings.invalidate(&()).await;
    }
}

/// Returns what is set up now.
async fn plan(app: &App) -> Result<Arc<Plan>, Arc<CatalogError>> {
    let read = async {
        let upstreams = app.catalog.list_upstreams().await?;
        let mirrors = app.catalog.list_mirrors(None, MAX_MIRRORS).await?;
        let by_namespace = upstreams.into_iter().filter_map(|upstream| {
            let namespace = upstream.settings.namespace.clone()?;
            Some((namespace, Arc::new(upstream)))
        });
        Ok(Arc::new(Plan {
            by_namespace: by_namespace.collect(),
            mirrors: mirrors
                .into_iter()
                .map(|mirror| mirror.settings.repository)
                .collect(),
        }))
    };
    app.upstreams.settings.try_get_with((), read).await
}

/// Returns the upstream that a repository's name is cached from.
pub(crate) async fn cached_from(
    app: &App,
    name: &RepositoryName,
) -> Result<Option<Arc<Upstream>>, Arc<CatalogError>> {
    let Some((namespace, _)) = name.as_str().split_once('/') else {
        return Ok(None);
    };
    Ok(plan(app).await?.by_namespace.get(namespace).cloned())
}

/// Says why nobody may push here, if so.
pub(crate) async fn why_no_push(
    app: &App,
    name: &RepositoryName,
) -> Result<Option<String>, Arc<CatalogError>> {
    let plan = plan(app).await?;
    if plan.mirrors.contains(name) {
        return Ok(Some(format!(
            "{name} is a mirror, what is in it comes from its upstream; push to another repository"
        )));
    }
    let namespace = name.as_str().split('/').next().unwrap_or_default();
    let cached = plan.by_namespace.get(namespace);
    Ok(cached.map(|upstream| {
        format!(
            "{namespace}/… is a cache of {}, nothing is pushed there; push to another repository",
            upstream.settings.url
        )
    }))
}

/// Returns how an upstream answered this process last, since its settings changed.
pub(crate) fn last_answer(app: &App, upstream: &Upstream) -> Option<LastAnswer> {
    let remotes = app
        .upstreams
        .remotes
        .lock()
        .expect("nobody panics while holding it");
    let (updated_at, remote) = remotes.get(&upstream.id)?;
    (*updated_at == upstream.updated_at).then(|| remote.last_answer())?
}

/// Returns the client of an upstream; tokens are kept while its settings stay the same.
pub(crate) fn remote(app: &App, upstream: &Upstream) -> Result<Arc<Remote>, FetchError> {
    let mut remotes = app
        .upstreams
        .remotes
        .lock()
        .expect("nobody panics while holding it");
    if let Some((_, remote)) = remotes
        .get(&upstream.id)
        .filter(|(updated_at, _)| *updated_at == upstream.updated_at)
    {
        return Ok(Arc::clone(remote));
    }
    let settings = &upstream.settings;
    let base = address::base(&settings.url)?;
    let realms = settings
        .realms
        .iter()
        .map(|realm| address::base(realm))
        .collect::<Result<_, _>>()?;
    let credential = settings.username.clone().zip(settings.secret.clone());
    let remote = Arc::new(Remote::new(
        app.outbound.clone(),
        app.clock.clone(),
        base,
        credential,
        realms,
    ));
    remotes.insert(upstream.id, (upstream.updated_at, Arc::clone(&remote)));
    Ok(remote)
}
