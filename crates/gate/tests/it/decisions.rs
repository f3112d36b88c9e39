//! From outcomes to a decision: levels, modes, doors, missing evidence, grace, order.

use gate::{
    Decision, Door, EvidenceSet, Level, Mode, Outcome, Policy, Subject, decide, starter_policy,
};
use rstest::rstest;
use serde_json::json;

use super::support::{
    NOW, at, enforcing, finding, inventory, matches, policy, policy_text, pull, set, subject,
};
use Decision::{Allow, Deny, Pending, Warn};

const DENY_CRITICAL: &str =
    "{id: no-critical, when: vuln.count, with: {severity: critical}, level: deny}";
const WARN_CRITICAL: &str =
    "{id: few-critical, when: vuln.count, with: {severity: critical}, level: warn}";
const SCANNED: &str = "when: evidence.present, with: {kinds: [vulnerabilities]}";

#[rstest]
#[case(&[], Allow)]
#[case(&[WARN_CRITICAL], Warn)]
#[case(&[DENY_CRITICAL], Deny)]
#[case(&[WARN_CRITICAL, DENY_CRITICAL], Deny)]
fn the_strictest_rule_decides(#[case] more: &[&str], #[case] expected: Decision) {
    let mut rules = vec!["{id: user, when: config.user}"];
    rules.extend(more);
    let policy = enforcing(&rules);
    let inventory = inventory(json!({}));
    let matches = matches(vec![finding("CVE-2026-1", json!({}))], json!({}));
    assert_eq!(
        pull(&[&policy], &set(&inventory, &matches), NOW).verdict,
        expected
    );
}

#[rstest]
#[case("audit", Door::Pull, Warn, Mode::Audit, false)]
#[case("warn", Door::Pull, Warn, Mode::Warn, true)]
#[case("enforce", Door::Pull, Deny, Mode::Enforce, true)]
#[case(
    "enforce\n  doors: {pull: audit}",
    Door::Pull,
    Warn,
    Mode::Audit,
    false
)]
#[case(
    "enforce\n  doors: {pull: audit}",
    Door::Admit,
    Deny,
    Mode::Enforce,
    true
)]
#[case("audit\n  doors: {ci: enforce}", Door::Ci, Deny, Mode::Enforce, true)]
#[case("audit\n  doors: {ci: enforce}", Door::Push, Warn, Mode::Audit, false)]
fn the_mode_of_the_door_softens(
    #[case] mode: &str,
    #[case] door: Door,
    #[case] expected: Decision,
    #[case] expected_mode: Mode,
    #[case] speaks: bool,
) {
    let policy = policy(&format!("mode: {mode}"), &[DENY_CRITICAL]);
    let inventory = inventory(json!({}));
    let matches = matches(vec![finding("CVE-2026-1", json!({}))], json!({}));
    let set = set(&inventory, &matches);
    let verdict = decide(&[&policy], &subject(), &set, at(NOW), door);
    assert_eq!((verdict.verdict, verdict.mode), (expected, expected_mode));
    assert_eq!(verdict.speaks(), speaks);
    assert_eq!(verdict.rules[0].effect, Deny, "the rule's own word stays");
}

#[rstest]
#[case::default("", EvidenceSet::default(), Deny)]
#[case::default_with_a_job("", EvidenceSet { pending: true, ..EvidenceSet::default() }, Pending)]
#[case::failed("", EvidenceSet { failed: Some("x"), ..EvidenceSet::default() }, Deny)]
#[case::unsupported_never_arrives(
    "",
    EvidenceSet { unsupported: Some("x"), pending: true, ..EvidenceSet::default() },
    Deny
)]
#[case::chosen_pending(", on_missing: pending", EvidenceSet::default(), Pending)]
#[case::chosen_deny(
    ", on_missing: deny",
    EvidenceSet { pending: true, ..EvidenceSet::default() },
    Deny
)]
#[case::chosen_warn(", on_missing: warn", EvidenceSet::default(), Warn)]
#[case::chosen_skip(", on_missing: skip", EvidenceSet::default(), Allow)]
#[case::a_warning_never_refuses(", level: warn", EvidenceSet::default(), Warn)]
#[case::unless_it_says_so(", level: warn, on_missing: deny", EvidenceSet::default(), Deny)]
fn missing_evidence_follows_the_rule(
    #[case] words: &str,
    #[case] evidence: EvidenceSet<'_>,
    #[case] expected: Decision,
) {
    let policy = enforcing(&[&format!("{{id: scanned, {SCANNED}{words}}}")]);
    let verdict = pull(&[&policy], &evidence, NOW);
    assert_eq!(verdict.verdict, expected);
    assert_eq!(verdict.rules[0].outcome, Outcome::Unknown);
    assert_eq!(verdict.counts.unknown, 1);
}

