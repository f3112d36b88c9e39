//! Interchange formats: the same facts in other tools' spellings.
//!
//! Each format is one pure function from an [`ImageReport`] and a [`Writing`] to a JSON document. Equal input gives equal
//! output: lists are sorted, identifiers derive from the subject and the analyser, and the time is a parameter. Nothing
//! here reads, decides or filters; a caller who wants fewer findings passes a report with fewer findings.
//!
//! Adding a format: one module with one `document` function, one row in the corpus suite that validates it against the
//! published schema, one word in the command line's `-o`.

mod cyclonedx;
mod identity;
mod json;
mod licence;
mod reference;
mod sarif;
mod spdx;

#[cfg(test)]
pub(crate) mod sample;

pub use self::spdx::document as spdx;
pub use cyclonedx::document as cyclonedx;
pub use json::document as json;
pub use sarif::{MAX_RESULTS as SARIF_MAX_RESULTS, document as sarif};

use jiff::Timestamp;
use serde_json::Value;

use crate::ImageReport;

/// What a document says about its own making.
#[derive(Clone, Copy, Debug)]
pub struct Writing<'a> {
    /// The version of this program.
    pub tool_version: &'a str,
    /// When the document is written.
    pub at: Timestamp,
}

/// The name under which documents present the program that wrote them.
const TOOL: &str = "tidegate";

/// Returns whether the subject is a container image. A docker-archive has layers but no manifest, hence no digest; a
/// directory tree has neither.
fn is_image(report: &ImageReport) -> bool {
    report.subject.digest.is_some() || !report.inventory.layers.is_empty()
}

/// Removes absent facts: nulls, empty arrays and empty objects, at any depth.
///
/// The writers spell every field and leave the unknown ones null, which keeps each document readable as one literal.
fn without_absent(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, field)| (name, without_absent(field)))
            .filter(|(_, field)| !is_absent(field))
            .collect(),
        Value::Array(items) => items
            .into_iter()
            .map(without_absent)
            .filter(|item| !is_absent(item))
            .collect(),
        scalar => scalar,
    }
}

fn is_absent(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// Formats a time with whole seconds, as SPDX requires and the others accept.
fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn absent_facts_leave_no_trace_but_false_zero_and_empty_text_stay() {
        let value = json!({"a": null, "b": [null, {"c": []}], "d": false, "e": 0, "f": ""});
        assert_eq!(without_absent(value), json!({"d": false, "e": 0, "f": ""}));
    }

    #[test]
    fn times_are_written_with_whole_seconds() {
        let at = "2026-11-24T06:10:00.987654Z".parse().expect("a time");
        assert_eq!(seconds(at), "2026-11-24T06:10:00Z");
    }
}
