//! A snapshot that was cut, changed or never one: a clear error, never a panic.

use std::path::Path;
use std::sync::OnceLock;

use advisories::{Builder, Snapshot, SnapshotError};
use proptest::prelude::*;

use crate::world::{SMALL, TRACKER, World, bookworm, deb, noon};

/// Builds one snapshot for all cases: a build syncs to disk, which a thousand cases need not.
fn whole() -> Vec<u8> {
    static WHOLE: OnceLock<Vec<u8>> = OnceLock::new();
    WHOLE
        .get_or_init(|| {
            let world = World::new();
            let out = world.path().join("whole");
            let mut builder = Builder::new(SMALL);
            builder
                .add_path(&world.file("debian.json", TRACKER))
                .expect("a feed");
            builder.finish(&out, noon()).expect("a snapshot");
            std::fs::read(out).expect("readable")
        })
        .clone()
}

#[track_caller]
fn refused(path: &Path) -> SnapshotError {
    let error = Snapshot::open(path).expect_err("a damaged snapshot");
    assert!(
        error.to_string().contains(&*path.to_string_lossy()),
        "{error}"
    );
    error
}

#[test]
fn every_kind_of_damage_has_its_name() {
    let world = World::new();
    let bytes = whole();
    let open = |bytes: &[u8]| refused(&world.file("damaged", bytes));
    assert!(matches!(open(b""), SnapshotError::NotASnapshot { .. }));
    assert!(matches!(
        open(b"redb is something else"),
        SnapshotError::NotASnapshot { .. }
    ));
    assert!(matches!(
        open(&bytes[..10]),
        SnapshotError::NotASnapshot { .. }
    ));
    assert!(matches!(open(&bytes[..40]), SnapshotError::Damaged { .. }));
    assert!(matches!(open(&bytes[..64]), SnapshotError::Damaged { .. }));
    assert!(matches!(
        open(&bytes[..bytes.len() - 1]),
        SnapshotError::Damaged { .. }
    ));
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(matches!(open(&longer), SnapshotError::Damaged { .. }));
    let mut newer = bytes.clone();
    newer[16] = 2;
    assert!(matches!(
        open(&newer),
        SnapshotError::UnknownSchema {
            found: 2,
            supported: 1,
            ..
        }
    ));
    assert!(matches!(
        refused(&world.path().join("missing")),
        SnapshotError::Read { .. }
    ));
}

/// Puts the right checksum over wrong contents, so that the checks behind it are reached.
fn resealed(mut bytes: Vec<u8>) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    let mut hasher = Sha256::new();
    hasher.update(&bytes[..32]);
    hasher.update(&bytes[64..]);
    bytes[32..64].copy_from_slice(&hasher.finalize());
    bytes
}

#[test]
fn a_head_that_contradicts_itself_is_refused_behind_a_right_checksum() {
    let world = World::new();
    let bytes = whole();
    for (at, value) in [
        (20, 0xff),
        (23, 0xff),
        (24, 1),
        (27, 0xff),
        (31, 0xff),
        (64, b'x'),
    ] {
        let mut changed = bytes.clone();
        changed[at] = value;
        let path = world.file("damaged", resealed(changed));
        assert!(
            matches!(refused(&path), SnapshotError::Damaged { .. }),
            "byte {at}"
        );
    }
    let mut cut = bytes.clone();
    cut.truncate(bytes.len() / 2);
    assert!(matches!(
        refused(&world.file("damaged", resealed(cut))),
        SnapshotError::Damaged { .. }
    ));
}

/// Found by the fuzz target `snapshot_open`: redb panics on pages whose counts and offsets lead outside them.
#[test]
fn tables_that_contradict_themselves_are_refused_behind_a_right_checksum() {
    let world = World::new();
    let bytes = whole();
    let inventory = bookworm(vec![deb("openssl", "3.0.10-1", "openssl")]);
    let (mut refused, mut unreadable) = (0, 0);
    for page in (8192..bytes.len()).step_by(4096) {
        // How many entries a page has, and where the first ends.
        for at in [page + 3, page + 5] {
            let mut changed = bytes.clone();
            changed[at] = 0xff;
            match Snapshot::open(&world.file("damaged", resealed(changed))) {
                Err(SnapshotError::Damaged { .. }) => refused += 1,
                Err(other) => panic!("byte {at}: {other}"),
                Ok(snapshot) => {
                    let report = snapshot.match_inventory(&inventory, noon());
                    let codes = report.diagnostics.iter().map(|found| &*found.code);
                    unreadable += codes
                        .filter(|code| *code == "advisories.unreadable")
                        .count();
                }
            }
        }
    }
    assert!(refused > 0, "no page is read when a snapshot is opened");
    assert!(
        unreadable > 0,
        "no page is read when an inventory is matched"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_flipped_bit_is_found(position in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let world = World::new();
        let mut bytes = whole();
        let at = position.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let path = world.file("damaged", bytes);
        prop_assert!(Snapshot::open(&path).is_err());
    }

    #[test]
    fn a_cut_is_found(length in any::<prop::sample::Index>()) {
        let world = World::new();
        let bytes = whole();
        let path = world.file("damaged", &bytes[..length.index(bytes.len())]);
        prop_assert!(Snapshot::open(&path).is_err());
    }

    #[test]
    fn random_bytes_are_no_snapshot(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
        let world = World::new();
        let path = world.file("damaged", &bytes);
        prop_assert!(Snapshot::open(&path).is_err());
        let mut disguised = b"tidegate-advis\r\n\x01\0\0\0".to_vec();
        disguised.extend(bytes);
        let path = world.file("damaged", disguised);
        prop_assert!(Snapshot::open(&path).is_err());
    }

    #[test]
    fn random_bytes_are_no_feed_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..2048), head in 0_usize..6) {
        let world = World::new();
        let heads: [&[u8]; 6] = [b"", b"{", b"PK\x03\x04", b"\x1f\x8b\x08\0", b"cve,epss,percentile\n", b"[01 Jan 2020] DSA-1-1 a\n"];
        let mut content = heads[head].to_vec();
        content.extend(&bytes);
        let path = world.file("feed", content);
        // Either a feed or a named error; what matters is that it returns.
        if let Err(error) = Builder::new(SMALL).add_path(&path) {
            prop_assert!(error.to_string().contains("feed"));
        }
    }
}
