//! Zip archives that are held in memory, read as the Java runtime reads them.
//!
//! The directory at the end is the truth: names, sizes and methods come from it, and what a local header says otherwise
//! is ignored. Of a name that comes twice the last entry counts. Stored entries are given as they lie; deflated ones are
//! inflated into memory of their own, never beyond the size the directory promises and never beyond an [`Allowance`],
//! which one outer file shares with everything inside it.
//!
//! Not read: encrypted entries, methods other than stored and deflated, archives in several parts, checksums.
//!
//! # Source
//! PKWARE's `APPNOTE.TXT` 6.3.10, sections 4.3.7 (local header), 4.3.12 (directory), 4.3.14 to 4.3.16 (its end), 4.5.3
//! (the extra field for sizes of 64 bits).

#[cfg(test)]
pub(crate) mod build;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use flate2::{Decompress, FlushDecompress, Status};

/// Entries of one outer file and everything inside it.
const ENTRIES_LIMIT: usize = 200_000;
/// Bytes inflated for one outer file and everything inside it.
const INFLATED_LIMIT: u64 = 1 << 30;
/// Bytes inflated and held at one time for one outer file.
const HELD_LIMIT: u64 = 256 << 20;
/// Archives inside archives.
const DEPTH_LIMIT: u32 = 8;

const END: &[u8] = b"PK\x05\x06";
const END_BYTES: usize = 22;
const END_64: &[u8] = b"PK\x06\x06";
const LOCATOR_64: &[u8] = b"PK\x06\x07";
const LOCATOR_64_BYTES: usize = 20;
const ENTRY: &[u8] = b"PK\x01\x02";
const ENTRY_BYTES: usize = 46;
const LOCAL: &[u8] = b"PK\x03\x04";
const LOCAL_BYTES: usize = 30;
/// The longest comment behind the end of the directory.
const COMMENT_LIMIT: usize = 0xffff;
const IS_ENCRYPTED: u16 = 1;

/// Why an archive or an entry of it cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ZipError {
    #[error("the archive has no directory of its entries")]
    NoDirectory,
    #[error("the archive's directory is damaged")]
    BadDirectory,
    #[error("the entry's data is not where the directory says")]
    BadEntry,
    #[error("the entry's compressed data is damaged")]
    BadData,
    #[error("the entry is encrypted")]
    Encrypted,
    #[error("the entry is compressed with method {0}, which is not read")]
    Method(u16),
    #[error("more than {ENTRIES_LIMIT} entries in the archive and those inside it")]
    Entries,
    #[error("more than {INFLATED_LIMIT} bytes inflated, or {HELD_LIMIT} at one time")]
    Inflated,
    #[error("more than {DEPTH_LIMIT} archives inside each other")]
    Depth,
}

impl ZipError {
    /// Returns whether a limit was reached, as opposed to damage.
    pub(crate) fn is_limit(self) -> bool {
        matches!(self, Self::Entries | Self::Inflated | Self::Depth)
    }
}

/// What an outer file and everything inside it may still cost.
#[derive(Debug)]
pub(crate) struct Allowance {
    entries: usize,
    inflated: u64,
    held: u64,
    depth: u32,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            entries: ENTRIES_LIMIT,
            inflated: INFLATED_LIMIT,
            held: HELD_LIMIT,
            depth: DEPTH_LIMIT,
        }
    }
}

impl Allowance {
    /// Goes into an archive inside.
    pub(crate) fn enter(&mut self) -> Result<(), ZipError> {
        self.depth = self.depth.checked_sub(1).ok_or(ZipError::Depth)?;
        Ok(())
    }

    /// Comes back from an archive inside, which held `content`.
    pub(crate) fn leave(&mut self, content: Cow<'_, [u8]>) {
        self.depth += 1;
        self.give_back(content);
    }

    /// Says that a content is no longer held.
    pub(crate) fn give_back(&mut self, content: Cow<'_, [u8]>) {
        if let Cow::Owned(bytes) = content {
            self.held += bytes.len() as u64;
        }
    }
}

