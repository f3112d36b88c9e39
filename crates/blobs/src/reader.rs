//! Reading an object, on either backend.

use std::io::{self, Read};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use futures::{Stream, StreamExt as _};

use crate::BlobError;
use crate::fs::reader::FsReader;
use crate::s3::reader::S3Reader;

/// A stream over an object, or a part of it. An end before the range's end is an error, never a short answer.
#[derive(Debug)]
pub struct Reader(pub(crate) Source);

#[derive(Debug)]
pub(crate) enum Source {
    Fs(FsReader),
    S3(S3Reader),
}

impl Reader {
    /// Returns the size of the whole object in bytes.
    pub fn size_bytes(&self) -> u64 {
        match &self.0 {
            Source::Fs(reader) => reader.size_bytes(),
            Source::S3(reader) => reader.size_bytes(),
        }
    }

    /// Returns the half-open range that the stream yields.
    pub fn range(&self) -> Range<u64> {
        match &self.0 {
            Source::Fs(reader) => reader.range(),
            Source::S3(reader) => reader.range(),
        }
    }
}

impl Stream for Reader {
    type Item = Result<Bytes, BlobError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut self.get_mut().0 {
            Source::Fs(reader) => reader.poll_next_unpin(context),
            Source::S3(reader) => reader.poll_next_unpin(context),
        }
    }
}

/// An object for synchronous reading, on a thread that may block: a worker of `spawn_blocking`.
#[derive(Debug)]
pub struct BlockingReader(Blocking);

#[derive(Debug)]
enum Blocking {
    File(std::fs::File),
    Stream {
        reader: S3Reader,
        runtime: tokio::runtime::Handle,
        current: Bytes,
    },
}

impl BlockingReader {
    pub(crate) fn of_file(file: std::fs::File) -> Self {
        Self(Blocking::File(file))
    }

    /// Must be called on the runtime that will drive the stream.
    pub(crate) fn of_stream(reader: S3Reader) -> Self {
        Self(Blocking::Stream {
            reader,
            runtime: tokio::runtime::Handle::current(),
            current: Bytes::new(),
        })
    }
}

impl Read for BlockingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Blocking::File(file) => file.read(buffer),
            Blocking::Stream {
                reader,
                runtime,
                current,
            } => {
                while current.is_empty() {
                    match runtime.block_on(reader.next()) {
                        None => return Ok(0),
                        Some(chunk) => *current = chunk.map_err(io::Error::other)?,
                    }
                }
                let len = buffer.len().min(current.len());
                current.copy_to_slice(&mut buffer[..len]);
                Ok(len)
            }
        }
    }
}
