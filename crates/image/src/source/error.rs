//! What can be wrong with a source, as opposed to the content of a layer.
//!
//! Each variant says what was attempted on what; [`SourceError::hint`] is the separate sentence that says what to do
//! now.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use oci::{Digest, ImageConfigError, ManifestError};

/// Why a source cannot be opened or one of its blobs not be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file or directory cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The archive's own tar framing is broken.
    #[error("`{}` is not a usable tar archive: {reason}", path.display())]
    BadArchive {
        /// The archive.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
    /// The archive ends inside a member.
    #[error("`{}` ends inside `{member}`: expected {expected_bytes} bytes, found {found_bytes}", path.display())]
    Truncated {
        /// The archive.
        path: PathBuf,
        /// The member.
        member: String,
        /// Its size as announced.
        expected_bytes: u64,
        /// What is there of it.
        found_bytes: u64,
    },
    /// A file that the format needs, or that another document names, is not there.
    #[error("`{}` has no `{member}`", path.display())]
    MissingMember {
        /// The archive or layout.
        path: PathBuf,
        /// The member.
        member: String,
    },
    /// A document is larger than any real one.
    #[error("`{member}` in `{}` has {bytes} bytes, more than the {limit} a document may have", path.display())]
    DocumentTooLarge {
        /// The archive or layout.
        path: PathBuf,
        /// The document.
        member: String,
        /// Its size.
        bytes: u64,
        /// The bound.
        limit: u64,
    },
    /// A document is not what the format asks for.
    #[error("`{member}` in `{}` is not usable: {reason}", path.display())]
    BadDocument {
        /// The archive or layout.
        path: PathBuf,
        /// The document.
        member: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A manifest or index breaks the rules of its kind.
    #[error("the manifest `{member}` in `{}` is refused", path.display())]
    BadManifest {
        /// The archive or layout.
        path: PathBuf,
        /// The document.
        member: String,
        /// Why.
        #[source]
        source: ManifestError,
    },
    /// The image configuration is not readable.
    #[error("the configuration `{member}` in `{}` is refused", path.display())]
    BadConfig {
        /// The archive or layout.
        path: PathBuf,
        /// The document.
        member: String,
        /// Why.
        #[source]
        source: ImageConfigError,
    },
    /// A blob is not the content its name promises.
    #[error("`{member}` in `{}` is not the content it is named for", path.display())]
    Verify {
        /// The archive or layout.
        path: PathBuf,
        /// The blob.
        member: String,
        /// How it differs.
        #[source]
        source: VerifyError,
    },
    /// Nothing in the source has the name or digest asked for.
    #[error("`{}` holds no image `{wanted}`, it holds {}", path.display(), list(available))]
    NoSuchImage {
        /// The archive or layout.
        path: PathBuf,
        /// What was asked for.
        wanted: String,
        /// What is there.
        available: Vec<String>,
    },
    /// The source holds several images and none was named.
    #[error("`{}` holds several images: {}", path.display(), list(available))]
    Ambiguous {
        /// The archive or layout.
        path: PathBuf,
        /// What is there.
        available: Vec<String>,
    },
    /// The index has no image for the platform.
    #[error("`{}` has no image for {wanted}, it has {}", path.display(), list(available))]
    NoSuchPlatform {
        /// The archive or layout.
        path: PathBuf,
        /// `os/architecture[/variant]`.
        wanted: String,
        /// What is there.
        available: Vec<String>,
    },
    /// The platform is not written `os/architecture[/variant]`.
    #[error("`{text}` is not a platform")]
    BadPlatform {
        /// What was written.
        text: String,
    },
    /// What is selected is an artifact, not an image.
    #[error("`{member}` in `{}` is not an image: its configuration is of type `{media_type}`", path.display())]
    NotAnImage {
        /// The archive or layout.
        path: PathBuf,
        /// The manifest.
        member: String,
        /// The configuration's type.
        media_type: String,
    },
    /// Documents point at documents deeper than any real index does.
    #[error("the indexes in `{}` nest deeper than {limit} levels", path.display())]
    TooDeep {
        /// The archive or layout.
        path: PathBuf,
        /// The bound.
        limit: usize,
    },
    /// The image has more layers than any runtime can mount.
    #[error("the image in `{}` has {layers} layers, more than the limit of {limit}", path.display())]
    TooManyLayers {
        /// The archive or layout.
        path: PathBuf,
        /// How many.
        layers: usize,
        /// The bound (`limit.layers`).
        limit: usize,
    },
    /// The layer's bytes live elsewhere.
    #[error("layer {digest} is not in `{}`, its bytes live elsewhere", path.display())]
    ForeignLayer {
        /// The archive or layout.
        path: PathBuf,
        /// The layer.
        digest: Digest,
    },
    /// The kind of source is not a file of images.
    #[error("{kind} is not opened as an archive")]
    NotAnArchive {
        /// The kind: `a directory`, `a registry`.
        kind: &'static str,
    },
}

impl SourceError {
    /// Returns the sentence that says what to do now, where there is something to do.
    pub const fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Read { .. } => "Check that the path is right and that you may read it.",
            Self::BadArchive { .. } | Self::Truncated { .. } | Self::Verify { .. } => {
                "The file is damaged or incomplete: copy or save it again."
            }
            Self::MissingMember { .. } => {
                "Check the prefix: `docker-archive:` needs manifest.json, `oci:` and `oci-archive:` need index.json."
            }
            Self::NoSuchImage { .. } | Self::Ambiguous { .. } => {
                "Add `:NAME` or `@DIGEST` after the path to choose one of them."
            }
            Self::NoSuchPlatform { .. } | Self::BadPlatform { .. } => {
                "Name a platform as `os/architecture`, for example linux/amd64."
            }
            Self::NotAnImage { .. } => "Choose an image; artifacts have no file tree to look at.",
            Self::ForeignLayer { .. } => {
                "Copy the image again with its foreign layers to have them looked at."
            }
            Self::DocumentTooLarge { .. }
            | Self::BadDocument { .. }
            | Self::BadManifest { .. }
            | Self::BadConfig { .. }
            | Self::TooDeep { .. }
            | Self::TooManyLayers { .. }
            | Self::NotAnArchive { .. } => return None,
        })
    }
}

/// How a blob differs from what its descriptor promises. Found while reading, at the latest at its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// It ends early.
    #[error("truncated: expected {expected_bytes} bytes, found {found_bytes}")]
    Truncated {
        /// The size promised.
        expected_bytes: u64,
        /// What is there.
        found_bytes: u64,
    },
    /// It goes on after its promised size.
    #[error("too long: expected {expected_bytes} bytes, found more")]
    TooLong {
        /// The size promised.
        expected_bytes: u64,
    },
    /// The size is right and the content is not.
    #[error("wrong digest: expected {expected}, computed {computed}")]
    Digest {
        /// The digest promised.
        expected: Digest,
        /// The digest of what is there.
        computed: Digest,
    },
}

fn list(available: &[String]) -> String {
    const SHOWN: usize = 10;
    if available.is_empty() {
        return "none".to_owned();
    }
    let mut text = available
        .iter()
        .take(SHOWN)
        .map(|name| format!("`{}`", name.escape_debug()))
        .collect::<Vec<_>>()
        .join(", ");
    if available.len() > SHOWN {
        let _ = write!(text, " and {} more", available.len() - SHOWN);
    }
    text
}
