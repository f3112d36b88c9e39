//! The real program: what it prints, writes, and how it ends.
//!
//! Adding a test: a module here for the command, and [`world::World`] for files, feeds and images. Every run has an
//! empty environment and a home of its own; the clock is `--as-of`.

mod advisories;
mod arguments;
mod config;
mod documents;
mod policy;
mod registry;
mod scan;
mod sources;
mod world;
