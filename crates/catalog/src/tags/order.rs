//! Names as versions: `v1.9` before `v1.10`, `1.0-rc1` before `1.0`.
//!
//! The order is a text that both engines compare byte by byte, so a page of tags in version order is one walk along an
//! index. Not a judgement about any ecosystem's versions: that is the crate `versions`.

use std::fmt::Write as _;

use oci::Tag;

/// Stands for `-`: what follows a hyphen is before the release itself. Lower than [`END`].
const HYPHEN: char = '!';
/// Ends every key. Lower than every character of a tag.
const END: char = '"';

/// Returns the text by which a tag is ordered among versions.
///
/// Numbers are written with the count of their digits in front, so that more digits are more; letters lose their case.
pub(crate) fn sort_key(tag: &Tag) -> String {
    let mut key = String::with_capacity(tag.as_str().len() + 8);
    let mut rest = tag.as_str();
    while let Some(c) = rest.chars().next() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits > 0 {
            let number = rest[..digits].trim_start_matches('0');
            let _ = write!(key, "{:03}{number}", number.len());
            rest = &rest[digits..];
            continue;
        }
        key.push(if c == '-' {
            HYPHEN
        } else {
            c.to_ascii_lowercase()
        });
        rest = &rest[c.len_utf8()..];
    }
    key.push(END);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ascending: &[&str]) {
        let keys: Vec<String> = ascending
            .iter()
            .map(|tag| sort_key(&tag.parse().expect("a tag")))
            .collect();
        for (pair, names) in keys.windows(2).zip(ascending.windows(2)) {
            assert!(pair[0] < pair[1], "{names:?} {pair:?}");
        }
    }

    #[test]
    fn numbers_count_and_pre_releases_come_first() {
        check(&["1.2", "1.10", "2.0", "10.0"]);
        check(&["v1.0-rc1", "v1.0-rc2", "v1.0", "v1.0.1", "v1.1"]);
        check(&["1", "1.0", "9", "latest", "LATEST2"]);
        check(&["20240101", "20241231"]);
    }

    #[test]
    fn leading_zeros_and_case_make_no_difference() {
        let key = |tag: &str| sort_key(&tag.parse().expect("a tag"));
        assert_eq!(key("V01"), key("v1"));
        assert_eq!(key("0"), key("00"));
        assert!(key(&"9".repeat(128)) > key("1"));
    }
}
