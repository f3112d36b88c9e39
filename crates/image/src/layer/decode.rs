//! Stored bytes to tar bytes: nothing, gzip or zstd, told by their first bytes.
//!
//! Both codecs are driven member by member (gzip) and frame by frame (zstd), because what follows the last one must be
//! told apart from damage inside one. Adding a compression: its magic in [`Compression::of`], an arm in
//! [`Decoder::read`].

use std::io::{self, Read};

use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{Decoder as ZstdDecoder, Operation as _};
use zstd::zstd_safe::DParameter;

use super::stop::Stop;
use crate::Compression;

/// Bytes read from the stored stream at once.
const INPUT_BYTES: usize = 256 << 10;

/// The largest zstd window accepted: 2²⁷ bytes, 128 MiB.
const ZSTD_WINDOW_LOG: u32 = 27;

impl Compression {
    /// Tells the compression by the first bytes (512 of them where there are), or `None` if it is neither a known
    /// compression nor a tar.
    pub(crate) fn of(head: &[u8]) -> Option<Self> {
        if head.starts_with(&[0x1f, 0x8b]) {
            Some(Self::Gzip)
        } else if is_zstd_frame(head) {
            Some(Self::Zstd)
        } else if super::tar::looks_like_tar(head) {
            Some(Self::None)
        } else {
            None
        }
    }
}

fn is_zstd_frame(head: &[u8]) -> bool {
    matches!(
        head,
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]
    )
}

/// The stored stream with a buffer that can be looked into.
#[derive(Debug)]
pub(crate) struct Source<R> {
    inner: R,
    buffer: Vec<u8>,
    at: usize,
    end: usize,
    read: u64,
}

impl<R: Read> Source<R> {
    /// Wraps a reader.
    pub(crate) fn new(inner: R) -> Self {
        Self {
            inner,
            buffer: vec![0; INPUT_BYTES],
            at: 0,
            end: 0,
            read: 0,
        }
    }

    /// Returns at least `count` unread bytes, fewer only at the end of the stream.
    pub(crate) fn peek(&mut self, count: usize) -> Result<&[u8], Stop> {
        if self.end - self.at < count {
            self.buffer.copy_within(self.at..self.end, 0);
            self.end -= self.at;
            self.at = 0;
            while self.end < count {
                let got = read_some(&mut self.inner, &mut self.buffer[self.end..])?;
                if got == 0 {
                    break;
                }
                self.end += got;
                self.read += got as u64;
            }
        }
        Ok(&self.buffer[self.at..self.end])
    }

    fn consume(&mut self, count: usize) {
        self.at += count;
    }

    /// Returns the stored bytes that were used so far.
    pub(crate) fn used(&self) -> u64 {
        self.read - (self.end - self.at) as u64
    }

    fn read(&mut self, out: &mut [u8]) -> Result<usize, Stop> {
        if self.at == self.end {
            // A large read goes straight to where it is wanted.
            let got = read_some(&mut self.inner, out)?;
            self.read += got as u64;
            return Ok(got);
        }
        let count = out.len().min(self.end - self.at);
        out[..count].copy_from_slice(&self.buffer[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }

    /// Reads and drops what is left.
    pub(crate) fn drain(&mut self) -> Result<(), Stop> {
        loop {
            let left = self.peek(1)?.len();
            if left == 0 {
                return Ok(());
            }
            self.consume(left);
        }
    }
}

fn read_some(reader: &mut impl Read, out: &mut [u8]) -> Result<usize, Stop> {
    loop {
        match reader.read(out) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Stop::Unreadable(error)),
            Ok(count) => return Ok(count),
        }
    }
}

