//! A small writer of zip archives, for tests: it writes what it is told, also what is not true.

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;

/// An archive under construction.
#[derive(Default)]
pub(crate) struct Zip {
    bytes: Vec<u8>,
    directory: Vec<u8>,
    entries: u16,
}

/// One entry, field by field.
pub(crate) struct Fields<'a> {
    pub(crate) name: &'a str,
    pub(crate) local_name: &'a str,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) data: &'a [u8],
    pub(crate) size: u32,
    pub(crate) extra: &'a [u8],
}

impl Zip {
    /// Adds a deflated entry.
    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let content = content.as_ref();
        let data = deflate(content);
        self.entry(&Fields {
            method: 8,
            size: content.len() as u32,
            ..Fields::stored(name, &data)
        })
    }

    /// Adds a stored entry.
    pub(crate) fn stored(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.entry(&Fields::stored(name, content.as_ref()))
    }

    /// Adds an entry with a data descriptor: its local header knows no sizes, only the directory does.
    pub(crate) fn described(mut self, name: &str, content: &[u8]) -> Self {
        let data = deflate(content);
        let fields = Fields {
            method: 8,
            flags: 8,
            size: content.len() as u32,
            ..Fields::stored(name, &data)
        };
        let at = self.bytes.len();
        self = self.entry(&fields);
        self.bytes[at + 14..at + 26].fill(0);
        self.bytes.extend(b"PK\x07\x08");
        self.bytes.extend([0; 12]);
        self
    }

    /// Adds an entry as it is described.
    pub(crate) fn entry(mut self, fields: &Fields<'_>) -> Self {
        let offset = self.bytes.len() as u32;
        let common = |local: bool| {
            let name = if local {
                fields.local_name
            } else {
                fields.name
            };
            let extra: &[u8] = if local { &[] } else { fields.extra };
            let wide = !extra.is_empty();
            let (compressed, size) = (fields.data.len() as u32, fields.size);
            let sizes = if wide {
                [u32::MAX; 2]
            } else {
                [compressed, size]
            };
            let mut bytes = Vec::new();
            bytes.extend(20_u16.to_le_bytes());
            bytes.extend(fields.flags.to_le_bytes());
            bytes.extend(fields.method.to_le_bytes());
            bytes.extend([0; 8]);
            bytes.extend(sizes.iter().flat_map(|size| size.to_le_bytes()));
            bytes.extend((name.len() as u16).to_le_bytes());
            bytes.extend((extra.len() as u16).to_le_bytes());
            bytes
        };
        self.bytes.extend(b"PK\x03\x04");
        self.bytes.extend(common(true));
        self.bytes.extend(fields.local_name.as_bytes());
        self.bytes.extend(fields.data);
        self.directory.extend(b"PK\x01\x02\x14\0");
        self.directory.extend(common(false));
        self.directory.extend([0; 10]);
        self.directory.extend(offset.to_le_bytes());
        self.directory.extend(fields.name.as_bytes());
        self.directory.extend(fields.extra);
        self.entries += 1;
        self
    }

    pub(crate) fn bytes(mut self) -> Vec<u8> {
        let offset = self.bytes.len() as u32;
        self.bytes.extend(&self.directory);
        self.bytes.extend(b"PK\x05\x06\0\0\0\0");
        self.bytes.extend(self.entries.to_le_bytes());
        self.bytes.extend(self.entries.to_le_bytes());
        self.bytes
            .extend((self.directory.len() as u32).to_le_bytes());
        self.bytes.extend(offset.to_le_bytes());
        self.bytes.extend([0; 2]);
        self.bytes
    }

    /// Ends the archive as one of more than 4 GiB would end.
    pub(crate) fn wide_bytes(mut self) -> Vec<u8> {
        let offset = self.bytes.len() as u64;
        self.bytes.extend(&self.directory);
        let end = self.bytes.len() as u64;
        self.bytes.extend(b"PK\x06\x06");
        self.bytes.extend(44_u64.to_le_bytes());
        self.bytes.extend([0; 12]);
        for number in [u64::from(self.entries), u64::from(self.entries)] {
            self.bytes.extend(number.to_le_bytes());
        }
        self.bytes
            .extend((self.directory.len() as u64).to_le_bytes());
        self.bytes.extend(offset.to_le_bytes());
        self.bytes.extend(b"PK\x06\x07\0\0\0\0");
        self.bytes.extend(end.to_le_bytes());
        self.bytes.extend(1_u32.to_le_bytes());
        self.bytes.extend(b"PK\x05\x06\0\0\0\0");
        self.bytes.extend([0xff; 12]);
        self.bytes.extend([0; 2]);
        self.bytes
    }
}

impl<'a> Fields<'a> {
    pub(crate) fn stored(name: &'a str, data: &'a [u8]) -> Self {
        Self {
            name,
            local_name: name,
            flags: 0,
            method: 0,
            data,
            size: data.len() as u32,
            extra: &[],
        }
    }
}

pub(crate) fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(content).expect("written to memory");
    encoder.finish().expect("written to memory")
}
