//! The envelope: a fixed head, what the snapshot is, and the database.
//!
//! ```text
//!   0  magic               16 bytes
//!  16  schema              u32, little endian
//!  20  length of the info  u32
//!  24  start of the tables u64, a multiple of 4096
//!  32  SHA-256             32 bytes, over everything else: bytes 0..32 and 64..
//!  64  info                JSON
//!   …  zeros, then the tables (redb) to the end
//! ```
//!
//! Magic, schema and checksum are checked in this order, and nothing else is decoded before they hold. One file, no
//! sidecar: a copy is whole or refused.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;

use oci::Digest;
use redb::ReadOnlyDatabase;
use sha2::{Digest as _, Sha256};

use super::rows::{ReadError, Rows, contain};
use super::{SnapshotError, SnapshotInfo};
use crate::import::ImportError;

const MAGIC: [u8; 16] = *b"tidegate-advis\r\n";

/// The number of the format. Any change of `record` or of the tables is a new one.
const SCHEMA: u32 = 1;

const HEAD_BYTES: usize = 64;
const DIGEST_AT: usize = 32;
const PAGE_BYTES: u64 = 4096;

/// The greatest length of the info; a few hundred feeds fit.
const INFO_BYTES: u32 = 1 << 20;

/// The memory redb may keep of the tables. Point reads touch a few dozen pages; more would only grow the scanner.
const CACHE_BYTES: usize = 4 << 20;

const BUFFER_BYTES: usize = 64 << 10;

/// Writes the snapshot: a temporary file beside the target, synced, then renamed over it.
pub(crate) fn publish(
    rows: Rows,
    out: &Path,
    info: impl FnOnce(Digest) -> SnapshotInfo,
) -> Result<SnapshotInfo, ImportError> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| ImportError::Write {
        path: out.to_owned(),
        source,
    };
    let (id, mut tables) = rows.finish()?;
    let info = info(id);
    let write = || -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let directory = directory_of(out);
        let mut file = tempfile::Builder::new()
            .prefix(".tidegate-advisories-")
            .permissions(std::fs::Permissions::from_mode(0o644))
            .tempfile_in(directory)?;
        write_envelope(file.as_file_mut(), &info, tables.as_file_mut())?;
        file.as_file().sync_all()?;
        file.persist(out)?;
        // The rename itself is durable only when the directory is.
        File::open(directory)?.sync_all()?;
        Ok(())
    };
    let mut write = write;
    write().map_err(failed)?;
    Ok(info)
}

/// Returns the directory in which a file stands.
pub(super) fn directory_of(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn write_envelope(file: &mut File, info: &SnapshotInfo, tables: &mut File) -> io::Result<()> {
    let info = serde_json::to_vec(info)?;
    let info_bytes = u32::try_from(info.len())
        .ok()
        .filter(|length| *length <= INFO_BYTES);
    let info_bytes =
        info_bytes.ok_or_else(|| io::Error::other("the description of the feeds is too long"))?;
    let start = (HEAD_BYTES as u64 + info.len() as u64).next_multiple_of(PAGE_BYTES);
    let mut head = [0; HEAD_BYTES];
    head[..16].copy_from_slice(&MAGIC);
    head[16..20].copy_from_slice(&SCHEMA.to_le_bytes());
    head[20..24].copy_from_slice(&info_bytes.to_le_bytes());
    head[24..32].copy_from_slice(&start.to_le_bytes());

    let mut hasher = Sha256::new_with_prefix(&head[..DIGEST_AT]);
    let mut writer = BufWriter::with_capacity(BUFFER_BYTES, &mut *file);
    writer.write_all(&head)?;
    let padding = vec![0; start as usize - HEAD_BYTES - info.len()];
    for bytes in [&info, &padding] {
        hasher.update(bytes);
        writer.write_all(bytes)?;
    }
    tables.seek(SeekFrom::Start(0))?;
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = tables.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
        writer.write_all(&buffer[..count])?;
    }
    writer.flush()?;
    drop(writer);
    file.write_all_at(&hasher.finalize(), DIGEST_AT as u64)
}

/// Verifies a snapshot and opens its tables.
pub(super) fn open(path: &Path) -> Result<(SnapshotInfo, ReadOnlyDatabase), SnapshotError> {
    let read = |source| SnapshotError::Read {
        path: path.to_owned(),
        source,
    };
    let damaged = |reason: &str| SnapshotError::Damaged {
        path: path.to_owned(),
        reason: reason.to_owned(),
    };
    let mut file = File::open(path).map_err(read)?;
    let length = file.metadata().map_err(read)?.len();
    let mut head = [0; HEAD_BYTES];
    let got = read_up_to(&mut file, &mut head).map_err(read)?;
    if !head[..got].starts_with(&MAGIC) {
        return Err(SnapshotError::NotASnapshot {
            path: path.to_owned(),
        });
    }
    if got < HEAD_BYTES {
        return Err(damaged("it ends inside its head"));
    }
    let number =
        |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let schema = number(16);
    if schema != SCHEMA {
        return Err(SnapshotError::UnknownSchema {
            path: path.to_owned(),
            found: schema,
            supported: SCHEMA,
        });
    }
    let mut hasher = Sha256::new_with_prefix(&head[..DIGEST_AT]);
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = file.read(&mut buffer).map_err(read)?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
    }
    if hasher.finalize().as_slice() != &head[DIGEST_AT..] {
        return Err(damaged("its checksum does not match its contents"));
    }
    let info_bytes = number(20);
    let start = u64::from(number(24)) | u64::from(number(28)) << 32;
    let end_of_info = HEAD_BYTES as u64 + u64::from(info_bytes);
    if info_bytes > INFO_BYTES || start < end_of_info || start > length {
        return Err(damaged("its head contradicts its length"));
    }
    let mut info = vec![0; info_bytes as usize];
    file.read_exact_at(&mut info, HEAD_BYTES as u64)
        .map_err(read)?;
    let info = serde_json::from_slice(&info).map_err(|error| damaged(&error.to_string()))?;
    let tables = Tables {
        file,
        start,
        length: length - start,
    };
    let database = contain(|| {
        redb::Builder::new()
            .set_cache_size(CACHE_BYTES)
            .open_read_only_with_backend(tables)
            .map_err(ReadError::tables)
    });
    let database = database.map_err(|error| damaged(&error.to_string()))?;
    Ok((info, database))
}

fn read_up_to(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match file.read(&mut buffer[got..])? {
            0 => break,
            count => got += count,
        }
    }
    Ok(got)
}

/// The tables inside the file, as redb reads them. Nothing can be written through it.
#[derive(Debug)]
struct Tables {
    file: File,
    start: u64,
    length: u64,
}

impl redb::StorageBackend for Tables {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let end = offset.checked_add(out.len() as u64);
        if end.is_none_or(|end| end > self.length) {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        self.file.read_exact_at(out, self.start + offset)
    }

    fn set_len(&self, _: u64) -> Result<(), io::Error> {
        Err(read_only())
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        Err(read_only())
    }

    fn write(&self, _: u64, _: &[u8]) -> Result<(), io::Error> {
        Err(read_only())
    }
}

fn read_only() -> io::Error {
    io::Error::new(io::ErrorKind::ReadOnlyFilesystem, "a snapshot is immutable")
}
