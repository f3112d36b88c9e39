use std::time::Duration;

use image::testkit::{TarBuilder, gzip, zstd};
use image::{Limits, Want};

use crate::record::{codes, walk_with};

/// Walks under `limits` and expects exactly one diagnostic, of this name, and an incomplete walk.
#[track_caller]
fn check(stored: &[u8], limits: &Limits, want: Want, code: &str) -> image::LayerWalk {
    let (walk, _) = walk_with(stored, limits, want);
    assert_eq!(codes(&walk), [code], "{:?}", walk.diagnostics);
    assert!(!walk.complete);
    assert_eq!(walk.diagnostics[0].level, evidence::Level::Error);
    walk
}

fn many(count: usize) -> Vec<u8> {
    (0..count)
        .fold(TarBuilder::new(), |tar, n| tar.file(format!("f{n}"), ""))
        .finish()
}

#[test]
fn more_entries_than_allowed_end_the_walk() {
    let limits = Limits {
        entries_per_layer: 10,
        ..Limits::default()
    };
    let walk = check(&many(11), &limits, Want::Nothing, "limit.entries");
    assert_eq!(walk.diff_id, None);
    assert!(
        walk_with(many(10).as_slice(), &limits, Want::Nothing)
            .0
            .complete
    );
}

#[test]
fn more_uncompressed_bytes_than_allowed_end_the_walk() {
    let limits = Limits {
        layer_bytes: 1 << 20,
        ..Limits::default()
    };
    let tar = TarBuilder::new().file("a", vec![1; 2 << 20]).finish();
    check(&tar, &limits, Want::Nothing, "limit.layer_bytes");
    check(&gzip(&tar), &limits, Want::Nothing, "limit.layer_bytes");
}

#[test]
fn the_logical_size_of_a_sparse_file_counts() {
    let limits = Limits {
        layer_bytes: 1 << 30,
        ..Limits::default()
    };
    let tar = TarBuilder::new()
        .sparse_gnu("s", 1 << 33, &[(0, b"x")])
        .finish();
    check(&tar, &limits, Want::Nothing, "limit.layer_bytes");
}

#[test]
fn a_bomb_ends_at_the_ratio_and_not_before_the_first_bytes_are_out() {
    let tar = TarBuilder::new().file("zeros", vec![0; 8 << 20]).finish();
    let limits = Limits {
        ratio: 100,
        ratio_after_bytes: 1 << 20,
        ..Limits::default()
    };
    for stored in [gzip(&tar), zstd(&tar)] {
        let walk = check(&stored, &limits, Want::Nothing, "limit.ratio");
        assert!(walk.bytes <= 2 << 20, "{} bytes passed", walk.bytes);
        assert!(
            walk_with(stored.as_slice(), &Limits::default(), Want::Nothing)
                .0
                .complete
        );
    }
    // An uncompressed layer has a ratio of one however many zeros it has.
    assert!(walk_with(tar.as_slice(), &limits, Want::Nothing).0.complete);
}

/// The peak of this process's memory, in bytes. It only grows, so a difference bounds what happened between.
fn peak_bytes() -> u64 {
    let status = fs_err::read_to_string("/proc/self/status").expect("Linux");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .expect("a peak");
    let kib: u64 = line
        .split_whitespace()
        .nth(1)
        .expect("a number")
        .parse()
        .expect("a number");
    kib << 10
}

#[test]
fn a_bomb_of_a_gigabyte_is_stopped_by_default_in_bounded_memory() {
    let head = TarBuilder::new()
        .entry(b'0', b"zeros", b"", 1 << 30, |_| {})
        .unfinished();
    let zeros = zstd(&vec![0; 16 << 20]);
    let stored = [zstd(&head), zeros.repeat(64)].concat();
    assert!(stored.len() < 1 << 20);
    let before = peak_bytes();
    let walk = check(&stored, &Limits::default(), Want::Nothing, "limit.ratio");
    assert!(
        walk.bytes <= (256 << 20) + (1 << 20),
        "{} bytes passed",
        walk.bytes
    );
    // Other tests run in this process; what they need is far below the bomb's size.
    let grown = peak_bytes() - before;
    assert!(grown < 200 << 20, "{grown} bytes more");
}

