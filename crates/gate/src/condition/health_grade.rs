//! `health.grade`: the health grade at the instant of the decision.

use evidence::{Grade, GradeReport};
use jiff::Timestamp;

use super::case::{Case, Judgement, Missing, Place};
use super::{Condition, ConditionInfo, Parameter};
use crate::Outcome;

pub(super) const INFO: ConditionInfo = ConditionInfo {
    name: "health.grade",
    summary: "A health grade at least this good.",
    parameters: &[Parameter::required(
        "atLeast",
        "A, B, C, D, E, F",
        "the worst grade that passes",
    )],
    notes: "The grade follows its schedule: it is the one due at the instant of the decision, without a new scan. An \
            unknown grade is never a pass.",
    example: "{id: health, when: health.grade, with: {atLeast: C}, level: deny}",
    judged_on_index: false,
    waivable: true,
    read: |fields| {
        Ok(Box::new(HealthGrade {
            at_least: fields.required("atLeast")?.grade()?,
        }))
    },
};

#[derive(Debug)]
struct HealthGrade {
    at_least: Grade,
}

impl Condition for HealthGrade {
    fn required(&self) -> String {
        match self.at_least {
            Grade::A => "A".to_owned(),
            grade => format!("{grade} or better"),
        }
    }

    fn judge(&self, case: &Case<'_>) -> Result<Judgement, Missing> {
        case.findings()?;
        let report = &case.matches()?.grade;
        let (grade, next) = grade_at(report, case.now);
        let judgement = if grade == Grade::Unknown {
            Judgement::unknown("the grade is unknown").remedy("see the report for what is missing")
        } else {
            let basis = report.basis.as_ref();
            let summary = format!("{grade}, needs {}", self.at_least);
            let mut judgement =
                Judgement::pass_if(grade <= self.at_least, grade.letter()).brief(summary);
            if judgement.outcome == Outcome::Fail {
                judgement.since = basis.map(|basis| basis.fixed_at);
                judgement = judgement.remedy(match basis {
                    Some(basis) => format!("update {} (fixes {})", basis.package, basis.id),
                    None => "rebuild on a supported, current base".to_owned(),
                });
            }
            case.unless_incomplete(judgement)
        };
        let judgement = judgement.at(Place::Matches);
        Ok(match next {
            Some(next) => judgement.changing_at(next, case.now),
            None => judgement,
        })
    }
}

/// Returns the grade due at `now` and the instant of the next scheduled change.
pub(super) fn grade_at(report: &GradeReport, now: Timestamp) -> (Grade, Option<Timestamp>) {
    let mut grade = report.grade;
    for step in &report.schedule {
        match step.from {
            Some(from) if from > now => return (grade, Some(from)),
            Some(_) => grade = step.grade,
            None => {}
        }
    }
    (grade, None)
}
