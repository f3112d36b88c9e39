//! What is inside an image: packages, distribution and image facts.
//!
//! A layer is read once, as a stream, into a [`LayerReport`]: the rows of every package database and metadata file it
//! holds, and the few facts about its paths that a merge needs. Reports are stored; [`merge()`] combines those of one
//! image into an [`evidence::Inventory`] in milliseconds, without the bytes.
//!
//! Nothing here does IO beyond the reader it is given, knows an advisory, or fails on content: what cannot be read is
//! a diagnostic, and what ends a unit of work early makes the coverage partial.
//!
//! Adding an ecosystem: a folder with an `Extractor` (which paths, how much of them, how to read it), its tests and its
//! test data; one line in `registry.rs`; a kind in `evidence::PackageType`. The conformance suite in `tests/it` takes it
//! from the registry and asks for a sample.
//!
//! # Source
//! `inventory.md`, sections 3 to 7 and 10, of the project's specification.

mod alpm;
mod analyse;
mod apk;
mod beam;
mod bitnami;
mod classifier;
mod cocoapods;
mod codec;
mod compressed;
mod conan;
mod conda;
mod cos;
mod cran;
mod dart;
mod digest;
mod document;
mod dotnet;
mod dpkg;
mod executable;
mod extractor;
mod flatpak;
mod go;
mod haskell;
mod java;
mod julia;
mod listing;
mod lua;
mod merge;
mod npm;
mod os_release;
mod passwd;
mod path;
mod php;
mod portage;
mod python;
mod redhat;
mod registry;
mod report;
mod rpm;
mod ruby;
mod rust;
mod snap;
mod spack;
mod swift;
mod wordpress;
mod zip;

pub use analyse::{analyse_directory, analyse_layer};
pub use codec::DecodeError;
pub use merge::{Layer, merge, merge_directory};
pub use registry::{ANALYSER_VERSION, ExtractorInfo, extractors, parse_with};
pub use report::{LayerReport, Totals};
