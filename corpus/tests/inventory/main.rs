//! The extractors against real databases and metadata, and what the native tools say about them.

mod java;

use std::path::{Path, PathBuf};

use evidence::{Inventory, LayerInfo, Package, PackageType};
use image::Limits;
use oci::Digest;
use serde_json::Value;

/// Analyses a layer that holds one file.
fn analyse(path: &str, content: &[u8]) -> Inventory {
    let report = inventory::analyse_layer(tar(path, content).as_slice(), &Limits::default());
    let info = LayerInfo {
        digest: Digest::sha256(content),
        diff_id: None,
        size_bytes: content.len() as u64,
        created_by: None,
    };
    inventory::merge(
        &[inventory::Layer {
            info,
            report: &report,
        }],
        None,
    )
}

fn tar(path: &str, content: &[u8]) -> Vec<u8> {
    let mut header = [0_u8; 512];
    let mut put =
        |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, path);
    put(100, "0000644\0");
    put(124, &format!("{:011o}\0", content.len()));
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\u{0}00");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let mut tar = [header.as_slice(), content].concat();
    tar.resize(tar.len().next_multiple_of(512) + 1024, 0);
    tar
}

fn read(path: &Path) -> Vec<u8> {
    fs_err::read(path).expect("a corpus file is readable")
}

fn json(path: &Path) -> Vec<Value> {
    serde_json::from_slice(&read(path)).expect("an expected file is a JSON list")
}

fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().unwrap_or_default()
}

