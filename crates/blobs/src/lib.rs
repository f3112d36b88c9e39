//! Bytes: immutable objects under unique keys, and the staged uploads they grow from.
//!
//! A [`Store`] knows keys, not digests and not repositories: the map from digest to key is a row in `catalog`, so that
//! an object becomes visible by a commit and never by a file appearing. Every key is written once and never reused.
//! Objects are files ([`fs`]) or lie in an S3 bucket ([`s3`]); the same calls lead to both.
//!
//! What it does not do: it decides nothing about who may read, keeps no counters and no state beside the bytes. Where
//! the durable bytes of an unfinished upload are is told by its row ([`Session`]), so that any replica goes on.
//!
//! Adding a backend: one variant in [`Store`] and in each value a store hands out ([`UploadWriter`], [`Reader`] and their
//! kin), and one line that instantiates the conformance suite in `tests/it`.

mod error;
mod fs;
mod key;
mod reader;
mod s3;
mod session;
mod store;
#[cfg(feature = "testkit")]
#[doc(hidden)]
pub mod testkit;
mod upload;

pub use error::{BlobError, RemoteSource};
pub use key::{InvalidKey, ObjectKey};
pub use reader::{BlockingReader, Reader};
pub use s3::config::{InvalidS3Config, S3Config, S3Credentials};
pub use session::{Checkpoint, Resume, Session, Staged};
pub use store::{ObjectInfo, Store};
pub use upload::{LockedUpload, SealedUpload, UploadWriter};
