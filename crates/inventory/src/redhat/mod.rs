//! What Red Hat's build system leaves in a layer: the repositories it was built from, and the container's identity.
//!
//! | File | Extractor | Gives |
//! |---|---|---|
//! | `root/buildinfo/content_manifests/*.json`, `usr/share/buildinfo/*.json` and below | [`CONTENT`] | content sets |
//! | `labels.json` of the same directories, `root/buildinfo/Dockerfile-*` | [`LABELS`] | labels |
//!
//! The files are read and kept layer by layer, whatever a later layer does to them: what a base was built from stays
//! true. What they mean for matching is decided in `advisories`.

mod dockerfile;

use evidence::Level;
use serde_json::Value;

use crate::document;
use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::path;
use crate::report::{ContentRow, Rows};

pub(crate) const CONTENT: Extractor = Extractor {
    name: "redhat-content",
    version: 1,
    literals: &["buildinfo/"],
    accepts: |path| is_document(path) && !is_labels(path),
    wanted: Wanted::Document,
    ownable: false,
    parse: parse_content,
};

pub(crate) const LABELS: Extractor = Extractor {
    name: "redhat-labels",
    version: 1,
    literals: &["buildinfo/"],
    accepts: |path| (is_document(path) && is_labels(path)) || is_dockerfile(path),
    wanted: Wanted::Document,
    ownable: false,
    parse: parse_labels,
};

/// The labels that name a container; an image may have any number of others.
const IDENTITY: [&str; 6] = [
    "architecture",
    "com.redhat.component",
    "cpe",
    "name",
    "release",
    "version",
];
/// Content sets of one layer. The largest product images have some fifty.
const SET_LIMIT: usize = 10_000;

fn is_document(path: &[u8]) -> bool {
    let directory = path::parent(path);
    path.ends_with(b".json")
        && [
            &b"root/buildinfo"[..],
            b"root/buildinfo/content_manifests",
            b"usr/share/buildinfo",
            b"usr/share/buildinfo/content_manifests",
        ]
        .contains(&directory)
}

fn is_labels(path: &[u8]) -> bool {
    path::basename(path) == b"labels.json"
}

fn is_dockerfile(path: &[u8]) -> bool {
    path::parent(path) == b"root/buildinfo" && path::basename(path).starts_with(b"Dockerfile-")
}

fn parse_content(file: &File<'_>, notes: &mut Notes) -> Rows {
    let document = match document::json(file.content) {
        Ok(document) => document,
        Err(error) => {
            error.note("redhat.bad_manifest", Level::Warning, notes);
            return Rows::Present;
        }
    };
    let sets = document["content_sets"].as_array();
    let sets = sets.into_iter().flatten().filter_map(Value::as_str);
    let row = ContentRow {
        sets: sets.take(SET_LIMIT).map(str::to_owned).collect(),
        from_dnf_hint: document["from_dnf_hint"].as_bool().unwrap_or_default(),
        layer_index: document["metadata"]["image_layer_index"]
            .as_u64()
            .and_then(|index| u32::try_from(index).ok()),
    };
    if row == ContentRow::default() {
        return Rows::Present; // another document of the same directory
    }
    Rows::Content(row)
}

fn parse_labels(file: &File<'_>, notes: &mut Notes) -> Rows {
    let all = if is_labels(file.path) {
        match document::json(file.content) {
            Ok(Value::Object(labels)) => labels
                .into_iter()
                .filter_map(|(key, value)| Some((key, value.as_str()?.to_owned())))
                .collect(),
            Ok(_) => Vec::new(),
            Err(error) => {
                error.note("redhat.bad_labels", Level::Warning, notes);
                Vec::new()
            }
        }
    } else {
        dockerfile::labels(&String::from_utf8_lossy(file.content))
    };
    let identity = all
        .into_iter()
        .filter(|(key, _)| IDENTITY.contains(&key.as_str()));
    Rows::Labels(identity.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(extractor: &Extractor, path: &str, content: &str) -> (Rows, usize) {
        assert!((extractor.accepts)(path.as_bytes()), "{path}");
        let file = File {
            path: path.as_bytes(),
            content: content.as_bytes(),
        };
        let mut notes = Notes::new(file.path);
        let rows = (extractor.parse)(&file, &mut notes);
        (rows, notes.into_list().len())
    }

    #[test]
    fn a_content_manifest_names_its_sets() {
        let path = "root/buildinfo/content_manifests/ubi9-container-9.2-755.json";
        let content = r#"{"metadata":{"icm_version":1,"image_layer_index":1},
            "content_sets":["rhel-9-for-x86_64-baseos-rpms","rhel-9-for-x86_64-appstream-rpms",7],"image_contents":[]}"#;
        let row = ContentRow {
            sets: vec![
                "rhel-9-for-x86_64-baseos-rpms".to_owned(),
                "rhel-9-for-x86_64-appstream-rpms".to_owned(),
            ],
            from_dnf_hint: false,
            layer_index: Some(1),
        };
        assert_eq!(read(&CONTENT, path, content), (Rows::Content(row), 0));
        let hint = r#"{"from_dnf_hint":true}"#;
        let row = ContentRow {
            from_dnf_hint: true,
            ..ContentRow::default()
        };
        let path = "usr/share/buildinfo/content-sets.json";
        assert_eq!(read(&CONTENT, path, hint), (Rows::Content(row), 0));
        assert_eq!(read(&CONTENT, path, "{}"), (Rows::Present, 0));
        assert_eq!(read(&CONTENT, path, "{"), (Rows::Present, 1));
    }

    #[test]
    fn labels_that_name_a_container_are_kept() {
        let expected = Rows::Labels(vec![
            (
                "com.redhat.component".to_owned(),
                "ubi9-container".to_owned(),
            ),
            ("version".to_owned(), "9.2".to_owned()),
        ]);
        let json =
            r#"{"com.redhat.component":"ubi9-container","maintainer":"Red Hat","version":"9.2"}"#;
        let path = "root/buildinfo/labels.json";
        assert_eq!(read(&LABELS, path, json), (expected.clone(), 0));
        let text = "FROM scratch\nLABEL maintainer=\"Red Hat\"\nlabel com.redhat.component=\"ubi9-container\" \\\n  \"version\"=\"9.2\"\n";
        let path = "root/buildinfo/Dockerfile-ubi9-9.2-755";
        assert_eq!(read(&LABELS, path, text), (expected, 0));
    }
}
