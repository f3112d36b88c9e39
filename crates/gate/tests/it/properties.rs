//! What holds for all evidence and all instants.

use evidence::{Finding, Inventory, MatchReport};
use gate::{Decision, Door, EvidenceSet, Policy, Verdict, decide, explain};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::support::{at, finding, inventory, matches, policy, set, subject};

const SPECS: [&str; 4] = [
    "mode: enforce",
    "mode: audit\n  doors: {pull: enforce}",
    "mode: enforce\n  effectiveOn: 2026-11-26\n  pending: {maxAge: 90m}",
    "mode: enforce\n  grace: {newFinding: {critical: 40d, high: 2d}, since: published}",
];

/// Every condition that a clock or missing evidence can turn, and some that neither can.
const RULES: [&str; 16] = [
    "{id: scanned, when: evidence.present, with: {kinds: [vulnerabilities]}}",
    "{id: age, when: vuln.age, with: {maxAge: {critical: 3d, high: 9d}}}",
    "{id: age-few, when: vuln.age, with: {maxAge: {critical: 1d}, max: 1, since: published}}",
    "{id: count, when: vuln.count, with: {severity: \">=high\", max: 1}}",
    "{id: none, when: vuln.count, with: {severity: critical}}",
    "{id: kev, when: vuln.kev, with: {overdueOnly: true}}",
    "{id: cvss, when: vuln.cvss, with: {min: 7}}",
    "{id: epss, when: vuln.epss, with: {min: 0.5}}",
    "{id: ids, when: vuln.deny, with: {ids: [CVE-2026-1]}}",
    "{id: health, when: health.grade, with: {atLeast: B}}",
    "{id: drop, when: health.drop, with: {within: 2d}, level: warn}",
    "{id: built, when: image.age, with: {max: 20d}}",
    "{id: fresh, when: evidence.age, with: {kind: vulnerabilities, max: 24h}}",
    "{id: feed, when: feed.age, with: {max: 3d}, level: warn}",
    "{id: whole, when: evidence.diagnostics}",
    "{id: user, when: config.user}",
];

/// Offsets in seconds around the tests' instants, on whole and odd seconds.
fn instant() -> impl Strategy<Value = Timestamp> {
    (
        -40_i64..40,
        prop_oneof![Just(0_i64), Just(1), Just(-1), 0_i64..86_400],
    )
        .prop_map(|(days, secs)| {
            at("2026-11-24T00:00:00Z") + SignedDuration::from_secs(days * 86_400 + secs)
        })
}

fn optional_instant() -> impl Strategy<Value = Option<Timestamp>> {
    proptest::option::weighted(0.8, instant())
}

fn any_finding() -> impl Strategy<Value = Finding> {
    (
        0..6_u32,
        prop_oneof![Just("critical"), Just("high"), Just("low")],
        prop_oneof![4 => Just("affected"), 1 => Just("unknown"), 1 => Just("under-investigation")],
        any::<bool>(),
        optional_instant(),
        optional_instant(),
        proptest::option::weighted(0.3, instant()),
        proptest::option::of(0.0..10.0_f64),
    )
        .prop_map(
            |(id, severity, status, fixed, fix_day, published, due, score)| {
                let fix = if fixed {
                    json!({"state": "available", "version": "2", "published": fix_day})
                } else {
                    json!({"state": "none-yet", "version": null, "published": null})
                };
                let mut patch = json!({
                    "severity": severity, "status": status, "fix": fix, "published": published,
                });
                if let Some(due) = due {
                    let due = due.strftime("%Y-%m-%d").to_string();
                    patch["kev"] = json!({"added": "2026-01-01", "due": due, "ransomware": false});
                }
                if let Some(score) = score {
                    patch["cvss"] = json!({"vector": "", "score": score});
                    patch["epss"] = json!({"probability": score / 10.0, "percentile": 0.5});
                }
                finding(&format!("CVE-2026-{id}"), patch)
            },
        )
}

fn any_inventory() -> impl Strategy<Value = Inventory> {
    (
        optional_instant(),
        proptest::option::of(any::<bool>()),
        prop_oneof![4 => Just("complete"), 1 => Just("partial")],
    )
        .prop_map(|(created, root, coverage)| {
            inventory(json!({
                "coverage": coverage, "facts": {"created": created, "runs_as_root": root},
            }))
        })
}

fn any_matches() -> impl Strategy<Value = MatchReport> {
    (
        proptest::collection::vec(any_finding(), 0..6),
        instant(),
        instant(),
        proptest::collection::btree_set(instant(), 0..4),
    )
        .prop_map(|(findings, matched_at, built_at, drops)| {
            let mut schedule = vec![json!({"grade": "A"})];
            for (drop, grade) in drops.into_iter().zip(["B", "C", "D", "E"]) {
                schedule.push(json!({"grade": grade, "from": drop}));
            }
            let grade = json!({"grade": "A", "reason": "", "schedule": schedule});
            matches(
                findings,
                json!({"matched_at": matched_at, "snapshot": {"built_at": built_at}, "grade": grade}),
            )
        })
}

fn any_policy() -> impl Strategy<Value = Policy> {
    (
        proptest::sample::select(&SPECS[..]),
        proptest::sample::subsequence(&RULES[..], 1..=RULES.len()),
    )
        .prop_map(|(spec, rules)| policy(spec, &rules))
}

fn at_pull(policy: &Policy, evidence: &EvidenceSet<'_>, now: Timestamp) -> Verdict {
    decide(&[policy], &subject(), evidence, now, Door::Pull)
}