/// An archive.
#[derive(Debug)]
pub(crate) struct Archive<'a> {
    bytes: &'a [u8],
    /// Bytes before the archive: a script that runs it, as Spring Boot writes one.
    start: usize,
    /// The entries in the order of the directory.
    pub(crate) entries: Vec<Entry<'a>>,
}

/// One entry, as the directory states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) name: &'a [u8],
    flags: u16,
    method: u16,
    compressed: u64,
    size: u64,
    offset: u64,
}

impl<'a> Archive<'a> {
    /// Reads the directory.
    pub(crate) fn open(bytes: &'a [u8], allowance: &mut Allowance) -> Result<Self, ZipError> {
        let end = find_end(bytes).ok_or(ZipError::NoDirectory)?;
        let directory = Directory::at(bytes, end).ok_or(ZipError::BadDirectory)?;
        let mut rest = &bytes[directory.place..directory.end];
        let mut entries = Vec::new();
        while rest.starts_with(ENTRY) {
            let (entry, after) = Entry::read(rest).ok_or(ZipError::BadDirectory)?;
            allowance.entries = allowance.entries.checked_sub(1).ok_or(ZipError::Entries)?;
            entries.push(entry);
            rest = after;
        }
        Ok(Self {
            bytes,
            start: directory.start,
            entries,
        })
    }

    /// Returns the content of an entry; at most `limit` bytes.
    pub(crate) fn read(
        &self,
        entry: &Entry<'a>,
        limit: u64,
        allowance: &mut Allowance,
    ) -> Result<Cow<'a, [u8]>, ZipError> {
        if entry.flags & IS_ENCRYPTED != 0 {
            return Err(ZipError::Encrypted);
        }
        let data = self.data(entry).ok_or(ZipError::BadEntry)?;
        match entry.method {
            0 => Ok(Cow::Borrowed(&data[..data.len().min(to_usize(limit))])),
            8 => inflate(data, entry.size.min(limit), allowance).map(Cow::Owned),
            method => Err(ZipError::Method(method)),
        }
    }

    /// Returns the compressed bytes of an entry: behind its local header, of which only the lengths count.
    fn data(&self, entry: &Entry<'a>) -> Option<&'a [u8]> {
        let at = self
            .start
            .checked_add(usize::try_from(entry.offset).ok()?)?;
        let local = self.bytes.get(at..)?;
        if !local.starts_with(LOCAL) {
            return None;
        }
        let lengths = usize::from(u16_at(local, 26)?) + usize::from(u16_at(local, 28)?);
        local
            .get(LOCAL_BYTES + lengths..)?
            .get(..usize::try_from(entry.compressed).ok()?)
    }
}

/// Where the directory is.
struct Directory {
    start: usize,
    place: usize,
    end: usize,
}

impl Directory {
    /// Reads the end of the directory. What it says about its place is relative to the beginning of the archive, which
    /// need not be that of the file.
    fn at(bytes: &[u8], end: usize) -> Option<Self> {
        let record = &bytes[end..];
        let size = u64::from(u32_at(record, 12)?);
        let offset = u64::from(u32_at(record, 16)?);
        let (end, size, offset) = Self::wide(bytes, end).unwrap_or((end, size, offset));
        let place = end.checked_sub(usize::try_from(size).ok()?)?;
        Some(Self {
            start: place.checked_sub(usize::try_from(offset).ok()?)?,
            place,
            end,
        })
    }

    /// Reads the end of a directory of 64 bits: its own place, and size and place of the directory.
    fn wide(bytes: &[u8], end: usize) -> Option<(usize, u64, u64)> {
        let locator = bytes.get(end.checked_sub(LOCATOR_64_BYTES)?..)?;
        if !locator.starts_with(LOCATOR_64) {
            return None;
        }
        // Where it says, or in front of its locator if the archive does not begin the file.
        let stated = usize::try_from(u64_at(locator, 8)?).ok()?;
        let in_front = end.checked_sub(LOCATOR_64_BYTES + 56)?;
        [stated, in_front].into_iter().find_map(|at| {
            let record = bytes.get(at..end)?;
            let parts = (at, u64_at(record, 40)?, u64_at(record, 48)?);
            record.starts_with(END_64).then_some(parts)
        })
    }
}

