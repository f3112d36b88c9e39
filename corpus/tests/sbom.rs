//! The interchange formats, against the schemas their owners publish.

use std::path::Path;

use boon::{Compiler, SchemaIndex, Schemas};
use evidence::ImageReport;
use evidence::format::{self, Writing};
use serde_json::{Value, json};

/// One published schema, ready to judge documents.
struct Published {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Published {
    /// Compiles a schema of the corpus. `beside` are the files it refers to, by their address.
    fn open(file: &str, beside: &[(&str, &str)]) -> Self {
        let mut compiler = Compiler::new();
        for (address, file) in beside {
            compiler
                .add_resource(address, read(&corpus::path(file)))
                .expect("a schema beside it");
        }
        let address = format!("file:///corpus/{file}");
        let mut schema = read(&corpus::path(file));
        // The schema's own address would send its references to the network.
        let own_address = schema["$id"].as_str().unwrap_or(&address).to_owned();
        schema["$id"] = Value::from(own_address.clone());
        compiler
            .add_resource(&own_address, schema)
            .expect("a schema document");
        let mut schemas = Schemas::new();
        let index = compiler
            .compile(&own_address, &mut schemas)
            .expect("a valid schema");
        Self { schemas, index }
    }

    fn cyclonedx() -> Self {
        Self::open(
            "sbom/schemas/cyclonedx/bom-1.6.schema.json",
            &[
                (
                    "http://cyclonedx.org/schema/spdx.schema.json",
                    "sbom/schemas/cyclonedx/spdx.schema.json",
                ),
                (
                    "http://cyclonedx.org/schema/jsf-0.82.schema.json",
                    "sbom/schemas/cyclonedx/jsf-0.82.schema.json",
                ),
            ],
        )
    }

    fn spdx() -> Self {
        Self::open("sbom/schemas/spdx/spdx-2.3-schema.json", &[])
    }

    fn sarif() -> Self {
        Self::open("sbom/schemas/sarif/sarif-schema-2.1.0.json", &[])
    }

    #[track_caller]
    fn check(&self, document: &Value) {
        if let Err(error) = self.schemas.validate(document, self.index) {
            panic!("{error:#}");
        }
    }

    fn refuses(&self, document: &Value) -> bool {
        self.schemas.validate(document, self.index).is_err()
    }
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs_err::read(path).expect("readable")).expect("JSON")
}

fn writing() -> Writing<'static> {
    Writing {
        tool_version: "0.1.0",
        at: "2026-11-24T06:10:00Z".parse().expect("a time"),
    }
}

