//! `META-INF/MANIFEST.MF`: attributes, one a line, folded after 72 bytes.
//!
//! The main section counts. What it does not say may stand in a section about a directory of the archive, where older
//! builds put it.
//!
//! # Source
//! The Java SE "JAR File Specification", "JAR Manifest".

use std::collections::BTreeMap;

/// Attributes kept: those that may name an artifact.
const KEPT: [&str; 13] = [
    "automatic-module-name",
    "bundle-license",
    "bundle-symbolicname",
    "bundle-version",
    "extension-name",
    "group-id",
    "implementation-title",
    "implementation-vendor-id",
    "implementation-version",
    "plugin-version",
    "short-name",
    "specification-title",
    "specification-version",
];

/// The attributes of a manifest.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    attributes: BTreeMap<String, String>,
}

impl Manifest {
    pub(super) fn parse(content: &[u8]) -> Self {
        let mut manifest = Self::default();
        let mut open: Option<(String, Vec<u8>)> = None;
        for line in lines(content) {
            if let (Some(rest), Some((_, value))) = (line.strip_prefix(b" "), &mut open) {
                value.extend_from_slice(rest);
                continue;
            }
            manifest.keep(open.take());
            let colon = line.iter().position(|byte| *byte == b':');
            open = colon.map(|end| {
                let name = String::from_utf8_lossy(&line[..end]).to_ascii_lowercase();
                (name, line[end + 1..].trim_ascii_start().to_vec())
            });
        }
        manifest.keep(open);
        manifest
    }

    /// Returns an attribute by its name in lower case.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    /// The first value counts: the main section comes first.
    fn keep(&mut self, attribute: Option<(String, Vec<u8>)>) {
        let Some((name, value)) = attribute else {
            return;
        };
        let value = String::from_utf8_lossy(value.trim_ascii()).into_owned();
        if KEPT.contains(&name.as_str()) && !value.is_empty() {
            self.attributes.entry(name).or_insert(value);
        }
    }
}

/// Lines end with CR LF, LF or CR.
fn lines(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    content
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .flat_map(|line| line.split(|byte| *byte == b'\r'))
}
