//! Reads the package headers of a Berkeley DB hash (`Packages`, rpm before 4.16).
//!
//! Every page says what it is, so pages are read one after the other and the hash directory is not needed: a damaged
//! directory hides nothing. A header is longer than a page nearly always and lies in a chain of overflow pages. The file
//! comes from an image: every number in it may lie. An overflow page is taken once, so a cycle ends and the work is
//! bounded by the file.
//!
//! Not supported, because rpm never asked for it: encryption, checksums, duplicates, B-trees.
//!
//! # Source
//! The files that rpm 4.11 and 4.14 wrote with Berkeley DB 4.7 and 5.3, and the layout that Berkeley DB's reference
//! guide gives of pages: numbers in the byte order of the machine that wrote them, which the magic shows.

use crate::extractor::Notes;

const HASH_MAGIC: u32 = 0x0006_1561;
/// The generic part of the first page.
const META_SIZE: usize = 72;
const FLAG_CHECKSUM: u8 = 1;
/// The header of every other page.
const PAGE_HEADER: usize = 26;

const PAGE_HASH_UNSORTED: u8 = 2;
const PAGE_OVERFLOW: u8 = 7;
const PAGE_HASH: u8 = 13;

const ITEM_INLINE: u8 = 1;
const ITEM_OVERFLOW: u8 = 3;

/// The largest package header that is read, in bytes. The largest known have some ten thousand files and 5 MiB.
const HEADER_LIMIT: usize = 64 << 20;

/// Calls `row` with every package header, until it returns false.
pub(super) fn each_header(
    file: &[u8],
    notes: &mut Notes,
    mut row: impl FnMut(&[u8], &mut Notes) -> bool,
) {
    let database = match Database::open(file) {
        Ok(database) => database,
        Err(reason) => return notes.error("rpm.bad_database", reason),
    };
    if database.is_short() {
        notes.error(
            "rpm.truncated",
            "the package database is shorter than its header says; what is there was read",
        );
    }
    let mut taken = vec![false; file.len() / database.page_size + 1];
    let mut damaged = 0_u64;
    let mut header = Vec::new();
    // The first page describes the others.
    for page in file.chunks_exact(database.page_size).skip(1) {
        if !matches!(page[25], PAGE_HASH | PAGE_HASH_UNSORTED) {
            continue;
        }
        for pair in 0..database.entries(page) / 2 {
            match database.is_package(page, 2 * pair) {
                Some(true) => {}
                Some(false) => continue,
                None => {
                    damaged += 1;
                    continue;
                }
            }
            header.clear();
            if database
                .value(page, 2 * pair + 1, &mut taken, &mut header)
                .is_none()
            {
                damaged += 1;
            } else if !row(&header, notes) {
                return;
            }
        }
    }
    if damaged > 0 {
        notes.error(
            "rpm.bad_page",
            format!("{damaged} rows of the package database are missing or damaged"),
        );
    }
}

struct Database<'a> {
    file: &'a [u8],
    page_size: usize,
    big_endian: bool,
}

impl<'a> Database<'a> {
    /// Returns the database, or why it cannot be read.
    fn open(file: &'a [u8]) -> Result<Self, &'static str> {
        const FOREIGN: &str = "the package database is not a Berkeley DB hash";
        let magic = file
            .get(12..)
            .and_then(<[u8]>::first_chunk)
            .ok_or(FOREIGN)?;
        let big_endian = match (u32::from_le_bytes(*magic), u32::from_be_bytes(*magic)) {
            (HASH_MAGIC, _) => false,
            (_, HASH_MAGIC) => true,
            _ => return Err(FOREIGN),
        };
        let mut database = Self {
            file,
            page_size: 0,
            big_endian,
        };
        let (Some(meta), Some(page_size)) = (file.get(..META_SIZE), database.u32(file, 20)) else {
            return Err("the package database ends inside its first page");
        };
        if meta[24] != 0 || meta[26] & FLAG_CHECKSUM != 0 {
            return Err("the package database is encrypted or has checksums, which is not read");
        }
        database.page_size = page_size as usize;
        let is_sane = page_size.is_power_of_two() && (512..=65_536).contains(&page_size);
        if !is_sane {
            return Err("the package database has an impossible page size");
        }
        Ok(database)
    }

    fn is_short(&self) -> bool {
        let last = self.u32(self.file, 32).unwrap_or_default();
        (self.file.len() as u64) < (u64::from(last) + 1) * self.page_size as u64
    }

    /// Returns how many items a page has room for and says to have.
    fn entries(&self, page: &[u8]) -> usize {
        let most = (page.len() - PAGE_HEADER) / 2;
        usize::from(self.u16(page, 20).unwrap_or_default()).min(most)
    }

    /// Returns the bytes of an item. Items grow from the end of the page to its beginning.
    fn item<'p>(&self, page: &'p [u8], index: usize) -> Option<&'p [u8]> {
        let offset = |index: usize| self.u16(page, PAGE_HEADER + 2 * index).map(usize::from);
        let end = match index.checked_sub(1) {
            Some(previous) => offset(previous)?,
            None => page.len(),
        };
        page.get(offset(index)?..end)
            .filter(|item| !item.is_empty())
    }

    /// Returns whether a key is the number of a package; number 0 holds the next number to give.
    fn is_package(&self, page: &[u8], index: usize) -> Option<bool> {
        match self.item(page, index)?.split_first()? {
            (&ITEM_INLINE, key) => Some(self.u32(key, 0).is_some_and(|number| number != 0)),
            _ => None,
        }
    }

    /// Gathers a value, from the page itself or from its chain of overflow pages.
    fn value(
        &self,
        page: &[u8],
        index: usize,
        taken: &mut [bool],
        value: &mut Vec<u8>,
    ) -> Option<()> {
        let item = self.item(page, index)?;
        match item[0] {
            ITEM_INLINE => value.extend(&item[1..]),
            ITEM_OVERFLOW => {
                let length = self.u32(item, 8)? as usize;
                if length > HEADER_LIMIT.min(self.file.len()) {
                    return None;
                }
                let mut next = self.u32(item, 4)? as usize;
                while value.len() < length {
                    if std::mem::replace(taken.get_mut(next)?, true) {
                        return None;
                    }
                    let start = next.checked_mul(self.page_size)?;
                    let page = self.file.get(start..start.checked_add(self.page_size)?)?;
                    if page[25] != PAGE_OVERFLOW {
                        return None;
                    }
                    let used = usize::from(self.u16(page, 22)?);
                    let content = page.get(PAGE_HEADER..PAGE_HEADER + used)?;
                    value.extend(&content[..content.len().min(length - value.len())]);
                    next = self.u32(page, 16)? as usize;
                }
            }
            _ => return None,
        }
        Some(())
    }

    fn u16(&self, bytes: &[u8], at: usize) -> Option<u16> {
        let bytes = *bytes.get(at..)?.first_chunk()?;
        Some(if self.big_endian {
            u16::from_be_bytes(bytes)
        } else {
            u16::from_le_bytes(bytes)
        })
    }

    fn u32(&self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = *bytes.get(at..)?.first_chunk()?;
        Some(if self.big_endian {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        })
    }
}
