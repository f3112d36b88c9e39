//! CycloneDX 1.6 JSON: components with their evidence, and the vulnerabilities that affect them.
//!
//! One component per package URL: the same package at several paths is one component with several occurrences, because
//! consumers join on the URL. Dependencies are left out, since installed metadata seldom states them; compositions say
//! whether the list is complete.
//!
//! # Source
//! The CycloneDX 1.6 JSON schema (ECMA-424), `bom-1.6.schema.json`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};

use super::identity::document_uuid;
use super::licence::{Licence, all_of};
use super::reference;
use super::{TOOL, Writing, is_image, seconds, without_absent};
use crate::{
    Coverage, Cvss, Distro, Evidence, Finding, Fix, ImageReport, MatchReport, Package, PackageType,
    Severity, Status,
};

/// Returns the CycloneDX 1.6 document of a report.
pub fn document(report: &ImageReport, writing: &Writing) -> Value {
    let inventory = &report.inventory;
    let distro = inventory.distro.as_ref();
    let groups = by_purl(report);
    let root = root_reference(report);
    let aggregate = match inventory.coverage {
        Coverage::Complete => "complete",
        Coverage::Partial => "incomplete",
    };
    let components: Vec<Value> = distro
        .map(operating_system)
        .into_iter()
        .chain(
            groups
                .iter()
                .map(|(purl, packages)| component(purl, packages, report)),
        )
        .collect();
    without_absent(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{}", document_uuid(report, "cyclonedx-1.6")),
        "version": 1,
        "metadata": {
            "timestamp": seconds(writing.at),
            "tools": {"components": [
                {"type": "application", "name": TOOL, "version": writing.tool_version}
            ]},
            "component": subject(report, &root),
        },
        "components": components,
        "compositions": [{"aggregate": aggregate, "assemblies": [root]}],
        "vulnerabilities": report
            .matches
            .as_ref()
            .map(|matches| vulnerabilities(matches, &references(&groups))),
    }))
}

/// Packages by URL, or by another name where they have none. A sorted map: equal reports give equal documents whatever order the packages came in.
type Groups<'a> = BTreeMap<String, Vec<&'a Package>>;

fn by_purl(report: &ImageReport) -> Groups<'_> {
    let mut groups = Groups::new();
    for package in &report.inventory.packages {
        let name = reference::package_name(package, report.inventory.distro.as_ref());
        groups.entry(name).or_default().push(package);
    }
    for packages in groups.values_mut() {
        packages.sort_by(|a, b| a.path.cmp(&b.path));
    }
    groups
}

/// The component of each place a finding can name.
type References<'a> = HashMap<(PackageType, &'a str, &'a str, &'a str), &'a str>;

fn references<'a>(groups: &'a Groups<'a>) -> References<'a> {
    groups
        .iter()
        .flat_map(|(purl, packages)| packages.iter().map(move |package| (purl, package)))
        .map(|(purl, package)| {
            let place = (
                package.kind,
                &*package.name,
                &*package.version,
                &*package.path,
            );
            (place, purl.as_str())
        })
        .collect()
}

fn root_reference(report: &ImageReport) -> String {
    report.subject.digest.as_ref().map_or_else(
        || "subject".to_owned(),
        |digest| format!("subject:{digest}"),
    )
}

fn subject(report: &ImageReport, reference: &str) -> Value {
    let facts = &report.inventory.facts;
    let digest = report.subject.digest.as_ref();
    json!({
        // A directory tree is no container image; the schema's nearest word is a file.
        "type": if is_image(report) { "container" } else { "file" },
        "bom-ref": reference,
        "name": report.subject.name,
        "version": digest,
        "purl": reference::image(&report.subject, facts.platform.as_deref()),
        "properties": properties(&[
            ("tidegate:analyser", Some(report.inventory.analyser.clone())),
            ("tidegate:platform", facts.platform.clone()),
        ]),
    })
}

fn operating_system(distro: &Distro) -> Value {
    json!({
        "type": "operating-system",
        "bom-ref": format!("os:{}", distro.label().replace(' ', "@")),
        "name": distro.id,
        "version": distro.version_id,
        "description": distro.pretty_name,
        "cpe": distro.cpe_name.as_deref().filter(|name| name.starts_with("cpe:/") || name.starts_with("cpe:2.3:")),
    })
}

