//! Each condition at its boundaries; those about the configuration and the packages are in `facts`.

use evidence::{Finding, Inventory, MatchReport};
use gate::{EvidenceSet, FeedState, Outcome};
use oci::Digest;
use rstest::rstest;
use serde_json::{Value, json};

use super::support::{NOW, at, check, finding, inventory, judge, matches, set};
use Outcome::{Fail, NotApplicable, Pass, Unknown};

#[track_caller]
fn check_findings(with: &str, findings: Vec<Finding>, now: &str, expected: Outcome) {
    let (inventory, matches) = (inventory(json!({})), matches(findings, json!({})));
    check(with, &set(&inventory, &matches), now, expected);
}

#[track_caller]
pub(super) fn check_report(rule: &str, patch: Value, now: &str, expected: Outcome) {
    let (inventory, matches) = (inventory(json!({})), matches(vec![], patch));
    check(rule, &set(&inventory, &matches), now, expected);
}

// vuln.age: no fixable critical older than N days.

#[rstest]
#[case::a_second_before("7d", "2026-10-17T11:59:59Z", Pass)]
#[case::at_the_limit("7d", "2026-10-17T12:00:00Z", Fail)]
#[case::a_second_after("7d", "2026-10-17T12:00:01Z", Fail)]
#[case::hours("36h", "2026-10-11T23:59:59Z", Pass)]
#[case::hours_are_over("36h", "2026-10-12T00:00:00Z", Fail)]
#[case::no_tolerance("0d", "2026-10-10T12:00:00Z", Fail)]
fn a_fixable_critical_may_stay_until_its_limit(
    #[case] limit: &str,
    #[case] now: &str,
    #[case] expected: Outcome,
) {
    let rule = format!("{{id: age, when: vuln.age, with: {{maxAge: {{critical: {limit}}}}}}}");
    check_findings(&rule, vec![finding("CVE-2026-1", json!({}))], now, expected);
}

const WEEK: &str = "{id: age, when: vuln.age, with: {maxAge: {critical: 7d, high: 30d}}}";

#[rstest]
#[case::other_severity(json!({"severity": "medium"}), Pass)]
#[case::high_has_its_own_limit(json!({"severity": "high", "fix": {"published": "2026-11-01T00:00:00Z"}}), Pass)]
#[case::high_over_age(json!({"severity": "high"}), Fail)]
#[case::unfixed(json!({"fix": {"state": "none-yet", "version": null, "published": null}}), Pass)]
#[case::suppressed(json!({"suppressed": {"reason": "unimportant", "source": "debian"}}), Pass)]
#[case::investigated(json!({"status": "under-investigation"}), Pass)]
#[case::undecided(json!({"status": "unknown"}), Unknown)]
#[case::undated_fix_counts_from_publication(json!({"fix": {"published": null}}), Fail)]
#[case::undated_fix_of_a_young_flaw(json!({"fix": {"published": null}, "published": "2026-11-20T00:00:00Z"}), Pass)]
#[case::without_any_day(json!({"fix": {"published": null}, "published": null}), Fail)]
fn only_open_findings_with_a_limit_age(#[case] patch: Value, #[case] expected: Outcome) {
    check_findings(WEEK, vec![finding("CVE-2026-1", patch)], NOW, expected);
}

#[rstest]
#[case(
    "{id: age, when: vuln.age, with: {maxAge: {critical: 7d}, since: published}}",
    "2026-10-07T23:59:59Z",
    Pass
)]
#[case(
    "{id: age, when: vuln.age, with: {maxAge: {critical: 7d}, since: published}}",
    "2026-10-08T00:00:00Z",
    Fail
)]
fn the_age_can_count_from_publication(
    #[case] rule: &str,
    #[case] now: &str,
    #[case] expected: Outcome,
) {
    let unfixed = json!({"fix": {"state": "none-yet", "version": null, "published": null}});
    check_findings(rule, vec![finding("CVE-2026-1", unfixed)], now, expected);
}

