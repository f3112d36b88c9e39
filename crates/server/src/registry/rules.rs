//! What the operator decides about the protocol side: a handful of switches and limits, all with a default.

use catalog::Sparse;

/// The largest blob by default: one tebibyte.
const MAX_BLOB_BYTES: u64 = 1 << 40;
/// Requests that are answered at the same time, by default.
const MAX_REQUESTS: usize = 2_048;

/// The switches and limits of the registry's protocol side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryRules {
    /// Whether tags, manifests and blobs can be deleted by clients. Off: every deletion is 405.
    pub deletion: bool,
    /// Whether a manifest that an index holds, or a blob that a manifest holds, can be deleted all the same.
    pub delete_referenced: bool,
    /// Whether a tag whose manifest has a type that the client does not accept is 404, as old engines expect.
    pub accept_404: bool,
    /// What manifests may leave out in repositories without a setting of their own.
    pub sparse: Sparse,
    /// The largest blob, in bytes.
    pub max_blob_bytes: u64,
    /// The chunk size that clients are asked to reach, in bytes; 0 asks for nothing. Smaller chunks are taken too.
    pub chunk_min_bytes: u64,
    /// How many requests are answered at the same time; one more is told to come back.
    pub max_requests: usize,
}

impl Default for RegistryRules {
    fn default() -> Self {
        Self {
            deletion: true,
            delete_referenced: false,
            accept_404: false,
            sparse: Sparse::default(),
            max_blob_bytes: MAX_BLOB_BYTES,
            chunk_min_bytes: 0,
            max_requests: MAX_REQUESTS,
        }
    }
}
