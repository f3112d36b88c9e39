//! Compressed metadata, opened in memory under a limit.
//!
//! Not here: the compression of layers (`image`) and of archives with files inside.

use std::io::Read;

use flate2::read::MultiGzDecoder;

use crate::extractor::Notes;

/// Bytes of one opened document: the limit of text databases.
const LIMIT: u64 = 128 << 20;
/// Bytes a zstd frame may ask the reader to remember, as a power of two: the limit of layers.
const WINDOW_LOG: u32 = 27;

/// Returns the content of a gzip file, or the part before the damage, which is noted as `code`.
pub(crate) fn gzip(content: &[u8], code: &'static str, notes: &mut Notes) -> Vec<u8> {
    bounded(MultiGzDecoder::new(content), code, notes)
}

/// Returns the content of a zstd file, or the part before the damage, which is noted as `code`.
pub(crate) fn zstd(content: &[u8], code: &'static str, notes: &mut Notes) -> Vec<u8> {
    let decoder = zstd::Decoder::with_buffer(content).and_then(|mut decoder| {
        decoder.window_log_max(WINDOW_LOG)?;
        Ok(decoder)
    });
    match decoder {
        Ok(decoder) if !content.is_empty() => bounded(decoder, code, notes),
        _ => {
            notes.error(code, "the file is empty or not zstd");
            Vec::new()
        }
    }
}

fn bounded(reader: impl Read, code: &'static str, notes: &mut Notes) -> Vec<u8> {
    let mut opened = Vec::new();
    let result = reader.take(LIMIT + 1).read_to_end(&mut opened);
    if opened.len() as u64 > LIMIT {
        opened.truncate(LIMIT as usize);
        notes.error(
            "limit.file",
            format!("the file has more than {LIMIT} bytes when it is opened, the rest is ignored"),
        );
    } else if result.is_err() {
        notes.error(
            code,
            "the file is cut or damaged; what stood before it was read",
        );
    }
    opened
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_before_the_damage_is_read() {
        let text = b"line\n".repeat(100_000);
        let packed = image::testkit::gzip(&text);
        let mut notes = Notes::default();
        assert!(gzip(&packed, "x", &mut notes) == text);
        assert!(notes.into_list().is_empty());
        let mut notes = Notes::default();
        let part = gzip(&packed[..packed.len() / 2], "x", &mut notes);
        assert!(!part.is_empty() && text.starts_with(&part));
        assert_eq!(notes.into_list()[0].code, "x");
    }

    #[test]
    fn a_bomb_ends_at_the_limit() {
        let packed = image::testkit::zstd(&vec![0; 130 << 20]);
        let mut notes = Notes::default();
        assert_eq!(zstd(&packed, "x", &mut notes).len() as u64, LIMIT);
        assert_eq!(notes.into_list()[0].code, "limit.file");
    }

    #[test]
    fn what_is_not_compressed_is_named() {
        for content in [&b""[..], b"plain text"] {
            let mut notes = Notes::default();
            assert!(zstd(content, "x", &mut notes).is_empty());
            assert_eq!(notes.into_list()[0].code, "x");
        }
    }
}