#[test]
fn the_old_finding_is_named_with_its_fix() {
    let (inventory, matches) = (
        inventory(json!({})),
        matches(vec![finding("CVE-2026-31337", json!({}))], json!({})),
    );
    let rule = judge(WEEK, &set(&inventory, &matches), NOW);
    assert_eq!(
        rule.observed,
        "1 fixable vulnerability over age: CVE-2026-31337 in openssl-libs 3.0.7-27"
    );
    assert_eq!(rule.required, "0 older than critical 7d, high 30d");
    assert_eq!(
        rule.summary,
        "CVE-2026-31337 openssl-libs 3.0.7-27, fixed in 3.0.7-29"
    );
    assert_eq!(
        rule.remediation.as_deref(),
        Some("update openssl to 3.0.7-29")
    );
    assert_eq!(
        rule.since.map(|day| day.to_string()).as_deref(),
        Some("2026-10-10")
    );
}

// vuln.count

#[rstest]
#[case::exactly("{severity: high}", Pass)]
#[case::at_least("{severity: \">=high\"}", Fail)]
#[case::any_severity("{}", Fail)]
#[case::tolerated("{max: 1}", Pass)]
#[case::fixable("{fixable: true}", Fail)]
#[case::unfixed("{fixable: false}", Pass)]
#[case::package("{packages: [\"openssl*\"]}", Fail)]
#[case::other_package("{packages: [\"**\", \"!openssl*\"]}", Pass)]
fn a_count_sees_what_its_filter_selects(#[case] with: &str, #[case] expected: Outcome) {
    let rule = format!("{{id: count, when: vuln.count, with: {with}}}");
    check_findings(&rule, vec![finding("CVE-2026-1", json!({}))], NOW, expected);
}

#[test]
fn one_vulnerability_in_many_packages_counts_once() {
    let findings: Vec<_> = ["libssl3", "openssl", "openssl-libs"]
        .into_iter()
        .map(|package| finding("CVE-2026-1", json!({"package": package})))
        .collect();
    let rule = "{id: count, when: vuln.count, with: {max: 1}}";
    check_findings(rule, findings.clone(), NOW, Pass);
    let rule = "{id: count, when: vuln.count, with: {max: 0}}";
    check_findings(rule, findings, NOW, Fail);
}

#[test]
fn many_vulnerabilities_are_named_by_the_first_three() {
    let findings: Vec<_> = (1..=5)
        .map(|n| finding(&format!("CVE-2026-{n}"), json!({})))
        .collect();
    let (inventory, matches) = (inventory(json!({})), matches(findings, json!({})));
    let rule = judge(
        "{id: count, when: vuln.count}",
        &set(&inventory, &matches),
        NOW,
    );
    assert_eq!(
        rule.observed,
        "5 vulnerabilities: CVE-2026-1 in openssl-libs 3.0.7-27, CVE-2026-2 in openssl-libs 3.0.7-27, \
         CVE-2026-3 in openssl-libs 3.0.7-27 and 2 more"
    );
}

// vuln.cvss, vuln.epss, vuln.kev, vuln.deny

#[rstest]
#[case(json!({"cvss": {"vector": "", "score": 8.9}}), Pass)]
#[case(json!({"cvss": {"vector": "", "score": 9.0}}), Fail)]
#[case(json!({}), Pass)]
fn a_score_counts_from_its_minimum(#[case] patch: Value, #[case] expected: Outcome) {
    let rule = "{id: cvss, when: vuln.cvss, with: {min: 9.0}}";
    check_findings(rule, vec![finding("CVE-2026-1", patch)], NOW, expected);
}

#[rstest]
#[case::below("{min: 0.5}", json!({"epss": {"probability": 0.49, "percentile": 0.9}}), Pass)]
#[case::at("{min: 0.5}", json!({"epss": {"probability": 0.5, "percentile": 0.9}}), Fail)]
#[case::percentile("{percentile: 0.9}", json!({"epss": {"probability": 0.0, "percentile": 0.9}}), Fail)]
#[case::no_data_at_all("{min: 0.5}", json!({"epss": null}), Unknown)]
fn a_prediction_counts_from_its_minimum(
    #[case] with: &str,
    #[case] patch: Value,
    #[case] expected: Outcome,
) {
    let rule = format!("{{id: epss, when: vuln.epss, with: {with}}}");
    check_findings(&rule, vec![finding("CVE-2026-1", patch)], NOW, expected);
}

