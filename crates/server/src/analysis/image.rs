//! One manifest: its layers' reports are merged, matched with the snapshot in use, and stored.
//!
//! An inventory is merged once per analyser version and matched again with every snapshot. An index has no content of
//! its own; its report names its children, and its numbers are those of its worst one.

use std::io::Read as _;

use advisories::Snapshot;
use catalog::{ImageSummary, NewImageReport, PackageKey, RepositoryId, StoredManifest};
use evidence::{Coverage, Diagnostic, Inventory, LayerInfo, Level, MatchReport};
use inventory::{ANALYSER_VERSION, Layer};
use oci::{Descriptor, Digest, ImageConfig, Manifest, media_type};

use super::{AnalysisError, layers};
use crate::app::{App, Shared};

/// The largest image configuration read.
const MAX_CONFIG: u64 = 4 << 20;

/// Makes sure that a manifest's report exists and is current, and its children's too.
pub(crate) async fn analyse(
    app: &Shared,
    repository: RepositoryId,
    digest: &Digest,
) -> Result<(), AnalysisError> {
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
        return Box::pin(analyse_index(app, repository, &stored)).await;
    }
    if !manifest.is_image() {
        return Ok(());
    }
    let pinned = app.snapshot.load_full();
    let snapshot_id = pinned.as_ref().map(|snapshot| &snapshot.info().id);
    if let Some(report) = app.catalog.image_report(digest).await?
        && report.analyser_version == ANALYSER_VERSION
        && report.snapshot.as_ref() == snapshot_id
    {
        return Ok(());
    }
    let known = app
        .catalog
        .inventory(digest)
        .await?
        .filter(|known| known.analyser_version == ANALYSER_VERSION);
    let (inventory, is_new) = match known {
        Some(known) => (serde_json::from_slice(&known.body)?, false),
        None => (take_apart(app, &manifest).await?, true),
    };
    let report = report(app, digest, &inventory, is_new, pinned.as_deref())?;
    app.catalog
        .put_image_report(&report, app.clock.now())
        .await?;
    Ok(())
}

/// Matches an inventory and prepares the row that is stored.
pub(crate) fn report(
    app: &App,
    digest: &Digest,
    inventory: &Inventory,
    with_inventory: bool,
    snapshot: Option<&Snapshot>,
) -> Result<NewImageReport, AnalysisError> {
    let matches = snapshot.map(|snapshot| snapshot.match_inventory(inventory, app.clock.now()));
    let stored_inventory = if with_inventory {
        Some((serde_json::to_vec(inventory)?, package_keys(inventory)))
    } else {
        None
    };
    Ok(NewImageReport {
        digest: digest.clone(),
        analyser_version: ANALYSER_VERSION.to_owned(),
        snapshot: snapshot.map(|snapshot| snapshot.info().id.clone()),
        body: serde_json::to_vec(&matches)?,
        summary: summary(inventory, matches.as_ref()),
        inventory: stored_inventory,
    })
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
        platform: inventory.facts.platform.clone(),
    }
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
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

async fn take_apart(app: &Shared, manifest: &Manifest) -> Result<Inventory, AnalysisError> {
    let config = match &manifest.config {
        Some(config) => read_config(app, config).await?,
        None => None,
    };
    let mut reports = Vec::new();
    let mut left_out = Vec::new();
    for (position, layer) in manifest.layers.iter().enumerate() {
        if !media_type::is_nondistributable(&layer.media_type)
            || app.catalog.blob(&layer.digest).await?.is_some()
        {
            reports.push((layer.clone(), layers::report(app, &layer.digest).await?));
        } else {
            let message = format!(
                "layer {} is kept elsewhere and was not analysed",
                layer.digest.short()
            );
            let position = u32::try_from(position).unwrap_or(u32::MAX);
            left_out
                .push(Diagnostic::new("layer.foreign", Level::Error, message).in_layer(position));
        }
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
        inventory::merge(&layers, config.as_ref())
    };
    let merged = tokio::task::spawn_blocking(merge).await;
    let mut inventory = merged.map_err(|_| {
        AnalysisError::Panicked(
            manifest
                .config
                .as_ref()
                .map_or_else(|| Digest::sha256(b""), |c| c.digest.clone()),
        )
    })?;
    if !left_out.is_empty() {
        inventory.coverage = Coverage::Partial;
        inventory.diagnostics.extend(left_out);
    }
    Ok(inventory)
}

/// Reads an image's configuration; one that is missing or unreadable leaves the facts unknown.
async fn read_config(
    app: &App,
    descriptor: &Descriptor,
) -> Result<Option<ImageConfig>, AnalysisError> {
    let Some(blob) = app.catalog.blob(&descriptor.digest).await? else {
        return Ok(None);
    };
    if blob.size_bytes > MAX_CONFIG {
        return Ok(None);
    }
    let Ok(key) = blob.object_key.parse() else {
        return Ok(None);
    };
    let file = app.store.open_blocking(&key)?;
    let read = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        file.take(MAX_CONFIG).read_to_end(&mut bytes).map(|_| bytes)
    });
    let bytes = read.await.ok().and_then(Result::ok);
    Ok(bytes.and_then(|bytes| ImageConfig::parse(&bytes).ok()))
}

async fn analyse_index(
    app: &Shared,
    repository: RepositoryId,
    index: &StoredManifest,
) -> Result<(), AnalysisError> {
    let mut worst: Option<ImageSummary> = None;
    for child in app.catalog.children(repository, &index.digest).await? {
        if !child.present
            || child
                .platform
                .as_deref()
                .is_some_and(|platform| platform.starts_with("unknown/"))
        {
            continue;
        }
        Box::pin(analyse(app, repository, &child.digest)).await?;
        let Some(report) = app.catalog.image_report(&child.digest).await? else {
            continue;
        };
        worst = Some(match worst {
            Some(worst) if rank(&worst) >= rank(&report.summary) => worst,
            _ => report.summary,
        });
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
