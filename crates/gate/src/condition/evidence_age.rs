//! `evidence.age`: the last match against advisories is recent.

use super::case::{Case, Judgement, Missing, Place};
use super::{Condition, ConditionInfo, Parameter};
use crate::policy::duration::Span;

pub(super) const INFO: ConditionInfo = ConditionInfo {
    name: "evidence.age",
    summary: "The evidence is not older than a limit.",
    parameters: &[
        Parameter::required("kind", "vulnerabilities", "the evidence"),
        Parameter::required("max", "time span", "the limit"),
    ],
    notes: "Old evidence is `unknown`, so `on_missing` decides. The limit ends exactly that span after the match. How old \
            the advisories themselves are is asked by `feed.age`.",
    example: "{id: fresh-scan, when: evidence.age, with: {kind: vulnerabilities, max: 24h}, level: deny, on_missing: pending}",
    judged_on_index: false,
    waivable: true,
    read: |fields| {
        fields
            .required("kind")?
            .choice(&[("vulnerabilities", ())])?;
        Ok(Box::new(EvidenceAge {
            max: fields.required("max")?.span()?,
        }))
    },
};

#[derive(Debug)]
struct EvidenceAge {
    max: Span,
}

impl Condition for EvidenceAge {
    fn required(&self) -> String {
        format!("matched within {}", self.max.as_str())
    }

    fn judge(&self, case: &Case<'_>) -> Result<Judgement, Missing> {
        let matched_at = case.matches()?.matched_at;
        let limit = self.max.after(matched_at);
        let observed = format!("matched at {}", matched_at.strftime("%Y-%m-%dT%H:%M:%SZ"));
        let judgement = if case.now < limit {
            Judgement::pass_if(true, observed)
        } else {
            Judgement::unknown(format!("stale: {observed}"))
                .brief(format!("{observed}, needs {}", self.required()))
                .remedy("match the image against current advisories")
        };
        Ok(judgement.at(Place::Matches).changing_at(limit, case.now))
    }
}
