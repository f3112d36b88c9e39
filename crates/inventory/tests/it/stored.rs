//! The stored form of a report: what was written once is read forever, or refused.

use inventory::{DecodeError, LayerReport};
use proptest::prelude::*;

use crate::layer::{Tar, dpkg, merge, metadata, package_json};

/// Written by version 1 and never edited: see `testdata/v1/README.md`.
const V1: &[u8] = include_bytes!("../../testdata/v1/report.bin");
/// The same of version 2.
const V2: &[u8] = include_bytes!("../../testdata/v2/report.bin");

fn sample() -> LayerReport {
    Tar::default()
        .directory("usr")
        .symlink("lib", "usr/lib")
        .file("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n")
        .file("etc/passwd", "root:x:0:0::/root:/bin/sh\n")
        .file("var/lib/dpkg/status", dpkg(&[("python3-six", "1.16.0-4")]))
        .file(
            "var/lib/dpkg/info/python3-six.md5sums",
            "b1946ac92492d2347c6235b4d2611184  usr/lib/python3/six-1.16.0.dist-info/METADATA\n",
        )
        .file(
            "usr/lib/python3/six-1.16.0.dist-info/METADATA",
            metadata("six", "1.16.0"),
        )
        .file(
            "app/node_modules/ms/package.json",
            package_json("ms", "2.1.3"),
        )
        .hardlink(
            "b/node_modules/ms/package.json",
            "app/node_modules/ms/package.json",
        )
        .file("app/node_modules/bad/package.json", "{")
        .whiteout("etc/old")
        .opaque("srv")
        .report()
}

#[test]
fn a_report_of_version_1_is_refused_and_never_misread() {
    assert_eq!(
        LayerReport::decode(V1),
        Err(DecodeError::Version { found: 1 })
    );
}

#[test]
fn a_report_of_version_2_reads_as_it_was_written() {
    let report = LayerReport::decode(V2).expect("readable");
    assert_eq!(report.encode(), V2);
    let mut inventory = merge(&[report], None);
    "[analyser]".clone_into(&mut inventory.analyser); // rises with every extractor, the stored form does not
    insta::assert_json_snapshot!("v2", inventory);
}

#[test]
fn a_report_survives_storage() {
    let report = sample();
    assert_eq!(LayerReport::decode(&report.encode()), Ok(report));
}

#[test]
fn other_bytes_are_refused_by_name() {
    let good = sample().encode();
    assert_eq!(LayerReport::decode(b""), Err(DecodeError::Magic));
    assert_eq!(LayerReport::decode(b"TGLX\x01\0"), Err(DecodeError::Magic));
    let mut newer = good.clone();
    newer[4] = 9;
    assert_eq!(
        LayerReport::decode(&newer),
        Err(DecodeError::Version { found: 9 })
    );
    let longer = [good.as_slice(), b"xy"].concat();
    assert_eq!(
        LayerReport::decode(&longer),
        Err(DecodeError::TrailingBytes { size: 2 })
    );
    for end in 6..good.len() {
        let cut = LayerReport::decode(&good[..end]);
        assert!(matches!(cut, Err(DecodeError::Damaged(_))), "cut at {end}");
    }
}

proptest! {
    #[test]
    fn damaged_reports_are_read_or_refused(
        changes in proptest::collection::vec((6_usize..2_000, any::<u8>()), 1..20),
        end in 6_usize..2_000,
    ) {
        let mut bytes = sample().encode();
        for (at, byte) in changes {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        bytes.truncate(end);
        if let Ok(report) = LayerReport::decode(&bytes) {
            merge(&[report], None);
        }
    }
}
