//! Tar archives, entry by entry.

const BLOCK: usize = 512;

/// Builds a tar. Entries appear in the order of the calls; [`finish`](Self::finish) adds the end mark.
#[derive(Clone, Debug, Default)]
pub struct TarBuilder {
    bytes: Vec<u8>,
}

impl TarBuilder {
    /// Starts an empty archive.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a regular file of mode 0644.
    #[must_use]
    pub fn file(self, path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        self.file_with(path, content, |_| {})
    }

    /// Adds a regular file whose header `change` may alter before its checksum is made.
    #[must_use]
    pub fn file_with(
        self,
        path: impl AsRef<[u8]>,
        content: impl AsRef<[u8]>,
        change: impl FnOnce(&mut [u8; BLOCK]),
    ) -> Self {
        let content = content.as_ref();
        self.entry(b'0', path.as_ref(), b"", content.len() as u64, change)
            .content(content)
    }

    /// Adds an executable of mode 0755.
    #[must_use]
    pub fn executable(self, path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        self.file_with(path, content, |block| octal(&mut block[100..108], 0o755))
    }

    /// Adds a directory.
    #[must_use]
    pub fn dir(self, path: impl AsRef<[u8]>) -> Self {
        self.entry(b'5', path.as_ref(), b"", 0, |block| {
            octal(&mut block[100..108], 0o755);
        })
    }

    /// Adds a symbolic link.
    #[must_use]
    pub fn symlink(self, path: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        self.entry(b'2', path.as_ref(), target.as_ref(), 0, |_| {})
    }

    /// Adds a hardlink to an earlier path.
    #[must_use]
    pub fn hardlink(self, path: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        self.entry(b'1', path.as_ref(), target.as_ref(), 0, |_| {})
    }

    /// Adds a named pipe.
    #[must_use]
    pub fn fifo(self, path: impl AsRef<[u8]>) -> Self {
        self.entry(b'6', path.as_ref(), b"", 0, |_| {})
    }

    /// Adds a character device.
    #[must_use]
    pub fn char_device(self, path: impl AsRef<[u8]>, major: u32, minor: u32) -> Self {
        self.entry(b'3', path.as_ref(), b"", 0, |block| {
            octal(&mut block[329..337], u64::from(major));
            octal(&mut block[337..345], u64::from(minor));
        })
    }

    /// Adds the whiteout that hides `path` in lower layers.
    #[must_use]
    pub fn whiteout(self, path: impl AsRef<[u8]>) -> Self {
        let (parent, name) = crate::split_parent(path.as_ref());
        let separator: &[u8] = if parent.is_empty() { b"" } else { b"/" };
        let mark = [parent, separator, b".wh.", name].concat();
        self.file(mark, b"")
    }

    /// Adds the mark that hides everything lower layers have in `directory`.
    #[must_use]
    pub fn opaque(self, directory: impl AsRef<[u8]>) -> Self {
        let mark = [directory.as_ref(), b"/.wh..wh..opq"].concat();
        self.file(mark, b"")
    }

    /// Adds an extended header for the next entry.
    #[must_use]
    pub fn pax<K: AsRef<[u8]>, V: AsRef<[u8]>>(self, records: &[(K, V)]) -> Self {
        let payload = pax_records(records);
        self.extended(b'x', b"PaxHeaders/entry", &payload)
    }

    /// Adds a global extended header.
    #[must_use]
    pub fn global<K: AsRef<[u8]>, V: AsRef<[u8]>>(self, records: &[(K, V)]) -> Self {
        let payload = pax_records(records);
        self.extended(b'g', b"pax_global_header", &payload)
    }

    /// Adds a GNU long name for the next entry.
    #[must_use]
    pub fn long_name(self, name: impl AsRef<[u8]>) -> Self {
        let payload = [name.as_ref(), b"\0"].concat();
        self.extended(b'L', b"././@LongLink", &payload)
    }

    /// Adds a GNU long link target for the next entry.
    #[must_use]
    pub fn long_link(self, target: impl AsRef<[u8]>) -> Self {
        let payload = [target.as_ref(), b"\0"].concat();
        self.extended(b'K', b"././@LongLink", &payload)
    }

    /// Adds a header-like entry of any type flag with a payload.
    #[must_use]
    pub fn extended(self, flag: u8, name: &[u8], payload: &[u8]) -> Self {
        self.entry(flag, name, b"", payload.len() as u64, |_| {})
            .content(payload)
    }

    /// Adds a sparse file in the old GNU format: `size` logical bytes of which the `spans` are stored. More than four
    /// spans go to extension blocks.
    #[must_use]
    pub fn sparse_gnu(self, path: impl AsRef<[u8]>, size: u64, spans: &[(u64, &[u8])]) -> Self {
        let stored: Vec<u8> = spans
            .iter()
            .flat_map(|(_, bytes)| *bytes)
            .copied()
            .collect();
        let table: Vec<(u64, u64)> = spans
            .iter()
            .map(|(offset, bytes)| (*offset, bytes.len() as u64))
            .collect();
        let (first, rest) = table.split_at(table.len().min(4));
        let mut builder = self.entry(b'S', path.as_ref(), b"", stored.len() as u64, |block| {
            block[257..265].copy_from_slice(b"ustar  \0");
            block[345..500].fill(0);
            write_spans(&mut block[386..482], first);
            block[482] = u8::from(!rest.is_empty());
            octal(&mut block[483..495], size);
        });
        let extensions: Vec<_> = rest.chunks(21).collect();
        for (position, spans) in extensions.iter().enumerate() {
            let mut block = [0; BLOCK];
            write_spans(&mut block[..504], spans);
            block[504] = u8::from(position + 1 < extensions.len());
            builder.bytes.extend_from_slice(&block);
        }
        builder.content(&stored)
    }

