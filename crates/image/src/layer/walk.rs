//! From members to entries: paths made normal, limits kept, content handed over.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::io::Read;

use evidence::Level;

use super::stop::Stop;
use super::stream::ChunkStream;
use super::tar::{Member, TarReader};
use crate::budget::{HELD, UNCOUNTED_BYTES};
use crate::diagnostics::Notes;
use crate::path::{Escape, normalise};
use crate::{Entry, EntryKind, Limits, Visitor, Want};

/// Content above this size is worth a look at the clock: filling holes reads nothing, so the stream does not look.
const TIMED_BYTES: u64 = 1 << 20;

/// What a walk counted.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Members seen, refused ones included.
    pub(crate) entries: u64,
    /// Whether every entry was shown and every wanted content delivered as far as it was wanted.
    pub(crate) is_whole: bool,
    /// The sum of the logical sizes.
    logical_bytes: u64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            entries: 0,
            is_whole: true,
            logical_bytes: 0,
        }
    }
}

/// The buffers of one walk, reused from entry to entry.
#[derive(Default)]
struct Buffers {
    path: Vec<u8>,
    link: Vec<u8>,
    held: Vec<u8>,
}

/// Shows every entry of the archive to the visitor.
pub(crate) fn walk<R: Read>(
    reader: &mut TarReader<ChunkStream<'_, '_, R>>,
    limits: &Limits,
    visitor: &mut dyn Visitor,
    notes: &mut Notes,
    tally: &mut Tally,
) -> Result<(), Stop> {
    let mut buffers = Buffers::default();
    let mut seen = Seen::default();
    while let Some(member) = reader.advance()? {
        tally.entries += 1;
        if tally.entries > limits.entries_per_layer {
            return Err(Stop::Limit(
                "limit.entries",
                format!("more than {} entries", limits.entries_per_layer),
            ));
        }
        tally.logical_bytes = tally.logical_bytes.saturating_add(member.size);
        if tally.logical_bytes > limits.layer_bytes {
            return Err(Stop::Limit(
                "limit.layer_bytes",
                format!("files of more than {} bytes in sum", limits.layer_bytes),
            ));
        }
        let Some(kind) = accept(reader, &member, &mut buffers, limits, notes, tally) else {
            continue;
        };
        if seen.is_repeated(&buffers.path, kind) {
            let message = "the path occurs before in this layer; the last entry wins";
            notes.push_at("tar.duplicate_path", Level::Info, &buffers.path, message);
        }
        let capability = reader.capability.take();
        let entry = Entry {
            path: &buffers.path,
            kind,
            size: member.size,
            mode: member.mode,
            uid: member.uid,
            gid: member.gid,
            mtime_secs: member.mtime_secs,
            link: matches!(kind, EntryKind::Symlink | EntryKind::Hardlink)
                .then_some(buffers.link.as_slice()),
            device: matches!(kind, EntryKind::Char | EntryKind::Block).then_some(member.device),
            capability: capability.as_deref(),
        };
        let mut want = visitor.want(&entry);
        if kind != EntryKind::File {
            continue;
        }
        if want == Want::Sniff {
            want = reader.sniff(|head| visitor.sniffed(&entry, head))?;
        }
        let Some(limit) = want.limit() else {
            continue;
        };
        if let Some(message) = want.is_over(entry.size) {
            tally.is_whole = false;
            notes.push_at("limit.file", Level::Error, entry.path, message);
        }
        if reader.is_sparse() && entry.size.min(limit) > TIMED_BYTES {
            reader.stream.check_time()?;
        }
        if matches!(want, Want::Pieces { .. }) {
            let passed =
                reader.read_pieces(entry.size, limit, |piece| visitor.piece(&entry, piece));
            visitor.content(&entry, &[], entry.size > limit || passed.is_err());
            passed?;
            continue;
        }
        let _share = HELD.take(entry.size.min(limit));
        reader.read_content(entry.size, limit, &mut buffers.held, |content, is_cut| {
            visitor.content(&entry, content, is_cut);
        })?;
        if buffers.held.capacity() as u64 > UNCOUNTED_BYTES {
            buffers.held = Vec::new();
        }
    }
    Ok(())
}

