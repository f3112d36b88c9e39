//! A retention policy as the fields of a form, both ways.

use web::{RetentionForm, RetentionRule};

use crate::pages::Form;
use crate::pages::refusal::Refused;
use crate::retention::{RetentionDocument, RuleDocument};

/// Rules that a form may send; a policy has no more.
const MAX_RULES: usize = 51;

/// Writes a stored rule into its fields.
pub(super) fn rule_fields(rule: RuleDocument) -> RetentionRule {
    let count = |count: Option<u32>| count.map(|count| count.to_string()).unwrap_or_default();
    RetentionRule {
        name: rule.name,
        include: rule.include.join(" "),
        exclude: rule.exclude.join(" "),
        last_pushed: count(rule.keep_last_pushed),
        last_pulled: count(rule.keep_last_pulled),
        pushed_within: rule.keep_pushed_within.unwrap_or_default(),
        pulled_within: rule.keep_pulled_within.unwrap_or_default(),
    }
}

/// Reads the policy's fields as they were typed. A rule whose name was taken away is no rule.
pub(super) fn typed_policy(form: &Form) -> RetentionForm {
    let sent: usize = form.field("rules").parse().unwrap_or(0);
    let rule = |i: usize| {
        let field = |name: &str| form.field(&format!("{name}-{i}")).trim().to_owned();
        RetentionRule {
            name: field("name"),
            include: field("include"),
            exclude: field("exclude"),
            last_pushed: field("last-pushed"),
            last_pulled: field("last-pulled"),
            pushed_within: field("pushed-within"),
            pulled_within: field("pulled-within"),
        }
    };
    RetentionForm {
        in_force: None,
        is_own: false,
        enabled: form.field("enabled") == "yes",
        rules: (0..sent.min(MAX_RULES))
            .map(rule)
            .filter(|rule| !rule.name.is_empty())
            .collect(),
        untagged_after: form.field("untagged").trim().to_owned(),
    }
}

/// Reads the policy from what was typed.
pub(super) fn document(typed: &RetentionForm) -> Result<RetentionDocument, Refused> {
    let given = |text: &String| (!text.is_empty()).then(|| text.clone());
    let count = |text: &String| {
        given(text)
            .map(|text| text.parse::<u32>())
            .transpose()
            .map_err(|_| Refused::invalid(&format!("`{text}` is no number of tags to keep.")))
    };
    let words = |text: &String| text.split_whitespace().map(str::to_owned).collect();
    let mut rules = Vec::with_capacity(typed.rules.len());
    for rule in &typed.rules {
        rules.push(RuleDocument {
            name: rule.name.clone(),
            include: words(&rule.include),
            exclude: words(&rule.exclude),
            keep_last_pushed: count(&rule.last_pushed)?,
            keep_last_pulled: count(&rule.last_pulled)?,
            keep_pushed_within: given(&rule.pushed_within),
            keep_pulled_within: given(&rule.pulled_within),
        });
    }
    Ok(RetentionDocument {
        rules,
        untagged_after: given(&typed.untagged_after),
    })
}
