//! The order of Python packages: PEP 440, and below it the versions from before PEP 440.
//!
//! A text that PEP 440 does not describe but that carries a number (`0.7.10p1`, `4.11-final`) is a legacy version: it
//! was really published, and every tool that ever ordered it put it below all others. Words without a number
//! (`unknown`, `trunk`) name no version and are refused, so that they never look old enough to be affected.
//!
//! # Source
//! PEP 440, "Public version identifiers", "Local version identifiers" and appendix B; the legacy order is that of
//! `packaging` before version 22, with numbers of any length.

use crate::number::{Number, split_digits, split_run};

/// The declaration order is the rule: legacy is before PEP 440.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Legacy(Vec<LegacyPart>),
    Pep440(Release),
}

/// Compared field by field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Release {
    epoch: Number,
    /// Without trailing zeros: `1.0` is `1`.
    numbers: Vec<Number>,
    pre: Pre,
    post: Option<Number>,
    dev: Dev,
    local: Option<Vec<LocalPart>>,
}

/// A development release of nothing else (`1.0.dev1`) is before its first pre-release.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Pre {
    DevelopmentOnly,
    Phase(Phase, Number),
    Final,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Alpha,
    Beta,
    Candidate,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Dev {
    Number(Number),
    None,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum LocalPart {
    Text(Box<str>),
    Number(Number),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LegacyPart {
    Word(Box<str>),
    Number(Number),
}

/// The spellings of each phase, longer ones first where one begins another.
const PHASES: [(&str, Phase); 8] = [
    ("alpha", Phase::Alpha),
    ("a", Phase::Alpha),
    ("beta", Phase::Beta),
    ("b", Phase::Beta),
    ("preview", Phase::Candidate),
    ("pre", Phase::Candidate),
    ("rc", Phase::Candidate),
    ("c", Phase::Candidate),
];
const POST: [(&str, ()); 3] = [("post", ()), ("rev", ()), ("r", ())];
const DEV: [(&str, ()); 1] = [("dev", ())];
const SEPARATORS: [char; 3] = ['-', '_', '.'];

pub(crate) fn parse(text: &str) -> Option<Key> {
    let text = text.to_ascii_lowercase();
    match release(&text) {
        Some(release) => Some(Key::Pep440(release)),
        None if text.bytes().any(|byte| byte.is_ascii_digit()) => {
            Some(Key::Legacy(legacy_parts(&text)))
        }
        None => None,
    }
}

fn release(text: &str) -> Option<Release> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (epoch, text) = match text.split_once('!') {
        Some((epoch, rest)) if !epoch.is_empty() && split_digits(epoch).1.is_empty() => {
            (Number::new(epoch), rest)
        }
        Some(_) => return None,
        None => (Number::zero(), text),
    };
    let (numbers, rest) = release_numbers(text)?;
    let (phase, rest) = labelled(rest, &PHASES);
    let (post, rest) = implicit_post(rest).unwrap_or_else(|| {
        let (post, rest) = labelled(rest, &POST);
        (post.map(|((), number)| number), rest)
    });
    let (dev, rest) = labelled(rest, &DEV);
    let local = match rest.strip_prefix('+') {
        Some(local) => Some(local_parts(local)?),
        None if rest.is_empty() => None,
        None => return None,
    };
    let pre = match phase {
        Some((phase, number)) => Pre::Phase(phase, number),
        None if post.is_none() && dev.is_some() => Pre::DevelopmentOnly,
        None => Pre::Final,
    };
    let dev = dev.map_or(Dev::None, |((), number)| Dev::Number(number));
    Some(Release {
        epoch,
        numbers,
        pre,
        post,
        dev,
        local,
    })
}

fn release_numbers(text: &str) -> Option<(Vec<Number>, &str)> {
    let (digits, mut rest) = split_digits(text);
    if digits.is_empty() {
        return None;
    }
    let mut numbers = vec![Number::new(digits)];
    while let Some(after_dot) = rest.strip_prefix('.') {
        let (digits, after) = split_digits(after_dot);
        if digits.is_empty() {
            break;
        }
        numbers.push(Number::new(digits));
        rest = after;
    }
    while numbers.last().is_some_and(Number::is_zero) {
        numbers.pop();
    }
    Some((numbers, rest))
}

/// Reads `[separator]label[separator][number]`; a missing number is zero. Without a label the text is untouched.
fn labelled<'a, L: Copy>(text: &'a str, labels: &[(&str, L)]) -> (Option<(L, Number)>, &'a str) {
    let start = text.strip_prefix(SEPARATORS).unwrap_or(text);
    let found = labels
        .iter()
        .find_map(|(spelling, label)| Some((*label, start.strip_prefix(spelling)?)));
    let Some((label, rest)) = found else {
        return (None, text);
    };
    // The separator after the label is the label's own unless the next label needs it.
    let after_separator = rest.strip_prefix(SEPARATORS).unwrap_or(rest);
    let next_is_a_label = after_separator.starts_with(|c: char| c.is_ascii_lowercase());
    let (digits, rest) = split_digits(if next_is_a_label {
        rest
    } else {
        after_separator
    });
    (Some((label, Number::new(digits))), rest)
}

