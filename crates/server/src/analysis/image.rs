//! One manifest: its layers' reports are merged, matched with the snapshot in use, and stored.
//!
//! An inventory is merged once per analyser version and matched again with every snapshot. An index has no content of
//! its own; its report names its children, and its numbers are those of its worst one.

use std::collections::{BTreeMap, HashSet};
use std::io::Read as _;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use advisories::Snapshot;
use catalog::{
    AnalysisGrounds, ImageParts, ImageSummary, NewImageReport, PackageKey, Repository,
    RepositoryId, Sparse, StoredInventory, StoredManifest, VerdictGrounds,
};
use evidence::{Coverage, Diagnostic, Inventory, LayerInfo, Level, MatchReport};
use inventory::{ANALYSER_VERSION, Layer, LayerReport};
use jiff::Timestamp;
use oci::{Digest, ImageConfig, Manifest};

use super::{AnalysisError, MAX_KEPT_CONFIG, layers};
use crate::app::{App, Shared};
use crate::doors::evidence_of::{MAX_DEPTH, is_for_running, is_runnable};
use crate::upstream::proxy;

/// The diagnostic of a layer that the repository does not have.
const NOT_HERE: &str = "layer.foreign";
/// The largest report, in bytes, and the most packages that are dealt with where requests are answered.
pub(crate) const SMALL_DOCUMENT: usize = 32 << 10;
const FEW_PACKAGES: usize = 64;
/// The largest image configuration read.
const MAX_CONFIG: u64 = 4 << 20;

/// Makes sure that a manifest's report exists and is current, and its children's too.
pub(crate) async fn analyse(
    app: &Shared,
    repository: RepositoryId,
    digest: &Digest,
) -> Result<(), AnalysisError> {
    analyse_below(app, repository, digest, &mut HashSet::new(), 0).await
}

/// An image that was taken apart and matched, before anything of it is stored.
#[derive(Debug)]
pub(crate) struct Fresh {
    /// The row to be stored, at [`Self::at`].
    pub(crate) report: NewImageReport,
    pub(crate) inventory: Inventory,
    pub(crate) matches: Option<MatchReport>,
    /// What it was matched with.
    pub(crate) snapshot: Option<Arc<Snapshot>>,
    pub(crate) at: Timestamp,
}

/// An image that nobody knew, and what its verdict begins with.
#[derive(Debug)]
pub(crate) struct Pushed {
    pub(crate) fresh: Fresh,
    pub(crate) grounds: VerdictGrounds,
}

/// Does as [`analyse`] for a manifest that was just stored, and is at hand. An image that nobody knew is returned and
/// not stored: that goes with its verdict.
pub(crate) async fn analyse_pushed(
    app: &Shared,
    repository: &Repository,
    digest: &Digest,
    manifest: &Manifest,
) -> Result<Option<Pushed>, AnalysisError> {
    if manifest.is_index() {
        analyse(app, repository.id, digest).await?;
        return Ok(None);
    }
    if !is_runnable(manifest) {
        return Ok(None);
    }
    let parts = Parts::of(repository.id, digest, manifest);
    let now = app.clock.now();
    let asked = app
        .catalog
        .push_grounds(parts.image(), ANALYSER_VERSION, now);
    let (mut analysis, grounds) = asked.await?;
    if is_current(app, digest, analysis.inventory.as_ref()).await? {
        return Ok(None);
    }
    // What a cache has not fetched yet is fetched for this.
    if !analysis.missing.is_empty() || analysis.config.is_none() {
        proxy::complete_in(app, repository, manifest).await?;
        analysis = parts.grounds(app).await?;
    }
    let fresh = analyse_anew(app, manifest, &parts, analysis).await?;
    Ok(Some(Pushed { fresh, grounds }))
}

/// `seen` and `depth` bound the walk: indexes may list each other's children many times, and nest as deep as they like.
async fn analyse_below(
    app: &Shared,
    repository: RepositoryId,
    digest: &Digest,
    seen: &mut HashSet<Digest>,
    depth: usize,
) -> Result<(), AnalysisError> {
    if depth == MAX_DEPTH || !seen.insert(digest.clone()) {
        return Ok(());
    }
    let stored = app
        .catalog
        .manifest(repository, digest)
        .await?
        .ok_or_else(|| AnalysisError::ManifestGone(digest.clone()))?;
    let Ok(manifest) = Manifest::parse(&stored.bytes, &stored.media_type) else {
        // It was parsed when it was accepted; an older version's leniency is not an error of the image.
        return Ok(());
    };
    if manifest.is_index() {
        return Box::pin(analyse_index(app, repository, &stored, seen, depth)).await;
    }
    if !is_runnable(&manifest) {
        return Ok(());
    }
    analyse_image(app, repository, digest, &manifest).await
}

