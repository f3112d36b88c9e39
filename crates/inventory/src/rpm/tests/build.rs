//! Writes package headers and databases, byte by byte.

/// A value of a header.
pub(super) enum Value {
    Text(&'static str),
    Texts(Vec<&'static str>),
    Numbers(Vec<u32>),
    Bytes(Vec<u8>),
}

/// Writes a header of tags and values.
pub(super) fn header(values: &[(u32, Value)]) -> Vec<u8> {
    let (mut index, mut store) = (Vec::new(), Vec::new());
    for (tag, value) in values {
        if matches!(value, Value::Numbers(_)) {
            store.resize(usize::next_multiple_of(store.len(), 4), 0);
        }
        let offset = store.len();
        let (kind, count) = match value {
            Value::Text(text) => {
                store.extend(text.as_bytes());
                store.push(0);
                (6, 1)
            }
            Value::Texts(texts) => {
                for text in texts {
                    store.extend(text.as_bytes());
                    store.push(0);
                }
                (8, texts.len())
            }
            Value::Numbers(numbers) => {
                store.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
                (4, numbers.len())
            }
            Value::Bytes(bytes) => {
                store.extend(bytes);
                (7, bytes.len())
            }
        };
        for number in [*tag, kind, be(offset), be(count)] {
            index.extend(number.to_be_bytes());
        }
    }
    let mut header = Vec::new();
    header.extend(be(values.len()).to_be_bytes());
    header.extend(be(store.len()).to_be_bytes());
    header.extend(index);
    header.extend(store);
    header
}

fn be(number: usize) -> u32 {
    u32::try_from(number).expect("fixtures are small")
}

/// A header of a name, a version and a text that fills it to `size` bytes.
pub(super) fn package(name: &'static str, version: &'static str, size: usize) -> Vec<u8> {
    let mut values = vec![
        (1000, Value::Text(name)),
        (1001, Value::Text(version)),
        (1002, Value::Text("1.el9")),
        (1022, Value::Text("noarch")),
    ];
    let length = header(&values).len() + 16;
    values.push((1005, Value::Bytes(vec![b'x'; size.saturating_sub(length)])));
    header(&values)
}

/// Writes an NDB database.
pub(super) fn ndb(headers: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    for number in [0x506d_7052_u32, 0, 7, 1, be(headers.len()) + 1, 0, 0, 0] {
        file.extend(number.to_le_bytes());
    }
    let mut blobs = Vec::new();
    for (number, header) in (1..).zip(headers) {
        let start = 4096 + blobs.len();
        blobs.extend(b"BlbS");
        for word in [number, 7, be(header.len())] {
            blobs.extend(word.to_le_bytes());
        }
        blobs.extend(header);
        blobs.resize((blobs.len() + 12).next_multiple_of(16) - 12, 0);
        blobs.extend([0xad; 4]); // a checksum, which is not read
        blobs.extend(be(header.len()).to_le_bytes());
        blobs.extend(b"BlbE");
        file.extend(b"Slot");
        for word in [
            number,
            be(start / 16),
            be((4096 + blobs.len() - start) / 16),
        ] {
            file.extend(word.to_le_bytes());
        }
    }
    while file.len() < 4096 {
        file.extend(b"Slot\0\0\0\0\0\0\0\0\0\0\0\0");
    }
    file.extend(blobs);
    file
}

/// Writes a Berkeley DB hash of one bucket page, in either byte order: short headers in the page, others behind it.
pub(super) fn berkeley(headers: &[Vec<u8>], big_endian: bool) -> Vec<u8> {
    const PAGE: usize = 1024;
    let order = Order(big_endian);
    let mut overflow: Vec<Vec<u8>> = Vec::new();
    let mut items = vec![inline(&order.u32(0)), inline(&order.u32(be(headers.len())))];
    for (number, header) in (1..).zip(headers) {
        items.push(inline(&order.u32(number)));
        if header.len() < 200 {
            items.push(inline(header));
            continue;
        }
        let first = be(overflow.len() + 2);
        let pieces: Vec<&[u8]> = header.chunks(PAGE - 26).collect();
        for (at, piece) in (0..).zip(&pieces) {
            let last = at + 1 == be(pieces.len());
            let next = if last { 0 } else { first + at + 1 };
            let mut page = order.page_header(first + at, next, 1, piece.len(), 7);
            page.extend(*piece);
            page.resize(PAGE, 0);
            overflow.push(page);
        }
        let mut item = vec![3, 0, 0, 0];
        item.extend(order.u32(first));
        item.extend(order.u32(be(header.len())));
        items.push(item);
    }
    let mut meta = order.page_header(0, 0, 0, 0, 8);
    meta[12..16].copy_from_slice(&order.u32(0x0006_1561));
    meta[16..20].copy_from_slice(&order.u32(9));
    meta[20..24].copy_from_slice(&order.u32(be(PAGE)));
    meta.resize(PAGE, 0);
    meta[32..36].copy_from_slice(&order.u32(be(overflow.len() + 1)));

    let mut bucket = order.page_header(1, 0, items.len(), PAGE, 13);
    let mut end = PAGE;
    for item in &items {
        end -= item.len();
        bucket.extend(order.u16(end));
    }
    bucket.resize(end, 0);
    for item in items.iter().rev() {
        bucket.extend(item);
    }
    [vec![meta, bucket], overflow].concat().concat()
}

fn inline(bytes: &[u8]) -> Vec<u8> {
    [&[1], bytes].concat()
}

/// The byte order of a machine.
struct Order(bool);

impl Order {
    fn u32(&self, number: u32) -> [u8; 4] {
        if self.0 {
            number.to_be_bytes()
        } else {
            number.to_le_bytes()
        }
    }

    fn u16(&self, number: usize) -> [u8; 2] {
        let number = u16::try_from(number).expect("a page has fewer bytes");
        if self.0 {
            number.to_be_bytes()
        } else {
            number.to_le_bytes()
        }
    }

    /// Log position, number, previous and next page, entries, used bytes, level, kind.
    fn page_header(
        &self,
        number: u32,
        next: u32,
        entries: usize,
        used: usize,
        kind: u8,
    ) -> Vec<u8> {
        let mut header = vec![0; 8];
        header.extend(self.u32(number));
        header.extend(self.u32(0));
        header.extend(self.u32(next));
        header.extend(self.u16(entries));
        header.extend(self.u16(used));
        header.extend([0, kind]);
        header
    }
}