fn component(bom_ref: &str, packages: &[&Package], report: &ImageReport) -> Value {
    let first = packages[0];
    let distro = report.inventory.distro.as_ref();
    let purl = reference::package(first, distro);
    let (group, name) = match first.name.split_once('/') {
        Some((scope, name)) if scope.starts_with('@') => (Some(scope), name),
        _ => (None, first.name.as_str()),
    };
    json!({
        "type": "library",
        "bom-ref": bom_ref,
        "group": group,
        "name": name,
        "version": first.version,
        "purl": purl,
        "licenses": licenses(packages),
        "pedigree": first.source.as_ref().map(|source| json!({"ancestors": [{
            "type": "library",
            "name": source.name,
            "version": source.version,
            "purl": reference::source(first, distro),
        }]})),
        "evidence": {
            "identity": [identity(purl.as_deref(), first)],
            "occurrences": packages.iter().map(|package| json!({"location": package.path})).collect::<Vec<_>>(),
        },
        "properties": package_properties(packages, report),
    })
}

fn identity(purl: Option<&str>, package: &Package) -> Value {
    // A database row or an installer's record proves the installation; a vendored copy is read from another artefact;
    // a declaration only intends one.
    let confidence = match package.evidence {
        Evidence::OsDatabase | Evidence::InstalledMetadata => 1.0,
        Evidence::Embedded | Evidence::ClassifiedBinary => 0.8,
        Evidence::Declared => 0.5,
    };
    json!({
        "field": if purl.is_some() { "purl" } else { "version" },
        "confidence": confidence,
        "concludedValue": purl.unwrap_or(&package.version),
        "methods": [{"technique": "manifest-analysis", "confidence": confidence, "value": word(package.evidence)}],
    })
}

const fn word(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::OsDatabase => "os-database",
        Evidence::InstalledMetadata => "installed-metadata",
        Evidence::Embedded => "embedded",
        Evidence::ClassifiedBinary => "classified-binary",
        Evidence::Declared => "declared",
    }
}

fn licenses(packages: &[&Package]) -> Vec<Value> {
    let texts: BTreeSet<&str> = packages
        .iter()
        .flat_map(|package| &package.licenses)
        .map(|text| text.trim())
        .filter(|text| !text.is_empty())
        .collect();
    let licences: Vec<Licence> = texts.into_iter().map(Licence::read).collect();
    // The schema takes either one expression or a list of single licences, never both.
    let needs_expression = licences
        .iter()
        .any(|licence| matches!(licence, Licence::Expression(_)));
    if needs_expression && let Some(expression) = all_of(&licences) {
        return vec![json!({"expression": expression})];
    }
    licences
        .into_iter()
        .map(|licence| match licence {
            Licence::Listed(id) => json!({"license": {"id": id}}),
            Licence::Expression(name) | Licence::Named(name) => json!({"license": {"name": name}}),
        })
        .collect()
}

fn package_properties(packages: &[&Package], report: &ImageReport) -> Vec<Value> {
    let mut facts = BTreeSet::new();
    for package in packages {
        facts.insert(("tidegate:package:type", package.kind.as_str().to_owned()));
        facts.insert((
            "tidegate:package:evidence",
            word(package.evidence).to_owned(),
        ));
        if let Some(owner) = &package.owned_by {
            facts.insert(("tidegate:package:owned-by", owner.clone()));
        }
        if let Some(reason) = package.disowned {
            facts.insert(("tidegate:package:disowned", reason.as_str().to_owned()));
        }
        if let Some(position) = package.layer {
            facts.insert(("tidegate:layer:index", position.to_string()));
            if let Some(layer) = report.inventory.layers.get(position as usize) {
                facts.insert(("tidegate:layer:digest", layer.digest.to_string()));
            }
        }
    }
    facts
        .into_iter()
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect()
}

/// The findings of one flaw that share a disposition: an entry of the document has one analysis for all it affects.
fn vulnerabilities(matches: &MatchReport, references: &References) -> Vec<Value> {
    let mut flaws: BTreeMap<(&str, &str), Vec<&Finding>> = BTreeMap::new();
    for finding in &matches.findings {
        flaws
            .entry((&finding.id, disposition(finding)))
            .or_default()
            .push(finding);
    }
    flaws
        .into_iter()
        .map(|((id, disposition), findings)| vulnerability(id, disposition, &findings, references))
        .collect()
}

fn disposition(finding: &Finding) -> &str {
    match (&finding.suppressed, finding.status) {
        (Some(suppression), _) => &suppression.reason,
        (None, Status::Affected) => "affected",
        (None, Status::UnderInvestigation) => "under-investigation",
        (None, Status::Unknown) => "unknown",
    }
}

