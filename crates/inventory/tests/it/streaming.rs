//! However the bytes arrive, the report is the same.

use std::io::Read;

use image::Limits;
use proptest::prelude::*;

use crate::layer::{Tar, dpkg, metadata, package_json};

fn layer() -> Vec<u8> {
    Tar::default()
        .directory("usr")
        .symlink("lib", "usr/lib")
        .file("var/lib/dpkg/status", dpkg(&[("a", "1"), ("b", "2")]))
        .file("usr/lib/x-1.dist-info/METADATA", metadata("x", "1"))
        .whiteout("etc/old")
        .opaque("srv")
        .file(
            "app/node_modules/ms/package.json",
            package_json("ms", "2.1.3"),
        )
        .bytes()
}

/// Gives at most the next of `sizes` bytes at a time, round and round.
struct Chunks<'a> {
    bytes: &'a [u8],
    sizes: &'a [usize],
    turn: usize,
}

impl Read for Chunks<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let size = self.sizes[self.turn % self.sizes.len()].min(buffer.len());
        self.turn += 1;
        self.bytes.read(&mut buffer[..size])
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn chunks_do_not_matter(sizes in proptest::collection::vec(1_usize..3_000, 1..8)) {
        let bytes = layer();
        let whole = inventory::analyse_layer(bytes.as_slice(), &Limits::default());
        let chunks = Chunks { bytes: &bytes, sizes: &sizes, turn: 0 };
        prop_assert_eq!(inventory::analyse_layer(chunks, &Limits::default()), whole);
    }
}

#[test]
fn the_order_of_entries_does_not_matter() {
    let forth = Tar::default()
        .symlink("lib", "usr/lib")
        .file("usr/lib/x-1.dist-info/METADATA", metadata("x", "1"))
        .file("var/lib/dpkg/status", dpkg(&[("a", "1")]))
        .report();
    let back = Tar::default()
        .file("var/lib/dpkg/status", dpkg(&[("a", "1")]))
        .file("usr/lib/x-1.dist-info/METADATA", metadata("x", "1"))
        .symlink("lib", "usr/lib")
        .report();
    let packages = |report| crate::layer::merge(&[report], None).packages;
    assert_eq!(packages(forth), packages(back));
}

#[test]
fn of_a_path_that_comes_twice_the_last_counts() {
    let inventory = crate::layer::merge_tars([Tar::default()
        .file("var/lib/dpkg/status", dpkg(&[("a", "1")]))
        .file("var/lib/dpkg/status", dpkg(&[("a", "2")]))]);
    assert_eq!(crate::layer::summary(&inventory), ["a 2 @0"]);
}

#[test]
fn the_diff_id_is_the_digest_of_the_uncompressed_bytes() {
    let bytes = layer();
    let report = inventory::analyse_layer(bytes.as_slice(), &Limits::default());
    assert_eq!(report.diff_id, Some(oci::Digest::sha256(&bytes)));
    assert!(report.complete);
    assert_eq!(report.totals.bytes, bytes.len() as u64);
}
