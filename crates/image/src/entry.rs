//! What a walk shows and what it leaves behind: entries, the visitor that is shown them, and the walk's summary.
//!
//! A walk never builds a tree and keeps no entry: what should be kept is the visitor's choice. Paths are bytes,
//! because tar and Linux paths are.

use evidence::Diagnostic;
use oci::Digest;

/// The kind of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link; its target is [`Entry::link`], as written.
    Symlink,
    /// Another name of a file; [`Entry::link`] is that file's normalised path.
    Hardlink,
    /// A named pipe.
    Fifo,
    /// A character device.
    Char,
    /// A block device.
    Block,
}

/// One entry of a layer or directory. It lives only while the visitor looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The normalised path: never empty, no leading `/` or `./`, no `.` or `..` component, no trailing `/`. Any other
    /// byte may occur, also NUL and bytes that are not UTF-8.
    pub path: &'a [u8],
    /// The kind.
    pub kind: EntryKind,
    /// The logical size in bytes (holes included); zero for everything but regular files.
    pub size: u64,
    /// Permission bits with set-user-id, set-group-id and sticky: the low twelve bits.
    pub mode: u32,
    /// The owner.
    pub uid: u64,
    /// The group.
    pub gid: u64,
    /// Modification time in seconds since 1970, as claimed.
    pub mtime_secs: i64,
    /// The target of a symbolic link (as written) or of a hardlink (normalised).
    pub link: Option<&'a [u8]>,
    /// Major and minor number of a device.
    pub device: Option<(u32, u32)>,
    /// The file capabilities: the raw `security.capability` attribute.
    pub capability: Option<&'a [u8]>,
}

/// How much of an entry's content a visitor wants. Only regular files have content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// None of it; [`Visitor::content`] is not called.
    Nothing,
    /// The first [`SNIFF_BYTES`], to decide by them: [`Visitor::sniffed`] says what is wanted then. Costs nothing in a
    /// layer, whose bytes pass anyway.
    Sniff,
    /// The first bytes, at most this many.
    Head(usize),
    /// All of it. A file larger than `limit` bytes is delivered up to the limit, marked truncated, and gives
    /// `limit.file`.
    Whole {
        /// Bytes held at most; see [`FileLimits`](crate::FileLimits).
        limit: u64,
    },
    /// All of it, in pieces as they pass: [`Visitor::piece`] for each, then [`Visitor::content`] with no bytes. Nothing
    /// is held. A file larger than `limit` bytes is delivered up to the limit, marked truncated, and gives `limit.file`.
    Pieces {
        /// Bytes delivered at most.
        limit: u64,
    },
}

/// Bytes shown to [`Visitor::sniffed`]: as many as any magic number needs.
pub const SNIFF_BYTES: usize = 16;

/// Someone who looks at the entries of a walk, in the order of the stream.
///
/// A path may come twice: the later one wins, as it does in the runtimes.
pub trait Visitor {
    /// Looks at an entry and says how much of its content is wanted. Called once for every entry of any kind.
    fn want(&mut self, entry: &Entry<'_>) -> Want;

    /// Says what is wanted of a file whose first bytes are these; fewer than [`SNIFF_BYTES`] only if the file is shorter.
    /// Called where [`want`](Self::want) answered [`Want::Sniff`]; answering so again is [`Want::Nothing`].
    fn sniffed(&mut self, _entry: &Entry<'_>, _head: &[u8]) -> Want {
        Want::Nothing
    }

    /// Receives the next piece of an entry of which [`Want::Pieces`] are wanted. How a content is cut means nothing.
    fn piece(&mut self, _entry: &Entry<'_>, _piece: &[u8]) {}

    /// Receives the wanted content of the entry just seen.
    ///
    /// `truncated` says that the file is longer than `content`: more was there than was asked for, more than the limit,
    /// or the stream ended inside it.
    fn content(&mut self, entry: &Entry<'_>, content: &[u8], truncated: bool);
}

/// How a layer is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// A tar as it is.
    None,
    /// Gzip, one or more members.
    Gzip,
    /// Zstandard, one or more frames.
    Zstd,
}

/// The summary of one walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerWalk {
    /// The digest of the whole uncompressed stream, bytes after the end of the archive included. `None` if the stream
    /// could not be read to its end, and for a directory.
    pub diff_id: Option<Digest>,
    /// How the layer is stored, as its bytes say; `None` if that could not be told, and for a directory.
    pub compression: Option<Compression>,
    /// Bytes as stored (compressed) that were read; zero for a directory.
    pub blob_bytes: u64,
    /// Entries seen, refused ones included.
    pub entries: u64,
    /// Bytes of the uncompressed stream that were read; for a directory the bytes of content that were.
    pub bytes: u64,
    /// Whether everything was walked. If not, a diagnostic of level error says why, and it never counts as a pass.
    pub complete: bool,
    /// What was odd.
    pub diagnostics: Vec<Diagnostic>,
}
