//! OSV documents, one by one: from a single file, from JSON lines, or from a zip.
//!
//! A zip is read through its central directory and never unpacked; every entry counts against the document limit and
//! the whole against what a file of this size may honestly hold.

use std::io::Read;
use std::path::Path;

use fs_err::File;
use zip::ZipArchive;

use super::source::Source;
use crate::import::{ImportError, Limits};
use crate::osv::Encoding;

/// Receives the bytes of one document, or why they could not be read.
pub(crate) type Keep<'k> =
    dyn FnMut(&str, Encoding, Result<&[u8], String>) -> Result<(), ImportError> + 'k;

/// Reads a file that holds one document, or one on each line. `name` is how a report calls it.
pub(crate) fn read_file(
    path: &Path,
    name: &str,
    encoding: Encoding,
    limits: &Limits,
    keep: &mut Keep<'_>,
) -> Result<(), ImportError> {
    let mut source = Source::open(path, limits)?;
    let mut line = Vec::new();
    source.read_line(&mut line)?;
    let is_whole = |bytes: &[u8]| serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok();
    if encoding == Encoding::Yaml || !is_whole(&line) {
        let mut document = std::mem::take(&mut line);
        document.push(b'\n');
        source.read_document(&mut document)?;
        return keep(name, encoding, Ok(&document));
    }
    let mut number = 1_u64;
    loop {
        if !line.is_empty() {
            let place = match number {
                1 => name.to_owned(),
                _ => format!("{name}:{number}"),
            };
            keep(&place, encoding, Ok(&line))?;
        }
        if !source.read_line(&mut line)? {
            return Ok(());
        }
        number += 1;
    }
}

/// Reads the documents of a zip. Entries that are neither `.json` nor `.yaml` (a licence, a read-me) are passed over,
/// as are hidden files.
pub(crate) fn read_zip(
    path: &Path,
    limits: &Limits,
    keep: &mut Keep<'_>,
) -> Result<(), ImportError> {
    let read = |source| ImportError::Read {
        path: path.to_owned(),
        source,
    };
    let broken = |reason: String| ImportError::BadFeed {
        path: path.to_owned(),
        shape: "a zip of OSV records",
        reason,
    };
    let limit = |what, limit| ImportError::Limit {
        path: path.to_owned(),
        what,
        limit,
    };
    let mut file = File::open(path).map_err(read)?;
    let file_bytes = file.metadata().map_err(read)?.len();
    if claimed_entries(&mut file, file_bytes).map_err(read)? > limits.entries {
        return Err(limit("entries", limits.entries));
    }
    let mut archive = ZipArchive::new(std::io::BufReader::new(file))
        .map_err(|error| broken(error.to_string()))?;
    let mut left = limits.decompressed_bytes(file_bytes);
    let mut document = Vec::new();
    for index in 0..archive.len() {
        let entry = match archive.by_index(index) {
            Ok(entry) => entry,
            Err(error) => {
                keep(
                    &format!("entry {index}"),
                    Encoding::Json,
                    Err(error.to_string()),
                )?;
                continue;
            }
        };
        let name = entry
            .name()
            .map_or_else(|_| format!("entry {index}"), std::borrow::Cow::into_owned);
        let Some(encoding) = document_encoding(&name).filter(|_| entry.is_file()) else {
            continue;
        };
        document.clear();
        // The size in the directory is a claim; the bytes that come out are counted.
        let allowed = limits.document_bytes.min(left);
        let outcome = entry.take(allowed + 1).read_to_end(&mut document);
        let count = document.len() as u64;
        if count > left {
            return Err(limit(
                "decompressed bytes",
                limits.decompressed_bytes(file_bytes),
            ));
        }
        left -= count;
        let content = match outcome {
            Err(error) => Err(error.to_string()),
            Ok(_) if count > limits.document_bytes => {
                Err(format!("more than {} bytes", limits.document_bytes))
            }
            Ok(_) => Ok(document.as_slice()),
        };
        keep(&name, encoding, content)?;
    }
    Ok(())
}

/// Returns how a file of this name is written, if it is a document at all.
pub(crate) fn document_encoding(name: &str) -> Option<Encoding> {
    if name
        .split('/')
        .any(|part| part.starts_with('.') && part.len() > 1)
    {
        return None;
    }
    let (_, extension) = name.rsplit_once('.')?;
    match extension.to_ascii_lowercase().as_str() {
        "json" => Some(Encoding::Json),
        "yaml" | "yml" => Some(Encoding::Yaml),
        _ => None,
    }
}

/// Reads how many entries the end record claims, before the directory is loaded into memory.
///
/// # Source
/// PKWARE APPNOTE 4.3.14 and 4.3.16.
fn claimed_entries(file: &mut File, file_bytes: u64) -> std::io::Result<u64> {
    use std::io::{Seek, SeekFrom};
    const END: [u8; 4] = *b"PK\x05\x06";
    const END64: [u8; 4] = *b"PK\x06\x06";
    const TAIL_BYTES: u64 = 22 + 65_535 + 20 + 56;
    let start = file_bytes.saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut tail)?;
    file.seek(SeekFrom::Start(0))?;
    let number = |signature: [u8; 4], offset: usize, width: usize| {
        let at = tail.windows(4).rposition(|window| window == signature)?;
        let bytes = tail.get(at + offset..at + offset + width)?;
        Some(
            bytes
                .iter()
                .rev()
                .fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte)),
        )
    };
    let small = number(END, 10, 2).unwrap_or(0);
    // 0xFFFF refers to the zip64 record.
    Ok(if small == 0xFFFF {
        number(END64, 32, 8).unwrap_or(small)
    } else {
        small
    })
}