/// All files below a folder whose name ends with `suffix`, sorted.
fn files(folder: &Path, suffix: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in fs_err::read_dir(folder).expect("a corpus folder is readable") {
            let path = entry.expect("a corpus entry is readable").path();
            if path.is_dir() {
                pending.push(path);
            } else if path.to_string_lossy().ends_with(suffix) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The file an expected list is about.
fn subject(expected: &Path, suffix: &str) -> PathBuf {
    let text = expected.to_string_lossy();
    PathBuf::from(text.strip_suffix(suffix).expect("found by its suffix"))
}

fn sorted<T: Ord>(rows: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut rows: Vec<T> = rows.into_iter().collect();
    rows.sort();
    rows.dedup();
    rows
}

#[test]
fn dpkg_databases_list_what_dpkg_query_lists() {
    const SUFFIX: &str = ".dpkg-query.json";
    let lists = files(&corpus::path("packages/dpkg"), SUFFIX);
    let mut compared = 0;
    for list in &lists {
        let inventory = analyse("var/lib/dpkg/status", &read(&subject(list, SUFFIX)));
        let found = sorted(inventory.packages.iter().map(|package| {
            [
                package.name.as_str(),
                &package.version,
                package.arch.as_deref().unwrap_or_default(),
                package.source_name(),
                package.source_version(),
            ]
        }));
        let rows = json(list);
        let expected = sorted(
            rows.iter()
                .filter(|row| {
                    text(row, "status") == "installed" && text(row, "want") != "deinstall"
                })
                .map(|row| {
                    [
                        "package",
                        "version",
                        "architecture",
                        "source",
                        "source_version",
                    ]
                    .map(|field| text(row, field))
                }),
        );
        assert_eq!(found, expected, "{}", list.display());
        compared += expected.len();
    }
    assert_eq!((lists.len(), compared > 360), (5, true), "{compared} rows");
}

#[test]
fn distroless_files_list_their_package() {
    let folder = corpus::path("packages/dpkg/syft/image-distroless-deb/var/lib/dpkg/status.d");
    let inventory = analyse(
        "var/lib/dpkg/status.d/libsqlite3-0",
        &read(&folder.join("libsqlite3-0")),
    );
    let package = &inventory.packages[0];
    assert_eq!(inventory.packages.len(), 1);
    assert_eq!(
        (package.name.as_str(), package.version.as_str()),
        ("libsqlite3-0", "3.34.1-3")
    );
    assert_eq!(package.source_name(), "sqlite3");
}

/// Analyses a folder of the corpus as the root of an image.
fn analyse_tree(folder: &str) -> Inventory {
    let report = inventory::analyse_directory(&corpus::path(folder), &Limits::default());
    inventory::merge_directory(&report)
}

/// Name, version and the facts that the named files hold, as a reader of those files writes them down.
fn summary(inventory: &Inventory) -> Vec<String> {
    let rows = inventory.packages.iter().map(|package| {
        let mut row = format!(
            "{} {} {}",
            package.kind.as_str(),
            package.name,
            package.version
        );
        for part in [
            package.arch.as_deref(),
            package.licenses.first().map(String::as_str),
        ] {
            row.extend([" ", part.unwrap_or("-")]);
        }
        row
    });
    rows.collect()
}

fn codes(inventory: &Inventory) -> Vec<&str> {
    let codes = inventory.diagnostics.iter();
    codes.map(|seen| seen.code.as_ref()).collect()
}

#[test]
fn pacman_databases_list_what_their_descriptions_say() {
    let inventory = analyse_tree("packages/alpm/syft/installed");
    assert_eq!(
        summary(&inventory),
        [
            "alpm emacs 29.3-3 x86_64 GPL3",
            "alpm fuzzy 1.2-3 - -",
            "alpm gmp 6.2.1-2 x86_64 LGPL3",
            "alpm madeup 20.30-4 - -",
            "alpm tree-sitter 0.22.6-1 x86_64 MIT",
        ]
    );
    // `corrupt-0.2.1-3` has neither a name nor a version.
    assert_eq!(codes(&inventory), ["alpm.bad_description"]);
    let place = "var/lib/pacman/local/x-1-1/desc";
    let of = |name: &str| {
        let path = corpus::path("packages/alpm/osv-scalibr").join(name);
        summary(&analyse(place, &read(&path)))
    };
    assert_eq!(of("valid"), ["alpm gawk 5.3.1-1 x86_64 GPL-3.0-or-later"]);
    assert_eq!(
        of("valid_one_dep"),
        ["alpm filesystem 2024.11.21-1 any GPL-3.0-or-later"]
    );
    assert_eq!(of("valid_no_dep"), ["alpm libxml2 2.13.5-1 x86_64 MIT"]);
    assert_eq!(of("eof_after_dependencies"), ["alpm gawk 5.3.1-1 - -"]);
    assert_eq!(of("invalid_value_eof"), [""; 0]);
}

#[test]
fn portage_databases_list_what_their_directories_say() {
    for folder in ["layout", "layout-license-groups"] {
        let inventory = analyse_tree(&format!("packages/portage/syft/{folder}"));
        assert!(codes(&inventory).is_empty());
        let licence = match folder {
            "layout" => "Apache-2.0 BSD BSD-2 CC-BY-SA-4.0 ISC MIT",
            _ => inventory.packages[0].licenses[0].as_str(),
        };
        assert_eq!(
            summary(&inventory),
            [format!("ebuild app-containers/skopeo 1.5.1 - {licence}")]
        );
    }
}

#[test]
fn opkg_databases_list_what_is_installed() {
    let of = |path: &str| {
        let inventory = analyse("usr/lib/opkg/status", &read(&corpus::path(path)));
        summary(&inventory)
    };
    assert_eq!(
        of("packages/dpkg/syft/var/lib/opkg/status"),
        [
            "deb busybox 1.36.1-r3 x86_64 GPL-2.0-only",
            "deb dropbear 2024.85-r0 x86_64 MIT",
            "deb kernel-modules 6.6.0-r0 x86_64 GPL-2.0 BSD-3-Clause",
        ]
    );
    let folder = "packages/dpkg/osv-scalibr/opkg";
    for (name, count) in [
        ("valid", 3),
        ("single", 1),
        ("trailingnewlines", 1),
        ("empty", 0),
        ("nopackage", 2),
        ("noversion", 2),
        ("invalid", 0),
        ("statusfield", 1),
        ("transitional", 1),
    ] {
        assert_eq!(of(&format!("{folder}/{name}")).len(), count, "{name}");
    }
}

#[test]
fn chisel_manifests_list_their_packages() {
    let of = |name: &str| {
        let path = corpus::path("packages/other-os/chisel/chisel").join(name);
        let inventory = analyse("var/lib/chisel/manifest.wall", &read(&path));
        let codes: Vec<String> = codes(&inventory).into_iter().map(str::to_owned).collect();
        (summary(&inventory), codes)
    };
    assert_eq!(
        of("openssl.wall").0,
        [
            "deb base-files 13ubuntu10.2 amd64 -",
            "deb libc6 2.39-0ubuntu8.4 amd64 -",
            "deb libssl3t64 3.0.13-0ubuntu3.5 amd64 -",
            "deb openssl 3.0.13-0ubuntu3.5 amd64 -",
        ]
    );
    let (rows, codes) = of("single.wall");
    assert_eq!((rows.len(), codes.len()), (1, 0), "{rows:?} {codes:?}");
    assert_eq!(
        of("invalid.wall"),
        (Vec::new(), vec!["chisel.bad_line".to_owned(); 2])
    );
    assert_eq!(of("empty.wall").0, [""; 0]);
}

#[test]
fn apk_databases_list_what_a_line_parser_lists() {
    const SUFFIX: &str = ".expected.json";
    let lists = files(&corpus::path("packages/apk"), SUFFIX);
    for list in &lists {
        let inventory = analyse("lib/apk/db/installed", &read(&subject(list, SUFFIX)));
        let found = sorted(inventory.packages.iter().map(|package| {
            [
                package.name.as_str(),
                &package.version,
                package.arch.as_deref().unwrap_or_default(),
                package.source_name(),
                package.licenses.first().map_or("", String::as_str),
            ]
        }));
        let rows = json(list);
        let expected = sorted(rows.iter().map(|row| {
            let [name, version, arch, origin, licence] =
                ["name", "version", "arch", "origin", "license"].map(|field| text(row, field));
            let origin = if origin.is_empty() { name } else { origin };
            [name, version, arch, origin, licence]
        }));
        assert_eq!(found, expected, "{}", list.display());
    }
    assert_eq!(lists.len(), 12);
}

#[test]
fn rpm_databases_list_what_rpm_lists() {
    const SUFFIX: &str = ".rpm-query.json";
    let lists = files(&corpus::path("packages/rpm"), SUFFIX);
    let mut compared = 0;
    for list in &lists {
        let database = subject(list, SUFFIX);
        let place = match database.extension() {
            Some(_) => "var/lib/rpm/rpmdb.sqlite",
            None => "var/lib/rpm/Packages",
        };
        let inventory = analyse(place, &read(&database));
        let rows = json(list);
        let found = sorted(inventory.packages.iter().map(rpm_row));
        let expected = sorted(
            rows.iter()
                .filter(|row| text(row, "name") != "gpg-pubkey")
                .map(|row| {
                    [
                        text(row, "name").to_owned(),
                        rpm_version(row),
                        text(row, "arch").to_owned(),
                        text(row, "sourcerpm").to_owned(),
                    ]
                }),
        );
        assert_eq!(found, expected, "{}", list.display());
        assert_eq!(inventory.packages.len(), expected.len());
        assert!(
            inventory.diagnostics.is_empty(),
            "{:?}",
            inventory.diagnostics
        );
        compared += expected.len();
    }
    assert_eq!((lists.len(), compared), (4, 132));
}

#[test]
fn an_ndb_database_lists_what_is_expected_of_it() {
    let folder = corpus::path("packages/rpm/sle15-bci");
    let place = "usr/lib/sysimage/rpm/Packages.db";
    let inventory = analyse(place, &read(&folder.join("Packages.db")));
    let found = sorted(inventory.packages.iter().map(|package| {
        let vendor = package
            .provenance
            .as_ref()
            .and_then(|provenance| provenance.vendor.clone());
        let licence = package.licenses.first().cloned().unwrap_or_default();
        (rpm_row(package), licence, vendor.unwrap_or_default())
    }));
    let rows = json(&folder.join("SLE15WithNDB.golden.json"));
    let expected = sorted(
        rows.iter()
            .filter(|row| text(row, "name") != "gpg-pubkey")
            .map(|row| {
                let names = [
                    text(row, "name").to_owned(),
                    rpm_version(row),
                    text(row, "arch").to_owned(),
                    text(row, "sourcerpm").to_owned(),
                ];
                let of = |field| text(row, field).to_owned();
                (names, of("license"), of("vendor"))
            }),
    );
    assert_eq!(found, expected);
    assert_eq!(found.len(), 35);
    // Every package of SUSE is signed with the key of its product.
    assert!(inventory.packages.iter().all(|package| {
        let provenance = package.provenance.as_ref();
        provenance.is_some_and(|provenance| provenance.signing_key.is_some())
    }));
    assert!(inventory.diagnostics.is_empty());
}

fn rpm_row(package: &Package) -> [String; 4] {
    [
        package.name.clone(),
        package.version.clone(),
        package.arch.clone().unwrap_or_default(),
        format!(
            "{}-{}.src.rpm",
            package.source_name(),
            package.source_version()
        ),
    ]
}

fn rpm_version(row: &Value) -> String {
    let epoch = row["epoch"].as_u64().filter(|epoch| *epoch > 0);
    let epoch = epoch.map_or_else(String::new, |epoch| format!("{epoch}:"));
    format!("{epoch}{}-{}", text(row, "version"), text(row, "release"))
}

#[test]
fn a_database_without_the_package_table_never_passes_as_no_packages() {
    let inventory = analyse(
        "var/lib/rpm/rpmdb.sqlite",
        &read(&corpus::path("packages/rpm/claircore/no_packages.sqlite")),
    );
    let codes: Vec<_> = inventory
        .diagnostics
        .iter()
        .map(|seen| seen.code.as_ref())
        .collect();
    assert_eq!(codes, ["rpm.no_table"]);
    assert_eq!(inventory.coverage, evidence::Coverage::Partial);
}

/// Lists each file of an expected list at a place where its extractor looks, and compares name and version.
fn compare(expected: &str, place: &str, kind: PackageType, name: fn(&str) -> String) -> usize {
    let rows = json(&corpus::path(expected));
    for row in &rows {
        let file = text(row, "file");
        let inventory = analyse(place, &read(&corpus::path("packages").join(file)));
        let found: Vec<(&str, &str)> = inventory
            .packages
            .iter()
            .map(|package: &Package| (package.name.as_str(), package.version.as_str()))
            .collect();
        let wanted = (name(text(row, "name")), text(row, "version"));
        if wanted.0.is_empty() || wanted.1.is_empty() {
            assert!(found.is_empty(), "{file}");
            continue;
        }
        assert_eq!(found, [(wanted.0.as_str(), wanted.1)], "{file}");
        assert_eq!(inventory.packages[0].kind, kind);
        let licence = [text(row, "license_expression"), text(row, "license")];
        if let Some(licence) = licence.iter().find(|licence| !licence.is_empty()) {
            assert_eq!(inventory.packages[0].licenses, [*licence], "{file}");
        }
    }
    rows.len()
}

#[test]
fn python_metadata_gives_name_version_and_licence() {
    let normal = |name: &str| name.to_lowercase().replace(['_', '.'], "-");
    let place = "usr/lib/python3/site-packages/x-1.dist-info/METADATA";
    assert_eq!(
        compare(
            "packages/python/expected.json",
            place,
            PackageType::PyPi,
            normal
        ),
        18
    );
}

#[test]
fn npm_documents_give_name_and_version() {
    let place = "app/node_modules/x/package.json";
    let rows = compare(
        "packages/npm/expected.json",
        place,
        PackageType::Npm,
        str::to_owned,
    );
    assert!(rows > 70, "{rows} rows");
}

#[test]
fn alpine_releases_are_named_as_wanted() {
    let wants = files(&corpus::path("packages/os-release"), "/want");
    for want in &wants {
        let folder = want.parent().expect("a file has a folder");
        let release = String::from_utf8(read(&folder.join("etc/os-release"))).expect("text");
        let distro = analyse("etc/os-release", release.as_bytes())
            .distro
            .expect("named");
        let expected = &json(want)[0];
        assert_eq!(distro.id, text(expected, "did"), "{}", want.display());
        let pretty = distro.pretty_name.as_deref();
        let version = distro.version_id.as_deref().unwrap_or_default();
        if text(expected, "version") == "edge" {
            // An edge image names the release to come; only the pretty name says `edge`.
            assert_eq!(pretty, Some("Alpine Linux edge"), "{}", want.display());
            assert!(version.contains("_alpha"), "{}", want.display());
        } else {
            assert_eq!(
                pretty,
                expected["pretty_name"].as_str(),
                "{}",
                want.display()
            );
            assert!(
                version.starts_with(text(expected, "version")),
                "{}",
                want.display()
            );
        }
    }
    assert_eq!(wants.len(), 17);
}

#[test]
fn every_release_file_that_is_not_empty_names_its_distribution() {
    let folder = corpus::path("packages/os-release");
    let mut named = 0;
    for name in [
        "/os-release",
        "/lsb-release",
        "/redhat-release",
        "/oracle-release",
    ] {
        for path in files(&folder, name) {
            let place = if path.to_string_lossy().contains("/usr/lib/") {
                format!("usr/lib{name}")
            } else {
                format!("etc{name}")
            };
            let content = read(&path);
            let distro = analyse(&place, &content).distro;
            assert_eq!(distro.is_some(), !content.is_empty(), "{}", path.display());
            named += usize::from(distro.is_some());
        }
    }
    assert!(named > 110, "{named} files");
}
