//! The crate through its public door: feeds in files, a snapshot, a match.

mod damage;
mod feeds;
mod grade;
mod matching;
mod snapshot;
mod world;
