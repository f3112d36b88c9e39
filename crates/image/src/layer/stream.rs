//! The tar stream in chunks: bounded, counted, and hashed beside the walk.
//!
//! A chunk is filled, walked in place, and then sent to a hashing thread that gives its buffer back; so inflating and
//! SHA-256 overlap, and a walk holds a handful of buffers whatever the layer's size. Chunks are always filled to their
//! end, so how the stored stream was cut on its way here cannot be seen above.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, Scope, ScopedJoinHandle};
use std::time::Duration;

use oci::{Algorithm, Digest, DigestHasher};

use super::decode::Decoder;
use super::stop::Stop;
use crate::Limits;

/// Bytes of one chunk.
pub(crate) const CHUNK_BYTES: usize = 256 << 10;

/// Chunks on their way to the hashing thread.
const CHUNKS_IN_FLIGHT: usize = 4;

/// Where a tar is read from.
pub(crate) trait Stream {
    /// Returns unread bytes; none only at the end.
    fn fill(&mut self) -> Result<&[u8], Stop>;

    /// Marks bytes of the last [`fill`](Self::fill) as read.
    fn consume(&mut self, count: usize);

    /// Returns the offset of the next unread byte.
    fn position(&self) -> u64;

    /// Reads over `count` bytes and returns how many of them were there.
    fn skip(&mut self, count: u64) -> Result<u64, Stop> {
        let mut left = count;
        while left > 0 {
            let there = self.fill()?.len();
            if there == 0 {
                break;
            }
            let step = (there as u64).min(left);
            self.consume(step as usize);
            left -= step;
        }
        Ok(count - left)
    }
}

/// A decompressed stream under limits, hashed where `hashing` says so.
pub(crate) struct ChunkStream<'scope, 'env, R> {
    decoder: Decoder<R>,
    limits: &'env Limits,
    started: Duration,
    chunk: Vec<u8>,
    at: usize,
    /// Offset of the chunk's first byte.
    base: u64,
    /// What ended the stream after the current chunk, if anything did.
    pending: Option<Stop>,
    at_end: bool,
    hashing: Hashing<'scope, 'env>,
}

impl<'scope, 'env, R: Read> ChunkStream<'scope, 'env, R> {
    /// Wraps a decoder. With a scope the stream is hashed, on a thread of its own once it is longer than a chunk.
    pub(crate) fn new(
        decoder: Decoder<R>,
        limits: &'env Limits,
        scope: Option<&'scope Scope<'scope, 'env>>,
    ) -> Self {
        Self {
            decoder,
            limits,
            started: (limits.cpu_clock)(),
            chunk: Vec::new(),
            at: 0,
            base: 0,
            pending: None,
            at_end: false,
            hashing: scope.map_or(Hashing::Off, Hashing::Waiting),
        }
    }

    /// Returns the decoder below.
    pub(crate) fn decoder(&mut self) -> &mut Decoder<R> {
        &mut self.decoder
    }

    /// Reads the rest and returns whether a byte of it was not zero.
    pub(crate) fn drain(&mut self) -> Result<bool, Stop> {
        let mut is_dirty = false;
        loop {
            let rest = self.fill()?;
            if rest.is_empty() {
                return Ok(is_dirty);
            }
            is_dirty |= rest.iter().any(|byte| *byte != 0);
            let count = rest.len();
            self.consume(count);
        }
    }

    /// Ends the hash. `None` unless the stream was read over its end.
    pub(crate) fn finish(self) -> Option<Digest> {
        let is_whole = self.at_end && self.chunk.is_empty();
        let digest = self.hashing.finish();
        if is_whole { digest } else { None }
    }

    fn next_chunk(&mut self) -> Result<(), Stop> {
        if let Some(stop) = self.pending.take() {
            return Err(stop);
        }
        self.base += self.chunk.len() as u64;
        let used = std::mem::take(&mut self.chunk);
        self.chunk = self.hashing.exchange(used);
        self.at = 0;
        if self.at_end {
            self.chunk.clear();
            return Ok(());
        }
        self.chunk.resize(CHUNK_BYTES, 0);
        let mut filled = 0;
        while filled < CHUNK_BYTES {
            match self.decoder.read(&mut self.chunk[filled..]) {
                Ok(0) => {
                    self.at_end = true;
                    break;
                }
                Ok(count) => filled += count,
                Err(stop) => {
                    self.pending = Some(stop);
                    break;
                }
            }
        }
        self.chunk.truncate(filled);
        self.check_limits()?;
        if filled == 0 && self.pending.is_some() {
            return self.next_chunk();
        }
        Ok(())
    }

    fn check_limits(&self) -> Result<(), Stop> {
        let limits = self.limits;
        let bytes = self.base + self.chunk.len() as u64;
        if bytes > limits.layer_bytes {
            let message = format!("more than {} uncompressed bytes", limits.layer_bytes);
            return Err(Stop::Limit("limit.layer_bytes", message));
        }
        let stored = self.decoder.stored_bytes();
        if self.decoder.is_compressed()
            && bytes > limits.ratio_after_bytes
            && bytes / limits.ratio.max(1) > stored
        {
            let message = format!(
                "{stored} stored bytes gave {bytes} bytes, more than {} : 1",
                limits.ratio
            );
            return Err(Stop::Limit("limit.ratio", message));
        }
        self.check_time()
    }

    /// Ends the walk once its CPU time is spent.
    pub(crate) fn check_time(&self) -> Result<(), Stop> {
        check_time(self.limits, self.started)
    }
}

