//! Reads the rows of one table from the pages of an SQLite file, without SQLite.
//!
//! The file comes from an image: every page number, offset and length in it may lie. Each page is visited at most
//! once, so a cycle ends and the work is bounded by the file; what cannot be read is noted, and the rest is read on.
//! Not supported, because a package database needs none of it: indexes, `WITHOUT ROWID` tables, the write-ahead log.
//!
//! # Source
//! "Database File Format", sqlite.org/fileformat2.html, sections 1.3 to 1.6, 2.1 and 2.6.

use crate::extractor::Notes;

const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const FILE_HEADER: usize = 100;
/// The largest package header that is read, in bytes. The largest known have some ten thousand files and 5 MiB.
const PAYLOAD_LIMIT: usize = 64 << 20;
const TABLE_LEAF: u8 = 13;
const TABLE_INTERIOR: u8 = 5;

/// Calls `row` with every record of `table`, until it returns false.
pub(crate) fn each_row(
    file: &[u8],
    table: &str,
    notes: &mut Notes,
    mut row: impl FnMut(&Record<'_>, &mut Notes) -> bool,
) {
    let Some(database) = Database::open(file) else {
        notes.error(
            "rpm.bad_database",
            "the package database is not an SQLite file",
        );
        return;
    };
    if database.is_short() {
        notes.error(
            "rpm.truncated",
            "the package database is shorter than its header says; what is there was read",
        );
    }
    let mut root = None;
    let mut pages = Pages::new(&database);
    pages.walk(1, notes, &mut |record, _| {
        // type, name, tbl_name, rootpage, sql
        if record.blob(0) == Some(b"table") && record.blob(1) == Some(table.as_bytes()) {
            root = record.integer(3).and_then(|page| u32::try_from(page).ok());
        }
        root.is_none()
    });
    match root {
        Some(root) => {
            // The schema's pages are not the table's; a fresh set lets a table be read whatever the schema looked like.
            Pages::new(&database).walk(root, notes, &mut row);
        }
        None => notes.error(
            "rpm.no_table",
            format!("the package database has no table `{table}`"),
        ),
    }
}

struct Database<'a> {
    file: &'a [u8],
    page_size: usize,
    /// Bytes of a page that hold content; the rest is reserved for extensions.
    usable: usize,
}

impl<'a> Database<'a> {
    fn open(file: &'a [u8]) -> Option<Self> {
        if !file.starts_with(MAGIC) || file.len() < FILE_HEADER {
            return None;
        }
        let page_size = match u16::from_be_bytes([file[16], file[17]]) {
            1 => 65_536,
            size => usize::from(size),
        };
        let usable = page_size.checked_sub(usize::from(file[20]))?;
        // The format demands a power of two from 512 and at least 480 usable bytes.
        (page_size.is_power_of_two() && page_size >= 512 && usable >= 480).then_some(Self {
            file,
            page_size,
            usable,
        })
    }

    fn is_short(&self) -> bool {
        let pages =
            u32::from_be_bytes([self.file[28], self.file[29], self.file[30], self.file[31]]);
        (self.file.len() as u64) < u64::from(pages) * self.page_size as u64
    }

    fn page_count(&self) -> usize {
        self.file.len() / self.page_size
    }

    /// Returns the content of a page; pages count from 1.
    fn page(&self, number: u32) -> Option<&'a [u8]> {
        let start = (number as usize)
            .checked_sub(1)?
            .checked_mul(self.page_size)?;
        self.file.get(start..start.checked_add(self.usable)?)
    }
}

struct Pages<'d, 'a> {
    database: &'d Database<'a>,
    visited: Vec<bool>,
}

impl<'d, 'a> Pages<'d, 'a> {
    fn new(database: &'d Database<'a>) -> Self {
        Self {
            database,
            // One more: pages count from 1, and a cut file may end inside its last page.
            visited: vec![false; database.page_count() + 2],
        }
    }

    /// Returns the page, the first time it is asked for.
    fn take(&mut self, number: u32) -> Option<&'a [u8]> {
        let page = self.database.page(number)?;
        let visited = self.visited.get_mut(number as usize)?;
        (!std::mem::replace(visited, true)).then_some(page)
    }

    /// Visits the table tree below `root` in the order of its keys.
    fn walk(
        &mut self,
        root: u32,
        notes: &mut Notes,
        row: &mut impl FnMut(&Record<'_>, &mut Notes) -> bool,
    ) {
        let mut damage = Damage::default();
        let mut pending = vec![root];
        let mut payload = Vec::new();
        'pages: while let Some(number) = pending.pop() {
            let tree = self
                .take(number)
                .and_then(|page| TreePage::parse(page, number))
                // A tree cannot wait for more pages than the file has, but for those of one cut page.
                .filter(|tree| !tree.interior || pending.len() < self.visited.len());
            let Some(tree) = tree else {
                damage.page(number);
                continue;
            };
            if tree.interior {
                pending.extend(tree.rightmost());
                pending.extend(tree.cells().rev().filter_map(|cell| be32(tree.page, cell)));
                continue;
            }
            for cell in tree.cells() {
                let record = self
                    .payload(tree.page, cell, &mut payload)
                    .and_then(|id| Record::parse(id, &payload));
                match record {
                    None => damage.row(number),
                    Some(record) if row(&record, notes) => {}
                    Some(_) => break 'pages,
                }
            }
        }
        damage.note(notes);
    }

    /// Gathers the payload of a leaf cell, from the cell and its chain of overflow pages, and returns the row's number.
    fn payload(&mut self, page: &[u8], cell: usize, payload: &mut Vec<u8>) -> Option<i64> {
        payload.clear();
        let mut at = cell;
        let size = usize::try_from(varint(page, &mut at)?).ok()?;
        let id = varint(page, &mut at)?.cast_signed();
        if size > PAYLOAD_LIMIT {
            return None;
        }
        let local = local_size(size, self.database.usable);
        payload.extend(page.get(at..at.checked_add(local)?)?);
        if local == size {
            return Some(id);
        }
        let mut next = be32(page, at + local)?;
        while payload.len() < size {
            let overflow = self.take(next)?;
            next = be32(overflow, 0)?;
            let rest = (size - payload.len()).min(overflow.len() - 4);
            payload.extend(&overflow[4..4 + rest]);
        }
        Some(id)
    }
}

