//! The content of one member: held in one piece, looked at, or passed by.
//!
//! What is stored may lie in the stream in any number of pieces, and a sparse file has holes between them; both end here.

use super::reader::TarReader;
use super::sparse::Segment;
use crate::SNIFF_BYTES;
use crate::layer::stop::Stop;
use crate::layer::stream::Stream;

impl<S: Stream> TarReader<S> {
    /// Reads up to `limit` bytes of the current member's content and shows them to `see`, without copying where they
    /// lie in one piece. Returns an error if the stream ends inside them; what was there is shown before.
    pub(crate) fn read_content<T>(
        &mut self,
        size: u64,
        limit: u64,
        held: &mut Vec<u8>,
        see: impl FnOnce(&[u8], bool) -> T,
    ) -> Result<T, Stop> {
        let wanted = size.min(limit);
        let is_cut = size > wanted;
        if wanted == 0 {
            return Ok(see(&[], is_cut));
        }
        if self.segments.is_none() && self.early.is_empty() {
            let there = match self.stream.fill() {
                Ok(there) => there,
                Err(stop) => {
                    see(&[], true);
                    return Err(stop);
                }
            };
            if there.len() as u64 >= wanted {
                let seen = see(&there[..wanted as usize], is_cut);
                self.stream.consume(wanted as usize);
                self.left -= wanted;
                return Ok(seen);
            }
        }
        held.clear();
        // One piece of memory instead of doublings; pages that no byte reaches cost nothing.
        held.reserve_exact(wanted as usize);
        let outcome = match self.segments.take() {
            None => self.append(wanted, held),
            Some(segments) => self.append_sparse(&segments, wanted, held),
        };
        let seen = see(held, is_cut || outcome.is_err());
        outcome.map(|()| seen)
    }

    /// Shows up to [`SNIFF_BYTES`] of the current member's content to `see`; they are read again with the rest. A file
    /// that begins with a hole begins with zeros, which are no magic number: nothing is shown of it.
    pub(crate) fn sniff<T>(&mut self, see: impl FnOnce(&[u8]) -> T) -> Result<T, Stop> {
        let stored = match &self.segments {
            None => self.left,
            Some(segments) => segments
                .first()
                .filter(|first| first.offset == 0)
                .map_or(0, |first| first.length),
        };
        let wanted = stored.min(SNIFF_BYTES as u64) as usize;
        if wanted == 0 {
            return Ok(see(&[]));
        }
        let there = self.stream.fill()?;
        if there.len() >= wanted {
            return Ok(see(&there[..wanted]));
        }
        let mut early = std::mem::take(&mut self.early);
        let outcome = self.append(wanted as u64, &mut early);
        self.early = early;
        outcome.map(|()| see(&self.early))
    }

    /// Shows up to `limit` bytes of the current member's content to `see`, in pieces. Returns an error if the stream ends
    /// inside them; what was there is shown before.
    pub(crate) fn read_pieces(
        &mut self,
        size: u64,
        limit: u64,
        mut see: impl FnMut(&[u8]),
    ) -> Result<(), Stop> {
        const HOLE: [u8; 4096] = [0; 4096];
        let wanted = size.min(limit);
        let Some(segments) = self.segments.take() else {
            return self.pass(wanted, &mut see);
        };
        let mut at = 0;
        let end = Segment {
            offset: size,
            length: 0,
        };
        for segment in segments.into_iter().chain([end]) {
            while at < segment.offset.min(wanted) {
                let step = (segment.offset.min(wanted) - at).min(HOLE.len() as u64);
                see(&HOLE[..step as usize]);
                at += step;
            }
            let step = segment.length.min(wanted - at);
            self.pass(step, &mut see)?;
            at += step;
        }
        Ok(())
    }

    /// Shows stored bytes as they lie in the stream.
    fn pass(&mut self, mut count: u64, see: &mut impl FnMut(&[u8])) -> Result<(), Stop> {
        let early = (self.early.len() as u64).min(count);
        if early > 0 {
            see(&self.early[..early as usize]);
            self.early.drain(..early as usize);
            count -= early;
        }
        while count > 0 {
            let there = self.stream.fill()?;
            if there.is_empty() {
                return Err(Stop::Truncated("inside a file"));
            }
            let step = (there.len() as u64).min(count);
            see(&there[..step as usize]);
            self.stream.consume(step as usize);
            self.left -= step;
            count -= step;
        }
        Ok(())
    }

    fn append_sparse(
        &mut self,
        segments: &[Segment],
        wanted: u64,
        held: &mut Vec<u8>,
    ) -> Result<(), Stop> {
        for segment in segments {
            if segment.offset >= wanted {
                break;
            }
            held.resize(segment.offset as usize, 0);
            self.append(segment.length.min(wanted - segment.offset), held)?;
        }
        held.resize(wanted as usize, 0);
        Ok(())
    }

    pub(super) fn append(&mut self, count: u64, held: &mut Vec<u8>) -> Result<(), Stop> {
        self.pass(count, &mut |piece: &[u8]| held.extend_from_slice(piece))
    }
}
