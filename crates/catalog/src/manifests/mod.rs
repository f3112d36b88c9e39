//! Manifests: stored byte for byte, with the edges of the graph they form.

mod delete;
mod lifetime;
mod purge;
mod put;
mod read;
mod references;

pub use lifetime::parse_life;
pub use purge::PurgeOutcome;
pub(crate) use read::{ask_parents, read_parents};

use std::collections::BTreeMap;

use jiff::Timestamp;
use oci::{Digest, Tag};

use crate::{CatalogError, NewJob, QuotaUse, RepositoryId, Sparse, TagMove, Writer};

/// Every statement of this folder.
#[cfg(feature = "testkit")]
pub(crate) const STATEMENTS: [&[(&str, crate::dialect::Statement)]; 5] = [
    delete::STATEMENTS,
    purge::STATEMENTS,
    put::STATEMENTS,
    read::STATEMENTS,
    references::STATEMENTS,
];

/// A manifest to be stored.
#[derive(Clone, Copy, Debug)]
pub struct PutManifest<'a> {
    /// Where.
    pub repository: RepositoryId,
    /// The digest of `bytes`.
    pub digest: &'a Digest,
    /// The manifest as it arrived.
    pub bytes: &'a [u8],
    /// The view over `bytes`: type, references, subject, annotations.
    pub manifest: &'a oci::Manifest,
    /// The tags to point at it; all or none.
    pub tags: &'a [Tag],
    /// What may be missing.
    pub sparse: Sparse,
    /// Jobs that exist if and only if the manifest does.
    pub jobs: &'a [NewJob],
    /// The labels of its configuration, for rules and expiry; the annotations are in `manifest`.
    pub labels: &'a BTreeMap<String, String>,
    /// On whose behalf.
    pub writer: Writer,
}

/// What a put changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutOutcome {
    /// Whether the manifest was not in the repository before.
    pub created: bool,
    /// The tags that point elsewhere than before, in ASCII order.
    pub moved: Vec<TagMove>,
    /// The quota that the push came near.
    pub near_quota: Option<QuotaUse>,
}

/// Why a manifest is not stored. Nothing is changed then.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// Blobs or children that the repository does not have.
    #[error("the manifest refers to content that is not in the repository")]
    Missing(Vec<Digest>),
    /// A descriptor's size is not that of the content.
    #[error("the manifest says {declared} bytes for {digest}, stored are {stored}")]
    Size {
        /// The content.
        digest: Digest,
        /// The size its descriptor says.
        declared: u64,
        /// The size stored.
        stored: u64,
    },
    /// A tag may not move.
    #[error("tag `{0}` is immutable")]
    Immutable(Tag),
    /// Nothing may be changed there.
    #[error("{0} is read-only")]
    ReadOnly(&'static str),
    /// The quota leaves no room for it.
    #[error("{0}, nothing more can be pushed")]
    OverQuota(QuotaUse),
    /// A fault of the catalog.
    #[error("the manifest cannot be stored")]
    Catalog(#[source] CatalogError),
}

/// A manifest as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredManifest {
    /// The digest.
    pub digest: Digest,
    /// The media type it was accepted with.
    pub media_type: String,
    /// The manifest as it arrived.
    pub bytes: Vec<u8>,
    /// The manifest it refers to.
    pub subject: Option<Digest>,
    /// The artifact type shown in referrer lists.
    pub artifact_type: Option<String>,
    /// When it arrived in this repository.
    pub pushed_at: Timestamp,
    /// Until when it is kept whatever refers to it.
    pub kept_until: Timestamp,
    /// When the tag by which it was found ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// A child of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildRow {
    /// The child's digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Its size in bytes, as the index says.
    pub size_bytes: u64,
    /// `os/architecture[/variant]`.
    pub platform: Option<String>,
    /// Whether the repository has it.
    pub present: bool,
}

/// A manifest that refers to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrer {
    /// The digest.
    pub digest: Digest,
    /// The media type.
    pub media_type: String,
    /// The size in bytes.
    pub size_bytes: u64,
    /// The artifact type, if it has one.
    pub artifact_type: Option<String>,
    /// The annotations.
    pub annotations: BTreeMap<String, String>,
}

/// What a deletion does with content that something else in the repository refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Referenced {
    /// It stays, and the answer names what refers to it.
    Refuse,
    /// It goes; what refers to it is incomplete from then on.
    Allow,
}

/// Whether a manifest left its repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeleteOutcome {
    /// It left, and these tags with it.
    Deleted {
        /// The tags that ended.
        tags: Vec<Tag>,
    },
    /// It was not there.
    NotFound,
    /// This index of the repository holds it.
    Referenced {
        /// The index.
        by: Digest,
    },
}

impl From<CatalogError> for PutError {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::Immutable(tag) => Self::Immutable(tag),
            CatalogError::ReadOnly(what) => Self::ReadOnly(what),
            CatalogError::OverQuota(quota) => Self::OverQuota(quota),
            other => Self::Catalog(other),
        }
    }
}

impl From<sqlx::Error> for PutError {
    fn from(error: sqlx::Error) -> Self {
        Self::Catalog(error.into())
    }
}
