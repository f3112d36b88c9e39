//! Stores for tests, here and in the crates above: behind the feature `testkit`, no part of the product.

mod proxy;
mod seaweed;

pub use proxy::{Fault, FaultProxy};
pub use seaweed::Seaweed;
