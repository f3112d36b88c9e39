//! What the policy language accepts, and how it refuses.

use gate::{Door, MAX_POLICY_BYTES, Mode, Policy, PolicyError, Problem, Subject};
use rstest::rstest;

use super::support::{enforcing, policy, policy_text};

const RULE: &str = "{id: user, when: config.user}";

fn refusal(text: &str) -> PolicyError {
    Policy::parse(text).expect_err("the policy must be refused")
}

/// The message for one broken rule, where it stands in line 7.
fn rule_refusal(rule: &str) -> String {
    refusal(&policy_text("test", "mode: enforce", &[rule])).to_string()
}

/// The message for one broken line of `spec`, where it stands in line 6.
fn spec_refusal(spec: &str) -> String {
    refusal(&policy_text(
        "test",
        &format!("mode: audit\n  {spec}"),
        &[RULE],
    ))
    .to_string()
}

#[test]
fn every_part_of_the_language_is_read() {
    let text = r#"
apiVersion: tidegate/v1
kind: Policy
metadata:
  name: production
  description: |
    What may run
    in production.
  owner: platform-security
spec:
  scope:
    - org: payments
      repositories: ["*", "!sandbox-*"]
      tags: ["v*", "release-*"]
  mode: enforce
  doors: {push: audit, pull: enforce, promote: enforce, admit: warn, ci: enforce}
  effectiveOn: 2026-12-01
  grace:
    newFinding: {critical: 7d, high: 30d}
    since: fix_available
  pending: {holdSeconds: 20, maxAge: 1h}
  platforms: [linux/amd64, linux/arm64]
  rules:
    - id: no-fixable-critical
      when: vuln.count
      with: {severity: ">=critical", fixable: true, max: 0}
      level: deny
      on_missing: pending
      platforms: [linux/amd64]
      title: No fixable critical vulnerability
      remediation: Rebuild on the current base.
      link: https://wiki.example.com/policy
"#;
    let policy = Policy::parse(text)
        .unwrap_or_else(|error| panic!("{error}"))
        .with_version(14);
    assert_eq!(
        (policy.name(), policy.owner()),
        ("production", Some("platform-security"))
    );
    assert_eq!(policy.mode_at(Door::Push), Mode::Audit);
    assert_eq!(policy.mode_at(Door::Admit), Mode::Warn);
    assert_eq!(
        (policy.pending_hold_secs(), policy.version()),
        (20, Some(14))
    );
    assert_eq!(policy.platforms(), ["linux/amd64", "linux/arm64"]);
    assert_eq!(policy.rule_count(), 1);
    assert!(
        policy
            .description()
            .is_some_and(|text| text.contains("What may run\nin production."))
    );
}

#[test]
fn json_means_the_same_as_yaml() {
    let yaml = policy_text(
        "test",
        "mode: enforce",
        &["{id: user, when: config.user, level: deny}"],
    );
    let json = r#"{
        "kind": "Policy", "apiVersion": "tidegate/v1", "metadata": {"name": "test"},
        "spec": {"rules": [{"level": "deny", "when": "config.user", "id": "user"}], "mode": "enforce"}
    }"#;
    let (yaml, json) = (Policy::parse(&yaml).unwrap(), Policy::parse(json).unwrap());
    assert_eq!(yaml.sha256(), json.sha256());
}

#[test]
fn the_hash_ignores_spelling_and_sees_meaning() {
    let plain = policy("mode: enforce", &[RULE]);
    let spelled = policy(
        "mode:   \"enforce\"   # firmly",
        &["{when: config.user, id: 'user'}"],
    );
    let softer = policy("mode: warn", &[RULE]);
    assert_eq!(plain.sha256(), spelled.sha256());
    assert_ne!(plain.sha256(), softer.sha256());
}

#[rstest]
#[case::everything(None, "any/thing", Some("x"), true)]
#[case::org(Some("{org: payments}"), "payments/api", Some("x"), true)]
#[case::nested(
    Some("{org: payments, repositories: [\"**\"]}"),
    "payments/a/b",
    Some("x"),
    true
)]
#[case::other_org(Some("{org: payments}"), "evil-payments/api", Some("x"), false)]
#[case::org_alone_is_no_repository(Some("{org: payments}"), "payments", Some("x"), false)]
#[case::within_org(
    Some("{org: payments, repositories: [\"*\", \"!sandbox-*\"]}"),
    "payments/sandbox-1",
    Some("x"),
    false
)]
#[case::whole_name(
    Some("{repositories: [\"payments/*\"]}"),
    "payments/api",
    Some("x"),
    true
)]
#[case::component(
    Some("{repositories: [\"payments/*\"]}"),
    "payments/a/b",
    Some("x"),
    false
)]
#[case::tag(Some("{tags: [\"v*\"]}"), "a", Some("v1"), true)]
#[case::other_tag(Some("{tags: [\"v*\"]}"), "a", Some("dev"), false)]
#[case::by_digest(Some("{tags: [\"v*\"]}"), "a", None, true)]
#[case::all_keys(Some("{repositories: [b], tags: [\"v*\"]}"), "a", Some("v1"), false)]
fn a_scope_selects_by_org_repository_and_tag(
    #[case] scope: Option<&str>,
    #[case] repository: &str,
    #[case] tag: Option<&str>,
    #[case] applies: bool,
) {
    let spec = match scope {
        Some(entry) => format!("scope:\n    - {entry}\n  mode: audit"),
        None => "mode: audit".to_owned(),
    };
    let subject = Subject {
        repository,
        tag,
        ..Subject::default()
    };
    assert_eq!(policy(&spec, &[RULE]).applies_to(&subject), applies);
}

