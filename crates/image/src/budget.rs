//! How much the walks of this process hold together.
//!
//! A walk that wants a large file waits until there is room. It holds one file at a time and asks for nothing else
//! meanwhile, so the walks that hold something go on and give it back. Small files are not counted: there is one of them
//! per walk, and walks are few.

use std::sync::{Condvar, Mutex, PoisonError};

/// Files up to this size are not counted.
pub(crate) const UNCOUNTED_BYTES: u64 = 1 << 20;

/// The budget of the process.
///
/// # Source
/// The inventory specification, section 3.3, `limit.memory`.
pub(crate) static HELD: Budget = Budget::new(1 << 30);

/// Bytes that may be held at once.
pub(crate) struct Budget {
    total: u64,
    held: Mutex<u64>,
    given_back: Condvar,
}

/// Bytes taken from a budget; they are given back when this is dropped.
pub(crate) struct Share<'b> {
    budget: &'b Budget,
    bytes: u64,
}

impl Budget {
    const fn new(total: u64) -> Self {
        Self {
            total,
            held: Mutex::new(0),
            given_back: Condvar::new(),
        }
    }

    /// Takes `bytes`, or everything if there is less; waits until others have given enough back.
    pub(crate) fn take(&self, bytes: u64) -> Share<'_> {
        let bytes = if bytes > UNCOUNTED_BYTES {
            bytes.min(self.total)
        } else {
            0
        };
        // The number is whole between any two instructions, so a thread that panicked elsewhere leaves it right.
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let mut held = self
            .given_back
            .wait_while(held, |held| bytes > 0 && *held + bytes > self.total)
            .unwrap_or_else(PoisonError::into_inner);
        *held += bytes;
        Share {
            budget: self,
            bytes,
        }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let mut held = self
            .budget
            .held
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *held -= self.bytes;
        drop(held);
        self.budget.given_back.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn walks_together_never_hold_more_than_the_budget() {
        let budget = Budget::new(10 * MIB);
        let (held, most) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for size in 2..8 {
                let (budget, held, most) = (&budget, &held, &most);
                scope.spawn(move || {
                    for _ in 0..200 {
                        let share = budget.take(size * MIB);
                        let now = held.fetch_add(size, Ordering::SeqCst) + size;
                        most.fetch_max(now, Ordering::SeqCst);
                        held.fetch_sub(size, Ordering::SeqCst);
                        drop(share);
                    }
                });
            }
        });
        assert!(most.into_inner() <= 10);
        assert_eq!(*budget.held.lock().expect("no thread panicked"), 0);
    }

    #[test]
    fn one_file_larger_than_the_budget_takes_all_of_it() {
        let budget = Budget::new(4 * MIB);
        let share = budget.take(9 * MIB);
        assert_eq!(share.bytes, 4 * MIB);
        // A small file waits for nobody.
        assert_eq!(budget.take(UNCOUNTED_BYTES).bytes, 0);
    }
}
