use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use image::testkit::write_files;
use image::{EntryKind, LayerWalk, Limits, Want, walk_directory};

use crate::record::{Recorder, Seen, WHOLE, codes, contents};

fn walk(root: &Path, limits: &Limits, want: Want) -> (LayerWalk, Vec<Seen>) {
    let mut recorder = Recorder::new(want);
    let walk = walk_directory(root, limits, &mut recorder);
    (walk, recorder.seen)
}

fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let files: Vec<_> = files
        .iter()
        .map(|(path, content)| ((*path).to_owned(), content.as_bytes().to_vec()))
        .collect();
    write_files(directory.path(), &files);
    directory
}

#[test]
fn entries_come_in_order_of_their_names_and_directories_before_what_they_hold() {
    let directory = tree(&[("b/two", "2"), ("b/one", "1"), ("a", "0"), ("c", "3")]);
    let (walk, seen) = walk(directory.path(), &Limits::default(), WHOLE);
    assert!(walk.complete);
    assert_eq!((walk.entries, walk.bytes, walk.diff_id), (5, 4, None));
    let paths: Vec<_> = contents(&seen).into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["a", "b", "b/one", "b/two", "c"]);
}

#[test]
fn symbolic_links_are_shown_and_never_followed() {
    let outside = tree(&[("secret", "outside")]);
    let directory = tree(&[("etc/f", "inside")]);
    symlink(outside.path(), directory.path().join("out")).unwrap();
    symlink("../../../../../../etc", directory.path().join("up")).unwrap();
    symlink(".", directory.path().join("loop")).unwrap();
    let (walk, seen) = walk(directory.path(), &Limits::default(), WHOLE);
    assert_eq!(codes(&walk), [] as [&str; 0]);
    assert_eq!(
        seen.iter().filter(|e| e.kind == EntryKind::Symlink).count(),
        3
    );
    assert!(
        contents(&seen)
            .iter()
            .all(|(_, content)| content != b"outside")
    );
    assert_eq!(seen.len(), 5);
}

#[test]
fn a_pipe_is_shown_and_never_waited_for() {
    let directory = tree(&[("f", "1")]);
    let made = std::process::Command::new("mkfifo")
        .arg(directory.path().join("pipe"))
        .status()
        .unwrap();
    assert!(made.success());
    let (walk, seen) = walk(directory.path(), &Limits::default(), WHOLE);
    assert!(walk.complete);
    assert_eq!(seen[1].kind, EntryKind::Fifo);
}

#[test]
fn a_file_larger_than_is_held_is_cut_and_named() {
    let directory = tree(&[("big", "0123456789")]);
    let (whole, seen) = walk(
        directory.path(),
        &Limits::default(),
        Want::Whole { limit: 4 },
    );
    assert_eq!(codes(&whole), ["limit.file"]);
    assert!(!whole.complete);
    assert_eq!(seen[0].content, Some((b"0123".to_vec(), true)));
    let (head, seen) = walk(directory.path(), &Limits::default(), Want::Head(4));
    assert!(head.complete);
    assert_eq!(seen[0].content, Some((b"0123".to_vec(), true)));
}

#[test]
fn more_entries_than_allowed_end_the_walk() {
    let directory = tree(&[("a", ""), ("b", ""), ("c", "")]);
    let limits = Limits {
        entries_per_layer: 2,
        ..Limits::default()
    };
    let (walk, _) = walk(directory.path(), &limits, WHOLE);
    assert_eq!(codes(&walk), ["limit.entries"]);
    assert!(!walk.complete);
}

#[test]
fn directories_deeper_than_allowed_are_named_and_the_walk_goes_on() {
    let directory = tree(&[("a/b/c/d", "deep"), ("z", "after")]);
    let limits = Limits {
        path_components: 2,
        ..Limits::default()
    };
    let (walk, seen) = walk(directory.path(), &limits, WHOLE);
    assert_eq!(codes(&walk), ["limit.path"]);
    assert!(!walk.complete);
    assert_eq!(
        seen.last().map(|e| e.path.as_slice()),
        Some(b"z".as_slice())
    );
}

#[test]
fn content_beyond_the_bound_ends_the_walk() {
    let directory = tree(&[("a", "0123456789"), ("b", "0123456789")]);
    let limits = Limits {
        layer_bytes: 15,
        ..Limits::default()
    };
    let (walk, _) = walk(directory.path(), &limits, WHOLE);
    assert_eq!(codes(&walk), ["limit.layer_bytes"]);
}

#[test]
fn a_root_that_is_not_there_is_named() {
    let directory = tree(&[("f", "")]);
    for missing in ["nothing", "f"] {
        let (walk, seen) = walk(&directory.path().join(missing), &Limits::default(), WHOLE);
        assert_eq!(codes(&walk), ["source.unreadable"]);
        assert!(!walk.complete && seen.is_empty());
    }
}

#[test]
fn what_may_not_be_read_is_named_and_the_rest_is_walked() {
    let directory = tree(&[("open", "1"), ("shut/f", "2")]);
    let shut = directory.path().join("shut");
    fs_err::set_permissions(&shut, std::fs::Permissions::from_mode(0o0)).unwrap();
    let is_privileged = fs_err::read_dir(&shut).is_ok();
    let (walk, seen) = walk(directory.path(), &Limits::default(), WHOLE);
    // Privileges read everything: then there is nothing to name and everything to see.
    if is_privileged {
        assert_eq!((codes(&walk), seen.len()), (vec![], 3));
    } else {
        assert_eq!((codes(&walk), seen.len()), (vec!["source.denied"], 2));
        assert!(!walk.complete);
    }
    fs_err::set_permissions(&shut, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn overlay_whiteouts_are_shown_in_the_spelling_of_layers() {
    let directory = tree(&[("etc/kept", "1")]);
    let made = std::process::Command::new("mknod")
        .arg(directory.path().join("etc/gone"))
        .args(["c", "0", "0"])
        .output()
        .unwrap();
    let (walk, seen) = walk(directory.path(), &Limits::default(), WHOLE);
    assert!(walk.complete);
    let paths: Vec<_> = contents(&seen).into_iter().map(|(path, _)| path).collect();
    // Making a device needs privileges; the kernel lets everyone make this one in newer versions only.
    if made.status.success() {
        assert_eq!(paths, ["etc", "etc/.wh.gone", "etc/kept"]);
    } else {
        assert_eq!(paths, ["etc", "etc/kept"]);
    }
}
