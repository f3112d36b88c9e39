//! Debian's lists of security advisories (`data/DSA/list`, `data/DLA/list`): when which fix was published.
//!
//! Only dates are taken. What is affected is the tracker's to say; these lists are not corrected afterwards.
//!
//! # Source
//! The security tracker's repository, `doc/security-team.*` and the lists themselves.

use std::collections::HashMap;
use std::path::Path;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::source::Source;
use super::tally::Tally;
use crate::import::{ImportError, Limits};

/// Dates of publication, in seconds of Unix time; the earliest where several advisories agree.
#[derive(Debug, Default)]
pub(crate) struct AdvisoryDates {
    by_version: HashMap<(String, String, String), i64>,
    by_flaw: HashMap<(String, String, String), i64>,
    first_named: HashMap<String, i64>,
}

impl AdvisoryDates {
    /// Returns when the fix of a flaw in a release's source package was published: the advisory of this very version,
    /// else the first advisory for the release that names the flaw.
    pub(crate) fn fixed_at(
        &self,
        release: &str,
        source: &str,
        version: &str,
        flaw: &str,
    ) -> Option<i64> {
        let key = |last: &str| (release.to_owned(), source.to_owned(), last.to_owned());
        self.by_version
            .get(&key(version))
            .or_else(|| self.by_flaw.get(&key(flaw)))
            .copied()
    }

    /// Returns when any advisory first named a flaw: a lower bound for fixes without a date.
    pub(crate) fn first_named(&self, flaw: &str) -> Option<i64> {
        self.first_named.get(flaw).copied()
    }

    /// Takes the dates of another list.
    pub(crate) fn merge(&mut self, other: Self) {
        merge_earliest(&mut self.by_version, other.by_version);
        merge_earliest(&mut self.by_flaw, other.by_flaw);
        merge_earliest(&mut self.first_named, other.first_named);
    }

    fn add(&mut self, advisory: &Advisory) {
        for flaw in &advisory.flaws {
            earliest(&mut self.first_named, flaw.clone(), advisory.date);
        }
        for (release, source, version) in &advisory.fixes {
            let key = |last: &String| (release.clone(), source.clone(), last.clone());
            earliest(&mut self.by_version, key(version), advisory.date);
            for flaw in &advisory.flaws {
                earliest(&mut self.by_flaw, key(flaw), advisory.date);
            }
        }
    }
}

fn earliest<K: std::hash::Hash + Eq>(dates: &mut HashMap<K, i64>, key: K, date: i64) {
    let entry = dates.entry(key).or_insert(date);
    *entry = (*entry).min(date);
}

fn merge_earliest<K: std::hash::Hash + Eq>(into: &mut HashMap<K, i64>, from: HashMap<K, i64>) {
    for (key, date) in from {
        earliest(into, key, date);
    }
}

/// One advisory: its date, the flaws in braces, and `[release] - source version` lines.
#[derive(Debug, Default, PartialEq, Eq)]
struct Advisory {
    date: i64,
    flaws: Vec<String>,
    fixes: Vec<(String, String, String)>,
}

/// Reads a list line by line.
pub(crate) fn read(path: &Path, limits: &Limits) -> Result<(AdvisoryDates, Tally), ImportError> {
    let mut source = Source::open(path, limits)?;
    let mut dates = AdvisoryDates::default();
    let mut tally = Tally::default();
    let mut current: Option<Advisory> = None;
    let mut line = Vec::new();
    let mut number = 0_u64;
    while source.read_line(&mut line)? {
        number += 1;
        let text = String::from_utf8_lossy(&line);
        if text.trim().is_empty() {
            continue;
        }
        if text.starts_with([' ', '\t']) {
            if let Some(advisory) = &mut current {
                detail(text.trim(), advisory);
            }
            continue;
        }
        if let Some(advisory) = current.take() {
            dates.add(&advisory);
        }
        match header(&text) {
            Some(date) => {
                tally.records += 1;
                tally.seen(Some(date));
                current = Some(Advisory {
                    date,
                    ..Advisory::default()
                });
            }
            None => tally.skip(
                format!("line {number}"),
                "not `[DD Mon YYYY] DSA-NUMBER source - title`",
            ),
        }
    }
    if let Some(advisory) = current {
        dates.add(&advisory);
    }
    tally.accept(path)?;
    Ok((dates, tally))
}

