use image::testkit::{TarBuilder, gzip, gzip_members, zstd, zstd_frames, zstd_skippable};
use image::{Compression, Limits, VerifyingReader, walk_layer};
use oci::Digest;
use rstest::rstest;

use crate::record::{Recorder, WHOLE, codes, walk};

/// Several chunks of content that does not compress away.
fn sample() -> Vec<u8> {
    let mut state = 1_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(700_000)
    .collect();
    TarBuilder::new()
        .dir("d")
        .file("d/noise", &noise)
        .file("d/text", "text".repeat(1_000))
        .finish()
}

#[rstest]
#[case::plain(|tar: &[u8]| tar.to_vec(), Compression::None)]
#[case::gzip(gzip, Compression::Gzip)]
#[case::gzip_members(|tar: &[u8]| gzip_members(tar, 10_000), Compression::Gzip)]
#[case::zstd(zstd, Compression::Zstd)]
#[case::zstd_frames(|tar: &[u8]| zstd_frames(tar, 10_000), Compression::Zstd)]
#[case::zstd_after_notes(|tar: &[u8]| [zstd_skippable(b"x"), zstd(tar), zstd_skippable(&[0; 9_000])].concat(), Compression::Zstd)]
fn every_way_to_store_a_layer_gives_the_same_walk(
    #[case] store: fn(&[u8]) -> Vec<u8>,
    #[case] compression: Compression,
) {
    let tar = sample();
    let stored = store(&tar);
    let (walked, seen) = walk(&stored);
    assert_eq!(codes(&walked), [] as [&str; 0], "{:?}", walked.diagnostics);
    assert_eq!(walked.diff_id, Some(Digest::sha256(&tar)));
    assert_eq!(walked.compression, Some(compression));
    assert_eq!(walked.blob_bytes, stored.len() as u64);
    assert_eq!(walked.bytes, tar.len() as u64);
    assert_eq!(seen, walk(&tar).1);
}

#[rstest]
#[case::gzip(gzip)]
#[case::zstd(zstd)]
fn junk_after_the_compressed_stream_is_noted_and_ignored(#[case] store: fn(&[u8]) -> Vec<u8>) {
    let tar = sample();
    let stored = [store(&tar), b"junk".repeat(200_000)].concat();
    let (walked, seen) = walk(&stored);
    assert_eq!(codes(&walked), ["layer.trailing_data"]);
    assert!(walked.complete);
    assert_eq!(walked.diff_id, Some(Digest::sha256(&tar)));
    assert_eq!(walked.blob_bytes, stored.len() as u64);
    assert_eq!(seen.len(), 3);
}

#[rstest]
#[case::plain(|tar: &[u8]| tar.to_vec())]
#[case::gzip(gzip)]
#[case::gzip_members(|tar: &[u8]| gzip_members(tar, 10_000))]
#[case::zstd(zstd)]
fn a_layer_cut_anywhere_is_named_and_never_a_pass(#[case] store: fn(&[u8]) -> Vec<u8>) {
    let tar = sample();
    let stored = store(&tar);
    for twentieth in 0..20 {
        let cut = &stored[..stored.len() * twentieth / 20];
        let (walked, _) = walk(cut);
        assert!(!walked.complete, "{twentieth}/20 passed");
        assert_ne!(walked.diff_id, Some(Digest::sha256(&tar)));
        assert!(
            codes(&walked).contains(&"layer.truncated"),
            "{twentieth}/20: {:?}",
            walked.diagnostics
        );
    }
}

#[test]
fn the_part_of_a_file_before_a_cut_is_delivered_as_cut() {
    let tar = TarBuilder::new()
        .file("status", "Package: a\n".repeat(100_000))
        .finish();
    let (walked, seen) = walk(&tar[..tar.len() / 2]);
    assert_eq!(codes(&walked), ["layer.truncated"]);
    let (content, is_cut) = seen[0].content.clone().expect("delivered");
    assert!(is_cut);
    assert_eq!(content.len(), tar.len() / 2 - 512);
}

#[rstest]
#[case::gzip(gzip)]
#[case::zstd(|tar: &[u8]| zstd_frames(tar, 100_000))]
fn a_flipped_byte_in_the_compressed_stream_never_passes_for_the_layer(
    #[case] store: fn(&[u8]) -> Vec<u8>,
) {
    let tar = sample();
    let stored = store(&tar);
    let mut corrupt = 0;
    for twentieth in 1..20 {
        let mut damaged = stored.clone();
        damaged[stored.len() * twentieth / 20] ^= 0x55;
        let (walked, _) = walk(&damaged);
        let is_same = walked.diff_id == Some(Digest::sha256(&tar));
        assert!(!(walked.complete && is_same), "{twentieth}/20 passed");
        corrupt += usize::from(codes(&walked).contains(&"layer.corrupt"));
    }
    assert!(corrupt > 0, "no flip was called corrupt");
}

