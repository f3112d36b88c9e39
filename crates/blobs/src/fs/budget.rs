//! How large the buffers of one transfer may be, so that all transfers together stay small.
//!
//! Large buffers are for few transfers, where every thread hop is felt; many at once keep both cores busy with small ones
//! and would only fill the memory with large ones. What is given is a size for the next buffer, not a reservation.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What the buffers being filled take together at most, while there are no more than 128 transfers.
const TOTAL_BYTES: usize = 8 << 20;
const SMALLEST_BYTES: usize = 64 << 10;

/// The transfers of one kind that are under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Budget {
    transfers: Arc<AtomicUsize>,
}

/// One transfer's part; it ends with the transfer.
#[derive(Debug)]
pub(super) struct Share {
    transfers: Arc<AtomicUsize>,
}

impl Budget {
    pub(super) fn join(&self) -> Share {
        self.transfers.fetch_add(1, Ordering::Relaxed);
        Share {
            transfers: Arc::clone(&self.transfers),
        }
    }
}

impl Share {
    /// Returns the size of the next buffer.
    pub(super) fn bytes(&self, largest: usize) -> usize {
        let transfers = self.transfers.load(Ordering::Relaxed).max(1);
        (TOTAL_BYTES / transfers).clamp(SMALLEST_BYTES, largest)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.transfers.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_transfers_have_large_buffers_and_many_have_small_ones() {
        let budget = Budget::default();
        let first = budget.join();
        assert_eq!(first.bytes(512 << 10), 512 << 10);
        let others: Vec<Share> = (1..64).map(|_| budget.join()).collect();
        assert_eq!(first.bytes(512 << 10), 128 << 10);
        let more: Vec<Share> = (0..1000).map(|_| budget.join()).collect();
        assert_eq!(first.bytes(512 << 10), SMALLEST_BYTES);
        drop((others, more));
        assert_eq!(first.bytes(256 << 10), 256 << 10);
    }
}