/// Ends a walk that began at `started` once its CPU time is spent.
pub(crate) fn check_time(limits: &Limits, started: Duration) -> Result<(), Stop> {
    if (limits.cpu_clock)().saturating_sub(started) > limits.cpu_time {
        let message = format!("more than {} s of CPU time", limits.cpu_time.as_secs_f64());
        return Err(Stop::Limit("limit.time", message));
    }
    Ok(())
}

impl<R: Read> Stream for ChunkStream<'_, '_, R> {
    fn fill(&mut self) -> Result<&[u8], Stop> {
        if self.at == self.chunk.len() {
            self.next_chunk()?;
        }
        Ok(&self.chunk[self.at..])
    }

    fn consume(&mut self, count: usize) {
        self.at += count;
    }

    fn position(&self) -> u64 {
        self.base + self.at as u64
    }
}

/// The state of the digest of a stream.
enum Hashing<'scope, 'env> {
    /// Nobody asked for it.
    Off,
    /// Nothing was hashed yet.
    Waiting(&'scope Scope<'scope, 'env>),
    /// Hashed by the walking thread: the stream is one chunk, or no thread was to be had.
    Inline(DigestHasher),
    /// Hashed beside the walk.
    Beside {
        full: SyncSender<Vec<u8>>,
        empty: Receiver<Vec<u8>>,
        thread: ScopedJoinHandle<'scope, Digest>,
        /// Buffers that may still be made before one must come back.
        spare: usize,
    },
}

impl Hashing<'_, '_> {
    /// Takes a walked chunk and gives a buffer for the next one.
    fn exchange(&mut self, chunk: Vec<u8>) -> Vec<u8> {
        if chunk.is_empty() {
            return chunk;
        }
        if let Self::Waiting(scope) = self {
            *self = if chunk.len() < CHUNK_BYTES {
                Self::Inline(DigestHasher::new(Algorithm::Sha256))
            } else {
                hash_beside(scope)
            };
        }
        match self {
            Self::Off | Self::Waiting(_) => chunk,
            Self::Inline(hasher) => {
                hasher.update(&chunk);
                chunk
            }
            Self::Beside {
                full, empty, spare, ..
            } => {
                // The thread ends only when `full` is dropped, so neither call fails while it is held here.
                let _ = full.send(chunk);
                if *spare > 0 {
                    *spare -= 1;
                    return empty.try_recv().unwrap_or_default();
                }
                empty.recv().unwrap_or_default()
            }
        }
    }

    fn finish(self) -> Option<Digest> {
        match self {
            Self::Off => None,
            Self::Waiting(_) => Some(Digest::sha256(b"")),
            Self::Inline(hasher) => Some(hasher.finish()),
            Self::Beside {
                full,
                empty,
                thread,
                ..
            } => {
                drop(full);
                drop(empty);
                thread.join().ok()
            }
        }
    }
}

fn hash_beside<'scope, 'env>(scope: &'scope Scope<'scope, 'env>) -> Hashing<'scope, 'env> {
    let (full, to_hash) = sync_channel::<Vec<u8>>(CHUNKS_IN_FLIGHT);
    // Room for every buffer there is: giving one back never waits.
    let (give_back, empty) = sync_channel::<Vec<u8>>(CHUNKS_IN_FLIGHT + 2);
    let work = move || {
        let mut hasher = DigestHasher::new(Algorithm::Sha256);
        for chunk in to_hash {
            hasher.update(&chunk);
            let _ = give_back.try_send(chunk);
        }
        hasher.finish()
    };
    match Builder::new()
        .name("layer-digest".to_owned())
        .spawn_scoped(scope, work)
    {
        Ok(thread) => Hashing::Beside {
            full,
            empty,
            thread,
            spare: CHUNKS_IN_FLIGHT,
        },
        Err(_) => Hashing::Inline(DigestHasher::new(Algorithm::Sha256)),
    }
}

/// An uncompressed archive file whose members are skipped by seeking. Used to index an archive, not to walk a layer.
pub(crate) struct SeekStream {
    file: File,
    buffer: Vec<u8>,
    at: usize,
    end: usize,
    position: u64,
    size: u64,
}

impl SeekStream {
    /// Bytes read at once: a header, and the small documents beside it.
    const BUFFER_BYTES: usize = 8 << 10;

    /// Starts at the beginning of `file`, which has `size` bytes.
    pub(crate) fn new(file: File, size: u64) -> Self {
        Self {
            file,
            buffer: vec![0; Self::BUFFER_BYTES],
            at: 0,
            end: 0,
            position: 0,
            size,
        }
    }
}

impl Stream for SeekStream {
    fn fill(&mut self) -> Result<&[u8], Stop> {
        if self.at == self.end {
            self.at = 0;
            self.end = self.file.read(&mut self.buffer).map_err(Stop::Unreadable)?;
        }
        Ok(&self.buffer[self.at..self.end])
    }

    fn consume(&mut self, count: usize) {
        self.at += count;
        self.position += count as u64;
    }

    fn position(&self) -> u64 {
        self.position
    }

    fn skip(&mut self, count: u64) -> Result<u64, Stop> {
        let skipped = count.min(self.size.saturating_sub(self.position));
        let buffered = (self.end - self.at) as u64;
        self.position += skipped;
        if skipped <= buffered {
            self.at += skipped as usize;
        } else {
            self.at = self.end;
            self.file
                .seek(SeekFrom::Start(self.position))
                .map_err(Stop::Unreadable)?;
        }
        Ok(skipped)
    }
}
