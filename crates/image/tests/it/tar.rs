use image::EntryKind::{Char, Directory, Fifo, File, Hardlink, Symlink};
use image::testkit::TarBuilder;
use image::{EntryKind, Limits, Want};
use rstest::rstest;

use crate::record::{codes, contents, walk, walk_with};

/// Checks that an archive shows these paths with these contents, with no diagnostic.
#[track_caller]
fn check(archive: &[u8], expected: &[(&str, &[u8])]) {
    let (walk, seen) = walk(archive);
    assert_eq!(codes(&walk), [] as [&str; 0], "{:?}", walk.diagnostics);
    assert!(walk.complete);
    let expected: Vec<_> = expected
        .iter()
        .map(|(path, content)| ((*path).to_owned(), content.to_vec()))
        .collect();
    assert_eq!(contents(&seen), expected);
}

/// Checks that an archive gives exactly these diagnostics and shows exactly these paths.
#[track_caller]
fn check_noted(archive: &[u8], expected_codes: &[&str], expected_paths: &[&str]) {
    let (walk, seen) = walk(archive);
    assert_eq!(codes(&walk), expected_codes, "{:?}", walk.diagnostics);
    let paths: Vec<_> = contents(&seen).into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, expected_paths);
}

#[test]
fn every_kind_of_entry_is_shown_with_its_metadata() {
    let archive = TarBuilder::new()
        .dir("etc/")
        .file("etc/passwd", "root")
        .symlink("bin", "/usr/bin")
        .hardlink("etc/passwd-", "./etc/passwd")
        .fifo("run/pipe")
        .char_device("dev/null", 1, 3)
        .pax(&[
            (
                "SCHILY.xattr.security.capability",
                b"\x01\0\0\x02".as_slice(),
            ),
            ("SCHILY.xattr.user.note", b"dropped"),
            ("uid", b"4000000000"),
            ("mtime", b"1700000000.5"),
        ])
        .executable("usr/bin/ping", "ELF")
        .finish();
    let (walk, seen) = walk(&archive);
    assert_eq!(codes(&walk), [] as [&str; 0]);
    assert_eq!(walk.entries, 7);
    assert_eq!(walk.bytes, archive.len() as u64);
    let kinds: Vec<_> = seen.iter().map(|entry| entry.kind).collect();
    assert_eq!(
        kinds,
        [Directory, File, Symlink, Hardlink, Fifo, Char, File]
    );
    assert_eq!(seen[0].path, b"etc");
    assert_eq!(seen[2].link.as_deref(), Some(b"/usr/bin".as_slice()));
    assert_eq!(seen[3].link.as_deref(), Some(b"etc/passwd".as_slice()));
    assert_eq!(seen[5].device, Some((1, 3)));
    let ping = &seen[6];
    assert_eq!(ping.mode, 0o755);
    assert_eq!(ping.owner, (4_000_000_000, 0));
    assert_eq!(ping.mtime_secs, 1_700_000_000);
    assert_eq!(ping.capability.as_deref(), Some(b"\x01\0\0\x02".as_slice()));
}

#[test]
fn a_head_is_cut_and_says_so() {
    let archive = TarBuilder::new()
        .file("a", "0123456789")
        .file("b", "01")
        .finish();
    let (walk, seen) = walk_with(archive.as_slice(), &Limits::default(), Want::Head(4));
    assert!(walk.complete);
    assert_eq!(seen[0].content, Some((b"0123".to_vec(), true)));
    assert_eq!(seen[1].content, Some((b"01".to_vec(), false)));
}

#[test]
fn unwanted_content_is_not_delivered() {
    let archive = TarBuilder::new().file("a", "0123456789").finish();
    let (_, seen) = walk_with(archive.as_slice(), &Limits::default(), Want::Nothing);
    assert_eq!(seen[0].content, None);
}

#[test]
fn names_come_from_the_block_its_prefix_gnu_and_pax_headers() {
    let long = "d/".repeat(100) + "name";
    check(
        &TarBuilder::new()
            .file("/abs", "1")
            .file("./dot//x", "2")
            .file_with("name", "3", |block| {
                block[345..351].copy_from_slice(b"prefix");
            })
            .long_name(&long)
            .file("short", "4")
            .pax(&[("path", "pax/path")])
            .file("short", "5")
            .file("plain", "6")
            .finish(),
        &[
            ("abs", b"1"),
            ("dot/x", b"2"),
            ("prefix/name", b"3"),
            (&long, b"4"),
            ("pax/path", b"5"),
            ("plain", b"6"),
        ],
    );
}

