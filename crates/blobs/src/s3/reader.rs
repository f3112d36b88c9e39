//! Reading an object from the bucket.

use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _};

use super::fault::fault;
use crate::BlobError;

/// A stream over an object or a part of it, counted: an answer that ends early is a fault.
pub(crate) struct S3Reader {
    stream: BoxStream<'static, Result<Bytes, object_store::Error>>,
    key: String,
    size_bytes: u64,
    range: Range<u64>,
    left: u64,
}

impl S3Reader {
    pub(super) fn new(
        stream: BoxStream<'static, Result<Bytes, object_store::Error>>,
        key: &str,
        size_bytes: u64,
        range: Range<u64>,
    ) -> Self {
        Self {
            stream,
            key: key.to_owned(),
            size_bytes,
            left: range.end - range.start,
            range,
        }
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    pub(crate) fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    fn ended(&mut self, error: object_store::Error) -> Poll<Option<Result<Bytes, BlobError>>> {
        self.left = 0;
        self.stream = futures::stream::empty().boxed();
        Poll::Ready(Some(Err(fault("read", &self.key, error))))
    }
}

impl std::fmt::Debug for S3Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3Reader")
            .field("key", &self.key)
            .field("range", &self.range)
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

impl Stream for S3Reader {
    type Item = Result<Bytes, BlobError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let wrong_length = || object_store::Error::Generic {
            store: "S3",
            source: "the answer is not as long as the object".into(),
        };
        match std::task::ready!(this.stream.poll_next_unpin(context)) {
            Some(Ok(chunk)) if chunk.len() as u64 <= this.left => {
                this.left -= chunk.len() as u64;
                Poll::Ready(Some(Ok(chunk)))
            }
            Some(Ok(_)) => this.ended(wrong_length()),
            Some(Err(error)) => this.ended(error),
            None if this.left > 0 => this.ended(wrong_length()),
            None => Poll::Ready(None),
        }
    }
}
