//! The label by which an image says how long its tags live: `tidegate.expires-after=2w`.

use std::collections::BTreeMap;
use std::time::Duration;

/// The label, and the one that Quay reads.
const LABELS: [&str; 2] = ["tidegate.expires-after", "quay.expires-after"];

/// The longest life that may be asked for: longer ones are none.
const LONGEST: Duration = Duration::from_hours(24 * 366 * 100);

/// Returns how long a tag lives that is put on an image with these labels and annotations.
///
/// Labels come before annotations, our name before the alias. A value that cannot be read says nothing: a push does not
/// fail because of it, and nothing ends that nobody understood.
pub(super) fn expires_after(
    labels: &BTreeMap<String, String>,
    annotations: &BTreeMap<String, String>,
) -> Option<Duration> {
    LABELS
        .iter()
        .flat_map(|name| [labels.get(*name), annotations.get(*name)])
        .flatten()
        .find_map(|value| parse_life(value))
}

/// Reads a number and a unit: `s`, `m`, `h`, `d` or `w`.
pub fn parse_life(text: &str) -> Option<Duration> {
    let text = text.trim();
    let unit = text.chars().next_back()?;
    let number = text.strip_suffix(unit)?;
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        'w' => 7 * 24 * 60 * 60,
        _ => return None,
    };
    let seconds = number.parse::<u64>().ok()?.checked_mul(seconds)?;
    let life = Duration::from_secs(seconds);
    (!life.is_zero() && life <= LONGEST).then_some(life)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, seconds: Option<u64>) {
        assert_eq!(parse_life(text), seconds.map(Duration::from_secs), "{text}");
    }

    #[test]
    fn a_life_is_a_number_and_a_unit() {
        check("90s", Some(90));
        check("5m", Some(300));
        check("1h", Some(3_600));
        check("2d", Some(172_800));
        check(" 1w ", Some(604_800));
        for text in [
            "",
            "w",
            "0d",
            "-1d",
            "1.5h",
            "2 d",
            "1y",
            "d1",
            "999999999999999999w",
            "2dé",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn our_label_comes_first_and_the_alias_is_read() {
        let map = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect::<BTreeMap<_, _>>()
        };
        let both = map(&[
            ("quay.expires-after", "1h"),
            ("tidegate.expires-after", "2h"),
        ]);
        let none = BTreeMap::new();
        assert_eq!(expires_after(&both, &none), Some(Duration::from_hours(2)));
        assert_eq!(expires_after(&none, &both), Some(Duration::from_hours(2)));
        let alias = map(&[("quay.expires-after", "1h")]);
        assert_eq!(expires_after(&alias, &none), Some(Duration::from_hours(1)));
        let damaged = map(&[
            ("tidegate.expires-after", "soon"),
            ("quay.expires-after", "1h"),
        ]);
        assert_eq!(
            expires_after(&damaged, &none),
            Some(Duration::from_hours(1))
        );
        assert_eq!(expires_after(&none, &none), None);
    }
}
