//! Packages of languages in a whole image: what came inside what, and what nobody installed.

use evidence::{Evidence, Inventory, PackageType};

use crate::layer::{Tar, dpkg, merge_tars, metadata, package_json};

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

/// `name owner why it does not answer`, of the Python packages.
fn ownership(inventory: &Inventory) -> Vec<String> {
    let python = |package: &&evidence::Package| package.kind == PackageType::PyPi;
    let row = |package: &evidence::Package| {
        format!(
            "{} {:?} {:?}",
            package.name, package.owned_by, package.disowned
        )
    };
    inventory.packages.iter().filter(python).map(row).collect()
}

#[test]
fn conda_owns_what_it_installed_and_answers_for_nothing() {
    let place = "lib/python3.11/site-packages/requests-2.31.0.dist-info/METADATA";
    let conda = |digest: &str| {
        format!(
            r#"{{"name":"requests","version":"2.31.0","build":"py_0","subdir":"noarch","channel":"https://conda.anaconda.org/conda-forge/noarch",
            "paths_data":{{"paths":[{{"_path":"{place}","sha256":"{digest}"}}]}}}}"#
        )
    };
    let image = |digest: &str| {
        merge_tars([
            Tar::default().symlink("opt/conda", "conda-24").file(
                "opt/conda-24/conda-meta/requests-2.31.0.json",
                conda(digest),
            ),
            Tar::default().file(
                &format!("opt/conda/{place}"),
                metadata("requests", "2.31.0"),
            ),
        ])
    };
    let recorded = oci::Digest::sha256(metadata("requests", "2.31.0").as_bytes());
    let inventory = image(recorded.hex());
    assert_eq!(
        ownership(&inventory),
        [r#"requests Some("requests") Some(ThirdParty)"#]
    );
    let conda = &inventory.packages[1];
    assert_eq!(
        evidence::purl(conda, None),
        "pkg:conda/requests@2.31.0?build=py_0&channel=conda-forge&subdir=noarch"
    );
    let overwritten = image(&"ab".repeat(32));
    assert_eq!(
        ownership(&overwritten),
        [r#"requests Some("requests") Some(Modified)"#]
    );
}

#[test]
fn the_distribution_s_package_owns_before_conda() {
    let place = "usr/lib/python3/six-1.16.0.dist-info/METADATA";
    let inventory = merge_tars([Tar::default()
        .file("var/lib/dpkg/status", dpkg(&[("python3-six", "1.16.0-4")]))
        .file("var/lib/dpkg/info/python3-six.list", format!("/{place}\n"))
        .file("usr/conda-meta/six.json", r#"{"name":"six","version":"1.16.0","files":["lib/python3/six-1.16.0.dist-info/METADATA"]}"#)
        .file(place, metadata("six", "1.16.0"))]);
    assert_eq!(ownership(&inventory), [r#"six Some("python3-six") None"#]);
}

#[test]
fn a_package_that_no_index_delivered_says_where_it_came_from() {
    let inventory = merge_tars([
        Tar::default()
            .file("s/a-1.dist-info/METADATA", metadata("a", "1"))
            .file(
                "s/a-1.dist-info/direct_url.json",
                r#"{"url":"file:///srv/a","dir_info":{"editable":true}}"#,
            ),
        Tar::default().file("s/b-1.dist-info/METADATA", metadata("b", "1")),
    ]);
    let origins: Vec<_> = inventory
        .packages
        .iter()
        .map(|package| {
            package
                .provenance
                .as_ref()
                .and_then(|known| known.origin.as_deref())
        })
        .collect();
    assert_eq!(origins, [Some("file:///srv/a"), None]);
}
