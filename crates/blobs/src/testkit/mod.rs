//! Stores for tests, here and in the crates above: behind the feature `testkit`, no part of the product.

mod journal;
mod proxy;
mod seaweed;

pub use journal::{Change, Journal, replay};
pub use proxy::{Fault, FaultProxy};
pub use seaweed::Seaweed;
