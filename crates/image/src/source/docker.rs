//! docker-archives: what `docker save`, `podman save` and `skopeo copy … docker-archive:` write.
//!
//! # Source
//! Docker image specification 1.2, "Combined Image JSON + Filesystem Changeset Format": `manifest.json` lists images,
//! each with its configuration, names and layers. Layers are `ID/layer.tar`, `HEX.tar` or `blobs/sha256/HEX`, or links
//! to one another.

use std::path::Path;

use oci::{Digest, ImageConfig, media_type};
use serde::Deserialize;

use super::store::{Blob, Store};
use super::{Document, ImageSource, LayerHandle, MAX_LAYERS, Selector, SourceError, VerifyError};

const MANIFEST: &str = "manifest.json";
const LAYER_TYPE: &str = "application/vnd.docker.image.rootfs.diff.tar";

/// One image of `manifest.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Option<Vec<String>>,
}

impl Item {
    fn names(&self) -> &[String] {
        self.repo_tags.as_deref().unwrap_or_default()
    }

    fn label(&self) -> String {
        self.names().first().unwrap_or(&self.config).clone()
    }
}

/// Opens the image that `selector` names, or the only one.
pub(super) fn open(path: &Path, selector: Option<&Selector>) -> Result<ImageSource, SourceError> {
    let store = Store::archive(path)?;
    let bytes = store.document(MANIFEST)?;
    let items: Vec<Item> =
        serde_json::from_slice(&bytes).map_err(|error| SourceError::BadDocument {
            path: path.to_owned(),
            member: MANIFEST.to_owned(),
            reason: error.to_string(),
        })?;
    let item = select(&store, items, selector)?;
    let config = read_config(&store, &item.config)?;
    let parsed_config =
        ImageConfig::parse(&config.bytes).map_err(|source| SourceError::BadConfig {
            path: path.to_owned(),
            member: item.config.clone(),
            source,
        })?;
    let name = item.names().first().cloned();
    let members = item.layers.unwrap_or_default();
    if members.len() > MAX_LAYERS {
        return Err(SourceError::TooManyLayers {
            path: path.to_owned(),
            layers: members.len(),
            limit: MAX_LAYERS,
        });
    }
    let layers = members
        .iter()
        .map(|member| {
            Ok(LayerHandle {
                digest: None,
                size: store.size(member)?,
                media_type: LAYER_TYPE.to_owned(),
            })
        })
        .collect::<Result<_, SourceError>>()?;
    let members = members
        .into_iter()
        .map(|member| Blob {
            member,
            promised: None,
            foreign: None,
        })
        .collect();
    Ok(ImageSource {
        name,
        manifest: None,
        config,
        parsed_config,
        layers,
        store,
        members,
    })
}

fn select(
    store: &Store,
    mut items: Vec<Item>,
    selector: Option<&Selector>,
) -> Result<Item, SourceError> {
    let available: Vec<String> = items.iter().map(Item::label).collect();
    let path = || store.path().to_owned();
    let Some(selector) = selector else {
        return match (items.pop(), items.is_empty()) {
            (Some(item), true) => Ok(item),
            (None, _) => Err(SourceError::BadDocument {
                path: path(),
                member: MANIFEST.to_owned(),
                reason: "it lists no image".to_owned(),
            }),
            (Some(_), false) => Err(SourceError::Ambiguous {
                path: path(),
                available,
            }),
        };
    };
    let is_wanted = |item: &Item| match selector {
        Selector::Name(name) => item
            .names()
            .iter()
            .any(|known| known == name || known.strip_suffix(":latest") == Some(name)),
        Selector::Digest(digest) => named_digest(&item.config).as_ref() == Some(digest),
    };
    items
        .into_iter()
        .find(is_wanted)
        .ok_or_else(|| SourceError::NoSuchImage {
            path: path(),
            wanted: selector.to_string(),
            available,
        })
}

/// Reads a configuration. It is named for its digest, and must be what it is named for.
fn read_config(store: &Store, member: &str) -> Result<Document, SourceError> {
    let bytes = store.document(member)?;
    let computed = Digest::sha256(&bytes);
    if let Some(expected) = named_digest(member)
        && expected != computed
    {
        return Err(SourceError::Verify {
            path: store.path().to_owned(),
            member: member.to_owned(),
            source: VerifyError::Digest { expected, computed },
        });
    }
    Ok(Document {
        bytes,
        digest: computed,
        media_type: media_type::DOCKER_CONFIG.to_owned(),
    })
}

/// Returns the digest in `HEX.json` or `blobs/sha256/HEX`.
fn named_digest(member: &str) -> Option<Digest> {
    let name = member.rsplit('/').next()?;
    let hex = name.strip_suffix(".json").unwrap_or(name);
    format!("sha256:{hex}").parse().ok()
}