#[test]
fn any_scope_entry_is_enough() {
    let policy = policy(
        "scope: [{org: a}, {repositories: [b]}]\n  mode: audit",
        &[RULE],
    );
    for (repository, applies) in [("a/x", true), ("b", true), ("c", false)] {
        let subject = Subject {
            repository,
            ..Subject::default()
        };
        assert_eq!(policy.applies_to(&subject), applies, "{repository}");
    }
}

#[test]
fn broken_yaml_is_refused_with_its_place() {
    let refusals = [
        "",
        "# nothing\n",
        "just text",
        "[]",
        "apiVersion: tidegate/v1\nkind: Policy\n---\nkind: Policy\n",
        "a: [1",
        "a: b: c",
        "a:\n\t- b",
        "%YAML 1.2\n---\na: b",
        "a: &x 1\n",
        "metadata: {name: ok}\nspec:\n  a: *x\n",
        "spec:\n  rules:\n    - !!str a\n",
        "spec:\n  rules:\n    - id: a\n      <<: {id: b}\n",
        "metadata:\n  name: a\n  owner: b\n  name: c\n",
        "{\"kind\": 1, \"kind\": 2}",
        "? [a]\n: b\n",
        &format!("a: {}{}", "[".repeat(40), "]".repeat(40)),
    ]
    .map(|text| refusal(text).to_string());
    insta::assert_snapshot!("broken_yaml", refusals.join("\n"));
}

#[test]
fn a_wrong_head_is_refused() {
    let refusals = [
        "apiVersion: tidegate/v2\nkind: Policy\nmetadata: {name: test}\nspec: {}\n",
        "apiVersion: tidegate/v1\nkind: Pod\nmetadata: {name: test}\nspec: {}\n",
        "apiVersion: tidegate/v1\nkind: Policy\nmetadata: {name: Test}\nspec: {}\n",
        "apiVersion: tidegate/v1\nkind: Policy\nmetadata: {name: t}\nspec: {}\n",
        "apiVersion: tidegate/v1\nkind: Policy\nmetadata: {name: test, labels: {}}\nspec: {}\n",
        "apiVersion: tidegate/v1\nkind: Policy\nmetadata: {name: test}\nspec: {}\n",
        "apiVersion: tidegate/v1\nkind: Policy\nmetadata: {name: test}\nspec: {mode: audit}\n",
        "apiVersion: tidegate/v1\nkind: Policy\nmetadata: {name: test}\nspec: {mode: audit, rules: []}\n",
        "apiVersion: tidegate/v1\nkind: Policy\nmetadata: {name: test}\nspec: {mode: block, rules: [a]}\n",
        "apiVersion: tidegate/v1\nkind: Policy\nmetadata: {name: test}\n",
    ]
    .map(|text| refusal(text).to_string());
    insta::assert_snapshot!("wrong_head", refusals.join("\n"));
}

#[test]
fn a_wrong_spec_is_refused() {
    let refusals = [
        "modes: audit",
        "doors: {pul: audit}",
        "doors: {pull: on}",
        "effectiveOn: tomorrow",
        "effectiveOn: 2026-13-01",
        "grace: {newFinding: {critical: 7}}",
        "grace: {newFinding: {}}",
        "grace: {newFinding: {severe: 7d}}",
        "grace: {newFinding: {critical: 7d}, since: first_seen}",
        "pending: {holdSeconds: 21}",
        "pending: {maxAge: 1 hour}",
        "scope: {org: a}",
        "scope: [{}]",
        "scope: [{repositories: [Payments]}]",
        "scope: [{repositories: payments}]",
        "platforms: linux/amd64",
    ]
    .map(spec_refusal);
    insta::assert_snapshot!("wrong_spec", refusals.join("\n"));
}

