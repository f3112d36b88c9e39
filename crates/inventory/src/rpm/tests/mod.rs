//! The readers against databases of all three formats, whole and damaged.
//!
//! One was written by SQLite; the other two are laid out by [`build`], which the oracle test holds against rpm.

mod build;
mod formats;

use proptest::prelude::*;
use rstest::rstest;

use super::*;

const DATABASE: &[u8] = include_bytes!("../testdata/rpmdb.sqlite");
const PATH: &[u8] = b"var/lib/rpm/rpmdb.sqlite";

fn read(content: &[u8]) -> (Vec<PackageRow>, Vec<String>) {
    let mut notes = Notes::new(PATH);
    let file = File {
        path: PATH,
        content,
    };
    let Rows::Packages { rows, .. } = parse_sqlite(&file, &mut notes) else {
        panic!("a database gives packages")
    };
    let codes = notes
        .into_list()
        .into_iter()
        .map(|d| d.code.into_owned())
        .collect();
    (rows, codes)
}

#[test]
fn every_package_of_the_database_is_read() {
    let (rows, codes) = read(DATABASE);
    assert!(codes.is_empty(), "{codes:?}");
    let summary: Vec<_> = rows
        .iter()
        .filter(|row| !row.name.starts_with("filler"))
        .map(|row| {
            let source = row.source.as_ref().map(|(n, v)| format!("{n} {v}"));
            (
                row.name.as_str(),
                row.version.as_str(),
                source.unwrap_or_default(),
            )
        })
        .collect();
    assert_eq!(
        summary,
        [
            ("alpha", "1.0-1.el9", String::new()),
            ("beta-libs", "1:2.5-3.el9", "beta 2.5-3.el9".to_owned()),
            ("gamma", "0.1-1.el9", "gamma-tools 0.2-4.el9".to_owned()),
            (
                "python3-six",
                "1.15.0-9.el9",
                "python-six 1.15.0-9.el9".to_owned()
            ),
            (
                "kernel-core",
                "5.14.0-70.el9",
                "kernel 5.14.0-70.el9".to_owned()
            ),
            (
                "kernel-core",
                "5.14.0-162.el9",
                "kernel 5.14.0-162.el9".to_owned()
            ),
        ]
    );
    assert_eq!(rows.len(), 36);
    assert_eq!(rows[1].licenses, ["GPLv2+ and MIT"]);
    assert_eq!(rows[2].arch.as_deref(), Some("noarch"));
}

#[test]
fn ghosts_and_files_that_were_not_installed_are_not_owned() {
    let (rows, _) = read(DATABASE);
    let six = rows.iter().find(|row| row.name == "python3-six");
    let owned: Vec<_> = six
        .expect("it is there")
        .owned
        .iter()
        .map(|file| file.path.display())
        .collect();
    assert_eq!(
        owned,
        ["usr/lib/python3.9/site-packages/six-1.15.0.egg-info/PKG-INFO"]
    );
}

#[test]
fn a_database_cut_in_half_keeps_the_readable_part() {
    let (all, _) = read(DATABASE);
    let (part, codes) = read(&DATABASE[..DATABASE.len() / 2]);
    assert!(codes.contains(&"rpm.truncated".to_owned()), "{codes:?}");
    assert!(codes.contains(&"rpm.bad_page".to_owned()), "{codes:?}");
    assert!(!part.is_empty() && part.len() < all.len());
    assert!(part.iter().all(|row| all.contains(row)));
}

#[test]
fn a_database_cut_anywhere_says_so() {
    for end in (0..DATABASE.len()).step_by(97) {
        let (_, codes) = read(&DATABASE[..end]);
        assert!(!codes.is_empty(), "cut at {end}");
    }
}

#[rstest]
#[case::empty(b"", "rpm.bad_database")]
#[case::foreign(b"SQLite format 4\0 and so on", "rpm.bad_database")]
#[case::only_a_magic(b"SQLite format 3\0", "rpm.bad_database")]
fn what_is_no_database_is_named(#[case] content: &[u8], #[case] code: &str) {
    assert_eq!(read(content), (Vec::new(), vec![code.to_owned()]));
}

#[rstest]
#[case("bash-5.1.8-1.cm2.src.rpm", Some(("bash", "5.1.8-1.cm2")))]
#[case("java-11-openjdk-11.0.1-1.nosrc.rpm", Some(("java-11-openjdk", "11.0.1-1")))]
#[case("(none)", None)]
#[case("odd.src.rpm", None)]
#[case("-1-1.src.rpm", None)]
fn a_source_file_name_is_split_from_its_end(
    #[case] file: &str,
    #[case] expected: Option<(&str, &str)>,
) {
    let found = source_package(file);
    assert_eq!(
        found.as_ref().map(|(n, v)| (n.as_str(), v.as_str())),
        expected
    );
}

#[rstest]
#[case(
    Some("nodejs:18:9020020230327152102:rhel9:x86_64"),
    "1.el9",
    Some("nodejs:18")
)]
#[case(Some("perl:5.30"), "1.el9", Some("perl:5.30"))]
#[case(Some("perl"), "1.module+el8", None)]
#[case(None, "1.module+el8.10.0+1", Some(""))]
#[case(None, "1.module_el8.10.0+1", Some(""))]
#[case(None, "1.el9", None)]
fn a_module_is_named_by_its_label_and_suspected_by_its_release(
    #[case] label: Option<&str>,
    #[case] release: &str,
    #[case] expected: Option<&str>,
) {
    assert_eq!(module(label, release).as_deref(), expected);
}

proptest! {
    #[test]
    fn damaged_databases_end(
        changes in proptest::collection::vec((0..DATABASE.len(), any::<u8>()), 1..40),
        end in 0..DATABASE.len(),
    ) {
        let mut content = DATABASE[..end].to_vec();
        for (at, byte) in changes {
            if let Some(place) = content.get_mut(at) {
                *place = byte;
            }
        }
        read(&content);
    }

    #[test]
    fn damaged_headers_are_refused_or_read(
        blob in proptest::collection::vec(any::<u8>(), 0..400),
        entries in 0_u32..8,
        store in 0_u32..400,
    ) {
        let mut bytes = entries.to_be_bytes().to_vec();
        bytes.extend(store.to_be_bytes());
        bytes.extend(blob);
        if let Some(header) = Header::parse(&bytes) {
            package(&header, &mut OwnedPaths::default(), &mut Notes::default());
        }
    }
}
