//! From header to header.

use super::header::{self, Block, Format};
use super::pax::{self, BadRecord, Records};
use super::sparse::{self, Segment};
use super::{BLOCK, header::number};
use crate::EntryKind;
use crate::layer::stop::Stop;
use crate::layer::stream::Stream;

/// What one header, with the extended headers before it, says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    /// The kind, or the type flag where it is none the runtimes unpack.
    pub(crate) kind: Result<EntryKind, u8>,
    /// The logical size in bytes.
    pub(crate) size: u64,
    pub(crate) mode: u32,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
    pub(crate) mtime_secs: i64,
    pub(crate) device: (u32, u32),
    /// Whether a number that does not decide framing could not be read and counts as zero.
    pub(crate) has_bad_number: bool,
    /// Whether a global record replaced the name, the target or the size. Some runtimes ignore global records.
    pub(crate) is_overridden: bool,
}

/// A tar being read. After [`advance`](Self::advance) the texts of the member are in the public fields, and its content
/// may be read; what is not read is skipped.
pub(crate) struct TarReader<S> {
    /// The stream.
    pub(crate) stream: S,
    /// The member's name as written.
    pub(crate) name: Vec<u8>,
    /// The member's link target as written.
    pub(crate) link: Vec<u8>,
    /// The member's file capabilities, if recorded.
    pub(crate) capability: Option<Vec<u8>>,
    header_limit: u64,
    globals: Records,
    /// Stored bytes of the current member that were not read.
    pub(super) left: u64,
    /// First bytes of the current member that were read only to be looked at.
    pub(super) early: Vec<u8>,
    padding: u64,
    /// The spans of the current member, if it is sparse.
    pub(super) segments: Option<Vec<Segment>>,
    /// Whether the archive ended with its mark.
    has_end_mark: bool,
}

/// What comes before a member: extended headers, as far as they were read.
#[derive(Default)]
struct Before {
    records: Records,
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
    bytes: u64,
}

impl<S: Stream> TarReader<S> {
    /// Starts to read. Extended headers and sparse maps of one member may have `header_limit` bytes.
    pub(crate) fn new(stream: S, header_limit: u64) -> Self {
        Self {
            stream,
            name: Vec::new(),
            link: Vec::new(),
            capability: None,
            header_limit,
            globals: Records::default(),
            left: 0,
            early: Vec::new(),
            padding: 0,
            segments: None,
            has_end_mark: false,
        }
    }

    /// Returns whether the archive ended with two zero blocks, as opposed to the end of the stream.
    pub(crate) fn has_end_mark(&self) -> bool {
        self.has_end_mark
    }

    /// Returns whether the current member has holes.
    pub(crate) fn is_sparse(&self) -> bool {
        self.segments.is_some()
    }

    /// Goes to the next member; `None` at the end of the archive.
    pub(crate) fn advance(&mut self) -> Result<Option<Member>, Stop> {
        self.finish_member()?;
        let mut before = Before::default();
        loop {
            let Some(block) = self.read_header()? else {
                return Ok(None);
            };
            match block[156] {
                b'x' => {
                    let payload = self.read_payload(&block, &mut before)?;
                    before.records = Records::parse(&payload).map_err(bad_record)?;
                }
                b'g' => {
                    let payload = self.read_payload(&block, &mut before)?;
                    self.globals = Records::parse(&payload)
                        .map_err(bad_record)?
                        .over(&self.globals);
                    // A global header between an extended header and its member separates the two, as in the runtimes.
                    before = Before {
                        bytes: before.bytes,
                        ..Before::default()
                    };
                }
                b'L' => {
                    let payload = self.read_payload(&block, &mut before)?;
                    before.long_name = Some(header::text(&payload).to_vec());
                }
                b'K' => {
                    let payload = self.read_payload(&block, &mut before)?;
                    before.long_link = Some(header::text(&payload).to_vec());
                }
                flag => return self.member(&block, flag, before).map(Some),
            }
        }
    }

    /// Skips what is left of the current member. A stream that ends inside the padding ends the archive, as it does for
    /// the runtimes; inside content it is cut.
    fn finish_member(&mut self) -> Result<(), Stop> {
        self.segments = None;
        self.early.clear();
        let left = std::mem::take(&mut self.left);
        if self.stream.skip(left)? < left {
            return Err(Stop::Truncated("inside a file"));
        }
        let padding = std::mem::take(&mut self.padding);
        self.stream.skip(padding)?;
        Ok(())
    }

    /// Reads the next header block; `None` at the end of the archive.
    fn read_header(&mut self) -> Result<Option<Block>, Stop> {
        let Some(block) = self.read_block("inside a tar header")? else {
            return Ok(None);
        };
        if header::is_zero(&block) {
            return match self.read_block("inside the end of the archive")? {
                None => Ok(None),
                Some(second) if header::is_zero(&second) => {
                    self.has_end_mark = true;
                    Ok(None)
                }
                Some(_) => Err(self.bad("a single zero block stands between members")),
            };
        }
        if !header::has_valid_checksum(&block) {
            return Err(self.bad("the header's checksum does not match"));
        }
        Ok(Some(block))
    }

