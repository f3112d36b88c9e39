//! The sentence, for each decision and for hostile text; and the whole document once.

use gate::{Decision, Door, EvidenceSet, MAX_EXPLAIN_CHARS, Policy, Verdict, decide, explain};
use oci::Digest;
use serde_json::json;

use super::support::{
    NOW, at, enforcing, finding, inventory, matches, policy, policy_text, pull, set, subject,
};

const RULES: [&str; 4] = [
    "{id: scanned, when: evidence.present, with: {kinds: [vulnerabilities]}}",
    "{id: no-fixable-critical, when: vuln.count, with: {severity: \">=critical\", fixable: true}}",
    "{id: health, when: health.grade, with: {atLeast: C}}",
    "{id: non-root, when: config.user, level: warn}",
];

/// A verdict on an image with a critical finding, grade D and root.
fn bad_image(policies: &[&Policy]) -> Verdict {
    let inventory = inventory(json!({"facts": {"user": "", "runs_as_root": true}}));
    let grade = json!({"grade": {"grade": "D", "reason": "far behind", "schedule": [
        {"grade": "D"}, {"grade": "E", "from": "2027-01-10T00:00:00Z"},
    ]}});
    let matches = matches(vec![finding("CVE-2026-31337", json!({}))], grade);
    let (inventory_id, matches_id) = (Digest::sha256(b"inventory"), Digest::sha256(b"matches"));
    let set = EvidenceSet {
        inventory_id: Some(&inventory_id),
        matches_id: Some(&matches_id),
        ..set(&inventory, &matches)
    };
    pull(policies, &set, NOW)
        .with_address("01JD9K2QH4", "https://registry.example.com/d/01JD9K2QH4")
}

fn waiting(policies: &[&Policy]) -> Verdict {
    let evidence = EvidenceSet {
        pending: true,
        ..EvidenceSet::default()
    };
    pull(policies, &evidence, NOW)
        .with_address("01JD9K2QH4", "https://registry.example.com/d/01JD9K2QH4")
}

fn good_image(policies: &[&Policy]) -> Verdict {
    let (inventory, matches) = (inventory(json!({})), matches(vec![], json!({})));
    pull(policies, &set(&inventory, &matches), NOW)
}

#[test]
fn the_document_of_a_refusal() {
    let verdict = bad_image(&[&enforcing(&RULES)]);
    insta::assert_json_snapshot!("refusal", verdict);
}

#[test]
fn the_document_of_missing_evidence() {
    let verdict = waiting(&[&enforcing(&RULES)]);
    insta::assert_json_snapshot!("pending", verdict);
}

#[test]
fn a_refusal_names_rule_flaw_package_and_fix() {
    insta::assert_snapshot!(explain(&bad_image(&[&enforcing(&RULES)])), @"test blocks payments/api:2.3.7 (2 of 4 rules): no-fixable-critical: CVE-2026-31337 openssl-libs 3.0.7-27, fixed in 3.0.7-29; health: D, needs C. https://registry.example.com/d/01JD9K2QH4");
}

#[test]
fn a_warning_says_that_nothing_was_refused() {
    let rule = ["{id: non-root, when: config.user, level: warn}"];
    insta::assert_snapshot!(explain(&bad_image(&[&enforcing(&rule)])), @"test warns about payments/api:2.3.7 (1 of 1 rule): non-root: runs as root. https://registry.example.com/d/01JD9K2QH4");
}

#[test]
fn audit_says_what_would_happen() {
    insta::assert_snapshot!(explain(&bad_image(&[&policy("mode: audit", &RULES)])), @"test would block payments/api:2.3.7 (audit mode, 2 of 4 rules): no-fixable-critical: CVE-2026-31337 openssl-libs 3.0.7-27, fixed in 3.0.7-29; health: D, needs C. https://registry.example.com/d/01JD9K2QH4");
}

#[test]
fn a_day_in_the_future_is_named() {
    let policy = policy("mode: enforce\n  effectiveOn: 2026-12-01", &RULES);
    insta::assert_snapshot!(explain(&bad_image(&[&policy])), @"test would block payments/api:2.3.7 (enforced from 2026-12-01, 2 of 4 rules): no-fixable-critical: CVE-2026-31337 openssl-libs 3.0.7-27, fixed in 3.0.7-29; health: D, needs C. https://registry.example.com/d/01JD9K2QH4");
}

