//! Every row of the public ordering tables, for the orders that `versions` has.
//!
//! Adding a table: one line in the test of its order.

use std::cmp::Ordering;

use versions::{Ecosystem, Version, compare, rpm::Evr};

/// Rows that upstream records and we refuse: words without a number name no version (PEP 440 knows none of them), and
/// ordering them below every release would report them as affected by everything.
const REFUSED: [&str; 5] = [
    "-class.-jw.util.version.Version- < 1.0.dev1",
    "trunk < 3.2.3",
    "-class.-jw.util.version.version-pre < 1.0",
    "-class.-jw.util.version.version-preview < 1.0",
    "-class.-jw.util.version.version-dev < 1.0",
];

struct Row {
    left: String,
    expected: Ordering,
    right: String,
    text: String,
}

#[test]
fn debian_tables_hold() {
    check_table(Ecosystem::Deb, "osv-scalibr/debian-versions.txt", 30);
    check_table(
        Ecosystem::Deb,
        "osv-scalibr/debian-versions-generated.txt",
        14_442,
    );
    check_univers(
        Ecosystem::Deb,
        "univers/schema/deb_version_python_pkg_test.json",
        16,
    );
}

#[test]
fn alpine_tables_hold() {
    check_table(Ecosystem::Apk, "osv-scalibr/alpine-versions.txt", 778);
    check_table(
        Ecosystem::Apk,
        "osv-scalibr/alpine-versions-generated.txt",
        13_979,
    );
    check_univers(
        Ecosystem::Apk,
        "univers/schema/alpine_version_cmp.json",
        716,
    );
}

#[test]
fn python_tables_hold() {
    check_table(Ecosystem::Pep440, "osv-scalibr/pypi-versions.txt", 37);
    check_table(
        Ecosystem::Pep440,
        "osv-scalibr/pypi-versions-generated.txt",
        12_375,
    );
}

#[test]
fn semver_tables_hold() {
    check_table(Ecosystem::Semver, "osv-scalibr/semver-versions.txt", 86);
}

#[test]
fn rpm_tables_hold() {
    check_table(Ecosystem::Rpm, "osv-scalibr/redhat-versions.txt", 165);
    check_table(Ecosystem::Rpm, "claircore/rpm-rpmvercmp", 113);
}

#[test]
fn rpm_package_names_compare_part_by_part() {
    let rows = rows("claircore/rpm-compare");
    assert_eq!(rows.len(), 12);
    for row in rows {
        let (left, right) = (nevra(&row.left), nevra(&row.right));
        let order = left
            .name
            .cmp(&right.name)
            .then_with(|| left.evr.compare(&right.evr))
            .then(left.arch.cmp(&right.arch));
        assert_eq!(order, row.expected, "{}", row.text);
    }
}

#[test]
fn rpm_package_names_split_into_their_parts() {
    let text = fs_err::read_to_string(corpus::path("versions/claircore/rpm-parse"))
        .expect("the table is readable");
    let lines: Vec<_> = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    assert_eq!(lines.len(), 4);
    for line in lines {
        let fields: Vec<_> = line
            .split_whitespace()
            .map(|field| field.trim_matches('\''))
            .collect();
        let [input, name, epoch, version, release, arch] = fields[..] else {
            panic!("`{line}` has not six fields")
        };
        let nevra = nevra(input);
        let evr = Evr::split(nevra.evr.as_str());
        assert_eq!(
            (
                nevra.name.as_deref().unwrap_or(""),
                nevra.arch.as_deref().unwrap_or("")
            ),
            (name, arch),
            "{line}"
        );
        assert_eq!(
            (evr.epoch.unwrap_or(""), evr.version, evr.release),
            (epoch, version, Some(release)),
            "{line}"
        );
    }
}

#[track_caller]
fn check_table(ecosystem: Ecosystem, file: &str, expected_rows: usize) {
    check_rows(ecosystem, file, &rows(file), expected_rows);
}