#[rstest]
#[case("2026-11-24T06:59:59Z", Pending, Some("2026-11-24T07:00:00Z"))]
#[case("2026-11-24T07:00:00Z", Deny, None)]
fn waiting_ends(#[case] now: &str, #[case] expected: Decision, #[case] until: Option<&str>) {
    let rule = format!("{{id: scanned, {SCANNED}}}");
    let policy = policy("mode: enforce\n  pending: {maxAge: 1h}", &[&rule]);
    let evidence = EvidenceSet {
        pending: true,
        pending_since: Some(at("2026-11-24T06:00:00Z")),
        ..EvidenceSet::default()
    };
    let verdict = pull(&[&policy], &evidence, now);
    assert_eq!(verdict.verdict, expected);
    assert_eq!(verdict.valid_until, until.map(at));
    let timed_out = verdict.rules[0].observed.contains("evidence.timeout");
    assert_eq!(timed_out, expected == Deny);
}

#[rstest]
#[case("2026-11-30T23:59:59Z", Warn, Some("2026-12-01T00:00:00Z"))]
#[case("2026-12-01T00:00:00Z", Deny, None)]
fn before_its_day_a_policy_warns(
    #[case] now: &str,
    #[case] expected: Decision,
    #[case] until: Option<&str>,
) {
    let policy = policy("mode: enforce\n  effectiveOn: 2026-12-01", &[DENY_CRITICAL]);
    let inventory = inventory(json!({}));
    let matches = matches(vec![finding("CVE-2026-1", json!({}))], json!({}));
    let verdict = pull(&[&policy], &set(&inventory, &matches), now);
    assert_eq!(verdict.verdict, expected);
    assert_eq!(verdict.valid_until, until.map(at));
    let day = verdict.policy[0].enforced_from.map(|day| day.to_string());
    assert_eq!(day.as_deref(), until.map(|_| "2026-12-01"));
}

const GRACE: &str = "mode: enforce\n  grace: {newFinding: {critical: 7d}, since: fix_available}";

#[rstest]
#[case::a_second_before("2026-10-17T11:59:59Z", Outcome::Grace, Warn)]
#[case::at_the_end("2026-10-17T12:00:00Z", Outcome::Fail, Deny)]
fn a_new_finding_is_tolerated_until_its_grace_ends(
    #[case] now: &str,
    #[case] outcome: Outcome,
    #[case] expected: Decision,
) {
    let policy = policy(GRACE, &[DENY_CRITICAL]);
    let inventory = inventory(json!({}));
    let matches = matches(vec![finding("CVE-2026-1", json!({}))], json!({}));
    let verdict = pull(&[&policy], &set(&inventory, &matches), now);
    assert_eq!(
        (verdict.rules[0].outcome, verdict.verdict),
        (outcome, expected)
    );
    let until = verdict.rules[0].grace.as_ref().map(|grace| grace.until);
    assert_eq!(until, verdict.valid_until);
    assert_eq!(until.is_some(), outcome == Outcome::Grace);
}

