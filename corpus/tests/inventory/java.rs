//! Java archives made from real metadata: descriptors, manifests, and whole `META-INF` folders.

use std::io::{Cursor, Write};
use std::path::Path;

use evidence::{Evidence, Inventory, PackageType};
use zip::write::SimpleFileOptions;

use crate::{analyse, files, json, read, subject, text};

/// `name version` of each package, `+` in front of what is embedded.
fn artifacts(inventory: &Inventory) -> Vec<String> {
    let rows = inventory.packages.iter().map(|package| {
        assert_eq!(package.kind, PackageType::Maven);
        let mark = if package.evidence == Evidence::Embedded {
            "+"
        } else {
            ""
        };
        format!("{mark}{} {}", package.name, package.version)
    });
    rows.collect()
}

fn jar(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(name.as_str(), SimpleFileOptions::default())
            .expect("an entry");
        zip.write_all(content).expect("written to memory");
    }
    zip.finish().expect("written to memory").into_inner()
}

#[test]
fn maven_descriptors_give_group_artifact_and_version() {
    let rows = json(&corpus::path("packages/java/pom-properties.expected.json"));
    for row in &rows {
        let content = read(&corpus::path("packages").join(text(row, "file")));
        let inventory = analyse("app/META-INF/maven/g/a/pom.properties", &content);
        let [group, artifact, version] =
            ["groupId", "artifactId", "version"].map(|field| text(row, field));
        let expected = format!("{group}:{artifact} {version}");
        assert_eq!(artifacts(&inventory), [expected], "{}", text(row, "file"));
    }
    assert_eq!(rows.len(), 57);
}

#[test]
fn a_java_manifest_says_the_same_in_its_normal_form() {
    let mut compared = 0;
    for want in files(&corpus::path("packages/java/claircore/manifest"), ".want") {
        let original = subject(&want, ".want");
        let name = original
            .file_name()
            .expect("a file has a name")
            .to_string_lossy();
        let of = |manifest: &Path| {
            let manifest = ("META-INF/MANIFEST.MF".to_owned(), read(manifest));
            artifacts(&analyse(&format!("lib/{name}"), &jar(&[manifest])))
        };
        assert_eq!(of(&original), of(&want), "{name}");
        compared += of(&original).len();
    }
    assert!(compared > 40, "{compared} manifests");
}

#[test]
fn java_archives_are_what_they_were_published_as() {
    let root = corpus::path("packages/java/syft/jar-metadata");
    let cases = [
        (
            "api-all-2.0.0-sources",
            "org.apache.directory.api:api-all 2.0.0",
        ),
        (
            "commons-lang3-3.12.0",
            "org.apache.commons:commons-lang3 3.12.0",
        ),
        (
            "jackson-core-2.15.2",
            "com.fasterxml.jackson.core:jackson-core 2.15.2",
        ),
        ("micronaut-aop-4.9.11", "io.micronaut:micronaut-aop 4.9.11"),
        ("opensaml-core-3.4.6", "org.opensaml:opensaml-core 3.4.6"),
    ];
    for (folder, expected) in cases {
        let folder_path = root.join(folder);
        let content: Vec<(String, Vec<u8>)> = files(&folder_path, "")
            .into_iter()
            .map(|path| {
                let name = path.strip_prefix(&folder_path).expect("below the folder");
                (name.to_string_lossy().into_owned(), read(&path))
            })
            .collect();
        let found = artifacts(&analyse(&format!("lib/{folder}.jar"), &jar(&content)));
        let own: Vec<_> = found.iter().filter(|row| !row.starts_with('+')).collect();
        assert_eq!(own, [expected], "{folder}");
    }
}