#[test]
fn a_wrong_gzip_checksum_is_corrupt_although_every_entry_was_read() {
    let mut stored = gzip(&sample());
    let at = stored.len() - 8;
    stored[at] ^= 1;
    let (walked, seen) = walk(&stored);
    assert_eq!(seen.len(), 3);
    assert_eq!(codes(&walked), ["layer.corrupt"]);
    assert!(!walked.complete);
    assert_eq!(walked.diff_id, None);
}

#[test]
fn a_flipped_byte_in_a_header_ends_the_walk_by_name() {
    let mut tar = TarBuilder::new().file("a", "1").file("b", "2").finish();
    tar[1_024 + 3] ^= 1;
    let (walked, seen) = walk(&tar);
    assert_eq!(codes(&walked), ["tar.bad_header"]);
    assert_eq!(seen.len(), 1);
    assert!(!walked.complete);
}

#[rstest]
#[case::nothing(b"".as_slice(), "layer.truncated")]
#[case::text(b"hello", "layer.unsupported")]
#[case::json(b"{\"mediaType\":\"x\"}", "layer.unsupported")]
#[case::bzip2(b"BZh91AY&SY", "layer.unsupported")]
#[case::xz(b"\xfd7zXZ\0\0\x04", "layer.unsupported")]
#[case::gzip_of_no_known_method(b"\x1f\x8b\x09\0\0\0\0\0\0\0", "layer.corrupt")]
#[case::only_a_gzip_magic(b"\x1f\x8b", "layer.truncated")]
#[case::only_a_zstd_magic(b"\x28\xb5\x2f\xfd", "layer.truncated")]
fn bytes_that_are_no_layer_are_named(#[case] bytes: &[u8], #[case] code: &str) {
    let (walked, seen) = walk(bytes);
    assert_eq!(codes(&walked), [code]);
    assert!(seen.is_empty() && !walked.complete && walked.diff_id.is_none());
}

#[test]
fn compressed_bytes_that_are_no_tar_are_a_bad_header() {
    let (walked, _) = walk(&gzip(&b"hello ".repeat(1_000)));
    assert_eq!(codes(&walked), ["tar.bad_header"]);
    assert!(!walked.complete);
}

#[test]
fn a_zstd_window_beyond_the_bound_is_unsupported() {
    // A frame header with a window of 2³⁰ bytes: descriptor 0, window descriptor exponent 20.
    let frame = [&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 20 << 3][..], &[0; 32]].concat();
    let (walked, _) = walk(&frame);
    assert_eq!(codes(&walked), ["layer.unsupported"]);
}

#[rstest]
#[case::cut(|bytes: &mut Vec<u8>| bytes.truncate(bytes.len() - 5_000), "layer.truncated")]
#[case::longer(|bytes: &mut Vec<u8>| bytes.push(0), "layer.size_mismatch")]
#[case::other(|bytes: &mut Vec<u8>| { let at = bytes.len() / 2; bytes[at] ^= 1; }, "layer.digest_mismatch")]
fn a_verified_blob_that_differs_is_named_and_not_complete(
    #[case] damage: fn(&mut Vec<u8>),
    #[case] code: &str,
) {
    for stored in [sample(), gzip(&sample()), zstd(&sample())] {
        let mut damaged = stored.clone();
        damage(&mut damaged);
        let reader = VerifyingReader::new(
            damaged.as_slice(),
            Digest::sha256(&stored),
            stored.len() as u64,
        );
        let walked = walk_layer(reader, &Limits::default(), &mut Recorder::new(WHOLE));
        assert!(codes(&walked).contains(&code), "{:?}", walked.diagnostics);
        assert!(!walked.complete);
    }
}

#[test]
fn a_reader_that_fails_is_unreadable_and_not_corrupt() {
    struct Failing(usize);
    impl std::io::Read for Failing {
        fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
            let tar = sample();
            if self.0 >= tar.len() / 2 {
                return Err(std::io::Error::other("the disk is gone"));
            }
            let step = buf.len().min(tar.len() / 2 - self.0);
            buf[..step].copy_from_slice(&tar[self.0..self.0 + step]);
            self.0 += step;
            Ok(step)
        }
    }
    let walked = walk_layer(Failing(0), &Limits::default(), &mut Recorder::new(WHOLE));
    assert_eq!(codes(&walked), ["layer.unreadable"]);
    assert!(walked.diagnostics[0].message.contains("the disk is gone"));
}
