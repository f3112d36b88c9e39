//! The registry's vocabulary: digests, names, references, manifests, media types, error codes, token scopes.
//!
//! Everything here is a pure view over bytes or text. Manifests are parsed to be *checked and read*; the stored bytes
//! stay the truth and are never re-serialised (architecture invariant 4). No IO, no clock.
//!
//! Sources: the OCI distribution specification (main, the line that becomes 1.2) and the OCI image specification 1.1;
//! the docker image manifest version 2, schema 2; the distribution project's token scope grammar.

mod digest;
mod error_code;
mod image_config;
mod json;
pub mod manifest;
pub mod media_type;
mod name;
mod pattern;
mod reference;
mod scope;

pub use digest::{Algorithm, Digest, DigestError, DigestHasher, MidState};
pub use error_code::{ErrorBody, ErrorCode, ErrorEntry};
pub use image_config::{History, ImageConfig, ImageConfigError, ProcessConfig, RootFs};
pub use manifest::{Descriptor, Manifest, ManifestError, Platform};
pub use name::{NameError, RepositoryName};
pub use pattern::{PatternError, RepositoryPattern};
pub use reference::{ImageReference, Reference, ReferenceError, Tag};
pub use scope::{Action, Scope, ScopeError};
