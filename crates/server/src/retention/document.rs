//! Policies as people write them, and as they are judged by.

use std::time::Duration;

use catalog::{Pattern, parse_life};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Rules of one policy.
const MAX_RULES: usize = 50;
/// Patterns of one list.
const MAX_PATTERNS: usize = 50;
/// The most tags that a rule may keep by count: their instants are held in memory.
const MAX_KEPT: u32 = 10_000;

/// A retention policy. Without rules it ends nothing.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RetentionDocument {
    /// Which tags stay.
    #[serde(default)]
    pub(crate) rules: Vec<RuleDocument>,
    /// When manifests that nothing leads to are deleted after their last tag ended: `7d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) untagged_after: Option<String>,
}

/// One rule: which tags it is about, and which of those stay. It keeps by at least one of the four ways.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RuleDocument {
    /// How dry runs and logs call it.
    pub(crate) name: String,
    /// The tags it is about, as globs or `regex:` expressions that match the whole name; none: every tag.
    #[serde(default)]
    pub(crate) include: Vec<String>,
    /// The tags it is not about.
    #[serde(default)]
    pub(crate) exclude: Vec<String>,
    /// Keeps as many of the latest pushed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) keep_last_pushed: Option<u32>,
    /// Keeps as many of the latest pulled, and those of which no pull is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) keep_last_pulled: Option<u32>,
    /// Keeps what was pushed within this time: `30d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) keep_pushed_within: Option<String>,
    /// Keeps what was pulled within this time, and what no pull is known of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) keep_pulled_within: Option<String>,
}

/// A policy that has been checked.
#[derive(Debug)]
pub(crate) struct Policy {
    pub(super) rules: Vec<Rule>,
    pub(super) untagged_after: Option<Duration>,
}

#[derive(Debug)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) include: Vec<Pattern>,
    pub(super) exclude: Vec<Pattern>,
    pub(super) last_pushed: Option<u32>,
    pub(super) last_pulled: Option<u32>,
    pub(super) pushed_within: Option<Duration>,
    pub(super) pulled_within: Option<Duration>,
}

/// The text is not a policy.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RetentionError {
    #[error("a retention policy has at most {MAX_RULES} rules")]
    TooManyRules,
    #[error("`rules[{0}].name` must have 1 to 64 characters, none of them a control character")]
    Name(usize),
    #[error("`rules[{rule}]`: {source}")]
    Pattern {
        rule: usize,
        source: catalog::PatternError,
    },
    #[error("`rules[{0}]` has more than {MAX_PATTERNS} patterns in a list")]
    TooManyPatterns(usize),
    #[error("`{0}` is not a time: write a number and one of s, m, h, d, w, such as `30d`")]
    Time(String),
    #[error("`rules[{0}]` may keep 1 to {MAX_KEPT} tags by count")]
    Count(usize),
    #[error("`rules[{0}]` keeps nothing: say how many or for how long")]
    KeepsNothing(usize),
    #[error("the stored policy cannot be read")]
    Stored(#[from] serde_json::Error),
}

impl Policy {
    /// Reads a stored policy.
    pub(crate) fn parse(body: &str) -> Result<Self, RetentionError> {
        Self::check(&serde_json::from_str(body)?)
    }

    /// Checks a policy.
    pub(crate) fn check(document: &RetentionDocument) -> Result<Self, RetentionError> {
        if document.rules.len() > MAX_RULES {
            return Err(RetentionError::TooManyRules);
        }
        let rules = document.rules.iter().enumerate();
        Ok(Self {
            rules: rules
                .map(|(position, rule)| check_rule(position, rule))
                .collect::<Result<_, _>>()?,
            untagged_after: time(document.untagged_after.as_deref())?,
        })
    }
}

fn check_rule(position: usize, rule: &RuleDocument) -> Result<Rule, RetentionError> {
    let length = rule.name.chars().count();
    if !(1..=64).contains(&length) || rule.name.chars().any(char::is_control) {
        return Err(RetentionError::Name(position));
    }
    for count in [rule.keep_last_pushed, rule.keep_last_pulled] {
        if count.is_some_and(|count| !(1..=MAX_KEPT).contains(&count)) {
            return Err(RetentionError::Count(position));
        }
    }
    let checked = Rule {
        name: rule.name.clone(),
        include: patterns(position, &rule.include)?,
        exclude: patterns(position, &rule.exclude)?,
        last_pushed: rule.keep_last_pushed,
        last_pulled: rule.keep_last_pulled,
        pushed_within: time(rule.keep_pushed_within.as_deref())?,
        pulled_within: time(rule.keep_pulled_within.as_deref())?,
    };
    let keeps = checked.last_pushed.is_some()
        || checked.last_pulled.is_some()
        || checked.pushed_within.is_some()
        || checked.pulled_within.is_some();
    if keeps {
        Ok(checked)
    } else {
        Err(RetentionError::KeepsNothing(position))
    }
}

fn patterns(rule: usize, texts: &[String]) -> Result<Vec<Pattern>, RetentionError> {
    if texts.len() > MAX_PATTERNS {
        return Err(RetentionError::TooManyPatterns(rule));
    }
    texts
        .iter()
        .map(|text| {
            text.parse()
                .map_err(|source| RetentionError::Pattern { rule, source })
        })
        .collect()
}

fn time(text: Option<&str>) -> Result<Option<Duration>, RetentionError> {
    text.map(|text| parse_life(text).ok_or_else(|| RetentionError::Time(text.to_owned())))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(policy: &str, words: &str) {
        let error = Policy::parse(policy).expect_err("not a policy").to_string();
        assert!(error.contains(words), "{error}");
    }

    #[test]
    fn what_is_no_policy_says_why() {
        check(r#"{"rules":[{"name":"a"}]}"#, "`rules[0]` keeps nothing");
        check(
            r#"{"rules":[{"name":"","keepLastPushed":1}]}"#,
            "`rules[0].name`",
        );
        check(r#"{"rules":[{"name":"a","keepLastPushed":0}]}"#, "by count");
        check(
            r#"{"rules":[{"name":"a","keepPushedWithin":"soon"}]}"#,
            "`soon`",
        );
        check(
            r#"{"rules":[{"name":"a","keepLastPushed":1,"include":["regex:("]}]}"#,
            "`rules[0]`",
        );
        check(r#"{"untaggedAfter":"0d"}"#, "`0d`");
        check(r#"{"rule":[]}"#, "cannot be read");
        assert!(Policy::parse("{}").is_ok());
    }
}
