//! SARIF 2.1.0: one rule per vulnerability, one result per place.
//!
//! Results point at the evidence inside the image and, for viewers that group by artefact, at the package as a logical
//! location. Fingerprints leave the installed version and the layer out: a result stays the same result until the flaw
//! is gone, so a viewer keeps its comments and dismissals. Suppressed findings are results with a suppression.
//!
//! # Source
//! SARIF version 2.1.0 (OASIS, with errata 01); GitHub's notes on `security-severity` and on upload limits.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};

use super::identity::fingerprint;
use super::{TOOL, Writing, seconds, without_absent};
use crate::{Diagnostic, Finding, ImageReport, Level, Severity, Status};

/// The most results a document carries, the most severe first. Code scanning services read no more.
pub const MAX_RESULTS: usize = 5_000;

/// The most diagnostics a document carries as notifications.
const MAX_NOTIFICATIONS: usize = 100;

/// The name of the image's root directory among the base addresses.
const ROOT: &str = "IMAGE";

/// Returns the SARIF 2.1.0 document of a report.
pub fn document(report: &ImageReport, writing: &Writing) -> Value {
    capped(report, writing, MAX_RESULTS)
}

fn capped(report: &ImageReport, writing: &Writing, max_results: usize) -> Value {
    let mut findings: Vec<&Finding> = report
        .matches
        .iter()
        .flat_map(|matches| &matches.findings)
        .collect();
    findings.sort_by(|a, b| order(a, b));
    let left_out = findings.len().saturating_sub(max_results);
    findings.truncate(max_results);

    let mut rules: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in &findings {
        rules.entry(&finding.id).or_default().push(finding);
    }
    let positions: BTreeMap<&str, usize> =
        rules.keys().enumerate().map(|(at, id)| (*id, at)).collect();

    let mut document = without_absent(json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": TOOL,
                "version": writing.tool_version,
                "rules": rules.values().map(|findings| rule(findings)).collect::<Vec<_>>(),
            }},
            "automationDetails": {"id": format!("{TOOL}/{}/", report.subject.name)},
            "originalUriBaseIds": {ROOT: {"description": {"text": "The root directory of the image."}}},
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                // What could not be evaluated never counts as a pass.
                "executionSuccessful": report.matches.is_some(),
                "endTimeUtc": seconds(writing.at),
                "toolExecutionNotifications": notifications(report, left_out),
            }],
            "properties": {
                "subject": report.subject.name,
                "digest": report.subject.digest,
                "grade": report.matches.as_ref().map(|matches| matches.grade.grade.letter()),
                "advisories": report.matches.as_ref().map(|matches| &matches.snapshot.id),
            },
        }],
    }));
    // Set last: an empty list means "looked and found nothing", while a missing one would mean "did not look".
    document["runs"][0]["results"] = findings
        .iter()
        .map(|finding| without_absent(result(finding, positions[&*finding.id], report)))
        .collect();
    document
}

/// Open before suppressed, then the most severe first; the rest makes the order total.
fn order(a: &Finding, b: &Finding) -> Ordering {
    (
        a.suppressed.is_some(),
        Reverse(a.severity),
        &a.id,
        &a.package,
        &a.path,
    )
        .cmp(&(
            b.suppressed.is_some(),
            Reverse(b.severity),
            &b.id,
            &b.package,
            &b.path,
        ))
}

fn rule(findings: &[&Finding]) -> Value {
    let worst = findings
        .iter()
        .max_by_key(|finding| finding.severity)
        .expect("a rule has a finding");
    let title = if worst.summary.is_empty() {
        format!("{} in {}", worst.id, worst.package)
    } else {
        worst.summary.clone()
    };
    let mut tags = vec!["security", "vulnerability", worst.package_type.as_str()];
    if worst.kev.is_some() {
        tags.push("known-exploited");
    }
    json!({
        "id": worst.id,
        "shortDescription": {"text": title},
        "helpUri": help_address(&worst.id),
        "help": {"text": help(worst)},
        "defaultConfiguration": {"level": level(worst.severity)},
        "properties": {
            "security-severity": security_severity(worst),
            "tags": tags,
            "aliases": worst.aliases,
        },
    })
}

fn help_address(id: &str) -> Option<String> {
    // Identifiers are foreign text; only those of the known form become part of an address.
    let is_plain = id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !is_plain {
        None
    } else if id.starts_with("CVE-") {
        Some(format!("https://www.cve.org/CVERecord?id={id}"))
    } else if id.starts_with("GHSA-") {
        Some(format!("https://github.com/advisories/{id}"))
    } else {
        None
    }
}