/// A report with every kind of fact, in the shape that is stored and sent.
fn full() -> ImageReport {
    serde_json::from_value(json!({
        "schemaVersion": 1,
        "subject": {"name": "r.example.com/payments/api:2.3.7", "digest": format!("sha256:{}", "1".repeat(64))},
        "inventory": {
            "analyser": "inventory/1",
            "distro": {"id": "rhel", "version_id": "9.4", "pretty_name": "Red Hat Enterprise Linux 9.4",
                       "cpe_name": "cpe:/o:redhat:enterprise_linux:9::baseos"},
            "layers": [{"digest": format!("sha256:{}", "2".repeat(64)), "size_bytes": 10, "created_by": "FROM"}],
            "packages": [
                {"type": "rpm", "name": "openssl-libs", "version": "1:3.0.7-27.el9", "arch": "x86_64",
                 "source": {"name": "openssl", "version": "1:3.0.7-27.el9"}, "licenses": ["ASL 2.0"],
                 "evidence": "os-database", "path": "var/lib/rpm/rpmdb.sqlite", "layer": 0},
                {"type": "apk", "name": "musl", "version": "1.2.4-r2", "arch": "x86_64", "licenses": ["MIT"],
                 "evidence": "os-database", "path": "lib/apk/db/installed", "layer": 0},
                {"type": "npm", "name": "@babel/core", "version": "7.0.0", "licenses": ["MIT", "ISC OR Zlib"],
                 "evidence": "installed-metadata", "path": "app/node_modules/@babel/core/package.json"},
                {"type": "pypi", "name": "pyyaml", "version": "5.3.1", "evidence": "declared",
                 "path": "app/with space/\u{fc}.txt", "owned_by": "python3-yaml"},
                {"type": "pypi", "name": "evil\u{1b}[31m\u{0}\"<name>", "version": "1 2/3?#%", "evidence": "embedded",
                 "licenses": ["\u{7}"], "path": "../../etc/passwd\n"}
            ],
            "facts": {"platform": "linux/amd64"},
            "coverage": "partial",
            "diagnostics": [{"code": "limit.entries", "level": "error", "message": "too many entries", "layer": 0}]
        },
        "matches": {
            "snapshot": {"id": format!("sha256:{}", "3".repeat(64)), "built_at": "2026-11-24T06:00:00Z"},
            "matched_at": "2026-11-24T06:10:00Z",
            "findings": [
                {"id": "CVE-2020-14343", "aliases": ["GHSA-8q59-q68h-6hv4"], "package_type": "pypi",
                 "package": "pyyaml", "version": "5.3.1", "path": "app/with space/\u{fc}.txt", "severity": "critical",
                 "severity_source": "osv", "cvss": {"vector": "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", "score": 9.3},
                 "epss": {"probability": 0.1, "percentile": 0.9}, "kev": {"added": "2024-01-01", "due": "2024-02-01", "ransomware": true},
                 "status": "affected", "fix": {"state": "available", "version": "5.4"},
                 "published": "2021-02-09T00:00:00Z", "summary": "Arbitrary code", "origin": {"feed": "osv:PyPI", "record": "GHSA-8q59-q68h-6hv4"}},
                {"id": "CVE-2023-0001", "package_type": "rpm", "package": "openssl-libs", "version": "1:3.0.7-27.el9",
                 "path": "var/lib/rpm/rpmdb.sqlite", "layer": 0, "severity": "negligible", "status": "affected",
                 "fix": {"state": "will-not-fix"}, "origin": {"feed": "redhat", "record": "CVE-2023-0001"},
                 "suppressed": {"reason": "unimportant", "source": "the vendor"}},
                {"id": "odd id\u{1b}", "package_type": "apk", "package": "musl", "version": "1.2.4-r2",
                 "path": "lib/apk/db/installed", "layer": 0, "severity": "unknown", "status": "unknown",
                 "fix": {"state": "end-of-life"}, "origin": {"feed": "x", "record": "y"}}
            ],
            "grade": {"grade": "F", "reason": "old", "schedule": [{"grade": "F"}]}
        }
    }))
    .expect("a report")
}

/// The least a report can be: a directory in which nothing was found, without advisories.
fn bare() -> ImageReport {
    serde_json::from_value(json!({
        "schemaVersion": 1,
        "subject": {"name": "/srv/root"},
        "inventory": {"analyser": "inventory/1", "packages": []}
    }))
    .expect("a report")
}

#[test]
fn cyclonedx_documents_hold_to_the_published_schema() {
    let schema = Published::cyclonedx();
    for report in [full(), bare()] {
        schema.check(&format::cyclonedx(&report, &writing()));
    }
}

#[test]
fn spdx_documents_hold_to_the_published_schema() {
    let schema = Published::spdx();
    for report in [full(), bare()] {
        schema.check(&format::spdx(&report, &writing()));
    }
}

#[test]
fn sarif_documents_hold_to_the_published_schema() {
    let schema = Published::sarif();
    for report in [full(), bare()] {
        schema.check(&format::sarif(&report, &writing()));
    }
}

#[test]
fn every_licence_of_the_published_list_is_accepted_in_both_formats() {
    let (cyclonedx, spdx) = (Published::cyclonedx(), Published::spdx());
    let listed = read(&corpus::path("sbom/schemas/cyclonedx/spdx.schema.json"));
    let mut report = bare();
    let template = full().inventory.packages[1].clone();
    for (position, id) in listed["enum"]
        .as_array()
        .expect("the list")
        .iter()
        .enumerate()
    {
        let mut package = template.clone();
        package.name = format!("package-{position}");
        package.licenses = vec![id.as_str().expect("an identifier").to_owned()];
        report.inventory.packages.push(package);
    }
    assert!(report.inventory.packages.len() > 500);
    cyclonedx.check(&format::cyclonedx(&report, &writing()));
    spdx.check(&format::spdx(&report, &writing()));
}

#[test]
fn the_schemas_do_refuse() {
    let broken = |mut document: Value, field: &str| {
        document[field] = json!(42);
        document
    };
    let (report, writing) = (full(), writing());
    assert!(
        Published::cyclonedx().refuses(&broken(format::cyclonedx(&report, &writing), "components"))
    );
    assert!(Published::spdx().refuses(&broken(format::spdx(&report, &writing), "packages")));
    assert!(Published::sarif().refuses(&broken(format::sarif(&report, &writing), "runs")));
}
