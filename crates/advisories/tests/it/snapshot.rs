//! The snapshot as a value: its id, its replacement, its history.

use advisories::{Builder, Snapshot};
use evidence::Fix;

use crate::world::{
    DSA_LIST, EPSS, GHSA_CVSS, GHSA_REQUESTS, KEV, PYSEC, SMALL, TRACKER, World, bookworm, deb,
    noon, time,
};

#[test]
fn the_id_depends_on_the_data_and_not_on_order_or_time() {
    let world = World::new();
    let files = [
        world.file("debian.json", TRACKER),
        world.file("dsa", DSA_LIST),
        world.file("kev.json", KEV),
        world.file("epss.csv", EPSS),
        world.file("a.json", GHSA_CVSS),
        world.file("b.json", GHSA_REQUESTS),
        world.file("c.yaml", PYSEC),
    ];
    let mut order: Vec<&std::path::Path> = files.iter().map(AsRef::as_ref).collect();
    let (_, first) = world.build(&order).expect("a snapshot");
    for turn in 0..order.len() {
        order.rotate_left(1);
        if turn % 2 == 0 {
            order.swap(0, 3);
        }
        let (_, info) = world.build(&order).expect("a snapshot");
        assert_eq!(info, first);
    }
    let (_, less) = world.build(&order[1..]).expect("a snapshot");
    assert_ne!(less.id, first.id);
}

#[test]
fn the_newest_version_of_a_record_holds_in_any_order() {
    let world = World::new();
    let newer = GHSA_REQUESTS
        .replace("2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z")
        .replace("2.31.0", "2.32.0");
    let a = world.file("a.json", GHSA_REQUESTS);
    let b = world.file("b.json", newer);
    let (_, forward) = world.build(&[&a, &b]).expect("a snapshot");
    let (_, backward) = world.build(&[&b, &a]).expect("a snapshot");
    let (_, alone) = world.build(&[&b]).expect("a snapshot");
    assert_eq!(forward.id, backward.id);
    assert_eq!(forward.id, alone.id);
}

#[test]
fn a_withdrawal_removes_an_older_record() {
    let world = World::new();
    let withdrawn = GHSA_REQUESTS.replace(
        "\"modified\":\"2024",
        "\"withdrawn\":\"2025-01-01T00:00:00Z\",\"modified\":\"2025",
    );
    let a = world.file("a.json", GHSA_REQUESTS);
    let b = world.file("b.json", withdrawn);
    let (_, info) = world.build(&[&a, &b]).expect("a snapshot");
    assert_eq!(info.vulnerabilities, 0);
    assert!(info.releases.is_empty());
}

#[test]
fn a_snapshot_replaces_its_predecessor_and_a_reader_keeps_the_old_one() {
    let world = World::new();
    let out = world.path().join("advisories.tgadv");
    let build = |path: &std::path::Path| {
        let mut builder = Builder::new(SMALL);
        builder.add_path(path).expect("a feed");
        builder.finish(&out, noon()).expect("a snapshot")
    };
    let first = build(&world.file("debian.json", TRACKER));
    let reader = Snapshot::open(&out).expect("a snapshot");
    let second = build(&world.file("kev.json", KEV));
    assert_ne!(first.id, second.id);
    let packages = || bookworm(vec![deb("openssl", "3.0.9-1", "openssl")]);
    assert!(
        !reader
            .match_inventory(&packages(), noon())
            .findings
            .is_empty()
    );
    let now = Snapshot::open(&out).expect("a snapshot");
    assert_eq!(now.info().id, second.id);
    assert!(now.match_inventory(&packages(), noon()).findings.is_empty());
    let left: Vec<_> = std::fs::read_dir(world.path())
        .expect("readable")
        .map(|e| e.expect("an entry").file_name())
        .collect();
    assert_eq!(left.len(), 3, "no temporary file stays: {left:?}");
}

