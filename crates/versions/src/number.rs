//! Natural numbers of any length.
//!
//! Versions carry dates, build counters and sometimes thirty digits of noise. A number is kept as its digits without
//! leading zeros, so that a longer one is larger and equal lengths compare as text: exact, without overflow, without
//! arithmetic.

use std::cmp::Ordering;

/// A natural number; no digits at all is zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Number(Box<str>);

impl Number {
    /// Takes ASCII digits.
    pub(crate) fn new(digits: &str) -> Self {
        debug_assert!(
            digits.bytes().all(|byte| byte.is_ascii_digit()),
            "only digits make a number"
        );
        Self(digits.trim_start_matches('0').into())
    }

    pub(crate) fn zero() -> Self {
        Self(Box::default())
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.0.is_empty()
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0
            .len()
            .cmp(&other.0.len())
            .then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Splits the longest run of leading bytes that satisfy `wanted` from the rest. `wanted` accepts ASCII only, so the
/// split is always at a character boundary.
pub(crate) fn split_run(text: &str, wanted: impl Fn(u8) -> bool) -> (&str, &str) {
    let end = text
        .bytes()
        .position(|byte| !byte.is_ascii() || !wanted(byte))
        .unwrap_or(text.len());
    text.split_at(end)
}

/// Splits the leading digits from the rest.
pub(crate) fn split_digits(text: &str) -> (&str, &str) {
    split_run(text, |byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_by_value_at_any_length() {
        let long = "9".repeat(400);
        assert!(Number::new("9") < Number::new("10"));
        assert!(Number::new(&long) < Number::new(&format!("1{}", "0".repeat(400))));
        assert_eq!(Number::new("007"), Number::new("7"));
        assert_eq!(Number::new("000"), Number::zero());
    }
}
