//! Tar framing, read as the container runtimes read it.
//!
//! This is a reader of our own because the walk needs what the `tar` crate does not give: headers bounded before they
//! are read, PAX globals, PAX sparse files, content looked at in place, and a named reason where framing breaks. Where
//! tar programs differ, it follows Go's `archive/tar`, which docker, containerd, podman and buildah use: a scanner that
//! reads a layer differently from the runtime can be fooled.
//!
//! It knows nothing of paths that escape, whiteouts or limits on entries: see `layer::walk`.

mod content;
mod header;
mod pax;
mod reader;
mod sparse;

pub(crate) use header::looks_like_tar;
pub(crate) use reader::{Member, TarReader};

/// The unit of tar: headers are one, content is padded to whole ones.
pub(crate) const BLOCK: usize = 512;
