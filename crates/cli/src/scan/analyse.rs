//! From a source to an inventory.
//!
//! Layers are independent until they are merged, so they are analysed in parallel, up to the number of cores; each
//! holds one decompression window and the few files that matter. A blob that is not what its manifest promises ends the
//! scan: its content would be somebody else's.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::anyhow;
use evidence::{Inventory, LayerInfo, Subject};
use image::{ImageSource, Limits, SourceError, SourceSpec};
use inventory::{Layer, LayerReport};
use oci::{Digest, ImageConfig, RepositoryName, Tag};

use super::damaged_layer;
use super::progress::Progress;
use crate::exit::{Exit, Failure};

/// An analysed source.
pub(super) struct Analysed {
    pub(super) subject: Subject,
    pub(super) inventory: Inventory,
    /// The digest of the configuration, which identifies an image without a manifest.
    pub(super) image_id: Option<Digest>,
}

/// Analyses a root file system.
pub(super) fn directory(root: &Path, progress: &Progress) -> Result<Analysed, Failure> {
    let is_folder = std::fs::metadata(root)
        .map_err(|error| {
            Failure::new(
                anyhow::Error::new(error).context(format!("cannot read `{}`", root.display())),
            )
            .with_hint("Check that the path is right and that you may read it.")
        })?
        .is_dir();
    if !is_folder {
        return Err(
            Failure::new(anyhow!("`{}` is not a folder", root.display()))
                .with_exit(Exit::Usage)
                .with_hint("Name an archive with docker-archive:FILE or oci-archive:FILE."),
        );
    }
    progress.layers(1);
    let report = inventory::analyse_directory(root, &Limits::default());
    progress.layer_done();
    Ok(Analysed {
        subject: Subject {
            name: root.display().to_string(),
            digest: None,
        },
        inventory: inventory::merge_directory(&report),
        image_id: None,
    })
}

/// Analyses an archive or a layout.
pub(super) fn archive(
    spec: &SourceSpec,
    written: &str,
    platform: Option<&str>,
    progress: &Progress,
) -> Result<Analysed, Failure> {
    let source = image::open(spec, platform).map_err(refused)?;
    let reports = layers(
        source.layers.len(),
        &source.stored_order(),
        progress,
        |position| source.open_layer(position).map_err(refused),
    )?;
    let infos = layer_infos(&source, &reports)?;
    Ok(Analysed {
        subject: Subject {
            name: shown_name(source.name.as_deref(), spec, written),
            digest: source
                .manifest
                .as_ref()
                .map(|manifest| manifest.digest.clone()),
        },
        inventory: merge(infos, &reports, &source.parsed_config),
        image_id: Some(source.config.digest.clone()),
    })
}

/// Returns the name that people and policies know the image by.
///
/// A layout often names its images by tag alone (`org.opencontainers.image.ref.name`); then its folder or file stands
/// for the repository, so that `1.0` is not taken for one.
fn shown_name(stored: Option<&str>, spec: &SourceSpec, written: &str) -> String {
    let Some(stored) = stored else {
        return written.to_owned();
    };
    let place = match spec {
        SourceSpec::OciArchive(path, _) => path.file_stem(),
        SourceSpec::OciLayout(path, _) => path.file_name(),
        _ => None,
    };
    let repository = place
        .and_then(|place| place.to_str())
        .and_then(|place| place.to_lowercase().parse::<RepositoryName>().ok());
    match (repository, stored.parse::<Tag>()) {
        (Some(repository), Ok(tag)) => format!("{repository}:{tag}"),
        _ => stored.to_owned(),
    }
}