#[rstest]
#[case::not_listed("{}", json!({}), NOW, Pass)]
#[case::listed("{}", json!({"kev": kev("2026-12-24")}), NOW, Fail)]
#[case::last_second_of_the_due_day("{overdueOnly: true}", json!({"kev": kev("2026-11-23")}), "2026-11-23T23:59:59Z", Pass)]
#[case::the_day_after("{overdueOnly: true}", json!({"kev": kev("2026-11-23")}), "2026-11-24T00:00:00Z", Fail)]
#[case::unreadable_day("{overdueOnly: true}", json!({"kev": kev("soon")}), NOW, Fail)]
fn known_exploited_vulnerabilities_count(
    #[case] with: &str,
    #[case] patch: Value,
    #[case] now: &str,
    #[case] expected: Outcome,
) {
    let rule = format!("{{id: kev, when: vuln.kev, with: {with}}}");
    check_findings(&rule, vec![finding("CVE-2026-1", patch)], now, expected);
}

fn kev(due: &str) -> Value {
    json!({"added": "2026-11-01", "due": due, "ransomware": false})
}

#[rstest]
#[case("vuln.kev", "{}", "kev")]
#[case("vuln.epss", "{min: 0.5}", "epss")]
fn a_snapshot_without_the_feed_cannot_say_that_nothing_is_listed(
    #[case] condition: &str,
    #[case] with: &str,
    #[case] feed: &str,
) {
    let rule = format!("{{id: rule, when: {condition}, with: {with}}}");
    let (inventory, matches) = (inventory(json!({})), matches(vec![], json!({})));
    let state = |name| FeedState {
        name,
        as_of: at(NOW),
    };
    let without = [state("debian")];
    let with = [state("debian"), state(feed)];
    let set = set(&inventory, &matches);
    check(
        &rule,
        &EvidenceSet {
            feeds: &without,
            ..set
        },
        NOW,
        Unknown,
    );
    check(
        &rule,
        &EvidenceSet {
            feeds: &with,
            ..set
        },
        NOW,
        Pass,
    );
}

#[rstest]
#[case(json!({}), Fail)]
#[case(json!({"id": "GHSA-x", "aliases": ["cve-2026-1"]}), Fail)]
#[case(json!({"id": "CVE-2026-11"}), Pass)]
fn a_denied_vulnerability_is_found_under_all_its_names(
    #[case] patch: Value,
    #[case] expected: Outcome,
) {
    let rule = "{id: deny, when: vuln.deny, with: {ids: [CVE-2026-1]}}";
    check_findings(rule, vec![finding("CVE-2026-1", patch)], NOW, expected);
}

// health.grade, health.drop

fn schedule() -> Value {
    json!({"grade": {
        "grade": "B", "reason": "", "basis": {"id": "CVE-2026-1", "package": "openssl", "severity": "high",
        "fixed_at": "2026-11-10T00:00:00Z", "estimated": false},
        "schedule": [
            {"grade": "B"},
            {"grade": "C", "from": "2026-12-01T00:00:00Z"},
            {"grade": "D", "from": "2027-01-01T00:00:00Z"},
        ],
    }})
}

#[rstest]
#[case::better("C", "2026-11-24T06:10:00Z", Pass)]
#[case::equal("C", "2026-12-31T23:59:59Z", Pass)]
#[case::a_second_later("C", "2027-01-01T00:00:00Z", Fail)]
#[case::worse("A", "2026-11-24T06:10:00Z", Fail)]
#[case::just_before_the_drop("B", "2026-11-30T23:59:59Z", Pass)]
#[case::at_the_drop("B", "2026-12-01T00:00:00Z", Fail)]
#[case::anything("F", "2030-01-01T00:00:00Z", Pass)]
fn the_grade_due_now_is_compared(
    #[case] at_least: &str,
    #[case] now: &str,
    #[case] expected: Outcome,
) {
    let rule = format!("{{id: health, when: health.grade, with: {{atLeast: {at_least}}}}}");
    check_report(&rule, schedule(), now, expected);
}

#[test]
fn an_unknown_grade_is_not_even_as_good_as_f() {
    let rule = "{id: health, when: health.grade, with: {atLeast: F}}";
    let unknown = json!({"grade": {"grade": "Unknown", "reason": "", "schedule": []}});
    check_report(rule, unknown, NOW, Unknown);
}

