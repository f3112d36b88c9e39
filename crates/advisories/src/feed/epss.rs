//! FIRST's exploit prediction scores: a comment line with model and date, a header, and one row per CVE.
//!
//! # Source
//! first.org/epss/data_stats.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use super::source::Source;
use super::tally::Tally;
use crate::import::{ImportError, Limits};
use crate::osv::is_cve;
use crate::record::EpssRow;

/// The scores of one day.
#[derive(Debug, Default)]
pub(crate) struct EpssTable {
    /// The day, in seconds of Unix time.
    pub date: Option<i64>,
    /// The rows by CVE.
    pub rows: BTreeMap<String, EpssRow>,
}

/// Reads a table line by line.
pub(crate) fn read(path: &Path, limits: &Limits) -> Result<(EpssTable, Tally), ImportError> {
    let mut source = Source::open(path, limits)?;
    let mut table = EpssTable::default();
    let mut tally = Tally::default();
    let mut line = Vec::new();
    let mut number = 0_u64;
    let mut has_header = false;
    while source.read_line(&mut line)? {
        number += 1;
        if line.starts_with(b"#") {
            table.date = score_date(&String::from_utf8_lossy(&line)).or(table.date);
            continue;
        }
        if !has_header {
            has_header = true;
            if !line.starts_with(b"cve,epss,percentile") {
                return Err(ImportError::BadFeed {
                    path: path.to_owned(),
                    shape: "EPSS CSV",
                    reason: format!("line {number} is not the header `cve,epss,percentile`"),
                });
            }
            continue;
        }
        if line.is_empty() {
            continue;
        }
        match row(&line) {
            Some((cve, row)) => {
                tally.records += 1;
                table.rows.insert(cve, row);
            }
            None => tally.skip(
                format!("line {number}"),
                "not `CVE,probability,percentile` with numbers between 0 and 1",
            ),
        }
    }
    tally.seen(table.date);
    tally.accept(path)?;
    Ok((table, tally))
}

/// Reads the date of `#model_version:v2025.03.14,score_date:2026-08-16T00:00:00+0000`.
fn score_date(comment: &str) -> Option<i64> {
    let text = comment
        .split(',')
        .find_map(|part| part.trim().strip_prefix("score_date:"))?;
    let timestamp = text
        .parse()
        .or_else(|_| Timestamp::strptime("%Y-%m-%dT%H:%M:%S%z", text));
    timestamp.ok().map(Timestamp::as_second)
}

fn row(line: &[u8]) -> Option<(String, EpssRow)> {
    let mut fields = std::str::from_utf8(line).ok()?.split(',').map(str::trim);
    let (cve, probability, percentile) = (fields.next()?, fields.next()?, fields.next()?);
    let share = |text: &str| {
        let value: f64 = text.parse().ok()?;
        (0.0..=1.0).contains(&value).then_some(value)
    };
    is_cve(cve).then_some(())?;
    Some((
        cve.to_owned(),
        EpssRow {
            probability: share(probability)?,
            percentile: share(percentile)?,
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_score_date_is_read_from_the_comment() {
        let expected = "2026-08-16T00:00:00Z"
            .parse::<Timestamp>()
            .expect("a time")
            .as_second();
        for comment in [
            "#model_version:unknown,score_date:2026-08-16T00:00:00+0000",
            "#model_version:v2025.03.14,score_date:2026-08-16T00:00:00Z",
        ] {
            assert_eq!(score_date(comment), Some(expected), "{comment}");
        }
        assert_eq!(score_date("#model_version:unknown"), None);
    }

    #[test]
    fn a_row_outside_its_shape_is_no_row() {
        assert!(row(b"CVE-2024-0001,0.5,0.9").is_some());
        for bad in [
            &b"CVE-2024-0001,1.5,0.9"[..],
            b"CVE-2024-0001,0.5",
            b"x,0.5,0.9",
            b"CVE-2024-0001,NaN,0.9",
            b"\xff",
        ] {
            assert!(row(bad).is_none(), "{}", String::from_utf8_lossy(bad));
        }
    }
}
