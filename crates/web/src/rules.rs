//! How a rule of a policy answered, for the verdict card and the decision page.

use gate::{Decision, Level, Outcome, RuleOutcome, Verdict};

/// Counts the rules that made the decision what it is, as the explain text does: those that refuse or wait where the
/// image is refused or waits, else those that warn.
pub(crate) fn behind(verdict: &Verdict) -> usize {
    let least = match verdict.verdict {
        Decision::Deny | Decision::Pending => Decision::Pending,
        Decision::Warn | Decision::Allow => Decision::Warn,
    };
    let rules = verdict.rules.iter();
    rules.filter(|rule| rule.effect >= least).count()
}

/// Returns whether only the policy's mode lets the image through.
pub(crate) fn would_block(verdict: &Verdict) -> bool {
    verdict.verdict.lets_through() && verdict.rules.iter().any(|r| !r.effect.lets_through())
}

/// Returns the rules to show first: all that apply and did not pass.
pub(crate) fn loud(rules: &[RuleOutcome]) -> Vec<&RuleOutcome> {
    rules.iter().filter(|rule| !is_quiet(rule)).collect()
}

/// Returns the rules that are folded away.
pub(crate) fn quiet(rules: &[RuleOutcome]) -> Vec<&RuleOutcome> {
    rules.iter().filter(|rule| is_quiet(rule)).collect()
}

fn is_quiet(rule: &RuleOutcome) -> bool {
    matches!(rule.outcome, Outcome::Pass | Outcome::NotApplicable)
}

/// Returns the glyph before the title.
pub(crate) fn glyph(rule: &RuleOutcome) -> &'static str {
    match (rule.outcome, rule.level) {
        (Outcome::Pass, _) => "✓",
        (Outcome::Fail, Level::Deny) => "✕",
        (Outcome::Fail, Level::Warn) => "!",
        (Outcome::Unknown, _) => "?",
        (Outcome::NotApplicable, _) => "–",
        (Outcome::Waived | Outcome::Grace, _) => "~",
    }
}

/// Returns the word after the title.
pub(crate) fn word(rule: &RuleOutcome) -> &'static str {
    match (rule.outcome, rule.level) {
        (Outcome::Pass, _) => "passed",
        (Outcome::Fail, Level::Deny) => "failed",
        (Outcome::Fail, Level::Warn) => "failed, warns only",
        (Outcome::Unknown, _) => "could not be evaluated",
        (Outcome::NotApplicable, _) => "not applicable",
        (Outcome::Waived, _) => "waived",
        (Outcome::Grace, _) => "tolerated for a time",
    }
}

/// Returns the style class.
pub(crate) fn class(rule: &RuleOutcome) -> &'static str {
    match (rule.outcome, rule.level) {
        (Outcome::Pass, _) => "allow",
        (Outcome::Fail, Level::Deny) => "deny",
        (Outcome::Fail, Level::Warn) => "warn",
        (Outcome::Unknown | Outcome::Grace, _) => "wait",
        (Outcome::NotApplicable | Outcome::Waived, _) => "quiet",
    }
}

/// Returns an address only if it stays on this site: evidence is named by path.
pub(crate) fn local_address(address: &str) -> Option<&str> {
    (crate::routes::local_return(address) == address).then_some(address)
}
