//! Images, feeds and policies for tests of the running server.
//!
//! The images are small but have what real ones have: a distribution's packages in one layer, Python and npm packages in
//! another, a user, labels and a history.

use image::testkit::{TarBuilder, TestImage, TestLayer, oci_layout_files, write_files};
use oci::{Digest, media_type};
use serde_json::{Value, json};

use crate::world::{KEV, OSV, SEVERITIES, STATUS, TRACKER, World};

/// Feeds in the shapes of their publishers: what is known about [`application`].
pub(crate) const FEEDS: &[(&str, &str)] = &[
    ("tracker.json", TRACKER),
    ("kev.json", KEV),
    ("requests.json", OSV),
    ("severities.jsonl", SEVERITIES),
    ("lodash.json", LODASH),
    ("epss.csv", EPSS),
];

const LODASH: &str = r#"{"schema_version": "1.6.0", "id": "GHSA-p6mc-m468-83gw", "modified": "2024-04-01T00:00:00Z",
 "published": "2020-07-15T00:00:00Z", "aliases": ["CVE-2020-8203"], "summary": "A merge changes every object",
 "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:H/A:H"}],
 "affected": [{"package": {"ecosystem": "npm", "name": "lodash"},
  "ranges": [{"type": "SEMVER", "events": [{"introduced": "3.7.0"}, {"fixed": "4.17.19"}]}]}]}"#;

const EPSS: &str = "\
#model_version:v2025.03.14,score_date:2026-08-16T00:00:00+0000
cve,epss,percentile
CVE-2020-8203,0.018470000,0.826620000
CVE-2024-0001,0.941200000,0.999100000
";

/// A policy that refuses what is known to be exploited, and what was not scanned.
pub(crate) fn policy(mode: &str) -> String {
    format!(
        "apiVersion: tidegate/v1\n\
         kind: Policy\n\
         metadata:\n  name: house\n\
         spec:\n  mode: {mode}\n  rules:\n\
         \x20   - id: scanned\n      when: evidence.present\n      with: {{kinds: [vulnerabilities]}}\n      level: deny\n      title: The image was scanned\n\
         \x20   - id: no-known-exploited\n      when: vuln.kev\n      with: {{fixable: true, max: 0}}\n      level: deny\n      title: No fixable vulnerability that is known to be exploited\n\
         \x20   - id: non-root\n      when: config.user\n      with: {{root: forbidden}}\n      level: warn\n      title: The image does not run as root\n"
    )
}

/// Debian packages, a Python and an npm package: one finding is exploited, several have fixes.
pub(crate) fn application() -> TestImage {
    let mut image = TestImage::new(vec![TestLayer::gzip(&base()), TestLayer::gzip(&packages())])
        .named("team/app:1.0");
    image.process = json!({ "Env": ["PATH=/usr/bin"], "Cmd": ["node", "server.js"], "ExposedPorts": {"8080/tcp": {}} });
    image.history = json!([
        {"created_by": "/bin/sh -c #(nop) ADD file:base in / "},
        {"created_by": "RUN pip install requests && npm install lodash"},
    ]);
    image
}

/// The same base without anything that is known to be vulnerable, and with a user.
pub(crate) fn harmless() -> TestImage {
    let tar = TarBuilder::new()
        .file("usr/lib/os-release", OS_RELEASE)
        .symlink("etc/os-release", "../usr/lib/os-release")
        .file(
            "var/lib/dpkg/status",
            "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2.15-2+b2\n\n",
        )
        .finish();
    let mut image = TestImage::new(vec![TestLayer::gzip(&tar)]).named("team/app:2.0");
    image.process = json!({ "User": "1000:1000", "Cmd": ["bash"] });
    image.history = json!([{"created_by": "/bin/sh -c #(nop) ADD file:base in / "}]);
    image
}

const OS_RELEASE: &str = "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n";

fn base() -> Vec<u8> {
    TarBuilder::new()
        .file("usr/lib/os-release", OS_RELEASE)
        .symlink("etc/os-release", "../usr/lib/os-release")
        .file("var/lib/dpkg/status", STATUS)
        .finish()
}

fn packages() -> Vec<u8> {
    TarBuilder::new()
        .file(
            "usr/local/lib/python3.11/site-packages/requests-2.25.0.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: requests\nVersion: 2.25.0\nLicense: Apache 2.0\n\n",
        )
        .file(
            "srv/app/node_modules/lodash/package.json",
            r#"{"name": "lodash", "version": "4.17.15", "license": "MIT"}"#,
        )
        .finish()
}

/// A layer that does not shrink, for transfers that take a while.
pub(crate) fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(bytes).collect()
}

/// An image of one large layer, which clients send as it is.
pub(crate) fn large(bytes: usize) -> TestImage {
    let tar = TarBuilder::new().file("srv/noise", noise(bytes)).finish();
    TestImage::new(vec![TestLayer::gzip(&tar)])
}

/// The document of an index over images.
pub(crate) fn index_of(images: &[&TestImage]) -> Vec<u8> {
    let entries: Vec<Value> = images
        .iter()
        .map(|image| {
            let manifest = image.manifest();
            let (os, architecture) = image.platform.split_once('/').expect("os/architecture");
            json!({
                "mediaType": media_type::OCI_MANIFEST,
                "digest": Digest::sha256(&manifest),
                "size": manifest.len(),
                "platform": { "os": os, "architecture": architecture },
            })
        })
        .collect();
    json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": entries })
        .to_string()
        .into_bytes()
}

/// Writes an OCI layout whose one tag is an index over the images.
pub(crate) fn write_index_layout(
    world: &World,
    folder: &str,
    tag: &str,
    images: &[TestImage],
) -> Vec<u8> {
    let inner = index_of(&images.iter().collect::<Vec<_>>());
    let digest = Digest::sha256(&inner);
    let outer = json!({
        "schemaVersion": 2,
        "manifests": [{
            "mediaType": media_type::OCI_INDEX,
            "digest": digest,
            "size": inner.len(),
            "annotations": { "org.opencontainers.image.ref.name": tag },
        }],
    });
    let mut files = oci_layout_files(images, false);
    files.retain(|(path, _)| path != "index.json");
    files.push((format!("blobs/sha256/{}", digest.hex()), inner.clone()));
    files.push(("index.json".to_owned(), outer.to_string().into_bytes()));
    write_files(&world.path(folder), &files);
    inner
}

/// Writes an OCI layout of one image, named by its tag alone.
pub(crate) fn write_layout(world: &World, folder: &str, tag: &str, image: &TestImage) {
    let image = image.clone().named(tag);
    write_files(&world.path(folder), &oci_layout_files(&[image], false));
}
