//! The first bytes decide what is wanted, and what passes by is what would have been held.

use image::testkit::{TarBuilder, write_files};
use image::{Limits, SNIFF_BYTES, Want, walk_directory, walk_layer};
use proptest::prelude::*;

use crate::record::{Pieces, Recorder, Seen, codes};

const LIMIT: u64 = 600_000;

fn content(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at % 251) as u8).collect()
}

fn archive() -> Vec<u8> {
    // 262,144 bytes are one chunk of the stream: the third file begins eight bytes before its end.
    TarBuilder::new()
        .file("empty", "")
        .file("short", "#!/bin/sh")
        .file("long", content(262_144 - 512 * 6))
        .file("across", content(700))
        .file("over", content(700_000))
        .dir("directory")
        .sparse_pax_1_0("hole", 9_000, &[(5_000, b"data")])
        .sparse_gnu("head", 9_000, &[(0, b"\x7fELF"), (6_000, b"more")])
        .file("last", "end")
        .finish()
}

fn walk(archive: &[u8], lengths: &[usize], mut recorder: Recorder) -> (Vec<String>, Recorder) {
    let pieces = Pieces {
        bytes: archive,
        lengths,
        turn: 0,
    };
    let walk = walk_layer(pieces, &Limits::default(), &mut recorder);
    (
        codes(&walk).into_iter().map(str::to_owned).collect(),
        recorder,
    )
}

#[test]
fn what_passes_in_pieces_is_what_would_have_been_held() {
    let archive = archive();
    let (noted, held) = walk(
        &archive,
        &[4_096],
        Recorder::new(Want::Whole { limit: LIMIT }),
    );
    for then in [Want::Pieces { limit: LIMIT }, Want::Whole { limit: LIMIT }] {
        let (codes, passed) = walk(&archive, &[4_096], Recorder::sniffing(then));
        assert_eq!((codes, passed.seen), (noted.clone(), held.seen.clone()));
    }
    assert_eq!(noted, ["limit.file"]);
}

#[test]
fn a_head_is_the_first_bytes_of_what_is_stored() {
    let (_, recorder) = walk(&archive(), &[4_096], Recorder::sniffing(Want::Nothing));
    let long = &content(SNIFF_BYTES)[..];
    let heads: [&[u8]; 8] = [b"", b"#!/bin/sh", long, long, long, b"", b"\x7fELF", b"end"];
    assert_eq!(recorder.heads, heads);
    assert!(recorder.seen.iter().all(|seen| seen.content.is_none()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn how_the_stream_is_cut_does_not_matter(
        first in 0_usize..40, lengths in proptest::collection::vec(1_usize..70_000, 1..6),
    ) {
        // The first file moves the others over the edge of a chunk byte by byte.
        let archive = TarBuilder::new()
            .file("first", content(262_144 - 512 * 4 - first))
            .file("second", content(40))
            .finish();
        let pieces = Recorder::sniffing(Want::Pieces { limit: LIMIT });
        let (_, whole) = walk(&archive, &[1 << 20], Recorder::new(Want::Whole { limit: LIMIT }));
        let (_, cut) = walk(&archive, &lengths, pieces);
        prop_assert_eq!(cut.seen, whole.seen);
    }
}

#[test]
fn a_file_that_ends_too_early_passes_as_far_as_it_goes() {
    let archive = archive();
    let (codes, recorder) = walk(
        &archive[..400_000],
        &[4_096],
        Recorder::sniffing(Want::Pieces { limit: LIMIT }),
    );
    assert_eq!(codes, ["limit.file", "layer.truncated"]);
    let last = recorder.seen.last().expect("an entry");
    let (bytes, is_cut) = last.content.as_ref().expect("a part");
    assert_eq!((last.path.as_slice(), *is_cut), (b"over".as_slice(), true));
    assert_eq!(*bytes, content(bytes.len()));
    assert!(bytes.len() > 100_000);
}

#[test]
fn a_directory_shows_the_same_as_a_layer() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let files = [
        ("empty", 0),
        ("long", 300_000),
        ("over", 700_000),
        ("short", 9),
    ];
    write_files(
        root.path(),
        &files.map(|(name, bytes)| (name.to_owned(), content(bytes))),
    );
    let show = |mut recorder: Recorder| {
        let walk = walk_directory(root.path(), &Limits::default(), &mut recorder);
        let contents: Vec<_> = recorder
            .seen
            .into_iter()
            .map(|Seen { path, content, .. }| (path, content))
            .collect();
        (codes(&walk).len(), walk.bytes, contents)
    };
    let held = show(Recorder::new(Want::Whole { limit: LIMIT }));
    for then in [Want::Pieces { limit: LIMIT }, Want::Whole { limit: LIMIT }] {
        assert_eq!(show(Recorder::sniffing(then)), held);
    }
    assert_eq!((held.0, held.1), (1, 300_009 + LIMIT));
    // Sixteen bytes are read of what nobody wants then, and none delivered.
    let (_, _, contents) = show(Recorder::sniffing(Want::Nothing));
    assert!(contents.iter().all(|(_, content)| content.is_none()));
}
