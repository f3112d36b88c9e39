//! `policy`, and a policy in a scan.

use crate::world::World;

const STRICT: &str = "\
apiVersion: tidegate/v1
kind: Policy
metadata:
  name: production
spec:
  mode: enforce
  rules:
    - {id: no-kev, when: vuln.kev, with: {max: 0}, level: deny}
    - {id: non-root, when: config.user, with: {root: forbidden}, level: warn}
";

#[test]
fn a_policy_is_checked() {
    let world = World::new();
    world.write("policy.yaml", STRICT);
    world
        .run(&["policy", "check", "policy.yaml"])
        .ends_with(0)
        .shows("policy production: 2 rules, mode enforce");
}

#[test]
fn an_unknown_key_is_a_usage_error_with_its_line() {
    let world = World::new();
    world.write(
        "policy.yaml",
        STRICT.replace("mode: enforce", "mode: enforce\n  colour: red"),
    );
    world
        .run(&["policy", "check", "policy.yaml"])
        .ends_with(64)
        .says("error: the policy `policy.yaml` is refused")
        .says("line 7")
        .says("unknown key `colour`");
}

#[test]
fn the_conditions_are_listed_with_examples() {
    World::new()
        .run(&["policy", "conditions"])
        .ends_with(0)
        .shows("vuln.count")
        .shows("example: ");
}

#[test]
fn a_denied_image_fails_the_scan_and_says_which_rule() {
    let world = World::with_sample();
    world.write("policy.yaml", STRICT);
    let run = world
        .scan(&["--policy", "policy.yaml"])
        .ends_with(2)
        .shows("production BLOCKED (1)")
        .shows("no-kev");
    let last = run.stderr.lines().last().unwrap_or_default();
    assert!(
        last.starts_with("FAILED production blocks payments/api:2.3.7"),
        "{last}"
    );
    assert!(last.ends_with("(exit 2)"), "{last}");
}

#[test]
fn an_audit_policy_lets_the_image_pass() {
    let world = World::with_sample();
    world.write("policy.yaml", STRICT.replace("enforce", "audit"));
    world
        .scan(&["--policy", "policy.yaml"])
        .ends_with(0)
        .shows("production WARNED");
}

#[test]
fn without_advisories_a_policy_never_allows() {
    let world = World::with_sample();
    world.write("policy.yaml", STRICT);
    let run = world.run(&[
        "scan",
        "docker-archive:image.tar",
        "--policy",
        "policy.yaml",
    ]);
    assert!(matches!(run.exit, 2 | 3), "{}", run.stderr);
}
