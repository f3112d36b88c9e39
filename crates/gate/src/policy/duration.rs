//! Spans of time as policies write them: `90s`, `30m`, `24h`, `7d`, `2w`.
//!
//! A day is 24 hours. Calendar months and years are missing on purpose: a limit must end at one exact instant.

use jiff::{SignedDuration, Timestamp};

/// A hundred years; a longer span is a typing error.
const MAX_SECS: i64 = 36_525 * 86_400;

/// A non-negative span with the spelling that the policy used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    secs: i64,
    text: String,
}

impl Span {
    /// Reads a span; `None` if it is not one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let unit = text.chars().last()?;
        let number = &text[..text.len() - unit.len_utf8()];
        if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let unit_secs = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 7 * 86_400,
            _ => return None,
        };
        let secs = number.parse::<i64>().ok()?.checked_mul(unit_secs)?;
        (secs <= MAX_SECS).then(|| Self {
            secs,
            text: text.to_owned(),
        })
    }

    /// Returns the spelling.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the instant this span after `start`; beyond the calendar it is the calendar's end.
    pub(crate) fn after(&self, start: Timestamp) -> Timestamp {
        start
            .checked_add(SignedDuration::from_secs(self.secs))
            .unwrap_or(Timestamp::MAX)
    }

    /// Returns the instant this span before `end`.
    pub(crate) fn before(&self, end: Timestamp) -> Timestamp {
        end.checked_sub(SignedDuration::from_secs(self.secs))
            .unwrap_or(Timestamp::MIN)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("0d", Some(0))]
    #[case("90s", Some(90))]
    #[case("30m", Some(1_800))]
    #[case("24h", Some(86_400))]
    #[case("7d", Some(604_800))]
    #[case("2w", Some(1_209_600))]
    #[case("36525d", Some(3_155_760_000))]
    #[case("36526d", None)]
    #[case("99999999999999999999d", None)]
    #[case("7", None)]
    #[case("d", None)]
    #[case("-1d", None)]
    #[case("1.5d", None)]
    #[case("1 d", None)]
    #[case("1y", None)]
    #[case("1é", None)]
    #[case("", None)]
    fn a_span_is_a_whole_number_and_a_unit(#[case] text: &str, #[case] secs: Option<i64>) {
        assert_eq!(Span::parse(text).map(|span| span.secs), secs);
    }
}
