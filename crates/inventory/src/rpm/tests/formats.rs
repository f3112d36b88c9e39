//! NDB and Berkeley DB: every header is found, whatever its length; every damage is named.

use proptest::prelude::*;
use rstest::rstest;

use super::build::{self, Value};
use super::*;

/// Three headers: shorter than a page, of one page, of several.
fn headers() -> Vec<Vec<u8>> {
    vec![
        build::package("alpha", "1.0", 0),
        build::package("beta", "2.0", 900),
        build::package("gamma", "3.0", 9000),
        build::header(&[
            (1000, Value::Text("gpg-pubkey")),
            (1001, Value::Text("fd431d51")),
            (1002, Value::Text("4ae0493b")),
        ]),
        build::package("delta", "4.0", 60),
    ]
}

const FOUND: [(&str, &str); 4] = [
    ("alpha", "1.0-1.el9"),
    ("beta", "2.0-1.el9"),
    ("gamma", "3.0-1.el9"),
    ("delta", "4.0-1.el9"),
];

#[derive(Clone, Copy, Debug)]
enum Format {
    Ndb,
    Little,
    Big,
}

const FORMATS: [Format; 3] = [Format::Ndb, Format::Little, Format::Big];

fn write(format: Format) -> Vec<u8> {
    match format {
        Format::Ndb => build::ndb(&headers()),
        Format::Little => build::berkeley(&headers(), false),
        Format::Big => build::berkeley(&headers(), true),
    }
}

fn read(format: Format, content: &[u8]) -> (Vec<(String, String)>, Vec<String>) {
    let (extractor, path): (&Extractor, &[u8]) = match format {
        Format::Ndb => (&NDB, b"usr/lib/sysimage/rpm/Packages.db"),
        Format::Little | Format::Big => (&BERKELEY, b"var/lib/rpm/Packages"),
    };
    let mut notes = Notes::new(path);
    let Rows::Packages { rows, .. } = (extractor.parse)(&File { path, content }, &mut notes) else {
        panic!("a database gives packages")
    };
    let rows = rows
        .into_iter()
        .map(|row| (row.name, row.version))
        .collect();
    let codes = notes.into_list().into_iter();
    (rows, codes.map(|d| d.code.into_owned()).collect())
}

#[test]
fn every_package_is_found_in_any_format() {
    for format in FORMATS {
        let (rows, codes) = read(format, &write(format));
        let rows: Vec<_> = rows.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(rows, FOUND, "{format:?}");
        assert!(codes.is_empty(), "{format:?}: {codes:?}");
    }
}

#[test]
fn the_samples_of_the_conformance_suite_are_these() {
    assert!(write(Format::Ndb) == include_bytes!("../testdata/Packages.db"));
    assert!(write(Format::Little) == include_bytes!("../testdata/Packages"));
}

#[test]
fn a_database_cut_anywhere_says_so_and_invents_nothing() {
    for format in FORMATS {
        let whole = write(format);
        for end in (0..whole.len()).step_by(61) {
            let (rows, codes) = read(format, &whole[..end]);
            assert!(!codes.is_empty(), "{format:?} cut at {end}");
            let known = |(n, v): &(String, String)| FOUND.contains(&(n.as_str(), v.as_str()));
            assert!(rows.iter().all(known), "{format:?} cut at {end}: {rows:?}");
        }
    }
}

#[rstest]
#[case::ndb_empty(Format::Ndb, b"", "rpm.bad_database")]
#[case::ndb_foreign(Format::Ndb, b"Package list of something else", "rpm.bad_database")]
#[case::ndb_only_a_magic(Format::Ndb, b"RpmP", "rpm.bad_database")]
#[case::bdb_empty(Format::Little, b"", "rpm.bad_database")]
#[case::bdb_foreign(Format::Little, b"Package list of something else", "rpm.bad_database")]
#[case::bdb_only_a_magic(Format::Little, b"............\x61\x15\x06\0", "rpm.bad_database")]
#[case::bdb_tree(Format::Little, b"............\x62\x31\x05\0", "rpm.bad_database")]
fn what_is_no_database_is_named(
    #[case] format: Format,
    #[case] content: &[u8],
    #[case] code: &str,
) {
    assert_eq!(read(format, content), (Vec::new(), vec![code.to_owned()]));
}