/// Analyses `count` layers in the order given. `open` gives a layer's stored bytes and is called once for each.
pub(super) fn layers<R: Read>(
    count: usize,
    order: &[usize],
    progress: &Progress,
    open: impl Fn(usize) -> Result<R, Failure> + Sync,
) -> Result<Vec<LayerReport>, Failure> {
    progress.layers(count);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<Option<Result<LayerReport, Failure>>>> =
        Mutex::new((0..count).map(|_| None).collect());
    thread::scope(|scope| {
        for _ in 0..cores.min(count) {
            scope.spawn(|| {
                while let Some(position) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result =
                        open(*position).and_then(|reader| one_layer(*position, reader, progress));
                    let failed = result.is_err();
                    results
                        .lock()
                        .expect("no thread panics while it holds the results")[*position] =
                        Some(result);
                    progress.layer_done();
                    if failed {
                        // The scan is over; the other threads stop at their next layer.
                        next.store(order.len(), Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let results = results
        .into_inner()
        .expect("no thread panics while it holds the results");
    // The lowest failed layer is reported; layers skipped after a failure have no result.
    let mut reports = Vec::with_capacity(count);
    let mut was_skipped = false;
    for result in results {
        match result {
            Some(result) => reports.push(result?),
            None => was_skipped = true,
        }
    }
    assert!(
        !was_skipped,
        "a layer is only skipped after a failure, which was returned above"
    );
    Ok(reports)
}

fn one_layer(
    position: usize,
    reader: impl Read,
    progress: &Progress,
) -> Result<LayerReport, Failure> {
    let mut reader = Watched {
        inner: reader,
        progress,
        error: None,
    };
    let report = inventory::analyse_layer(&mut reader, &Limits::default());
    match reader.error {
        Some(error) => Err(damaged_layer(position, error)),
        None => Ok(report),
    }
}

/// A reader that counts for the progress line and keeps the error that ended the bytes. The analysis turns errors into
/// diagnostics, since a layer's content never fails; bytes that never arrived are another matter.
struct Watched<'a, R> {
    inner: R,
    progress: &'a Progress,
    error: Option<io::Error>,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buf) {
            Ok(count) => {
                self.progress.bytes(count);
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let copy = io::Error::new(error.kind(), error.to_string());
                self.error.get_or_insert(error);
                Err(copy)
            }
        }
    }
}

/// Merges layer reports into the inventory of one image.
pub(super) fn merge(
    infos: Vec<LayerInfo>,
    reports: &[LayerReport],
    config: &ImageConfig,
) -> Inventory {
    let layers: Vec<Layer> = infos
        .into_iter()
        .zip(reports)
        .map(|(info, report)| Layer { info, report })
        .collect();
    inventory::merge(&layers, Some(config))
}

/// Describes the layers; the merge adds what follows from reports and configuration. A docker-archive promises no digests: its layers are known by what was computed.
fn layer_infos(source: &ImageSource, reports: &[LayerReport]) -> Result<Vec<LayerInfo>, Failure> {
    let claimed = &source.parsed_config.rootfs.diff_ids;
    source
        .layers
        .iter()
        .zip(reports)
        .enumerate()
        .map(|(position, (handle, report))| {
            let digest = handle
                .digest
                .clone()
                .or_else(|| report.diff_id.clone())
                // A layer that could not be read to its end keeps the name that the configuration gives it.
                .or_else(|| claimed.get(position).and_then(|text| text.parse().ok()))
                .ok_or_else(|| {
                    Failure::new(anyhow!("layer {position} cannot be read and has no digest"))
                })?;
            Ok(LayerInfo {
                digest,
                diff_id: None,
                size_bytes: handle.size,
                created_by: None,
            })
        })
        .collect()
}

fn refused(error: SourceError) -> Failure {
    let hint = error.hint();
    let exit = match error {
        SourceError::NoSuchImage { .. }
        | SourceError::Ambiguous { .. }
        | SourceError::NoSuchPlatform { .. }
        | SourceError::BadPlatform { .. } => Exit::Usage,
        _ => Exit::NotEvaluated,
    };
    let failure = Failure::new(error).with_exit(exit);
    match hint {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(stored: Option<&str>, spec: &str, expected: &str) {
        let spec: SourceSpec = spec.parse().unwrap();
        assert_eq!(shown_name(stored, &spec, "as written"), expected);
    }

    #[test]
    fn a_layout_that_knows_only_the_tag_lends_its_own_name() {
        check(Some("1.0"), "oci:/data/shop-2.1:1.0", "shop-2.1:1.0");
        check(Some("1.0"), "oci-archive:/data/Shop.tar", "shop:1.0");
        check(Some("1.0"), "oci-archive:/data/not a name.tar", "1.0");
        check(
            Some("example.com/shop:1.0"),
            "oci:/data/x",
            "example.com/shop:1.0",
        );
        check(Some("debian"), "docker-archive:/data/x.tar", "debian");
        check(None, "oci:/data/shop", "as written");
    }
}
