//! CVSS vectors, against the published lists of scores and errors.

use std::collections::BTreeMap;

/// Rows `vector score # note` of the corpus.
fn score_rows(name: &str) -> Vec<(String, f64)> {
    let text =
        fs_err::read_to_string(corpus::path(&format!("versions/cvss/{name}"))).expect("readable");
    text.lines()
        .map(|line| line.split('#').next().unwrap_or_default())
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((
                words.next()?.to_owned(),
                words.next()?.parse().expect("a score"),
            ))
        })
        .collect()
}

/// Returns the base part of a vector of version 2 or 3. Version 4 has one score for all its groups.
fn base_part(vector: &str) -> String {
    const BASE: [&str; 10] = ["AV", "AC", "Au", "PR", "UI", "S", "C", "I", "A", "CVSS"];
    let parts: Vec<&str> = vector
        .split('/')
        .filter(|part| BASE.contains(&part.split(':').next().unwrap_or_default()))
        .collect();
    parts.join("/")
}

#[test]
fn vectors_have_their_published_base_scores() {
    let mut compared = BTreeMap::<&str, u64>::new();
    for name in [
        "v2_score.list",
        "v30_score.list",
        "v31_score.list",
        "v4_score.list",
    ] {
        for (vector, expected) in score_rows(name) {
            let score = |vector: &str| {
                let scored = advisories::cvss::score(vector);
                scored
                    .unwrap_or_else(|error| panic!("{name}: {error}"))
                    .score
            };
            let observed = score(&vector);
            let base = base_part(&vector);
            if name.starts_with("v4") || base == vector {
                assert!(
                    (observed - expected).abs() < 0.05,
                    "{name}: {vector} is {expected}, not {observed}"
                );
                *compared.entry(name).or_default() += 1;
            } else {
                // The list has the temporal or environmental score here; a finding shows the base score.
                assert!((observed - score(&base)).abs() < 1e-9, "{name}: {vector}");
            }
        }
    }
    assert!(
        compared.values().all(|rows| *rows >= 3) && compared.len() == 4,
        "{compared:?}"
    );
}

/// Vectors that the lists refuse and the parser takes: incomplete optional groups, and metrics in another order. Their
/// base score is not in doubt, so nothing is gained by losing them.
const TAKEN: [&str; 4] = [
    "CVSS:4.0/AV:N/AC:L/AT:N/PR:H/UI:N/VC:L/VI:L/VA:N/SC:N/SI:N/E:A/SA:N",
    "AV:A/AC:L/Au:N/C:C/I:C/A:C/CDP:H/TD:H/CR:H",
    "AV:A/AC:L/Au:N/C:C/I:C/A:C/E:F",
    "AV:A/AC:L/Au:N/A:C/I:C/C:C",
];

#[test]
fn broken_vectors_are_refused() {
    use advisories::cvss::CvssVersion::{V2, V30, V31, V40};
    let lists = [
        ("v2_error.list", &[V2][..]),
        ("v3_error.list", &[V30, V31]),
        ("v4_error.list", &[V40]),
    ];
    for (name, versions) in lists {
        let text = fs_err::read_to_string(corpus::path(&format!("versions/cvss/{name}")))
            .expect("readable");
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let (vector, note) = line.split_once('#').unwrap_or((line, ""));
            let outcome = advisories::cvss::score(vector);
            // A list is for the parser of one version: a whole vector of another is an error there.
            let is_taken = outcome
                .as_ref()
                .is_ok_and(|scored| versions.contains(&scored.version));
            let expected = note.trim() == "OK" || TAKEN.contains(&vector.trim());
            assert_eq!(is_taken, expected, "{name}: {line}: {outcome:?}");
        }
    }
}
