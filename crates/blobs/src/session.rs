//! What a session's row knows about bytes that are not an object yet.

use oci::{DigestHasher, MidState};
use uuid::Uuid;

use crate::ObjectKey;

/// Where the durable bytes of an upload are, as its row stores it. Files need none of it: their one staged file has the
/// upload's id for a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Staged {
    /// The object store's id of the multipart upload, once there is one.
    pub multipart: Option<String>,
    /// The part size and the parts so far, in this crate's own form; empty without parts.
    pub parts: String,
    /// The object that holds the durable bytes after the last part.
    pub tail: Option<String>,
}

/// One upload session as its row tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The session's id.
    pub upload: Uuid,
    /// The key of the object it will become.
    pub key: ObjectKey,
    /// Where its durable bytes are.
    pub staged: Staged,
}

/// From where an upload goes on.
#[derive(Debug)]
pub struct Resume {
    /// The session, as its row was read after the lock was taken.
    pub session: Session,
    /// How many bytes are durable.
    pub offset: u64,
    /// A hasher that stands at `offset`.
    pub hasher: DigestHasher,
    /// The size of the whole content, where the client declared it: it decides the size of parts.
    pub expected_bytes: Option<u64>,
}

/// A point up to which an upload is durable: what its row may say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// How many bytes are durable.
    pub offset: u64,
    /// The hasher's state there.
    pub hash_state: MidState,
    /// Where the bytes are.
    pub staged: Staged,
}
