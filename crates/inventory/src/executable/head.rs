//! The head of an executable: byte order, size of pointers, and where addresses are in the file.

/// Parts of the file that are loaded, at most; real programs have a dozen.
const SEGMENT_LIMIT: usize = 64;

/// How the addresses of a program lie in its file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    segments: Vec<Segment>,
}

#[derive(Debug, PartialEq, Eq)]
struct Segment {
    address: u64,
    offset: u64,
    bytes: u64,
}

impl Head {
    /// Reads the first bytes of a file. What cannot be read gives a head that knows no address.
    pub(crate) fn parse(file: &[u8]) -> Self {
        let segments = match file {
            [0x7f, b'E', b'L', b'F', ..] => elf(file),
            [b'M', b'Z', ..] => pe(file),
            [0xce | 0xcf, 0xfa, 0xed, 0xfe, ..] => mach_o(file),
            _ => None,
        };
        Self {
            segments: segments.unwrap_or_default(),
        }
    }

    /// Returns where in the file an address is.
    pub(crate) fn offset(&self, address: u64) -> Option<u64> {
        let segment = self.segments.iter().find(|segment| {
            (segment.address..segment.address.saturating_add(segment.bytes)).contains(&address)
        })?;
        segment.offset.checked_add(address - segment.address)
    }
}

/// Returns whether the program is packed with UPX.
///
/// # Source
/// What UPX 4 leaves in the files it packs: its mark behind the headers of an ELF file, its names of sections in a PE
/// file.
pub(super) fn is_packed(file: &[u8]) -> bool {
    let start = &file[..file.len().min(1024)];
    let has = |mark: &[u8]| memchr::memmem::find(start, mark).is_some();
    match start {
        [0x7f, b'E', b'L', b'F', ..] => has(b"UPX!"),
        [b'M', b'Z', ..] => has(b"UPX0\0") && has(b"UPX1\0"),
        _ => false,
    }
}

/// A number in a file of either byte order.
#[derive(Clone, Copy)]
pub(crate) struct Numbers<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) is_big_endian: bool,
}

impl Numbers<'_> {
    /// Reads a number of `size` bytes, at most eight.
    pub(crate) fn at(self, offset: u64, size: usize) -> Option<u64> {
        let start = usize::try_from(offset).ok()?;
        let bytes = self.bytes.get(start..start.checked_add(size)?)?;
        let fold = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if self.is_big_endian {
            bytes.iter().fold(0, fold)
        } else {
            bytes.iter().rev().fold(0, fold)
        })
    }
}

/// # Source
/// `elf(5)`: program headers of type `PT_LOAD`.
fn elf(file: &[u8]) -> Option<Vec<Segment>> {
    const LOAD: u64 = 1;
    let wide = *file.get(4)? == 2;
    let numbers = Numbers {
        bytes: file,
        is_big_endian: *file.get(5)? == 2,
    };
    let (table, size, count) = if wide {
        (numbers.at(32, 8)?, numbers.at(54, 2)?, numbers.at(56, 2)?)
    } else {
        (numbers.at(28, 4)?, numbers.at(42, 2)?, numbers.at(44, 2)?)
    };
    let (word, offset, address, bytes) = if wide { (8, 8, 16, 32) } else { (4, 4, 8, 16) };
    let mut segments = Vec::new();
    for index in 0..count.min(SEGMENT_LIMIT as u64) {
        let header = table.checked_add(index * size)?;
        let field = |at: u64, size: usize| numbers.at(header.checked_add(at)?, size);
        if field(0, 4)? == LOAD {
            segments.push(Segment {
                address: field(address, word)?,
                offset: field(offset, word)?,
                bytes: field(bytes, word)?,
            });
        }
    }
    Some(segments)
}

/// # Source
/// Microsoft's "PE Format": the optional header's image base, the section table.
fn pe(file: &[u8]) -> Option<Vec<Segment>> {
    let numbers = Numbers {
        bytes: file,
        is_big_endian: false,
    };
    let header = numbers.at(0x3c, 4)?;
    if file.get(header as usize..)?.get(..4)? != b"PE\0\0" {
        return None;
    }
    let sections = numbers.at(header + 6, 2)?;
    let optional = header + 24;
    let table = optional + numbers.at(header + 20, 2)?;
    let base = match numbers.at(optional, 2)? {
        0x20b => numbers.at(optional + 24, 8)?,
        0x10b => numbers.at(optional + 28, 4)?,
        _ => return None,
    };
    let mut segments = Vec::new();
    for index in 0..sections.min(SEGMENT_LIMIT as u64) {
        let section = table + index * 40;
        segments.push(Segment {
            address: base.checked_add(numbers.at(section + 12, 4)?)?,
            offset: numbers.at(section + 20, 4)?,
            bytes: numbers.at(section + 16, 4)?,
        });
    }
    Some(segments)
}

/// # Source
/// Apple's `mach-o/loader.h`: `LC_SEGMENT` and `LC_SEGMENT_64`. Big-endian programs are of PowerPC and no container's.
fn mach_o(file: &[u8]) -> Option<Vec<Segment>> {
    let numbers = Numbers {
        bytes: file,
        is_big_endian: false,
    };
    let wide = file.first()? == &0xcf;
    let mut at = if wide { 32 } else { 28 };
    let mut segments = Vec::new();
    for _ in 0..numbers.at(16, 4)?.min(SEGMENT_LIMIT as u64) {
        let segment = match numbers.at(at, 4)? {
            0x19 => Some((24, 40, 48, 8)),
            0x01 => Some((24, 32, 36, 4)),
            _ => None,
        };
        if let Some((address, offset, bytes, word)) = segment {
            segments.push(Segment {
                address: numbers.at(at + address, word)?,
                offset: numbers.at(at + offset, word)?,
                bytes: numbers.at(at + bytes, word)?,
            });
        }
        at += numbers.at(at + 4, 4)?.max(8);
    }
    Some(segments)
}
