//! Patterns of repository names: `acme/*`, `acme/web-*`, `acme/**`.
//!
//! A pattern always matches the whole name. `*` stands for any characters inside one component, `**` for any characters
//! at all; each may stand for nothing. One pattern uses one of the two, never both: this keeps it expressible as a
//! `LIKE` and a number of slashes, so that a database can match it in the same way on every engine.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::RepositoryName;

/// The longest pattern, in bytes.
const MAX_LEN: usize = 255;
/// Wildcards in one pattern. Matching takes time that grows with a power of their number.
const MAX_WILDCARDS: usize = 4;

/// Why a text is not a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// The pattern is empty or longer than 255 bytes.
    #[error("a pattern has 1 to 255 characters")]
    Length,
    /// Something that no repository name can contain.
    #[error(
        "a pattern is made of lower-case letters, digits, `.`, `_`, `-`, `/` and the wildcards `*` or `**`"
    )]
    Character,
    /// A component is empty: no name matches.
    #[error("a pattern has no empty component, so no `//` and no `/` at an end")]
    Component,
    /// Both wildcards, or too many.
    #[error("a pattern has at most 4 wildcards, all `*` or all `**`")]
    Wildcards,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Wildcard {
    /// The pattern has none.
    None,
    /// `*`
    Component,
    /// `**`
    Across,
}

/// A pattern that matches whole repository names.
///
/// ```
/// # use oci::RepositoryPattern;
/// let pattern: RepositoryPattern = "acme/web-*".parse()?;
/// assert!(pattern.matches("acme/web-shop"));
/// assert!(!pattern.matches("acme/web-shop/db") && !pattern.matches("evil/acme/web-shop"));
/// # Ok::<(), oci::PatternError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryPattern(Box<str>);

impl RepositoryPattern {
    /// Returns the pattern as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether this is a plain name, that is, without a wildcard.
    pub fn is_name(&self) -> bool {
        !self.0.contains('*')
    }

    /// Returns the first component if it is plain text: all that matches lies in the namespace of this name.
    pub fn namespace(&self) -> Option<&str> {
        let first = self.0.split('/').next().unwrap_or_default();
        (!first.contains('*')).then_some(first)
    }

    /// Returns the pattern for SQL's `LIKE` with the escape character `!`.
    pub fn like(&self) -> String {
        let mut like = String::with_capacity(self.0.len() + 8);
        let mut last = ' ';
        for c in self.0.chars() {
            match c {
                '*' if last == '*' => {}
                '*' => like.push('%'),
                '_' | '%' | '!' => {
                    like.push('!');
                    like.push(c);
                }
                _ => like.push(c),
            }
            last = c;
        }
        like
    }

    /// Returns how many slashes a name must have to match besides matching [`Self::like`]; `None` where it does not
    /// matter.
    ///
    /// With as many slashes as the pattern, every one is taken by a slash of the pattern, and no `*` can hold one.
    pub fn slashes(&self) -> Option<usize> {
        (wildcard(&self.0) != Ok(Wildcard::Across)).then(|| self.0.matches('/').count())
    }

    /// Returns whether a whole name matches.
    pub fn matches(&self, name: &str) -> bool {
        let slashes = name.matches('/').count();
        if self.slashes().is_some_and(|wanted| wanted != slashes) {
            return false;
        }
        matches_pieces(&self.0, name)
    }

    /// Returns whether a repository's name matches.
    pub fn covers(&self, name: &RepositoryName) -> bool {
        self.matches(name.as_str())
    }
}

/// Matches text between wildcards, each at its earliest place, as `%` does.
fn matches_pieces(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*').filter(|piece| !piece.is_empty());
    let (starts_open, ends_open) = (pattern.starts_with('*'), pattern.ends_with('*'));
    if !pattern.contains('*') {
        return pattern == name;
    }
    let mut rest = name;
    if !starts_open {
        let Some(after) = pieces.next().and_then(|first| rest.strip_prefix(first)) else {
            return false;
        };
        rest = after;
    }
    let last = if ends_open { None } else { pieces.next_back() };
    if let Some(last) = last {
        let Some(before) = rest.strip_suffix(last) else {
            return false;
        };
        rest = before;
    }
    for piece in pieces {
        let Some(at) = rest.find(piece) else {
            return false;
        };
        rest = &rest[at + piece.len()..];
    }
    true
}

fn wildcard(text: &str) -> Result<Wildcard, PatternError> {
    let mut found = Wildcard::None;
    let mut count = 0;
    let mut rest = text;
    while let Some(at) = rest.find('*') {
        let stars = rest[at..].bytes().take_while(|b| *b == b'*').count();
        let this = match stars {
            1 => Wildcard::Component,
            2 => Wildcard::Across,
            _ => return Err(PatternError::Wildcards),
        };
        count += 1;
        if count > MAX_WILDCARDS || found != Wildcard::None && found != this {
            return Err(PatternError::Wildcards);
        }
        found = this;
        rest = &rest[at + stars..];
    }
    Ok(found)
}

