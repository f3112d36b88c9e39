//! Where the members of an image lie: a directory, an archive, or a compressed archive.
//!
//! An uncompressed archive is indexed once by seeking from header to header; a member is then a span of the file. A
//! compressed archive has no offsets to seek to: it is decompressed once to index it and to keep its small documents,
//! and once more for the layers, if they are read in stored order. Nothing is written to disk.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use oci::Digest;

use super::archive::{self, Index, Place};
use super::{SourceError, VerifyingReader};
use crate::Compression;
use crate::layer::decode::{Decoder, Source};
use crate::layer::stop::Stop;

/// The largest document (manifest, index, configuration) that is read.
const MAX_DOCUMENT_BYTES: u64 = 16 << 20;

/// A layer as the store finds it.
#[derive(Clone, Debug)]
pub(super) struct Blob {
    /// Its path in the store.
    pub(super) member: String,
    /// The digest and size its descriptor promises, where there is a descriptor.
    pub(super) promised: Option<(Digest, u64)>,
    /// Whether its bytes live elsewhere.
    pub(super) foreign: Option<Digest>,
}

/// What holds the members of an image.
#[derive(Debug)]
pub(super) enum Store {
    /// A directory.
    Layout(PathBuf),
    /// A tar file.
    Archive(PathBuf, Index),
    /// A compressed tar file.
    Compressed {
        path: PathBuf,
        index: Index,
        compression: Compression,
        /// Small members, kept while indexing.
        documents: HashMap<Vec<u8>, Vec<u8>>,
        /// A decompressor that stands somewhere in the stream and waits for the next member.
        parked: Arc<Mutex<Option<Cursor>>>,
    },
}

impl Store {
    /// Opens a directory.
    pub(super) fn layout(path: &Path) -> Result<Self, SourceError> {
        let metadata = fs_err::metadata(path).map_err(|source| read_error(path, source))?;
        if metadata.is_dir() {
            Ok(Self::Layout(path.to_owned()))
        } else {
            Err(read_error(path, io::ErrorKind::NotADirectory.into()))
        }
    }

    /// Opens and indexes an archive.
    pub(super) fn archive(path: &Path) -> Result<Self, SourceError> {
        let opened = archive::open(path)?;
        Ok(match opened.compression {
            Compression::None => Self::Archive(path.to_owned(), opened.index),
            compression => Self::Compressed {
                path: path.to_owned(),
                index: opened.index,
                compression,
                documents: opened.documents,
                parked: Arc::default(),
            },
        })
    }

    /// Returns the path of the whole.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Layout(path) | Self::Archive(path, _) | Self::Compressed { path, .. } => path,
        }
    }

    /// Returns whether a member is there.
    pub(super) fn has(&self, member: &str) -> bool {
        match self {
            Self::Layout(path) => path.join(member).is_file(),
            Self::Archive(_, index) | Self::Compressed { index, .. } => {
                index.find(member.as_bytes()).is_some()
            }
        }
    }

    /// Returns where a blob begins, for ordering; zero in a directory and for what is not there.
    pub(super) fn position(&self, blob: &Blob) -> u64 {
        match self {
            Self::Layout(_) => 0,
            Self::Archive(_, index) | Self::Compressed { index, .. } => index
                .find(blob.member.as_bytes())
                .map_or(0, |place| place.offset),
        }
    }

    /// Returns the stored size of a member.
    pub(super) fn size(&self, member: &str) -> Result<u64, SourceError> {
        match self {
            Self::Layout(path) => {
                let path = path.join(member);
                fs_err::metadata(&path)
                    .map(|metadata| metadata.len())
                    .map_err(|source| self.member_error(member, &path, source))
            }
            Self::Archive(_, index) | Self::Compressed { index, .. } => index
                .find(member.as_bytes())
                .map(|place| place.size)
                .ok_or_else(|| self.missing(member)),
        }
    }

    /// Reads a document whole.
    pub(super) fn document(&self, member: &str) -> Result<Vec<u8>, SourceError> {
        let bytes = self.size(member)?;
        if bytes > MAX_DOCUMENT_BYTES {
            return Err(SourceError::DocumentTooLarge {
                path: self.path().to_owned(),
                member: member.to_owned(),
                bytes,
                limit: MAX_DOCUMENT_BYTES,
            });
        }
        if let Self::Compressed { documents, .. } = self
            && let Some(document) = documents.get(member.as_bytes())
        {
            return Ok(document.clone());
        }
        let mut document = Vec::with_capacity(bytes as usize);
        self.reader(member)?
            .take(MAX_DOCUMENT_BYTES)
            .read_to_end(&mut document)
            .map_err(|source| read_error(self.path(), source))?;
        if (document.len() as u64) < bytes {
            return Err(SourceError::Truncated {
                path: self.path().to_owned(),
                member: member.to_owned(),
                expected_bytes: bytes,
                found_bytes: document.len() as u64,
            });
        }
        Ok(document)
    }

    /// Opens a layer; what its descriptor promises is verified while it is read.
    pub(super) fn open_blob(&self, blob: &Blob) -> Result<Box<dyn Read + Send>, SourceError> {
        if let Some(digest) = &blob.foreign {
            return Err(SourceError::ForeignLayer {
                path: self.path().to_owned(),
                digest: digest.clone(),
            });
        }
        let reader = self.reader(&blob.member)?;
        Ok(match &blob.promised {
            Some((digest, size)) => Box::new(VerifyingReader::new(reader, digest.clone(), *size)),
            None => reader,
        })
    }

    fn reader(&self, member: &str) -> Result<Box<dyn Read + Send>, SourceError> {
        let place = |index: &Index| {
            index
                .find(member.as_bytes())
                .ok_or_else(|| self.missing(member))
        };
        Ok(match self {
            Self::Layout(path) => {
                let path = path.join(member);
                let file =
                    File::open(&path).map_err(|source| self.member_error(member, &path, source))?;
                Box::new(file)
            }
            Self::Archive(path, index) => {
                let place = place(index)?;
                let mut file = File::open(path).map_err(|source| read_error(path, source))?;
                file.seek(SeekFrom::Start(place.offset))
                    .map_err(|source| read_error(path, source))?;
                Box::new(Span {
                    inner: file,
                    left: place.size,
                })
            }
            Self::Compressed {
                path,
                index,
                compression,
                parked,
                ..
            } => {
                let place = place(index)?;
                let cursor = take_parked(parked, place)
                    .map_or_else(|| Cursor::start(path, *compression), Ok)?;
                Box::new(CompressedSpan {
                    cursor: Some(cursor),
                    place,
                    read: 0,
                    parked: Arc::clone(parked),
                })
            }
        })
    }

    fn missing(&self, member: &str) -> SourceError {
        SourceError::MissingMember {
            path: self.path().to_owned(),
            member: member.to_owned(),
        }
    }

    fn member_error(&self, member: &str, path: &Path, source: io::Error) -> SourceError {
        if source.kind() == io::ErrorKind::NotFound {
            self.missing(member)
        } else {
            read_error(path, source)
        }
    }
}