/// `1.0-1` is `1.0.post1`.
fn implicit_post(text: &str) -> Option<(Option<Number>, &str)> {
    let (digits, rest) = split_digits(text.strip_prefix('-')?);
    (!digits.is_empty()).then(|| (Some(Number::new(digits)), rest))
}

fn local_parts(text: &str) -> Option<Vec<LocalPart>> {
    text.split(SEPARATORS)
        .map(|part| match split_digits(part) {
            ("", "") => None,
            (digits, "") => Some(LocalPart::Number(Number::new(digits))),
            _ if part.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                Some(LocalPart::Text(part.into()))
            }
            _ => None,
        })
        .collect()
}

/// Numbers are after words, `final` closes every version, and a word before `final` takes back the hyphens and zeros
/// in front of it.
fn legacy_parts(mut text: &str) -> Vec<LegacyPart> {
    let mut parts = Vec::new();
    while let Some(&first) = text.as_bytes().first() {
        let (part, rest) = match first {
            b'0'..=b'9' => split_digits(text),
            b'a'..=b'z' => split_run(text, |byte| byte.is_ascii_lowercase()),
            b'.' | b'-' => text.split_at(1),
            _ => {
                let known =
                    |c: char| c.is_ascii_digit() || c.is_ascii_lowercase() || c == '.' || c == '-';
                text.split_at(text.find(known).unwrap_or(text.len()))
            }
        };
        text = rest;
        match (first, part) {
            (b'.', _) => {}
            (b'0'..=b'9', digits) => parts.push(LegacyPart::Number(Number::new(digits))),
            (_, "pre" | "preview" | "rc") => push_word(&mut parts, "c"),
            (_, "dev") => push_word(&mut parts, "@"),
            (_, "-") => push_word(&mut parts, "final-"),
            (_, word) => push_word(&mut parts, word),
        }
    }
    push_word(&mut parts, "final");
    parts
}

fn push_word(parts: &mut Vec<LegacyPart>, word: &str) {
    if word < "final" {
        while matches!(parts.last(), Some(LegacyPart::Word(last)) if &**last == "final-") {
            parts.pop();
        }
        while matches!(parts.last(), Some(LegacyPart::Number(last)) if last.is_zero()) {
            parts.pop();
        }
    }
    parts.push(LegacyPart::Word(word.into()));
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::{Ecosystem::Pep440, check, check_invalid};

    #[rstest]
    #[case::numbers_are_numbers("1.9 < 1.10")]
    #[case::trailing_zeros_do_not_count("1.0 = 1.0.0")]
    #[case::a_leading_v("v1.0 = 1.0")]
    #[case::epochs_win("1!0.1 > 2025.1")]
    #[case::development_is_first("1.0.dev0 < 1.0a0")]
    #[case::alpha_before_beta("1.0a9 < 1.0b1")]
    #[case::beta_before_candidate("1.0b9 < 1.0rc1")]
    #[case::candidate_before_final("1.0rc9 < 1.0")]
    #[case::final_before_post("1.0 < 1.0.post0")]
    #[case::development_of_a_post_release("1.0 < 1.0.post1.dev1")]
    #[case::development_of_a_pre_release("1.2a3.dev4 < 1.2a3")]
    #[case::spellings_of_a_candidate("1.0-preview_1 = 1.0c1")]
    #[case::spellings_of_alpha("1.0ALPHA = 1.0a0")]
    #[case::spellings_of_post("1.0-r4 = 1.0.post4")]
    #[case::rev_is_post("1.0.rev2 = 1.0.post2")]
    #[case::implicit_post("1.0-1 = 1.0.post1")]
    #[case::a_label_without_number_before_another("1.0a.dev1 = 1.0a0.dev1")]
    #[case::a_separator_without_number("1.0a. = 1.0a0")]
    #[case::local_is_after_public("1.0 < 1.0+local")]
    #[case::local_words_are_before_numbers("1.0+a < 1.0+1")]
    #[case::local_separators_are_alike("1.0+ubuntu-1 = 1.0+ubuntu.1")]
    #[case::longer_local_is_newer("1.0+local.0 < 1.0+local.0.1")]
    #[case::long_numbers("1.20251124000000000000001 < 1.20251124000000000000002")]
    #[case::legacy_is_before_everything("9.0-charmander < 0.1.dev0")]
    #[case::legacy_words("0.1-bulbasaur < 0.1-charmander")]
    #[case::legacy_patches("0.7.10p1 < 0.7.11p1")]
    #[case::legacy_final("4.11-final < 5.0-final")]
    fn orders_like_pep_440(#[case] row: &str) {
        check(Pep440, row);
    }

    #[rstest]
    #[case::empty("")]
    #[case::a_word("unknown")]
    #[case::a_branch("trunk")]
    #[case::a_star("*")]
    fn refuses_words_without_a_number(#[case] text: &str) {
        check_invalid(Pep440, text);
    }
}
