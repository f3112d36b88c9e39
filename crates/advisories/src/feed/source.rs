//! Reading a feed file under limits: gzip is opened on the way, and every byte counts against a document and a feed.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;
use fs_err::File;
use oci::{Algorithm, Digest, DigestHasher};

use crate::import::{ImportError, Limits};

/// A feed file, open for reading.
pub(crate) struct Source {
    /// The decompressed bytes. A read beyond a limit is an error.
    pub reader: BufReader<Metered>,
    meter: Rc<Meter>,
    path: PathBuf,
}

/// The bytes that may still be read. Shared with the reader, because a parser owns the reader while it runs.
#[derive(Debug)]
pub(crate) struct Meter {
    document_bytes: u64,
    document_left: Cell<u64>,
    feed_left: Cell<u64>,
    exceeded: Cell<Option<(&'static str, u64)>>,
}

impl Meter {
    /// Begins the next document.
    pub(crate) fn next_document(&self) {
        self.document_left.set(self.document_bytes);
    }
}

/// A reader that stops with an error at the first byte beyond a limit.
pub(crate) struct Metered {
    inner: Box<dyn Read>,
    meter: Rc<Meter>,
    feed_bytes: u64,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let spend = |left: &Cell<u64>, what, limit| {
            let Some(rest) = left.get().checked_sub(count as u64) else {
                self.meter.exceeded.set(Some((what, limit)));
                return Err(io::Error::other("limit reached"));
            };
            left.set(rest);
            Ok(())
        };
        spend(&self.meter.feed_left, "decompressed bytes", self.feed_bytes)?;
        // A buffer's worth may belong to the documents before and after, hence the allowance in `open`.
        spend(
            &self.meter.document_left,
            "bytes of one document",
            self.meter.document_bytes,
        )?;
        Ok(count)
    }
}

const BUFFER_BYTES: usize = 64 << 10;

impl Source {
    /// Opens a file; gzip is recognised by its first bytes.
    pub(crate) fn open(path: &Path, limits: &Limits) -> Result<Self, ImportError> {
        let read = |source| ImportError::Read {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(read)?;
        let file_bytes = file.metadata().map_err(read)?.len();
        let mut file = BufReader::with_capacity(BUFFER_BYTES, file);
        let is_gzip = file.fill_buf().map_err(read)?.starts_with(&[0x1f, 0x8b]);
        let (inner, feed_bytes): (Box<dyn Read>, u64) = if is_gzip {
            (
                Box::new(MultiGzDecoder::new(file)),
                limits.decompressed_bytes(file_bytes),
            )
        } else {
            (Box::new(file), limits.feed_bytes)
        };
        let document_bytes = limits.document_bytes.saturating_add(BUFFER_BYTES as u64);
        let meter = Rc::new(Meter {
            document_bytes,
            document_left: Cell::new(document_bytes),
            feed_left: Cell::new(feed_bytes),
            exceeded: Cell::new(None),
        });
        let reader = Metered {
            inner,
            meter: Rc::clone(&meter),
            feed_bytes,
        };
        Ok(Self {
            reader: BufReader::with_capacity(BUFFER_BYTES, reader),
            meter,
            path: path.to_owned(),
        })
    }

    /// Returns the meter, for parsers that take the reader.
    pub(crate) fn meter(&self) -> Rc<Meter> {
        Rc::clone(&self.meter)
    }

    /// Turns a read error into the limit that caused it, if one did.
    pub(crate) fn read_error(path: &Path, meter: &Meter, source: io::Error) -> ImportError {
        let path = path.to_owned();
        match meter.exceeded.take() {
            Some((what, limit)) => ImportError::Limit { path, what, limit },
            None => ImportError::Read { path, source },
        }
    }

    /// Turns a parser's error into the limit or the read error behind it, or says that the feed is broken.
    pub(crate) fn json_error(
        path: &Path,
        meter: &Meter,
        shape: &'static str,
        error: serde_json::Error,
    ) -> ImportError {
        if error.is_io() || meter.exceeded.get().is_some() {
            return Self::read_error(path, meter, error.into());
        }
        ImportError::BadFeed {
            path: path.to_owned(),
            shape,
            reason: error.to_string(),
        }
    }

    /// Reads the next line into `line`, without its end. Returns whether there was one.
    pub(crate) fn read_line(&mut self, line: &mut Vec<u8>) -> Result<bool, ImportError> {
        line.clear();
        self.meter.next_document();
        let count = self
            .reader
            .read_until(b'\n', line)
            .map_err(|error| Self::read_error(&self.path, &self.meter, error))?;
        while matches!(line.last(), Some(b'\n' | b'\r')) {
            line.pop();
        }
        Ok(count > 0)
    }

    /// Reads the rest as one document, appending it to `bytes`.
    pub(crate) fn read_document(&mut self, bytes: &mut Vec<u8>) -> Result<(), ImportError> {
        self.reader
            .read_to_end(bytes)
            .map_err(|error| Self::read_error(&self.path, &self.meter, error))?;
        Ok(())
    }
}

impl Limits {
    /// Returns how much a compressed file of this size may hold.
    pub(crate) fn decompressed_bytes(&self, file_bytes: u64) -> u64 {
        file_bytes
            .saturating_mul(self.ratio)
            .saturating_add(self.document_bytes)
            .min(self.feed_bytes)
    }
}

/// Computes the digest of a file as it is stored.
pub(crate) fn hash_file(path: &Path) -> Result<Digest, ImportError> {
    let read = |source| ImportError::Read {
        path: path.to_owned(),
        source,
    };
    let mut file = File::open(path).map_err(read)?;
    let mut hasher = DigestHasher::new(Algorithm::Sha256);
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = file.read(&mut buffer).map_err(read)?;
        if count == 0 {
            return Ok(hasher.finish());
        }
        hasher.update(&buffer[..count]);
    }
}