#[test]
fn a_path_of_ten_thousand_components_is_refused_and_the_walk_goes_on() {
    let deep = "d/".repeat(10_000) + "f";
    let long = "n".repeat(5_000);
    let tar = TarBuilder::new()
        .file(&deep, "1")
        .pax(&[("path", &long)])
        .file("x", "2")
        .file("a/".repeat(257) + "f", "3")
        .file("a/".repeat(255) + "f", "4")
        .file("after", "5")
        .finish();
    let (walk, seen) = walk_with(tar.as_slice(), &Limits::default(), Want::Nothing);
    assert_eq!(codes(&walk), ["limit.path"; 3]);
    assert!(!walk.complete);
    assert_eq!(seen.len(), 2);
    assert!(
        walk.diagnostics
            .iter()
            .all(|d| d.path.as_ref().is_some_and(|p| p.len() < 400))
    );
}

#[test]
fn extended_headers_beyond_the_bound_end_the_walk_before_they_are_read() {
    let limits = Limits {
        header_bytes: 4_096,
        ..Limits::default()
    };
    let big = "v".repeat(5_000);
    let small = "v".repeat(1_000);
    let pax = TarBuilder::new()
        .pax(&[("path", &big)])
        .file("a", "")
        .finish();
    let gnu = TarBuilder::new().long_name(&big).file("a", "").finish();
    let many = (0..4)
        .fold(TarBuilder::new(), |tar, _| tar.pax(&[("comment", &small)]))
        .file("a", "")
        .finish();
    let spans: Vec<(u64, &[u8])> = (0..300).map(|n| (n * 10, b"x".as_slice())).collect();
    let sparse = TarBuilder::new().sparse_gnu("s", 10_000, &spans).finish();
    let claimed = TarBuilder::new()
        .entry(b'x', b"x", b"", 1 << 40, |_| {})
        .finish();
    for tar in [pax, gnu, many, sparse, claimed] {
        let walk = check(&tar, &limits, Want::Nothing, "limit.header");
        assert_eq!(walk.diff_id, Some(oci::Digest::sha256(&tar)));
    }
}

#[test]
fn the_bound_on_headers_is_per_entry() {
    let limits = Limits {
        header_bytes: 4_096,
        ..Limits::default()
    };
    let comment = "v".repeat(2_000);
    let tar = (0..20)
        .fold(TarBuilder::new(), |tar, n| {
            tar.pax(&[("comment", &comment)]).file(format!("f{n}"), "")
        })
        .finish();
    assert!(walk_with(tar.as_slice(), &limits, Want::Nothing).0.complete);
}

#[test]
fn a_file_larger_than_is_held_is_delivered_up_to_the_limit() {
    let tar = TarBuilder::new()
        .file("db", vec![7; 1_000_000])
        .file("after", "x")
        .finish();
    let (walk, seen) = walk_with(
        tar.as_slice(),
        &Limits::default(),
        Want::Whole { limit: 10 },
    );
    assert_eq!(codes(&walk), ["limit.file"]);
    assert!(!walk.complete);
    assert_eq!(walk.diagnostics[0].path.as_deref(), Some("db"));
    assert_eq!(seen[0].content, Some((vec![7; 10], true)));
    assert_eq!(seen[1].content, Some((b"x".to_vec(), false)));
}

#[test]
fn time_ends_the_walk() {
    thread_local! {
        static NOW: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
    }
    let limits = Limits {
        cpu_time: Duration::from_secs(3),
        cpu_clock: || Duration::from_secs(NOW.replace(NOW.get() + 1)),
        ..Limits::default()
    };
    let tar = TarBuilder::new().file("a", vec![1; 4 << 20]).finish();
    let walk = check(&tar, &limits, Want::Nothing, "limit.time");
    assert!(walk.bytes < 2 << 20);
}

#[test]
fn repeated_diagnostics_stay_few() {
    let tar = (0..5_000)
        .fold(TarBuilder::new(), |tar, n| tar.file(format!("../{n}"), ""))
        .finish();
    let (walk, _) = walk_with(tar.as_slice(), &Limits::default(), Want::Nothing);
    assert!(walk.diagnostics.len() < 30);
    assert_eq!(walk.entries, 5_000);
}

#[test]
fn the_defaults_are_those_of_the_specification() {
    let limits = Limits::default();
    assert_eq!(limits.entries_per_layer, 2_000_000);
    assert_eq!(limits.layer_bytes, 64 << 30);
    assert_eq!((limits.ratio, limits.ratio_after_bytes), (500, 256 << 20));
    assert_eq!((limits.path_bytes, limits.path_components), (4_096, 256));
    assert_eq!(limits.header_bytes, 1 << 20);
    assert_eq!(limits.cpu_time, Duration::from_mins(2));
    assert_eq!(limits.file_bytes.rpm_database, 512 << 20);
    assert_eq!(limits.file_bytes.package_text, 128 << 20);
    assert_eq!(limits.file_bytes.document, 16 << 20);
}
