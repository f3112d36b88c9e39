//! Conditions about what an image is: its configuration, its age, its packages.

use gate::Outcome;
use rstest::rstest;
use serde_json::{Value, json};

use super::conditions::check_report;
use super::support::{NOW, check, inventory, matches, set};
use Outcome::{Fail, Pass, Unknown};

#[track_caller]
fn check_facts(rule: &str, facts: Value, expected: Outcome) {
    let mut patch = json!({});
    patch["facts"] = facts;
    let (inventory, matches) = (inventory(patch), matches(vec![], json!({})));
    check(rule, &set(&inventory, &matches), NOW, expected);
}

// config.user, config.ports, config.labels

#[rstest]
#[case::number(json!({"user": "1000", "runs_as_root": false}), Pass)]
#[case::name(json!({"user": "app", "runs_as_root": false}), Pass)]
#[case::unset(json!({"user": "", "runs_as_root": true}), Fail)]
#[case::zero(json!({"user": "0:0", "runs_as_root": true}), Fail)]
#[case::root(json!({"user": "root", "runs_as_root": true}), Fail)]
#[case::name_of_uid_0(json!({"user": "toor", "runs_as_root": true}), Fail)]
#[case::not_known(json!({"runs_as_root": null}), Unknown)]
fn root_is_forbidden_under_every_name(#[case] facts: Value, #[case] expected: Outcome) {
    let rule = "{id: user, when: config.user, with: {root: forbidden}}";
    check_facts(rule, facts, expected);
    check_facts(
        "{id: user, when: config.user}",
        json!({"user": "0", "runs_as_root": true}),
        Fail,
    );
}

#[rstest]
#[case(json!({"user": "1000:1000", "runs_as_root": false}), Pass)]
#[case(json!({"user": "app", "runs_as_root": false}), Fail)]
#[case(json!({"user": "", "runs_as_root": true}), Fail)]
fn a_numeric_user_can_be_required(#[case] facts: Value, #[case] expected: Outcome) {
    let rule = "{id: user, when: config.user, with: {numeric: required}}";
    check_facts(rule, facts, expected);
}

#[rstest]
#[case(json!({"exposed_ports": ["8080/tcp"]}), Pass)]
#[case(json!({"exposed_ports": ["22/tcp"]}), Fail)]
#[case(json!({"exposed_ports": ["22"]}), Fail)]
#[case(json!({"exposed_ports": ["22/udp"]}), Fail)]
#[case(json!({"exposed_ports": ["5899/tcp"]}), Pass)]
#[case(json!({"exposed_ports": ["5900/tcp"]}), Fail)]
#[case(json!({"exposed_ports": ["5999/tcp"]}), Fail)]
#[case(json!({"exposed_ports": ["6000/tcp"]}), Pass)]
#[case(json!({"exposed_ports": ["5000-6500/tcp"]}), Fail)]
#[case(json!({"exposed_ports": ["53/tcp"]}), Pass)]
#[case(json!({"exposed_ports": ["53/udp"]}), Fail)]
#[case(json!({"exposed_ports": ["ssh"]}), Fail)]
#[case(json!({}), Pass)]
fn denied_ports_are_seen_in_every_spelling(#[case] facts: Value, #[case] expected: Outcome) {
    let rule = r#"{id: ports, when: config.ports, with: {deny: [22, "5900-5999", "53/udp"]}}"#;
    check_facts(rule, facts, expected);
}

#[rstest]
#[case(json!({"labels": {"source": "https://git", "owner": "a@example.com"}}), Pass)]
#[case(json!({"labels": {"source": "", "owner": "a@example.com"}}), Fail)]
#[case(json!({"labels": {"owner": "a@example.com"}}), Fail)]
#[case(json!({"labels": {"source": "x", "owner": "a@example.org"}}), Fail)]
#[case(json!({"labels": {"source": "x", "owner": "a@example.com", "debug": "1"}}), Fail)]
fn labels_are_required_forbidden_and_matched(#[case] facts: Value, #[case] expected: Outcome) {
    let rule = r#"{id: labels, when: config.labels, with: {required: [source], forbidden: [debug], values: {owner: "*@example.com"}}}"#;
    check_facts(rule, facts, expected);
}

// image.age, package.deny

#[rstest]
#[case("2026-11-30T23:59:59Z", Pass)]
#[case("2026-12-01T00:00:00Z", Fail)]
#[case("2026-10-31T23:59:59Z", Unknown)]
#[case("2026-11-01T00:00:00Z", Pass)]
fn an_image_ages_from_its_build(#[case] now: &str, #[case] expected: Outcome) {
    let rule = "{id: age, when: image.age, with: {max: 30d}}";
    check_report(rule, json!({}), now, expected);
}

#[test]
fn an_image_without_a_build_day_has_no_age() {
    let rule = "{id: age, when: image.age, with: {max: 30d}}";
    check_facts(rule, json!({"created": null}), Unknown);
}

#[rstest]
#[case("pkg:npm/event-stream", Fail)]
#[case("pkg:npm/event-*", Fail)]
#[case("pkg:npm/event-stream@3.3.6", Fail)]
#[case("pkg:npm/event-stream@3.3.5", Pass)]
#[case("pkg:pypi/event-stream", Pass)]
#[case("pkg:npm/stream", Pass)]
#[case("pkg:npm/@acme/tool", Fail)]
#[case("pkg:npm/@acme/tool@1.0.0", Fail)]
#[case("pkg:npm/@acme/tool@2.0.0", Pass)]
fn denied_packages_match_by_type_name_and_version(#[case] denied: &str, #[case] expected: Outcome) {
    let package = |name: &str, version: &str| {
        json!({"type": "npm", "name": name, "version": version, "evidence": "installed-metadata",
               "path": "app/package.json"})
    };
    let inventory = inventory(json!({"packages": [
        package("@acme/tool", "1.0.0"), package("event-stream", "3.3.6"),
    ]}));
    let matches = matches(vec![], json!({}));
    let rule = format!("{{id: deny, when: package.deny, with: {{packages: [\"{denied}\"]}}}}");
    check(&rule, &set(&inventory, &matches), NOW, expected);
}
