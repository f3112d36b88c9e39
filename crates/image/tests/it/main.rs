//! The crate through its public API, over content made by its own builders and by the system's tar.
#![expect(
    clippy::unwrap_used,
    reason = "what a test cannot set up fails the test"
)]

/// Damaged compression and framing, truncation everywhere.
mod damage;
/// Directories on disk.
mod directory;
/// Real GNU tar output, in every format, against a reading by the `tar` crate.
mod gnu_tar;
/// Each limit: reached, named, bounded.
mod limits;
/// Properties over arbitrary bytes, chunkings and compressions.
mod properties;
/// A visitor that writes down what it is shown.
mod record;
/// First bytes, and content in pieces.
mod sniffing;
/// Docker-archives, OCI archives and layouts.
mod sources;
/// Tar framing: names, sizes, kinds, sparse files, the end.
mod tar;
