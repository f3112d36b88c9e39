//! Compressed layers, in one piece and in many.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Compresses as one gzip member.
///
/// # Panics
/// Never: it writes to memory.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .expect("memory takes every write")
}

/// Compresses pieces of `piece_bytes` as a gzip member each, as eStargz and parallel compressors do.
pub fn gzip_members(bytes: &[u8], piece_bytes: usize) -> Vec<u8> {
    bytes.chunks(piece_bytes).flat_map(gzip).collect()
}

/// Compresses as one zstd frame with a checksum.
///
/// # Panics
/// Never: it writes to memory.
pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    let write = || {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1)?;
        encoder.include_checksum(true)?;
        encoder.write_all(bytes)?;
        encoder.finish()
    };
    write().expect("memory takes every write")
}

/// Compresses pieces of `piece_bytes` as a zstd frame each, with a skippable frame before every one.
pub fn zstd_frames(bytes: &[u8], piece_bytes: usize) -> Vec<u8> {
    bytes
        .chunks(piece_bytes)
        .flat_map(|piece| [zstd_skippable(b"notes"), zstd(piece)].concat())
        .collect()
}

/// Makes a skippable zstd frame.
pub fn zstd_skippable(content: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x5a, 0x2a, 0x4d, 0x18];
    frame.extend_from_slice(&(content.len() as u32).to_le_bytes());
    frame.extend_from_slice(content);
    frame
}
