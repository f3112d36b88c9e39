//! The order of apk: `1.2.3[letter][_suffix[n]…][~hash][-rN]`.
//!
//! apk compares what it can read and lets the unreadable rest decide last, so nothing is refused: the rest becomes one
//! token, older than the end of a readable version.
//!
//! # Source
//! apk-tools `src/version.c` (version 3) and `doc/apk-package.5.scd`; the ordering of unreadable rests follows the
//! tables of osv-scalibr, which record the behaviour of the tool.

use crate::number::{Number, split_digits, split_run};

/// The tokens of one version, the last being [`Token::End`] or [`Token::Unreadable`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(Vec<Token>);

/// The declaration order is the rule: where two versions part, a pre-release suffix is oldest, then whatever ends
/// sooner, so that `1.0 < 1.0-r1 < 1.0_p1 < 1.0a < 1.0.1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Token {
    PreSuffix(PreSuffix),
    Unreadable(Box<str>),
    End,
    Revision(Number),
    Hash(Box<str>),
    SuffixNumber(Number),
    PostSuffix(PostSuffix),
    Letter(u8),
    Component(Component),
}

/// A component after the first compares as text when it starts with a zero, like the decimals of a fraction.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Component {
    Fraction(Box<str>),
    Number(Number),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum PreSuffix {
    Alpha,
    Beta,
    Pre,
    Rc,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum PostSuffix {
    Cvs,
    Svn,
    Git,
    Hg,
    Patch,
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "every order has this signature; apk happens to refuse nothing"
)]
pub(crate) fn parse(text: &str) -> Option<Key> {
    let mut tokens = Vec::new();
    let rest = components(text, &mut tokens);
    // Without a first component nothing that follows has a meaning.
    let rest = if tokens.is_empty() {
        rest
    } else {
        let rest = letter(rest, &mut tokens);
        let rest = suffixes(rest, &mut tokens);
        let rest = hash(rest, &mut tokens);
        revision(rest, &mut tokens)
    };
    tokens.push(match rest {
        "" => Token::End,
        // Malformed revisions are all alike.
        _ if rest.starts_with('-') => Token::Unreadable("".into()),
        _ => Token::Unreadable(rest.into()),
    });
    Some(Key(tokens))
}

fn components<'a>(text: &'a str, tokens: &mut Vec<Token>) -> &'a str {
    let (digits, mut rest) = split_digits(text);
    if digits.is_empty() {
        return text;
    }
    tokens.push(Token::Component(Component::Number(Number::new(digits))));
    while let Some(after_dot) = rest.strip_prefix('.') {
        let (digits, after) = split_digits(after_dot);
        tokens.push(Token::Component(match digits.as_bytes().first() {
            None => return rest,
            Some(b'0') => Component::Fraction(digits.into()),
            Some(_) => Component::Number(Number::new(digits)),
        }));
        rest = after;
    }
    rest
}

fn letter<'a>(text: &'a str, tokens: &mut Vec<Token>) -> &'a str {
    match text.as_bytes().first() {
        Some(&letter) if letter.is_ascii_lowercase() => {
            tokens.push(Token::Letter(letter));
            &text[1..]
        }
        _ => text,
    }
}

fn suffixes<'a>(mut text: &'a str, tokens: &mut Vec<Token>) -> &'a str {
    while let Some(after_underscore) = text.strip_prefix('_') {
        let (word, rest) = split_run(after_underscore, |byte| byte.is_ascii_lowercase());
        tokens.push(match word {
            "alpha" => Token::PreSuffix(PreSuffix::Alpha),
            "beta" => Token::PreSuffix(PreSuffix::Beta),
            "pre" => Token::PreSuffix(PreSuffix::Pre),
            "rc" => Token::PreSuffix(PreSuffix::Rc),
            "cvs" => Token::PostSuffix(PostSuffix::Cvs),
            "svn" => Token::PostSuffix(PostSuffix::Svn),
            "git" => Token::PostSuffix(PostSuffix::Git),
            "hg" => Token::PostSuffix(PostSuffix::Hg),
            "p" => Token::PostSuffix(PostSuffix::Patch),
            _ => return text,
        });
        let (digits, rest) = split_digits(rest);
        if !digits.is_empty() {
            tokens.push(Token::SuffixNumber(Number::new(digits)));
        }
        text = rest;
    }
    text
}

fn hash<'a>(text: &'a str, tokens: &mut Vec<Token>) -> &'a str {
    let Some(after_tilde) = text.strip_prefix('~') else {
        return text;
    };
    let (hash, rest) = split_run(
        after_tilde,
        |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
    );
    if hash.is_empty() {
        return text;
    }
    tokens.push(Token::Hash(hash.into()));
    rest
}

/// `-r` without a number is `-r0`; `-ruff` is no revision at all.
fn revision<'a>(text: &'a str, tokens: &mut Vec<Token>) -> &'a str {
    let Some(after_r) = text.strip_prefix("-r") else {
        return text;
    };
    let (digits, rest) = split_digits(after_r);
    if digits.is_empty() && !rest.is_empty() && !rest.starts_with('-') {
        return text;
    }
    tokens.push(Token::Revision(Number::new(digits)));
    rest
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::{Ecosystem::Apk, check, check_invalid};

    #[rstest]
    #[case::numbers_are_numbers("1.9 < 1.10")]
    #[case::a_leading_zero_makes_a_fraction("1.05 < 1.1")]
    #[case::fractions_compare_as_text("1.010 < 1.02")]
    #[case::the_first_component_is_always_a_number("006 > 1.0.0")]
    #[case::letters("1.2a < 1.2b")]
    #[case::a_component_is_after_a_letter("1.2a < 1.2.1")]
    #[case::pre_suffixes_are_before_the_end("1.2_rc1 < 1.2")]
    #[case::pre_suffixes_in_their_order("1_alpha < 1_beta")]
    #[case::pre_is_before_rc("1_pre9 < 1_rc1")]
    #[case::post_suffixes_are_after_the_end("1.2 < 1.2_p1")]
    #[case::post_suffixes_in_their_order("1.2_svn2 < 1.2_git1")]
    #[case::suffix_numbers("1.3_alpha < 1.3_alpha2")]
    #[case::two_suffixes("0.1.0_alpha_pre2 < 0.1.0_alpha")]
    #[case::revisions("1.0.4-r3 < 1.0.4-r10")]
    #[case::no_revision_is_before_revision_zero("1.0 < 1.0-r0")]
    #[case::a_revision_without_number_is_zero("1-r = 1-r0")]
    #[case::a_hash_is_after_the_end("1.2 < 1.2~0abc")]
    #[case::long_suffix_numbers("1_pre20191002222144123456789 < 1_pre20210530193627123456789")]
    #[case::an_unreadable_rest_is_before_the_end("1.2_blah < 1.2")]
    #[case::an_unreadable_rest_is_after_a_pre_release("1.2_rc1 < 1.2_blah")]
    #[case::unreadable_versions_compare_as_text("a < b")]
    fn orders_like_apk(#[case] row: &str) {
        check(Apk, row);
    }

    #[test]
    fn only_nothing_is_refused() {
        check_invalid(Apk, "");
    }
}
