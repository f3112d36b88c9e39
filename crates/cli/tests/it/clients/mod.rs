//! Clients that nobody here wrote: they push, pull, mount, list, delete, and say why they may not.
//!
//! Adding a client: its command in [`crate::tools`], a module here. What a client prints is part of the product: the
//! tests hold the words that reach a developer's terminal.

mod access;
mod containers;
mod daemons;
mod gate;
mod oras;
mod platforms;
mod resume;
mod skopeo;