#[test]
fn a_snapshot_is_shared_between_threads() {
    let world = World::new();
    let snapshot = world.snapshot(&[&world.file("debian.json", TRACKER)]);
    let inventory = bookworm(vec![deb("openssl", "3.0.9-1", "openssl")]);
    let expected = snapshot.match_inventory(&inventory, noon());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let (snapshot, inventory, expected) = (snapshot.clone(), &inventory, &expected);
            scope.spawn(move || assert_eq!(snapshot.match_inventory(inventory, noon()), *expected));
        }
    });
}

/// Returns the date of the only fix and whether it is estimated.
fn fix_date(snapshot: &Snapshot) -> (String, bool) {
    let inventory = bookworm(vec![deb("zlib", "1:1.2.13-1", "zlib")]);
    let report = snapshot.match_inventory(&inventory, noon());
    match &report.findings[0].fix {
        Fix::Available {
            published: Some(date),
            estimated,
            ..
        } => (date.to_string(), *estimated),
        other => panic!("{other:?}"),
    }
}

fn zlib(status: &str) -> String {
    format!(r#"{{"zlib": {{"CVE-2023-45853": {{"releases": {{"bookworm": {{{status}}}}}}}}}}}"#)
}

const FIXED: &str = r#""status": "resolved", "fixed_version": "1:1.2.13-2""#;

#[test]
fn a_fix_without_a_date_is_first_seen_and_keeps_ageing_from_import_to_import() {
    let world = World::new();
    let out = world.path().join("out");
    let tracker = world.file("debian.json", zlib(FIXED));
    let build = |parent: Option<&Snapshot>, at: &str| {
        let mut builder = Builder::new(SMALL);
        if let Some(parent) = parent {
            builder.continue_from(parent);
        }
        builder.add_path(&tracker).expect("a feed");
        builder.finish(&out, time(at)).expect("a snapshot");
        Snapshot::open(&out).expect("a snapshot")
    };
    let first = build(None, "2026-01-01T00:00:00Z");
    assert_eq!(fix_date(&first), ("2026-01-01T00:00:00Z".to_owned(), true));
    let second = build(Some(&first), "2026-02-01T00:00:00Z");
    assert_eq!(fix_date(&second), ("2026-01-01T00:00:00Z".to_owned(), true));
    let third = build(Some(&second), "2026-03-01T00:00:00Z");
    assert_eq!(fix_date(&third), ("2026-01-01T00:00:00Z".to_owned(), true));
    let without = build(None, "2026-03-01T00:00:00Z");
    assert_eq!(
        fix_date(&without),
        ("2026-03-01T00:00:00Z".to_owned(), true)
    );
}

#[test]
fn a_fix_that_appears_after_the_parent_is_first_seen_now() {
    let world = World::new();
    let out = world.path().join("out");
    let cvss = GHSA_CVSS.replace("CVE-2023-5363", "CVE-2023-45853");
    let enrichment = world.file("ghsa.json", cvss);
    let build = |parent: Option<&Snapshot>, status: &str, at: &str| {
        let mut builder = Builder::new(SMALL);
        if let Some(parent) = parent {
            builder.continue_from(parent);
        }
        builder
            .add_path(&world.file("debian.json", zlib(status)))
            .expect("a feed");
        builder.add_path(&enrichment).expect("a feed");
        builder.finish(&out, time(at)).expect("a snapshot");
        Snapshot::open(&out).expect("a snapshot")
    };
    let open = build(None, r#""status": "open""#, "2026-01-01T00:00:00Z");
    let fixed = build(Some(&open), FIXED, "2026-02-01T00:00:00Z");
    assert_eq!(fix_date(&fixed), ("2026-02-01T00:00:00Z".to_owned(), true));
    // Without a parent the flaw's own publication is the lower bound.
    let first = build(None, FIXED, "2026-02-01T00:00:00Z");
    assert_eq!(fix_date(&first), ("2023-10-20T00:00:00Z".to_owned(), true));
}
