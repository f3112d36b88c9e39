//! Properties that hold for every order and every text.

use std::cmp::Ordering;

use proptest::prelude::*;
use versions::Ecosystem::{Apk, Deb, Pep440, Rpm, Semver};
use versions::{Ecosystem, InvalidVersion, Version, compare};

/// Texts close to real ones: few distinct pieces, so that many pairs are equal up to their end.
fn near_real(ecosystem: Ecosystem) -> &'static str {
    match ecosystem {
        Deb => {
            "([0-2]:)?[0-2]{1,2}([.+~a]{0,2}[0-2]{0,2}){0,3}(-[0-1]([~+.]{0,2}[ab1]{0,2}){0,2})?"
        }
        Rpm => {
            "([0-2]:)?[0-2a]{1,2}([.~^_aα]{0,2}[0-2]{0,2}){0,3}(-[0-1]([~^.]{0,2}[ab1]{0,2}){0,2})?"
        }
        Apk => {
            "[0-2]{1,2}(\\.[0-2]{0,2}){0,3}[abA]?(_(alpha|rc|p|git|x)[0-2]?){0,2}(~[ab]{1,2})?(-r?[0-2]?){0,2}"
        }
        Pep440 => {
            "v?([0-1]!)?[0-2](\\.[0-2]){0,2}([-_.]?(a|b|rc|pre|final|x)[-_.]?[0-1]?)?(-[0-2]|[-_.]?(post|r)[0-2]?)?([-_.]?dev[0-1]?)?(\\+[a1]([.-][a1]){0,2})?"
        }
        Semver => "[v=]?[0-2](\\.[0-2]{1,2}){0,3}(-[a1]{1,2}(\\.[a1-]{1,2}){0,2})?(\\+[ab])?",
    }
}

fn ecosystem() -> impl Strategy<Value = Ecosystem> {
    prop::sample::select(vec![Deb, Rpm, Apk, Pep440, Semver])
}

/// Three versions of one ecosystem; texts that it refuses are left out.
fn three_versions() -> impl Strategy<Value = (Version, Version, Version)> {
    ecosystem().prop_flat_map(|ecosystem| {
        let one = || {
            near_real(ecosystem).prop_filter_map("the ecosystem refuses the text", move |text| {
                Version::parse(ecosystem, &text).ok()
            })
        };
        (one(), one(), one())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn an_order_is_total_antisymmetric_and_transitive((a, b, c) in three_versions()) {
        prop_assert_eq!(a.compare(&a), Ordering::Equal);
        prop_assert_eq!(a.compare(&b), b.compare(&a).reverse());
        let mut sorted = [&a, &b, &c];
        sorted.sort_by(|left, right| left.compare(right));
        let [low, middle, high] = sorted;
        prop_assert_ne!(low.compare(middle), Ordering::Greater);
        prop_assert_ne!(middle.compare(high), Ordering::Greater);
        let expected = low.compare(middle).then(middle.compare(high));
        prop_assert_eq!(low.compare(high), expected, "{} {} {}", low.as_str(), middle.as_str(), high.as_str());
    }

    #[test]
    fn any_text_is_read_or_refused(ecosystem in ecosystem(), left in any::<String>(), right in "\\PC{0,40}") {
        for text in [&left, &right] {
            match Version::parse(ecosystem, text) {
                Ok(version) => {
                    prop_assert_eq!(version.compare(&version.clone()), Ordering::Equal);
                    prop_assert_eq!(version.as_str(), text.trim());
                    prop_assert_eq!(version.ecosystem(), ecosystem);
                }
                Err(error) => prop_assert_eq!(error, InvalidVersion { ecosystem, version: text.as_str().into() }),
            }
        }
    }

    #[test]
    fn numbers_of_any_length_compare_by_value(ecosystem in ecosystem(), zeros in 0usize..600) {
        let smaller = format!("1.9{}", "9".repeat(zeros));
        let larger = format!("1.10{}", "0".repeat(zeros));
        prop_assert_eq!(compare(ecosystem, &smaller, &larger), Ok(Ordering::Less));
    }
}

#[test]
fn a_megabyte_of_version_is_only_long() {
    for piece in ["1.", "a", "~", "-", "_rc", "^", "+", "1a", ".dev"] {
        let text = format!("1{}", piece.repeat(1_000_000 / piece.len()));
        for ecosystem in [Deb, Rpm, Apk, Pep440, Semver] {
            if let Ok(version) = Version::parse(ecosystem, &text) {
                assert_eq!(version.compare(&version.clone()), Ordering::Equal);
            }
        }
    }
}

#[test]
fn space_around_a_version_is_ignored_and_space_inside_refused() {
    for ecosystem in [Deb, Rpm, Apk, Pep440, Semver] {
        assert_eq!(compare(ecosystem, " 1.0\n", "1.0"), Ok(Ordering::Equal));
        for text in ["", " ", "1 0", "1\n0", "1\u{0}", "1\u{a0}0"] {
            let error = Version::parse(ecosystem, text).expect_err("must be refused");
            assert_eq!(error.version.as_ref(), text);
        }
    }
}

#[test]
#[should_panic(expected = "Deb and Rpm versions have no common order")]
fn versions_of_two_ecosystems_never_compare_quietly() {
    let deb = Version::parse(Deb, "1.0").expect("a Debian version");
    let rpm = Version::parse(Rpm, "1.0").expect("an rpm version");
    let _ = deb.compare(&rpm);
}

#[test]
fn an_invalid_version_is_named_in_the_error() {
    let error = compare(Semver, "1.0.0", "latest").expect_err("`latest` is a tag");
    assert_eq!(error.to_string(), "`latest` is not a Semver version");
}
