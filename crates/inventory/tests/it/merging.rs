//! The rules of a merge, one scenario each.

use evidence::{Coverage, Disowned, Evidence, PackageType};
use oci::ImageConfig;
use rstest::rstest;

use crate::layer::{Tar, codes, dpkg, merge, merge_tars, metadata, package_json, summary};

const STATUS: &str = "var/lib/dpkg/status";
const SIX: &str = "usr/lib/python3/dist-packages/six-1.16.0.dist-info/METADATA";

#[test]
fn the_topmost_database_wins_and_an_upgrade_belongs_to_its_layer() {
    let inventory = merge_tars([
        Tar::default().file(STATUS, dpkg(&[("a", "1"), ("b", "1"), ("c", "1")])),
        Tar::default().file("app/readme", "nothing of interest"),
        Tar::default().file(STATUS, dpkg(&[("a", "1"), ("b", "2")])),
        Tar::default().file(STATUS, dpkg(&[("a", "1"), ("b", "2"), ("c", "1")])),
    ]);
    assert_eq!(summary(&inventory), ["a 1 @0", "b 2 @2", "c 1 @3"]);
    assert_eq!(inventory.coverage, Coverage::Complete);
}

#[test]
fn an_upgrade_taken_back_belongs_to_the_layer_that_took_it_back() {
    let inventory =
        merge_tars(["1", "2", "1"].map(|v| Tar::default().file(STATUS, dpkg(&[("a", v)]))));
    assert_eq!(summary(&inventory), ["a 1 @2"]);
}

#[rstest]
#[case::a_whiteout_of_the_file(Tar::default().whiteout(SIX))]
#[case::a_whiteout_of_a_directory_above(Tar::default().whiteout("usr/lib/python3"))]
#[case::an_opaque_directory_above(Tar::default().opaque("usr/lib"))]
#[case::a_file_in_place_of_a_directory_above(Tar::default().file("usr/lib/python3", "x"))]
#[case::a_link_in_place_of_a_directory_above(Tar::default().symlink("usr/lib", "/nowhere"))]
#[case::a_directory_in_place_of_the_file(Tar::default().directory(SIX))]
#[case::an_unreadable_file_in_place(Tar::default().file(SIX, "nothing"))]
fn lower_metadata_disappears_with(#[case] upper: Tar) {
    let base = Tar::default().file(SIX, metadata("six", "1.16.0"));
    assert!(summary(&merge_tars([base, upper])).is_empty());
}

#[rstest]
#[case::a_directory_over_a_directory(Tar::default().directory("usr/lib/python3"))]
#[case::a_whiteout_of_a_neighbour(Tar::default().whiteout("usr/lib/python"))]
#[case::a_file_beside(Tar::default().file("usr/lib/python3.11", "x"))]
fn lower_metadata_stays_with(#[case] upper: Tar) {
    let base = Tar::default().file(SIX, metadata("six", "1.16.0"));
    assert_eq!(summary(&merge_tars([base, upper])), ["six 1.16.0 @0"]);
}

#[test]
fn whiteouts_do_not_touch_their_own_layer_whatever_the_order() {
    let base = || Tar::default().file(SIX, metadata("six", "1.16.0"));
    let other = "usr/lib/python3/dist-packages/b-2.dist-info/METADATA";
    let first = Tar::default()
        .opaque("usr/lib/python3")
        .file(other, metadata("b", "2"));
    let last = Tar::default()
        .file(other, metadata("b", "2"))
        .opaque("usr/lib/python3");
    assert_eq!(summary(&merge_tars([base(), first])), ["b 2 @1"]);
    assert_eq!(summary(&merge_tars([base(), last])), ["b 2 @1"]);
}

#[test]
fn a_directory_database_merges_file_by_file() {
    let file = |name: &str, version: &str| {
        Tar::default().file(
            &format!("var/lib/dpkg/status.d/{name}"),
            format!("Package: {name}\nVersion: {version}\n"),
        )
    };
    let inventory = merge_tars([
        file("base", "12"),
        file("tzdata", "2024a"),
        file("base", "13"),
        Tar::default().whiteout("var/lib/dpkg/status.d/tzdata"),
    ]);
    assert_eq!(summary(&inventory), ["base 13 @2"]);
}

