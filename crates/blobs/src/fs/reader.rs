//! Reading an object from its file.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use failpoint::Step;
use futures::{FutureExt as _, Stream};
use tokio::task::JoinHandle;

use super::budget::Share;
use super::disk::at;
use super::interrupted;
use crate::BlobError;

/// Bytes per read while few downloads are under way. The next read is under way while the one before is being sent, so a
/// download holds two of them.
const READ_BYTES: usize = 256 * 1024;

/// A stream over an object, or a part of it, in chunks of up to 256 KiB.
#[derive(Debug)]
pub(crate) struct FsReader {
    file: Arc<File>,
    path: Arc<PathBuf>,
    size_bytes: u64,
    range: Range<u64>,
    next: u64,
    state: State,
    share: Share,
}

#[derive(Debug)]
enum State {
    /// Read, not yet handed out.
    Ready(Bytes),
    Reading(JoinHandle<Result<Bytes, BlobError>>),
    Ended,
}

impl FsReader {
    /// Opens a file and reads its first chunk at once: small objects need one thread hop altogether.
    pub(super) fn open(
        path: PathBuf,
        range: Option<Range<u64>>,
        share: Share,
    ) -> Result<Self, BlobError> {
        let file = at(Step::ObjectOpen, || File::open(&path))
            .map_err(|e| BlobError::from_io("open", &path, e))?;
        let size_bytes = file
            .metadata()
            .map_err(|e| BlobError::from_io("inspect", &path, e))?
            .len();
        let range = range.unwrap_or(0..size_bytes);
        if range.start > range.end || range.end > size_bytes {
            return Err(BlobError::Range { size_bytes });
        }
        let (file, path) = (Arc::new(file), Arc::new(path));
        let end = range.end.min(range.start + share.bytes(READ_BYTES) as u64);
        let first = read_chunk(&file, &path, range.start, end)?;
        Ok(Self {
            next: range.start + first.len() as u64,
            state: if first.is_empty() {
                State::Ended
            } else {
                State::Ready(first)
            },
            file,
            path,
            size_bytes,
            range,
            share,
        })
    }

    /// Returns the size of the whole object in bytes.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Returns the half-open range that the stream yields.
    pub(crate) fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    fn read_on(&mut self) -> State {
        if self.next >= self.range.end {
            return State::Ended;
        }
        let (file, path) = (Arc::clone(&self.file), Arc::clone(&self.path));
        let start = self.next;
        let end = self
            .range
            .end
            .min(start + self.share.bytes(READ_BYTES) as u64);
        self.next = end;
        State::Reading(tokio::task::spawn_blocking(move || {
            read_chunk(&file, &path, start, end)
        }))
    }
}

impl Stream for FsReader {
    type Item = Result<Bytes, BlobError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let chunk = match &mut this.state {
            State::Ended => return Poll::Ready(None),
            State::Ready(chunk) => std::mem::take(chunk),
            State::Reading(task) => match std::task::ready!(task.poll_unpin(context)) {
                Ok(Ok(chunk)) => chunk,
                Ok(Err(error)) => {
                    this.state = State::Ended;
                    return Poll::Ready(Some(Err(error)));
                }
                Err(failure) => {
                    this.state = State::Ended;
                    return Poll::Ready(Some(Err(interrupted(failure))));
                }
            },
        };
        this.state = this.read_on();
        Poll::Ready(Some(Ok(chunk)))
    }
}

/// Reads `start..end`, whole: an object that ends early is a fault.
fn read_chunk(file: &File, path: &Path, start: u64, end: u64) -> Result<Bytes, BlobError> {
    let length = usize::try_from(end - start)
        .map_err(|e| BlobError::from_io("read", path, io::Error::other(e)))?;
    let mut buffer = vec![0; length];
    at(Step::ObjectRead, || file.read_exact_at(&mut buffer, start))
        .map_err(|e| BlobError::from_io("read", path, e))?;
    Ok(buffer.into())
}
