//! From pushed bytes to a stored verdict.
//!
//! A layer is analysed while it arrives ([`tap`]) or from its blob ([`layers`]); a manifest's layers are merged,
//! matched and judged ([`image`]). The work after a push runs at once, and the same work is a queued job written with
//! the manifest, so a crash in between loses nothing: whoever claims the job finds it done or does it.
//!
//! Nothing here can fail a push, and what could not be analysed is said, never counted as a pass.

pub(crate) mod feed;
pub(crate) mod image;
pub(crate) mod jobs;
pub(crate) mod layers;
pub(crate) mod rematch;
pub(crate) mod snapshots;
pub(crate) mod tap;

use std::sync::Arc;
use std::time::{Duration, Instant};

use catalog::{Lane, NewJob, Repository, RepositoryId};
use moka::sync::Cache;
use oci::{Digest, ImageConfig, Manifest, Tag};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::app::{App, Shared};
use crate::doors::{self, evidence_of::is_runnable};
use crate::error::chain;

/// How long the answer to a push waits for its verdict. The verdict is usually there by then; if not, it follows.
const PUSH_PATIENCE: Duration = Duration::from_millis(50);
/// When the job of a push is due: long after the work that the push itself starts.
const JOB_DELAY: Duration = Duration::from_secs(15);
/// Pulls that may wait for a verdict at the same time.
const MAX_HOLDS: usize = 100;
/// Configurations kept in memory, and the largest of them in bytes: two mebibytes at most.
const CONFIGS: u64 = 256;
const MAX_KEPT_CONFIG: usize = 8 << 10;
/// The kind of the job that analyses one manifest.
pub(crate) const ANALYSE: &str = "analyse";

/// What is being analysed in this process.
#[derive(Debug)]
pub(crate) struct Analyses {
    pub(crate) taps: tap::Taps,
    pub(crate) in_flight: layers::InFlight,
    /// Layers analysed from stored blobs at the same time: one per core, so that requests keep theirs.
    pub(crate) stored_slots: Arc<Semaphore>,
    /// Pulls that wait for a verdict at the same time.
    pub(crate) holds: Semaphore,
    /// Configurations of images by digest, for the next image that has the same.
    configs: Cache<Digest, Arc<ImageConfig>>,
}

impl Analyses {
    pub(crate) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self {
            taps: tap::Taps::new(),
            in_flight: layers::InFlight::default(),
            stored_slots: Arc::new(Semaphore::new(cores)),
            holds: Semaphore::new(MAX_HOLDS),
            configs: Cache::new(CONFIGS),
        }
    }
}

/// Why an image could not be analysed. Its content is never the reason: that gives diagnostics.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnalysisError {
    #[error("the catalog failed")]
    Catalog(#[from] catalog::CatalogError),
    #[error("the store failed")]
    Store(#[from] blobs::BlobError),
    #[error("blob {0} is not there any more")]
    BlobGone(Digest),
    #[error("blob {0} cannot be read")]
    Unreadable(Digest),
    #[error("the analyser failed on {0}")]
    Panicked(Digest),
    #[error("manifest {0} is not there any more")]
    ManifestGone(Digest),
    #[error("a blob of a cached image cannot be fetched")]
    Fetch(#[from] crate::upstream::FetchError),
    #[error("a stored document is not readable")]
    Document(#[from] serde_json::Error),
    #[error("the server is stopping")]
    Stopping,
}

/// What the job of one manifest says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AnalyseJob {
    pub(crate) repository: i64,
    pub(crate) digest: Digest,
}

/// Returns the job that analyses a manifest, for what can be analysed: images and indexes.
pub(crate) fn job_for(
    repository: RepositoryId,
    digest: &Digest,
    manifest: &Manifest,
) -> Option<NewJob> {
    if !is_runnable(manifest) && !manifest.is_index() {
        return None;
    }
    Some(analyse_job(repository, digest, JOB_DELAY))
}

fn analyse_job(repository: RepositoryId, digest: &Digest, delay: Duration) -> NewJob {
    let payload = AnalyseJob {
        repository: repository.0,
        digest: digest.clone(),
    };
    NewJob {
        kind: ANALYSE.to_owned(),
        lane: Lane::Interactive,
        payload: serde_json::to_string(&payload).expect("a number and a digest are JSON"),
        dedup_key: Some(job_key(repository, digest)),
        delay,
    }
}

/// Returns the key by which the job of a manifest is queued once.
pub(crate) fn job_key(repository: RepositoryId, digest: &Digest) -> String {
    format!("{ANALYSE}:{}:{digest}", repository.0)
}

/// Queues the analysis of a manifest that somebody waits for; one that is queued for later becomes due.
pub(crate) async fn enqueue(
    app: &App,
    repository: RepositoryId,
    digest: &Digest,
) -> Result<(), catalog::CatalogError> {
    let job = analyse_job(repository, digest, Duration::ZERO);
    let is_new = app.catalog.enqueue(&job).await?.is_some();
    if is_new || app.catalog.hasten(&job_key(repository, digest)).await? {
        app.wake_workers();
    }
    Ok(())
}

/// Analyses and judges what was just pushed, waiting for at most [`PUSH_PATIENCE`].
///
/// Returns the verdict's sentence, if there is a verdict by then and it has something to say.
pub(crate) async fn after_push(
    app: &Shared,
    repository: &Repository,
    digest: &Digest,
    manifest: &Manifest,
    tag: Option<&Tag>,
) -> Option<String> {
    if !is_runnable(manifest) && !manifest.is_index() {
        return None;
    }
    let started = Instant::now();
    let (shared, repository, digest, tag) = (
        app.clone(),
        repository.clone(),
        digest.clone(),
        tag.cloned(),
    );
    let manifest = manifest.clone();
    let work = tokio::spawn(async move {
        let analysed = image::analyse_pushed(&shared, &repository, &digest, &manifest).await;
        let judged = match analysed {
            Ok(Some(pushed)) => {
                doors::judge_pushed(&shared, &repository, tag.as_ref(), pushed).await
            }
            Ok(None) => doors::judge(&shared, &repository, &digest, tag.as_ref()).await,
            Err(error) => {
                tracing::warn!(%digest, cause = %chain(&error), "analysis after the push failed, the job will try again");
                return None;
            }
        };
        shared
            .metrics
            .analysis_seconds
            .observe(started.elapsed().as_secs_f64());
        match judged {
            Ok(judged) => judged.sentence(),
            Err(error) => {
                tracing::warn!(%digest, cause = %chain(&error), "no verdict after the push, the pull door will make one");
                None
            }
        }
    });
    tokio::time::timeout(PUSH_PATIENCE, work).await.ok()?.ok()?
}

/// Judges a manifest in a repository after new evidence.
pub(crate) async fn judge_again(app: &App, repository: &Repository, digest: &Digest) {
    if let Err(error) = doors::judge(app, repository, digest, None).await {
        tracing::warn!(%digest, cause = %chain(&error), "no new verdict, the pull door will make one");
    }
}
