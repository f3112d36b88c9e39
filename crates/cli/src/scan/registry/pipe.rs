//! A layer's bytes from the network to a thread, through a bounded channel.

use std::io::{self, Read};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use futures::StreamExt;
use oci::Descriptor;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::remote::Remote;

/// Chunks in flight per layer. Chunks are what one read of the socket gives, some 16 KiB.
const DEPTH: usize = 16;

/// Starts to fetch a layer and returns its bytes as they come. Dropping the reader ends the transfer.
pub(super) fn open(remote: Arc<Remote>, layer: Descriptor, runtime: &Handle) -> Pipe {
    let (sender, chunks) = mpsc::channel(DEPTH);
    runtime.spawn(async move {
        match remote.stream(&layer).await {
            Ok(mut stream) => {
                while let Some(chunk) = stream.next().await {
                    // The reader may be gone: the analysis stopped at a limit.
                    if sender.send(chunk).await.is_err() {
                        return;
                    }
                }
            }
            Err(failure) => {
                let error = io::Error::other(failure.error);
                // The same: nobody is left to be told.
                let _ = sender.send(Err(error)).await;
            }
        }
    });
    Pipe {
        chunks,
        current: Bytes::new(),
    }
}

/// The reading end. It blocks its thread, which must not be one of the runtime's.
pub(super) struct Pipe {
    chunks: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
}

impl Read for Pipe {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.chunks.blocking_recv() {
                Some(chunk) => self.current = chunk?,
                None => return Ok(0),
            }
        }
        let count = buf.len().min(self.current.len());
        self.current.copy_to_slice(&mut buf[..count]);
        Ok(count)
    }
}
