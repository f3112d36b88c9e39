//! `health.drop`: the health grade is about to fall.

use super::case::{Case, Judgement, Missing, Place};
use super::health_grade::grade_at;
use super::{Condition, ConditionInfo, Parameter};
use crate::policy::duration::Span;

pub(super) const INFO: ConditionInfo = ConditionInfo {
    name: "health.drop",
    summary: "The health grade does not fall within a time.",
    parameters: &[Parameter::required(
        "within",
        "time span",
        "how far ahead to look",
    )],
    notes: "Meant as a warning to rebuild in time, so usually at level warn.",
    example: "{id: health-soon, when: health.drop, with: {within: 7d}, level: warn}",
    judged_on_index: false,
    waivable: true,
    read: |fields| {
        Ok(Box::new(HealthDrop {
            within: fields.required("within")?.span()?,
        }))
    },
};

#[derive(Debug)]
struct HealthDrop {
    within: Span,
}

impl Condition for HealthDrop {
    fn required(&self) -> String {
        format!("no drop within {}", self.within.as_str())
    }

    fn judge(&self, case: &Case<'_>) -> Result<Judgement, Missing> {
        case.findings()?;
        let report = &case.matches()?.grade;
        let (grade, next) = grade_at(report, case.now);
        let Some(drop_at) = next else {
            let judgement = Judgement::pass_if(true, format!("{grade}, no drop in sight"));
            return Ok(case.unless_incomplete(judgement.at(Place::Matches)));
        };
        let (next_grade, _) = grade_at(report, drop_at);
        let day = drop_at.strftime("%Y-%m-%d");
        let warn_from = self.within.before(drop_at);
        let observed = format!("{grade}, falls to {next_grade} on {day}");
        let judgement = Judgement::pass_if(case.now < warn_from, observed.clone())
            .brief(observed)
            .at(Place::Matches)
            .remedy("rebuild with current packages before that day");
        Ok(case
            .unless_incomplete(judgement)
            .changing_at(warn_from, case.now)
            .changing_at(drop_at, case.now))
    }
}
