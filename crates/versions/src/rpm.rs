//! The order of rpm: `[epoch:]version[-release]`.
//!
//! Nothing is refused: rpm orders any text. The name in `SOURCERPM` has no epoch although its package may have one;
//! whoever compares it takes the epoch from the other side, with the help of [`Evr`].
//!
//! # Source
//! rpm `rpmio/rpmvercmp.c` and its documentation "RPM Version Comparison": segments of digits or letters, everything
//! else separates; `~` is before the end, `^` after it but before any segment.

use crate::number::{Number, split_digits, split_run};

/// The three parts of a version text, as rpm splits them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evr<'a> {
    /// The digits before the first colon. Text before a colon that is no number belongs to the version.
    pub epoch: Option<&'a str>,
    /// The version.
    pub version: &'a str,
    /// What follows the last hyphen.
    pub release: Option<&'a str>,
}

impl<'a> Evr<'a> {
    /// Splits a text; any text splits.
    ///
    /// ```
    /// let evr = versions::rpm::Evr::split("1:2.0.5-12.fc39");
    /// assert_eq!((evr.epoch_or_zero(), evr.version, evr.release), ("1", "2.0.5", Some("12.fc39")));
    /// assert_eq!(versions::rpm::Evr::split("2.0.5").epoch_or_zero(), "0");
    /// ```
    pub fn split(text: &'a str) -> Self {
        let (epoch, rest) = match text.split_once(':') {
            Some((epoch, rest)) if split_digits(epoch).1.is_empty() => (Some(epoch), rest),
            _ => (None, text),
        };
        match rest.rsplit_once('-') {
            Some((version, release)) => Self {
                epoch,
                version,
                release: Some(release),
            },
            None => Self {
                epoch,
                version: rest,
                release: None,
            },
        }
    }

    /// The epoch; a missing or empty one is `0`.
    pub fn epoch_or_zero(&self) -> &'a str {
        self.epoch.filter(|epoch| !epoch.is_empty()).unwrap_or("0")
    }
}

/// Epoch, version, release, compared in this order. No release is before every release.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    epoch: Number,
    version: Vec<Token>,
    release: Option<Vec<Token>>,
}

/// The declaration order is the rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Token {
    Tilde,
    End,
    Caret,
    Letters(Box<str>),
    Number(Number),
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "every order has this signature; rpm happens to refuse nothing"
)]
pub(crate) fn parse(text: &str) -> Option<Key> {
    let evr = Evr::split(text);
    Some(Key {
        epoch: Number::new(evr.epoch_or_zero()),
        version: tokens(evr.version),
        release: evr.release.map(tokens),
    })
}

fn tokens(mut text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    while let Some(&first) = text.as_bytes().first() {
        text = match first {
            b'0'..=b'9' => {
                let (digits, rest) = split_digits(text);
                tokens.push(Token::Number(Number::new(digits)));
                rest
            }
            b'a'..=b'z' | b'A'..=b'Z' => {
                let (letters, rest) = split_run(text, |byte| byte.is_ascii_alphabetic());
                tokens.push(Token::Letters(letters.into()));
                rest
            }
            b'~' => {
                tokens.push(Token::Tilde);
                &text[1..]
            }
            b'^' => {
                tokens.push(Token::Caret);
                &text[1..]
            }
            _ => text
                .trim_start_matches(|c: char| !c.is_ascii_alphanumeric() && c != '~' && c != '^'),
        };
    }
    tokens.push(Token::End);
    tokens
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::Evr;
    use crate::{Ecosystem::Rpm, check, check_invalid};

    #[rstest]
    #[case::numbers_are_numbers("5.5p1 < 5.5p10")]
    #[case::leading_zeros_do_not_count("10.0001 = 10.1")]
    #[case::separators_are_alike("2_0 = 2.0")]
    #[case::letters_are_before_numbers("xyz.4 < 8")]
    #[case::a_longer_version_is_newer("6.0 < 6.0.rc1")]
    #[case::tilde_is_before_the_end("1.0~rc1 < 1.0")]
    #[case::caret_is_after_the_end("1.0 < 1.0^git1")]
    #[case::caret_is_before_a_segment("1.0^20160101 < 1.0.1")]
    #[case::tilde_within_caret("1.0^git1~pre < 1.0^git1")]
    #[case::foreign_letters_separate("1.1.α = 1.1.ββ")]
    #[case::a_missing_epoch_is_zero("0:1-1 = 1-1")]
    #[case::epochs_win("1:1-1 > 9-1")]
    #[case::epochs_are_numbers("013:5 > 004:2")]
    #[case::no_release_is_before_any("1 < 1-0")]
    #[case::dist_tags("3.10.0-229.1.2.ael7b < 3.10.0-229.1.2.el7")]
    #[case::a_colon_after_text_is_no_epoch("1.m+e2:1 < 4.m+e1:1")]
    fn orders_like_rpm(#[case] row: &str) {
        check(Rpm, row);
    }

    #[test]
    fn only_nothing_is_refused() {
        check_invalid(Rpm, "");
    }

    #[test]
    fn a_missing_part_is_visible_as_missing() {
        let evr = Evr::split("2.0.5");
        assert_eq!((evr.epoch, evr.release), (None, None));
        assert_eq!(Evr::split(":1-").epoch_or_zero(), "0");
        assert_eq!(Evr::split(":1-").release, Some(""));
    }
}