/// The document without the two instants that may differ while it is valid.
fn timeless(verdict: &Verdict) -> Value {
    let mut value = serde_json::to_value(verdict).expect("a verdict is JSON");
    value["inputs"]["at"] = Value::Null;
    value
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn until_it_ends_a_verdict_stays_the_same(
        policy in any_policy(),
        inventory in any_inventory(),
        matches in any_matches(),
        pending_since in optional_instant(),
        has_matches in any::<bool>(),
        now in instant(),
        later in 0.0..1.0_f64,
    ) {
        let evidence = EvidenceSet {
            matches: has_matches.then_some(&matches),
            pending: pending_since.is_some(),
            pending_since,
            ..set(&inventory, &matches)
        };
        let verdict = at_pull(&policy, &evidence, now);
        let end = verdict.valid_until.unwrap_or(now + SignedDuration::from_hours(24 * 3650));
        prop_assert!(end > now);
        let span = end.duration_since(now).as_nanos();
        let within = now + SignedDuration::from_nanos_i128((span as f64 * later) as i128);
        let last = end - SignedDuration::from_nanos(1);
        for instant in [within.min(last), last] {
            prop_assert_eq!(timeless(&at_pull(&policy, &evidence, instant)), timeless(&verdict));
        }
    }

    #[test]
    fn a_validity_that_ends_ends_for_a_reason(
        policy in any_policy(),
        inventory in any_inventory(),
        matches in any_matches(),
        now in instant(),
    ) {
        let evidence = set(&inventory, &matches);
        let verdict = at_pull(&policy, &evidence, now);
        if let Some(end) = verdict.valid_until {
            let after = at_pull(&policy, &evidence, end);
            prop_assert_ne!(timeless(&after), timeless(&verdict));
        }
    }

    #[test]
    fn taking_evidence_away_never_opens_a_door(
        policy in any_policy(),
        inventory in any_inventory(),
        matches in any_matches(),
        now in instant(),
        pending in any::<bool>(),
        failed in any::<bool>(),
    ) {
        let whole = set(&inventory, &matches);
        let before = at_pull(&policy, &whole, now).verdict;
        let trouble = EvidenceSet {
            pending,
            failed: failed.then_some("out of memory"),
            ..whole
        };
        for reduced in [
            EvidenceSet { matches: None, ..trouble },
            EvidenceSet { inventory: None, ..trouble },
            EvidenceSet { inventory: None, matches: None, ..trouble },
        ] {
            let after = at_pull(&policy, &reduced, now);
            // A rule whose evidence is gone cannot pass; the others are judged as before.
            prop_assert!(before == Decision::Allow || after.verdict != Decision::Allow, "{after:?}");
            for rule in &after.rules {
                let needs_matches = !["image.age", "config.user"].contains(&rule.condition.as_str());
                if needs_matches && reduced.matches.is_none() {
                    prop_assert!(rule.effect != Decision::Allow, "{rule:?}");
                }
            }
        }
    }

    #[test]
    fn a_part_that_was_not_read_never_opens_a_door(
        policy in any_policy(),
        inventory in any_inventory(),
        matches in any_matches(),
        now in instant(),
    ) {
        let mut partial = inventory.clone();
        partial.coverage = evidence::Coverage::Partial;
        let before = at_pull(&policy, &set(&inventory, &matches), now).verdict;
        let after = at_pull(&policy, &set(&partial, &matches), now).verdict;
        prop_assert!(before == Decision::Allow || after != Decision::Allow);
    }

    #[test]
    fn every_sentence_is_short_ascii(
        policy in any_policy(),
        inventory in any_inventory(),
        mut matches in any_matches(),
        now in instant(),
        package in "\\PC{0,200}|[\\x00-\\x7f]{0,200}",
    ) {
        for finding in &mut matches.findings {
            finding.package.clone_from(&package);
        }
        let verdict = at_pull(&policy, &set(&inventory, &matches), now)
            .with_address("1", "https://registry.example.com/d/1");
        let sentence = explain(&verdict);
        prop_assert!(sentence.len() <= gate::MAX_EXPLAIN_CHARS);
        prop_assert!(sentence.bytes().all(|b| matches!(b, b' '..=b'~')));
        prop_assert!(sentence.ends_with("https://registry.example.com/d/1"));
    }

    #[test]
    fn a_stored_verdict_reads_back(
        policy in any_policy(),
        inventory in any_inventory(),
        matches in any_matches(),
        now in instant(),
    ) {
        let verdict = at_pull(&policy, &set(&inventory, &matches), now);
        let read: Verdict = serde_json::from_str(&verdict.to_canonical_json()).expect("it was written");
        prop_assert_eq!(read.sha256(), verdict.sha256());
        prop_assert_eq!(read, verdict);
    }

    #[test]
    fn arbitrary_text_is_refused_without_panic(text in "\\PC{0,400}") {
        prop_assert!(Policy::parse(&text).is_err());
    }

    #[test]
    fn yaml_like_text_is_refused_or_read_without_panic(
        text in "([a-z]{1,6}: ?|- |[\\[\\]{},&*!|>'\"#%\n]|  |<<|[0-9.eE+-]{1,9}|\\\\u[0-9a-f]{4}){0,80}",
    ) {
        let _ = Policy::parse(&text);
    }

    #[test]
    fn a_damaged_policy_is_refused_or_read_without_panic(
        cut in 0..4000_usize,
        at in 0..4000_usize,
        inserted in "[\\x00-\\x7f]{0,3}",
    ) {
        let mut text = gate::STARTER_YAML.to_owned();
        let at = at % text.len();
        text.insert_str(at, &inserted);
        text.truncate(cut.max(1));
        if let Err(error) = Policy::parse(&text) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
