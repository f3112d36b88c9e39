//! `image.age`: how long ago the image was built.

use super::case::{Case, Judgement, Missing, Place};
use super::{Condition, ConditionInfo, Parameter};
use crate::policy::duration::Span;

pub(super) const INFO: ConditionInfo = ConditionInfo {
    name: "image.age",
    summary: "The image was built not longer ago than a limit.",
    parameters: &[Parameter::required("max", "time span", "the limit")],
    notes: "The day is the one that the image's configuration states; without one, or with one in the future, the \
            outcome is `unknown`. The limit ends exactly that span after the build.",
    example: "{id: fresh-build, when: image.age, with: {max: 60d}, level: warn}",
    judged_on_index: false,
    waivable: true,
    read: |fields| {
        Ok(Box::new(ImageAge {
            max: fields.required("max")?.span()?,
        }))
    },
};

#[derive(Debug)]
struct ImageAge {
    max: Span,
}

impl Condition for ImageAge {
    fn required(&self) -> String {
        format!("built within {}", self.max.as_str())
    }

    fn judge(&self, case: &Case<'_>) -> Result<Judgement, Missing> {
        let created = case.inventory()?.facts.created;
        let Some(created) = created else {
            return Ok(
                Judgement::unknown("the image does not say when it was built")
                    .at(Place::Inventory)
                    .remedy("build with a tool that sets `created`"),
            );
        };
        let day = created.strftime("%Y-%m-%d");
        if created > case.now {
            let observed = format!("built on {day}, which lies in the future");
            return Ok(Judgement::unknown(observed)
                .at(Place::Inventory)
                .remedy("build with a correct clock")
                .changing_at(created, case.now));
        }
        let limit = self.max.after(created);
        let observed = format!("built on {day}");
        let mut judgement = Judgement::pass_if(case.now < limit, observed.clone())
            .brief(format!("{observed}, needs at most {}", self.max.as_str()))
            .at(Place::Inventory)
            .remedy("rebuild the image")
            .changing_at(limit, case.now);
        judgement.since = Some(limit).filter(|limit| *limit <= case.now);
        Ok(judgement)
    }
}