#[test]
fn a_grade_is_observed_and_required_in_its_letters() {
    let (inventory, matches) = (inventory(json!({})), matches(vec![], schedule()));
    let rule = judge(
        "{id: health, when: health.grade, with: {atLeast: B}}",
        &set(&inventory, &matches),
        "2027-01-01T00:00:00Z",
    );
    assert_eq!(
        (rule.observed.as_str(), rule.required.as_str()),
        ("D", "B or better")
    );
    assert_eq!(rule.summary, "D, needs B");
    assert_eq!(
        rule.remediation.as_deref(),
        Some("update openssl (fixes CVE-2026-1)")
    );
}

#[rstest]
#[case("2026-11-23T23:59:59Z", Pass)]
#[case("2026-11-24T00:00:00Z", Fail)]
#[case("2026-12-01T00:00:00Z", Pass)]
#[case("2026-12-25T00:00:00Z", Fail)]
#[case("2027-01-01T00:00:00Z", Pass)]
fn a_coming_drop_is_seen_in_its_window(#[case] now: &str, #[case] expected: Outcome) {
    let rule = "{id: drop, when: health.drop, with: {within: 7d}}";
    check_report(rule, schedule(), now, expected);
}

// evidence.present, evidence.age, feed.age, evidence.diagnostics

const SCANNED: &str = "{id: scanned, when: evidence.present, with: {kinds: [vulnerabilities]}}";

#[test]
fn scanned_means_that_a_match_exists() {
    let (inventory, matches) = (inventory(json!({})), matches(vec![], json!({})));
    check(SCANNED, &set(&inventory, &matches), NOW, Pass);
    let unmatched = EvidenceSet {
        inventory: Some(&inventory),
        ..EvidenceSet::default()
    };
    check(SCANNED, &unmatched, NOW, Unknown);
    let rule = "{id: read, when: evidence.present, with: {kinds: [inventory]}}";
    check(rule, &unmatched, NOW, Pass);
    check(rule, &EvidenceSet::default(), NOW, Unknown);
}

#[rstest]
#[case::nothing(EvidenceSet::default(), "no vulnerability evidence")]
#[case::running(EvidenceSet { pending: true, ..EvidenceSet::default() }, "analysis running")]
#[case::failed(
    EvidenceSet { failed: Some("out of memory"), ..EvidenceSet::default() },
    "analysis failed: out of memory"
)]
#[case::retried(
    EvidenceSet { failed: Some("timeout"), pending: true, ..EvidenceSet::default() },
    "analysis failed: timeout; another attempt is queued"
)]
#[case::unsupported(
    EvidenceSet { unsupported: Some("not an image"), pending: true, ..EvidenceSet::default() },
    "unsupported: not an image"
)]
fn missing_evidence_says_why(#[case] evidence: EvidenceSet<'_>, #[case] observed: &str) {
    assert_eq!(judge(SCANNED, &evidence, NOW).observed, observed);
}

#[rstest]
#[case("2026-11-25T05:59:59Z", Pass)]
#[case("2026-11-25T06:00:00Z", Unknown)]
fn evidence_is_stale_after_its_limit(#[case] now: &str, #[case] expected: Outcome) {
    let rule = "{id: age, when: evidence.age, with: {kind: vulnerabilities, max: 24h}}";
    check_report(rule, json!({}), now, expected);
}

#[rstest]
#[case("2026-11-26T23:59:59Z", Pass)]
#[case("2026-11-27T00:00:00Z", Unknown)]
fn advisories_are_stale_after_their_limit(#[case] now: &str, #[case] expected: Outcome) {
    check_report(
        "{id: feed, when: feed.age, with: {max: 3d}}",
        json!({}),
        now,
        expected,
    );
}

#[test]
fn one_feed_can_be_asked_for() {
    let (inventory, matches) = (inventory(json!({})), matches(vec![], json!({})));
    let feeds = [FeedState {
        name: "kev",
        as_of: at("2026-11-20T00:00:00Z"),
    }];
    let set = EvidenceSet {
        feeds: &feeds,
        ..set(&inventory, &matches)
    };
    check(
        "{id: feed, when: feed.age, with: {max: 7d, source: kev}}",
        &set,
        NOW,
        Pass,
    );
    check(
        "{id: feed, when: feed.age, with: {max: 1d, source: kev}}",
        &set,
        NOW,
        Unknown,
    );
    check(
        "{id: feed, when: feed.age, with: {max: 7d, source: epss}}",
        &set,
        NOW,
        Unknown,
    );
}

