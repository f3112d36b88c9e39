//! `pom.properties`: the coordinates of an artifact as Maven writes them into it.
//!
//! # Source
//! The documentation of `java.util.Properties.load`.

use super::Coordinates;

/// Reads the coordinates; `None` without an artifact or a version.
pub(super) fn parse(content: &[u8]) -> Option<Coordinates> {
    let mut coordinates = Coordinates::default();
    for line in content.split(|byte| matches!(byte, b'\n' | b'\r')) {
        let line = line.trim_ascii_start();
        if line.starts_with(b"#") || line.starts_with(b"!") {
            continue;
        }
        let Some(end) = line.iter().position(|byte| matches!(byte, b'=' | b':')) else {
            continue;
        };
        let place = match line[..end].trim_ascii() {
            b"groupId" => &mut coordinates.group,
            b"artifactId" => &mut coordinates.artifact,
            b"version" => &mut coordinates.version,
            _ => continue,
        };
        *place = value(&line[end + 1..]);
    }
    let is_known = |text: &str| !text.is_empty() && !text.contains("${");
    (is_known(&coordinates.artifact) && is_known(&coordinates.version)).then_some(coordinates)
}

/// A value without its escapes: a backslash makes the next character an ordinary one.
fn value(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes.trim_ascii());
    text.chars().filter(|letter| *letter != '\\').collect()
}
