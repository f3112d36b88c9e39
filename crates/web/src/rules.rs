//! How a rule of a policy answered, for the verdict card and the decision page.

use jiff::Timestamp;

/// The outcome of one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleOutcome {
    /// Met.
    Pass,
    /// Not met.
    Fail,
    /// Could not be evaluated.
    Unknown,
    /// Says nothing about this image.
    NotApplicable,
    /// Not met, and excused by a waiver.
    Waived,
    /// Not met, and tolerated until a date.
    Grace,
}

/// What a failure of the rule means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleLevel {
    /// The verdict is deny.
    Deny,
    /// The verdict is warn.
    Warn,
}

/// One rule with what was observed and what is required.
#[derive(Clone, Debug)]
pub struct RuleRow {
    /// `no-fixable-critical`, or `production/no-fixable-critical` where several policies decided.
    pub id: String,
    /// The rule's title.
    pub title: String,
    /// The condition's name: `vuln.count`.
    pub condition: String,
    /// The outcome.
    pub outcome: RuleOutcome,
    /// What a failure means.
    pub level: RuleLevel,
    /// What was found.
    pub observed: String,
    /// What is needed.
    pub required: String,
    /// Since when the rule is not met.
    pub since: Option<Timestamp>,
    /// What to do.
    pub remedy: Option<String>,
    /// The address of the evidence on this site.
    pub evidence: Option<String>,
}

impl RuleRow {
    /// Returns whether the rule belongs to the folded part: passed or not applicable.
    pub fn is_quiet(&self) -> bool {
        matches!(self.outcome, RuleOutcome::Pass | RuleOutcome::NotApplicable)
    }

    pub(crate) fn glyph(&self) -> &'static str {
        match (self.outcome, self.level) {
            (RuleOutcome::Pass, _) => "✓",
            (RuleOutcome::Fail, RuleLevel::Deny) => "✕",
            (RuleOutcome::Fail, RuleLevel::Warn) => "!",
            (RuleOutcome::Unknown, _) => "?",
            (RuleOutcome::NotApplicable, _) => "–",
            (RuleOutcome::Waived | RuleOutcome::Grace, _) => "~",
        }
    }

    pub(crate) fn word(&self) -> &'static str {
        match (self.outcome, self.level) {
            (RuleOutcome::Pass, _) => "passed",
            (RuleOutcome::Fail, RuleLevel::Deny) => "failed",
            (RuleOutcome::Fail, RuleLevel::Warn) => "warns",
            (RuleOutcome::Unknown, _) => "could not be evaluated",
            (RuleOutcome::NotApplicable, _) => "not applicable",
            (RuleOutcome::Waived, _) => "waived",
            (RuleOutcome::Grace, _) => "in grace",
        }
    }

    pub(crate) fn class(&self) -> &'static str {
        match (self.outcome, self.level) {
            (RuleOutcome::Pass, _) => "allow",
            (RuleOutcome::Fail, RuleLevel::Deny) => "deny",
            (RuleOutcome::Fail, RuleLevel::Warn) => "warn",
            (RuleOutcome::Unknown | RuleOutcome::Grace, _) => "wait",
            (RuleOutcome::NotApplicable | RuleOutcome::Waived, _) => "quiet",
        }
    }
}

/// Returns the rules that stand behind a verdict: all that apply and did not pass.
pub(crate) fn loud(rules: &[RuleRow]) -> Vec<&RuleRow> {
    rules.iter().filter(|rule| !rule.is_quiet()).collect()
}

/// Returns the rules that are folded away.
pub(crate) fn quiet(rules: &[RuleRow]) -> Vec<&RuleRow> {
    rules.iter().filter(|rule| rule.is_quiet()).collect()
}
