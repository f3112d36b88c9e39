use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;

use image::{EntryKind, Limits};
use rstest::rstest;

use crate::record::{Seen, WHOLE, codes, walk_with};

/// Makes a tree with everything a tar can hold that needs no privileges.
fn make_tree(root: &Path) {
    let write = |path: &str, bytes: &[u8]| {
        image::testkit::write_files(root, &[(path.to_owned(), bytes.to_vec())]);
    };
    write("etc/os-release", b"ID=debian\n");
    write("usr/bin/tool", &[0x7f; 5_000]);
    write("empty", b"");
    write("with space/\u{e4}\u{f6}", b"umlauts");
    let deep = format!("deep/{}file", "component-of-a-long-path/".repeat(4));
    write(&deep, b"beyond a hundred bytes");
    std::os::unix::fs::symlink("usr/bin", root.join("bin")).unwrap();
    std::os::unix::fs::symlink("x/".repeat(60), root.join("long-link")).unwrap();
    fs_err::hard_link(
        root.join("etc/os-release"),
        root.join("etc/os-release.hard"),
    )
    .unwrap();
    // Two stored spans with a hole between and after.
    let sparse = fs_err::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(root.join("sparse"))
        .unwrap();
    sparse.file().write_all_at(b"first", 0).unwrap();
    sparse.file().write_all_at(b"second", 1 << 20).unwrap();
    sparse.set_len(3 << 20).unwrap();
}

fn gnu_tar(root: &Path, options: &[&str]) -> Vec<u8> {
    let output = Command::new("tar")
        .args(options)
        .args(["--sort=name", "--numeric-owner", "-cf", "-", "-C"])
        .arg(root)
        .arg(".")
        .output()
        .expect("GNU tar is on every machine that builds this");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// What the `tar` crate, another reader, finds. It does not expand PAX sparse files, and shows global headers as
/// entries.
fn other_reader(archive: &[u8]) -> Vec<(Vec<u8>, u64, Vec<u8>)> {
    let mut other = tar::Archive::new(archive);
    let mut found = Vec::new();
    for entry in other.entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.header().entry_type().is_pax_global_extensions() {
            continue;
        }
        let path = entry.path_bytes().into_owned();
        let path = path.strip_prefix(b"./").unwrap_or(&path);
        let path = path.strip_suffix(b"/").unwrap_or(path).to_vec();
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
        if !path.is_empty() {
            found.push((path, content.len() as u64, content));
        }
    }
    found
}

fn find<'s>(seen: &'s [Seen], path: &str) -> &'s Seen {
    seen.iter()
        .find(|entry| entry.path == path.as_bytes())
        .unwrap_or_else(|| panic!("{path} is missing"))
}

#[rstest]
#[case::gnu(&["--format=gnu"], true)]
#[case::oldgnu(&["--format=oldgnu"], true)]
#[case::pax(&["--format=pax"], true)]
#[case::posix_with_global_times(&["--format=posix", "--pax-option=globexthdr.name=g,comment=build"], true)]
#[case::ustar(&["--format=ustar", "--exclude=./long-link"], true)]
#[case::gnu_sparse(&["--format=gnu", "--sparse"], true)]
#[case::pax_sparse_0_0(&["--format=pax", "--sparse", "--sparse-version=0.0"], false)]
#[case::pax_sparse_0_1(&["--format=pax", "--sparse", "--sparse-version=0.1"], false)]
#[case::pax_sparse_1_0(&["--format=pax", "--sparse", "--sparse-version=1.0"], false)]
#[case::large_blocking_factor(&["--format=gnu", "--blocking-factor=2000"], true)]
fn what_gnu_tar_writes_is_read_in_every_format(#[case] options: &[&str], #[case] other_can: bool) {
    let directory = tempfile::tempdir().unwrap();
    make_tree(directory.path());
    let archive = gnu_tar(directory.path(), options);
    let (walk, seen) = walk_with(archive.as_slice(), &Limits::default(), WHOLE);
    assert_eq!(codes(&walk), [] as [&str; 0], "{:?}", walk.diagnostics);
    assert!(walk.complete);
    assert_eq!(walk.diff_id, Some(oci::Digest::sha256(&archive)));

    let content = |path: &str| find(&seen, path).content.clone().expect("a file").0;
    assert_eq!(content("etc/os-release"), b"ID=debian\n");
    assert_eq!(content("usr/bin/tool"), [0x7f; 5_000]);
    assert_eq!(content("with space/\u{e4}\u{f6}"), b"umlauts");
    let deep = format!("deep/{}file", "component-of-a-long-path/".repeat(4));
    assert_eq!(content(&deep), b"beyond a hundred bytes");
    let sparse = content("sparse");
    assert_eq!(sparse.len(), 3 << 20);
    assert!(sparse.starts_with(b"first\0"));
    assert!(sparse[1 << 20..].starts_with(b"second\0"));
    let hard = find(&seen, "etc/os-release.hard");
    assert_eq!(hard.kind, EntryKind::Hardlink);
    assert_eq!(hard.link.as_deref(), Some(b"etc/os-release".as_slice()));
    assert_eq!(
        find(&seen, "bin").link.as_deref(),
        Some(b"usr/bin".as_slice())
    );

    if other_can {
        let ours: Vec<_> = seen
            .iter()
            .map(|entry| {
                (
                    entry.path.clone(),
                    entry.size,
                    entry.content.clone().unwrap_or_default().0,
                )
            })
            .collect();
        assert_eq!(ours, other_reader(&archive));
    }
}

#[test]
fn a_directory_and_its_tar_show_the_same_entries() {
    let directory = tempfile::tempdir().unwrap();
    make_tree(directory.path());
    let archive = gnu_tar(directory.path(), &["--format=pax", "--hard-dereference"]);
    let (_, mut from_tar) = walk_with(archive.as_slice(), &Limits::default(), WHOLE);
    let mut recorder = crate::record::Recorder::new(WHOLE);
    let walk = image::walk_directory(directory.path(), &Limits::default(), &mut recorder);
    assert_eq!(codes(&walk), [] as [&str; 0], "{:?}", walk.diagnostics);
    let mut from_disk = recorder.seen;
    from_tar.sort_by(|a, b| a.path.cmp(&b.path));
    from_disk.sort_by(|a, b| a.path.cmp(&b.path));
    assert_eq!(from_disk, from_tar);
}
