use std::io::Read as _;

use image::testkit::{
    TarBuilder, TestImage, TestLayer, docker_archive, gzip, gzip_members, oci_archive, write_files,
    zstd, zstd_frames,
};
use image::{Limits, SourceSpec, Want};
use oci::Digest;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::record::{Pieces, WHOLE, codes, walk, walk_with};

/// Small bounds, so that arbitrary bytes reach them.
fn tight() -> Limits {
    Limits {
        entries_per_layer: 50,
        layer_bytes: 1 << 20,
        header_bytes: 4_096,
        ..Limits::default()
    }
}

#[derive(Clone, Debug)]
enum Piece {
    File(Vec<u8>, Vec<u8>),
    Pax(Vec<u8>, Vec<u8>),
    LongName(Vec<u8>),
    Directory(Vec<u8>),
    Link(Vec<u8>, Vec<u8>),
    Sparse(u64, Vec<(u16, Vec<u8>)>),
    AnyHeader(Vec<u8>),
    Noise(Vec<u8>),
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(
            prop_oneof![Just(b'/'), Just(b'.'), Just(b'a'), any::<u8>()],
            0..40
        ),
        "[a-z]{1,8}(/[a-z]{1,8}){0,4}".prop_map(String::into_bytes),
        vec(Just(b'n'), 90..400),
    ]
}

fn pax_key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just("path"),
        Just("linkpath"),
        Just("size"),
        Just("mtime"),
        Just("GNU.sparse.major"),
        Just("GNU.sparse.minor"),
        Just("GNU.sparse.map"),
        Just("GNU.sparse.realsize"),
        Just("GNU.sparse.offset"),
        Just("GNU.sparse.numbytes"),
        Just("comment"),
    ]
    .prop_map(|key| key.as_bytes().to_vec())
}

fn piece() -> impl Strategy<Value = Piece> {
    let content = || vec(any::<u8>(), 0..2_000);
    let number = || {
        prop_oneof![
            Just(b"0".to_vec()),
            Just(b"1".to_vec()),
            "[0-9,]{1,12}".prop_map(String::into_bytes),
            content()
        ]
    };
    prop_oneof![
        (name(), content()).prop_map(|(name, content)| Piece::File(name, content)),
        (pax_key(), number()).prop_map(|(key, value)| Piece::Pax(key, value)),
        name().prop_map(Piece::LongName),
        name().prop_map(Piece::Directory),
        (name(), name()).prop_map(|(name, target)| Piece::Link(name, target)),
        (
            any::<u32>(),
            vec((any::<u16>(), vec(any::<u8>(), 0..50)), 0..30)
        )
            .prop_map(|(size, spans)| Piece::Sparse(u64::from(size), spans)),
        vec(any::<u8>(), 512).prop_map(Piece::AnyHeader),
        vec(any::<u8>(), 0..600).prop_map(Piece::Noise),
    ]
}

