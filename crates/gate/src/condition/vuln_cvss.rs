//! `vuln.cvss`: vulnerabilities by base score.

use super::case::{Case, Judgement, Missing};
use super::findings::{Count, Label, judge_count};
use super::vuln_filter::{self, VulnFilter};
use super::{Condition, ConditionInfo, Parameter};
use crate::policy::Since;

pub(super) const INFO: ConditionInfo = ConditionInfo {
    name: "vuln.cvss",
    summary: "No more vulnerabilities at or above a CVSS base score than tolerated.",
    parameters: &[
        Parameter::required(
            "min",
            "number from 0 to 10",
            "the score from which a finding counts",
        ),
        vuln_filter::FIXABLE,
        vuln_filter::PACKAGES,
        vuln_filter::MAX,
    ],
    notes: "A finding without a score does not count; `vuln.count` judges by severity, which every finding has.",
    example: "{id: no-nine, when: vuln.cvss, with: {min: 9.0, fixable: true}, level: deny}",
    judged_on_index: false,
    waivable: true,
    read: |fields| {
        let min = fields.required("min")?.number(10.0)?;
        let filter = VulnFilter::read(fields)?;
        Ok(Box::new(VulnCvss {
            label: filter.label(&format!(" with CVSS {min} or more")),
            min,
            filter,
            max: vuln_filter::read_max(fields)?,
        }))
    },
};

#[derive(Debug)]
struct VulnCvss {
    min: f64,
    filter: VulnFilter,
    max: u32,
    label: Label,
}

impl Condition for VulnCvss {
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
        judge_count(case, &count, |finding| {
            finding
                .cvss
                .as_ref()
                .is_some_and(|cvss| cvss.score >= self.min)
                && self.filter.matches(finding)
        })
    }
}
