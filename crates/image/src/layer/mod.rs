//! One layer: stored bytes → tar stream → entries.
//!
//! [`decode`] undoes the compression, [`stream`] cuts the result into bounded, hashed chunks, [`tar`] reads framing,
//! [`walk`] applies limits and shows entries. A layer that breaks is walked as far as it goes; what broke is a
//! diagnostic, and where only the framing broke the rest is still read for its digest.

pub(crate) mod decode;
pub(crate) mod stop;
pub(crate) mod stream;
pub(crate) mod tar;
pub(crate) mod walk;

use std::io::Read;
use std::thread;

use evidence::Level;

use crate::diagnostics::Notes;
use crate::{Compression, LayerWalk, Limits, Visitor};
use decode::{Decoder, Source};
use stop::Stop;
use stream::ChunkStream;
use tar::{BLOCK, TarReader};
use walk::Tally;

/// Walks a layer: every entry is shown to the visitor, in the order of the stream.
///
/// The first bytes decide how it is stored: tar, gzip (all members) or zstd (all frames). Diagnostics:
/// `layer.unsupported`, `layer.corrupt`, `layer.truncated`, `layer.trailing_data`, `layer.unreadable` (the reader
/// failed; `layer.digest_mismatch` and `layer.size_mismatch` where it failed because a
/// [`VerifyingReader`](crate::VerifyingReader) found other content), `tar.*` and `limit.*`.
pub fn walk_layer(reader: impl Read, limits: &Limits, visitor: &mut dyn Visitor) -> LayerWalk {
    let mut notes = Notes::default();
    let mut source = Source::new(reader);
    let compression = match detect(&mut source) {
        Ok(compression) => compression,
        Err(stop) => {
            stop.note(&mut notes);
            // Read to its end, so that a reader that verifies can say whether these bytes are the promised ones.
            if let Err(stop) = source.drain() {
                stop.note(&mut notes);
            }
            return unread(source.used(), notes);
        }
    };
    let decoder = match Decoder::new(source, compression) {
        Ok(decoder) => decoder,
        Err(stop) => {
            stop.note(&mut notes);
            return unread(0, notes);
        }
    };
    thread::scope(|scope| {
        let stream = ChunkStream::new(decoder, limits, Some(scope));
        LayerWalk {
            compression: Some(compression),
            ..walk_stream(stream, limits, visitor, notes)
        }
    })
}

fn detect<R: Read>(source: &mut Source<R>) -> Result<Compression, Stop> {
    let head = source.peek(BLOCK)?;
    if head.is_empty() {
        return Err(Stop::Truncated("before its first byte"));
    }
    Compression::of(head).ok_or_else(|| {
        Stop::Unsupported("the layer is neither a tar nor compressed with gzip or zstd".to_owned())
    })
}

fn unread(blob_bytes: u64, notes: Notes) -> LayerWalk {
    LayerWalk {
        diff_id: None,
        compression: None,
        blob_bytes,
        entries: 0,
        bytes: 0,
        complete: false,
        diagnostics: notes.finish(),
    }
}

fn walk_stream<R: Read>(
    stream: ChunkStream<'_, '_, R>,
    limits: &Limits,
    visitor: &mut dyn Visitor,
    mut notes: Notes,
) -> LayerWalk {
    let mut reader = TarReader::new(stream, limits.header_bytes);
    let mut tally = Tally::default();
    let walked = walk::walk(&mut reader, limits, visitor, &mut notes, &mut tally);
    let has_end_mark = reader.has_end_mark();
    let mut stream = reader.stream;
    let mut complete = tally.is_whole;
    match &walked {
        Ok(()) => read_rest(&mut stream, has_end_mark, &mut notes, &mut complete),
        Err(stop) => {
            complete = false;
            stop.note(&mut notes);
            if stop.leaves_bytes_readable() {
                if let Err(stop) = stream.drain() {
                    stop.note(&mut notes);
                }
            } else if matches!(stop, Stop::Corrupt(_) | Stop::Truncated(_) | Stop::Unsupported(_))
                // Damage on the way here, or damage that was pushed? A reader that verifies knows.
                && let Err(stop) = stream.decoder().drain_stored()
            {
                stop.note(&mut notes);
            }
        }
    }
    let bytes = stream::Stream::position(&stream);
    let blob_bytes = stream.decoder().stored_bytes();
    LayerWalk {
        diff_id: stream.finish(),
        compression: None,
        blob_bytes,
        entries: tally.entries,
        bytes,
        complete,
        diagnostics: notes.finish(),
    }
}

/// Reads what follows the archive: it feeds the digest, and may not be anything but zeros.
fn read_rest<R: Read>(
    stream: &mut ChunkStream<'_, '_, R>,
    has_end_mark: bool,
    notes: &mut Notes,
    complete: &mut bool,
) {
    if !has_end_mark {
        // The runtimes accept it, so it is no error; but this is also what a cut between two members looks like.
        let message = "the archive ends without its end mark of two zero blocks";
        notes.push("layer.truncated", Level::Warning, message);
    }
    match stream.drain() {
        Ok(true) => notes.push(
            "tar.trailing_data",
            Level::Warning,
            "bytes other than zero follow the end of the archive; runtimes ignore them",
        ),
        Ok(false) => {}
        Err(stop) => {
            *complete = false;
            stop.note(notes);
        }
    }
    if stream.decoder().has_trailing() {
        notes.push(
            "layer.trailing_data",
            Level::Warning,
            "bytes that are not compressed data follow the compressed stream",
        );
    }
}