/// Archives that are nearly right, which is where readers break.
fn archive() -> impl Strategy<Value = Vec<u8>> {
    (vec(piece(), 0..12), any::<bool>()).prop_map(|(pieces, has_end)| {
        let built = pieces
            .into_iter()
            .fold(TarBuilder::new(), |tar, piece| match piece {
                Piece::File(name, content) => tar.file(name, content),
                Piece::Pax(key, value) => tar.pax(&[(key, value)]),
                Piece::LongName(name) => tar.long_name(name),
                Piece::Directory(name) => tar.dir(name),
                Piece::Link(name, target) => tar.hardlink(name, target),
                Piece::Sparse(size, spans) => {
                    let spans: Vec<(u64, &[u8])> = spans
                        .iter()
                        .map(|(offset, bytes)| (u64::from(*offset), bytes.as_slice()))
                        .collect();
                    tar.sparse_gnu("sparse", size, &spans)
                }
                Piece::AnyHeader(header) => tar.entry(
                    header[0],
                    &header[1..60],
                    &header[60..90],
                    u64::from(header[90]),
                    |block| {
                        block[100..148].copy_from_slice(&header[100..148]);
                        block[157..].copy_from_slice(&header[157..]);
                    },
                ),
                Piece::Noise(noise) => tar.raw(noise),
            });
        if has_end {
            built.finish()
        } else {
            built.unfinished()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn arbitrary_bytes_never_panic_and_never_exceed_the_limits(
        bytes in vec(any::<u8>(), 0..3_000),
        magic in prop_oneof![Just(&b""[..]), Just(&b"\x1f\x8b\x08"[..]), Just(&b"\x28\xb5\x2f\xfd"[..])],
    ) {
        let stored = [magic, &bytes].concat();
        let (walk, _) = walk_with(stored.as_slice(), &tight(), WHOLE);
        prop_assert!(walk.complete || !walk.diagnostics.is_empty());
    }

    #[test]
    fn nearly_right_archives_never_panic_and_show_only_normal_paths(tar in archive()) {
        let (walk, seen) = walk_with(tar.as_slice(), &tight(), Want::Whole { limit: 3_000 });
        prop_assert!(walk.complete || walk.diagnostics.iter().any(|d| d.level == evidence::Level::Error));
        prop_assert!(walk.entries <= 51);
        for entry in &seen {
            let is_normal = entry.path.split(|b| *b == b'/').all(|c| !matches!(c, b"" | b"." | b".."));
            prop_assert!(is_normal, "{:?}", entry.path);
            if let Some((content, is_cut)) = &entry.content {
                prop_assert!(content.len() <= 3_000);
                prop_assert_eq!(*is_cut, (content.len() as u64) < entry.size);
            }
        }
        if walk.complete {
            prop_assert_eq!(walk.diff_id, Some(Digest::sha256(&tar)));
        }
    }

    #[test]
    fn how_the_stream_is_cut_on_its_way_does_not_matter(
        tar in archive(),
        lengths in vec(1_usize..2_000, 1..8),
        store in 0..3,
    ) {
        let stored = match store {
            0 => tar,
            1 => gzip_members(&tar, 700),
            _ => zstd_frames(&tar, 700),
        };
        let pieces = Pieces { bytes: &stored, lengths: &lengths, turn: 0 };
        prop_assert_eq!(walk_with(pieces, &tight(), WHOLE), walk_with(stored.as_slice(), &tight(), WHOLE));
    }

    #[test]
    fn another_compression_of_the_same_tar_is_the_same_layer(tar in archive(), piece in 1_usize..3_000) {
        prop_assume!(!tar.is_empty());
        let (plain, seen) = walk_with(gzip(&tar).as_slice(), &tight(), WHOLE);
        for stored in [gzip_members(&tar, piece), zstd(&tar), zstd_frames(&tar, piece)] {
            let (walk, again) = walk_with(stored.as_slice(), &tight(), WHOLE);
            prop_assert_eq!(&walk.diff_id, &plain.diff_id);
            prop_assert_eq!(&again, &seen);
            prop_assert_eq!(codes(&walk), codes(&plain));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_damaged_image_file_is_refused_or_read(
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        is_docker in any::<bool>(),
        is_gzip in any::<bool>(),
    ) {
        let layer = TestLayer::gzip(&TarBuilder::new().file("a", "content").finish());
        let images = [TestImage::new(vec![layer.clone(), layer])];
        let mut bytes = if is_docker { docker_archive(&images) } else { oci_archive(&images) };
        if is_gzip {
            bytes = gzip(&bytes);
        }
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let directory = tempfile::tempdir().expect("a directory");
        write_files(directory.path(), &[("image.tar".to_owned(), bytes)]);
        let path = directory.path().join("image.tar");
        let spec = if is_docker { SourceSpec::DockerArchive(path, None) } else { SourceSpec::OciArchive(path, None) };
        if let Ok(source) = image::open(&spec, None) {
            for index in source.stored_order() {
                if let Ok(mut layer) = source.open_layer(index) {
                    // Refused here is an answer, too.
                    let _ = std::io::copy(&mut layer, &mut std::io::sink());
                }
            }
        }
    }
}

#[test]
fn a_layer_of_many_chunks_is_the_same_however_it_is_cut() {
    let content: Vec<u8> = (0..3_000_000_u32)
        .map(|n| (n.wrapping_mul(n) >> 7) as u8)
        .collect();
    let tar = content
        .chunks(77_777)
        .enumerate()
        .fold(TarBuilder::new(), |tar, (n, chunk)| {
            tar.file(format!("f{n}"), chunk)
        })
        .finish();
    let expected = walk(&tar);
    assert!(expected.0.complete);
    assert_eq!(expected.0.diff_id, Some(Digest::sha256(&tar)));
    for lengths in [&[1 << 20][..], &[511, 1, 70_000], &[262_144], &[262_143, 2]] {
        let pieces = Pieces {
            bytes: &tar,
            lengths,
            turn: 0,
        };
        assert_eq!(walk_with(pieces, &Limits::default(), WHOLE), expected);
    }
}

#[test]
fn pieces_give_all_their_bytes() {
    let mut read = Vec::new();
    let mut pieces = Pieces {
        bytes: b"0123456789",
        lengths: &[3, 1],
        turn: 0,
    };
    pieces.read_to_end(&mut read).unwrap();
    assert_eq!(read, b"0123456789");
}
