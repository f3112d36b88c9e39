//! `config.labels`: labels that must or must not be there.

use super::case::{Case, Judgement, Missing, Place};
use super::{Condition, ConditionInfo, Parameter};
use crate::glob::Glob;
use crate::policy::Problem;

pub(super) const INFO: ConditionInfo = ConditionInfo {
    name: "config.labels",
    summary: "Labels are there, or not there, or have values of a form.",
    parameters: &[
        Parameter::optional(
            "required",
            "list of labels",
            None,
            "labels that must be set and not empty",
        ),
        Parameter::optional(
            "forbidden",
            "list of labels",
            None,
            "labels that must not be set",
        ),
        Parameter::optional(
            "values",
            "pattern by label",
            None,
            "labels that must be set, with the pattern their value must match (`*` stops at `/`, `**` does not)",
        ),
    ],
    notes: "At least one of the three is given.",
    example: r#"{id: labelled, when: config.labels, with: {required: [org.opencontainers.image.source], values: {maintainer: "*@example.com"}}, level: warn}"#,
    judged_on_index: false,
    waivable: true,
    read: |fields| {
        let names = |key: &str| match fields.optional(key) {
            Some(names) => names.texts(),
            None => Ok(Vec::new()),
        };
        let mut labels = ConfigLabels {
            required: names("required")?,
            forbidden: names("forbidden")?,
            values: Vec::new(),
        };
        if let Some(values) = fields.optional("values") {
            for (label, pattern) in values.entries()? {
                let pattern = pattern.value.text()?;
                labels
                    .values
                    .push((label.to_owned(), pattern.to_owned(), Glob::new(pattern)));
            }
        }
        if labels.required.is_empty() && labels.forbidden.is_empty() && labels.values.is_empty() {
            return Err(fields.error(Problem::Combination(
                "`config.labels` needs `required`, `forbidden` or `values`",
            )));
        }
        Ok(Box::new(labels))
    },
};

#[derive(Debug)]
struct ConfigLabels {
    required: Vec<String>,
    forbidden: Vec<String>,
    values: Vec<(String, String, Glob)>,
}

impl Condition for ConfigLabels {
    fn required(&self) -> String {
        let mut demands = Vec::new();
        if !self.required.is_empty() {
            demands.push(format!("set: {}", self.required.join(", ")));
        }
        if !self.forbidden.is_empty() {
            demands.push(format!("not set: {}", self.forbidden.join(", ")));
        }
        for (label, pattern, _) in &self.values {
            demands.push(format!("{label} like `{pattern}`"));
        }
        demands.join("; ")
    }

    fn judge(&self, case: &Case<'_>) -> Result<Judgement, Missing> {
        let labels = &case.inventory()?.facts.labels;
        let mut faults = Vec::new();
        for label in &self.required {
            if labels.get(label).is_none_or(String::is_empty) {
                faults.push(format!("{label} is not set"));
            }
        }
        for label in &self.forbidden {
            if labels.contains_key(label) {
                faults.push(format!("{label} is set"));
            }
        }
        for (label, _, pattern) in &self.values {
            match labels.get(label) {
                None => faults.push(format!("{label} is not set")),
                Some(value) if !pattern.matches(value) => {
                    faults.push(format!("{label} is `{}`", shorten(value)));
                }
                Some(_) => {}
            }
        }
        let judgement = if faults.is_empty() {
            Judgement::pass_if(true, "labels as required")
        } else {
            let faults = faults.join("; ");
            Judgement::pass_if(false, faults.clone()).brief(faults)
        };
        Ok(judgement
            .at(Place::Inventory)
            .remedy("correct `LABEL` in the build file"))
    }
}

/// A label's value is foreign text of any length.
fn shorten(value: &str) -> String {
    const SHOWN: usize = 80;
    match value.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &value[..end]),
        None => value.to_owned(),
    }
}
