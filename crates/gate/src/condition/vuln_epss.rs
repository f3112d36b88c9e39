//! `vuln.epss`: vulnerabilities by predicted exploitation.

use evidence::Epss;

use super::case::{Case, Judgement, Missing, Place};
use super::findings::{Count, Label, judge_count};
use super::vuln_filter::{self, VulnFilter};
use super::{Condition, ConditionInfo, Parameter};
use crate::Outcome;
use crate::policy::{Problem, Since};

pub(super) const INFO: ConditionInfo = ConditionInfo {
    name: "vuln.epss",
    summary: "No more vulnerabilities that are likely to be exploited than tolerated.",
    parameters: &[
        Parameter::optional(
            "min",
            "number from 0 to 1",
            None,
            "the probability of exploitation within 30 days from which a finding counts",
        ),
        Parameter::optional(
            "percentile",
            "number from 0 to 1",
            None,
            "the percentile from which a finding counts",
        ),
        vuln_filter::FIXABLE,
        vuln_filter::PACKAGES,
        vuln_filter::MAX,
    ],
    notes: "Exactly one of `min` and `percentile` is given. Where CVE findings exist but none has a prediction, the \
            data is missing and the outcome is `unknown`.",
    example: "{id: likely-exploited, when: vuln.epss, with: {min: 0.5, max: 0}, level: warn}",
    judged_on_index: false,
    waivable: true,
    read: |fields| {
        let bound = match (fields.optional("min"), fields.optional("percentile")) {
            (Some(min), None) => Bound::Probability(min.number(1.0)?),
            (None, Some(percentile)) => Bound::Percentile(percentile.number(1.0)?),
            _ => {
                return Err(fields.error(Problem::Combination(
                    "`vuln.epss` needs exactly one of `min` and `percentile`",
                )));
            }
        };
        let filter = VulnFilter::read(fields)?;
        let bound_label = match bound {
            Bound::Probability(min) => format!(" with EPSS {min} or more"),
            Bound::Percentile(min) => format!(" with EPSS percentile {min} or more"),
        };
        Ok(Box::new(VulnEpss {
            label: filter.label(&bound_label),
            bound,
            filter,
            max: vuln_filter::read_max(fields)?,
        }))
    },
};

#[derive(Debug)]
struct VulnEpss {
    bound: Bound,
    filter: VulnFilter,
    max: u32,
    label: Label,
}

#[derive(Clone, Copy, Debug)]
enum Bound {
    Probability(f64),
    Percentile(f64),
}

impl Bound {
    fn contains(self, epss: &Epss) -> bool {
        match self {
            Self::Probability(min) => epss.probability >= min,
            Self::Percentile(min) => epss.percentile >= min,
        }
    }
}

impl Condition for VulnEpss {
    fn required(&self) -> String {
        vuln_filter::required(self.max)
    }

    fn judge(&self, case: &Case<'_>) -> Result<Judgement, Missing> {
        let count = Count {
            label: &self.label,
            max: self.max,
            allows_grace: true,
            since: Since::FixAvailable,
        };
        let judgement = judge_count(case, &count, |finding| {
            finding
                .epss
                .as_ref()
                .is_some_and(|epss| self.bound.contains(epss))
                && self.filter.matches(finding)
        })?;
        if judgement.outcome == Outcome::Pass && lacks_predictions(case) {
            return Ok(Judgement::unknown("no EPSS data in the advisory snapshot")
                .at(Place::Matches)
                .remedy("import the EPSS feed"));
        }
        Ok(judgement)
    }
}

/// EPSS covers practically every CVE. Findings of which none has a prediction mean that the feed is not there.
fn lacks_predictions(case: &Case<'_>) -> bool {
    if case.lacks_feed("epss") {
        return true;
    }
    let mut has_cve = false;
    for finding in case.findings.iter().flat_map(|findings| findings.open()) {
        if finding.epss.is_some() {
            return false;
        }
        has_cve |= finding.id.starts_with("CVE-");
    }
    has_cve
}
