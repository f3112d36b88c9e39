//! What the fuzz targets share: small limits, layers whose checksums hold, bytes as a file.
//!
//! A fuzzer changes bytes blindly, and a checksum refuses nearly every change before the code behind it has seen it.
//! So checksums are put right here, on inputs that ask for it in their first byte; an input that does not is read as
//! it is.
//!
//! Adding a target: a file in `fuzz_targets`, its `[[bin]]` in `Cargo.toml`, and seeds in `examples/seeds.rs` where
//! random bytes would be refused at the first look. `make soak` finds it by itself.

#[path = "../../crates/inventory/tests/it/samples.rs"]
mod samples;

pub mod binary;

use std::io::Write;
use std::time::Duration;

use evidence::{Diagnostic, LayerInfo, Level};
use image::{FileLimits, Limits, testkit};
use inventory::LayerReport;
use oci::Digest;
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

const BLOCK: usize = 512;

/// Files of language package managers: (extractor, path, content). A reader asks for a path first, and a fuzzer that has
/// to find one spends its time on names.
pub const LANGUAGES: &[(&str, &str, &str)] = samples::SAMPLES;

/// Limits that inputs of a few kilobytes reach.
#[must_use]
pub fn small_limits() -> Limits {
    let file = 64 << 10;
    Limits {
        entries_per_layer: 200,
        layer_bytes: 4 << 20,
        ratio: 100,
        ratio_after_bytes: 1 << 20,
        header_bytes: 4 << 10,
        cpu_time: Duration::from_secs(20),
        file_bytes: FileLimits {
            rpm_database: 1 << 20,
            executable: file,
            archive: file,
            package_text: file,
            document: file,
        },
        ..Limits::default()
    }
}

/// Limits of feeds that inputs of a few kilobytes reach.
pub const FEED_LIMITS: advisories::Limits = advisories::Limits {
    document_bytes: 16 << 10,
    feed_bytes: 256 << 10,
    text_bytes: 512,
    entries: 50,
    ratio: 20,
};

/// A layer as the first byte wants it: the rest as it is, or as a tar with right checksums, plain or compressed.
#[must_use]
pub fn layer(input: &[u8]) -> Vec<u8> {
    let Some((how, bytes)) = input.split_first() else {
        return Vec::new();
    };
    match how % 4 {
        0 => bytes.to_vec(),
        1 => with_checksums(bytes),
        2 => testkit::gzip(&with_checksums(bytes)),
        _ => testkit::zstd(&with_checksums(bytes)),
    }
}

/// Puts the checksum of every block right that says it is a tar header.
#[must_use]
pub fn with_checksums(tar: &[u8]) -> Vec<u8> {
    let mut tar = tar.to_vec();
    for block in tar
        .chunks_exact_mut(BLOCK)
        .filter(|block| &block[257..262] == b"ustar")
    {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    tar
}

/// Checks what every walk promises: whoever was not shown everything is told why, as an error.
///
/// # Panics
/// When nobody says why.
pub fn assert_explained(complete: bool, diagnostics: &[Diagnostic]) {
    let is_explained = diagnostics.iter().any(|found| found.level == Level::Error);
    assert!(
        complete || is_explained,
        "partial, and only {diagnostics:?}"
    );
}

/// Merges reports from the base up.
#[must_use]
pub fn merge(reports: &[LayerReport], config: Option<&oci::ImageConfig>) -> evidence::Inventory {
    let layers: Vec<inventory::Layer<'_>> = reports
        .iter()
        .enumerate()
        .map(|(index, report)| inventory::Layer {
            info: LayerInfo {
                digest: Digest::sha256(&index.to_le_bytes()),
                diff_id: None,
                size_bytes: report.totals.blob_bytes,
                created_by: None,
            },
            report,
        })
        .collect();
    inventory::merge(&layers, config)
}

/// Returns a file with these bytes. `scripts/soak` has `TMPDIR` in memory.
///
/// # Panics
/// When it cannot be written.
#[must_use]
pub fn file_with(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("space for a temporary file");
    file
}

/// Puts the checksum of a snapshot right.
pub fn seal_snapshot(snapshot: &mut [u8]) {
    if snapshot.len() >= 64 {
        let seal = Sha256::new()
            .chain_update(&snapshot[..32])
            .chain_update(&snapshot[64..])
            .finalize();
        snapshot[32..64].copy_from_slice(&seal);
    }
}