fn vulnerability(
    id: &str,
    disposition: &str,
    findings: &[&Finding],
    references: &References,
) -> Value {
    let worst = findings
        .iter()
        .max_by_key(|finding| finding.severity)
        .expect("a group starts with a finding");
    let aliases: BTreeSet<&str> = findings
        .iter()
        .flat_map(|finding| &finding.aliases)
        .map(String::as_str)
        .collect();
    let recommendations: BTreeSet<String> = findings
        .iter()
        .filter_map(|finding| recommendation(finding))
        .collect();
    json!({
        "bom-ref": format!("{id}#{disposition}"),
        "id": id,
        "source": {"name": worst.origin.feed},
        "references": aliases
            .into_iter()
            .map(|alias| json!({"id": alias, "source": {"name": authority(alias)}}))
            .collect::<Vec<_>>(),
        "ratings": ratings(worst),
        "description": text_or_absent(&worst.summary),
        "recommendation": text_or_absent(&recommendations.into_iter().collect::<Vec<_>>().join("; ")),
        "published": worst.published.map(seconds),
        "analysis": analysis(worst, findings),
        "affects": affects(findings, references),
        "properties": properties(&[
            ("tidegate:disposition", Some(disposition.to_owned())),
            ("tidegate:epss:probability", worst.epss.map(|epss| epss.probability.to_string())),
            ("tidegate:epss:percentile", worst.epss.map(|epss| epss.percentile.to_string())),
            ("tidegate:kev:added", worst.kev.as_ref().map(|kev| kev.added.clone())),
            ("tidegate:kev:due", worst.kev.as_ref().map(|kev| kev.due.clone())),
        ]),
    })
}

/// Names who gives out identifiers of this form.
fn authority(id: &str) -> &'static str {
    match id.split('-').next() {
        Some("CVE") => "CVE",
        Some("GHSA") => "GitHub",
        Some("PYSEC") => "PyPA",
        Some("DSA" | "DLA") => "Debian",
        Some("USN") => "Ubuntu",
        Some("RHSA" | "RHBA" | "RHEA") => "Red Hat",
        _ => "other",
    }
}

fn ratings(finding: &Finding) -> Vec<Value> {
    let severity = match finding.severity {
        Severity::Critical => "critical",
        Severity::High => "high",
        Severity::Medium => "medium",
        Severity::Low => "low",
        Severity::Negligible => "info",
        Severity::Unknown => "unknown",
    };
    let cvss = finding.cvss.as_ref();
    vec![json!({
        "source": text_or_absent(&finding.severity_source).map(|name| json!({"name": name})),
        "severity": severity,
        "score": cvss.map(|cvss| cvss.score),
        "method": cvss.map(method),
        "vector": cvss.map(|cvss| cvss.vector.as_str()),
    })]
}

fn method(cvss: &Cvss) -> &'static str {
    match cvss.vector.split('/').next() {
        Some("CVSS:4.0") => "CVSSv4",
        Some("CVSS:3.1") => "CVSSv31",
        Some("CVSS:3.0") => "CVSSv3",
        // Version 2 vectors carry no prefix.
        _ => "CVSSv2",
    }
}

fn recommendation(finding: &Finding) -> Option<String> {
    let fixed = finding.fix.version()?;
    let package = finding.source_package.as_ref().unwrap_or(&finding.package);
    Some(format!("update {package} to {fixed}"))
}

/// The schema's words for what is known. An affected package has no state: whether it is exploitable is for its owner to say.
fn analysis(worst: &Finding, findings: &[&Finding]) -> Value {
    let (state, detail) = match (&worst.suppressed, worst.status) {
        (Some(suppression), _) => (
            Some("not_affected"),
            Some(format!("{}: {}", suppression.reason, suppression.source)),
        ),
        (None, Status::Affected) => (None, None),
        (None, Status::UnderInvestigation | Status::Unknown) => (Some("in_triage"), None),
    };
    let responses: BTreeSet<&str> = findings
        .iter()
        .filter_map(|finding| match finding.fix {
            Fix::Available { .. } => Some("update"),
            Fix::WillNotFix | Fix::EndOfLife => Some("will_not_fix"),
            Fix::NoneYet | Fix::Deferred => None,
        })
        .collect();
    json!({"state": state, "detail": detail, "response": responses})
}

fn affects(findings: &[&Finding], references: &References) -> Vec<Value> {
    let mut versions = BTreeMap::new();
    for finding in findings {
        let place = (
            finding.package_type,
            &*finding.package,
            &*finding.version,
            &*finding.path,
        );
        if let Some(purl) = references.get(&place) {
            let status = match (&finding.suppressed, finding.status) {
                (Some(_), _) => "unaffected",
                (None, Status::Affected) => "affected",
                (None, Status::UnderInvestigation | Status::Unknown) => "unknown",
            };
            versions.insert(*purl, (&finding.version, status));
        }
    }
    versions
        .into_iter()
        .map(|(purl, (version, status))| {
            json!({"ref": purl, "versions": [{"version": version, "status": status}]})
        })
        .collect()
}

