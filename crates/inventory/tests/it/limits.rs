//! Every bound of the analysis has a name, and what was read before it is kept.

use evidence::Coverage;

use crate::layer::{Tar, codes, merge_tars};

#[test]
fn packages_of_one_database_are_bounded() {
    let status = "Package:a\nVersion:1\n\n".repeat(500_001);
    let inventory = merge_tars([Tar::default().file("var/lib/dpkg/status.d/all", status)]);
    assert_eq!(codes(&inventory), ["limit.packages"]);
    assert_eq!(inventory.coverage, Coverage::Partial);
    // The same row twice is one package.
    assert_eq!(inventory.packages.len(), 1);
}

#[test]
fn bytes_kept_of_one_layer_are_bounded() {
    let version = "1".repeat(15 << 20);
    let tar = (0..6).fold(Tar::default(), |tar, index| {
        let metadata = format!("Name: x\nVersion: {version}\n\n");
        tar.file(&format!("a/x-{index}.dist-info/METADATA"), metadata)
    });
    let inventory = merge_tars([tar]);
    assert_eq!(codes(&inventory), ["limit.memory"]);
    assert_eq!(inventory.coverage, Coverage::Partial);
    assert_eq!(inventory.packages.len(), 4);
}

#[test]
fn owned_paths_of_one_package_are_bounded() {
    let path = format!("/{}/x.dist-info/METADATA\n", "d".repeat(4_000));
    let list = path.repeat((32 << 20) / (path.len() - 2) + 1);
    let inventory = merge_tars([Tar::default().file("var/lib/dpkg/info/a.list", list)]);
    assert_eq!(codes(&inventory), ["limit.owned_paths"]);
}

#[test]
fn links_in_a_circle_end() {
    let inventory = merge_tars([
        Tar::default().symlink("a", "b").symlink("b", "a"),
        Tar::default().file("a/x-1.dist-info/METADATA", "Name: x\nVersion: 1\n"),
    ]);
    assert_eq!(codes(&inventory), ["limit.symlinks"]);
    assert!(inventory.packages.is_empty());
}

#[test]
fn repeated_diagnostics_are_counted() {
    let tar = (0..120).fold(Tar::default(), |tar, index| {
        tar.file(&format!("node_modules/m{index}/package.json"), "{")
    });
    let inventory = merge_tars([tar]);
    assert_eq!(codes(&inventory), ["npm.bad_json"; 51]);
    assert_eq!(inventory.diagnostics[50].message, "70 more of this kind");
    assert_eq!(inventory.coverage, Coverage::Complete);
}