fn broken_layer() -> Inventory {
    inventory(json!({
        "coverage": "partial",
        "diagnostics": [
            {"code": "tar.bad_header", "level": "error", "message": "a header is damaged"},
            {"code": "tar.odd", "level": "info", "message": "odd"},
        ],
    }))
}

fn no_data() -> MatchReport {
    matches(
        vec![],
        json!({"diagnostics": [{"code": "match.no_data", "level": "error", "message": "no data for debian 99"}]}),
    )
}

#[test]
fn incomplete_parts_are_counted() {
    let (broken, matches) = (broken_layer(), matches(vec![], json!({})));
    let set = set(&broken, &matches);
    check("{id: whole, when: evidence.diagnostics}", &set, NOW, Fail);
    check(
        "{id: whole, when: evidence.diagnostics, with: {max: 1}}",
        &set,
        NOW,
        Pass,
    );
}

#[rstest]
#[case("{id: rule, when: vuln.count}")]
#[case("{id: rule, when: vuln.age, with: {maxAge: {critical: 7d}}}")]
#[case("{id: rule, when: vuln.kev}")]
#[case("{id: rule, when: vuln.cvss, with: {min: 9}}")]
#[case("{id: rule, when: vuln.deny, with: {ids: [CVE-2026-1]}}")]
#[case("{id: rule, when: health.grade, with: {atLeast: C}}")]
fn what_was_not_looked_at_never_passes(#[case] rule: &str) {
    let (whole, matched) = (inventory(json!({})), matches(vec![], json!({})));
    check(rule, &set(&whole, &matched), NOW, Pass);
    check(rule, &set(&broken_layer(), &matched), NOW, Unknown);
    check(rule, &set(&whole, &no_data()), NOW, Unknown);
}

#[test]
fn packages_without_advisories_leave_findings_unknown_and_the_grade_alone() {
    let report = matches(
        vec![],
        json!({"diagnostics": [{"code": "advisories.no_data", "level": "warning",
               "message": "no advisories for npm: 3 npm packages were not matched"}]}),
    );
    let inventory = inventory(json!({}));
    let set = set(&inventory, &report);
    check("{id: rule, when: vuln.count}", &set, NOW, Unknown);
    check(WEEK, &set, NOW, Unknown);
    check("{id: rule, when: vuln.kev}", &set, NOW, Unknown);
    check(
        "{id: rule, when: health.grade, with: {atLeast: C}}",
        &set,
        NOW,
        Pass,
    );
    check("{id: rule, when: evidence.diagnostics}", &set, NOW, Pass);
    let rule = judge("{id: rule, when: vuln.count}", &set, NOW);
    assert_eq!(
        rule.summary,
        "no advisories for npm: 3 npm packages were not matched"
    );
}

#[test]
fn a_named_user_needs_a_readable_passwd_but_a_number_does_not() {
    let rule = "{id: user, when: config.user}";
    let matches = matches(vec![], json!({}));
    let mut image = broken_layer();
    check(rule, &set(&image, &matches), NOW, Pass);
    "app".clone_into(&mut image.facts.user);
    check(rule, &set(&image, &matches), NOW, Unknown);
}

// deny.digest, allow.digest

#[test]
fn lists_of_digests_are_compared_with_the_subject() {
    let listed = Digest::sha256(b"listed");
    let other = Digest::sha256(b"other");
    let deny = format!(
        "{{id: deny, when: deny.digest, with: {{digests: [{{digest: \"{listed}\", reason: bad}}]}}}}"
    );
    let allow = format!("{{id: allow, when: allow.digest, with: {{digests: [\"{listed}\"]}}}}");
    let check = |rule: &str, digest: Option<&Digest>, expected: Outcome| {
        let policy = super::support::enforcing(&[rule]);
        let subject = gate::Subject {
            digest,
            ..super::support::subject()
        };
        let verdict = gate::decide(
            &[&policy],
            &subject,
            &EvidenceSet::default(),
            at(NOW),
            gate::Door::Pull,
        );
        assert_eq!(verdict.rules[0].outcome, expected, "{rule} {digest:?}");
        assert_eq!(verdict.rules[0].waivable, rule == allow);
    };
    check(&deny, Some(&listed), Fail);
    check(&deny, Some(&other), Pass);
    check(&deny, None, NotApplicable);
    check(&allow, Some(&listed), Pass);
    check(&allow, Some(&other), Fail);
    check(&allow, None, Fail);
}