fn help(finding: &Finding) -> String {
    match finding.fix.version() {
        Some(version) => {
            let package = finding.source_package.as_ref().unwrap_or(&finding.package);
            format!("Update {package} to {version}.")
        }
        None => format!("No update helps: {}.", finding.fix.word()),
    }
}

fn result(finding: &Finding, rule_index: usize, report: &ImageReport) -> Value {
    let message = format!(
        "{} {} {}: {} ({})",
        finding.package,
        finding.version,
        match finding.status {
            Status::Affected => "is affected",
            Status::UnderInvestigation => "is under investigation",
            Status::Unknown => "could not be judged",
        },
        finding.id,
        match finding.fix.version() {
            Some(version) => format!("fixed in {version}"),
            None => finding.fix.word().to_owned(),
        },
    );
    json!({
        "ruleId": finding.id,
        "ruleIndex": rule_index,
        "level": level(finding.severity),
        "message": {"text": message},
        "locations": [{
            "physicalLocation": {
                "artifactLocation": {"uri": address(&finding.path), "uriBaseId": ROOT},
                // Viewers require a line; the evidence is the file as a whole.
                "region": {"startLine": 1},
            },
            "logicalLocations": [{
                "name": finding.package,
                "fullyQualifiedName": format!("{}:{}@{}", finding.package_type.as_str(), finding.package, finding.version),
                "kind": "package",
            }],
        }],
        "partialFingerprints": {"tidegate/v1": fingerprint(&[
            &finding.id,
            finding.package_type.as_str(),
            &finding.package,
            &finding.path,
        ])},
        "suppressions": finding.suppressed.as_ref().map(|suppression| json!([{
            "kind": "external",
            "status": "accepted",
            "justification": format!("{}: {}", suppression.reason, suppression.source),
        }])),
        "properties": {
            "severity": finding.severity,
            "layer": finding.layer,
            "layerDigest": finding
                .layer
                .and_then(|layer| report.inventory.layers.get(layer as usize))
                .map(|layer| &layer.digest),
            "fixedVersion": finding.fix.version(),
            "epss": finding.epss.map(|epss| epss.probability),
            "knownExploited": finding.kev.is_some(),
        },
    })
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Negligible | Severity::Unknown => "note",
    }
}

/// The score as text, as code scanning services read it. Where no vector is known, the lower bound of the severity's
/// CVSS range stands for it.
fn security_severity(finding: &Finding) -> String {
    let score = match (&finding.cvss, finding.severity) {
        (Some(cvss), _) => cvss.score,
        (None, Severity::Critical) => 9.0,
        (None, Severity::High) => 7.0,
        (None, Severity::Medium) => 4.0,
        (None, Severity::Low | Severity::Negligible) => 0.1,
        (None, Severity::Unknown) => 0.0,
    };
    format!("{score:.1}")
}

/// Returns a path as a relative address: RFC 3986 `pchar` stays, everything else is percent-encoded.
fn address(path: &str) -> String {
    let mut address = String::with_capacity(path.len());
    for byte in path.trim_start_matches('/').bytes() {
        let stays = byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=@/".contains(&byte);
        if stays {
            address.push(char::from(byte));
        } else {
            write!(address, "%{byte:02X}").expect("writing to a string cannot fail");
        }
    }
    address
}

fn notifications(report: &ImageReport, left_out: usize) -> Vec<Value> {
    let mut notifications = Vec::new();
    if report.matches.is_none() {
        notifications.push(notification(
            "advisories.none",
            "error",
            "no advisories were at hand: the packages were listed but not matched",
        ));
    }
    if left_out > 0 {
        let text = format!("{left_out} less severe results were left out of this document");
        notifications.push(notification("sarif.results_capped", "warning", &text));
    }
    let matched = report
        .matches
        .iter()
        .flat_map(|matches| &matches.diagnostics);
    let diagnostics = report.inventory.diagnostics.iter().chain(matched);
    notifications.extend(diagnostics.take(MAX_NOTIFICATIONS).map(diagnostic));
    notifications
}

fn diagnostic(diagnostic: &Diagnostic) -> Value {
    let level = match diagnostic.level {
        Level::Info => "note",
        Level::Warning => "warning",
        Level::Error => "error",
    };
    let text = match &diagnostic.path {
        Some(path) => format!("{path}: {}", diagnostic.message),
        None => diagnostic.message.clone(),
    };
    notification(&diagnostic.code, level, &text)
}

