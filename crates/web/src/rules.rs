//! How a rule of a policy answered, for the verdict card and the decision page.

use gate::{Level, Outcome, RuleOutcome, Verdict};

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

#[cfg(test)]
mod tests {
    use super::*;
    use gate::{Decision, Door, Inputs, Mode, OutcomeCounts, VerdictSubject};

    fn verdict(decision: Decision, effects: &[Decision]) -> Verdict {
        let rules: Vec<RuleOutcome> = effects
            .iter()
            .map(|effect| RuleOutcome {
                id: "p/r".to_owned(),
                condition: "vuln.count".to_owned(),
                title: String::new(),
                outcome: Outcome::Fail,
                level: Level::Deny,
                effect: *effect,
                observed: String::new(),
                required: String::new(),
                summary: String::new(),
                since: None,
                evidence: None,
                remediation: None,
                link: None,
                platform: None,
                waivable: true,
                waiver: None,
                grace: None,
            })
            .collect();
        Verdict {
            schema_version: 1,
            id: None,
            verdict: decision,
            door: Door::Pull,
            mode: Mode::Audit,
            subject: VerdictSubject {
                repository: "a".to_owned(),
                tag: None,
                digest: None,
                platform: None,
            },
            policy: Vec::new(),
            inputs: Inputs {
                evidence: Vec::new(),
                advisories: None,
                at: jiff::Timestamp::UNIX_EPOCH,
            },
            counts: OutcomeCounts::of(&rules),
            rules,
            valid_until: None,
            url: None,
        }
    }

    #[test]
    fn a_chip_counts_the_rules_that_the_sentence_counts() {
        let effects = [
            Decision::Deny,
            Decision::Pending,
            Decision::Warn,
            Decision::Allow,
        ];
        let count = |decision, effects: &[Decision]| {
            crate::VerdictChip::from(&verdict(decision, effects)).rules
        };
        assert_eq!(count(Decision::Deny, &effects), 2);
        assert_eq!(
            count(Decision::Warn, &effects),
            2,
            "only the mode softens them"
        );
        assert_eq!(count(Decision::Warn, &effects[2..]), 1);
        assert_eq!(count(Decision::Allow, &[Decision::Allow]), 0);
    }

    #[test]
    fn only_a_softened_refusal_would_block() {
        assert!(would_block(&verdict(Decision::Warn, &[Decision::Deny])));
        assert!(!would_block(&verdict(Decision::Warn, &[Decision::Warn])));
        assert!(!would_block(&verdict(Decision::Deny, &[Decision::Deny])));
    }

    #[test]
    fn evidence_elsewhere_is_not_linked() {
        assert_eq!(local_address("/api/v1/x#f-1"), Some("/api/v1/x#f-1"));
        assert_eq!(local_address("javascript:alert(1)"), None);
        assert_eq!(local_address("//evil.example"), None);
    }
}
