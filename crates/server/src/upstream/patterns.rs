//! Lists of patterns that say what may be fetched: globs over names on the upstream, and over tags.
//!
//! `*` is anything but `/`, `**` anything, `?` one character but `/`. A pattern matches the whole text.

/// Most patterns in one list.
pub(crate) const MAX_PATTERNS: usize = 100;
/// Longest pattern, in bytes.
const MAX_LENGTH: usize = 256;

/// Whether a text may be a pattern.
pub(crate) fn is_pattern(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_LENGTH && !text.chars().any(char::is_control)
}

/// Whether something that matches `allow` (or anything, where that is empty) and nothing of `deny` is meant.
pub(crate) fn admits(allow: &[String], deny: &[String], text: &str) -> bool {
    let has_match = |list: &[String]| list.iter().any(|pattern| matches(pattern, text));
    (allow.is_empty() || has_match(allow)) && !has_match(deny)
}

/// Whether the whole text matches. The work is bounded by pattern × text.
fn matches(pattern: &str, text: &str) -> bool {
    // The positions in the pattern that the text read so far can have reached.
    let pattern: Vec<char> = pattern.chars().collect();
    let mut reached = vec![false; pattern.len() + 1];
    reached[0] = true;
    skip_stars(&pattern, &mut reached);
    for c in text.chars() {
        let mut next = vec![false; pattern.len() + 1];
        for at in (0..pattern.len()).filter(|at| reached[*at]) {
            match pattern[at] {
                '*' => {
                    let is_double = pattern.get(at + 1) == Some(&'*')
                        || at
                            .checked_sub(1)
                            .is_some_and(|before| pattern[before] == '*');
                    next[at] |= is_double || c != '/';
                }
                '?' => next[at + 1] |= c != '/',
                literal => next[at + 1] |= literal == c,
            }
        }
        skip_stars(&pattern, &mut next);
        reached = next;
    }
    reached[pattern.len()]
}

/// A star may stand for nothing.
fn skip_stars(pattern: &[char], reached: &mut [bool]) {
    for at in 0..pattern.len() {
        if reached[at] && pattern[at] == '*' {
            reached[at + 1] = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("v1", "v1", true)]
    #[case("v1", "v10", false)]
    #[case("v*", "v1.2", true)]
    #[case("v*", "dev1", false)]
    #[case("*", "", true)]
    #[case("library/*", "library/alpine", true)]
    #[case("library/*", "evil-library/alpine", false)]
    #[case("library/*", "library/a/b", false)]
    #[case("library/**", "library/a/b", true)]
    #[case("**/alpine", "a/b/alpine", true)]
    #[case("v?.*", "v1.2", true)]
    #[case("v?", "v10", false)]
    #[case("a.c", "abc", false)]
    fn a_pattern_matches_the_whole_text(
        #[case] pattern: &str,
        #[case] text: &str,
        #[case] expected: bool,
    ) {
        assert_eq!(matches(pattern, text), expected);
    }

    #[rstest]
    #[case(&[], &[], "a", true)]
    #[case(&["a*"], &[], "b", false)]
    #[case(&["a*"], &["ab"], "ab", false)]
    #[case(&[], &["ab"], "a", true)]
    fn what_is_denied_is_not_admitted(
        #[case] allow: &[&str],
        #[case] deny: &[&str],
        #[case] text: &str,
        #[case] expected: bool,
    ) {
        let owned = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        assert_eq!(admits(&owned(allow), &owned(deny), text), expected);
    }
}
