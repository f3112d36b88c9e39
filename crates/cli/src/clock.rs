//! The one place where the program reads the time (architecture invariant 11).

use jiff::Timestamp;

/// Returns the present instant. Commands read it once and pass it on.
#[expect(
    clippy::disallowed_methods,
    reason = "the shell reads the clock once, here"
)]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}