#[test]
fn pending_says_what_it_waits_for() {
    let sentence = explain(&waiting(&[&enforcing(&RULES)]));
    assert!(sentence.starts_with("pending: "));
    insta::assert_snapshot!(sentence, @"pending: test waits for payments/api:2.3.7 (3 of 4 rules): scanned, no-fixable-critical, health: analysis running. https://registry.example.com/d/01JD9K2QH4");
}

#[test]
fn a_failed_analysis_says_so() {
    let evidence = EvidenceSet {
        failed: Some("layer 3 could not be read"),
        ..EvidenceSet::default()
    };
    insta::assert_snapshot!(explain(&pull(&[&enforcing(&RULES[..1])], &evidence, NOW)), @"test blocks payments/api:2.3.7 (1 of 1 rule): scanned: analysis failed: layer 3 could not be read.");
}

#[test]
fn a_pass_is_short() {
    insta::assert_snapshot!(explain(&good_image(&[&enforcing(&RULES)])), @"test allows payments/api:2.3.7 (4 rules).");
}

#[test]
fn no_policy_is_said() {
    insta::assert_snapshot!(explain(&good_image(&[])), @"no policy applies to payments/api:2.3.7.");
}

#[test]
fn grace_names_its_end() {
    let spec = "mode: enforce\n  grace: {newFinding: {critical: 60d}}";
    insta::assert_snapshot!(explain(&bad_image(&[&policy(spec, &RULES[1..2])])), @"test warns about payments/api:2.3.7 (1 of 1 rule): no-fixable-critical: CVE-2026-31337 openssl-libs 3.0.7-27, fixed in 3.0.7-29 (tolerated until 2026-12-09). https://registry.example.com/d/01JD9K2QH4");
}

#[test]
fn several_policies_are_told_apart() {
    let parse = |name: &str, rule: &str| {
        Policy::parse(&policy_text(name, "mode: enforce", &[rule])).unwrap()
    };
    let (base, production) = (parse("base", RULES[2]), parse("production", RULES[1]));
    insta::assert_snapshot!(explain(&bad_image(&[&base, &production])), @"base and production block payments/api:2.3.7 (2 of 2 rules): production/no-fixable-critical: CVE-2026-31337 openssl-libs 3.0.7-27, fixed in 3.0.7-29; base/health: D, needs C. https://registry.example.com/d/01JD9K2QH4");
}

#[test]
fn hostile_text_stays_one_short_ascii_line() {
    let nasty = "x\r\nWarning: 299 \u{202e}\u{7}".to_owned() + &"\u{1f600}y".repeat(5000);
    let inventory = inventory(json!({"facts": {"user": nasty, "runs_as_root": true}}));
    let findings: Vec<_> = (0..9)
        .map(|n| {
            finding(
                &format!("CVE-{n}-{nasty}"),
                json!({"package": nasty, "version": nasty}),
            )
        })
        .collect();
    let matches = matches(findings, json!({}));
    let rules = [
        RULES[1],
        RULES[3],
        "{id: labels, when: config.labels, with: {required: [a]}}",
    ];
    let long_name = "a".repeat(255);
    for url in [
        "https://registry.example.com/d/1",
        &"https://e.com/".repeat(40),
        "bad\nurl",
    ] {
        let verdict = decide(
            &[&enforcing(&rules)],
            &gate::Subject {
                repository: &long_name,
                ..subject()
            },
            &set(&inventory, &matches),
            at(NOW),
            Door::Pull,
        )
        .with_address("1", url);
        assert_eq!(verdict.verdict, Decision::Deny);
        let sentence = explain(&verdict);
        assert!(sentence.len() <= MAX_EXPLAIN_CHARS, "{}", sentence.len());
        assert!(
            sentence.bytes().all(|b| matches!(b, b' '..=b'~')),
            "{sentence}"
        );
        for rule in ["no-fixable-critical", "labels"] {
            assert!(sentence.contains(rule), "{sentence}");
        }
    }
}