async fn analyse_image(
    app: &Shared,
    repository: RepositoryId,
    digest: &Digest,
    manifest: &Manifest,
) -> Result<(), AnalysisError> {
    let known = app.catalog.inventory(digest).await?;
    if is_current(app, digest, known.as_ref()).await? {
        return Ok(());
    }
    proxy::complete(app, repository, manifest).await?;
    let parts = Parts::of(repository, digest, manifest);
    let grounds = parts.grounds(app).await?;
    let fresh = analyse_anew(app, manifest, &parts, grounds).await?;
    app.catalog
        .put_image_report(&fresh.report, fresh.at)
        .await?;
    Ok(())
}

/// Returns whether an image was taken apart by this version; its matches are current then.
async fn is_current(
    app: &App,
    digest: &Digest,
    known: Option<&StoredInventory>,
) -> Result<bool, AnalysisError> {
    let Some(known) = known.filter(|known| known.analyser_version == ANALYSER_VERSION) else {
        return Ok(false);
    };
    let inventory: Inventory = serde_json::from_slice(&known.body)?;
    // What another repository left out may be here.
    if inventory.diagnostics.iter().any(|d| d.code == NOT_HERE) {
        return Ok(false);
    }
    if let Some(snapshot) = app.snapshot.load_full() {
        match_again(app, digest, &snapshot).await?;
    }
    Ok(true)
}

/// What an image is made of, by digest.
struct Parts {
    repository: RepositoryId,
    digest: Digest,
    config: Option<Digest>,
    layers: Vec<Digest>,
}

impl Parts {
    fn of(repository: RepositoryId, digest: &Digest, manifest: &Manifest) -> Self {
        Self {
            repository,
            digest: digest.clone(),
            config: manifest.config.as_ref().map(|c| c.digest.clone()),
            layers: manifest.layers.iter().map(|l| l.digest.clone()).collect(),
        }
    }

    fn image(&self) -> ImageParts<'_> {
        ImageParts {
            repository: self.repository,
            digest: &self.digest,
            config: self.config.as_ref(),
            layers: &self.layers,
        }
    }

    async fn grounds(&self, app: &App) -> Result<AnalysisGrounds, AnalysisError> {
        let asked = app.catalog.analysis_grounds(self.image(), ANALYSER_VERSION);
        Ok(asked.await?)
    }
}

async fn analyse_anew(
    app: &Shared,
    manifest: &Manifest,
    parts: &Parts,
    grounds: AnalysisGrounds,
) -> Result<Fresh, AnalysisError> {
    let inventory = take_apart(app, manifest, parts, grounds).await?;
    let (snapshot, at) = (app.snapshot.load_full(), app.clock.now());
    let digest = parts.digest.clone();
    let is_small = inventory.packages.len() <= FEW_PACKAGES;
    let work = move || {
        let matches = match_with(snapshot.as_deref(), &inventory, at);
        let stored = (serde_json::to_vec(&inventory)?, package_keys(&inventory));
        let snapshot_id = snapshot.as_ref().map(|snapshot| snapshot.info().id.clone());
        Ok(Fresh {
            report: NewImageReport {
                digest,
                analyser_version: ANALYSER_VERSION.to_owned(),
                snapshot: snapshot_id,
                body: serde_json::to_vec(&matches)?,
                summary: summary(&inventory, matches.as_ref()),
                inventory: Some(stored),
            },
            inventory,
            matches,
            snapshot,
            at,
        })
    };
    blocking(&parts.digest, is_small, work).await
}

fn match_with(
    snapshot: Option<&Snapshot>,
    inventory: &Inventory,
    now: Timestamp,
) -> Option<MatchReport> {
    snapshot.map(|snapshot| snapshot.match_inventory(inventory, now))
}

/// Returns whether a snapshot knows more than the one a report was made with. An older one never replaces a newer, or
/// two servers in the middle of an update would undo each other's work.
pub(crate) fn is_news(
    snapshot: &Snapshot,
    matched: Option<&Digest>,
    as_of: Option<Timestamp>,
) -> bool {
    let info = snapshot.info();
    matched != Some(&info.id) && as_of.is_none_or(|as_of| as_of <= info.built_at)
}

