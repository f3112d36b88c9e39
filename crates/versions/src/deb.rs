//! The order of dpkg: `[epoch:]upstream[-revision]`.
//!
//! Reading is as lax as dpkg's own: characters that policy forbids are ordered, not refused, because they occur in
//! installed databases. Refused is what dpkg cannot split: an epoch that is no number, nothing after the epoch.
//!
//! # Source
//! deb-version(7), "Sorting algorithm"; Debian Policy 5.6.12.

use crate::number::{Number, split_digits};

/// Epoch, upstream version, revision, compared in this order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    epoch: Number,
    upstream: Vec<Token>,
    revision: Vec<Token>,
}

/// Text and numbers alternate, text first. The declaration order is the rule: a tilde is before the end of a text, the
/// end before letters, letters before everything else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Token {
    Tilde,
    TextEnd,
    Letter(u8),
    Other(u8),
    Number(Number),
}

pub(crate) fn parse(text: &str) -> Option<Key> {
    let (epoch, rest) = match text.split_once(':') {
        Some((epoch, _)) if epoch.is_empty() || !split_digits(epoch).1.is_empty() => return None,
        Some((epoch, rest)) => (Number::new(epoch), rest),
        None => (Number::zero(), text),
    };
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    if upstream.is_empty() {
        return None;
    }
    Some(Key {
        epoch,
        upstream: tokens(upstream),
        revision: tokens(revision),
    })
}

/// An empty text reads as `0`, so a missing revision equals `-0`.
fn tokens(mut text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    loop {
        let start_of_number = text
            .bytes()
            .position(|byte| byte.is_ascii_digit())
            .unwrap_or(text.len());
        let (words, rest) = text.split_at(start_of_number);
        tokens.extend(words.bytes().map(|byte| match byte {
            b'~' => Token::Tilde,
            _ if byte.is_ascii_alphabetic() => Token::Letter(byte),
            _ => Token::Other(byte),
        }));
        tokens.push(Token::TextEnd);
        let (digits, rest) = split_digits(rest);
        tokens.push(Token::Number(Number::new(digits)));
        if rest.is_empty() {
            // Where this version ends, a longer one begins a text: a tilde there is older, anything else newer.
            tokens.push(Token::TextEnd);
            return tokens;
        }
        text = rest;
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::{Ecosystem::Deb, check, check_invalid};

    #[rstest]
    #[case::tilde_is_before_the_end("1.0~rc1 < 1.0")]
    #[case::two_tildes_are_before_one("1.0~~ < 1.0~")]
    #[case::a_tilde_in_the_revision("1.2.3-1~deb7u1 < 1.2.3-1")]
    #[case::letters_are_before_other_characters("1.0a < 1.0+")]
    #[case::the_end_is_before_letters("1.0 < 1.0a")]
    #[case::numbers_are_numbers("0.9.0 < 0.10.0")]
    #[case::leading_zeros_do_not_count("1.07-1 = 1.7-1")]
    #[case::a_missing_epoch_is_zero("0:1.0 = 1.0")]
    #[case::epochs_win("1:0.1 > 9.9")]
    #[case::a_missing_revision_is_zero("1.0 = 1.0-0")]
    #[case::only_the_last_hyphen_starts_the_revision("1.0-2-1 < 1.0-10-1")]
    #[case::security_updates("2.36-9+deb12u3 < 2.36-9+deb12u10")]
    #[case::binary_rebuilds("1.0-1 < 1.0-1+b1")]
    #[case::backports("2.1-1~bpo12+1 < 2.1-1")]
    #[case::a_trailing_dot_is_a_zero("1. = 1.0")]
    #[case::forbidden_characters_are_ordered("1.0_1 < 1.0_2")]
    #[case::long_numbers("20251124000000000000000001 < 20251124000000000000000002")]
    fn orders_like_dpkg(#[case] row: &str) {
        check(Deb, row);
    }

    #[rstest]
    #[case::empty("")]
    #[case::only_an_epoch("1:")]
    #[case::only_a_revision("-1")]
    #[case::no_number_before_the_colon("a:1.0")]
    #[case::nothing_before_the_colon(":1.0")]
    #[case::a_space_inside("1.0 beta")]
    fn refuses_what_dpkg_cannot_split(#[case] text: &str) {
        check_invalid(Deb, text);
    }
}
