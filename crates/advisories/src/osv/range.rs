//! Is a version inside, and what is the first version that is not?
//!
//! # Source
//! ossf/osv-schema `docs/schema.md`, "Evaluation": named in `versions`, or inside some range: walk the sorted events,
//! `introduced` ≤ v sets, `fixed` ≤ v and `last_affected` < v clear, `limit` ≤ v ends.

use std::cmp::Ordering;

use versions::{Ecosystem, InvalidVersion, Version};

use crate::record::{Affected, Event};

/// What a record says about one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is affected; `fixed` is the smallest later version that the record calls fixed and does not call affected.
    Affected { fixed: Option<String> },
    /// It is not affected.
    NotAffected,
    /// The record only lists versions, and not this one. It can affirm, it cannot deny: such lists are not kept up.
    Silent,
}

/// Judges a version by one record.
///
/// # Errors
/// [`InvalidVersion`] if a bound cannot be read in this order: nothing can be said then.
pub(crate) fn judge(affected: &Affected, version: &Version) -> Result<Verdict, InvalidVersion> {
    if !contains(affected, version)? {
        return Ok(if affected.ranges.is_empty() {
            Verdict::Silent
        } else {
            Verdict::NotAffected
        });
    }
    Ok(Verdict::Affected {
        fixed: first_fixed(affected, version)?,
    })
}

fn contains(affected: &Affected, version: &Version) -> Result<bool, InvalidVersion> {
    for range in &affected.ranges {
        if in_range(range, version)? {
            return Ok(true);
        }
    }
    let order = version.ecosystem();
    Ok(affected.versions.iter().any(|listed| {
        listed == version.as_str()
            // A listed version that its own ecosystem cannot read equals nothing but its own spelling.
            || Version::parse(order, listed).is_ok_and(|listed| listed.compare(version) == Ordering::Equal)
    }))
}

fn in_range(range: &[Event], version: &Version) -> Result<bool, InvalidVersion> {
    let order = version.ecosystem();
    let mut inside = false;
    for event in range {
        let Some(bound) = event.version() else {
            inside = true;
            continue;
        };
        let position = version.compare(&Version::parse(order, bound)?);
        match event {
            Event::FromStart => inside = true,
            Event::Introduced(_) if position.is_ge() => inside = true,
            Event::Fixed(_) if position.is_ge() => inside = false,
            Event::LastAffected(_) if position.is_gt() => inside = false,
            Event::Limit(_) if position.is_ge() => return Ok(false),
            _ => {}
        }
    }
    Ok(inside)
}

/// Finds the smallest `fixed` event after `version` at which no range of the record holds.
fn first_fixed(affected: &Affected, version: &Version) -> Result<Option<String>, InvalidVersion> {
    let order = version.ecosystem();
    let mut candidates = Vec::new();
    for event in affected.ranges.iter().flatten() {
        if let Event::Fixed(text) = event {
            let candidate = Version::parse(order, text)?;
            if candidate.compare(version).is_gt() {
                candidates.push(candidate);
            }
        }
    }
    candidates.sort_by(Version::compare);
    for candidate in &candidates {
        if !contains(affected, candidate)? {
            return Ok(Some(candidate.as_str().to_owned()));
        }
    }
    Ok(None)
}

/// Puts the events of a range in the order of their versions. At one version a fix comes before an introduction, so
/// that a record which says both is read as affected. A range with an unreadable bound keeps its order: it gives no
/// verdict anyway.
pub(super) fn sort_events(order: Ecosystem, events: &mut Vec<Event>) {
    let mut keyed = Vec::with_capacity(events.len());
    for event in events.iter() {
        let key = match event.version() {
            None => None,
            Some(text) => match Version::parse(order, text) {
                Ok(version) => Some(version),
                Err(_) => return,
            },
        };
        keyed.push((key, event.clone()));
    }
    keyed.sort_by(|(a, first), (b, second)| {
        match (a, b) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => a.compare(b),
        }
        .then_with(|| first.cmp(second))
    });
    *events = keyed.into_iter().map(|(_, event)| event).collect();
}

