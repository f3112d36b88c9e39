//! `config.user`: who the image runs as.

use super::case::{Case, Judgement, Missing, Place};
use super::{Condition, ConditionInfo, Parameter};
use crate::Outcome;
use crate::policy::Problem;

pub(super) const INFO: ConditionInfo = ConditionInfo {
    name: "config.user",
    summary: "The image does not run as root.",
    parameters: &[
        Parameter::optional(
            "root",
            "forbidden, allowed",
            Some("forbidden"),
            "whether root may be the user",
        ),
        Parameter::optional(
            "numeric",
            "required, any",
            Some("any"),
            "whether the user must be a number, which a cluster can check without the image's `passwd`",
        ),
    ],
    notes: "Root is an unset user, `0`, `root`, or a name that the image's own `passwd` maps to 0.",
    example: "{id: non-root, when: config.user, with: {root: forbidden}, level: deny}",
    judged_on_index: false,
    waivable: true,
    read: |fields| {
        let root_forbidden = match fields.optional("root") {
            Some(root) => root.choice(&[("forbidden", true), ("allowed", false)])?,
            None => true,
        };
        let numeric_required = match fields.optional("numeric") {
            Some(numeric) => numeric.choice(&[("required", true), ("any", false)])?,
            None => false,
        };
        if !root_forbidden && !numeric_required {
            return Err(fields.error(Problem::Combination(
                "this `config.user` would demand nothing: forbid root or require a number",
            )));
        }
        Ok(Box::new(ConfigUser {
            root_forbidden,
            numeric_required,
        }))
    },
};

#[derive(Debug)]
struct ConfigUser {
    root_forbidden: bool,
    numeric_required: bool,
}

impl Condition for ConfigUser {
    fn required(&self) -> String {
        match (self.root_forbidden, self.numeric_required) {
            (true, true) => "a numeric user other than root",
            (true, false) => "a user other than root",
            (false, _) => "a numeric user",
        }
        .to_owned()
    }

    fn judge(&self, case: &Case<'_>) -> Result<Judgement, Missing> {
        let facts = &case.inventory()?.facts;
        let Some(is_root) = facts.runs_as_root else {
            return Ok(
                Judgement::unknown("it cannot be said who the image runs as")
                    .at(Place::Inventory)
                    .remedy("judge an image with its configuration, not a directory"),
            );
        };
        let observed = match (facts.user.as_str(), is_root) {
            ("", true) => "root (no user is set)".to_owned(),
            ("root" | "0", true) => format!("`{}`", facts.user),
            (user, true) => format!("`{user}`, which is root"),
            (user, false) => format!("`{user}`"),
        };
        let user = facts.user.split(':').next().unwrap_or_default();
        let is_numeric = !user.is_empty() && user.bytes().all(|b| b.is_ascii_digit());
        let passes = !(self.root_forbidden && is_root || self.numeric_required && !is_numeric);
        let judgement = Judgement::pass_if(passes, observed)
            .at(Place::Inventory)
            .remedy("set `USER` to a number other than 0 in the build file");
        if judgement.outcome == Outcome::Fail && is_root {
            return Ok(judgement.brief("runs as root"));
        }
        if is_numeric {
            return Ok(judgement);
        }
        // A name is only known not to be root if the image's `passwd` was read.
        Ok(case.unless_unread(judgement))
    }
}
