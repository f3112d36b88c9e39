//! A damaged snapshot: refused, or opened and matched without a panic.
//!
//! The input is a list of changes to a whole snapshot, three bytes of place and one of content each. With an odd first
//! byte they are changes to the head and the description, and the checksum is put right, so that the code behind it is
//! reached. Tables that somebody forged are left out: redb allocates what their page numbers say, up to 4 GiB.
#![no_main]

use std::sync::LazyLock;

use advisories::{Builder, Snapshot};
use evidence::Inventory;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

/// Where the tables begin behind a short description.
const TABLES_AT: usize = 4096;

/// Two vulnerabilities of one package.
const FEED: &str = r#"{"openssl": {
  "CVE-2023-5363": {"description": "keys and IVs", "releases": {
    "bookworm": {"status": "resolved", "repositories": {"bookworm": "3.0.15-1"}, "fixed_version": "3.0.11-1", "urgency": "high"}}},
  "CVE-2024-0003": {"releases": {
    "bookworm": {"status": "open", "repositories": {"bookworm": "3.0.15-1"}, "urgency": "unimportant"}}}}}"#;

static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let (feed, out) = (fuzz::file_with(FEED.as_bytes()), fuzz::file_with(b""));
    let mut builder = Builder::new(fuzz::FEED_LIMITS);
    builder.add_path(feed.path()).expect("a feed");
    builder
        .finish(out.path(), Timestamp::UNIX_EPOCH)
        .expect("a snapshot");
    std::fs::read(out.path()).expect("a file just written")
});

/// What an image with that package looks like.
static INVENTORY: LazyLock<Inventory> = LazyLock::new(|| {
    let layer = image::testkit::TarBuilder::new()
        .file("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n")
        .file(
            "var/lib/dpkg/status",
            "Package: openssl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 3.0.10-1\n",
        )
        .finish();
    fuzz::merge(
        &[inventory::analyse_layer(
            layer.as_slice(),
            &fuzz::small_limits(),
        )],
        None,
    )
});

fuzz_target!(
    // The tables' reader panics on some damage and `advisories` makes an error of it. Only a panic that arrives here is
    // a crash, so none may end the process before.
    init: std::panic::set_hook(Box::new(|_| ())),
    |input: &[u8]| {
        let Some((how, changes)) = input.split_first() else {
            return;
        };
        let mut snapshot = WHOLE.clone();
        let is_sealed = how % 2 == 1;
        let end = if is_sealed { TABLES_AT } else { snapshot.len() };
        for change in changes.chunks_exact(4) {
            let at = u32::from_le_bytes([change[0], change[1], change[2], 0]) as usize;
            snapshot[at % end] = change[3];
        }
        if is_sealed {
            fuzz::seal_snapshot(&mut snapshot);
        }
        let file = fuzz::file_with(&snapshot);
        if let Ok(snapshot) = Snapshot::open(file.path()) {
            let _ = snapshot.match_inventory(&INVENTORY, Timestamp::UNIX_EPOCH);
        }
    }
);
