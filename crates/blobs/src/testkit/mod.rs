//! Stores for tests, here and in the crates above: behind the feature `testkit`, no part of the product.

mod seaweed;

pub use seaweed::Seaweed;
