//! The header of an installed rpm: an index of tags and a store of values.
//!
//! All numbers are big-endian. Every offset is checked against the store; a damaged value counts as absent, a damaged
//! index as no header.
//!
//! # Source
//! "RPM V4 package format" of the rpm documentation, section "Header"; tag numbers from its tag list.

use crate::digest::FileDigest;

/// The tags the house reads.
pub(crate) mod tag {
    pub(crate) const NAME: u32 = 1000;
    pub(crate) const VERSION: u32 = 1001;
    pub(crate) const RELEASE: u32 = 1002;
    pub(crate) const EPOCH: u32 = 1003;
    pub(crate) const BUILD_TIME: u32 = 1006;
    pub(crate) const INSTALL_TIME: u32 = 1008;
    pub(crate) const VENDOR: u32 = 1011;
    pub(crate) const LICENSE: u32 = 1014;
    pub(crate) const PACKAGER: u32 = 1015;
    pub(crate) const ARCH: u32 = 1022;
    pub(crate) const FILE_STATES: u32 = 1029;
    pub(crate) const FILE_DIGESTS: u32 = 1035;
    pub(crate) const FILE_FLAGS: u32 = 1037;
    pub(crate) const SOURCERPM: u32 = 1044;
    pub(crate) const DIR_INDEXES: u32 = 1116;
    pub(crate) const BASENAMES: u32 = 1117;
    pub(crate) const DIRNAMES: u32 = 1118;
    pub(crate) const MODULARITY_LABEL: u32 = 5096;
    /// Signatures as packets: of the header alone, then of header and payload.
    pub(crate) const SIGNATURES: [u32; 4] = [268, 267, 259, 262];
    /// Signatures as base64 of a packet, rpm 4.20 and later.
    pub(crate) const OPENPGP: u32 = 278;
}

/// Value types.
mod kind {
    pub(super) const CHAR: u32 = 1;
    pub(super) const INT8: u32 = 2;
    pub(super) const INT32: u32 = 4;
    pub(super) const STRING: u32 = 6;
    pub(super) const BINARY: u32 = 7;
    pub(super) const STRING_ARRAY: u32 = 8;
    pub(super) const I18N_STRING: u32 = 9;
}

/// A file the package would own but did not bring.
const FLAG_GHOST: u32 = 1 << 6;
/// The file state "not installed", chosen by language or policy.
const STATE_NOT_INSTALLED: u8 = 2;

/// Directories of one package. More would cost more memory than the header has bytes, for files nobody has.
const DIRECTORY_LIMIT: usize = 1 << 20;

const ENTRY: usize = 16;

/// A parsed header, borrowing its bytes.
pub(crate) struct Header<'a> {
    index: &'a [[u8; ENTRY]],
    store: &'a [u8],
}

struct Value<'a> {
    kind: u32,
    count: usize,
    /// From the value's first byte to the end of the store.
    bytes: &'a [u8],
}

impl<'a> Header<'a> {
    /// Reads a header as the database stores it: without the magic that precedes it in a package file.
    pub(crate) fn parse(blob: &'a [u8]) -> Option<Self> {
        let (entries, rest) = be32(blob)?;
        let (store, rest) = be32(rest)?;
        let index = rest.get(..(entries as usize).checked_mul(ENTRY)?)?;
        let store = rest[index.len()..].get(..store as usize)?;
        let (index, _) = index.as_chunks();
        Some(Self { index, store })
    }

    /// Returns a text, without surrounding space; the first, where there is one per language.
    pub(crate) fn text(&self, tag: u32) -> Option<String> {
        let value = self.value(tag)?;
        if !matches!(
            value.kind,
            kind::STRING | kind::STRING_ARRAY | kind::I18N_STRING
        ) {
            return None;
        }
        let text = String::from_utf8_lossy(c_string(value.bytes)?.0);
        let text = text.trim();
        (!text.is_empty() && text != "(none)").then(|| text.to_owned())
    }

    /// Returns a number; the first, where there are several.
    pub(crate) fn number(&self, tag: u32) -> Option<u32> {
        self.numbers(tag).next()
    }

    /// Returns a value of bytes.
    pub(crate) fn binary(&self, tag: u32) -> Option<&'a [u8]> {
        let value = self.value(tag).filter(|value| value.kind == kind::BINARY)?;
        value.bytes.get(..value.count)
    }

    /// Calls `visit` with the path of every file the package brought, and what is recorded of its content.
    pub(crate) fn each_file(&self, mut visit: impl FnMut(&[u8], Option<FileDigest>)) {
        let directories: Vec<&[u8]> = self.texts(tag::DIRNAMES).take(DIRECTORY_LIMIT).collect();
        let mut indexes = self.numbers(tag::DIR_INDEXES);
        let mut flags = self.numbers(tag::FILE_FLAGS);
        let mut digests = self.texts(tag::FILE_DIGESTS);
        let states = self.octets(tag::FILE_STATES);
        let mut path = Vec::new();
        for (file, name) in self.texts(tag::BASENAMES).enumerate() {
            let Some(directory) = indexes
                .next()
                .and_then(|index| directories.get(index as usize))
            else {
                return;
            };
            let digest = digests.next().unwrap_or_default();
            let ghost = flags.next().is_some_and(|flags| flags & FLAG_GHOST != 0);
            if ghost || states.get(file) == Some(&STATE_NOT_INSTALLED) {
                continue;
            }
            if directory.len() + name.len() > crate::path::PATH_LIMIT {
                continue; // no file system holds it
            }
            path.clear();
            path.extend(*directory);
            path.extend(name);
            visit(&path, FileDigest::from_hex(digest));
        }
    }

    fn value(&self, tag: u32) -> Option<Value<'a>> {
        self.index.iter().find_map(|entry| {
            let (found, rest) = be32(entry)?;
            let (kind, rest) = be32(rest)?;
            let (offset, rest) = be32(rest)?;
            let (count, _) = be32(rest)?;
            (found == tag).then_some(Value {
                kind,
                count: count as usize,
                bytes: self.store.get(offset as usize..)?,
            })
        })
    }

    fn numbers(&self, tag: u32) -> impl Iterator<Item = u32> + use<'a> {
        let value = self.value(tag).filter(|value| value.kind == kind::INT32);
        let (bytes, count) = value.map_or((&[][..], 0), |value| (value.bytes, value.count));
        bytes
            .as_chunks::<4>()
            .0
            .iter()
            .take(count)
            .map(|chunk| u32::from_be_bytes(*chunk))
    }

    fn texts(&self, tag: u32) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let value = self
            .value(tag)
            .filter(|value| value.kind == kind::STRING_ARRAY);
        let (mut bytes, count) = value.map_or((&[][..], 0), |value| (value.bytes, value.count));
        std::iter::from_fn(move || {
            let (text, rest) = c_string(bytes)?;
            bytes = rest;
            Some(text)
        })
        .take(count)
    }

    fn octets(&self, tag: u32) -> &'a [u8] {
        self.value(tag)
            .filter(|value| matches!(value.kind, kind::CHAR | kind::INT8))
            .and_then(|value| value.bytes.get(..value.count))
            .unwrap_or_default()
    }
}

fn be32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (first, rest) = bytes.split_first_chunk()?;
    Some((u32::from_be_bytes(*first), rest))
}

fn c_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    Some((&bytes[..end], &bytes[end + 1..]))
}