#[test]
fn a_gnu_header_has_no_prefix_and_star_has_a_shorter_one() {
    check(
        &TarBuilder::new()
            .file_with("gnu", "1", |block| {
                block[257..265].copy_from_slice(b"ustar  \0");
                block[345..351].copy_from_slice(b"atime0");
            })
            .file_with("star", "2", |block| {
                block[345..348].copy_from_slice(b"pre");
                block[476..480].copy_from_slice(b"0000");
                block[508..512].copy_from_slice(b"tar\0");
            })
            .finish(),
        &[("gnu", b"1"), ("pre/star", b"2")],
    );
}

#[test]
fn a_v7_archive_is_known_by_its_checksum_and_its_directories_by_their_names() {
    let old = |block: &mut [u8; 512]| {
        block[156] = 0;
        block[257..265].fill(0);
    };
    let archive = TarBuilder::new()
        .file_with("d/", "", old)
        .file_with("d/f", "x", old)
        .finish();
    let (walk, seen) = walk(&archive);
    assert!(walk.complete);
    assert_eq!(seen[0].kind, EntryKind::Directory);
    assert_eq!(seen[1].content, Some((b"x".to_vec(), false)));
}

#[test]
fn a_gnu_long_name_wins_over_a_pax_path_as_in_the_runtimes() {
    check(
        &TarBuilder::new()
            .long_name("gnu")
            .pax(&[("path", "pax")])
            .file("block", "1")
            .pax(&[("path", "pax2")])
            .long_name("gnu2")
            .file("block", "2")
            .finish(),
        &[("gnu", b"1"), ("gnu2", b"2")],
    );
}

#[test]
fn a_pax_size_counts_for_content_and_for_the_next_header() {
    // The block says 0 bytes: a reader that believes it for framing finds a header inside the content.
    let hidden = TarBuilder::new().file("smuggled", "evil").unfinished();
    let archive = TarBuilder::new()
        .pax(&[("size", hidden.len().to_string())])
        .entry(b'0', b"carrier", b"", 0, |_| {})
        .content(&hidden)
        .file("next", "ok")
        .finish();
    check(&archive, &[("carrier", &hidden), ("next", b"ok")]);
}

#[test]
fn a_pax_size_smaller_than_the_block_s_reveals_what_the_block_s_would_hide() {
    let revealed = TarBuilder::new().file("revealed", "seen").unfinished();
    let archive = TarBuilder::new()
        .pax(&[("size", "0")])
        .entry(b'0', b"carrier", b"", revealed.len() as u64, |_| {})
        .content(&revealed)
        .finish();
    check(&archive, &[("carrier", b""), ("revealed", b"seen")]);
}

#[test]
fn a_size_of_an_entry_without_content_does_not_move_the_next_header() {
    check(
        &TarBuilder::new()
            .entry(b'5', b"dir", b"", 1_000, |_| {})
            .entry(b'1', b"link", b"x", 5, |_| {})
            .file("next", "ok")
            .finish(),
        &[("dir", b""), ("link", b""), ("next", b"ok")],
    );
}

#[test]
fn a_base_256_size_is_read() {
    check(
        &TarBuilder::new()
            .file_with("a", "xyz", |block| {
                block[124..136].copy_from_slice(b"\x80\0\0\0\0\0\0\0\0\0\0\x03");
            })
            .finish(),
        &[("a", b"xyz")],
    );
}

#[rstest]
#[case::negative_base_256(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")]
#[case::overflowing_base_256(b"\x80\0\0\0\x80\0\0\0\0\0\0\0")]
#[case::minus_sign(b"-0000000001\0")]
#[case::letters(b"abcdefghijk\0")]
fn a_size_that_is_none_ends_the_walk_by_name(#[case] size: &[u8; 12]) {
    let archive = TarBuilder::new()
        .file("before", "1")
        .file_with("bad", "2", |block| block[124..136].copy_from_slice(size))
        .finish();
    let (walk, seen) = walk(&archive);
    assert_eq!(codes(&walk), ["tar.bad_header"]);
    assert!(!walk.complete);
    assert_eq!(contents(&seen), [("before".to_owned(), b"1".to_vec())]);
    assert!(
        walk.diff_id.is_some(),
        "broken framing leaves the bytes readable"
    );
}

#[rstest]
#[case("-1")]
#[case("9223372036854775808")]
#[case("99999999999999999999999999")]
#[case("0x10")]
fn a_pax_size_that_is_none_ends_the_walk_by_name(#[case] size: &str) {
    let archive = TarBuilder::new()
        .pax(&[("size", size)])
        .file("bad", "2")
        .finish();
    check_noted(&archive, &["tar.bad_header"], &[]);
}

