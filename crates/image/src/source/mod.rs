//! Sources that are files: docker-archives, OCI archives and OCI layouts.
//!
//! [`open`] reads the documents (manifest, configuration) and learns where each layer lies; no layer is touched before
//! [`ImageSource::open_layer`]. Nothing is copied to disk: a layer of an uncompressed archive is a span of the file, a
//! layer of a compressed archive is a span of its decompressed stream. Directories are walked by
//! [`walk_directory`](crate::walk_directory), registries by the async shell.

mod archive;
mod docker;
mod error;
mod oci_layout;
mod spec;
mod store;
mod verify;

use std::io::Read;

use oci::{Digest, ImageConfig};

pub use error::{SourceError, VerifyError};
pub use spec::{Selector, SourceSpec, SpecError};
pub use verify::VerifyingReader;

/// Layers one image may have (`limit.layers`).
const MAX_LAYERS: usize = 512;

/// A document of an image, as original bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The bytes as stored.
    pub bytes: Vec<u8>,
    /// Their digest, computed.
    pub digest: Digest,
    /// The media type, as the document pointing here or the document itself names it.
    pub media_type: String,
}

/// One layer, before it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerHandle {
    /// The digest of the stored bytes, as the manifest promises; verified while reading. A docker-archive promises
    /// none: compare the computed DiffID with the configuration instead ([`check_diff_ids`](crate::check_diff_ids)).
    pub digest: Option<Digest>,
    /// The stored size in bytes.
    pub size: u64,
    /// The media type as claimed; [`walk_layer`](crate::walk_layer) goes by the bytes.
    pub media_type: String,
}

/// An opened image.
#[derive(Debug)]
pub struct ImageSource {
    /// The name it is stored under, if any.
    pub name: Option<String>,
    /// The manifest. A docker-archive has none.
    pub manifest: Option<Document>,
    /// The configuration.
    pub config: Document,
    /// The configuration as a view.
    pub parsed_config: ImageConfig,
    /// The layers from the base up.
    pub layers: Vec<LayerHandle>,
    store: store::Store,
    members: Vec<store::Blob>,
}

impl ImageSource {
    /// Opens a layer's stored bytes. The reader ends with an error that holds a [`VerifyError`] if they are not what
    /// the manifest promises.
    ///
    /// # Errors
    /// The file cannot be read, the layer is not in it, or its bytes live elsewhere. An index out of range is
    /// [`SourceError::MissingMember`].
    pub fn open_layer(&self, index: usize) -> Result<Box<dyn Read + Send>, SourceError> {
        let Some(blob) = self.members.get(index) else {
            return Err(SourceError::MissingMember {
                path: self.store.path().to_owned(),
                member: format!("layer {index}"),
            });
        };
        self.store.open_blob(blob)
    }

    /// Returns the layers' positions in the order in which the file stores them. Reading them in this order costs one
    /// pass over a compressed archive; any other order may start it again for each layer.
    pub fn stored_order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.members.len()).collect();
        order.sort_by_key(|index| self.store.position(&self.members[*index]));
        order
    }
}

/// Opens an image in a file or layout.
///
/// `platform` (`os/architecture[/variant]`) chooses among the images of an index; without it, Linux on this machine's
/// architecture.
///
/// # Errors
/// See [`SourceError`]. A directory or registry is [`SourceError::NotAnArchive`].
pub fn open(spec: &SourceSpec, platform: Option<&str>) -> Result<ImageSource, SourceError> {
    match spec {
        SourceSpec::DockerArchive(path, selector) => docker::open(path, selector.as_ref()),
        SourceSpec::OciArchive(path, selector) => {
            oci_layout::open(store::Store::archive(path)?, selector.as_ref(), platform)
        }
        SourceSpec::OciLayout(path, selector) => {
            oci_layout::open(store::Store::layout(path)?, selector.as_ref(), platform)
        }
        SourceSpec::Directory(_) => Err(SourceError::NotAnArchive {
            kind: "a directory",
        }),
        SourceSpec::Registry(_) => Err(SourceError::NotAnArchive { kind: "a registry" }),
    }
}