#[test]
fn a_database_behind_a_link_is_read_once() {
    let database = include_bytes!("../../src/rpm/testdata/rpmdb.sqlite");
    let inventory = merge_tars([
        Tar::default()
            .symlink("var/lib/rpm", "../../usr/lib/sysimage/rpm")
            .file("usr/lib/sysimage/rpm/rpmdb.sqlite", database),
        // The upper layer was written through the link.
        Tar::default().file("var/lib/rpm/rpmdb.sqlite", database),
    ]);
    assert_eq!(inventory.packages.len(), 36);
    assert!(inventory.packages.iter().all(|package| {
        package.path == "usr/lib/sysimage/rpm/rpmdb.sqlite" && package.layer == Some(0)
    }));
}

#[test]
fn a_layer_that_writes_through_a_link_replaces_what_lies_behind() {
    let inventory = merge_tars([
        Tar::default()
            .symlink("lib", "usr/lib")
            .file("usr/lib/apk/db/installed", "P:a\nV:1-r0\n\n"),
        Tar::default().file("lib/apk/db/installed", "P:a\nV:2-r0\n\n"),
    ]);
    assert_eq!(summary(&inventory), ["a 2-r0 @1"]);
    assert_eq!(inventory.packages[0].path, "usr/lib/apk/db/installed");
}

#[test]
fn a_directory_in_place_of_a_link_ends_the_other_spelling() {
    let inventory = merge_tars([
        Tar::default()
            .symlink("lib", "usr/lib")
            .file("usr/lib/apk/db/installed", "P:a\nV:1-r0\n\n"),
        Tar::default()
            .directory("lib")
            .file("lib/apk/db/installed", "P:b\nV:2-r0\n\n"),
    ]);
    assert_eq!(summary(&inventory), ["a 1-r0 @0", "b 2-r0 @1"]);
}

#[test]
fn language_packages_of_an_operating_system_package_name_their_owner() {
    let list = format!("/.\n/usr\n/{SIX}\n");
    let inventory = merge_tars([
        Tar::default()
            .file(STATUS, dpkg(&[("python3-six", "1.16.0-4")]))
            .file("var/lib/dpkg/info/python3-six.list", &list)
            .file(
                "var/lib/dpkg/info/gone.list",
                "/usr/lib/node_modules/npm/package.json\n",
            )
            .file(SIX, metadata("six", "1.16.0"))
            .file(
                "usr/lib/node_modules/npm/package.json",
                package_json("npm", "9.2.0"),
            ),
        Tar::default().file(
            "opt/venv/six-1.16.0.dist-info/METADATA",
            metadata("six", "1.16.0"),
        ),
    ]);
    let owners: Vec<_> = inventory
        .packages
        .iter()
        .filter(|package| !package.kind.is_os())
        .map(|package| (package.path.as_str(), package.owned_by.as_deref()))
        .collect();
    assert_eq!(
        owners,
        [
            ("opt/venv/six-1.16.0.dist-info/METADATA", None),
            (SIX, Some("python3-six")),
            ("usr/lib/node_modules/npm/package.json", None),
        ]
    );
}

#[test]
fn ownership_sees_through_a_merged_usr() {
    let inventory = merge_tars([
        Tar::default()
            .symlink("lib", "usr/lib")
            .file(STATUS, dpkg(&[("python3-six", "1.16.0-4")]))
            .file(
                "var/lib/dpkg/info/python3-six:all.list",
                format!("/{}\n", &SIX["usr/".len()..]),
            ),
        Tar::default().file(SIX, metadata("six", "1.16.0")),
    ]);
    let six = inventory
        .packages
        .iter()
        .find(|package| package.kind == PackageType::PyPi);
    assert_eq!(
        six.expect("listed").owned_by.as_deref(),
        Some("python3-six")
    );
}

