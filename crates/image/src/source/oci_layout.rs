//! OCI layouts, in a directory or in a tar file.
//!
//! Every document and blob is verified against the descriptor that led to it.
//!
//! # Source
//! OCI image specification 1.1, `image-layout.md` and `image-index.md`.

use oci::{Descriptor, Digest, ImageConfig, Manifest, Platform, media_type};

use super::store::{Blob, Store};
use super::{Document, ImageSource, LayerHandle, MAX_LAYERS, Selector, SourceError, VerifyError};

const INDEX: &str = "index.json";
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// containerd keeps the whole name here and only the tag in `REF_NAME`.
const CONTAINERD_NAME: &str = "io.containerd.image.name";
/// BuildKit marks attestations with it, beside the platform `unknown/unknown`.
const ATTESTATION: &str = "vnd.docker.reference.type";

/// Indexes inside indexes that are followed.
const MAX_DEPTH: usize = 4;

/// Opens the image that `selector` names, or the only one, for a platform.
pub(super) fn open(
    store: Store,
    selector: Option<&Selector>,
    platform: Option<&str>,
) -> Result<ImageSource, SourceError> {
    let wanted = wanted_platform(platform)?;
    let bytes = store.document(INDEX)?;
    let index = parse(&store, INDEX, &bytes, media_type::OCI_INDEX)?;
    let chosen = select(&store, index.children, selector, &wanted)?;
    let name = chosen.annotations.get(REF_NAME).cloned();
    let (document, manifest) = image_manifest(&store, chosen, &wanted)?;
    let Some(config) = manifest.config.as_ref().filter(|_| manifest.is_image()) else {
        return Err(SourceError::NotAnImage {
            path: store.path().to_owned(),
            member: document.digest.to_string(),
            media_type: manifest
                .config
                .map_or_else(|| manifest.media_type.clone(), |config| config.media_type),
        });
    };
    let config = read(&store, config)?;
    let parsed_config =
        ImageConfig::parse(&config.bytes).map_err(|source| SourceError::BadConfig {
            path: store.path().to_owned(),
            member: config.digest.to_string(),
            source,
        })?;
    check_platform(&store, &parsed_config, &wanted)?;
    if manifest.layers.len() > MAX_LAYERS {
        return Err(SourceError::TooManyLayers {
            path: store.path().to_owned(),
            layers: manifest.layers.len(),
            limit: MAX_LAYERS,
        });
    }
    let members = manifest
        .layers
        .iter()
        .map(|layer| blob(&store, layer))
        .collect();
    let layers = manifest
        .layers
        .into_iter()
        .map(|layer| LayerHandle {
            digest: Some(layer.digest),
            size: layer.size,
            media_type: layer.media_type,
        })
        .collect();
    Ok(ImageSource {
        name,
        manifest: Some(document),
        config,
        parsed_config,
        layers,
        store,
        members,
    })
}

/// The platform asked for, or the machine's own as a preference.
struct Wanted {
    platform: Platform,
    is_explicit: bool,
}

fn wanted_platform(text: Option<&str>) -> Result<Wanted, SourceError> {
    let Some(text) = text else {
        return Ok(Wanted {
            platform: Platform {
                architecture: host_architecture().to_owned(),
                os: "linux".to_owned(),
                variant: None,
            },
            is_explicit: false,
        });
    };
    let parts: Vec<&str> = text.split('/').collect();
    let (os, architecture, variant) = match parts[..] {
        [os, architecture] => (os, architecture, None),
        [os, architecture, variant] => (os, architecture, Some(variant)),
        _ => ("", "", None),
    };
    if os.is_empty() || architecture.is_empty() || variant == Some("") {
        return Err(SourceError::BadPlatform {
            text: text.to_owned(),
        });
    }
    Ok(Wanted {
        platform: Platform {
            architecture: architecture.to_owned(),
            os: os.to_owned(),
            variant: variant.map(str::to_owned),
        },
        is_explicit: true,
    })
}

/// Returns the machine's architecture in the words of images, which are Go's.
fn host_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" => "ppc64le",
        "loongarch64" => "loong64",
        other => other,
    }
}

fn matches(wanted: &Platform, offered: &Platform) -> bool {
    wanted.os == offered.os
        && wanted.architecture == offered.architecture
        && (wanted.variant.is_none() || wanted.variant == offered.variant)
}

/// A configuration of another platform than the one asked for is another image.
fn check_platform(store: &Store, config: &ImageConfig, wanted: &Wanted) -> Result<(), SourceError> {
    let Some(label) = config.platform().filter(|_| wanted.is_explicit) else {
        return Ok(());
    };
    let offered = Platform {
        architecture: config.architecture.clone(),
        os: config.os.clone(),
        variant: config.variant.clone(),
    };
    // Many builders leave the variant out of the configuration and write it only into the index.
    let without_variant = Platform {
        variant: offered.variant.clone().and(wanted.platform.variant.clone()),
        ..wanted.platform.clone()
    };
    if matches(&without_variant, &offered) {
        return Ok(());
    }
    Err(SourceError::NoSuchPlatform {
        path: store.path().to_owned(),
        wanted: wanted.platform.label(),
        available: vec![label],
    })
}

