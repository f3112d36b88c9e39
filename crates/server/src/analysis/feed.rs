//! The feed: upload chunks on one side, a blocking reader for the analyser on the other.
//!
//! The upload must never wait for the analyser. So the writing side never blocks: while the analyser keeps up, chunks
//! travel through a bounded queue; once the queue is full, the feed stops queueing and the analyser reads the bytes it
//! missed from the upload's own file, which is behind the writer by definition. Where there is no such file (an object
//! store), a full queue ends the feed and a queued job reads the finished blob instead.
//!
//! The states only go forward: streaming → (following the file | lost) → ended | aborted.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Buf as _, Bytes};

/// Bytes the queue may hold: eight chunks of 256 KiB.
const QUEUE_BYTES: usize = 2 << 20;
/// A client that sends nothing for so long loses the live analysis, not the upload: a worker must not be held hostage.
const IDLE_LIMIT: Duration = Duration::from_secs(30);

/// Creates both ends. `file` is the upload's own file, open for reading.
pub(crate) fn feed(file: Option<std::fs::File>) -> (FeedWriter, FeedReader) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            queue: VecDeque::new(),
            queued_bytes: 0,
            written: 0,
            mode: Mode::Streaming,
            end: None,
        }),
        changed: Condvar::new(),
    });
    (
        FeedWriter {
            shared: Arc::clone(&shared),
        },
        FeedReader {
            shared,
            file,
            position: 0,
            current: Bytes::new(),
        },
    )
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    queue: VecDeque<Bytes>,
    queued_bytes: usize,
    /// Bytes accepted by the writing side. The file may be a batch behind until the feed is complete.
    written: u64,
    mode: Mode,
    end: Option<End>,
}

#[derive(Debug, PartialEq, Eq)]
enum Mode {
    Streaming,
    Behind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Complete,
    Aborted,
}

impl Shared {
    /// The state is plain data that every critical section leaves whole, so a poisoned lock is still usable.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The upload's end. Dropping it without [`FeedWriter::complete`] aborts the analysis.
#[derive(Debug)]
pub(crate) struct FeedWriter {
    shared: Arc<Shared>,
}

impl FeedWriter {
    /// Offers a chunk that is on its way to the upload's file. Never blocks.
    pub(crate) fn offer(&self, chunk: &Bytes) {
        let mut state = self.shared.lock();
        state.written += chunk.len() as u64;
        // A reader that has gone leaves nothing to queue for.
        if state.mode == Mode::Streaming {
            if state.queued_bytes + chunk.len() <= QUEUE_BYTES {
                state.queued_bytes += chunk.len();
                state.queue.push_back(chunk.clone());
            } else {
                state.mode = Mode::Behind;
            }
        }
        drop(state);
        self.shared.changed.notify_one();
    }

    /// Says that every byte was offered and is in the file.
    pub(crate) fn complete(self) {
        self.end(End::Complete);
    }

    /// Returns the bytes offered so far.
    pub(crate) fn written(&self) -> u64 {
        self.shared.lock().written
    }

    fn end(&self, end: End) {
        self.shared.lock().end.get_or_insert(end);
        self.shared.changed.notify_one();
    }
}

impl Drop for FeedWriter {
    fn drop(&mut self) {
        self.end(End::Aborted);
    }
}

/// The analyser's end: a blocking reader.
#[derive(Debug)]
pub(crate) struct FeedReader {
    shared: Arc<Shared>,
    file: Option<std::fs::File>,
    position: u64,
    current: Bytes,
}

impl Drop for FeedReader {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.queue = VecDeque::new();
        state.queued_bytes = 0;
        state.mode = Mode::Behind;
    }
}

/// What the reader may do next, decided under the lock and done outside it.
enum Next {
    Chunk(Bytes),
    FromFile { available: u64, is_whole: bool },
    End,
}

/// How long the reader leaves the writer before it looks at the file again.
const FILE_PAUSE: Duration = Duration::from_millis(2);

