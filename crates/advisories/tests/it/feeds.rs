//! Recognising, reading and refusing feeds.

use advisories::{Builder, FeedKind, ImportError};
use rstest::rstest;

use crate::world::{
    DSA_LIST, EPSS, GHSA_CVSS, GHSA_REQUESTS, KEV, PYSEC, SMALL, TRACKER, World, gzip, noon, zip,
};

#[rstest]
#[case(TRACKER, "debian", FeedKind::DebianTracker, 6, 0)]
#[case(DSA_LIST, "debian-advisories", FeedKind::DebianAdvisories, 1, 0)]
#[case(KEV, "kev", FeedKind::Kev, 1, 0)]
#[case(EPSS, "epss", FeedKind::Epss, 2, 0)]
#[case(PYSEC, "osv:PyPI", FeedKind::Osv, 1, 0)]
#[case(GHSA_CVSS, "osv:crates.io", FeedKind::Osv, 1, 0)]
fn a_feed_is_recognised_by_its_content(
    #[case] content: &str,
    #[case] name: &str,
    #[case] kind: FeedKind,
    #[case] records: u64,
    #[case] not_used: u64,
) {
    let world = World::new();
    let plain = world.file("some-file", content);
    let packed = world.file("other-file", gzip(content.as_bytes()));
    for path in [&plain, &packed] {
        let reports = Builder::new(SMALL).add_path(path).expect("a feed");
        let [report] = reports.as_slice() else {
            panic!("{reports:?}");
        };
        let feed = &report.feed;
        assert_eq!(
            (feed.name.as_str(), feed.kind, feed.records, feed.not_used),
            (name, kind, records, not_used)
        );
        assert_eq!((feed.skipped, feed.withdrawn), (0, 0));
    }
}

#[test]
fn dates_of_upstream_are_reported() {
    let world = World::new();
    let modified = |content: &str| {
        let path = world.file("feed", content);
        let reports = Builder::new(SMALL).add_path(&path).expect("a feed");
        reports[0]
            .feed
            .upstream_modified
            .expect("a date")
            .to_string()
    };
    assert_eq!(modified(KEV), "2026-11-20T00:00:00Z");
    assert_eq!(modified(EPSS), "2026-11-23T00:00:00Z");
    assert_eq!(modified(DSA_LIST), "2023-10-24T00:00:00Z");
    assert_eq!(modified(PYSEC), "2023-06-05T01:13:00Z");
}