#[test]
fn what_this_version_cannot_judge_is_refused_by_name() {
    let mut refusals = [
        "waivers: {maxDays: 90}",
        "vex: {accept: [signed]}",
        "exemptRoles: [signer]",
        "countersign: {on: [allow]}",
        "grace: {running: {enabled: true}}",
        "grace: {admittedBefore: 14d}",
        "scope: [{environments: [production]}]",
    ]
    .map(spec_refusal)
    .to_vec();
    refusals.extend(
        [
            "trust.signed",
            "scap.profile",
            "quality.gate",
            "vuln.counts",
        ]
        .map(|condition| rule_refusal(&format!("{{id: rule, when: {condition}}}"))),
    );
    insta::assert_snapshot!("not_in_this_version", refusals.join("\n"));
}

#[test]
fn a_wrong_rule_is_refused() {
    let refusals = [
        "user",
        "{when: config.user}",
        "{id: user}",
        "{id: 1, when: config.user}",
        "{id: user_x, when: config.user}",
        "{id: user, when: [config.user]}",
        "{id: user, when: config.user, levle: deny}",
        "{id: user, when: config.user, level: block}",
        "{id: user, when: config.user, on_missing: allow}",
        "{id: user, when: config.user, link: \"javascript:alert(1)\"}",
        "{id: user, when: config.user, title: \"\"}",
        "{id: user, when: config.user, title: \"a\\nb\"}",
        "{id: user, when: config.user, with: {root: maybe}}",
        "{id: user, when: config.user, with: {root: allowed}}",
        "{id: user, when: config.user, with: [root]}",
        "{id: age, when: vuln.age}",
        "{id: age, when: vuln.age, with: {fixable: true}}",
        "{id: age, when: vuln.age, with: {maxAge: {critical: -7d}}}",
        "{id: age, when: vuln.age, with: {maxAge: {serious: 7d}}}",
        "{id: age, when: vuln.age, with: {maxAge: {critical: 7d}, fixable: false}}",
        "{id: age, when: vuln.age, with: {maxAge: {critical: 7d}, since: first_seen}}",
        "{id: count, when: vuln.count, with: {severity: serious}}",
        "{id: count, when: vuln.count, with: {severity: \"> high\"}}",
        "{id: count, when: vuln.count, with: {max: many}}",
        "{id: count, when: vuln.count, with: {max: -1}}",
        "{id: count, when: vuln.count, with: {max: 0.5}}",
        "{id: count, when: vuln.count, with: {fixable: yes}}",
        "{id: count, when: vuln.count, with: {layers: base}}",
        "{id: cvss, when: vuln.cvss, with: {min: 11}}",
        "{id: epss, when: vuln.epss}",
        "{id: epss, when: vuln.epss, with: {min: 0.5, percentile: 0.9}}",
        "{id: health, when: health.grade, with: {atLeast: G}}",
        "{id: health, when: health.grade, with: {atLeast: b}}",
        "{id: ports, when: config.ports, with: {deny: [70000]}}",
        "{id: ports, when: config.ports, with: {deny: [\"30-20\"]}}",
        "{id: labels, when: config.labels}",
        "{id: deny, when: deny.digest, with: {digests: [{digest: \"sha256:00\", reason: x}]}}",
        "{id: packages, when: package.deny, with: {packages: [telnet]}}",
        "{id: scanned, when: evidence.present, with: {kinds: [sbom]}}",
        "{id: fresh, when: evidence.age, with: {kind: inventory, max: 1d}}",
    ]
    .map(rule_refusal);
    insta::assert_snapshot!("wrong_rule", refusals.join("\n"));
}

#[test]
fn a_block_list_needs_a_reason() {
    let digest = oci::Digest::sha256(b"x");
    let rule =
        format!("{{id: deny, when: deny.digest, with: {{digests: [{{digest: \"{digest}\"}}]}}}}");
    assert!(rule_refusal(&rule).contains("the key `reason` is missing"));
}

#[test]
fn two_rules_cannot_share_an_id() {
    let error = refusal(&policy_text("test", "mode: audit", &[RULE, RULE]));
    assert_eq!(error.path, "spec.rules[1]");
    assert_eq!(
        error.problem,
        Problem::DuplicateRule {
            id: "user".to_owned(),
            first_line: 7
        }
    );
}

#[test]
fn a_policy_has_a_size_limit() {
    let text = policy_text("test", "mode: audit", &[RULE]);
    let padded = |size: usize| format!("{text}#{}", "x".repeat(size - text.len() - 1));
    assert!(Policy::parse(&padded(MAX_POLICY_BYTES)).is_ok());
    assert_eq!(
        refusal(&padded(MAX_POLICY_BYTES + 1)).to_string(),
        "a policy has at most 262144 bytes, this one has 262145"
    );
}

#[test]
fn many_keys_are_read_in_linear_time() {
    let keys: Vec<_> = (0..20_000).map(|n| format!("k{n}:")).collect();
    let text = keys.join("\n");
    assert!(matches!(refusal(&text).problem, Problem::UnknownKey { .. }));
}

#[test]
fn a_plain_word_of_yaml_1_1_is_text() {
    let policy = enforcing(&["{id: user, when: config.user, title: on}"]);
    assert_eq!(policy.rule_count(), 1);
}