#[test]
fn grace_ends_when_more_are_too_old_than_tolerated() {
    let rule = "{id: few, when: vuln.count, with: {severity: critical, max: 1}}";
    let policy = policy(GRACE, &[rule]);
    let fixed = |id: &str, day: &str| {
        let published = format!("{day}T00:00:00Z");
        finding(id, json!({"fix": {"published": published}}))
    };
    let findings = vec![
        fixed("CVE-2026-1", "2026-11-20"),
        fixed("CVE-2026-2", "2026-11-22"),
        fixed("CVE-2026-3", "2026-11-23"),
        // The same vulnerability in an older fix: the oldest counts.
        fixed("CVE-2026-3", "2026-11-21"),
    ];
    let (inventory, matches) = (inventory(json!({})), matches(findings, json!({})));
    let verdict = pull(&[&policy], &set(&inventory, &matches), NOW);
    assert_eq!(verdict.rules[0].outcome, Outcome::Grace);
    assert_eq!(verdict.valid_until, Some(at("2026-11-28T00:00:00Z")));
}

#[test]
fn grace_covers_neither_a_denied_id_nor_an_incomplete_analysis() {
    let young = finding(
        "CVE-2026-1",
        json!({"fix": {"published": "2026-11-23T00:00:00Z"}}),
    );
    let denied = policy(
        GRACE,
        &["{id: deny, when: vuln.deny, with: {ids: [CVE-2026-1]}}"],
    );
    let counted = policy(GRACE, &[DENY_CRITICAL]);
    let whole = inventory(json!({}));
    let partial = inventory(json!({"coverage": "partial"}));
    let matches = matches(vec![young], json!({}));
    let outcome = |policy: &Policy, inventory| {
        pull(&[policy], &set(inventory, &matches), NOW).rules[0].outcome
    };
    assert_eq!(outcome(&denied, &whole), Outcome::Fail);
    assert_eq!(outcome(&counted, &whole), Outcome::Grace);
    assert_eq!(outcome(&counted, &partial), Outcome::Unknown);
}

#[test]
fn an_image_that_was_read_in_part_was_not_scanned() {
    let scanned = policy(
        "mode: enforce",
        &["{id: scanned, when: evidence.present, with: {kinds: [vulnerabilities]}}"],
    );
    let matches = matches(vec![], json!({}));
    let outcome = |inventory| pull(&[&scanned], &set(inventory, &matches), NOW).rules[0].outcome;
    let whole = inventory(json!({}));
    let partial = inventory(json!({"coverage": "partial"}));
    assert_eq!(outcome(&whole), Outcome::Pass);
    assert_eq!(outcome(&partial), Outcome::Unknown);
    assert_eq!(
        pull(&[&scanned], &set(&partial, &matches), NOW).verdict,
        Deny
    );
}

#[test]
fn several_policies_all_count_and_the_strictest_wins() {
    let parse = |name: &str, mode: &str, rule: &str| {
        Policy::parse(&policy_text(name, &format!("mode: {mode}"), &[rule])).unwrap()
    };
    let lenient = parse("lenient", "audit", DENY_CRITICAL);
    let strict = parse("strict", "enforce", WARN_CRITICAL);
    let inventory = inventory(json!({}));
    let matches = matches(vec![finding("CVE-2026-1", json!({}))], json!({}));
    let set = set(&inventory, &matches);
    let verdict = pull(&[&strict, &lenient], &set, NOW);
    assert_eq!((verdict.verdict, verdict.mode), (Warn, Mode::Enforce));
    let names: Vec<_> = verdict.policy.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["lenient", "strict"]);
    assert_eq!(
        verdict,
        pull(&[&lenient, &strict], &set, NOW),
        "the order does not matter"
    );
    let refusing = parse("refusing", "enforce", DENY_CRITICAL);
    assert_eq!(
        pull(&[&strict, &lenient, &refusing], &set, NOW).verdict,
        Deny
    );
}

#[test]
fn without_a_policy_nothing_is_demanded() {
    let verdict = pull(&[], &EvidenceSet::default(), NOW);
    assert_eq!((verdict.verdict, verdict.valid_until), (Allow, None));
    assert!(verdict.policy.is_empty());
}