#[test]
fn an_enormous_size_is_a_truncated_file_and_allocates_nothing() {
    let archive = TarBuilder::new()
        .pax(&[("size", (1_u64 << 35).to_string())])
        .file("huge", "only this")
        .finish();
    let (walk, seen) = walk(&archive);
    assert_eq!(codes(&walk), ["limit.file", "layer.truncated"]);
    let (content, is_cut) = seen[0]
        .content
        .clone()
        .expect("what was there is delivered");
    assert!(is_cut);
    assert!(content.starts_with(b"only this"));
}

#[test]
fn a_malformed_pax_record_ends_the_walk_by_name() {
    let archive = TarBuilder::new()
        .extended(b'x', b"x", b"99 path=a\n")
        .file("a", "")
        .finish();
    check_noted(&archive, &["tar.bad_header"], &[]);
}

#[test]
fn global_records_apply_until_replaced_and_say_so_where_runtimes_differ() {
    let archive = TarBuilder::new()
        .global(&[("comment", "harmless"), ("uid", "7")])
        .file("a", "1")
        .global(&[("path", "renamed")])
        .file("b", "2")
        .pax(&[("path", "own")])
        .file("c", "3")
        .finish();
    let (walk, seen) = walk(&archive);
    assert_eq!(codes(&walk), ["tar.global_override"]);
    assert_eq!(
        contents(&seen)
            .into_iter()
            .map(|(path, _)| path)
            .collect::<Vec<_>>(),
        ["a", "renamed", "own"]
    );
    assert!(seen.iter().all(|entry| entry.owner.0 == 7));
}

#[test]
fn a_path_that_escapes_is_refused_and_the_walk_goes_on() {
    let archive = TarBuilder::new()
        .file("../etc/shadow", "1")
        .file("a/../../b", "2")
        .file("a/..", "3")
        .hardlink("link", "../../etc/shadow")
        .pax(&[("path", "/x/../y")])
        .file("p", "4")
        .symlink("kept", "../../etc/shadow")
        .file("after", "5")
        .finish();
    check_noted(&archive, &["tar.path_escape"; 5], &["kept", "after"]);
}

#[test]
fn odd_bytes_in_names_are_kept() {
    let archive = TarBuilder::new()
        .file(b"caf\xe9", "1")
        .pax(&[("path", b"nul\0inside".as_slice())])
        .file("p", "2")
        .file("line\nbreak", "3")
        .finish();
    let (walk, seen) = walk(&archive);
    assert_eq!(codes(&walk), [] as [&str; 0]);
    let paths: Vec<_> = seen.iter().map(|entry| entry.path.as_slice()).collect();
    assert_eq!(
        paths,
        [b"caf\xe9".as_slice(), b"nul\0inside", b"line\nbreak"]
    );
}

#[test]
fn the_root_is_counted_and_not_shown() {
    let archive = TarBuilder::new().dir("./").dir("/").file("a", "").finish();
    let (walk, seen) = walk(&archive);
    assert_eq!((walk.entries, seen.len()), (3, 1));
    check_noted(
        &TarBuilder::new().file("./", "x").finish(),
        &["tar.bad_header"],
        &[],
    );
}

#[test]
fn a_path_twice_is_shown_twice_and_noted_unless_it_is_a_directory() {
    let archive = TarBuilder::new()
        .dir("d")
        .dir("d/")
        .file("f", "old")
        .file("./f", "new")
        .symlink("d", "f")
        .finish();
    check_noted(
        &archive,
        &["tar.duplicate_path"; 2],
        &["d", "d", "f", "f", "d"],
    );
}

#[test]
fn whiteouts_are_entries_like_others() {
    let archive = TarBuilder::new()
        .whiteout("etc/passwd")
        .whiteout("x")
        .opaque("var")
        .finish();
    check(
        &archive,
        &[
            ("etc/.wh.passwd", b""),
            (".wh.x", b""),
            ("var/.wh..wh..opq", b""),
        ],
    );
}

#[test]
fn a_type_no_runtime_unpacks_is_skipped_with_its_content() {
    let archive = TarBuilder::new()
        .extended(b'M', b"multi-volume", b"rest of a file")
        .extended(b'V', b"label", b"")
        .file("after", "1")
        .finish();
    check_noted(&archive, &["tar.bad_header"], &["after"]);
}

type Build = fn(TarBuilder, &str, u64, &[(u64, &[u8])]) -> TarBuilder;

