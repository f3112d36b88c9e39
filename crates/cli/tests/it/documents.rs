//! Documents: JSON, SARIF, CycloneDX and SPDX, on standard output and in files.

use serde_json::Value;

use crate::world::World;

/// What changes with the clock, with the set of analysers, or with how a snapshot is stored, and says nothing about a document.
const REDACTED: [(&str, &str); 6] = [
    (r#""built_at": "[^"]*""#, r#""built_at": "[time]""#),
    (r#""id": "sha256:[0-9a-f]{64}""#, r#""id": "[snapshot]""#),
    (
        r#""advisories": "sha256:[0-9a-f]{64}""#,
        r#""advisories": "[snapshot]""#,
    ),
    (r"urn:uuid:[0-9a-f-]{36}", "urn:uuid:[uuid]"),
    (
        r#""analyser": "[0-9a-f]{16}""#,
        r#""analyser": "[version]""#,
    ),
    (r#""value": "[0-9a-f]{16}""#, r#""value": "[version]""#),
];

fn document(world: &World, format: &str) -> Value {
    let run = world.scan(&["-o", format]).ends_with(0);
    serde_json::from_str(&run.stdout).expect("one JSON document")
}

#[test]
fn the_documents_are_what_they_were() {
    let world = World::with_sample();
    for format in ["json", "sarif", "cyclonedx", "spdx"] {
        let document = document(&world, format);
        insta::with_settings!({sort_maps => true, filters => REDACTED.to_vec()}, {
            insta::assert_json_snapshot!(format, document);
        });
    }
}

#[test]
fn two_scans_give_the_same_bytes() {
    let world = World::with_sample();
    for format in ["json", "sarif", "cyclonedx", "spdx"] {
        assert_eq!(
            world.scan(&["-o", format]).stdout,
            world.scan(&["-o", format]).stdout,
            "{format}"
        );
    }
}

#[test]
fn several_formats_go_to_files_and_one_to_standard_output() {
    let world = World::with_sample();
    world
        .scan(&[
            "-o",
            "sarif=report.sarif",
            "-o",
            "table",
            "-o",
            "spdx=report.spdx.json",
        ])
        .ends_with(0)
        .shows("Health ");
    let sarif: Value = serde_json::from_str(&world.read("report.sarif")).expect("JSON");
    assert_eq!(sarif["version"], "2.1.0");
    let spdx: Value = serde_json::from_str(&world.read("report.spdx.json")).expect("JSON");
    assert_eq!(spdx["spdxVersion"], "SPDX-2.3");
}

#[test]
fn a_file_that_cannot_be_written_is_an_error() {
    World::with_sample()
        .scan(&["-o", "json=/nowhere/report.json"])
        .ends_with(1)
        .says("error: cannot write `/nowhere/report.json`")
        .says("cause: ");
}
