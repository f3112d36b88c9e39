//! Bytes taken along from a place in a file, over as many windows as they need.

use super::Window;

/// The bytes from one offset on, as far as they have passed.
#[derive(Debug)]
pub(crate) struct Capture {
    /// Where it began.
    pub(crate) offset: u64,
    pub(crate) bytes: Vec<u8>,
    limit: usize,
}

impl Capture {
    /// Begins at an offset; at most `limit` bytes are taken.
    pub(crate) fn new(offset: u64, limit: usize) -> Self {
        Self {
            offset,
            bytes: Vec::new(),
            limit,
        }
    }

    /// Takes what the window shows beyond what was taken. What begins in a window must be fed that window.
    pub(crate) fn feed(&mut self, window: &Window<'_>) {
        let next = self.offset + self.bytes.len() as u64;
        let Some(start) = next.checked_sub(window.offset) else {
            return;
        };
        let there = window.bytes.get(start as usize..).unwrap_or_default();
        let room = self.limit - self.bytes.len();
        self.bytes
            .extend_from_slice(&there[..there.len().min(room)]);
    }

    /// Returns whether nothing more will be taken.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes.len() == self.limit
    }
}
