//! Named places around each step that must survive the end of the process, or a fault of the machine.
//!
//! Code calls [`before`] and [`after`] around a write, sync, rename, commit or delete, and [`fault`] where a file call may
//! fail. In the program that people run all three are empty. With the feature `armed`, which only the tests of the
//! program switch on, the file named by [`VARIABLE`] names one place, and what happens there:
//!
//! | line | what happens |
//! |---|---|
//! | `before object.rename` | the process kills itself, as `kill -9` does: no destructor, no flush |
//! | `after object.rename 3` | the same, the third time it gets there |
//! | `fail staged.write 28` | the call answers with this number of the operating system, each time |
//! | `panic upload.row words` | the caller panics with this word, as if a bug put a value into its text |
//! | `short staged.write` | each write takes half of what it is given |
//!
//! What it does not do: it injects no delays and knows no faults of the network; those are the business of whoever
//! answers the call.
//!
//! Adding a place: a variant of [`Step`] with its name, the calls, and work that gets there in the crash and disk tests of
//! the program, which fail for a place that nothing reaches.

mod step;

pub use step::Step;

/// The variable that names the file with the armed place. The file is read each time, so that a test arms a running
/// process.
pub const VARIABLE: &str = "FAILPOINT_FILE";

/// The variable that names the file to which every place that is passed is added, a line each.
pub const TRACE_VARIABLE: &str = "FAILPOINT_TRACE";

/// What happens to a file call instead of what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails with this number of the operating system.
    Errno(i32),
    /// A write takes half of what it is given; of one byte, that byte.
    Short,
}

/// The place before a step.
#[inline]
pub fn before(step: Step) {
    reach("before", step);
}

/// The place after a step.
#[inline]
pub fn after(step: Step) {
    reach("after", step);
}

/// What happens to the file call of a step; nothing in the program that people run.
#[inline]
pub fn fault(step: Step) -> Option<Fault> {
    armed_fault(step)
}

#[cfg(not(feature = "armed"))]
#[inline]
fn reach(_edge: &str, _step: Step) {}

#[cfg(not(feature = "armed"))]
#[inline]
fn armed_fault(_step: Step) -> Option<Fault> {
    None
}

#[cfg(feature = "armed")]
use armed::{armed_fault, reach};

#[cfg(feature = "armed")]
mod armed;
