//! What a verdict is about.

use oci::Digest;

/// Whether the subject has content of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SubjectKind {
    /// One platform's manifest: every condition is judged.
    #[default]
    Image,
    /// An image index: only conditions about the index itself are judged, see [`crate::combine_index`].
    Index,
}

/// One image or index, as a door names it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    /// The repository without a host: `payments/api`. For a file, its name.
    pub repository: &'a str,
    /// The tag asked for; `None` when asked by digest.
    pub tag: Option<&'a str>,
    /// The manifest's digest; a directory has none.
    pub digest: Option<&'a Digest>,
    /// `linux/amd64` and the like, where known.
    pub platform: Option<&'a str>,
    /// Image or index.
    pub kind: SubjectKind,
}
