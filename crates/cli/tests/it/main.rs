//! The real program: what it prints, writes, and how it ends.
//!
//! Adding a test: a module here for the command, and [`world::World`] for files, feeds and images. Every run has an
//! empty environment and a home of its own; the clock is `--as-of`. A test of the running server begins with
//! [`serve::Site`]; real clients are in [`tools`], requests by hand in [`wire`].

mod admin;
mod advisories;
mod agreement;
mod arguments;
mod audit;
mod browser;
mod canaries;
mod clients;
mod config;
mod crash;
mod cutter;
mod daemons;
mod descriptors;
mod disk;
mod documents;
mod faults;
mod fsck;
mod lifecycle;
mod migrate;
mod panics;
mod policy;
mod registry;
mod samples;
mod scan;
mod serve;
mod sources;
mod tools;
mod trips;
mod wire;
mod world;