#[test]
fn a_package_does_not_answer_for_a_file_that_was_changed_since() {
    let database = |list: &str| {
        Tar::default()
            .file(STATUS, dpkg(&[("python3-six", "1.16.0-4")]))
            .file("var/lib/dpkg/info/python3-six.list", format!("/{SIX}\n"))
            .file("var/lib/dpkg/info/python3-six.md5sums", list)
    };
    let recorded = format!("16ed0509b3391c965c3181e18b55c6e0  {SIX}\n");
    let six = |list: &str, version: &str| {
        let inventory = merge_tars([
            database(list),
            Tar::default().file(SIX, metadata("six", version)),
        ]);
        let six = inventory.packages.into_iter().find(|p| p.name == "six");
        let six = six.expect("listed");
        (six.owned_by, six.disowned)
    };
    let owner = Some("python3-six".to_owned());
    assert_eq!(six(&recorded, "1.16.0"), (owner.clone(), None));
    assert_eq!(
        six(&recorded, "1.17.0"),
        (owner.clone(), Some(Disowned::Modified))
    );
    // Nobody recorded what the file was: it counts as the owner's.
    assert_eq!(six("", "1.17.0"), (owner, None));
}

#[test]
fn apk_and_rpm_own_files_too() {
    let database = include_bytes!("../../src/rpm/testdata/rpmdb.sqlite");
    let six = "usr/lib/python3.9/site-packages/six-1.15.0.egg-info/PKG-INFO";
    let inventory = merge_tars([Tar::default()
        .file("var/lib/rpm/rpmdb.sqlite", database)
        .file(six, metadata("six", "1.15.0"))
        .file(
            "lib/apk/db/installed",
            "P:nodejs\nV:20-r0\nF:usr/lib/node_modules/npm\nR:package.json\n\n",
        )
        .file(
            "usr/lib/node_modules/npm/package.json",
            package_json("npm", "10.1.0"),
        )]);
    let owners: Vec<_> = inventory
        .packages
        .iter()
        .filter_map(|package| Some((package.name.as_str(), package.owned_by.as_deref()?)))
        .collect();
    assert_eq!(owners, [("six", "python3-six"), ("npm", "nodejs")]);
}

#[test]
fn a_hard_link_has_the_content_of_its_target() {
    let a = "a/node_modules/ms/package.json";
    let inventory = merge_tars([
        Tar::default()
            .file(a, package_json("ms", "2.1.3"))
            .hardlink("b/node_modules/ms/package.json", a),
        Tar::default()
            .hardlink("c/node_modules/ms/package.json", a)
            .whiteout(a),
        Tar::default().hardlink("d/node_modules/ms/package.json", "somewhere/else"),
    ]);
    assert_eq!(summary(&inventory), ["ms 2.1.3 @0"]);
    assert_eq!(codes(&inventory), ["inventory.unread_hardlink"; 2]);
}

#[test]
fn vendored_copies_are_embedded() {
    let inventory = merge_tars([Tar::default().file(
        "lib/setuptools/_vendor/wheel-0.43.0.dist-info/METADATA",
        metadata("wheel", "0.43.0"),
    )]);
    assert_eq!(inventory.packages[0].evidence, Evidence::Embedded);
}

#[test]
fn the_distribution_is_found_behind_a_link_and_the_best_file_wins() {
    let inventory = merge_tars([
        Tar::default()
            .symlink("etc/os-release", "../usr/lib/os-release")
            .file(
                "usr/lib/os-release",
                "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n",
            )
            .file("etc/debian_version", "12.5\n"),
        Tar::default().file("usr/lib/os-release", "ID=debian\nVERSION_ID=\"13\"\n"),
    ]);
    assert_eq!(inventory.distro.expect("named").label(), "debian 13");
    let inventory = merge_tars([Tar::default()
        .file("etc/os-release", "# empty\n")
        .file("etc/debian_version", "12.5\n")]);
    assert_eq!(inventory.distro.expect("named").label(), "debian 12");
    assert_eq!(merge_tars([Tar::default()]).distro, None);
}

