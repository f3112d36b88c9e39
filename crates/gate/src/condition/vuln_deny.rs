//! `vuln.deny`: vulnerabilities named one by one.

use super::case::{Case, Judgement, Missing};
use super::findings::{Count, Label, judge_count};
use super::{Condition, ConditionInfo, Parameter};
use crate::policy::Since;

pub(super) const INFO: ConditionInfo = ConditionInfo {
    name: "vuln.deny",
    summary: "None of the vulnerabilities named.",
    parameters: &[Parameter::required(
        "ids",
        "list of ids",
        "CVE, GHSA or other ids; other names of the same flaw count too",
    )],
    notes: "Grace for new findings does not apply: somebody named the vulnerability on purpose.",
    example: "{id: not-these, when: vuln.deny, with: {ids: [CVE-2024-3094]}, level: deny}",
    judged_on_index: false,
    waivable: true,
    read: |fields| {
        Ok(Box::new(VulnDeny {
            ids: fields.required("ids")?.texts()?,
            label: Label {
                one: "denied vulnerability".to_owned(),
                many: "denied vulnerabilities".to_owned(),
            },
        }))
    },
};

#[derive(Debug)]
struct VulnDeny {
    ids: Vec<String>,
    label: Label,
}

impl VulnDeny {
    fn names(&self, id: &str) -> bool {
        self.ids
            .iter()
            .any(|denied| denied.eq_ignore_ascii_case(id))
    }
}

impl Condition for VulnDeny {
    fn required(&self) -> String {
        format!("none of {}", self.ids.join(", "))
    }

    fn judge(&self, case: &Case<'_>) -> Result<Judgement, Missing> {
        let count = Count {
            label: &self.label,
            max: 0,
            allows_grace: false,
            since: Since::Published,
        };
        judge_count(case, &count, |finding| {
            self.names(&finding.id) || finding.aliases.iter().any(|alias| self.names(alias))
        })
    }
}