    /// Reads one block; `None` if the stream ends before it.
    fn read_block(&mut self, what: &'static str) -> Result<Option<Block>, Stop> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            let there = self.stream.fill()?;
            if there.is_empty() {
                return if filled == 0 {
                    Ok(None)
                } else {
                    Err(Stop::Truncated(what))
                };
            }
            let step = there.len().min(BLOCK - filled);
            block[filled..filled + step].copy_from_slice(&there[..step]);
            self.stream.consume(step);
            filled += step;
        }
        Ok(Some(block))
    }

    /// Reads the content of an extended header, within the limit for all of them together.
    fn read_payload(&mut self, block: &Block, before: &mut Before) -> Result<Vec<u8>, Stop> {
        let size = number(&block[124..136])
            .and_then(|size| u64::try_from(size).ok())
            .ok_or_else(|| self.bad("an extended header's size is not a number in range"))?;
        self.spend(size.saturating_add(BLOCK as u64), before)?;
        let mut payload = Vec::with_capacity(size as usize);
        self.left = size;
        self.append(size, &mut payload).map_err(|stop| match stop {
            Stop::Truncated(_) => Stop::Truncated("inside an extended header"),
            other => other,
        })?;
        self.stream.skip(padding_of(size))?;
        Ok(payload)
    }

    fn spend(&self, bytes: u64, before: &mut Before) -> Result<(), Stop> {
        before.bytes = before.bytes.saturating_add(bytes);
        if before.bytes > self.header_limit {
            let message = format!(
                "more than {} bytes of extended headers before one entry, at byte {}",
                self.header_limit,
                self.stream.position()
            );
            return Err(Stop::Limit("limit.header", message));
        }
        Ok(())
    }

    /// Puts a member together from its header and what stood before it.
    fn member(&mut self, block: &Block, flag: u8, mut before: Before) -> Result<Member, Stop> {
        let records = std::mem::take(&mut before.records);
        let globals = &self.globals;
        let is_overridden = !globals.is_empty()
            && ((globals.path.is_some() && records.path.is_none())
                || (globals.linkpath.is_some() && records.linkpath.is_none())
                || (globals.size.is_some() && records.size.is_none()));
        let records = records.over(globals);

        header::name(block, &mut self.name);
        self.link.clear();
        self.link.extend_from_slice(header::text(&block[157..257]));
        // Go's order, and so the runtimes': a GNU long name wins over a PAX path, whichever came first.
        if let Some(name) = before.long_name.take().or(records.path) {
            self.name = name;
        }
        if let Some(link) = before.long_link.take().or(records.linkpath) {
            self.link = link;
        }
        self.capability = records.capability;

        let mut has_bad_number = false;
        let mut lenient = |field: &[u8]| {
            number(field).unwrap_or_else(|| {
                has_bad_number = true;
                0
            })
        };
        let mode = lenient(&block[100..108]) as u32 & 0o7777;
        let uid = records.uid.unwrap_or_else(|| lenient(&block[108..116]));
        let gid = records.gid.unwrap_or_else(|| lenient(&block[116..124]));
        let mtime_secs = records.mtime.unwrap_or_else(|| lenient(&block[136..148]));
        let kind = kind_of(flag, &self.name);
        let is_device = matches!(kind, Ok(EntryKind::Char | EntryKind::Block));
        let device = match header::format(block) {
            Format::V7 => (0, 0),
            _ if !is_device => (0, 0),
            _ => (
                lenient(&block[329..337]) as u32,
                lenient(&block[337..345]) as u32,
            ),
        };

        let stated = records.size.or_else(|| number(&block[124..136]));
        let Some(stated) = stated.and_then(|size| u64::try_from(size).ok()) else {
            return Err(self.bad("the size is negative or not a number in range"));
        };
        // These kinds have no content whatever their size says; the next header follows at once.
        let is_header_only = !matches!(kind, Ok(EntryKind::File) | Err(_));
        let stored = if is_header_only { 0 } else { stated };
        self.left = stored;
        self.padding = padding_of(stored);

        let mut size = stored;
        if kind == Ok(EntryKind::File) {
            let map = if flag == b'S' {
                self.gnu_sparse(block, &mut before)?
            } else {
                self.pax_sparse(records.sparse, &mut before)?
            };
            if let Some((segments, logical)) = map {
                sparse::check(&segments, logical, self.left).map_err(|reason| self.bad(&reason))?;
                self.segments = Some(segments);
                size = logical;
            }
        }
        Ok(Member {
            kind,
            size,
            mode,
            uid: uid as u64,
            gid: gid as u64,
            mtime_secs,
            device,
            has_bad_number,
            is_overridden,
        })
    }

    /// Reads the map of the old GNU format: in the header, continued in extension blocks before the content.
    fn gnu_sparse(
        &mut self,
        block: &Block,
        before: &mut Before,
    ) -> Result<Option<(Vec<Segment>, u64)>, Stop> {
        if header::format(block) != Format::Gnu {
            return Err(self.bad("a GNU sparse file has no GNU header"));
        }
        let mut segments = Vec::new();
        let logical = sparse::real_size(block)
            .ok_or_else(|| self.bad("a sparse file's size is not a number in range"))?;
        let mut is_extended =
            sparse::read_header(block, &mut segments).map_err(|reason| self.bad(&reason))?;
        while is_extended {
            self.spend(BLOCK as u64, before)?;
            let Some(extension) = self.read_block("inside a sparse file's map")? else {
                return Err(Stop::Truncated("inside a sparse file's map"));
            };
            is_extended = sparse::read_extension(&extension, &mut segments)
                .map_err(|reason| self.bad(&reason))?;
        }
        Ok(Some((segments, logical)))
    }

    /// Reads the map of a PAX sparse format: from the records (0.0, 0.1) or the beginning of the content (1.0).
    fn pax_sparse(
        &mut self,
        records: pax::SparseRecords,
        before: &mut Before,
    ) -> Result<Option<(Vec<Segment>, u64)>, Stop> {
        let version = (
            records.major.as_deref().unwrap_or_default(),
            records.minor.as_deref().unwrap_or_default(),
        );
        let is_in_content = match version {
            (b"1", b"0") => true,
            (b"0", b"0" | b"1") => false,
            (b"", b"") if records.map.is_some() => false,
            _ => return Ok(None),
        };
        if let Some(name) = records.name {
            self.name = name;
        }
        let Some(logical) = records.size else {
            return Err(self.bad("a sparse file states no size"));
        };
        let segments = if is_in_content {
            self.sparse_map_in_content(before)?
        } else {
            records.map.unwrap_or_default()
        };
        Ok(Some((segments, logical)))
    }

    /// Reads a 1.0 map: decimal numbers, one a line — the count, then offset and length of each span — in whole blocks.
    fn sparse_map_in_content(&mut self, before: &mut Before) -> Result<Vec<Segment>, Stop> {
        let mut lines = MapLines::default();
        let mut expected = None;
        let mut segments: Vec<Segment> = Vec::new();
        loop {
            while let Some(number) = lines.next().map_err(|reason| self.bad(reason))? {
                match (expected, lines.offset.take()) {
                    (None, _) => expected = Some(number),
                    (Some(_), None) => lines.offset = Some(number),
                    (Some(_), Some(offset)) => segments.push(Segment {
                        offset,
                        length: number,
                    }),
                }
                if expected == Some(segments.len() as u64) && lines.offset.is_none() {
                    return Ok(segments);
                }
            }
            if self.left < BLOCK as u64 {
                return Err(self.bad("a sparse file's map goes beyond its content"));
            }
            self.spend(BLOCK as u64, before)?;
            let Some(block) = self.read_block("inside a sparse file's map")? else {
                return Err(Stop::Truncated("inside a sparse file's map"));
            };
            self.left -= BLOCK as u64;
            lines.push(&block);
        }
    }

    fn bad(&self, reason: &str) -> Stop {
        Stop::BadHeader(format!("{reason}, before byte {}", self.stream.position()))
    }
}

