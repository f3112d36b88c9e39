//! Builders of layers and image files, for tests here and in the crates below.
//!
//! They write what tools write, and what no tool would: every byte of a header can be chosen. Nothing here reads, so a
//! test never checks the reader against itself.

mod compress;
mod image;
mod tar;

pub use compress::{gzip, gzip_members, zstd, zstd_frames, zstd_skippable};
pub use image::{
    TestImage, TestLayer, docker_archive, docker_save_archive, oci_archive, oci_layout_files,
    write_files,
};
pub use tar::TarBuilder;