/// Each changes four bytes of a sound database at one place.
#[rstest]
#[case::version(Format::Ndb, 4, &[9, 0, 0, 0], "rpm.bad_database")]
#[case::no_slot_pages(Format::Ndb, 12, &[0; 4], "rpm.truncated")]
#[case::endless_slot_pages(Format::Ndb, 12, &[0xff; 4], "rpm.truncated")]
#[case::slot_magic(Format::Ndb, 32, b"Slop", "rpm.bad_page")]
#[case::another_package(Format::Ndb, 36, &[9, 0, 0, 0], "rpm.bad_page")]
#[case::block_behind_the_end(Format::Ndb, 40, &[0xff; 4], "rpm.bad_page")]
#[case::two_slots_of_one_block(Format::Ndb, 56, &[0, 1, 0, 0], "rpm.bad_page")]
#[case::head_magic(Format::Ndb, 4096, b"Blip", "rpm.bad_page")]
#[case::endless_length(Format::Ndb, 4108, &[0xff; 4], "rpm.bad_page")]
#[case::page_size(Format::Little, 20, &[1, 2, 3, 0], "rpm.bad_database")]
#[case::no_page_size(Format::Little, 20, &[0; 4], "rpm.bad_database")]
#[case::encrypted(Format::Little, 24, &[1, 8, 0, 0], "rpm.bad_database")]
#[case::checksums(Format::Little, 24, &[0, 8, 1, 0], "rpm.bad_database")]
#[case::more_pages(Format::Little, 32, &[0xff; 4], "rpm.truncated")]
#[case::endless_entries(Format::Little, 1044, &[0xff, 0xff, 0, 4], "rpm.bad_page")]
#[case::overflow_of_another_kind(Format::Little, 2072, &[0, 13, 0, 0], "rpm.bad_page")]
#[case::overflow_in_a_circle(Format::Little, 3088, &[3, 0, 0, 0], "rpm.bad_page")]
#[case::overflow_behind_the_end(Format::Little, 3088, &[0xff; 4], "rpm.bad_page")]
fn every_damage_is_named(
    #[case] format: Format,
    #[case] at: usize,
    #[case] bytes: &[u8],
    #[case] code: &str,
) {
    let mut content = write(format);
    content[at..at + bytes.len()].copy_from_slice(bytes);
    let (rows, codes) = read(format, &content);
    assert!(codes.contains(&code.to_owned()), "{codes:?}");
    assert!(rows.len() <= FOUND.len(), "{rows:?}");
}

#[test]
fn a_header_says_who_built_and_signed_it_and_what_its_files_were() {
    let signature = [
        0x89, 0, 17, 3, 5, 0, 1, 2, 3, 4, 0x19, 0x9e, 0x2f, 0x91, 0xfd, 0x43, 0x1d, 0x51, 1, 8,
    ];
    let header = build::header(&[
        (268, Value::Bytes(signature.to_vec())),
        (1000, Value::Text("nodejs")),
        (1001, Value::Text("18.20.4")),
        (1002, Value::Text("1.module+el9")),
        (1003, Value::Numbers(vec![1])),
        (1006, Value::Numbers(vec![1_700_000_000])),
        (1011, Value::Text("Red Hat, Inc.")),
        (
            1015,
            Value::Text("Red Hat, Inc. <http://bugzilla.redhat.com/bugzilla>"),
        ),
        (
            1035,
            Value::Texts(vec!["", "b1946ac92492d2347c6235b4d2611184"]),
        ),
        (1116, Value::Numbers(vec![0, 1])),
        (1117, Value::Texts(vec!["README", "package.json"])),
        (
            1118,
            Value::Texts(vec!["/usr/share/doc/", "/usr/lib/node_modules/npm/"]),
        ),
        (5096, Value::Text("nodejs:18:9020020230327152102:rhel9")),
    ]);
    let header = Header::parse(&header).expect("sound");
    let row = package(&header, &mut OwnedPaths::default(), &mut Notes::default()).expect("named");
    assert_eq!(row.version, "1:18.20.4-1.module+el9");
    let facts: Vec<_> = row.facts.iter().map(|(f, t)| (*f, t.as_str())).collect();
    assert_eq!(
        facts,
        [
            (
                Fact::Maintainer,
                "Red Hat, Inc. <http://bugzilla.redhat.com/bugzilla>"
            ),
            (Fact::Vendor, "Red Hat, Inc."),
            (Fact::Module, "nodejs:18"),
            (Fact::BuiltAt, "1700000000"),
            (Fact::SigningKey, "199e2f91fd431d51"),
        ]
    );
    let [owned] = row.owned.as_slice() else {
        panic!("{:?}", row.owned)
    };
    assert_eq!(
        owned.path.display(),
        "usr/lib/node_modules/npm/package.json"
    );
    assert_eq!(
        owned.digest,
        crate::digest::FileDigest::from_hex(b"b1946ac92492d2347c6235b4d2611184")
    );
}

proptest! {
    #[test]
    fn damaged_databases_end(
        format in prop_oneof![Just(Format::Ndb), Just(Format::Little), Just(Format::Big)],
        changes in proptest::collection::vec((0..14_000_usize, any::<u8>()), 1..40),
        end in 0..16_000_usize,
    ) {
        let mut content = write(format);
        for (at, byte) in changes {
            if let Some(place) = content.get_mut(at) {
                *place = byte;
            }
        }
        content.truncate(end);
        read(format, &content);
    }
}
