//! Findings on a page: which are shown, and how they are grouped by what removes them.

use std::collections::BTreeMap;

use evidence::{Finding, PackageType, Severity, SeverityCounts};
use jiff::Timestamp;

use crate::routes::{Query, Route};

/// Which findings a filter lets through, by whether they count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Show {
    /// Those that count.
    #[default]
    Open,
    /// Those that do not: suppressed, under investigation, unknown.
    Suppressed,
    /// Both.
    All,
}

impl Show {
    /// Returns the value of the `show` parameter; the default is left out of addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "",
            Self::Suppressed => "suppressed",
            Self::All => "all",
        }
    }
}

/// The filter of the vulnerabilities tab. The address carries it whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingFilter {
    /// Whether suppressed findings are shown.
    pub show: Show,
    /// The least severity shown.
    pub severity: Option<Severity>,
    /// Only those with a published fix.
    pub fixable: bool,
    /// Only those known to be exploited.
    pub exploited: bool,
    /// A part of an identifier or package name, in any case.
    pub query: String,
}

impl FindingFilter {
    /// Reads the parameters of an address. Unknown names and values are ignored.
    pub fn from_pairs<K: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let mut filter = Self::default();
        for (name, value) in pairs {
            let value = value.as_ref();
            match name.as_ref() {
                "show" => {
                    filter.show = match value {
                        "all" => Show::All,
                        "suppressed" => Show::Suppressed,
                        _ => Show::Open,
                    }
                }
                "severity" => filter.severity = value.parse().ok(),
                "fixable" => filter.fixable = value == "1",
                "exploited" => filter.exploited = value == "1",
                "q" => value.trim().clone_into(&mut filter.query),
                _ => {}
            }
        }
        filter
    }

    /// Returns whether the finding is shown.
    pub fn accepts(&self, finding: &Finding) -> bool {
        let shown = match self.show {
            Show::Open => finding.is_open(),
            Show::Suppressed => !finding.is_open(),
            Show::All => true,
        };
        shown
            && self.severity.is_none_or(|least| finding.severity >= least)
            && (!self.fixable || finding.is_fixable())
            && (!self.exploited || finding.kev.is_some())
            && self.matches_text(finding)
    }

    fn matches_text(&self, finding: &Finding) -> bool {
        let query = self.query.to_lowercase();
        let mut texts = [&finding.id, &finding.package]
            .into_iter()
            .chain(&finding.aliases)
            .chain(&finding.source_package);
        query.is_empty() || texts.any(|text| text.to_lowercase().contains(&query))
    }

    /// Adds the filter to an address.
    pub fn address(&self, route: Route) -> Query {
        let severity = self.severity.map(|s| s.word().to_lowercase());
        let flag = |on: bool| if on { "1" } else { "" };
        route
            .with("tab", "vulnerabilities")
            .with("show", self.show.as_str())
            .with("severity", severity.as_deref().unwrap_or_default())
            .with("fixable", flag(self.fixable))
            .with("exploited", flag(self.exploited))
            .with("q", &self.query)
    }

    /// Returns the same filter with another choice of [`Show`].
    #[must_use]
    pub fn showing(&self, show: Show) -> Self {
        Self {
            show,
            ..self.clone()
        }
    }
}

/// The findings that one upgrade removes, or that nothing removes yet.
#[derive(Clone, Debug)]
pub struct FindingGroup {
    /// The package's kind.
    pub kind: PackageType,
    /// The package to upgrade.
    pub package: String,
    /// The installed version.
    pub from: String,
    /// The version that removes all of `findings`; `None` if none is published.
    pub to: Option<String>,
    /// The command that does it, where one is known.
    pub command: Option<String>,
    /// The findings, most urgent first.
    pub findings: Vec<Finding>,
}

impl FindingGroup {
    /// Counts unique identifiers by their worst severity, suppressed findings included: the heading says what the
    /// rows below it show.
    pub fn counts(&self) -> SeverityCounts {
        let mut worst: BTreeMap<&str, Severity> = BTreeMap::new();
        for finding in &self.findings {
            let severity = worst.entry(&finding.id).or_default();
            *severity = finding.severity.max(*severity);
        }
        worst.into_values().collect()
    }

    /// Returns when the oldest of the fixes was published, and whether that date is estimated.
    pub fn fix_since(&self) -> Option<(Timestamp, bool)> {
        self.findings.iter().filter_map(fix_date).min()
    }

    /// Returns the layer that introduced the package, if the findings agree on it.
    pub fn layer(&self) -> Option<u32> {
        let first = self.findings.first()?.layer;
        self.findings
            .iter()
            .all(|finding| finding.layer == first)
            .then_some(first)?
    }

    pub(crate) fn is_exploited(&self) -> bool {
        self.findings.iter().any(|finding| finding.kev.is_some())
    }

    /// Returns what stands in the place of a version where none is published.
    pub(crate) fn without_fix(&self) -> &'static str {
        self.findings
            .first()
            .map_or("no fix yet", |finding| finding.fix.word())
    }
}

/// Returns when the fix of a finding was published, and whether that date is estimated.
pub(crate) fn fix_date(finding: &Finding) -> Option<(Timestamp, bool)> {
    match &finding.fix {
        evidence::Fix::Available {
            published: Some(at),
            estimated,
            ..
        } => Some((*at, *estimated)),
        _ => None,
    }
}

/// Returns the fragment that opens the row of an identifier: `cve-2026-31337`. `None` if it could not be one.
pub(crate) fn anchor(id: &str) -> Option<String> {
    let legal = id
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'));
    (legal && !id.is_empty()).then(|| id.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_survives_its_own_address() {
        let filter = FindingFilter {
            show: Show::All,
            severity: Some(Severity::High),
            fixable: true,
            exploited: true,
            query: "open&ssl".to_owned(),
        };
        let address = filter.address(Route::Images).to_string();
        let pairs = address.split_once('?').unwrap().1.split('&').map(|pair| {
            let (name, value) = pair.split_once('=').unwrap();
            let value = percent_encoding::percent_decode_str(value)
                .decode_utf8()
                .unwrap();
            (name.to_owned(), value.into_owned())
        });
        assert_eq!(FindingFilter::from_pairs(pairs), filter);
    }

    #[test]
    fn unknown_parameters_and_values_are_ignored() {
        let filter =
            FindingFilter::from_pairs([("severity", "awful"), ("show", "x"), ("page", "3")]);
        assert_eq!(filter, FindingFilter::default());
    }

    #[test]
    fn only_plain_identifiers_become_fragments() {
        assert_eq!(anchor("CVE-2026-1").as_deref(), Some("cve-2026-1"));
        assert_eq!(anchor("\"><script>"), None);
        assert_eq!(anchor(""), None);
    }
}