#[rstest]
#[case::unset("", true)]
#[case::zero("0", true)]
#[case::root("root", true)]
#[case::root_with_group("root:root", true)]
#[case::zero_with_group("0:1000", true)]
#[case::another_name_of_root("toor", true)]
#[case::a_user("app", false)]
#[case::a_number("1000:0", false)]
#[case::an_unknown_name("nobody-knows", false)]
fn the_user_is_root(#[case] user: &str, #[case] expected: bool) {
    let report = Tar::default()
        .file(
            "etc/passwd",
            "root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\napp:x:1000:1000::/:/bin/sh\n",
        )
        .report();
    let config = ImageConfig::parse(format!(r#"{{"config":{{"User":"{user}"}}}}"#).as_bytes());
    let inventory = merge(&[report], Some(&config.expect("readable")));
    assert_eq!(inventory.facts.runs_as_root, Some(expected));
    assert_eq!(inventory.facts.user, user);
}

#[test]
fn configuration_and_history_are_kept_as_facts() {
    let config = ImageConfig::parse(
        br#"{"os":"linux","architecture":"arm64","created":"2026-01-02T03:04:05Z",
             "config":{"ExposedPorts":{"8080/tcp":{}},"Labels":{"a":"b"}},
             "history":[{"created_by":"ADD rootfs"},{"created_by":"ENV x","empty_layer":true},{"created_by":"RUN apt"}]}"#,
    )
    .expect("readable");
    let inventory = merge(
        &[
            Tar::default().report(),
            Tar::default().file("x", "").report(),
        ],
        Some(&config),
    );
    assert_eq!(inventory.facts.platform.as_deref(), Some("linux/arm64"));
    assert_eq!(inventory.facts.exposed_ports, ["8080/tcp"]);
    assert_eq!(inventory.facts.labels["a"], "b");
    assert!(inventory.facts.created.is_some());
    let instructions: Vec<_> = inventory
        .layers
        .iter()
        .map(|layer| layer.created_by.as_deref())
        .collect();
    assert_eq!(instructions, [Some("ADD rootfs"), Some("RUN apt")]);
    assert!(inventory.layers.iter().all(|layer| layer.diff_id.is_some()));
}

#[test]
fn a_layer_that_was_left_out_keeps_its_place() {
    let inventory = merge(
        &[
            Tar::default().report(),
            inventory::LayerReport::default(),
            Tar::default().file(STATUS, dpkg(&[("a", "1")])).report(),
        ],
        None,
    );
    assert_eq!(summary(&inventory), ["a 1 @2"]);
    assert_eq!(inventory.coverage, Coverage::Partial);
    assert_eq!(inventory.layers.len(), 3);
}

#[test]
fn a_claim_about_a_layer_that_is_not_true_is_named() {
    let report = Tar::default().report();
    let content = report.diff_id.clone().expect("read to its end");
    let other = oci::Digest::sha256(b"other");
    let config = |claims: &str| {
        let text = format!(r#"{{"rootfs":{{"diff_ids":[{claims}]}}}}"#);
        ImageConfig::parse(text.as_bytes()).expect("readable")
    };
    let check = |claims: &str, expected: &[&str]| {
        let inventory = merge(std::slice::from_ref(&report), Some(&config(claims)));
        assert_eq!(codes(&inventory), expected, "{claims}");
        assert_eq!(inventory.coverage, Coverage::Complete);
    };
    check(&format!("\"{content}\""), &[]);
    check(&format!("\"{other}\""), &["layer.diff_id_mismatch"]);
    check(
        &format!("\"{content}\",\"{other}\""),
        &["layer.count_mismatch"],
    );
}

#[test]
fn a_database_cut_in_half_keeps_its_readable_part_and_makes_the_coverage_partial() {
    let whole = dpkg(&[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]);
    let inventory = merge_tars([Tar::default().file(STATUS, &whole[..whole.len() / 2 + 10])]);
    assert_eq!(summary(&inventory), ["a 1 @0", "b 2 @0"]);
    assert_eq!(inventory.coverage, Coverage::Partial);
    assert!(codes(&inventory).contains(&"dpkg.truncated"));
}

#[test]
fn damage_that_an_upper_layer_replaced_does_not_count() {
    let inventory = merge_tars([
        Tar::default().file(STATUS, "Package: a\nStatus: inst"),
        Tar::default().file(STATUS, dpkg(&[("a", "1")])),
    ]);
    assert_eq!(inventory.coverage, Coverage::Complete);
    assert!(codes(&inventory).is_empty());
}

#[test]
fn a_layer_cut_short_makes_the_coverage_partial() {
    let mut bytes = Tar::default()
        .file(STATUS, dpkg(&[("a", "1")]))
        .file("big", vec![b'x'; 10_000])
        .bytes();
    bytes.truncate(5_000);
    let report = inventory::analyse_layer(bytes.as_slice(), &image::Limits::default());
    assert!(!report.complete);
    let inventory = merge(&[report], None);
    assert_eq!(summary(&inventory), ["a 1 @0"]);
    assert_eq!(inventory.coverage, Coverage::Partial);
}

#[test]
fn directory_databases_own_files_and_disappear_package_by_package() {
    const SIX: &str = "usr/lib/python3.12/site-packages/six-1.16.0.dist-info/METADATA";
    const NPM: &str = "usr/lib64/node_modules/npm/package.json";
    let desc = |name: &str| format!("%NAME%\n{name}\n\n%VERSION%\n1-1\n\n");
    let local = |package: &str| format!("var/lib/pacman/local/{package}-1-1");
    let base = || {
        Tar::default()
            .file(&format!("{}/desc", local("python-six")), desc("python-six"))
            .file(
                &format!("{}/files", local("python-six")),
                format!("%FILES%\n{SIX}\n"),
            )
            .file(&format!("{}/desc", local("gmp")), desc("gmp"))
            .file(SIX, metadata("six", "1.16.0"))
            .file(
                "var/db/pkg/net-libs/nodejs-20.6.1-r1/CONTENTS",
                format!("obj /{NPM} 376c02bd3b22804df8fdfdc895e7dbfb 1649284374\n"),
            )
            .file("var/db/pkg/net-libs/nodejs-20.6.1-r1/SLOT", "0/20\n")
            .file("var/db/pkg/net-libs/nodejs-20.6.1-r1/LICENSE", "MIT BSD\n")
            .file(
                "var/db/pkg/net-libs/nodejs-20.6.1-r1/repository",
                "gentoo\n",
            )
            .file(NPM, package_json("npm", "9.8.1"))
    };
    let inventory = merge_tars([base()]);
    let rows: Vec<_> = inventory
        .packages
        .iter()
        .map(|p| (p.name.as_str(), p.owned_by.as_deref(), p.disowned))
        .collect();
    assert_eq!(
        rows,
        [
            ("gmp", None, None),
            ("python-six", None, None),
            ("net-libs/nodejs", None, None),
            ("six", Some("python-six"), None),
            ("npm", Some("net-libs/nodejs"), Some(Disowned::Modified)),
        ]
    );
    let nodejs = &inventory.packages[2];
    let provenance = nodejs.provenance.as_ref().expect("known");
    assert_eq!(nodejs.licenses, ["MIT BSD"]);
    assert_eq!(
        (provenance.slot.as_deref(), provenance.repository.as_deref()),
        (Some("0/20"), Some("gentoo"))
    );
    let removed = merge_tars([base(), Tar::default().whiteout(&local("python-six"))]);
    let six = removed.packages.iter().find(|p| p.name == "six");
    assert!(removed.packages.iter().all(|p| p.name != "python-six"));
    assert_eq!(six.expect("its file is there").owned_by, None);
}

#[test]
fn packages_of_other_publishers_do_not_answer_for_what_they_bring() {
    const NPM: &str = "usr/lib/node_modules/npm/package.json";
    let owner = |os_release: &str, maintainer: &str| {
        let status = format!(
            "Package: nodejs\nStatus: install ok installed\nVersion: 20\nMaintainer: {maintainer}\n\n"
        );
        let inventory = merge_tars([Tar::default()
            .file("etc/os-release", os_release)
            .file(STATUS, status)
            .file("var/lib/dpkg/info/nodejs.list", format!("/{NPM}\n"))
            .file(NPM, package_json("npm", "10.1.0"))]);
        let npm = inventory.packages.into_iter().find(|p| p.name == "npm");
        npm.expect("listed").disowned
    };
    let foreign = Some(Disowned::ThirdParty);
    assert_eq!(owner("ID=debian\n", "N <support@nodesource.com>"), foreign);
    assert_eq!(owner("ID=ubuntu\n", "N <x@pkg.nodesource.com>"), foreign);
    assert_eq!(owner("ID=debian\n", "A <a@mynodesource.com>"), None);
    assert_eq!(owner("ID=debian\n", "A <a@debian.org>"), None);
    assert_eq!(owner("ID=devuan\n", "N <support@nodesource.com>"), None);
}

#[test]
fn facts_of_red_hat_stay_whatever_a_later_layer_does() {
    let history = include_bytes!("../../src/rpm/testdata/history.sqlite");
    let inventory = merge_tars([
        Tar::default()
            .file(
                "var/lib/rpm/rpmdb.sqlite",
                include_bytes!("../../src/rpm/testdata/rpmdb.sqlite"),
            )
            .file("var/lib/dnf/history.sqlite", history)
            .file(
                "root/buildinfo/content_manifests/a.json",
                r#"{"content_sets":["baseos"],"metadata":{"image_layer_index":0}}"#,
            )
            .file("root/buildinfo/labels.json", r#"{"name":"ubi9"}"#),
        Tar::default().whiteout("root/buildinfo"),
    ]);
    let facts: Vec<_> = inventory
        .facts
        .red_hat
        .iter()
        .map(|fact| (fact.layer, fact.content_sets.join(" "), fact.labels.len()))
        .collect();
    assert_eq!(
        facts,
        [
            (Some(0), "baseos".to_owned(), 0),
            (Some(0), String::new(), 1)
        ]
    );
    let repositories: Vec<_> = inventory
        .packages
        .iter()
        .filter_map(|p| {
            Some((
                p.name.as_str(),
                p.provenance.as_ref()?.repository.as_deref()?,
            ))
        })
        .collect();
    assert_eq!(
        repositories,
        [("alpha", "appstream"), ("beta-libs", "baseos")]
    );
}

#[test]
fn a_cut_rpm_database_never_passes_as_no_packages() {
    let inventory = merge_tars([Tar::default().file(
        "var/lib/rpm/Packages.db",
        b"RpmP\0\0\0\0\x01\0\0\0\x01\0\0\0",
    )]);
    assert_eq!(codes(&inventory), ["rpm.truncated"]);
    assert_eq!(inventory.coverage, Coverage::Partial);
}

#[test]
fn a_write_ahead_log_that_is_not_read_is_named() {
    let database = include_bytes!("../../src/rpm/testdata/rpmdb.sqlite");
    let with = |log: &str| {
        merge_tars([Tar::default()
            .file("var/lib/rpm/rpmdb.sqlite", database)
            .file("var/lib/rpm/rpmdb.sqlite-wal", log)])
    };
    assert_eq!(codes(&with("frames")), ["rpm.wal_missing"]);
    assert_eq!(with("frames").coverage, Coverage::Partial);
    assert!(codes(&with("")).is_empty());
}

#[test]
fn a_directory_has_no_layers() {
    let root = tempfile::tempdir().expect("a directory");
    let database = root.path().join("var/lib/dpkg");
    std::fs::create_dir_all(&database).expect("made");
    std::io::Write::write_all(
        &mut std::fs::OpenOptions::new()
            .create_new(true)
            .write(true)
            .open(database.join("status"))
            .expect("opened"),
        dpkg(&[("a", "1")]).as_bytes(),
    )
    .expect("written");
    let report = inventory::analyse_directory(root.path(), &image::Limits::default());
    let inventory = inventory::merge_directory(&report);
    assert_eq!(summary(&inventory), ["a 1 @-"]);
    assert!(inventory.layers.is_empty());
    assert_eq!(inventory.facts.runs_as_root, None);
}