    /// Adds a sparse file in PAX format 0.1, its map in the extended header.
    #[must_use]
    pub fn sparse_pax_0_1(self, path: impl AsRef<[u8]>, size: u64, spans: &[(u64, &[u8])]) -> Self {
        let stored: Vec<u8> = spans
            .iter()
            .flat_map(|(_, bytes)| *bytes)
            .copied()
            .collect();
        let map: Vec<String> = spans
            .iter()
            .map(|(offset, bytes)| format!("{offset},{}", bytes.len()))
            .collect();
        self.pax(&[
            ("GNU.sparse.major", b"0".as_slice()),
            ("GNU.sparse.minor", b"1"),
            ("GNU.sparse.name", path.as_ref()),
            ("GNU.sparse.size", size.to_string().as_bytes()),
            ("GNU.sparse.map", map.join(",").as_bytes()),
        ])
        .file("GNUSparseFile.0/x", stored)
    }

    /// Adds a sparse file in PAX format 1.0, its map before the content.
    #[must_use]
    pub fn sparse_pax_1_0(self, path: impl AsRef<[u8]>, size: u64, spans: &[(u64, &[u8])]) -> Self {
        let mut stored = format!("{}\n", spans.len()).into_bytes();
        for (offset, bytes) in spans {
            stored.extend_from_slice(format!("{offset}\n{}\n", bytes.len()).as_bytes());
        }
        stored.resize(stored.len().next_multiple_of(BLOCK), 0);
        for (_, bytes) in spans {
            stored.extend_from_slice(bytes);
        }
        self.pax(&[
            ("GNU.sparse.major", b"1".as_slice()),
            ("GNU.sparse.minor", b"0"),
            ("GNU.sparse.name", path.as_ref()),
            ("GNU.sparse.realsize", size.to_string().as_bytes()),
        ])
        .file("GNUSparseFile.0/x", stored)
    }

    /// Adds a `ustar` header; a name of more than 100 bytes is preceded by a GNU long name, as GNU tar does.
    #[must_use]
    pub fn entry(
        self,
        flag: u8,
        path: &[u8],
        link: &[u8],
        size: u64,
        change: impl FnOnce(&mut [u8; BLOCK]),
    ) -> Self {
        let mut builder = self;
        if path.len() > 100 {
            builder = builder.long_name(path);
        }
        if link.len() > 100 {
            builder = builder.long_link(link);
        }
        let mut block = [0; BLOCK];
        let name = &path[..path.len().min(100)];
        block[..name.len()].copy_from_slice(name);
        let link = &link[..link.len().min(100)];
        block[157..157 + link.len()].copy_from_slice(link);
        octal(&mut block[100..108], 0o644);
        octal(&mut block[108..116], 0);
        octal(&mut block[116..124], 0);
        octal(&mut block[124..136], size);
        octal(&mut block[136..148], 0);
        block[156] = flag;
        block[257..265].copy_from_slice(b"ustar\x0000");
        change(&mut block);
        builder.bytes.extend_from_slice(&with_checksum(block));
        builder
    }

    /// Adds bytes as they are.
    #[must_use]
    pub fn raw(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.bytes.extend_from_slice(bytes.as_ref());
        self
    }

    /// Adds content, padded to whole blocks.
    #[must_use]
    pub fn content(mut self, content: &[u8]) -> Self {
        self.bytes.extend_from_slice(content);
        self.bytes
            .resize(self.bytes.len().next_multiple_of(BLOCK), 0);
        self
    }

    /// Returns the bytes so far, without an end mark.
    pub fn unfinished(self) -> Vec<u8> {
        self.bytes
    }

    /// Ends the archive with two zero blocks.
    pub fn finish(self) -> Vec<u8> {
        self.raw([0; 2 * BLOCK]).bytes
    }
}

/// Writes an octal number with a final NUL. A number that does not fit is written in base-256.
fn octal(field: &mut [u8], number: u64) {
    let text = format!("{number:0width$o}", width = field.len() - 1);
    if text.len() < field.len() {
        field[..text.len()].copy_from_slice(text.as_bytes());
        field[text.len()] = 0;
        return;
    }
    field.fill(0);
    let start = field.len() - 8;
    field[start..].copy_from_slice(&number.to_be_bytes());
    field[0] |= 0x80;
}

fn write_spans(table: &mut [u8], spans: &[(u64, u64)]) {
    for (slot, (offset, length)) in table.chunks_exact_mut(24).zip(spans) {
        octal(&mut slot[..12], *offset);
        octal(&mut slot[12..], *length);
    }
}

fn with_checksum(mut block: [u8; BLOCK]) -> [u8; BLOCK] {
    block[148..156].fill(b' ');
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    octal(&mut block[148..155], sum);
    block
}

/// Writes PAX records, each with its own length in front.
fn pax_records<K: AsRef<[u8]>, V: AsRef<[u8]>>(records: &[(K, V)]) -> Vec<u8> {
    let mut payload = Vec::new();
    for (key, value) in records {
        let (key, value) = (key.as_ref(), value.as_ref());
        let rest = key.len() + value.len() + 3;
        let mut length = rest + 1;
        while length != rest + length.to_string().len() {
            length = rest + length.to_string().len();
        }
        payload.extend_from_slice(length.to_string().as_bytes());
        payload.push(b' ');
        payload.extend_from_slice(key);
        payload.push(b'=');
        payload.extend_from_slice(value);
        payload.push(b'\n');
    }
    payload
}