/// The lines of a 1.0 sparse map, as its blocks arrive.
#[derive(Default)]
struct MapLines {
    text: Vec<u8>,
    at: usize,
    /// The offset that waits for its length.
    offset: Option<u64>,
}

impl MapLines {
    fn push(&mut self, block: &Block) {
        self.text.drain(..self.at);
        self.at = 0;
        self.text.extend_from_slice(block);
    }

    fn next(&mut self) -> Result<Option<u64>, &'static str> {
        const LONGEST: usize = 20;
        let rest = &self.text[self.at..];
        let Some(end) = rest.iter().take(LONGEST).position(|byte| *byte == b'\n') else {
            return if rest.len() < LONGEST {
                Ok(None)
            } else {
                Err("a sparse file's map is not made of numbers")
            };
        };
        let number = pax::decimal(&rest[..end]).filter(|number| i64::try_from(*number).is_ok());
        self.at += end + 1;
        number
            .map(Some)
            .ok_or("a sparse file's map is not made of numbers")
    }
}

fn kind_of(flag: u8, name: &[u8]) -> Result<EntryKind, u8> {
    Ok(match flag {
        // Archives older than the directory flag mark directories by their names.
        0 if name.ends_with(b"/") => EntryKind::Directory,
        0 | b'0' | b'7' | b'S' => EntryKind::File,
        b'1' => EntryKind::Hardlink,
        b'2' => EntryKind::Symlink,
        b'3' => EntryKind::Char,
        b'4' => EntryKind::Block,
        b'5' => EntryKind::Directory,
        b'6' => EntryKind::Fifo,
        other => return Err(other),
    })
}

fn padding_of(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK as u64
}

fn bad_record(record: BadRecord) -> Stop {
    Stop::BadHeader(record.0)
}
