//! Where the name of a package ends and its version begins.
//!
//! A name may have hyphens and digits (`gtk+-2`, `font-misc-misc-1.1.3`), but never ends in a hyphen and a version: the
//! first hyphen before a whole version is the place.
//!
//! # Source
//! The Package Manager Specification, sections 3.1.2 and 3.2.

/// Splits `name-version` or `name-version-rN`.
pub(super) fn split(package: &str) -> Option<(&str, &str)> {
    package
        .match_indices('-')
        .map(|(at, _)| (&package[..at], &package[at + 1..]))
        .find(|(name, version)| !name.is_empty() && is_version(version))
}

/// Digits with dots between, one letter, suffixes (`_rc1`), a revision.
fn is_version(text: &str) -> bool {
    let (version, revision) = match text.split_once("-r") {
        Some((version, revision)) => (version, Some(revision)),
        None => (text, None),
    };
    let mut parts = version.split('_');
    let number = parts.next().unwrap_or_default();
    let number = number
        .strip_suffix(|letter: char| letter.is_ascii_lowercase())
        .unwrap_or(number);
    number.split('.').all(is_number) && parts.all(is_suffix) && revision.is_none_or(is_number)
}

fn is_suffix(text: &str) -> bool {
    ["alpha", "beta", "pre", "rc", "p"].iter().any(|word| {
        text.strip_prefix(word)
            .is_some_and(|rest| rest.is_empty() || is_number(rest))
    })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("skopeo-1.5.1", Some(("skopeo", "1.5.1")))]
    #[case("six-1.16.0-r1", Some(("six", "1.16.0-r1")))]
    #[case("Getopt-Long-2.580.0", Some(("Getopt-Long", "2.580.0")))]
    #[case("gtk+-2.24.33-r3", Some(("gtk+", "2.24.33-r3")))]
    #[case("ncurses-6.4_p20230424", Some(("ncurses", "6.4_p20230424")))]
    #[case("openssl-1.1.1w", Some(("openssl", "1.1.1w")))]
    #[case("linux-6.1_rc3_p2-r10", Some(("linux", "6.1_rc3_p2-r10")))]
    #[case("7zip-23.01", Some(("7zip", "23.01")))]
    #[case("live-9999", Some(("live", "9999")))]
    #[case("2.580.0", None)]
    #[case("Getopt-Long", None)]
    #[case("name-1.", None)]
    #[case("-1", None)]
    #[case("", None)]
    fn a_version_is_split_from_its_name(
        #[case] package: &str,
        #[case] expected: Option<(&str, &str)>,
    ) {
        assert_eq!(split(package), expected);
    }
}