/// Matches a stored inventory with a snapshot, if that is news or the grade has dropped since. No layer is read.
pub(crate) async fn match_again(
    app: &App,
    digest: &Digest,
    snapshot: &Arc<Snapshot>,
) -> Result<(), AnalysisError> {
    let now = app.clock.now();
    if let Some(report) = app.catalog.image_report(digest).await? {
        let is_over = report.summary.next_drop.is_some_and(|(_, at)| at <= now);
        if !is_over && !is_news(snapshot, report.snapshot.as_ref(), report.summary.as_of) {
            return Ok(());
        }
    }
    let Some(stored) = app.catalog.inventory(digest).await? else {
        return Ok(());
    };
    let snapshot = Arc::clone(snapshot);
    let is_small = stored.body.len() <= SMALL_DOCUMENT;
    let work = move || -> Result<_, AnalysisError> {
        let inventory: Inventory = serde_json::from_slice(&stored.body)?;
        let matches = match_with(Some(&snapshot), &inventory, now);
        Ok(NewImageReport {
            digest: stored.digest,
            analyser_version: stored.analyser_version,
            snapshot: Some(snapshot.info().id.clone()),
            body: serde_json::to_vec(&matches)?,
            summary: summary(&inventory, matches.as_ref()),
            inventory: None,
        })
    };
    let report = blocking(digest, is_small, work).await?;
    app.catalog.put_image_report(&report, now).await?;
    Ok(())
}

/// Matching and large JSON take milliseconds: they do not run on a thread that answers requests. What is small takes
/// less than the way to another thread and back.
async fn blocking<T: Send + 'static>(
    digest: &Digest,
    is_small: bool,
    work: impl FnOnce() -> Result<T, AnalysisError> + Send + 'static,
) -> Result<T, AnalysisError> {
    if is_small {
        let outcome = std::panic::catch_unwind(AssertUnwindSafe(work));
        return outcome.map_err(|_| AnalysisError::Panicked(digest.clone()))?;
    }
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| AnalysisError::Panicked(digest.clone()))?
}

fn summary(inventory: &Inventory, matches: Option<&MatchReport>) -> ImageSummary {
    ImageSummary {
        grade: matches.map(|matches| matches.grade.grade),
        next_drop: matches.and_then(|matches| matches.grade.next_drop()),
        as_of: matches.map(|matches| matches.snapshot.built_at),
        counts: matches.map(MatchReport::counts).unwrap_or_default(),
        fixable: matches.map(MatchReport::fixable_counts).unwrap_or_default(),
        packages: u32::try_from(inventory.packages.len()).unwrap_or(u32::MAX),
        complete: inventory.coverage == Coverage::Complete,
        platform: inventory
            .facts
            .platform
            .clone()
            .filter(|p| is_column_text(p)),
    }
}

/// Names come out of images and may hold any character; PostgreSQL's texts hold all but one.
fn is_column_text(text: &str) -> bool {
    !text.contains('\0')
}