impl<'a> Entry<'a> {
    /// Reads an entry of the directory, and returns what follows it.
    fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let [name, extra, comment] = [28, 30, 32].map(|at| u16_at(bytes, at).map(usize::from));
        let (name_end, extra, comment) = (ENTRY_BYTES + name?, extra?, comment?);
        let extra_end = name_end + extra;
        let mut entry = Self {
            name: bytes.get(ENTRY_BYTES..name_end)?,
            flags: u16_at(bytes, 8)?,
            method: u16_at(bytes, 10)?,
            compressed: u64::from(u32_at(bytes, 20)?),
            size: u64::from(u32_at(bytes, 24)?),
            offset: u64::from(u32_at(bytes, 42)?),
        };
        entry.widen(bytes.get(name_end..extra_end)?);
        Some((entry, bytes.get(extra_end + comment..)?))
    }

    /// Takes the numbers that do not fit in 32 bits from the extra field.
    fn widen(&mut self, mut extra: &[u8]) {
        const WIDE: u64 = 0xffff_ffff;
        while let (Some(id), Some(length)) = (u16_at(extra, 0), u16_at(extra, 2)) {
            let Some((field, rest)) = extra[4..].split_at_checked(usize::from(length)) else {
                return;
            };
            if id == 1 {
                let mut at = 0;
                for number in [&mut self.size, &mut self.compressed, &mut self.offset] {
                    if *number == WIDE {
                        let Some(wide) = u64_at(field, at) else {
                            return;
                        };
                        *number = wide;
                        at += 8;
                    }
                }
                return;
            }
            extra = rest;
        }
    }
}

/// Finds the end of the directory: the last one whose comment ends with the file, else the last one.
fn find_end(bytes: &[u8]) -> Option<usize> {
    let from = bytes.len().saturating_sub(END_BYTES + COMMENT_LIMIT);
    let tail = &bytes[from..];
    let is_exact = |at: &usize| {
        let comment = u16_at(tail, at + 20).map(usize::from);
        comment.is_some_and(|comment| at + END_BYTES + comment == tail.len())
    };
    let whole = |at: &usize| at + END_BYTES <= tail.len();
    let mut places = memchr::memmem::rfind_iter(tail, END).filter(whole);
    let last = places.next()?;
    let exact = std::iter::once(last).chain(places).find(is_exact);
    Some(from + exact.unwrap_or(last))
}

/// Inflates up to `size` bytes.
fn inflate(data: &[u8], size: u64, allowance: &mut Allowance) -> Result<Vec<u8>, ZipError> {
    let room = allowance.inflated.min(allowance.held);
    // Deflate cannot give more than 1,032 bytes for one, so a promise beyond that is not believed with memory.
    let promised = size.min(data.len() as u64 * 1_032 + 1);
    let mut content = Vec::with_capacity(to_usize(promised.min(room)));
    let mut inflater = Decompress::new(false);
    let outcome = loop {
        if content.len() as u64 >= size {
            break Ok(());
        }
        if content.len() as u64 >= room {
            break Err(ZipError::Inflated);
        }
        if content.len() == content.capacity() {
            content.reserve(1);
        }
        let (before, rest) = (content.len(), &data[to_usize(inflater.total_in())..]);
        match inflater.decompress_vec(rest, &mut content, FlushDecompress::None) {
            Ok(Status::StreamEnd) => break Ok(()),
            // Cut, or no progress: what is there is not the entry.
            Ok(_) if content.len() == before => break Err(ZipError::BadData),
            Ok(_) => {}
            Err(_) => break Err(ZipError::BadData),
        }
    };
    content.truncate(to_usize(size.min(room)));
    allowance.inflated -= content.len() as u64;
    outcome?;
    allowance.held -= content.len() as u64;
    Ok(content)
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