#[rstest]
#[case::old_gnu(|tar: TarBuilder, path: &str, size, spans: &[(u64, &[u8])]| tar.sparse_gnu(path, size, spans))]
#[case::pax_0_1(|tar: TarBuilder, path: &str, size, spans: &[(u64, &[u8])]| tar.sparse_pax_0_1(path, size, spans))]
#[case::pax_1_0(|tar: TarBuilder, path: &str, size, spans: &[(u64, &[u8])]| tar.sparse_pax_1_0(path, size, spans))]
fn a_sparse_file_has_its_logical_content(#[case] build: Build) {
    let spans: Vec<(u64, &[u8])> = (0..60).map(|n| (n * 1_000, b"data".as_slice())).collect();
    let archive = build(TarBuilder::new(), "sparse", 70_000, &spans)
        .file("next", "ok")
        .finish();
    let mut expected = vec![0; 70_000];
    for (offset, bytes) in &spans {
        expected[*offset as usize..][..bytes.len()].copy_from_slice(bytes);
    }
    check(&archive, &[("sparse", &expected), ("next", b"ok")]);

    let (walk, seen) = walk_with(archive.as_slice(), &Limits::default(), Want::Head(1_002));
    assert!(walk.complete);
    assert_eq!(seen[0].size, 70_000);
    assert_eq!(seen[0].content, Some((expected[..1_002].to_vec(), true)));
    assert_eq!(seen[1].path, b"next");
}

#[test]
fn a_pax_0_0_map_is_read_from_its_pairs() {
    let archive = TarBuilder::new()
        .pax(&[
            ("GNU.sparse.size", "10"),
            ("GNU.sparse.numblocks", "2"),
            ("GNU.sparse.offset", "0"),
            ("GNU.sparse.numbytes", "2"),
            ("GNU.sparse.offset", "6"),
            ("GNU.sparse.numbytes", "2"),
        ])
        .file("s", "abcd")
        .finish();
    check(&archive, &[("s", b"ab\0\0\0\0cd\0\0")]);
}

#[rstest]
#[case::overlapping(20, &[(0, b"abcd".as_slice()), (2, b"abcd")])]
#[case::beyond_the_size(4, &[(2, b"abcd".as_slice())])]
#[case::backwards(20, &[(10, b"ab".as_slice()), (0, b"ab")])]
fn a_sparse_map_that_lies_ends_the_walk_by_name(#[case] size: u64, #[case] spans: &[(u64, &[u8])]) {
    for archive in [
        TarBuilder::new().sparse_gnu("s", size, spans).finish(),
        TarBuilder::new().sparse_pax_0_1("s", size, spans).finish(),
        TarBuilder::new().sparse_pax_1_0("s", size, spans).finish(),
    ] {
        check_noted(&archive, &["tar.bad_header"], &[]);
    }
}

#[test]
fn a_hole_of_a_terabyte_costs_only_what_is_wanted_of_it() {
    let archive = TarBuilder::new()
        .sparse_gnu("s", 1 << 34, &[(1 << 33, b"x")])
        .file("n", "")
        .finish();
    let (walk, seen) = walk_with(archive.as_slice(), &Limits::default(), Want::Head(100));
    assert!(walk.complete);
    assert_eq!(seen[0].content, Some((vec![0; 100], true)));
    assert_eq!(seen[1].path, b"n");
}

#[test]
fn two_zero_blocks_end_the_archive_and_later_bytes_feed_only_the_digest() {
    let clean = TarBuilder::new().file("a", "1").finish();
    let padded = [clean.clone(), vec![0; 9_000]].concat();
    check(&padded, &[("a", b"1")]);
    let hidden = TarBuilder::new().file("hidden", "2").finish();
    let joined = [clean, hidden].concat();
    let (walk, seen) = walk(&joined);
    assert_eq!(codes(&walk), ["tar.trailing_data"]);
    assert_eq!(seen.len(), 1);
    assert_eq!(walk.diff_id, Some(oci::Digest::sha256(&joined)));
    assert!(walk.complete);
}

#[test]
fn an_archive_without_an_end_mark_is_read_and_noted() {
    let archive = TarBuilder::new().file("a", "1").unfinished();
    check_noted(&archive, &["layer.truncated"], &["a"]);
    let one_block = TarBuilder::new().file("a", "1").raw([0; 512]).unfinished();
    check_noted(&one_block, &["layer.truncated"], &["a"]);
}

#[test]
fn a_lone_zero_block_between_members_ends_the_walk_by_name() {
    let archive = TarBuilder::new()
        .file("a", "1")
        .raw([0; 512])
        .file("b", "2")
        .finish();
    check_noted(&archive, &["tar.bad_header"], &["a"]);
}

#[test]
fn an_empty_archive_is_an_empty_layer() {
    let empty = TarBuilder::new().finish();
    let (walk, seen) = walk(&empty);
    assert!(walk.complete && seen.is_empty());
    assert_eq!(walk.diff_id, Some(oci::Digest::sha256(&empty)));
}
