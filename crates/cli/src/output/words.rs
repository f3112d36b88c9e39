//! Tables, times and ages as every command writes them.

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};
use jiff::Timestamp;

/// The least width of a last column: below it, a line that is too long reads better than a column of syllables.
const LEAST_WIDTH: u16 = 24;

/// Starts a table without lines: upper-case titles, columns kept apart by blanks. The last column is the one that gives
/// way on a narrow terminal; identifiers before it are never broken.
pub(crate) fn columns(titles: &[&str], width: u16) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .force_no_tty()
        .set_width(width)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(titles.iter().copied());
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
        column.set_constraint(if column.index + 1 < titles.len() {
            ColumnConstraint::ContentWidth
        } else {
            ColumnConstraint::LowerBoundary(Width::Fixed(LEAST_WIDTH))
        });
    }
    table
}

/// Formats an instant to the minute, in UTC: `2026-11-24 06:10 UTC`.
pub(crate) fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// Formats how long ago an instant was, in the one unit that fits: `3 h`, `45 d`.
pub(crate) fn age(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(at.as_second());
    match seconds {
        ..60 => "now".to_owned(),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("2026-11-24T06:09:30Z", "now")]
    #[case("2026-11-24T06:11:00Z", "now")]
    #[case("2026-11-24T05:11:00Z", "59 min")]
    #[case("2026-11-23T07:10:00Z", "23 h")]
    #[case("2026-10-10T06:10:00Z", "45 d")]
    fn an_age_has_one_unit(#[case] at: &str, #[case] expected: &str) {
        let now = "2026-11-24T06:10:00Z".parse().expect("a time");
        assert_eq!(age(at.parse().expect("a time"), now), expected);
    }
}
