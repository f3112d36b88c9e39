//! SPDX 2.3 JSON: an image that contains packages, each generated from its source where one is known.
//!
//! Where nothing is known the document says `NOASSERTION`; `NONE` would claim absence. Licences are declared only when
//! the text is a valid expression, and concluded never: nobody here reviewed the files. Texts that are no expression
//! stay visible in the licence comment.
//!
//! # Source
//! The SPDX specification 2.3 (clauses 6, 7 and 11) and its JSON schema.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::identity::{document_uuid, fingerprint};
use super::licence::{Licence, all_of};
use super::reference;
use super::{TOOL, Writing, is_image, seconds, without_absent};
use crate::{Coverage, Distro, ImageReport, Package};

/// What the specification wants written where nothing is known.
const NO_ASSERTION: &str = "NOASSERTION";
const DOCUMENT: &str = "SPDXRef-DOCUMENT";
const SUBJECT: &str = "SPDXRef-Subject";
const OPERATING_SYSTEM: &str = "SPDXRef-OperatingSystem";

/// Returns the SPDX 2.3 document of a report.
pub fn document(report: &ImageReport, writing: &Writing) -> Value {
    let inventory = &report.inventory;
    let distro = inventory.distro.as_ref();
    let mut packages = vec![subject(report)];
    let mut relationships =
        BTreeSet::from([(DOCUMENT.to_owned(), "DESCRIBES", SUBJECT.to_owned())]);
    if let Some(distro) = distro {
        packages.push(operating_system(distro));
        relationships.insert((SUBJECT.to_owned(), "CONTAINS", OPERATING_SYSTEM.to_owned()));
    }
    let mut installed = BTreeMap::new();
    let mut sources = BTreeMap::new();
    for package in &inventory.packages {
        let url = reference::package(package, distro);
        let id = element(
            "Package",
            &[&reference::package_name(package, distro), &package.path],
        );
        relationships.insert((SUBJECT.to_owned(), "CONTAINS", id.clone()));
        if let Some((source, url)) = package
            .source
            .as_ref()
            .zip(reference::source(package, distro))
        {
            let source_id = element("Source", &[&url]);
            relationships.insert((id.clone(), "GENERATED_FROM", source_id.clone()));
            sources
                .entry(source_id.clone())
                .or_insert_with(|| source_package(&source_id, &source.name, &source.version, &url));
        }
        installed.insert(id.clone(), installed_package(&id, package, url.as_deref()));
    }
    packages.extend(installed.into_values());
    packages.extend(sources.into_values());
    without_absent(json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": DOCUMENT,
        "name": report.subject.name,
        "documentNamespace": format!("urn:uuid:{}", document_uuid(report, "spdx-2.3")),
        "creationInfo": {
            "created": seconds(writing.at),
            "creators": [format!("Tool: {TOOL}-{}", writing.tool_version)],
        },
        "comment": (inventory.coverage == Coverage::Partial)
            .then_some("The list may be incomplete: not everything in the image could be read."),
        "packages": packages,
        "relationships": relationships
            .into_iter()
            .map(|(from, kind, to)| json!({
                "spdxElementId": from,
                "relationshipType": kind,
                "relatedSpdxElement": to,
            }))
            .collect::<Vec<_>>(),
    }))
}

fn subject(report: &ImageReport) -> Value {
    let digest = report.subject.digest.as_ref();
    let url = reference::image(&report.subject, report.inventory.facts.platform.as_deref());
    json!({
        "SPDXID": SUBJECT,
        "name": report.subject.name,
        "versionInfo": digest,
        "downloadLocation": NO_ASSERTION,
        "filesAnalyzed": false,
        "licenseConcluded": NO_ASSERTION,
        "licenseDeclared": NO_ASSERTION,
        "copyrightText": NO_ASSERTION,
        "supplier": NO_ASSERTION,
        "primaryPackagePurpose": if is_image(report) { "CONTAINER" } else { "FILE" },
        "checksums": digest.map(|digest| json!([{
            "algorithm": digest.algorithm().as_str().to_ascii_uppercase(),
            "checksumValue": digest.hex(),
        }])),
        "externalRefs": url.as_deref().map(|url| json!([purl_reference(url)])),
    })
}

fn operating_system(distro: &Distro) -> Value {
    json!({
        "SPDXID": OPERATING_SYSTEM,
        "name": distro.id,
        "versionInfo": distro.version_id,
        "summary": distro.pretty_name,
        "downloadLocation": NO_ASSERTION,
        "filesAnalyzed": false,
        "licenseConcluded": NO_ASSERTION,
        "licenseDeclared": NO_ASSERTION,
        "copyrightText": NO_ASSERTION,
        "primaryPackagePurpose": "OPERATING_SYSTEM",
        "externalRefs": distro.cpe_name.as_deref().and_then(cpe_reference).map(|reference| json!([reference])),
    })
}

fn installed_package(id: &str, package: &Package, url: Option<&str>) -> Value {
    let (declared, comment) = licence(&package.licenses);
    let place = match package.layer {
        Some(layer) => format!("found in {} (layer {layer})", package.path),
        None => format!("found in {}", package.path),
    };
    json!({
        "SPDXID": id,
        "name": package.name,
        "versionInfo": package.version,
        "downloadLocation": NO_ASSERTION,
        "filesAnalyzed": false,
        "licenseConcluded": NO_ASSERTION,
        "licenseDeclared": declared,
        "licenseComments": comment,
        "copyrightText": NO_ASSERTION,
        "supplier": NO_ASSERTION,
        "primaryPackagePurpose": if package.kind.is_os() { "INSTALL" } else { "LIBRARY" },
        "sourceInfo": place,
        "comment": package.owned_by.as_ref().map(|owner| format!("owned by the package {owner}")),
        "externalRefs": url.map(|url| json!([purl_reference(url)])),
    })
}

