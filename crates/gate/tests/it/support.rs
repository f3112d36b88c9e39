//! Builders for policies and evidence. Evidence is written as JSON, so that a new optional fact does not touch a test.

use evidence::{Finding, Inventory, MatchReport};
use gate::{Door, EvidenceSet, Outcome, Policy, RuleOutcome, Subject, Verdict, decide};
use jiff::Timestamp;
use oci::Digest;
use serde_json::{Value, json};

/// The instant of most tests.
pub(crate) const NOW: &str = "2026-11-24T06:10:00Z";

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().expect("a test writes valid instants")
}

/// A policy `test` in enforce mode with the given rules, each in flow form.
pub(crate) fn enforcing(rules: &[&str]) -> Policy {
    policy("mode: enforce", rules)
}

/// A policy `test` with the given lines of `spec` (each indented by two) and rules.
pub(crate) fn policy(spec: &str, rules: &[&str]) -> Policy {
    Policy::parse(&policy_text("test", spec, rules)).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn policy_text(name: &str, spec: &str, rules: &[&str]) -> String {
    let mut text = format!(
        "apiVersion: tidegate/v1\nkind: Policy\nmetadata: {{name: {name}}}\nspec:\n  {spec}\n  rules:\n"
    );
    for rule in rules {
        text.push_str("    - ");
        text.push_str(rule);
        text.push('\n');
    }
    text
}

/// An inventory of a sound image, changed by `patch` (RFC 7396).
pub(crate) fn inventory(patch: Value) -> Inventory {
    let mut document = json!({
        "analyser": "test/1",
        "layers": [],
        "packages": [],
        "facts": {
            "platform": "linux/amd64",
            "created": "2026-11-01T00:00:00Z",
            "user": "1000",
            "runs_as_root": false,
        },
        "coverage": "complete",
    });
    merge(&mut document, patch);
    serde_json::from_value(document).expect("a test writes valid inventories")
}

/// A match report of a sound image with the given findings, changed by `patch`.
pub(crate) fn matches(findings: impl IntoIterator<Item = Finding>, patch: Value) -> MatchReport {
    let mut document = json!({
        "snapshot": {"id": Digest::sha256(b"snapshot"), "built_at": "2026-11-24T00:00:00Z"},
        "matched_at": "2026-11-24T06:00:00Z",
        "findings": findings.into_iter().collect::<Vec<_>>(),
        "grade": {"grade": "A", "reason": "no missing important fix", "schedule": [{"grade": "A"}]},
    });
    merge(&mut document, patch);
    serde_json::from_value(document).expect("a test writes valid reports")
}

/// An open, critical, fixable finding in `openssl-libs`, changed by `patch`.
pub(crate) fn finding(id: &str, patch: Value) -> Finding {
    let mut document = json!({
        "id": id,
        "package_type": "rpm",
        "package": "openssl-libs",
        "version": "3.0.7-27",
        "source_package": "openssl",
        "path": "var/lib/rpm/rpmdb.sqlite",
        "severity": "critical",
        "severity_source": "vendor",
        "status": "affected",
        "fix": {"state": "available", "version": "3.0.7-29", "published": "2026-10-10T12:00:00Z"},
        "published": "2026-10-01T00:00:00Z",
        "epss": {"probability": 0.1, "percentile": 0.5},
        "origin": {"feed": "vendor", "record": id},
    });
    merge(&mut document, patch);
    serde_json::from_value(document).expect("a test writes valid findings")
}

fn merge(document: &mut Value, patch: Value) {
    match (document, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (key, value) in patch {
                if value.is_null() {
                    target.remove(&key);
                } else {
                    merge(target.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        (target, patch) => *target = patch,
    }
}

pub(crate) fn set<'a>(inventory: &'a Inventory, matches: &'a MatchReport) -> EvidenceSet<'a> {
    EvidenceSet {
        inventory: Some(inventory),
        matches: Some(matches),
        ..EvidenceSet::default()
    }
}

pub(crate) fn subject() -> Subject<'static> {
    Subject {
        repository: "payments/api",
        tag: Some("2.3.7"),
        platform: Some("linux/amd64"),
        ..Subject::default()
    }
}

/// Decides at the pull door.
pub(crate) fn pull(policies: &[&Policy], evidence: &EvidenceSet<'_>, now: &str) -> Verdict {
    decide(policies, &subject(), evidence, at(now), Door::Pull)
}

/// The outcome of one rule, enforced, at an instant.
pub(crate) fn judge(rule: &str, evidence: &EvidenceSet<'_>, now: &str) -> RuleOutcome {
    let policy = enforcing(&[rule]);
    pull(&[&policy], evidence, now).rules.remove(0)
}

#[track_caller]
pub(crate) fn check(rule: &str, evidence: &EvidenceSet<'_>, now: &str, expected: Outcome) {
    let rule = judge(rule, evidence, now);
    assert_eq!(rule.outcome, expected, "{}: {}", rule.id, rule.observed);
}
