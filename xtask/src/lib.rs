//! Developer chores, and the tests that hold the house together.
