//! Reads the package headers of an NDB database (`Packages.db`, SUSE and others).
//!
//! Pages of slots stand at the beginning; each slot in use says where its header lies, in blocks of 16 bytes. A header
//! is framed by a head and a tail that repeat what it is, so a slot that points into other bytes is found out. The file
//! comes from an image: every number in it may lie. A block is read at most once, so the work is bounded by the file.
//!
//! # Source
//! The files that rpm 4.18 writes: all numbers little-endian, pages of 4,096 bytes, slots of 16. The corpus suite reads a
//! real one.

use crate::extractor::Notes;

const MAGIC: &[u8; 4] = b"RpmP";
const SLOT: &[u8; 4] = b"Slot";
const HEAD: &[u8; 4] = b"BlbS";
const TAIL: &[u8; 4] = b"BlbE";
const PAGE: usize = 4096;
const FILE_HEADER: usize = 32;
const SLOT_SIZE: usize = 16;
const BLOCK: usize = 16;
const HEAD_SIZE: usize = 16;
const TAIL_SIZE: usize = 12;

/// Calls `row` with every package header, until it returns false.
pub(super) fn each_header(
    file: &[u8],
    notes: &mut Notes,
    mut row: impl FnMut(&[u8], &mut Notes) -> bool,
) {
    if !file.starts_with(MAGIC) {
        return notes.error(
            "rpm.bad_database",
            "the package database is not an NDB file",
        );
    }
    let (Some(0), Some(pages)) = (le32(file, 4), le32(file, 12)) else {
        return notes.error(
            "rpm.bad_database",
            "the package database is of an unknown version of the NDB format",
        );
    };
    let end = (pages as usize).saturating_mul(PAGE);
    if end == 0 || end > file.len() {
        notes.error(
            "rpm.truncated",
            "the package database is shorter than its header says; what is there was read",
        );
    }
    let slots = file
        .get(FILE_HEADER..end.min(file.len()))
        .unwrap_or_default();
    let mut visited = vec![false; file.len() / BLOCK + 1];
    let mut damaged = 0_u64;
    for slot in slots.as_chunks::<SLOT_SIZE>().0 {
        let offset = le32(slot, 8).unwrap_or_default();
        if !slot.starts_with(SLOT) {
            damaged += u64::from(slot != &[0; SLOT_SIZE]);
            continue;
        }
        if offset == 0 {
            continue; // free
        }
        let blob = blob(file, slot).filter(|_| {
            visited
                .get_mut(offset as usize)
                .is_some_and(|visited| !std::mem::replace(visited, true))
        });
        let Some(blob) = blob else {
            damaged += 1;
            continue;
        };
        if !row(blob, notes) {
            break;
        }
    }
    if damaged > 0 {
        notes.error(
            "rpm.bad_page",
            format!("{damaged} slots of the package database are damaged or point to no header"),
        );
    }
}

/// Returns the header a slot points to.
fn blob<'a>(file: &'a [u8], slot: &[u8; SLOT_SIZE]) -> Option<&'a [u8]> {
    let package = le32(slot, 4)?;
    let start = (le32(slot, 8)? as usize).checked_mul(BLOCK)?;
    let size = (le32(slot, 12)? as usize).checked_mul(BLOCK)?;
    let framed = file.get(start..start.checked_add(size)?)?;
    let tail = framed.get(framed.len().checked_sub(TAIL_SIZE)?..)?;
    let length = le32(framed, 12)?;
    let is_framed = framed.starts_with(HEAD)
        && le32(framed, 4)? == package
        && le32(tail, 4)? == length
        && tail.ends_with(TAIL);
    let content = framed.get(HEAD_SIZE..framed.len() - TAIL_SIZE)?;
    is_framed.then(|| content.get(..length as usize))?
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