/// What of a tree could not be read: counted, because a hostile file has millions of it.
#[derive(Default)]
struct Damage {
    pages: u64,
    rows: u64,
    first_page: Option<u32>,
}

impl Damage {
    fn page(&mut self, number: u32) {
        self.pages += 1;
        self.first_page.get_or_insert(number);
    }

    fn row(&mut self, number: u32) {
        self.rows += 1;
        self.first_page.get_or_insert(number);
    }

    fn note(&self, notes: &mut Notes) {
        if let Some(first) = self.first_page {
            notes.error(
                "rpm.bad_page",
                format!(
                    "{} pages and {} rows of the package database are missing or damaged, the first at page {first}",
                    self.pages, self.rows
                ),
            );
        }
    }
}

/// Returns how much of a payload of `size` bytes lies in the leaf page itself.
///
/// # Source
/// Section 1.6, "B-tree Pages", the formulas for X, M and K of table leaf cells.
fn local_size(size: usize, usable: usize) -> usize {
    let most = usable - 35;
    if size <= most {
        return size;
    }
    let least = (usable - 12) * 32 / 255 - 23;
    let fitting = least + (size - least) % (usable - 4);
    if fitting <= most { fitting } else { least }
}

/// One page of a table tree.
struct TreePage<'a> {
    page: &'a [u8],
    /// Where the page's header begins: behind the file header on page 1.
    start: usize,
    interior: bool,
    cells: usize,
}

impl<'a> TreePage<'a> {
    fn parse(page: &'a [u8], number: u32) -> Option<Self> {
        let start = if number == 1 { FILE_HEADER } else { 0 };
        let interior = match *page.get(start)? {
            TABLE_INTERIOR => true,
            TABLE_LEAF => false,
            _ => return None,
        };
        let cells = usize::from(be16(page, start + 3)?);
        let tree = Self {
            page,
            start,
            interior,
            cells,
        };
        (tree.pointers() + 2 * cells <= page.len()).then_some(tree)
    }

    fn pointers(&self) -> usize {
        self.start + if self.interior { 12 } else { 8 }
    }

    /// Returns the right-most child of an interior page.
    fn rightmost(&self) -> Option<u32> {
        be32(self.page, self.start + 8)
    }

    /// Returns the offsets of the cells.
    fn cells(&self) -> impl DoubleEndedIterator<Item = usize> + use<'a> {
        let (pointers, page) = (self.pointers(), self.page);
        (0..self.cells).filter_map(move |cell| be16(page, pointers + 2 * cell).map(usize::from))
    }
}

/// One row: the values of its columns.
pub(crate) struct Record<'a> {
    /// Its number. A column that is declared as the number of its table is stored empty.
    pub(crate) id: i64,
    /// Type code and content of each column.
    columns: Vec<(u64, &'a [u8])>,
}

impl<'a> Record<'a> {
    /// The tables read here have at most seven columns.
    const COLUMN_LIMIT: usize = 16;

    fn parse(id: i64, payload: &'a [u8]) -> Option<Self> {
        let mut at = 0;
        let header = usize::try_from(varint(payload, &mut at)?).ok()?;
        let mut content = payload.get(header..)?;
        let header = &payload[..header];
        let mut columns = Vec::new();
        while at < header.len() && columns.len() < Self::COLUMN_LIMIT {
            let code = varint(header, &mut at)?;
            let (value, rest) = content.split_at_checked(value_size(code)?)?;
            columns.push((code, value));
            content = rest;
        }
        Some(Self { id, columns })
    }

    /// Returns a blob's or a text's bytes.
    pub(crate) fn blob(&self, column: usize) -> Option<&'a [u8]> {
        let (code, value) = self.columns.get(column)?;
        (*code >= 12).then_some(*value)
    }

    /// Returns a number.
    pub(crate) fn integer(&self, column: usize) -> Option<i64> {
        let (code, value) = self.columns.get(column)?;
        match code {
            1..=6 => {
                let negative = value.first().is_some_and(|byte| byte & 0x80 != 0);
                let start = if negative { -1 } else { 0 };
                Some(
                    value
                        .iter()
                        .fold(start, |sum, byte| sum << 8 | i64::from(*byte)),
                )
            }
            8 => Some(0),
            9 => Some(1),
            _ => None,
        }
    }
}

/// Returns the size in bytes of a value of the given type code.
fn value_size(code: u64) -> Option<usize> {
    match code {
        0 | 8 | 9 => Some(0),
        1..=4 => Some(code as usize),
        5 => Some(6),
        6 | 7 => Some(8),
        10 | 11 => None, // reserved
        _ => usize::try_from((code - 12) / 2).ok(),
    }
}

/// Reads a big-endian number of seven bits a byte, nine bytes at most; the ninth gives eight bits.
fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0_u64;
    for index in 0..9 {
        let byte = *bytes.get(*at)?;
        *at += 1;
        if index == 8 {
            return Some(value << 8 | u64::from(byte));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(value)
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}