#[rstest]
#[case("", "an empty file")]
#[case("[1, 2]", "a JSON array or a list that begins `[1, 2]`")]
#[case("<oval_definitions/>", "markup")]
#[case("hello", "text that begins `hello`")]
#[case("\u{0}\u{1}\u{2}", "binary data")]
#[case(
    r#"{"products": [], "total": 5}"#,
    "a JSON object with the keys `products`, `total`"
)]
#[case(r#"{"broken"#, "broken JSON")]
#[case("{}", "a JSON object with the keys ")]
fn an_unknown_feed_is_named_with_what_was_found_and_what_is_supported(
    #[case] content: &str,
    #[case] found: &str,
) {
    let world = World::new();
    let path = world.file("mystery.json", content);
    let error = Builder::new(SMALL).add_path(&path).expect_err("no feed");
    assert!(
        matches!(error, ImportError::UnknownFeed { .. }),
        "{error:?}"
    );
    let text = error.to_string();
    for part in [
        "mystery.json",
        found,
        "Debian security tracker JSON",
        "OSV",
        "KEV",
        "EPSS",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn a_missing_file_is_named() {
    let world = World::new();
    let error = Builder::new(SMALL)
        .add_path(&world.path().join("nothing"))
        .expect_err("no file");
    assert!(error.to_string().contains("nothing"), "{error}");
    assert!(matches!(error, ImportError::Read { .. }));
}

#[test]
fn a_directory_gives_one_report_for_each_feed_and_one_for_all_osv_documents() {
    let world = World::new();
    world.file("debian.json", TRACKER);
    world.file("kev.json", KEV);
    world.file("epss.csv", EPSS);
    world.file("osv/requests.json", GHSA_REQUESTS);
    world.file("osv/deep/PYSEC-2023-74.yaml", PYSEC);
    world.file("README.md", "read me");
    world.file(".git/config", "hidden");
    let reports = Builder::new(SMALL).add_path(world.path()).expect("feeds");
    let told: Vec<(&str, u64)> = reports
        .iter()
        .map(|report| (report.feed.name.as_str(), report.feed.records))
        .collect();
    assert_eq!(
        told,
        [("debian", 6), ("epss", 2), ("kev", 1), ("osv:PyPI", 2)]
    );
}

#[test]
fn an_unknown_file_in_a_directory_is_an_error_that_names_it() {
    let world = World::new();
    world.file("kev.json", KEV);
    world.file(
        "provenance.jsonl",
        "{\"package\":\"aide\"}\n{\"package\":\"b\"}\n",
    );
    let error = Builder::new(SMALL)
        .add_path(world.path())
        .expect_err("an unknown feed");
    assert!(error.to_string().contains("provenance.jsonl"), "{error}");
}

#[test]
fn a_directory_without_feeds_is_an_error() {
    let world = World::new();
    world.file("README.md", "read me");
    let error = Builder::new(SMALL)
        .add_path(world.path())
        .expect_err("nothing");
    assert!(matches!(error, ImportError::NoFeed { .. }), "{error:?}");
}

#[test]
fn json_lines_are_documents() {
    let world = World::new();
    let one = GHSA_REQUESTS.replace('\n', " ");
    // Of an ecosystem whose order of versions is not known here.
    let two = GHSA_CVSS.replace('\n', " ").replace("crates.io", "Hackage");
    let path = world.file("all.jsonl", format!("{one}\n{two}\n"));
    let reports = Builder::new(SMALL).add_path(&path).expect("a feed");
    assert_eq!((reports[0].feed.records, reports[0].feed.not_used), (2, 1));
}

#[test]
fn a_zip_holds_json_and_yaml_documents() {
    let world = World::new();
    let withdrawn = GHSA_REQUESTS
        .replace("GHSA-j8r2-6x86-q33q", "GHSA-w")
        .replace(
            r#""aliases""#,
            r#""withdrawn":"2024-01-01T00:00:00Z","aliases""#,
        );
    let bytes = zip(&[
        ("requests.json", GHSA_REQUESTS.as_bytes()),
        ("vulns/requests/PYSEC-2023-74.yaml", PYSEC.as_bytes()),
        ("withdrawn.json", withdrawn.as_bytes()),
        ("LICENSE", b"text"),
        (".github/workflows/ci.yaml", b"on: push"),
    ]);
    let path = world.file("all.zip", bytes);
    let reports = Builder::new(SMALL).add_path(&path).expect("a feed");
    let feed = &reports[0].feed;
    assert_eq!((feed.records, feed.withdrawn, feed.skipped), (3, 1, 0));
    assert_eq!(feed.licence.as_deref(), Some("CC-BY-4.0"));
}

#[test]
fn a_zip_of_other_documents_is_an_unknown_feed() {
    let world = World::new();
    let path = world.file(
        "all.zip",
        zip(&[("a.yaml", b"title: x\nlink: y\n"), ("b.md", b"# text")]),
    );
    let error = Builder::new(SMALL).add_path(&path).expect_err("no feed");
    assert!(
        matches!(error, ImportError::UnknownFeed { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("a.yaml"), "{error}");
}

/// A zip of `good` records and `bad` documents.
fn mixed(good: usize, bad: usize) -> Vec<u8> {
    let records: Vec<(String, String)> = (0..good)
        .map(|n| {
            (
                format!("good-{n}.json"),
                PYSEC_JSON.replace("NUMBER", &n.to_string()),
            )
        })
        .chain((0..bad).map(|n| (format!("bad-{n}.json"), "{\"id\": 5}".to_owned())))
        .collect();
    let entries: Vec<(&str, &[u8])> = records
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_bytes()))
        .collect();
    zip(&entries)
}

const PYSEC_JSON: &str = r#"{"id":"PYSEC-2023-NUMBER","modified":"2023-06-05T01:13:00Z","affected":[{"package":{"name":"a","ecosystem":"PyPI"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"}]}]}]}"#;

#[test]
fn a_bad_document_is_skipped_counted_and_named() {
    let world = World::new();
    let path = world.file("all.zip", mixed(99, 1));
    let reports = Builder::new(SMALL).add_path(&path).expect("a feed");
    assert_eq!((reports[0].feed.records, reports[0].feed.skipped), (99, 1));
    assert_eq!(reports[0].skipped[0].name, "bad-0.json");
    assert!(
        reports[0].skipped[0].reason.contains("string"),
        "{:?}",
        reports[0].skipped
    );
}

#[test]
fn a_feed_with_more_than_one_bad_document_in_a_hundred_is_refused_and_leaves_nothing() {
    let world = World::new();
    let path = world.file("all.zip", mixed(98, 1));
    let mut builder = Builder::new(SMALL);
    let error = builder.add_path(&path).expect_err("refused");
    assert!(
        matches!(
            error,
            ImportError::TooManyBadDocuments {
                skipped: 1,
                total: 99,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.to_string().contains("bad-0.json"), "{error}");
    let kev = world.file("kev.json", KEV);
    builder.add_path(&kev).expect("the builder stays usable");
    let out = world.path().join("snapshot");
    let info = builder.finish(&out, noon()).expect("a snapshot");
    assert_eq!(info.vulnerabilities, 0);
    assert_eq!(info.feeds.len(), 1);
}

#[rstest]
#[case(r#"{"openssl": {"CVE-1": {"releases": {"bookworm": {"status": "open"}}}}"#)]
#[case(r#"{"openssl": {"CVE-1": {"releases": {}}}, "pam": 5}"#)]
#[case(r#"{"openssl": {"CVE-1": {"releases": {}}}} trailing"#)]
fn a_broken_tracker_is_refused_as_a_whole(#[case] content: &str) {
    let world = World::new();
    let path = world.file("debian.json", content);
    let error = Builder::new(SMALL).add_path(&path).expect_err("broken");
    assert!(error.to_string().contains("debian.json"), "{error}");
}

#[test]
fn a_second_tracker_with_other_contents_is_refused_and_the_same_one_is_not() {
    let world = World::new();
    let first = world.file("a.json", TRACKER);
    let second = world.file("b.json", TRACKER.replace("3.0.99-1", "3.0.98-1"));
    let mut builder = Builder::new(SMALL);
    builder.add_path(&first).expect("a feed");
    builder.add_path(&first).expect("the same again");
    let error = builder.add_path(&second).expect_err("another");
    assert!(
        matches!(error, ImportError::SecondTracker { .. }),
        "{error:?}"
    );
    let info = builder
        .finish(&world.path().join("out"), noon())
        .expect("a snapshot");
    assert_eq!(info.feeds.len(), 1);
}

#[test]
fn a_zip_bomb_stops_at_the_limit() {
    let world = World::new();
    let zeros = vec![b' '; 60 << 10];
    let names: Vec<String> = (0..200).map(|n| format!("{n}.json")).collect();
    let entries: Vec<(&str, &[u8])> = names
        .iter()
        .map(|name| (name.as_str(), zeros.as_slice()))
        .collect();
    let bytes = zip(&entries);
    assert!(
        bytes.len() < 100 << 10,
        "twelve megabytes in {} bytes",
        bytes.len()
    );
    let error = Builder::new(SMALL)
        .add_path(&world.file("bomb.zip", bytes))
        .expect_err("a bomb");
    assert!(
        matches!(
            error,
            ImportError::Limit {
                what: "decompressed bytes",
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.to_string().contains("bomb.zip"), "{error}");
}

#[test]
fn a_document_beyond_the_limit_is_a_bad_document_of_a_zip() {
    let world = World::new();
    let zeros = vec![b' '; 100 << 10];
    let mut records: Vec<(String, Vec<u8>)> = (0..120)
        .map(|n| {
            (
                format!("{n}.json"),
                PYSEC_JSON.replace("NUMBER", &n.to_string()).into_bytes(),
            )
        })
        .collect();
    records.push(("large.json".to_owned(), zeros));
    let entries: Vec<(&str, &[u8])> = records
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect();
    let reports = Builder::new(SMALL)
        .add_path(&world.file("all.zip", zip(&entries)))
        .expect("a feed");
    assert_eq!(reports[0].feed.skipped, 1);
    assert_eq!(reports[0].skipped[0].name, "large.json");
}

#[test]
fn a_gzip_bomb_stops_at_the_limit() {
    let world = World::new();
    let mut text = EPSS.to_owned();
    for _ in 0..40_000 {
        text.push_str("CVE-2024-0001,0.1,0.1\n");
    }
    let bytes = gzip(text.as_bytes());
    let error = Builder::new(SMALL)
        .add_path(&world.file("epss.csv.gz", bytes))
        .expect_err("a bomb");
    assert!(
        matches!(
            error,
            ImportError::Limit {
                what: "decompressed bytes",
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn a_line_without_an_end_stops_at_the_document_limit() {
    let world = World::new();
    let text = format!("{EPSS}{}", "x".repeat(300 << 10));
    let error = Builder::new(SMALL)
        .add_path(&world.file("epss.csv", text))
        .expect_err("a line");
    assert!(
        matches!(
            error,
            ImportError::Limit {
                what: "bytes of one document",
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn one_pair_of_a_tracker_cannot_exceed_the_document_limit() {
    let world = World::new();
    let text = format!(
        r#"{{"a": {{"CVE-2024-0001": {{"description": "{}", "releases": {{}}}}}}}}"#,
        "x".repeat(300 << 10)
    );
    let error = Builder::new(SMALL)
        .add_path(&world.file("debian.json", text))
        .expect_err("a pair");
    assert!(
        matches!(
            error,
            ImportError::Limit {
                what: "bytes of one document",
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn a_cut_zip_is_an_error_and_not_an_empty_feed() {
    let world = World::new();
    let bytes = mixed(20, 0);
    for length in [10, 100, bytes.len() / 2, bytes.len() - 1] {
        let path = world.file("all.zip", &bytes[..length]);
        let error = Builder::new(SMALL).add_path(&path).expect_err("cut");
        assert!(error.to_string().contains("all.zip"), "{error}");
    }
}

#[test]
fn an_import_without_feeds_writes_nothing() {
    let world = World::new();
    let out = world.path().join("snapshot");
    let error = Builder::new(SMALL).finish(&out, noon()).expect_err("empty");
    assert!(matches!(error, ImportError::Empty));
    assert!(!out.try_exists().expect("readable"));
}

#[test]
fn a_target_that_cannot_be_written_is_named() {
    let world = World::new();
    let mut builder = Builder::new(SMALL);
    builder
        .add_path(&world.file("kev.json", KEV))
        .expect("a feed");
    let out = world.path().join("missing/snapshot");
    let error = builder.finish(&out, noon()).expect_err("no directory");
    assert!(error.to_string().contains("missing/snapshot"), "{error}");
}