/// Drops listed versions that a range covers anyway. PyPA lists every release; without this a package's postings are
/// ten times larger and each match parses them all.
pub(super) fn drop_covered_versions(order: Ecosystem, affected: &mut Affected) {
    let ranges = std::mem::take(&mut affected.ranges);
    affected.versions.retain(|listed| {
        let Ok(version) = Version::parse(order, listed) else {
            return true;
        };
        !ranges
            .iter()
            .any(|range| in_range(range, &version).unwrap_or(false))
    });
    affected.ranges = ranges;
    affected.versions.sort_unstable();
    affected.versions.dedup();
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// Reads `>=1 <2 <=3 ^4`: introduced, fixed, last affected, limit; `0` alone is the beginning.
    fn range(text: &str) -> Vec<Event> {
        let mut events: Vec<Event> = text
            .split_whitespace()
            .map(|word| match word {
                "0" => Event::FromStart,
                word if word.starts_with(">=") => Event::Introduced(word[2..].into()),
                word if word.starts_with("<=") => Event::LastAffected(word[2..].into()),
                word if word.starts_with('<') => Event::Fixed(word[1..].into()),
                word if word.starts_with('^') => Event::Limit(word[1..].into()),
                other => panic!("{other}"),
            })
            .collect();
        sort_events(Ecosystem::Pep440, &mut events);
        events
    }

    #[track_caller]
    fn check(ranges: &[&str], listed: &[&str], version: &str, expected: &str) {
        let mut affected = Affected {
            ranges: ranges.iter().map(|text| range(text)).collect(),
            versions: listed.iter().map(|text| (*text).to_owned()).collect(),
        };
        let judge_it = |affected: &Affected| {
            let version = Version::parse(Ecosystem::Pep440, version).expect("valid");
            match judge(affected, &version) {
                Ok(Verdict::Affected { fixed: Some(fixed) }) => format!("fixed in {fixed}"),
                Ok(Verdict::Affected { fixed: None }) => "affected".to_owned(),
                Ok(Verdict::NotAffected) => "not affected".to_owned(),
                Ok(Verdict::Silent) => "silent".to_owned(),
                Err(error) => format!("invalid {}", error.version),
            }
        };
        assert_eq!(judge_it(&affected), expected);
        drop_covered_versions(Ecosystem::Pep440, &mut affected);
        assert_eq!(
            judge_it(&affected),
            expected,
            "after dropping covered versions"
        );
    }

    #[rstest]
    #[case("1.4", "fixed in 1.5")]
    #[case("1.5", "not affected")]
    #[case("1.5rc1", "fixed in 1.5")]
    #[case("0.1.dev1", "fixed in 1.5")]
    fn from_the_beginning_to_a_fix(#[case] version: &str, #[case] expected: &str) {
        check(&["0 <1.5"], &[], version, expected);
    }

    #[rstest]
    #[case("0.9", "not affected")]
    #[case("1.0", "affected")]
    #[case("1.2", "affected")]
    #[case("1.2.0", "affected")]
    #[case("1.3", "not affected")]
    fn the_last_affected_version_is_affected_and_no_fix(
        #[case] version: &str,
        #[case] expected: &str,
    ) {
        check(&[">=1.0 <=1.2"], &[], version, expected);
    }

    #[rstest]
    #[case("1.0", "fixed in 1.1.0")]
    #[case("1.1.0", "not affected")]
    #[case("2.0.0", "fixed in 2.3.0")]
    #[case("2.3.0", "not affected")]
    fn two_branches_have_their_own_fixes(#[case] version: &str, #[case] expected: &str) {
        check(&["0 <1.1.0", ">=2.0.0 <2.3.0"], &[], version, expected);
        check(&["0 <1.1.0 >=2.0.0 <2.3.0"], &[], version, expected);
    }

    #[test]
    fn overlapping_ranges_are_a_union_and_the_fix_leaves_all_of_them() {
        check(&["0 <1.5", "0 <2.0"], &[], "1.0", "fixed in 2.0");
        check(&["0 <1.5", ">=1.2 <=9"], &[], "1.3", "affected");
    }

    #[test]
    fn events_may_stand_in_any_order() {
        check(&["<1.5 0"], &[], "1.0", "fixed in 1.5");
        check(&["<2.3.0 >=2.0.0 <1.1.0 0"], &[], "2.1", "fixed in 2.3.0");
    }

    #[test]
    fn a_limit_ends_the_range_without_fixing() {
        check(&["0 ^2.0"], &[], "1.9", "affected");
        check(&["0 ^2.0"], &[], "2.0", "not affected");
    }

    #[test]
    fn a_listed_version_is_affected_by_value_not_by_spelling() {
        check(&[], &["1.0"], "1.0", "affected");
        check(&[], &["1.0"], "1.0.0", "affected");
        check(&[], &["1.0-alpha1"], "1.0a1", "affected");
        check(&["0 <1.0"], &["3.0"], "3.0", "affected");
    }

    #[test]
    fn a_list_without_ranges_is_silent_about_other_versions() {
        check(&[], &["1.0", "1.1"], "1.2", "silent");
        check(&["0 <1.0"], &["1.0"], "1.2", "not affected");
    }

    #[test]
    fn an_unreadable_bound_gives_no_verdict() {
        check(&["0 <not~a~version"], &[], "1.0", "invalid not~a~version");
    }

    #[test]
    fn an_unreadable_listed_version_is_passed_over() {
        check(&[], &["what?", "1.0"], "1.0", "affected");
    }
}