/// The keys by which new advisories find the image.
fn package_keys(inventory: &Inventory) -> Vec<PackageKey> {
    let mut keys: Vec<_> = inventory
        .packages
        .iter()
        .map(|package| PackageKey {
            kind: package.kind.as_str().to_owned(),
            name: package.source_name().to_owned(),
        })
        .filter(|key| is_column_text(&key.name))
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Reads an image's blobs. Only those count that its repository may read: a manifest may name others, whose content is
/// nobody's business here.
async fn take_apart(
    app: &Shared,
    manifest: &Manifest,
    parts: &Parts,
    grounds: AnalysisGrounds,
) -> Result<Inventory, AnalysisError> {
    let config = match &grounds.config {
        Some(blob) => read_config(app, blob).await?,
        None => None,
    };
    let missing = grounds.missing;
    let size: usize = grounds.reports.iter().map(|report| report.body.len()).sum();
    let mut known = layers::readable(grounds.reports);
    let mut is_small = size <= SMALL_DOCUMENT;
    let mut reports = Vec::new();
    let mut left_out = Vec::new();
    for (position, layer) in manifest.layers.iter().enumerate() {
        if !missing.contains(&layer.digest) {
            let report = if let Some(report) = known.remove(&layer.digest) {
                report
            } else {
                // Not yet analysed, or a layer that the image has twice.
                is_small = false;
                layers::report(app, &layer.digest).await?
            };
            reports.push((layer.clone(), report));
            continue;
        }
        let message = format!(
            "layer {} is kept elsewhere and was not analysed",
            layer.digest.short()
        );
        let position = u32::try_from(position).unwrap_or(u32::MAX);
        left_out.push(Diagnostic::new(NOT_HERE, Level::Error, message).in_layer(position));
        // An empty, incomplete report holds its place: the layers above keep their positions and instructions.
        reports.push((layer.clone(), LayerReport::default()));
    }
    let merge = move || {
        let layers: Vec<_> = reports
            .iter()
            .map(|(descriptor, report)| Layer {
                info: LayerInfo {
                    digest: descriptor.digest.clone(),
                    diff_id: report.diff_id.clone(),
                    size_bytes: descriptor.size,
                    created_by: None,
                },
                report,
            })
            .collect();
        Ok(inventory::merge(&layers, config.as_deref()))
    };
    let mut inventory = blocking(&parts.digest, is_small, merge).await?;
    inventory.diagnostics.extend(left_out);
    Ok(inventory)
}

/// Returns the labels of an image's configuration; none where it is missing, unreadable or of another kind.
///
/// What is at hand is not looked up: a manifest is refused if its repository does not have the configuration, unless it
/// may be sparse.
pub(crate) async fn labels_of(
    app: &App,
    repository: RepositoryId,
    sparse: Sparse,
    manifest: &Manifest,
) -> Result<BTreeMap<String, String>, AnalysisError> {
    let Some(config) = manifest.config.as_ref().filter(|_| manifest.is_image()) else {
        return Ok(BTreeMap::new());
    };
    if sparse != Sparse::All
        && let Some(kept) = app.analyses.configs.get(&config.digest)
    {
        return Ok(kept.config.labels.clone());
    }
    let found = app.catalog.blob_in_repo(repository, &config.digest).await?;
    let read = match found {
        Some(blob) => read_config(app, &blob).await?,
        None => None,
    };
    Ok(read
        .map(|config| config.config.labels.clone())
        .unwrap_or_default())
}

/// Reads an image's configuration; one that is unreadable leaves the facts unknown. The right to it was looked up with
/// its blob.
async fn read_config(
    app: &App,
    blob: &catalog::Blob,
) -> Result<Option<Arc<ImageConfig>>, AnalysisError> {
    if blob.size_bytes > MAX_CONFIG {
        return Ok(None);
    }
    // What a digest names never changes.
    if let Some(config) = app.analyses.configs.get(&blob.digest) {
        return Ok(Some(config));
    }
    let Ok(key) = blob.object_key.parse() else {
        return Ok(None);
    };
    let file = app.store.open_blocking(&key).await?;
    let read = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        file.take(MAX_CONFIG).read_to_end(&mut bytes).map(|_| bytes)
    });
    let Some(bytes) = read.await.ok().and_then(Result::ok) else {
        return Ok(None);
    };
    let Ok(config) = ImageConfig::parse(&bytes) else {
        return Ok(None);
    };
    let config = Arc::new(config);
    if bytes.len() <= MAX_KEPT_CONFIG {
        let (digest, kept) = (blob.digest.clone(), Arc::clone(&config));
        app.analyses.configs.insert(digest, kept);
    }
    Ok(Some(config))
}

async fn analyse_index(
    app: &Shared,
    repository: RepositoryId,
    index: &StoredManifest,
    seen: &mut HashSet<Digest>,
    depth: usize,
) -> Result<(), AnalysisError> {
    let mut worst: Option<ImageSummary> = None;
    let mut failed = None;
    for child in app.catalog.children(repository, &index.digest).await? {
        if !child.present || !is_for_running(&child) {
            continue;
        }
        // One platform's trouble is not the others'.
        match analyse_below(app, repository, &child.digest, seen, depth + 1).await {
            Ok(()) | Err(AnalysisError::ManifestGone(_)) => {}
            Err(error) => {
                failed.get_or_insert(error);
            }
        }
        let Some(report) = app.catalog.image_report(&child.digest).await? else {
            continue;
        };
        worst = Some(match worst {
            Some(worst) if rank(&worst) >= rank(&report.summary) => worst,
            _ => report.summary,
        });
    }
    if let Some(error) = failed {
        return Err(error);
    }
    let Some(summary) = worst else { return Ok(()) };
    let report = NewImageReport {
        digest: index.digest.clone(),
        analyser_version: ANALYSER_VERSION.to_owned(),
        snapshot: app
            .snapshot
            .load()
            .as_ref()
            .map(|snapshot| snapshot.info().id.clone()),
        body: b"null".to_vec(),
        summary: ImageSummary {
            platform: None,
            ..summary
        },
        inventory: None,
    };
    app.catalog
        .put_image_report(&report, app.clock.now())
        .await?;
    Ok(())
}

/// Orders platforms from best to worst.
fn rank(summary: &ImageSummary) -> impl Ord + use<> {
    let counts = &summary.counts;
    (
        summary.grade,
        counts.critical,
        counts.high,
        counts.medium,
        counts.low,
    )
}