impl FeedReader {
    fn next(&self) -> io::Result<Next> {
        let mut state = self.shared.lock();
        loop {
            if state.end == Some(End::Aborted) {
                return Err(io::Error::new(
                    io::ErrorKind::ConnectionAborted,
                    "the upload was aborted",
                ));
            }
            if let Some(chunk) = state.queue.pop_front() {
                state.queued_bytes -= chunk.len();
                return Ok(Next::Chunk(chunk));
            }
            if state.mode == Mode::Behind {
                if self.file.is_none() {
                    return Err(io::Error::other("the analysis fell behind the upload"));
                }
                if self.position < state.written {
                    let is_whole = state.end.is_some();
                    return Ok(Next::FromFile {
                        available: state.written - self.position,
                        is_whole,
                    });
                }
            }
            if state.end.is_some() {
                return Ok(Next::End);
            }
            let (guard, timeout) = self
                .shared
                .changed
                .wait_timeout(state, IDLE_LIMIT)
                .unwrap_or_else(PoisonError::into_inner);
            state = guard;
            if timeout.timed_out() {
                return Err(paused());
            }
        }
    }
}

impl Read for FeedReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let started = Instant::now();
        while self.current.is_empty() {
            if started.elapsed() > IDLE_LIMIT {
                return Err(paused());
            }
            match self.next()? {
                Next::Chunk(chunk) => self.current = chunk,
                Next::FromFile {
                    available,
                    is_whole,
                } => {
                    let file = self
                        .file
                        .as_ref()
                        .expect("`next` answers so only with a file");
                    let len = buffer
                        .len()
                        .min(usize::try_from(available).unwrap_or(usize::MAX));
                    let read = file.read_at(&mut buffer[..len], self.position)?;
                    if read > 0 {
                        self.position += read as u64;
                        return Ok(read);
                    }
                    if is_whole {
                        return Err(io::Error::new(
                            io::ErrorKind::UnexpectedEof,
                            "the upload's file is shorter than sent",
                        ));
                    }
                    std::thread::sleep(FILE_PAUSE);
                }
                Next::End => return Ok(0),
            }
        }
        let len = buffer.len().min(self.current.len());
        self.current.copy_to_slice(&mut buffer[..len]);
        self.position += len as u64;
        Ok(len)
    }
}

fn paused() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the upload paused for too long")
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn chunk(byte: u8, len: usize) -> Bytes {
        Bytes::from(vec![byte; len])
    }

    #[test]
    fn a_reader_that_keeps_up_sees_every_byte_in_order() {
        let (writer, mut reader) = feed(None);
        let thread = std::thread::spawn(move || {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).map(|_| all)
        });
        for byte in 0..10 {
            writer.offer(&chunk(byte, 1_000));
        }
        writer.complete();
        let all = thread.join().unwrap().unwrap();
        assert_eq!(all.len(), 10_000);
        assert!(
            all.chunks(1_000)
                .enumerate()
                .all(|(i, part)| part.iter().all(|b| usize::from(*b) == i))
        );
    }

    #[test]
    fn a_reader_that_falls_behind_continues_from_the_file() {
        let mut file = tempfile::tempfile().unwrap();
        let (writer, mut reader) = feed(Some(file.try_clone().unwrap()));
        let mut sent = Vec::new();
        for byte in 0..40 {
            let part = chunk(byte, 300_000);
            file.write_all(&part).unwrap();
            sent.extend_from_slice(&part);
            writer.offer(&part);
        }
        writer.complete();
        let mut all = Vec::new();
        reader.read_to_end(&mut all).unwrap();
        assert!(all == sent, "the bytes differ");
    }

    #[test]
    fn without_a_file_falling_behind_ends_the_live_analysis() {
        let (writer, mut reader) = feed(None);
        for _ in 0..40 {
            writer.offer(&chunk(0, 300_000));
        }
        writer.complete();
        assert!(reader.read_to_end(&mut Vec::new()).is_err());
    }

    #[test]
    fn a_reader_that_gave_up_leaves_no_bytes_queued() {
        let (writer, reader) = feed(None);
        writer.offer(&chunk(1, 10));
        drop(reader);
        writer.offer(&chunk(2, 10));
        let state = writer.shared.lock();
        assert!(state.queue.is_empty() && state.queued_bytes == 0);
        assert_eq!(state.written, 20);
    }

    #[test]
    fn an_upload_that_breaks_off_is_an_error_and_never_an_end() {
        let (writer, mut reader) = feed(None);
        writer.offer(&chunk(1, 10));
        drop(writer);
        let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    }
}