#[track_caller]
fn check_rows(ecosystem: Ecosystem, file: &str, rows: &[Row], expected_rows: usize) {
    assert_eq!(
        rows.len(),
        expected_rows,
        "{file} has another number of rows"
    );
    let mut wrong = Vec::new();
    for row in rows {
        let there = compare(ecosystem, &row.left, &row.right);
        let back = compare(ecosystem, &row.right, &row.left);
        let holds = if REFUSED.contains(&row.text.as_str()) {
            there.is_err() && back.is_err()
        } else {
            there == Ok(row.expected) && back == Ok(row.expected.reverse())
        };
        if !holds {
            wrong.push(format!("{}: {there:?}", row.text));
        }
    }
    assert!(
        wrong.is_empty(),
        "{file}: {} of {} rows are wrong:\n{}",
        wrong.len(),
        rows.len(),
        wrong.join("\n")
    );
}

/// Lines `a < b`; comments and empty lines are not rows.
fn rows(file: &str) -> Vec<Row> {
    let text = fs_err::read_to_string(corpus::path(&format!("versions/{file}")))
        .expect("the table is readable");
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#') && !line.starts_with("//"))
        .map(|line| {
            let [left, sign, right] = line.split_whitespace().collect::<Vec<_>>()[..] else {
                panic!("`{line}` of {file} is no row");
            };
            let expected = match sign {
                "<" => Ordering::Less,
                "=" | "==" => Ordering::Equal,
                ">" => Ordering::Greater,
                _ => panic!("`{sign}` in {file} is no sign"),
            };
            Row {
                left: left.to_owned(),
                expected,
                right: right.to_owned(),
                text: line.to_owned(),
            }
        })
        .collect()
}

/// The JSON tables: versions and either their sorted order or whether the two are equal.
#[track_caller]
fn check_univers(ecosystem: Ecosystem, file: &str, expected_rows: usize) {
    let text = fs_err::read_to_string(corpus::path(&format!("versions/{file}")))
        .expect("the table is readable");
    let tests: Vec<UniversTest> =
        serde_json::from_str(&text).expect("the table has the known shape");
    assert_eq!(
        tests.len(),
        expected_rows,
        "{file} has another number of rows"
    );
    let mut wrong = Vec::new();
    for test in tests {
        let mut versions: Vec<Version> = test
            .input
            .versions
            .iter()
            .map(|version| {
                Version::parse(ecosystem, version).expect("the table holds versions only")
            })
            .collect();
        let holds = match &test.expected_output {
            UniversOutput::Equal(equal) => versions[0].compare(&versions[1]).is_eq() == *equal,
            UniversOutput::Sorted(sorted) => {
                versions.sort_by(Version::compare);
                versions
                    .iter()
                    .map(Version::as_str)
                    .eq(sorted.iter().map(String::as_str))
            }
        };
        if !holds {
            wrong.push(format!("{:?}", test.input.versions));
        }
    }
    assert!(
        wrong.is_empty(),
        "{file}: {} rows are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[derive(serde::Deserialize)]
struct UniversTest {
    input: UniversInput,
    expected_output: UniversOutput,
}

#[derive(serde::Deserialize)]
struct UniversInput {
    versions: Vec<String>,
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum UniversOutput {
    Equal(bool),
    Sorted(Vec<String>),
}

struct Nevra {
    name: Option<String>,
    evr: Version,
    arch: Option<String>,
}

/// Splits `[name-]EVR[.arch]` as the tables write it. Only architectures that occur in them are known.
fn nevra(text: &str) -> Nevra {
    let (rest, arch) = match text.rsplit_once('.') {
        Some((rest, arch)) if ["noarch", "aarch64", "riscv"].contains(&arch) => {
            (rest, Some(arch.to_owned()))
        }
        _ => (text, None),
    };
    let before_release = rest.rfind('-').expect("every row has a release");
    let (name, evr) = match rest[..before_release].rfind('-') {
        // `1-1-a` is a version, a hyphen and a word in the table's own notation: the name sorts before nothing.
        Some(at) => (Some(rest[..at].to_owned()), &rest[at + 1..]),
        None => (None, rest),
    };
    Nevra {
        name,
        evr: Version::parse(Ecosystem::Rpm, evr).expect("rpm orders any text"),
        arch,
    }
}
