//! Images in registries: each layer streams from the network into the analysis, and is never on disk.
//!
//! The analysis is synchronous and runs on threads of its own; a bounded pipe joins it to the network, so that a slow
//! analysis slows the download and memory stays small. Every document and every layer is checked against the digest
//! that names it.
//!
//! Plain HTTP and unverified certificates are used for loopback addresses and for hosts named with `--insecure`, and
//! for nothing else.

mod auth;
mod pipe;
mod remote;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use evidence::{LayerInfo, Subject};
use image::VerifyingReader;
use oci::{Descriptor, ImageConfig, ImageReference, Manifest};

use self::remote::Remote;
use super::analyse::{self, Analysed};
use super::progress::Progress;
use crate::exit::{Exit, Failure};

/// Layers one image may have, as for archives.
const MAX_LAYERS: usize = 512;

/// Indexes that may point at indexes before an image must come.
const MAX_DEPTH: usize = 4;

/// How registries are reached.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// Reach this registry host without TLS or with an unverified certificate; may be repeated
    #[arg(long, value_name = "HOST[:PORT]")]
    insecure: Vec<String>,

    /// Read registry credentials from this file only
    #[arg(
        long,
        value_name = "FILE",
        env = "REGISTRY_AUTH_FILE",
        hide_env_values = true
    )]
    authfile: Option<PathBuf>,
}

/// Analyses an image in a registry.
pub(super) fn scan(
    reference: &ImageReference,
    platform: Option<&str>,
    options: &Options,
    progress: &Progress,
) -> Result<Analysed, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("cannot start the network runtime")?;
    let remote = runtime.block_on(Remote::connect(reference, options))?;
    let remote = Arc::new(remote);
    let (manifest, digest) = runtime.block_on(find_image(&remote, platform))?;
    let config = runtime.block_on(read_config(&remote, &manifest))?;
    if manifest.layers.len() > MAX_LAYERS {
        return Err(Failure::new(anyhow!(
            "`{reference}` has {} layers, more than the limit of {MAX_LAYERS}",
            manifest.layers.len()
        )));
    }
    let order: Vec<usize> = (0..manifest.layers.len()).collect();
    let reports = analyse::layers(manifest.layers.len(), &order, progress, |position| {
        let layer = &manifest.layers[position];
        if oci::media_type::is_nondistributable(&layer.media_type) {
            return Err(
                Failure::new(anyhow!("layer {position} of `{reference}` lives elsewhere"))
                    .with_hint(
                        "Copy the image again with its foreign layers to have them looked at.",
                    ),
            );
        }
        let pipe = pipe::open(Arc::clone(&remote), layer.clone(), runtime.handle());
        Ok(VerifyingReader::new(pipe, layer.digest.clone(), layer.size))
    })?;
    let infos = manifest
        .layers
        .iter()
        .map(|layer| LayerInfo {
            digest: layer.digest.clone(),
            diff_id: None,
            size_bytes: layer.size,
            created_by: None,
        })
        .collect();
    Ok(Analysed {
        subject: Subject {
            name: reference.to_string(),
            digest: Some(digest),
        },
        inventory: analyse::merge(infos, &reports, &config),
        image_id: None,
    })
}

/// Follows indexes to the manifest of one image.
async fn find_image(
    remote: &Remote,
    platform: Option<&str>,
) -> Result<(Manifest, oci::Digest), Failure> {
    let wanted = platform.map_or_else(default_platform, str::to_owned);
    let (mut bytes, mut digest) = remote.manifest(None).await?;
    for _ in 0..MAX_DEPTH {
        let manifest = Manifest::parse(&bytes, "").with_context(|| {
            format!(
                "the manifest {digest} of `{}` is refused",
                remote.reference()
            )
        })?;
        if !manifest.is_index() {
            if manifest.is_image() {
                return Ok((manifest, digest));
            }
            return Err(Failure::new(anyhow!(
                "`{}` is an artifact, not an image",
                remote.reference()
            ))
            .with_hint("Choose an image; artifacts have no file tree to look at."));
        }
        let child = choose(&manifest, &wanted)
            .ok_or_else(|| no_such_platform(remote, &manifest, &wanted))?;
        (bytes, digest) = remote.manifest(Some(child)).await?;
    }
    Err(Failure::new(anyhow!(
        "the indexes of `{}` nest deeper than {MAX_DEPTH} levels",
        remote.reference()
    )))
}

/// Linux on this machine's architecture, in the words of the image specification.
fn default_platform() -> String {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("linux/{architecture}")
}

/// Returns the child for a platform; a platform without a variant accepts the first child of its architecture.
fn choose<'a>(index: &'a Manifest, wanted: &str) -> Option<&'a Descriptor> {
    let runnable = || {
        index
            .children
            .iter()
            .filter_map(|child| Some((child, child.platform.as_ref()?)))
            .filter(|(_, platform)| platform.is_runnable())
    };
    runnable()
        .find(|(_, platform)| platform.label() == wanted)
        .or_else(|| {
            runnable().find(|(_, platform)| {
                format!("{}/{}", platform.os, platform.architecture) == wanted
            })
        })
        .map(|(child, _)| child)
}

fn no_such_platform(remote: &Remote, index: &Manifest, wanted: &str) -> Failure {
    let available: Vec<String> = index
        .children
        .iter()
        .filter_map(|child| child.platform.as_ref())
        .filter(|platform| platform.is_runnable())
        .map(oci::Platform::label)
        .collect();
    Failure::new(anyhow!(
        "`{}` has no image for {wanted}, it has {}",
        remote.reference(),
        available.join(", ")
    ))
    .with_exit(Exit::Usage)
    .with_hint("Choose one with --platform.")
}

async fn read_config(remote: &Remote, manifest: &Manifest) -> Result<ImageConfig, Failure> {
    let descriptor = manifest
        .config
        .as_ref()
        .expect("`is_image` looked at the configuration");
    let bytes = remote.document(descriptor).await?;
    let config = ImageConfig::parse(&bytes)
        .with_context(|| format!("the configuration of `{}` is refused", remote.reference()))?;
    Ok(config)
}