pub(super) fn read_error(path: &Path, source: io::Error) -> SourceError {
    SourceError::Read {
        path: path.to_owned(),
        source,
    }
}

/// A span of a file. A file that ends inside it is an error: the archive was whole when it was indexed.
struct Span {
    inner: File,
    left: u64,
}

impl Read for Span {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let step = (buf.len() as u64).min(self.left) as usize;
        if step == 0 {
            return Ok(0);
        }
        let count = self.inner.read(&mut buf[..step])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= count as u64;
        Ok(count)
    }
}

/// A decompressor somewhere in a compressed archive.
pub(super) struct Cursor {
    decoder: Decoder<File>,
    position: u64,
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor")
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

impl Cursor {
    fn start(path: &Path, compression: Compression) -> Result<Self, SourceError> {
        let file = File::open(path).map_err(|source| read_error(path, source))?;
        let decoder = Decoder::new(Source::new(file), compression)
            .map_err(|stop| read_error(path, stop_to_io(stop)))?;
        Ok(Self {
            decoder,
            position: 0,
        })
    }

    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.decoder.read(out).map_err(stop_to_io)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.position += count as u64;
        Ok(count)
    }
}

/// Takes the waiting decompressor if it has not passed the member yet.
fn take_parked(parked: &Mutex<Option<Cursor>>, place: Place) -> Option<Cursor> {
    let mut slot = parked.lock().unwrap_or_else(PoisonError::into_inner);
    slot.take_if(|cursor| cursor.position <= place.offset)
}

/// A member of a compressed archive. Its decompressor waits for the next member once this one is dropped.
struct CompressedSpan {
    cursor: Option<Cursor>,
    place: Place,
    read: u64,
    parked: Arc<Mutex<Option<Cursor>>>,
}

impl Read for CompressedSpan {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let step = (buf.len() as u64).min(self.place.size - self.read) as usize;
        let Some(cursor) = self.cursor.as_mut().filter(|_| step > 0) else {
            return Ok(0);
        };
        while cursor.position < self.place.offset {
            let left = self.place.offset - cursor.position;
            let step = (buf.len() as u64).min(left) as usize;
            cursor.read(&mut buf[..step])?;
        }
        let count = cursor.read(&mut buf[..step])?;
        self.read += count as u64;
        Ok(count)
    }
}

impl Drop for CompressedSpan {
    fn drop(&mut self) {
        let mut slot = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
        *slot = self.cursor.take();
    }
}

fn stop_to_io(stop: Stop) -> io::Error {
    match stop {
        Stop::Unreadable(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidData, other.words().1),
    }
}