#[test]
fn rules_are_ordered_worst_first() {
    let policy = policy(
        GRACE,
        &[
            "{id: ok, when: config.user}",
            "{id: skipped, when: config.user, platforms: [linux/s390x]}",
            "{id: young, when: vuln.count, with: {severity: critical}}",
            "{id: soft, when: vuln.count, with: {severity: high}, level: warn}",
            "{id: dark, when: feed.age, with: {max: 9d, source: nowhere}}",
            "{id: low-fail, when: vuln.count, with: {severity: low}}",
            "{id: high-fail, when: vuln.count, with: {severity: high}}",
        ],
    );
    let young = json!({"fix": {"published": "2026-11-23T00:00:00Z"}});
    let findings = vec![
        finding("CVE-2026-1", young),
        finding("CVE-2026-2", json!({"severity": "high"})),
        finding("CVE-2026-3", json!({"severity": "low"})),
    ];
    let (inventory, matches) = (inventory(json!({})), matches(findings, json!({})));
    let verdict = pull(&[&policy], &set(&inventory, &matches), NOW);
    let ids: Vec<_> = verdict.rules.iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "test/high-fail",
            "test/low-fail",
            "test/dark",
            "test/soft",
            "test/young",
            "test/ok",
            "test/skipped",
        ]
    );
    let counts = verdict.counts;
    assert_eq!((counts.fail, counts.unknown, counts.warn), (2, 1, 1));
    assert_eq!(
        (counts.grace, counts.pass, counts.not_applicable),
        (1, 1, 1)
    );
}

#[test]
fn the_hash_covers_the_decision_and_not_its_address() {
    let policy = enforcing(&[DENY_CRITICAL]);
    let (inventory, matches) = (inventory(json!({})), matches(vec![], json!({})));
    let set = set(&inventory, &matches);
    let verdict = pull(&[&policy], &set, NOW);
    let hash = verdict.sha256();
    let addressed = verdict
        .clone()
        .with_address("01JD9K2QH4", "https://registry.example.com/d/01JD9K2QH4");
    assert_eq!(addressed.sha256(), hash);
    let at_ci = decide(&[&policy], &subject(), &set, at(NOW), Door::Ci);
    assert_eq!(at_ci.sha256(), hash);
    let later = pull(&[&policy], &set, "2026-11-24T06:10:01Z");
    assert_ne!(later.sha256(), hash);
    let read: gate::Verdict = serde_json::from_str(&addressed.to_canonical_json()).unwrap();
    assert_eq!(read, addressed);
}

#[test]
fn a_verdict_stored_by_the_first_version_loads_unchanged() {
    let text = include_str!("../../testdata/v1/verdict.json");
    let stored: serde_json::Value = serde_json::from_str(text).unwrap();
    let verdict: gate::Verdict = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_value(&verdict).unwrap(), stored);
}

#[test]
fn foreign_text_in_a_verdict_is_bounded() {
    let policy = enforcing(&["{id: user, when: config.user}"]);
    let user = "\u{e9}".repeat(100_000);
    let inventory = inventory(json!({"facts": {"user": user, "runs_as_root": true}}));
    let matches = matches(vec![], json!({}));
    let verdict = pull(&[&policy], &set(&inventory, &matches), NOW);
    assert_eq!(verdict.rules[0].observed.chars().count(), 1_003);
}

#[test]
fn the_starter_policy_refuses_nothing_and_names_what_it_would() {
    let starter = starter_policy();
    assert_eq!(starter.mode(), Mode::Audit);
    assert!(starter.applies_to(&Subject {
        repository: "any/thing",
        ..Subject::default()
    }));
    let inventory = inventory(json!({"facts": {"user": "", "runs_as_root": true}}));
    let matches = matches(vec![finding("CVE-2026-1", json!({}))], json!({}));
    let verdict = pull(&[&starter], &set(&inventory, &matches), NOW);
    assert_eq!(verdict.verdict, Warn);
    assert_eq!(
        (verdict.rules[0].id.as_str(), verdict.rules[0].level),
        ("starter/no-old-fixable-critical", Level::Deny)
    );
    for door in Door::ALL {
        let verdict = decide(
            &[&starter],
            &subject(),
            &EvidenceSet::default(),
            at(NOW),
            door,
        );
        assert_eq!(verdict.verdict, Warn);
    }
}
