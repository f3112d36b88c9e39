//! `decide`, 20 rules over 5 000 findings: the target is below 2 ms.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use evidence::{Inventory, MatchReport};
use gate::{Door, EvidenceSet, Policy, Subject, decide, explain};
use serde_json::json;

const FINDINGS: u32 = 5_000;

fn policy() -> Policy {
    let mut rules = vec![
        "{id: scanned, when: evidence.present, with: {kinds: [vulnerabilities]}}".to_owned(),
        "{id: health, when: health.grade, with: {atLeast: C}}".to_owned(),
        "{id: user, when: config.user}".to_owned(),
        "{id: fresh, when: evidence.age, with: {kind: vulnerabilities, max: 24h}}".to_owned(),
        "{id: kev, when: vuln.kev, with: {overdueOnly: true}}".to_owned(),
        "{id: epss, when: vuln.epss, with: {min: 0.5}}".to_owned(),
        "{id: cvss, when: vuln.cvss, with: {min: 7}}".to_owned(),
        "{id: ids, when: vuln.deny, with: {ids: [CVE-2024-3094, CVE-2021-44228]}}".to_owned(),
    ];
    for severity in ["critical", "high", "medium", "low", "negligible", "unknown"] {
        rules.push(format!(
            "{{id: count-{severity}, when: vuln.count, with: {{severity: \">={severity}\"}}}}"
        ));
        rules.push(format!(
            "{{id: age-{severity}, when: vuln.age, with: {{maxAge: {{{severity}: 7d, high: 30d}}}}}}"
        ));
    }
    rules.retain(|rule| !rule.contains("{high: 7d, high"));
    rules.push("{id: age-high, when: vuln.age, with: {maxAge: {high: 7d}}}".to_owned());
    assert_eq!(rules.len(), 20);
    let text = format!(
        "apiVersion: tidegate/v1\nkind: Policy\nmetadata: {{name: bench}}\nspec:\n  mode: enforce\n  \
         grace: {{newFinding: {{critical: 7d, high: 30d}}}}\n  rules:\n    - {}\n",
        rules.join("\n    - ")
    );
    Policy::parse(&text).expect("the policy is valid")
}

fn evidence() -> (Inventory, MatchReport) {
    let severities = ["critical", "high", "medium", "low", "negligible"];
    let findings: Vec<_> = (0..FINDINGS)
        .map(|n| {
            // Five packages share each vulnerability, as binary packages of one source do.
            let id = n / 5;
            json!({
                "id": format!("CVE-2026-{id}"),
                "aliases": [format!("GHSA-{id}")],
                "package_type": "deb",
                "package": format!("package-{n}"),
                "version": "1.0-1",
                "path": "var/lib/dpkg/status",
                "severity": severities[id as usize % severities.len()],
                "cvss": {"vector": "", "score": 5.0 + f64::from(id % 5)},
                "epss": {"probability": f64::from(id % 100) / 100.0, "percentile": 0.5},
                "status": "affected",
                "fix": {"state": "available", "version": "1.0-2",
                        "published": format!("2026-{:02}-{:02}T00:00:00Z", 1 + id % 11, 1 + id % 28)},
                "origin": {"feed": "debian", "record": format!("CVE-2026-{id}")},
            })
        })
        .collect();
    let inventory = serde_json::from_value(json!({
        "analyser": "bench", "packages": [], "facts": {"user": "1000", "runs_as_root": false},
    }));
    let matches = serde_json::from_value(json!({
        "snapshot": {"id": oci::Digest::sha256(b"snapshot"), "built_at": "2026-11-24T00:00:00Z"},
        "matched_at": "2026-11-24T06:00:00Z",
        "findings": findings,
        "grade": {"grade": "B", "reason": "", "schedule": [{"grade": "B"}]},
    }));
    (
        inventory.expect("the inventory is valid"),
        matches.expect("the report is valid"),
    )
}

fn bench(criterion: &mut Criterion) {
    let policy = policy();
    let (inventory, matches) = evidence();
    let set = EvidenceSet {
        inventory: Some(&inventory),
        matches: Some(&matches),
        ..EvidenceSet::default()
    };
    let subject = Subject {
        repository: "payments/api",
        tag: Some("2.3.7"),
        ..Subject::default()
    };
    let now = "2026-11-24T06:10:00Z"
        .parse()
        .expect("the instant is valid");
    criterion.bench_function("decide, 20 rules, 5000 findings", |bencher| {
        bencher.iter(|| decide(&[black_box(&policy)], &subject, &set, now, Door::Pull));
    });
    let verdict = decide(&[&policy], &subject, &set, now, Door::Pull);
    criterion.bench_function("explain", |bencher| {
        bencher.iter(|| explain(black_box(&verdict)));
    });
    criterion.bench_function("parse the starter policy", |bencher| {
        bencher.iter(|| Policy::parse(black_box(gate::STARTER_YAML)));
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
