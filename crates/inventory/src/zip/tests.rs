//! Archives as they are and as they lie.

use rstest::rstest;

use super::build::{Fields, Zip, deflate};
use super::*;

const TEXT: &[u8] = b"version=1.2.3\nversion=1.2.3\nversion=1.2.3\n";

fn read(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, ZipError> {
    let mut allowance = Allowance::default();
    let archive = Archive::open(bytes, &mut allowance)?;
    let mut contents = Vec::new();
    for entry in &archive.entries {
        let content = archive.read(entry, 1 << 20, &mut allowance)?;
        let name = String::from_utf8_lossy(entry.name).into_owned();
        contents.push((name, content.to_vec()));
        allowance.give_back(content);
    }
    assert_eq!(allowance.held, HELD_LIMIT, "everything was given back");
    Ok(contents)
}

#[track_caller]
fn check(bytes: &[u8], expected: &[(&str, &[u8])]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(name, content)| ((*name).to_owned(), content.to_vec()))
        .collect();
    assert_eq!(read(bytes), Ok(expected));
}

#[test]
fn entries_are_stored_deflated_and_described_behind_their_data() {
    let zip = Zip::default()
        .stored("a", TEXT)
        .file("b/c", TEXT)
        .described("d", TEXT)
        .stored("empty", "");
    check(
        &zip.bytes(),
        &[("a", TEXT), ("b/c", TEXT), ("d", TEXT), ("empty", b"")],
    );
    check(&Zip::default().bytes(), &[]);
}

#[test]
fn numbers_of_64_bits_are_read() {
    let data = deflate(TEXT);
    let sizes = [TEXT.len() as u64, data.len() as u64];
    let extra = [
        &[9, 9, 2, 0, 1, 2, 1, 0, 16, 0][..],
        &sizes[0].to_le_bytes(),
        &sizes[1].to_le_bytes(),
    ]
    .concat();
    let zip = || {
        Zip::default().stored("first", TEXT).entry(&Fields {
            method: 8,
            extra: &extra,
            ..Fields::stored("wide", &data)
        })
    };
    check(&zip().bytes(), &[("first", TEXT), ("wide", TEXT)]);
    check(&zip().wide_bytes(), &[("first", TEXT), ("wide", TEXT)]);
}

#[rstest]
#[case(Zip::default().file("a", TEXT).bytes())]
#[case(Zip::default().file("a", TEXT).wide_bytes())]
fn bytes_may_stand_in_front(#[case] zip: Vec<u8>) {
    check(
        &[b"#!/bin/sh\nexec java -jar $0\n".as_slice(), &zip].concat(),
        &[("a", TEXT)],
    );
}

#[test]
fn a_comment_may_stand_behind_and_look_like_an_end() {
    let mut zip = Zip::default().file("a", TEXT).bytes();
    let comment = [END, &[0; 30]].concat();
    let at = zip.len() - 2;
    zip[at] = comment.len() as u8;
    zip.extend(comment);
    check(&zip, &[("a", TEXT)]);
}

#[test]
fn the_directory_counts_and_not_the_local_header() {
    let zip = Zip::default().entry(&Fields {
        local_name: "innocent",
        ..Fields::stored("real", TEXT)
    });
    check(&zip.bytes(), &[("real", TEXT)]);
    // An entry that only a local header knows is none.
    let hidden = Zip::default().stored("hidden", TEXT).bytes();
    check(
        &Zip::default().stored("outer", &hidden[..60]).bytes(),
        &[("outer", &hidden[..60])],
    );
}

#[rstest]
#[case::nothing(b"".to_vec(), ZipError::NoDirectory)]
#[case::no_archive(b"no archive at all, but long enough to be one".to_vec(), ZipError::NoDirectory)]
#[case::encrypted(Zip::default().entry(&Fields { flags: 1, ..Fields::stored("a", TEXT) }).bytes(), ZipError::Encrypted)]
#[case::another_method(Zip::default().entry(&Fields { method: 93, ..Fields::stored("a", TEXT) }).bytes(), ZipError::Method(93))]
#[case::no_deflate(Zip::default().entry(&Fields { method: 8, ..Fields::stored("a", &[0xff; 40]) }).bytes(), ZipError::BadData)]
#[case::cut_deflate(Zip::default().entry(&Fields { method: 8, size: 42, ..Fields::stored("a", &deflate(TEXT)[..9]) }).bytes(), ZipError::BadData)]
fn what_cannot_be_read_is_said(#[case] zip: Vec<u8>, #[case] expected: ZipError) {
    assert_eq!(read(&zip), Err(expected));
}

#[test]
fn a_directory_that_lies_is_refused() {
    let zip = Zip::default().file("a", TEXT).bytes();
    let end = zip.len() - END_BYTES;
    let lie = |at: usize, bytes: &[u8]| {
        let mut zip = zip.clone();
        zip[at..at + bytes.len()].copy_from_slice(bytes);
        read(&zip)
    };
    assert_eq!(lie(end + 12, &[0xff; 4]), Err(ZipError::BadDirectory));
    assert_eq!(lie(end + 16, &[0xf0; 4]), Err(ZipError::BadDirectory));
    let entry = memchr::memmem::find(&zip, ENTRY).expect("an entry");
    assert_eq!(lie(entry + 28, &[0xff; 2]), Err(ZipError::BadDirectory));
    assert_eq!(lie(entry + 20, &[0xff; 3]), Err(ZipError::BadEntry));
    assert_eq!(lie(entry + 42, &[3]), Err(ZipError::BadEntry));
}

#[test]
fn no_more_is_inflated_than_the_directory_promises() {
    let data = deflate(&vec![0; 10 << 20]);
    let zip = Zip::default().entry(&Fields {
        method: 8,
        size: 100,
        ..Fields::stored("bomb", &data)
    });
    check(&zip.bytes(), &[("bomb", &[0; 100])]);
}

#[test]
fn what_is_inflated_together_is_bounded() {
    let content = vec![0; 1 << 20];
    let zip = (0..4).fold(Zip::default(), |zip, index| {
        zip.file(&format!("f{index}"), &content)
    });
    let bytes = zip.bytes();
    let mut allowance = Allowance {
        inflated: 3 << 20,
        ..Allowance::default()
    };
    let archive = Archive::open(&bytes, &mut allowance).expect("an archive");
    let read: Vec<_> = archive
        .entries
        .iter()
        .map(|entry| {
            archive
                .read(entry, u64::MAX, &mut allowance)
                .map(|content| content.len())
        })
        .collect();
    assert_eq!(
        read,
        [
            Ok(1 << 20),
            Ok(1 << 20),
            Ok(1 << 20),
            Err(ZipError::Inflated)
        ]
    );
    assert_eq!(allowance.held, HELD_LIMIT - (3 << 20));
}

#[test]
fn entries_of_all_archives_are_bounded() {
    let zip = Zip::default().stored("a", "").stored("b", "").bytes();
    let mut allowance = Allowance {
        entries: 3,
        ..Allowance::default()
    };
    assert!(Archive::open(&zip, &mut allowance).is_ok());
    assert_eq!(
        Archive::open(&zip, &mut allowance).err(),
        Some(ZipError::Entries)
    );
}
