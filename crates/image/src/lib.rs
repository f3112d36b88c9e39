//! Any source becomes layers, any layer becomes one bounded stream of entries.
//!
//! - [`SourceSpec`] reads what people write (`docker-archive:FILE`, `oci:DIR:tag`, `dir:DIR`, a name), [`open`] opens
//!   the kinds that are files and gives an [`ImageSource`]: configuration, manifest, layers. Registries are reached by
//!   the async shell, which hands this crate readers.
//! - [`walk_layer`] reads one layer, whatever its compression, and [`walk_directory`] a root file system; both show
//!   every entry to a [`Visitor`] and hold only what it wants.
//! - [`Limits`] bound every resource. Content never fails a walk: what is wrong with it is a diagnostic in the
//!   [`LayerWalk`].
//!
//! Nothing here unpacks to disk, keeps a tree, or knows what a package is. A new source is a module in `source`, a new
//! compression one arm in `layer::decode`.

mod budget;
mod claims;
mod diagnostics;
mod directory;
mod entry;
mod layer;
mod limits;
mod path;
mod source;
#[cfg(feature = "testkit")]
#[doc(hidden)]
pub mod testkit;
mod whiteout;

pub use claims::{check_diff_ids, check_media_type};
pub use directory::walk_directory;
pub use entry::{Compression, Entry, EntryKind, LayerWalk, SNIFF_BYTES, Visitor, Want};
pub use layer::walk_layer;
pub use limits::{FileLimits, Limits};
pub use source::{
    Document, ImageSource, LayerHandle, Selector, SourceError, SourceSpec, SpecError, VerifyError,
    VerifyingReader, open,
};
pub use whiteout::{Whiteout, classify, split_parent};
