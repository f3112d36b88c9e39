//! `pom.xml`: the coordinates of a project, as far as the file alone says them.
//!
//! A reader of its own, because so little is wanted: names of elements and text, no entities, no namespaces. What a
//! project has from its parent is read from the `parent` element; a placeholder is looked up in the project's own
//! properties, and one that is not there leaves the coordinates unknown.
//!
//! # Source
//! The Apache Maven "POM Reference".

use std::collections::BTreeMap;

use super::Coordinates;
use crate::path;

/// Elements inside each other.
const DEPTH_LIMIT: usize = 64;
const PROPERTIES_LIMIT: usize = 1_000;
/// Placeholders inside the values of placeholders.
const HOPS: usize = 5;

/// Returns the directory of a Maven descriptor in an archive: `META-INF/maven/<group>/<artifact>`, or one level below
/// `maven`, where some builds put it.
pub(super) fn directory(path: &[u8]) -> Option<&[u8]> {
    let directory = path::parent(path);
    let above = path::parent(directory);
    let is_maven = |directory| path::ends_with(directory, b"META-INF/maven");
    (is_maven(above) || is_maven(path::parent(above))).then_some(directory)
}

/// Reads the coordinates. A version that the file does not know stays empty; without a group or an artifact there are
/// none.
pub(super) fn parse(content: &[u8]) -> Option<Coordinates> {
    let text = String::from_utf8_lossy(content);
    let values = values(&text)?;
    let get = |name: &str| {
        let own = values.get(&format!("project/{name}"));
        own.or_else(|| values.get(&format!("project/parent/{name}")))
            .and_then(|value| resolve(value, &values, HOPS))
    };
    let artifact = values.get("project/artifactId")?;
    Some(Coordinates {
        group: get("groupId")?,
        artifact: resolve(artifact, &values, HOPS)?,
        version: get("version").unwrap_or_default(),
    })
}

/// Puts values in place of placeholders.
fn resolve(value: &str, values: &BTreeMap<String, String>, hops: usize) -> Option<String> {
    let Some(start) = value.find("${") else {
        return Some(value.to_owned());
    };
    let (before, rest) = (&value[..start], &value[start + 2..]);
    let (name, after) = rest.split_once('}')?;
    let name = name.strip_prefix("pom.").unwrap_or(name);
    let path = match name.strip_prefix("project.") {
        Some(path) => format!("project/{}", path.replace('.', "/")),
        None => format!("project/properties/{name}"),
    };
    let own = values.get(&path);
    let found = own.or_else(|| values.get(&path.replacen("project/", "project/parent/", 1)))?;
    let found = resolve(found, values, hops.checked_sub(1)?)?;
    resolve(&format!("{before}{found}{after}"), values, hops - 1)
}

/// The text of the few elements that matter, by their path.
fn values(text: &str) -> Option<BTreeMap<String, String>> {
    let mut values = BTreeMap::new();
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text;
    let mut content = "";
    while let Some(start) = rest.find('<') {
        let before = &rest[..start];
        if !before.trim().is_empty() {
            content = before.trim();
        }
        rest = &rest[start + 1..];
        let end = match rest {
            comment if comment.starts_with("!--") => "-->",
            data if data.starts_with("![CDATA[") => "]]>",
            instruction if instruction.starts_with('?') => "?>",
            _ => ">",
        };
        let (tag, after) = rest.split_once(end)?;
        rest = after;
        if tag.starts_with(['!', '?']) || tag.ends_with('/') {
            continue;
        }
        if let Some(name) = tag.strip_prefix('/') {
            if open.last() != Some(&name.trim()) {
                return None;
            }
            let path = open.join("/");
            if is_wanted(&open) && values.len() < PROPERTIES_LIMIT {
                values.insert(path, content.to_owned());
            }
            open.pop();
        } else {
            open.push(tag.split_whitespace().next().unwrap_or_default());
            if open.len() > DEPTH_LIMIT {
                return None;
            }
        }
        content = "";
    }
    Some(values)
}

fn is_wanted(path: &[&str]) -> bool {
    matches!(
        path,
        ["project", "groupId" | "artifactId" | "version"]
            | ["project", "parent", "groupId" | "artifactId" | "version"]
            | ["project", "properties", _]
    )
}
