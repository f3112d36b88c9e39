//! What clients write in addresses and tokens: what is accepted reads the same when it is written again.
#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use libfuzzer_sys::fuzz_target;
use oci::{Digest, ImageReference, Reference, RepositoryName, RepositoryPattern, Scope, Tag};

fn check<T: FromStr + Display + Debug + PartialEq>(text: &str) {
    if let Ok(read) = text.parse::<T>() {
        let again = read.to_string().parse::<T>().ok();
        assert_eq!(again.as_ref(), Some(&read), "{text:?}");
    }
}

/// Whether a pattern matches, by trying everything that a wildcard could stand for.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix('*') {
        None => match (pattern.chars().next(), name.chars().next()) {
            (None, None) => true,
            (Some(wanted), Some(found)) if wanted == found => {
                matches(&pattern[wanted.len_utf8()..], &name[found.len_utf8()..])
            }
            _ => false,
        },
        Some(rest) => {
            let (is_across, rest) = match rest.strip_prefix('*') {
                Some(rest) => (true, rest),
                None => (false, rest),
            };
            let reach = match name.find('/') {
                Some(slash) if !is_across => slash,
                _ => name.len(),
            };
            (0..=reach)
                .filter(|end| name.is_char_boundary(*end))
                .any(|end| matches(rest, &name[end..]))
        }
    }
}

/// The first line is a pattern, the second a name.
fn check_pattern(text: &str) {
    let (pattern, name) = text.split_once('\n').unwrap_or((text, text));
    if name.len() > 64 {
        return;
    }
    if let Ok(parsed) = pattern.parse::<RepositoryPattern>() {
        assert_eq!(parsed.matches(name), matches(pattern, name), "{text:?}");
    }
}

fuzz_target!(|text: &str| {
    check::<Digest>(text);
    check::<ImageReference>(text);
    check::<Reference>(text);
    check::<RepositoryName>(text);
    check::<RepositoryPattern>(text);
    check::<Scope>(text);
    check::<Tag>(text);
    check_pattern(text);
    if let Ok(reference) = text.parse::<ImageReference>() {
        let _ = reference.reference();
    }
});
