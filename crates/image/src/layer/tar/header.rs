//! One header block: its fields, its numbers, its checksum.
//!
//! # Source
//! POSIX.1-1988 `ustar`, GNU tar's base-256 numbers and old sparse headers, star's shorter prefix.

use super::BLOCK;

/// A header block.
pub(super) type Block = [u8; BLOCK];

const CHECKSUM: std::ops::Range<usize> = 148..156;

/// The variants of the header, told by magic and version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// No magic: names of 100 bytes and no device numbers.
    V7,
    /// `ustar`, with a prefix of 155 bytes; also the base of PAX.
    Ustar,
    /// `ustar` with star's trailer: a prefix of 131 bytes.
    Star,
    /// GNU: no prefix.
    Gnu,
}

/// Returns whether the first block of a stream could begin a tar: a header with a valid checksum, or the zero block of
/// an empty archive.
pub(crate) fn looks_like_tar(head: &[u8]) -> bool {
    let Some(Ok(block)) = head.get(..BLOCK).map(<&Block>::try_from) else {
        return false;
    };
    is_zero(block) || has_ustar_magic(block) || has_valid_checksum(block)
}

fn has_ustar_magic(block: &Block) -> bool {
    block[257..262] == *b"ustar"
}

/// Returns whether all bytes are zero.
pub(super) fn is_zero(block: &Block) -> bool {
    block.iter().all(|byte| *byte == 0)
}

/// Returns the variant.
pub(super) fn format(block: &Block) -> Format {
    match &block[257..265] {
        b"ustar\x0000" if block[508..512] == *b"tar\0" => Format::Star,
        b"ustar\x0000" => Format::Ustar,
        b"ustar  \0" => Format::Gnu,
        _ => Format::V7,
    }
}

/// Returns whether the stored checksum is that of the block: the sum of its bytes with the checksum field as spaces.
/// Old programs summed signed bytes; both sums are accepted, as everywhere.
pub(super) fn has_valid_checksum(block: &Block) -> bool {
    let Some(stored) = number(&block[CHECKSUM]) else {
        return false;
    };
    let (mut unsigned, mut signed) = (0_i64, 0_i64);
    for (position, byte) in block.iter().enumerate() {
        let byte = if CHECKSUM.contains(&position) {
            b' '
        } else {
            *byte
        };
        unsigned += i64::from(byte);
        signed += i64::from(byte as i8);
    }
    stored == unsigned || stored == signed
}

/// Reads a numeric field: octal digits between spaces and NULs, or base-256 when the first bit is set. An empty field
/// is zero. `None` if it is neither or does not fit.
pub(super) fn number(field: &[u8]) -> Option<i64> {
    match field.first() {
        Some(first) if first & 0x80 != 0 => base_256(field),
        _ => octal(field),
    }
}

fn octal(field: &[u8]) -> Option<i64> {
    let is_filler = |byte: &u8| matches!(byte, b' ' | 0);
    let start = field.iter().position(|byte| !is_filler(byte));
    let Some(start) = start else { return Some(0) };
    let digits = field[start..].split(is_filler).next().unwrap_or_default();
    digits.iter().try_fold(0_i64, |value, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 8)?;
        value.checked_mul(8)?.checked_add(i64::from(digit))
    })
}

/// Reads a big-endian two's complement number whose first bit only marks the encoding.
fn base_256(field: &[u8]) -> Option<i64> {
    let is_negative = field[0] & 0x40 != 0;
    let mut value = if is_negative { -1_i64 } else { 0 };
    for (position, byte) in field.iter().enumerate() {
        let byte = match (position, is_negative) {
            (0, false) => byte & 0x7f,
            _ => *byte,
        };
        value = value.checked_mul(256)?.checked_add(i64::from(byte))?;
    }
    Some(value)
}

/// Returns a text field up to its first NUL.
pub(super) fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Writes the name into `out`, with its prefix where the variant has one.
pub(super) fn name(block: &Block, out: &mut Vec<u8>) {
    out.clear();
    let prefix = match format(block) {
        Format::Ustar => text(&block[345..500]),
        Format::Star => text(&block[345..476]),
        Format::V7 | Format::Gnu => b"",
    };
    if !prefix.is_empty() {
        out.extend_from_slice(prefix);
        out.push(b'/');
    }
    out.extend_from_slice(text(&block[..100]));
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(b"00000000012\0", Some(10))]
    #[case(b"        12 \0", Some(10))]
    #[case(b"\0\0\0\0\0\0\0\0\0\0\0\0", Some(0))]
    #[case(b"777777777777", Some(0o777_777_777_777))]
    #[case(b"12\x0099\0\0\0\0\0\0\0", Some(10))]
    #[case(b"0000000008\0\0", None)]
    #[case(b"-0000000001\0", None)]
    #[case(b"0x10\0\0\0\0\0\0\0\0", None)]
    #[case(b"\x80\0\0\0\0\0\0\0\0\0\x01\0", Some(256))]
    #[case(b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", Some(i64::MAX))]
    #[case(b"\x80\0\0\0\x80\0\0\0\0\0\0\0", None)]
    #[case(b"\x80\0\0\x01\0\0\0\0\0\0\0\0", None)]
    #[case(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", Some(-1))]
    #[case(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe", Some(-2))]
    fn a_number_is_octal_or_base_256(#[case] field: &[u8], #[case] expected: Option<i64>) {
        assert_eq!(number(field), expected);
    }
}
