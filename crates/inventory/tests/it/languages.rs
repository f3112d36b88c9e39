//! Packages of languages in a whole image: what came inside what, and what nobody installed.

use evidence::{Evidence, Inventory};

use crate::layer::{Tar, merge_tars, metadata, package_json};

/// `name version evidence`, one package each.
fn evidence(inventory: &Inventory) -> Vec<String> {
    let row = |package: &evidence::Package| {
        format!(
            "{} {} {:?}",
            package.name, package.version, package.evidence
        )
    };
    inventory.packages.iter().map(row).collect()
}

#[test]
fn what_a_wheel_recorded_as_its_own_came_inside_it() {
    let site = "usr/lib/python3/site-packages";
    let image = |record: &str| {
        merge_tars([
            Tar::default().symlink("lib", "usr/lib"),
            Tar::default()
                .file(
                    &format!("{site}/a-1.dist-info/METADATA"),
                    metadata("a", "1"),
                )
                .file("lib/python3/site-packages/a-1.dist-info/RECORD", record)
                .file(
                    &format!("{site}/a/ext/b-2.dist-info/METADATA"),
                    metadata("b", "2"),
                )
                .file(
                    &format!("{site}/a/js/node_modules/c/package.json"),
                    package_json("c", "3"),
                ),
        ])
    };
    let record = "a-1.dist-info/METADATA,,\na/ext/b-2.dist-info/METADATA,,\na/js/node_modules/c/package.json,,\n";
    assert_eq!(
        evidence(&image(record)),
        ["a 1 InstalledMetadata", "b 2 Embedded", "c 3 Embedded"]
    );
    assert_eq!(
        evidence(&image("")),
        [
            "a 1 InstalledMetadata",
            "b 2 InstalledMetadata",
            "c 3 InstalledMetadata"
        ]
    );
}

#[test]
fn a_record_that_is_gone_bundles_nothing() {
    let inventory = merge_tars([
        Tar::default()
            .file("s/a-1.dist-info/RECORD", "a/b-2.dist-info/METADATA,,\n")
            .file("s/a/b-2.dist-info/METADATA", metadata("b", "2")),
        Tar::default().whiteout("s/a-1.dist-info"),
    ]);
    assert_eq!(evidence(&inventory), ["b 2 InstalledMetadata"]);
}

#[test]
fn a_wheel_lying_around_and_a_lock_file_are_declared() {
    let inventory = merge_tars([Tar::default()
        .file("usr/share/python-wheels/pip-24.0-py3-none-any.whl", "zip")
        .file("srv/requirements.txt", "flask==3.0.0\n")
        .file("srv/yarn.lock", "ms@^2:\n  version \"2.1.3\"\n")
        .file("opt/eggs/six-1.16.0-py3.11.egg", "zip")]);
    let declared = inventory
        .packages
        .iter()
        .filter(|package| package.evidence == Evidence::Declared);
    assert_eq!(declared.count(), 3);
    assert_eq!(
        evidence(&inventory),
        [
            "flask 3.0.0 Declared",
            "pip 24.0 Declared",
            "six 1.16.0 InstalledMetadata",
            "ms 2.1.3 Declared"
        ]
    );
}
