//! Any source becomes layers, any layer becomes one bounded stream of entries.
