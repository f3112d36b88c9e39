//! Image indexes: own rules, children, children that are not there.

use gate::{
    Decision, Door, EvidenceSet, IndexChild, Mode, Outcome, Policy, Subject, SubjectKind, Verdict,
    combine_index, decide, explain,
};
use oci::Digest;
use serde_json::json;

use super::support::{
    NOW, at, enforcing, finding, inventory, matches, policy, policy_text, pull, set,
};

const CRITICAL: &str = "{id: no-critical, when: vuln.count, with: {severity: critical}}";

fn own(policies: &[&Policy]) -> Verdict {
    let digest = Digest::sha256(b"index");
    let subject = Subject {
        repository: "payments/api",
        tag: Some("2.3.7"),
        digest: Some(&digest),
        platform: None,
        kind: SubjectKind::Index,
    };
    decide(
        policies,
        &subject,
        &EvidenceSet::default(),
        at(NOW),
        Door::Pull,
    )
}

fn child(policies: &[&Policy], is_bad: bool) -> Verdict {
    let findings = if is_bad {
        vec![finding("CVE-2026-1", json!({}))]
    } else {
        vec![]
    };
    let (inventory, matches) = (inventory(json!({})), matches(findings, json!({})));
    pull(policies, &set(&inventory, &matches), NOW)
}

fn amd64(verdict: Option<&Verdict>) -> IndexChild<'_> {
    IndexChild {
        platform: "linux/amd64",
        verdict,
    }
}

fn arm64(verdict: Option<&Verdict>) -> IndexChild<'_> {
    IndexChild {
        platform: "linux/arm64",
        verdict,
    }
}

#[test]
fn content_conditions_are_left_to_the_children() {
    let verdict = own(&[&enforcing(&[CRITICAL, "{id: user, when: config.user}"])]);
    assert_eq!(verdict.verdict, Decision::Allow);
    assert!(
        verdict
            .rules
            .iter()
            .all(|rule| rule.outcome == Outcome::NotApplicable)
    );
}

#[test]
fn conditions_on_digests_judge_the_index_itself() {
    let digest = Digest::sha256(b"index");
    let rule = format!(
        "{{id: blocked, when: deny.digest, with: {{digests: [{{digest: \"{digest}\", reason: bad}}]}}}}"
    );
    assert_eq!(own(&[&enforcing(&[&rule])]).verdict, Decision::Deny);
}

#[test]
fn the_worst_child_decides_and_is_named() {
    let policy = enforcing(&[CRITICAL]);
    let (good, bad) = (child(&[&policy], false), child(&[&policy], true));
    let verdict = combine_index(own(&[&policy]), &[amd64(Some(&good)), arm64(Some(&bad))]);
    assert_eq!(verdict.verdict, Decision::Deny);
    assert_eq!(verdict.rules[0].platform.as_deref(), Some("linux/arm64"));
    assert_eq!(verdict.counts.fail, 1);
    insta::assert_snapshot!(explain(&verdict), @"test blocks payments/api:2.3.7 (1 of 2 rules): no-critical (linux/arm64): CVE-2026-1 openssl-libs 3.0.7-27, fixed in 3.0.7-29.");
    let both_good = combine_index(own(&[&policy]), &[amd64(Some(&good)), arm64(Some(&good))]);
    assert_eq!(both_good.verdict, Decision::Allow);
}

#[test]
fn an_absent_child_is_unknown_and_refuses() {
    let policy = enforcing(&[CRITICAL]);
    let good = child(&[&policy], false);
    let verdict = combine_index(own(&[&policy]), &[amd64(Some(&good)), arm64(None)]);
    assert_eq!(verdict.verdict, Decision::Deny);
    assert_eq!(verdict.rules[0].outcome, Outcome::Unknown);
    insta::assert_snapshot!(explain(&verdict), @"test blocks payments/api:2.3.7 (1 of 2 rules): children (linux/arm64): the image of this platform is not in the registry.");
}

#[test]
fn an_index_without_images_is_unknown() {
    assert_eq!(
        combine_index(own(&[&enforcing(&[CRITICAL])]), &[]).verdict,
        Decision::Deny
    );
    assert_eq!(combine_index(own(&[]), &[]).verdict, Decision::Allow);
}

#[test]
fn audit_softens_absent_children_too() {
    let policy = policy("mode: audit", &[CRITICAL]);
    let verdict = combine_index(own(&[&policy]), &[amd64(None)]);
    assert_eq!(
        (verdict.verdict, verdict.mode),
        (Decision::Warn, Mode::Audit)
    );
}

#[test]
fn an_enforcing_policy_refuses_absent_children_though_another_only_warns() {
    let digest = Digest::sha256(b"index");
    let listed = format!(
        "{{id: only, when: deny.digest, with: {{digests: [{{digest: \"{digest}\", reason: old}}]}}}}"
    );
    let warning = Policy::parse(&policy_text("warning", "mode: warn", &[&listed])).unwrap();
    let strict = Policy::parse(&policy_text("strict", "mode: enforce", &[CRITICAL])).unwrap();
    let verdict = combine_index(own(&[&warning, &strict]), &[amd64(None)]);
    assert_eq!(
        (verdict.verdict, verdict.mode),
        (Decision::Deny, Mode::Enforce)
    );
}

#[test]
fn the_earliest_change_of_any_child_counts() {
    let rule = "{id: age, when: image.age, with: {max: 60d}}";
    let policy = enforcing(&[rule]);
    let good = child(&[&policy], false);
    let verdict = combine_index(own(&[&policy]), &[amd64(Some(&good))]);
    assert_eq!(verdict.valid_until, Some(at("2026-12-31T00:00:00Z")));
}
