//! Bytes: immutable objects under unique keys, and the staged uploads they grow from.
//!
//! A [`Store`] knows keys, not digests and not repositories: the map from digest to key is a row in `catalog`, so that
//! an object becomes visible by a commit and never by a file appearing. Every key is written once and never reused.
//!
//! What it does not do: it decides nothing about who may read, keeps no counters and no state beside the files.
//!
//! Adding a backend: one variant in [`Store`] and in each value a store hands out ([`UploadWriter`], [`Download`]),
//! and one line that instantiates the conformance suite in `tests/it`.

mod error;
mod fs;
mod key;
mod reader;
mod store;
mod writer;

pub use error::BlobError;
pub use key::{InvalidKey, ObjectKey};
pub use reader::{Download, Reader};
pub use store::{ObjectInfo, Store};
pub use writer::{Checkpoint, LockedUpload, SealedUpload, UploadWriter};
