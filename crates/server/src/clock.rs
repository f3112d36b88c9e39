//! The server's one clock.
//!
//! Everything that decides takes `now` as an argument; only this type reads the machine's time.

use jiff::Timestamp;

/// Where `now` comes from.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A fixed instant, for tests that compare whole answers.
    Fixed(Timestamp),
}

impl Clock {
    /// Returns the current instant.
    pub fn now(&self) -> Timestamp {
        match self {
            #[expect(
                clippy::disallowed_methods,
                reason = "the one place that reads the clock"
            )]
            Self::System => Timestamp::now(),
            Self::Fixed(at) => *at,
        }
    }
}
