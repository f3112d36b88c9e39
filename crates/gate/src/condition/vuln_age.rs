//! `vuln.age`: how long a vulnerability may stay, by severity.

use evidence::{Finding, Severity};
use jiff::Timestamp;

use super::case::{Case, Judgement, Missing};
use super::findings::{Count, Label, dated, judge_count};
use super::vuln_filter::{self, VulnFilter};
use super::{Condition, ConditionInfo, Parameter};
use crate::policy::duration::Span;
use crate::policy::fields::severity_word;
use crate::policy::{Problem, Since, read_since};

pub(super) const INFO: ConditionInfo = ConditionInfo {
    name: "vuln.age",
    summary: "No vulnerability older than its severity's limit.",
    parameters: &[
        Parameter::required(
            "maxAge",
            "span by severity",
            "the limit of each severity named; the others have none",
        ),
        Parameter::optional(
            "since",
            "fix_available, published",
            Some("fix_available"),
            "the day the age is counted from",
        ),
        Parameter::optional(
            "fixable",
            "true, false, any",
            Some("true; with `since: published` any"),
            "whether a fixed version must be published for a finding to count",
        ),
        vuln_filter::PACKAGES,
        vuln_filter::MAX,
    ],
    notes: "A limit of `7d` ends exactly 7 × 24 hours after the start: the second before passes, that instant fails; \
            `0d` never passes. A fix whose day is not known counts from the vulnerability's publication; a finding \
            without any day counts as too old.",
    example: "{id: critical-fixed-in-a-week, when: vuln.age, with: {maxAge: {critical: 7d, high: 30d}, fixable: true, \
              since: fix_available}, level: deny}",
    judged_on_index: false,
    waivable: true,
    read: |fields| {
        let since = match fields.optional("since") {
            Some(since) => read_since(&since)?,
            None => Since::FixAvailable,
        };
        let mut filter = VulnFilter::read(fields)?;
        match (since, fields.optional("fixable"), filter.fixable()) {
            (Since::FixAvailable, None, _) => filter.set_fixable(Some(true)),
            (Since::FixAvailable, Some(fixable), None | Some(false)) => {
                return Err(fixable.error(Problem::Combination(
                    "what has no fix has no age since its fix: use `fixable: true`, or `since: published`",
                )));
            }
            _ => {}
        }
        let max_age = fields.required("maxAge")?.spans_by_severity()?;
        let limits: Vec<_> = max_age
            .iter()
            .map(|(severity, span)| format!("{} {}", severity_word(*severity), span.as_str()))
            .collect();
        Ok(Box::new(VulnAge {
            label: filter.label(" over age"),
            limits: limits.join(", "),
            max: vuln_filter::read_max(fields)?,
            max_age,
            since,
            filter,
        }))
    },
};

#[derive(Debug)]
struct VulnAge {
    max_age: Vec<(Severity, Span)>,
    since: Since,
    filter: VulnFilter,
    max: u32,
    label: Label,
    limits: String,
}

impl Condition for VulnAge {
    fn required(&self) -> String {
        format!(
            "{} older than {}",
            vuln_filter::required(self.max),
            self.limits
        )
    }

    fn judge(&self, case: &Case<'_>) -> Result<Judgement, Missing> {
        let count = Count {
            label: &self.label,
            max: self.max,
            allows_grace: true,
            since: self.since,
        };
        let is_over_age = |finding: &Finding| {
            self.filter.matches(finding)
                && self
                    .limit_of(finding)
                    .is_some_and(|limit| limit <= case.now)
        };
        let judgement = judge_count(case, &count, is_over_age)?;
        let next = case
            .findings()?
            .all()
            .filter(|finding| self.filter.matches(finding))
            .filter_map(|finding| self.limit_of(finding))
            .filter(|limit| *limit > case.now)
            .min();
        Ok(match next {
            Some(next) => judgement.changing_at(next, case.now),
            None => judgement,
        })
    }
}

impl VulnAge {
    /// Returns the first instant at which the finding is too old; `None` if its severity has no limit.
    fn limit_of(&self, finding: &Finding) -> Option<Timestamp> {
        let (_, span) = self
            .max_age
            .iter()
            .find(|(severity, _)| *severity == finding.severity)?;
        Some(dated(finding, self.since).map_or(Timestamp::MIN, |start| span.after(start)))
    }
}
