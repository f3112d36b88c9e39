//! `vuln.count`: how many vulnerabilities of a kind are tolerated.

use super::case::{Case, Judgement, Missing};
use super::findings::{Count, Label, judge_count};
use super::vuln_filter::{self, VulnFilter};
use super::{Condition, ConditionInfo};
use crate::policy::Since;

pub(super) const INFO: ConditionInfo = ConditionInfo {
    name: "vuln.count",
    summary: "No more vulnerabilities of a kind than tolerated.",
    parameters: &[
        vuln_filter::SEVERITY,
        vuln_filter::FIXABLE,
        vuln_filter::PACKAGES,
        vuln_filter::MAX,
    ],
    notes: "Distinct vulnerabilities are counted, however many packages have them.",
    example: r#"{id: no-fixable-critical, when: vuln.count, with: {severity: ">=critical", fixable: true, max: 0}, level: deny}"#,
    judged_on_index: false,
    waivable: true,
    read: |fields| {
        let filter = VulnFilter::read(fields)?;
        Ok(Box::new(VulnCount {
            label: filter.label(""),
            filter,
            max: vuln_filter::read_max(fields)?,
        }))
    },
};

#[derive(Debug)]
struct VulnCount {
    filter: VulnFilter,
    label: Label,
    max: u32,
}

impl Condition for VulnCount {
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
        judge_count(case, &count, |finding| self.filter.matches(finding))
    }
}