fn source_package(id: &str, name: &str, version: &str, url: &str) -> Value {
    json!({
        "SPDXID": id,
        "name": name,
        "versionInfo": version,
        "downloadLocation": NO_ASSERTION,
        "filesAnalyzed": false,
        "licenseConcluded": NO_ASSERTION,
        "licenseDeclared": NO_ASSERTION,
        "copyrightText": NO_ASSERTION,
        "primaryPackagePurpose": "SOURCE",
        "externalRefs": [purl_reference(url)],
    })
}

fn purl_reference(url: &str) -> Value {
    json!({
        "referenceCategory": "PACKAGE-MANAGER",
        "referenceType": "purl",
        "referenceLocator": url,
    })
}

fn cpe_reference(name: &str) -> Option<Value> {
    let kind = if name.starts_with("cpe:2.3:") {
        "cpe23Type"
    } else if name.starts_with("cpe:/") {
        "cpe22Type"
    } else {
        return None;
    };
    Some(json!({
        "referenceCategory": "SECURITY",
        "referenceType": kind,
        "referenceLocator": name,
    }))
}

/// Returns the declared licence, and the comment that keeps texts which are no expression.
fn licence(texts: &[String]) -> (String, Option<String>) {
    let licences: Vec<Licence> = texts
        .iter()
        .filter(|text| !text.trim().is_empty())
        .map(|text| Licence::read(text))
        .collect();
    if licences.is_empty() {
        return (NO_ASSERTION.to_owned(), None);
    }
    match all_of(&licences) {
        Some(expression) => (expression, None),
        None => (
            NO_ASSERTION.to_owned(),
            Some(format!("declared by the package as: {}", texts.join("; "))),
        ),
    }
}

/// Returns an element identifier. The specification allows letters, digits, `.` and `-` only, so names cannot be used
/// as they are; the hash keeps it unique and stable.
fn element(kind: &str, parts: &[&str]) -> String {
    format!("SPDXRef-{kind}-{}", &fingerprint(parts)[..24])
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::format::sample;

    fn sample() -> Value {
        document(&sample::report(), &sample::writing())
    }

    fn package<'a>(document: &'a Value, name: &str) -> &'a Value {
        document["packages"]
            .as_array()
            .expect("packages")
            .iter()
            .find(|package| package["name"] == name)
            .expect("a package of that name")
    }

    fn related<'a>(document: &'a Value, kind: &str) -> Vec<(&'a str, &'a str)> {
        document["relationships"]
            .as_array()
            .expect("relationships")
            .iter()
            .filter(|relationship| relationship["relationshipType"] == kind)
            .map(|relationship| {
                (
                    relationship["spdxElementId"].as_str().expect("an id"),
                    relationship["relatedSpdxElement"].as_str().expect("an id"),
                )
            })
            .collect()
    }

    #[test]
    fn the_document_describes_the_image_which_contains_every_package() {
        let document = sample();
        assert_eq!(related(&document, "DESCRIBES"), [(DOCUMENT, SUBJECT)]);
        // Four packages and the operating system.
        assert_eq!(related(&document, "CONTAINS").len(), 5);
        assert!(
            related(&document, "CONTAINS")
                .iter()
                .all(|(from, _)| *from == SUBJECT)
        );
    }

    #[test]
    fn a_binary_is_generated_from_its_source() {
        let document = sample();
        let binary = package(&document, "libssl3")["SPDXID"]
            .as_str()
            .expect("an id");
        let source = package(&document, "openssl")["SPDXID"]
            .as_str()
            .expect("an id");
        assert_eq!(related(&document, "GENERATED_FROM"), [(binary, source)]);
    }

    #[test]
    fn every_relationship_names_elements_of_the_document() {
        let document = sample();
        let known: BTreeSet<&str> = document["packages"]
            .as_array()
            .expect("packages")
            .iter()
            .filter_map(|package| package["SPDXID"].as_str())
            .chain([DOCUMENT])
            .collect();
        for kind in ["DESCRIBES", "CONTAINS", "GENERATED_FROM"] {
            for (from, to) in related(&document, kind) {
                assert!(
                    known.contains(from) && known.contains(to),
                    "{from} {kind} {to}"
                );
            }
        }
    }

    #[rstest]
    #[case(&[], "NOASSERTION", None)]
    #[case(&[" "], "NOASSERTION", None)]
    #[case(&["MIT"], "MIT", None)]
    #[case(&["MIT", "ISC"], "MIT AND ISC", None)]
    #[case(&["GPLv2+"], "NOASSERTION", Some("declared by the package as: GPLv2+"))]
    #[case(&["MIT", "GPLv2+"], "NOASSERTION", Some("declared by the package as: MIT; GPLv2+"))]
    fn a_licence_is_declared_only_as_a_valid_expression(
        #[case] texts: &[&str],
        #[case] declared: &str,
        #[case] comment: Option<&str>,
    ) {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        assert_eq!(
            licence(&texts),
            (declared.to_owned(), comment.map(str::to_owned))
        );
    }

    #[test]
    fn an_unreadable_part_is_said_in_the_documents_comment() {
        let mut report = sample::report();
        assert!(
            document(&report, &sample::writing())
                .get("comment")
                .is_none()
        );
        report.inventory.coverage = Coverage::Partial;
        assert!(
            document(&report, &sample::writing())
                .get("comment")
                .is_some()
        );
    }

    #[test]
    fn the_order_of_packages_does_not_show() {
        let mut report = sample::report();
        report.inventory.packages.reverse();
        let reversed = document(&report, &sample::writing());
        assert_eq!(reversed["packages"], sample()["packages"]);
        assert_eq!(reversed["relationships"], sample()["relationships"]);
    }
}
