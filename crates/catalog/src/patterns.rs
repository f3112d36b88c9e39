//! Patterns for names, tags and label values: a glob, or a regular expression after `regex:`.
//!
//! Both are anchored on both ends: `v1` never matches `v10`, and `payments/*` never matches `evil-payments/api`. Globs
//! know `*` (anything but `/`), `**` (anything) and `?` (one character but `/`). Matching is linear in pattern × text,
//! because both are foreign.

use std::fmt;
use std::str::FromStr;

use regex::{Regex, RegexBuilder};

/// Longest pattern, in bytes.
const MAX_LENGTH: usize = 256;
/// Largest compiled pattern, in bytes.
const MAX_COMPILED: usize = 256 << 10;
const REGEX: &str = "regex:";

/// A compiled pattern; it is shown and stored as it was written.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    compiled: Regex,
}

/// The text is not a pattern.
#[derive(Debug, thiserror::Error)]
pub enum PatternError {
    /// Nothing, or too much.
    #[error("a pattern has 1 to {MAX_LENGTH} characters, none of them a control character")]
    Length,
    /// The regular expression does not parse, or is too large.
    #[error("`{0}` is not a usable regular expression")]
    Regex(String),
}

impl Pattern {
    /// Returns whether the whole of `text` matches.
    pub fn matches(&self, text: &str) -> bool {
        self.compiled.is_match(text)
    }

    /// Returns the pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_too_long = text.len() > MAX_LENGTH;
        if text.is_empty() || is_too_long || text.chars().any(char::is_control) {
            return Err(PatternError::Length);
        }
        let expression = match text.strip_prefix(REGEX) {
            Some(expression) => {
                // Alone first: `a)|(b` must not climb out of the group that anchors it.
                compile(expression).ok_or_else(|| PatternError::Regex(text.to_owned()))?;
                format!("^(?:{expression})$")
            }
            None => glob(text),
        };
        let compiled = compile(&expression).ok_or_else(|| PatternError::Regex(text.to_owned()))?;
        Ok(Self {
            text: text.to_owned(),
            compiled,
        })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn compile(expression: &str) -> Option<Regex> {
    RegexBuilder::new(expression)
        .size_limit(MAX_COMPILED)
        .build()
        .ok()
}

/// Writes a glob as an anchored expression.
fn glob(pattern: &str) -> String {
    let mut expression = String::from("^(?s:");
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.next_if_eq(&'*').is_some() => {
                while chars.next_if_eq(&'*').is_some() {}
                expression.push_str(".*");
            }
            '*' => expression.push_str("[^/]*"),
            '?' => expression.push_str("[^/]"),
            literal => expression.push_str(&regex::escape(literal.encode_utf8(&mut [0; 4]))),
        }
    }
    expression.push_str(")$");
    expression
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, text: &str, matches: bool) {
        let compiled: Pattern = pattern.parse().expect("a pattern");
        assert_eq!(compiled.matches(text), matches, "{pattern} {text}");
    }

    #[test]
    fn every_pattern_is_anchored_on_both_ends() {
        check("v1", "v1", true);
        check("v1", "v10", false);
        check("v*", "v1.2", true);
        check("v*", "dev1", false);
        check("a.c", "abc", false);
        check("v?", "v1", true);
        check("v?", "v10", false);
        check("payments/*", "evil-payments/api", false);
        check("payments/*", "payments/a/b", false);
        check("payments/**", "payments/a/b", true);
        check("regex:v[0-9]+", "v10", true);
        check("regex:v[0-9]+", "v10-rc1", false);
        check("regex:v[0-9]+", "dev10", false);
        check("regex:a|b", "b", true);
        check("regex:a|b", "ab", false);
        check("regex:v1$|latest", "latest-2", false);
        check("v1", "v1\n", false);
        check("regex:v1", "v1\n", false);
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        let long = "a".repeat(MAX_LENGTH + 1);
        for text in [
            "",
            "a\nb",
            "regex:(",
            "regex:a)|(b",
            "regex:(?x)v1 # the comment would swallow the anchor",
            "regex:(a{1000}){1000}",
            &long,
        ] {
            assert!(text.parse::<Pattern>().is_err(), "{text}");
        }
    }
}