/// Reads the date of `[03 Oct 2023] DSA-5514-1 glibc - security update`.
fn header(line: &str) -> Option<i64> {
    let (date, title) = line.strip_prefix('[')?.split_once(']')?;
    let id = title.split_whitespace().next()?;
    ["DSA-", "DLA-", "DTSA-"]
        .iter()
        .any(|prefix| id.starts_with(prefix))
        .then_some(())?;
    let date = Date::strptime("%d %b %Y", date.trim()).ok()?;
    let midnight = TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?;
    Some(midnight.as_second())
}

fn detail(text: &str, advisory: &mut Advisory) {
    if let Some(flaws) = text
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
    {
        advisory
            .flaws
            .extend(flaws.split_whitespace().map(str::to_owned));
        return;
    }
    // `[bookworm] - glibc 2.36-9+deb12u3`; `<not-affected>` and the like are no versions. NOTE lines fall through.
    let Some((release, rest)) = text
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] - "))
    else {
        return;
    };
    let mut words = rest.split_whitespace();
    if let (Some(source), Some(version)) = (words.next(), words.next())
        && !version.starts_with('<')
    {
        advisory
            .fixes
            .push((release.to_owned(), source.to_owned(), version.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("[03 Oct 2023] DSA-5514-1 glibc - security update", Some("2023-10-03"))]
    #[case(
        "[01 Apr 2023] DLA-3380-1 firmware-nonfree - security update",
        Some("2023-04-01")
    )]
    #[case("[3 Oct 2023] DSA-5514-1 glibc", Some("2023-10-03"))]
    #[case("[32 Oct 2023] DSA-5514-1 glibc", None)]
    #[case("[03 Oct 2023] CVE-2023-1 glibc", None)]
    #[case("CVE-2023-1", None)]
    fn a_header_gives_its_date(#[case] line: &str, #[case] expected: Option<&str>) {
        let expected = expected.map(|day| {
            format!("{day}T00:00:00Z")
                .parse::<jiff::Timestamp>()
                .expect("a day")
                .as_second()
        });
        assert_eq!(header(line), expected);
    }

    #[test]
    fn details_name_flaws_and_fixes() {
        let mut advisory = Advisory::default();
        detail("{CVE-2023-38545 CVE-2023-38546}", &mut advisory);
        detail("[bullseye] - curl 7.74.0-1.3+deb11u10", &mut advisory);
        detail("[bookworm] - curl <not-affected> (too new)", &mut advisory);
        detail("NOTE: fixed in testing at time of DSA", &mut advisory);
        assert_eq!(advisory.flaws, ["CVE-2023-38545", "CVE-2023-38546"]);
        let fix = (
            "bullseye".into(),
            "curl".into(),
            "7.74.0-1.3+deb11u10".into(),
        );
        assert_eq!(advisory.fixes, [fix]);
    }

    #[test]
    fn the_advisory_of_the_version_comes_before_an_older_one_of_the_flaw() {
        let fix =
            |version: &str| vec![("bookworm".to_owned(), "curl".to_owned(), version.to_owned())];
        let mut dates = AdvisoryDates::default();
        dates.add(&Advisory {
            date: 10,
            flaws: vec!["CVE-1".into()],
            fixes: fix("1-1"),
        });
        dates.add(&Advisory {
            date: 20,
            flaws: vec!["CVE-1".into()],
            fixes: fix("1-2"),
        });
        assert_eq!(dates.fixed_at("bookworm", "curl", "1-2", "CVE-1"), Some(20));
        assert_eq!(dates.fixed_at("bookworm", "curl", "1-3", "CVE-1"), Some(10));
        assert_eq!(dates.fixed_at("bookworm", "curl", "1-3", "CVE-2"), None);
        assert_eq!(dates.fixed_at("trixie", "curl", "1-2", "CVE-1"), None);
        assert_eq!(dates.first_named("CVE-1"), Some(10));
    }
}