/// Chooses among the descriptors of `index.json`.
fn select(
    store: &Store,
    children: Vec<Descriptor>,
    selector: Option<&Selector>,
    wanted: &Wanted,
) -> Result<Descriptor, SourceError> {
    let available: Vec<String> = children
        .iter()
        .filter(|c| is_runnable(c))
        .map(label)
        .collect();
    let mut candidates: Vec<Descriptor> = children
        .into_iter()
        .filter(|child| match selector {
            None => is_runnable(child),
            Some(Selector::Name(name)) => [REF_NAME, CONTAINERD_NAME]
                .iter()
                .any(|key| child.annotations.get(*key) == Some(name)),
            Some(Selector::Digest(digest)) => child.digest == *digest,
        })
        .collect();
    candidates.dedup_by(|a, b| a.digest == b.digest);
    let path = store.path().to_owned();
    if candidates.len() > 1 {
        // One image for several platforms may be listed here directly; several images may not be guessed among.
        let first = candidates[0].annotations.get(REF_NAME).cloned();
        let is_one_image = candidates
            .iter()
            .all(|c| c.platform.is_some() && c.annotations.get(REF_NAME) == first.as_ref());
        return if is_one_image {
            select_platform(store, candidates, wanted)
        } else {
            Err(SourceError::Ambiguous { path, available })
        };
    }
    candidates.pop().ok_or_else(|| SourceError::NoSuchImage {
        path,
        wanted: selector.map_or_else(|| "at all".to_owned(), Selector::to_string),
        available,
    })
}

/// Chooses the child for the platform: the only runnable one unless a platform was asked for, else the first that
/// matches, one without a variant before others.
fn select_platform(
    store: &Store,
    children: Vec<Descriptor>,
    wanted: &Wanted,
) -> Result<Descriptor, SourceError> {
    let mut runnable: Vec<Descriptor> = children.into_iter().filter(is_runnable).collect();
    if runnable.len() == 1 && !wanted.is_explicit {
        return Ok(runnable.remove(0));
    }
    let variant_rank = |child: &Descriptor| {
        let variant = child.platform.as_ref().and_then(|p| p.variant.as_ref());
        u8::from(variant.is_some() && wanted.platform.variant.is_none())
    };
    let best = runnable
        .iter()
        .enumerate()
        .filter(|(_, child)| {
            child
                .platform
                .as_ref()
                .is_some_and(|offered| matches(&wanted.platform, offered))
        })
        .min_by_key(|(_, child)| variant_rank(child))
        .map(|(position, _)| position);
    match best {
        Some(position) => Ok(runnable.swap_remove(position)),
        None => Err(SourceError::NoSuchPlatform {
            path: store.path().to_owned(),
            wanted: wanted.platform.label(),
            available: runnable.iter().map(label).collect(),
        }),
    }
}

fn is_runnable(child: &Descriptor) -> bool {
    !child.annotations.contains_key(ATTESTATION)
        && child.platform.as_ref().is_none_or(Platform::is_runnable)
}

fn label(child: &Descriptor) -> String {
    let name = [REF_NAME, CONTAINERD_NAME]
        .iter()
        .find_map(|key| child.annotations.get(*key).cloned());
    let platform = || child.platform.as_ref().map(Platform::label);
    name.or_else(platform)
        .unwrap_or_else(|| child.digest.to_string())
}

/// Follows a descriptor, through indexes, to an image manifest.
fn image_manifest(
    store: &Store,
    mut descriptor: Descriptor,
    wanted: &Wanted,
) -> Result<(Document, Manifest), SourceError> {
    for _ in 0..MAX_DEPTH {
        let document = read(store, &descriptor)?;
        let member = document.digest.to_string();
        let manifest = parse(store, &member, &document.bytes, &descriptor.media_type)?;
        if !manifest.is_index() {
            return Ok((document, manifest));
        }
        descriptor = select_platform(store, manifest.children, wanted)?;
    }
    Err(SourceError::TooDeep {
        path: store.path().to_owned(),
        limit: MAX_DEPTH,
    })
}

fn parse(
    store: &Store,
    member: &str,
    bytes: &[u8],
    media_type: &str,
) -> Result<Manifest, SourceError> {
    Manifest::parse(bytes, media_type).map_err(|source| SourceError::BadManifest {
        path: store.path().to_owned(),
        member: member.to_owned(),
        source,
    })
}

/// Reads a document and verifies it.
fn read(store: &Store, descriptor: &Descriptor) -> Result<Document, SourceError> {
    let member = member_of(&descriptor.digest);
    let bytes = store.document(&member)?;
    let found_bytes = bytes.len() as u64;
    let expected_bytes = descriptor.size;
    let computed = Digest::compute(descriptor.digest.algorithm(), &bytes);
    let verified = if found_bytes < expected_bytes {
        Err(VerifyError::Truncated {
            expected_bytes,
            found_bytes,
        })
    } else if found_bytes > expected_bytes {
        Err(VerifyError::TooLong { expected_bytes })
    } else if computed != descriptor.digest {
        Err(VerifyError::Digest {
            expected: descriptor.digest.clone(),
            computed: computed.clone(),
        })
    } else {
        Ok(())
    };
    verified.map_err(|source| SourceError::Verify {
        path: store.path().to_owned(),
        member,
        source,
    })?;
    Ok(Document {
        bytes,
        digest: computed,
        media_type: descriptor.media_type.clone(),
    })
}

fn blob(store: &Store, layer: &Descriptor) -> Blob {
    let member = member_of(&layer.digest);
    let is_elsewhere = media_type::is_nondistributable(&layer.media_type) && !store.has(&member);
    Blob {
        member,
        promised: Some((layer.digest.clone(), layer.size)),
        foreign: is_elsewhere.then(|| layer.digest.clone()),
    }
}

fn member_of(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm(), digest.hex())
}
