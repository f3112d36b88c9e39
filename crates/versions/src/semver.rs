//! Semantic versions as npm and OSV read them.
//!
//! Stricter texts than the world contains would lose findings, so reading is lenient where the meaning is plain: a
//! leading `v` or `=`, missing minor and patch (zero), a pre-release without its hyphen (`1.2.3beta`), numeric
//! identifiers with leading zeros. Build metadata never orders, and a fourth component is read as such. Wildcards and
//! tags (`1.x`, `latest`) name no version and are refused.
//!
//! # Source
//! semver.org 2.0.0, clauses 9 to 11; node-semver's loose grammar; OSV schema, "`SEMVER`" ranges.

use crate::number::{Number, split_digits};

/// The three numbers, then the stage.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    numbers: [Number; 3],
    stage: Stage,
}

/// The declaration order is the rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    PreRelease(Vec<Identifier>),
    Release,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Identifier {
    Number(Number),
    Text(Box<str>),
}

pub(crate) fn parse(text: &str) -> Option<Key> {
    let text = text.strip_prefix('=').unwrap_or(text);
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let (digits, mut rest) = split_digits(text);
    if digits.is_empty() {
        return None;
    }
    let mut numbers = [Number::new(digits), Number::zero(), Number::zero()];
    let mut complete = true;
    for number in &mut numbers[1..] {
        let Some(after_dot) = rest.strip_prefix('.') else {
            complete = false;
            break;
        };
        let (digits, after) = split_digits(after_dot);
        if digits.is_empty() {
            return None;
        }
        *number = Number::new(digits);
        rest = after;
    }
    if !rest
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+'))
    {
        return None;
    }
    let stage = match rest.as_bytes().first() {
        Some(b'.') if split_digits(&rest[1..]).0.is_empty() => return None,
        None | Some(b'+' | b'.') => Stage::Release,
        Some(b'-') => pre_release(&rest[1..])?,
        Some(_) if complete => pre_release(rest)?,
        Some(_) => return None,
    };
    Some(Key { numbers, stage })
}

fn pre_release(text: &str) -> Option<Stage> {
    let (identifiers, _build) = text.split_once('+').unwrap_or((text, ""));
    identifiers
        .split('.')
        .map(identifier)
        .collect::<Option<Vec<_>>>()
        .map(Stage::PreRelease)
}

fn identifier(text: &str) -> Option<Identifier> {
    match split_digits(text) {
        ("", "") => None,
        (digits, "") => Some(Identifier::Number(Number::new(digits))),
        _ => Some(Identifier::Text(text.into())),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::{Ecosystem::Semver, check, check_invalid};

    #[rstest]
    #[case::numbers_are_numbers("1.9.0 < 1.10.0")]
    #[case::a_pre_release_is_before_its_release("1.0.0-rc.1 < 1.0.0")]
    #[case::more_identifiers_are_newer("1.0.0-alpha < 1.0.0-alpha.1")]
    #[case::numeric_identifiers_are_before_text("1.0.0-alpha.1 < 1.0.0-alpha.beta")]
    #[case::numeric_identifiers_are_numbers("1.0.0-beta.2 < 1.0.0-beta.11")]
    #[case::mixed_identifiers_are_text("1.2.3-r100 < 1.2.3-r2")]
    #[case::case_counts("1.2.3-R2 < 1.2.3-r100")]
    #[case::hyphens_belong_to_identifiers("1.2.3-5 < 1.2.3-5-foo")]
    #[case::build_metadata_does_not_order("1.2.3+1 = 1.2.3+2")]
    #[case::build_metadata_after_a_pre_release("1.2.3-beta+a = 1.2.3-beta+b")]
    #[case::a_leading_v("v1.2.3 = 1.2.3")]
    #[case::a_leading_equals_sign("=v1.2.3 = 1.2.3")]
    #[case::missing_components_are_zero("1.2 = 1.2.0")]
    #[case::a_pre_release_of_a_partial_version("1-rc.1 < 1.0.0")]
    #[case::a_pre_release_without_hyphen("1.2.3beta = 1.2.3-beta")]
    #[case::a_fourth_component_is_build_metadata("1.1.3.4 = 1.1.3")]
    #[case::go_incompatible("v2.0.0+incompatible = 2.0.0")]
    #[case::go_pseudo_versions(
        "v0.0.0-20190101000000-abcdef012345 < v0.0.0-20200101000000-000000000000"
    )]
    #[case::long_numbers("999999999999999999999999999991 < 999999999999999999999999999999")]
    fn orders_like_npm_and_osv(#[case] row: &str) {
        check(Semver, row);
    }

    #[rstest]
    #[case::empty("")]
    #[case::a_tag("latest")]
    #[case::a_wildcard("1.x")]
    #[case::a_star("*")]
    #[case::an_empty_identifier("1.2.3-a..b")]
    #[case::an_empty_pre_release("1.2.3-")]
    #[case::foreign_letters("1.2.3-α")]
    #[case::a_trailing_dot("1.2.")]
    #[case::a_range("1.2.3||1.2.4")]
    fn refuses_what_names_no_version(#[case] text: &str) {
        check_invalid(Semver, text);
    }
}