fn text_or_absent(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn properties(facts: &[(&str, Option<String>)]) -> Vec<Value> {
    facts
        .iter()
        .filter_map(|(name, value)| {
            value
                .as_ref()
                .map(|value| json!({"name": name, "value": value}))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::sample;

    fn sample() -> Value {
        document(&sample::report(), &sample::writing())
    }

    fn component<'a>(document: &'a Value, name: &str) -> &'a Value {
        document["components"]
            .as_array()
            .expect("components")
            .iter()
            .find(|component| component["name"] == name)
            .expect("a component of that name")
    }

    #[test]
    fn a_package_at_two_places_is_one_component_with_two_occurrences() {
        let document = sample();
        let requests = component(&document, "requests");
        assert_eq!(
            requests["evidence"]["occurrences"],
            json!([
                {"location": "opt/app/a b/requests-2.25.0.dist-info/METADATA"},
                {"location": "usr/lib/python3/dist-packages/requests-2.25.0.dist-info/METADATA"},
            ])
        );
    }

    #[test]
    fn a_source_package_is_the_ancestor_of_its_binary() {
        let document = sample();
        let ancestor = &component(&document, "libssl3")["pedigree"]["ancestors"][0];
        assert_eq!(ancestor["name"], "openssl");
        assert!(
            ancestor["purl"]
                .as_str()
                .expect("a purl")
                .starts_with("pkg:deb/debian/openssl@")
        );
    }

    #[test]
    fn licences_are_expressions_or_names_and_never_both() {
        let document = sample();
        assert_eq!(
            component(&document, "widget")["licenses"],
            json!([{"expression": "MIT OR Apache-2.0"}])
        );
        assert_eq!(
            component(&document, "requests")["licenses"],
            json!([{"license": {"name": "Apache 2.0"}}])
        );
        assert!(component(&document, "libssl3").get("licenses").is_none());
    }

    #[test]
    fn every_reference_of_a_vulnerability_is_a_component() {
        let document = sample();
        let known: Vec<&Value> = document["components"]
            .as_array()
            .expect("components")
            .iter()
            .map(|component| &component["bom-ref"])
            .collect();
        let vulnerabilities = document["vulnerabilities"]
            .as_array()
            .expect("vulnerabilities");
        assert_eq!(vulnerabilities.len(), 4);
        for vulnerability in vulnerabilities {
            let affects = vulnerability["affects"].as_array().expect("affects");
            assert_eq!(affects.len(), 1, "{vulnerability}");
            assert!(known.contains(&&affects[0]["ref"]), "{vulnerability}");
        }
    }

    #[test]
    fn a_suppressed_finding_is_kept_apart_from_the_open_one_of_the_same_flaw() {
        let document = sample();
        let states: Vec<(&Value, &Value)> = document["vulnerabilities"]
            .as_array()
            .expect("vulnerabilities")
            .iter()
            .filter(|vulnerability| vulnerability["id"] == "CVE-2023-32681")
            .map(|vulnerability| {
                (
                    &vulnerability["bom-ref"],
                    &vulnerability["analysis"]["state"],
                )
            })
            .collect();
        assert_eq!(
            states,
            [
                (&json!("CVE-2023-32681#affected"), &Value::Null),
                (
                    &json!("CVE-2023-32681#owned-by-os-package"),
                    &json!("not_affected")
                ),
            ]
        );
    }

    #[test]
    fn layers_make_a_container_and_a_tree_without_them_is_a_file() {
        let kind = |report: &ImageReport| {
            document(report, &sample::writing())["metadata"]["component"]["type"].clone()
        };
        let mut report = sample::report();
        assert_eq!(kind(&report), "container");
        report.subject.digest = None;
        assert_eq!(kind(&report), "container");
        report.inventory.layers.clear();
        assert_eq!(kind(&report), "file");
    }

    #[test]
    fn partial_coverage_is_an_incomplete_composition() {
        let mut report = sample::report();
        report.inventory.coverage = Coverage::Partial;
        let document = document(&report, &sample::writing());
        assert_eq!(document["compositions"][0]["aggregate"], "incomplete");
    }

    #[test]
    fn without_advisories_there_is_no_statement_about_vulnerabilities() {
        let mut report = sample::report();
        report.matches = None;
        assert!(
            document(&report, &sample::writing())
                .get("vulnerabilities")
                .is_none()
        );
    }

    #[test]
    fn the_order_of_packages_and_findings_does_not_show() {
        let mut report = sample::report();
        report.inventory.packages.reverse();
        if let Some(matches) = &mut report.matches {
            matches.findings.reverse();
        }
        let reversed = document(&report, &sample::writing());
        assert_eq!(reversed["components"], sample()["components"]);
        assert_eq!(reversed["vulnerabilities"], sample()["vulnerabilities"]);
    }
}
