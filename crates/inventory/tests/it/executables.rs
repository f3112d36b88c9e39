//! Executables in layers: known by their first bytes, whatever they are called.

use evidence::{Coverage, Disowned, Evidence, PackageType};
use image::{FileLimits, Limits};

use crate::conformance::{go_program, rust_program};
use crate::layer::{Tar, codes, dpkg, merge, merge_tars, summary};

const LISTED: [&str; 3] = [
    "example.com/app v1.0.0 @0",
    "github.com/a/b v1.2.3 @0",
    "stdlib 1.21.5 @0",
];

#[test]
fn a_program_is_found_under_any_name() {
    let inventory = merge_tars([Tar::default().file("srv/data/readme.txt", go_program())]);
    assert_eq!(summary(&inventory), LISTED);
    let package = &inventory.packages[0];
    assert_eq!(
        (package.kind, package.evidence),
        (PackageType::Golang, Evidence::Embedded)
    );
    assert_eq!(package.path, "srv/data/readme.txt");
    assert_eq!(inventory.coverage, Coverage::Complete);
}

#[test]
fn what_is_no_executable_is_not_looked_into() {
    let mut script = go_program();
    script[..4].copy_from_slice(b"#!  ");
    assert!(
        merge_tars([Tar::default().file("app", script)])
            .packages
            .is_empty()
    );
}

#[test]
fn an_executable_that_holds_nothing_leaves_no_trace() {
    let plain = Tar::default().file("app", vec![0; 4_000]).report();
    let executable = [b"\x7fELF".as_slice(), &[0; 3_996]].concat();
    let report = Tar::default().file("app", executable).report();
    assert_eq!(report.encode().len(), plain.encode().len());
}

#[test]
fn another_name_of_a_program_stays_when_the_first_is_removed() {
    let base = Tar::default()
        .file("bin/app", go_program())
        .hardlink("bin/other", "bin/app");
    let upper = Tar::default().whiteout("bin/app");
    let inventory = merge_tars([base, upper]);
    assert_eq!(summary(&inventory), LISTED);
    assert_eq!(inventory.packages[0].path, "bin/other");
}

#[test]
fn a_program_that_is_replaced_is_gone() {
    let base = Tar::default().file("app", go_program());
    let upper = Tar::default().file("app", rust_program());
    let listed = ["time 0.3.1 @1", "cc 1.0.83 @1"];
    let mut found = summary(&merge_tars([base, upper]));
    found.sort();
    assert_eq!(found, [listed[1], listed[0]]);
}

#[test]
fn a_crate_of_the_build_is_only_declared() {
    let inventory = merge_tars([Tar::default().file("app", rust_program())]);
    let evidence = |name: &str| {
        let package = inventory
            .packages
            .iter()
            .find(|package| package.name == name);
        package.map(|package| package.evidence)
    };
    assert_eq!(evidence("cc"), Some(Evidence::Declared));
    assert_eq!(evidence("time"), Some(Evidence::Embedded));
}

#[test]
fn an_executable_beyond_the_limit_is_read_up_to_it_and_named() {
    let mut program = go_program();
    program.extend(vec![0; 10_000]);
    let limits = Limits {
        file_bytes: FileLimits {
            executable: 5_000,
            ..FileLimits::default()
        },
        ..Limits::default()
    };
    let bytes = Tar::default().file("app", program).bytes();
    let report = inventory::analyse_layer(bytes.as_slice(), &limits);
    let inventory = merge(&[report], None);
    assert_eq!(summary(&inventory), LISTED);
    assert_eq!(codes(&inventory), ["limit.file"]);
    assert_eq!(inventory.coverage, Coverage::Partial);
}

/// A server that states its version, and owned files of a Debian package.
fn nginx(version: &str) -> Vec<u8> {
    let version = format!("nginx version: nginx/{version}\0");
    [b"\x7fELF".as_slice(), &[0; 200], version.as_bytes()].concat()
}

fn installed(package: &str, files: &str) -> Tar {
    Tar::default()
        .file("var/lib/dpkg/status", dpkg(&[(package, "1.22.1-9")]))
        .file(&format!("var/lib/dpkg/info/{package}.list"), files)
}

#[test]
fn a_program_without_a_package_is_classified() {
    let inventory = merge_tars([Tar::default().file("usr/local/sbin/nginx", nginx("1.25.3"))]);
    assert_eq!(summary(&inventory), ["nginx 1.25.3 @0"]);
    let package = &inventory.packages[0];
    assert_eq!(
        (package.kind, package.evidence),
        (PackageType::Generic, Evidence::ClassifiedBinary)
    );
}

#[test]
fn the_package_that_brings_a_program_answers_for_it() {
    let tar = installed("nginx-core", "/usr/sbin/nginx\n").file("usr/sbin/nginx", nginx("1.22.1"));
    assert_eq!(summary(&merge_tars([tar])), ["nginx-core 1.22.1-9 @0"]);
    // Of another package it is a program like any.
    let tar =
        installed("company-tools", "/usr/sbin/nginx\n").file("usr/sbin/nginx", nginx("1.22.1"));
    let inventory = merge_tars([tar]);
    assert_eq!(
        summary(&inventory),
        ["company-tools 1.22.1-9 @0", "nginx 1.22.1 @0"]
    );
    assert_eq!(
        inventory.packages[1].owned_by.as_deref(),
        Some("company-tools")
    );
}

#[test]
fn a_program_that_a_later_layer_put_in_place_of_a_package_s_is_listed() {
    let base = installed("nginx-core", "/usr/sbin/nginx\n").file("usr/sbin/nginx", nginx("1.22.1"));
    let upper = Tar::default().file("usr/sbin/nginx", nginx("1.25.3"));
    let inventory = merge_tars([base, upper]);
    assert_eq!(
        summary(&inventory),
        ["nginx-core 1.22.1-9 @0", "nginx 1.25.3 @1"]
    );
    assert_eq!(inventory.packages[1].disowned, Some(Disowned::Modified));
}

#[test]
fn what_an_owned_program_was_built_from_is_listed_with_its_owner() {
    let tar = installed("app", "/usr/bin/app\n").file("usr/bin/app", go_program());
    let inventory = merge_tars([tar]);
    let go: Vec<_> = inventory
        .packages
        .iter()
        .filter(|package| package.kind == PackageType::Golang)
        .collect();
    assert_eq!(go.len(), 3);
    assert!(
        go.iter()
            .all(|package| package.owned_by.as_deref() == Some("app"))
    );
}

#[test]
fn a_packed_program_is_noted() {
    let mut program = b"\x7fELF".to_vec();
    program.resize(236, 0);
    program.extend(b"UPX!");
    program.resize(900, 0);
    let inventory = merge_tars([Tar::default().file("app", program)]);
    assert_eq!(codes(&inventory), ["executable.packed"]);
}
