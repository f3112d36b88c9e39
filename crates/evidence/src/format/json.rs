//! Our own document: the report itself, with the name of its shape.

use serde_json::Value;

use crate::ImageReport;

/// The name of the report's shape. Its last part is `schemaVersion`.
const SCHEMA: &str = "urn:tidegate:schema:image-report:1";

/// Returns the report as one JSON document with `$schema` and `schemaVersion`.
pub fn document(report: &ImageReport) -> Value {
    let mut document = serde_json::to_value(report)
        .expect("a report holds text, finite numbers and lists: its JSON cannot fail");
    document["$schema"] = SCHEMA.into();
    document
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::sample;

    #[test]
    fn the_document_names_its_shape_and_reads_back_as_the_report() {
        let report = sample::report();
        let document = document(&report);
        assert_eq!(document["$schema"], SCHEMA);
        assert_eq!(document["schemaVersion"], 1);
        let read: ImageReport = serde_json::from_value(document).expect("our own document");
        assert_eq!(read, report);
    }
}