fn notification(code: &str, level: &str, text: &str) -> Value {
    json!({"descriptor": {"id": code}, "level": level, "message": {"text": text}})
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::format::sample;

    fn sample() -> Value {
        document(&sample::report(), &sample::writing())
    }

    fn results(document: &Value) -> &Vec<Value> {
        document["runs"][0]["results"].as_array().expect("results")
    }

    #[test]
    fn the_most_severe_open_result_comes_first_and_suppressed_ones_last() {
        let document = sample();
        let results = results(&document);
        assert_eq!(results.len(), 4);
        assert_eq!(results[0]["ruleId"], "CVE-2024-0001");
        assert_eq!(results[0]["level"], "error");
        assert!(results[3].get("suppressions").is_some());
        assert!(
            results[..3]
                .iter()
                .all(|result| result.get("suppressions").is_none())
        );
    }

    #[test]
    fn a_result_points_at_its_rule() {
        let document = sample();
        let rules = &document["runs"][0]["tool"]["driver"]["rules"];
        for result in results(&document) {
            let index = result["ruleIndex"].as_u64().expect("an index") as usize;
            assert_eq!(rules[index]["id"], result["ruleId"]);
        }
    }

    #[test]
    fn a_fingerprint_survives_an_update_that_does_not_help() {
        let mut report = sample::report();
        let before = document(&report, &sample::writing());
        let matches = report.matches.as_mut().expect("the sample has matches");
        matches.findings[0].version = "3.0.11-1~deb12u2+b1".into();
        matches.findings[0].layer = Some(4);
        let after = document(&report, &sample::writing());
        assert_eq!(
            results(&before)[0]["partialFingerprints"],
            results(&after)[0]["partialFingerprints"]
        );
        assert_ne!(
            results(&before)[0]["partialFingerprints"],
            results(&before)[1]["partialFingerprints"]
        );
    }

    #[test]
    fn the_score_is_text() {
        let document = sample();
        let severities: BTreeMap<&str, &Value> = document["runs"][0]["tool"]["driver"]["rules"]
            .as_array()
            .expect("rules")
            .iter()
            .map(|rule| {
                (
                    rule["id"].as_str().expect("an id"),
                    &rule["properties"]["security-severity"],
                )
            })
            .collect();
        assert_eq!(severities["CVE-2024-0001"], "9.8");
        assert_eq!(severities["CVE-2023-32681"], "4.0");
        assert_eq!(severities["CVE-2025-0002"], "0.0");
    }

    #[test]
    fn results_over_the_cap_are_counted_in_a_notification() {
        let document = capped(&sample::report(), &sample::writing(), 1);
        assert_eq!(results(&document).len(), 1);
        let notice = &document["runs"][0]["invocations"][0]["toolExecutionNotifications"][0];
        assert_eq!(notice["descriptor"]["id"], "sarif.results_capped");
        assert!(
            notice["message"]["text"]
                .as_str()
                .expect("text")
                .starts_with("3 less severe")
        );
    }

    #[test]
    fn without_advisories_the_run_did_not_succeed_and_says_why() {
        let mut report = sample::report();
        report.matches = None;
        let document = document(&report, &sample::writing());
        let invocation = &document["runs"][0]["invocations"][0];
        assert_eq!(invocation["executionSuccessful"], false);
        assert_eq!(
            invocation["toolExecutionNotifications"][0]["descriptor"]["id"],
            "advisories.none"
        );
        assert_eq!(results(&document).len(), 0);
    }

    #[rstest]
    #[case("var/lib/dpkg/status", "var/lib/dpkg/status")]
    #[case("/opt/a b/c#d?e", "opt/a%20b/c%23d%3Fe")]
    #[case("opt/ü:1", "opt/%C3%BC%3A1")]
    #[case("a\u{1b}[2J", "a%1B%5B2J")]
    fn a_path_becomes_a_relative_address(#[case] path: &str, #[case] expected: &str) {
        assert_eq!(address(path), expected);
    }

    #[rstest]
    #[case("CVE-2024-1", true)]
    #[case("GHSA-j8r2-6x86-q33q", true)]
    #[case("CVE-2024-1\" onclick", false)]
    #[case("PYSEC-2023-74", false)]
    fn only_plain_known_identifiers_become_addresses(#[case] id: &str, #[case] expected: bool) {
        assert_eq!(help_address(id).is_some(), expected);
    }
}