impl Want {
    /// Returns how many bytes are wanted at most; `None` if nothing is.
    pub(crate) fn limit(self) -> Option<u64> {
        match self {
            Self::Nothing | Self::Sniff => None,
            Self::Head(count) => Some(count as u64),
            Self::Whole { limit } | Self::Pieces { limit } => Some(limit),
        }
    }

    /// Says that a file is larger than what is looked at of it, where all of it is wanted.
    pub(crate) fn is_over(self, size: u64) -> Option<String> {
        let (Self::Whole { limit } | Self::Pieces { limit }) = self else {
            return None;
        };
        (size > limit)
            .then(|| format!("the file has {size} bytes, only the first {limit} are looked at"))
    }
}

/// Decides whether a member is shown, writing its normal path and link target. A refusal has its diagnostic.
fn accept<S>(
    reader: &TarReader<S>,
    member: &Member,
    buffers: &mut Buffers,
    limits: &Limits,
    notes: &mut Notes,
    tally: &mut Tally,
) -> Option<EntryKind> {
    let name = reader.name.as_slice();
    let kind = match member.kind {
        Ok(kind) => kind,
        // A volume label is no entry.
        Err(b'V') => return None,
        Err(flag) => {
            let flag = char::from(flag).escape_default();
            let message = format!("the entry's type `{flag}` is none that runtimes unpack");
            notes.push_at("tar.bad_header", Level::Warning, name, message);
            return None;
        }
    };
    if name.len() > limits.path_bytes {
        tally.is_whole = false;
        let message = format!(
            "a path of {} bytes, the limit is {}",
            name.len(),
            limits.path_bytes
        );
        notes.push_at("limit.path", Level::Error, name, message);
        return None;
    }
    let Ok(components) = normalise(name, &mut buffers.path) else {
        refuse(
            notes,
            name,
            "the path has a `..` component; the entry is refused",
        );
        return None;
    };
    if components > limits.path_components {
        tally.is_whole = false;
        let message = format!(
            "a path of {components} components, the limit is {}",
            limits.path_components
        );
        notes.push_at("limit.path", Level::Error, name, message);
        return None;
    }
    if components == 0 {
        // The root itself; anything but a directory in its place is nothing a runtime could make.
        if kind != EntryKind::Directory {
            let message = "an entry that is no directory stands for the root";
            notes.push_at("tar.bad_header", Level::Warning, name, message);
        }
        return None;
    }
    match kind {
        EntryKind::Symlink => {
            buffers.link.clear();
            buffers.link.extend_from_slice(&reader.link);
        }
        EntryKind::Hardlink => {
            if let Err(Escape) = normalise(&reader.link, &mut buffers.link) {
                refuse(
                    notes,
                    name,
                    "the hardlink's target has a `..` component; the entry is refused",
                );
                return None;
            }
        }
        _ => {}
    }
    if member.has_bad_number {
        let message = "a numeric field is not a number and counts as zero";
        notes.push_at("tar.bad_header", Level::Warning, name, message);
    }
    if member.is_overridden {
        let message =
            "a global header sets this entry's name, target or size; some runtimes ignore it";
        notes.push_at("tar.global_override", Level::Warning, name, message);
    }
    Some(kind)
}

fn refuse(notes: &mut Notes, name: &[u8], message: &str) {
    notes.push_at("tar.path_escape", Level::Warning, name, message);
}

/// The paths seen so far, as 64-bit hashes under a random key: eight bytes for each of millions of entries. Two paths
/// share a hash with a chance below one in eight million for a full layer, and the cost is one wrong remark.
#[derive(Default)]
struct Seen {
    key: RandomState,
    hashes: HashSet<u64, RandomState>,
}

impl Seen {
    /// Records a path and says whether it was there before. A directory listed twice is the same directory, and usual.
    fn is_repeated(&mut self, path: &[u8], kind: EntryKind) -> bool {
        let hash = self.key.hash_one(path);
        let (as_directory, as_other) = (hash | 1, hash & !1);
        let (own, other) = if kind == EntryKind::Directory {
            (as_directory, as_other)
        } else {
            (as_other, as_directory)
        };
        let is_new = self.hashes.insert(own);
        self.hashes.contains(&other) || (!is_new && kind != EntryKind::Directory)
    }
}