enum Codec {
    Plain,
    Gzip(Decompress),
    Zstd(ZstdDecoder<'static>),
    /// Every member or frame was read.
    Done,
    /// Nothing more can be read; the reason is given once.
    Broken(Option<Stop>),
}

/// The decompressed stream.
pub(crate) struct Decoder<R> {
    source: Source<R>,
    codec: Codec,
    trailing: bool,
}

impl<R: Read> Decoder<R> {
    /// Starts to decode; `compression` is what [`Compression::of`] said.
    pub(crate) fn new(source: Source<R>, compression: Compression) -> Result<Self, Stop> {
        let codec = match compression {
            Compression::None => Codec::Plain,
            Compression::Gzip => Codec::Gzip(gzip_member()),
            Compression::Zstd => {
                let start = || -> io::Result<_> {
                    let mut decoder = ZstdDecoder::new()?;
                    decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG))?;
                    Ok(decoder)
                };
                Codec::Zstd(start().map_err(Stop::Unreadable)?)
            }
        };
        Ok(Self {
            source,
            codec,
            trailing: false,
        })
    }

    /// Returns the stored bytes that were used so far.
    pub(crate) fn stored_bytes(&self) -> u64 {
        self.source.used()
    }

    /// Returns whether bytes that belong to no member or frame followed the last one.
    pub(crate) fn has_trailing(&self) -> bool {
        self.trailing
    }

    /// Returns whether the stream is compressed.
    pub(crate) fn is_compressed(&self) -> bool {
        !matches!(self.codec, Codec::Plain)
    }

    /// Reads the stored stream to its end without decoding it, so that whoever verifies it below can judge it.
    pub(crate) fn drain_stored(&mut self) -> Result<(), Stop> {
        self.source.drain()
    }

    /// Reads decompressed bytes; zero only at the end of the last member or frame.
    pub(crate) fn read(&mut self, out: &mut [u8]) -> Result<usize, Stop> {
        loop {
            let step = match &mut self.codec {
                Codec::Plain => return self.source.read(out),
                Codec::Done => return Ok(0),
                Codec::Broken(stop) => return Err(stop.take().unwrap_or_else(no_progress)),
                Codec::Gzip(member) => inflate(member, &mut self.source, out)?,
                Codec::Zstd(decoder) => unzstd(decoder, &mut self.source, out)?,
            };
            match step.then {
                Then::More => {}
                Then::NextPart => self.next_part()?,
                Then::Stop(stop) => self.codec = Codec::Broken(Some(stop)),
            }
            if step.produced > 0 {
                return Ok(step.produced);
            }
        }
    }

    /// Decides what follows a member or frame: another, nothing, or something that does not belong there.
    fn next_part(&mut self) -> Result<(), Stop> {
        let head = self.source.peek(4)?;
        let continues = match self.codec {
            Codec::Gzip(_) => head.starts_with(&[0x1f, 0x8b]),
            _ => is_zstd_frame(head),
        };
        if !continues {
            self.trailing = !head.is_empty();
            self.codec = Codec::Done;
            return self.source.drain();
        }
        if let Codec::Gzip(member) = &mut self.codec {
            *member = gzip_member();
        }
        Ok(())
    }
}

/// A fresh state for one member; zlib checks its header, length and CRC.
fn gzip_member() -> Decompress {
    Decompress::new_gzip(15)
}

/// What one call of a codec gave.
struct Step {
    produced: usize,
    then: Then,
}

/// What comes after it.
enum Then {
    More,
    /// The member or frame ended.
    NextPart,
    /// The stream is broken, after the bytes that were still produced.
    Stop(Stop),
}

fn inflate<R: Read>(
    member: &mut Decompress,
    source: &mut Source<R>,
    out: &mut [u8],
) -> Result<Step, Stop> {
    let input = source.peek(1)?;
    let is_end = input.is_empty();
    let (in_before, out_before) = (member.total_in(), member.total_out());
    let status = member.decompress(input, out, FlushDecompress::None);
    let consumed = (member.total_in() - in_before) as usize;
    let produced = (member.total_out() - out_before) as usize;
    source.consume(consumed);
    let then = match status {
        Err(error) => {
            let words = error.message().unwrap_or("invalid gzip").to_owned();
            Then::Stop(Stop::Corrupt(words))
        }
        Ok(Status::StreamEnd) => Then::NextPart,
        Ok(_) if produced > 0 || consumed > 0 => Then::More,
        Ok(_) if is_end => Then::Stop(Stop::Truncated("inside a gzip member")),
        Ok(_) => Then::Stop(no_progress()),
    };
    Ok(Step { produced, then })
}

fn unzstd<R: Read>(
    decoder: &mut ZstdDecoder<'static>,
    source: &mut Source<R>,
    out: &mut [u8],
) -> Result<Step, Stop> {
    let input = source.peek(1)?;
    let is_end = input.is_empty();
    let status = match decoder.run_on_buffers(input, out) {
        Ok(status) => status,
        Err(error) => {
            return Ok(Step {
                produced: 0,
                then: Then::Stop(zstd_stop(&error)),
            });
        }
    };
    source.consume(status.bytes_read);
    let then = if status.remaining == 0 {
        Then::NextPart
    } else if status.bytes_written > 0 || status.bytes_read > 0 {
        Then::More
    } else if is_end {
        Then::Stop(Stop::Truncated("inside a zstd frame"))
    } else {
        Then::Stop(no_progress())
    };
    Ok(Step {
        produced: status.bytes_written,
        then,
    })
}

fn no_progress() -> Stop {
    Stop::Corrupt("the decoder makes no progress".to_owned())
}

/// Tells a frame that asks for more memory than is given from one that is damaged; the library has only words for it.
fn zstd_stop(error: &io::Error) -> Stop {
    let words = error.to_string();
    if words.contains("too much memory") {
        let limit_mib = 1_u32 << (ZSTD_WINDOW_LOG - 20);
        return Stop::Unsupported(format!("a zstd frame needs a window above {limit_mib} MiB"));
    }
    Stop::Corrupt(words)
}