impl FromStr for RepositoryPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() || text.len() > MAX_LEN {
            return Err(PatternError::Length);
        }
        let is_legal = |b: u8| {
            b.is_ascii_lowercase()
                || b.is_ascii_digit()
                || matches!(b, b'.' | b'_' | b'-' | b'/' | b'*')
        };
        if !text.bytes().all(is_legal) {
            return Err(PatternError::Character);
        }
        if text.split('/').any(str::is_empty) {
            return Err(PatternError::Component);
        }
        wildcard(text)?;
        Ok(Self(text.into()))
    }
}

impl fmt::Display for RepositoryPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RepositoryPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for RepositoryPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RepositoryPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("acme/*", "acme/web", true)]
    #[case("acme/*", "acme/web/db", false)]
    #[case("acme/*", "acme", false)]
    #[case("acme/*", "evil-acme/web", false)]
    #[case("acme/*", "x/acme/web", false)]
    #[case("acme/**", "acme/web/db", true)]
    #[case("acme/**", "acme-evil/web", false)]
    #[case("acme/web-**", "acme/web-shop/db", true)]
    #[case("acme/web-*", "acme/web-", true)]
    #[case("acme/*/db", "acme/web/db", true)]
    #[case("acme/*/db", "acme/web/x/db", false)]
    #[case("acme/*/db", "acme/web/dbs", false)]
    #[case("*/db", "acme/db", true)]
    #[case("*/db", "acme/web/db", false)]
    #[case("**", "anything/at/all", true)]
    #[case("**/db", "a/b/db", true)]
    #[case("**/db", "db", false)]
    #[case("acme/web", "acme/web", true)]
    #[case("acme/web", "acme/web2", false)]
    #[case("a*a", "a", false)]
    #[case("a*a", "aa", true)]
    #[case("a_b", "axb", false)]
    fn a_pattern_matches_whole_names(
        #[case] pattern: &str,
        #[case] name: &str,
        #[case] matches: bool,
    ) {
        let pattern: RepositoryPattern = pattern.parse().expect("a pattern");
        assert_eq!(pattern.matches(name), matches);
    }

    #[rstest]
    #[case("", PatternError::Length)]
    #[case("Acme/*", PatternError::Character)]
    #[case("acme/%", PatternError::Character)]
    #[case("acme/\0", PatternError::Character)]
    #[case("acme/[ab]", PatternError::Character)]
    #[case("acme//x", PatternError::Component)]
    #[case("/acme", PatternError::Component)]
    #[case("acme/", PatternError::Component)]
    #[case("acme/***", PatternError::Wildcards)]
    #[case("acme/*/**", PatternError::Wildcards)]
    #[case("*-*-*-*-*", PatternError::Wildcards)]
    fn what_is_no_pattern_is_refused(#[case] text: &str, #[case] error: PatternError) {
        assert_eq!(text.parse::<RepositoryPattern>(), Err(error));
    }

    #[rstest]
    #[case("acme/web_*", "acme/web!_%", Some(1), Some("acme"))]
    #[case("acme/**", "acme/%", None, Some("acme"))]
    #[case("*/db", "%/db", Some(1), None)]
    #[case("acme/web", "acme/web", Some(1), Some("acme"))]
    fn a_pattern_is_written_for_a_database(
        #[case] pattern: &str,
        #[case] like: &str,
        #[case] slashes: Option<usize>,
        #[case] namespace: Option<&str>,
    ) {
        let pattern: RepositoryPattern = pattern.parse().expect("a pattern");
        assert_eq!(pattern.like(), like);
        assert_eq!(pattern.slashes(), slashes);
        assert_eq!(pattern.namespace(), namespace);
    }

    /// The definition, slowly: try every length for every wildcard.
    fn by_definition(pattern: &[u8], name: &[u8]) -> bool {
        match pattern {
            [] => name.is_empty(),
            [b'*', b'*', rest @ ..] => (0..=name.len()).any(|n| by_definition(rest, &name[n..])),
            [b'*', rest @ ..] => (0..=name.len())
                .take_while(|n| !name[..*n].contains(&b'/'))
                .any(|n| by_definition(rest, &name[n..])),
            [c, rest @ ..] => name.first() == Some(c) && by_definition(rest, &name[1..]),
        }
    }

    proptest::proptest! {
        #[test]
        fn matching_is_what_the_definition_says(pattern in "[ab/*]{1,9}", name in "[ab]{1,3}(/[ab]{1,3}){0,3}") {
            if let Ok(parsed) = pattern.parse::<RepositoryPattern>() {
                proptest::prop_assert_eq!(parsed.matches(&name), by_definition(pattern.as_bytes(), name.as_bytes()));
            }
        }
    }
}
