//! CocoaPods: `Podfile.lock`.
//!
//! A subspec (`Firebase/Core`) is a part of its pod, which is listed once. Pods of a path are the project itself.

use std::collections::BTreeSet;

use evidence::{Evidence, Level, PackageType};
use serde_json::Value;

use crate::document;
use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::listing::Listing;
use crate::path;
use crate::report::Rows;

pub(crate) const LOCK: Extractor = Extractor {
    name: "cocoapods-lock",
    version: 1,
    literals: &["podfile.lock"],
    accepts: |path| path::basename(path) == b"Podfile.lock",
    wanted: Wanted::Document,
    ownable: true,
    parse,
};

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let mut listing = Listing::default();
    let documents = match document::yaml(file.content) {
        Ok(documents) => documents,
        Err(error) => {
            error.note("cocoapods.bad_lock", Level::Warning, notes);
            Vec::new()
        }
    };
    let mut pods = BTreeSet::new();
    for lock in &documents {
        let external = &lock["EXTERNAL SOURCES"];
        let entries = lock["PODS"].as_array().into_iter().flatten();
        let listed = entries.filter_map(entry).filter_map(pod);
        pods.extend(listed.filter(|(name, _)| external[*name][":path"] == Value::Null));
    }
    for (name, version) in pods {
        listing.add(name, version, notes);
    }
    listing.rows(PackageType::CocoaPods, Evidence::Declared)
}

/// A pod without dependencies is a text, one with them the key of a list.
fn entry(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        Value::Object(members) => members.keys().next().map(String::as_str),
        _ => None,
    }
}

/// `Firebase/Core (10.19.0)`.
fn pod(entry: &str) -> Option<(&str, &str)> {
    let (name, version) = entry.split_once(" (")?;
    Some((name.split('/').next()?, version.strip_suffix(')')?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::reading;

    #[test]
    fn pods_are_declared_once_each() {
        let content = "PODS:\n  - Alamofire (5.8.1)\n  - Firebase/Auth (10.19.0):\n    - Firebase/Core\n    - GTM (< 4)\n  - Firebase/Core (10.19.0)\n  - Ours (0.1)\n\n\
            DEPENDENCIES:\n  - Alamofire\n\nEXTERNAL SOURCES:\n  Ours:\n    :path: \"../Ours\"\n\nPODFILE CHECKSUM: 1\n\nCOCOAPODS: 1.14.3\n";
        let found = reading::read(&LOCK, "ios/Podfile.lock", content);
        assert_eq!(found.evidence, Evidence::Declared);
        assert_eq!(found.rows, ["Alamofire 5.8.1", "Firebase 10.19.0"]);
    }

    #[test]
    fn damage_is_noted() {
        assert_eq!(
            reading::read(&LOCK, "Podfile.lock", "a: [").codes,
            ["cocoapods.bad_lock"]
        );
    }
}
