//! Anchored patterns: `*` within one path component, `**` across components, everything else literally.
//!
//! Anchored on both ends, so `payments/*` never matches `evil-payments/api`. Matching is linear in pattern × text and
//! never backtracks exponentially, because both are foreign.

/// One compiled pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(char),
    /// `*`: any characters but `/`.
    Component,
    /// `**`: any characters.
    Across,
}

impl Glob {
    pub(crate) fn new(pattern: &str) -> Self {
        let mut pieces = Vec::new();
        let mut chars = pattern.chars().peekable();
        while let Some(c) = chars.next() {
            if c != '*' {
                pieces.push(Piece::Literal(c));
            } else if chars.next_if_eq(&'*').is_some() {
                while chars.next_if_eq(&'*').is_some() {}
                pieces.push(Piece::Across);
            } else {
                pieces.push(Piece::Component);
            }
        }
        Self { pieces }
    }

    /// Returns whether the whole of `text` matches.
    pub(crate) fn matches(&self, text: &str) -> bool {
        // The set of pattern positions that can be reached after each character.
        let mut reachable = vec![false; self.pieces.len() + 1];
        reachable[0] = true;
        self.skip_wildcards(&mut reachable);
        for c in text.chars() {
            let mut next = vec![false; reachable.len()];
            for (position, piece) in self.pieces.iter().enumerate() {
                if !reachable[position] {
                    continue;
                }
                match piece {
                    Piece::Literal(literal) if *literal == c => next[position + 1] = true,
                    Piece::Component if c != '/' => next[position] = true,
                    Piece::Across => next[position] = true,
                    Piece::Literal(_) | Piece::Component => {}
                }
            }
            self.skip_wildcards(&mut next);
            reachable = next;
        }
        reachable[self.pieces.len()]
    }

    /// A wildcard also matches nothing.
    fn skip_wildcards(&self, reachable: &mut [bool]) {
        for (position, piece) in self.pieces.iter().enumerate() {
            if reachable[position] && !matches!(piece, Piece::Literal(_)) {
                reachable[position + 1] = true;
            }
        }
    }
}

/// A list of patterns with `!` exclusions: some positive pattern matches (or there is none), and no exclusion does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct GlobList {
    include: Vec<Glob>,
    exclude: Vec<Glob>,
}

impl GlobList {
    pub(crate) fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Self {
        let mut list = Self::default();
        for pattern in patterns {
            match pattern.strip_prefix('!') {
                Some(excluded) => list.exclude.push(Glob::new(excluded)),
                None => list.include.push(Glob::new(pattern)),
            }
        }
        list
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        let included =
            self.include.is_empty() || self.include.iter().any(|glob| glob.matches(text));
        included && !self.exclude.iter().any(|glob| glob.matches(text))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("*", "api", true)]
    #[case("*", "payments/api", false)]
    #[case("**", "payments/api", true)]
    #[case("payments/*", "payments/api", true)]
    #[case("payments/*", "payments/a/b", false)]
    #[case("payments/**", "payments/a/b", true)]
    #[case("payments/*", "evil-payments/api", false)]
    #[case("payments", "payments-2", false)]
    #[case("v*", "v1.2", true)]
    #[case("v*", "dev1", false)]
    #[case("*-rc*", "v1-rc2", true)]
    #[case("a.c", "abc", false)]
    #[case("", "", true)]
    #[case("", "a", false)]
    #[case("**/api", "payments/api", true)]
    #[case("**/api", "api", false)]
    fn patterns_are_anchored_and_stop_at_components(
        #[case] pattern: &str,
        #[case] text: &str,
        #[case] matches: bool,
    ) {
        assert_eq!(Glob::new(pattern).matches(text), matches);
    }

    #[rstest]
    #[case(&["*", "!sandbox-*"], "api", true)]
    #[case(&["*", "!sandbox-*"], "sandbox-1", false)]
    #[case(&["!sandbox-*"], "api", true)]
    #[case(&["!sandbox-*", "*"], "sandbox-1", false)]
    #[case(&["a", "b"], "b", true)]
    #[case(&["a", "b"], "c", false)]
    fn exclusions_win_in_any_order(
        #[case] patterns: &[&str],
        #[case] text: &str,
        #[case] matches: bool,
    ) {
        assert_eq!(
            GlobList::new(patterns.iter().copied()).matches(text),
            matches
        );
    }

    #[test]
    fn many_stars_stay_linear() {
        let pattern = "*a".repeat(200);
        assert!(!Glob::new(&pattern).matches(&"a".repeat(199)));
    }
}
