//! Identifiers that two runs over the same evidence agree on.

use oci::Digest;

use crate::ImageReport;

/// Returns a UUID derived from the evidence: the subject, the analyser, the advisory snapshot and the kind of document.
///
/// A source without a digest (a directory) is identified by its inventory's content.
///
/// # Source
/// RFC 9562, section 5.8: version 8 is the form for values of one's own derivation.
pub(super) fn document_uuid(report: &ImageReport, kind: &str) -> String {
    let subject = report
        .subject
        .digest
        .clone()
        .unwrap_or_else(|| content_digest(report));
    let snapshot = report
        .matches
        .as_ref()
        .map_or("none", |matches| matches.snapshot.id.as_str());
    uuid_of(&[
        kind,
        &report.subject.name,
        subject.as_str(),
        &report.inventory.analyser,
        snapshot,
    ])
}

fn content_digest(report: &ImageReport) -> Digest {
    let content = serde_json::to_vec(&report.inventory)
        .expect("an inventory holds text, numbers and lists: its JSON cannot fail");
    Digest::sha256(&content)
}

/// Returns the hexadecimal SHA-256 of the parts, each ended by a byte that no part contains.
pub(super) fn fingerprint(parts: &[&str]) -> String {
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
    for part in parts {
        bytes.extend_from_slice(part.as_bytes());
        // 0xFF never occurs in UTF-8: ("ab", "c") and ("a", "bc") stay apart.
        bytes.push(0xFF);
    }
    Digest::sha256(&bytes).hex().to_owned()
}

fn uuid_of(parts: &[&str]) -> String {
    let hex = fingerprint(parts);
    // Version nibble 8, then the variant bits 10: the first hexadecimal digit of the group is one of 8, 9, a, b.
    let variant = match hex.as_bytes()[16] {
        b'0'..=b'3' => '8',
        b'4'..=b'7' => '9',
        b'8'..=b'9' | b'a'..=b'b' => 'a',
        _ => 'b',
    };
    format!(
        "{}-{}-8{}-{variant}{}-{}",
        &hex[0..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..32]
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::sample;

    #[test]
    fn the_same_evidence_has_the_same_identity_and_other_evidence_another() {
        let report = sample::report();
        let first = document_uuid(&report, "cyclonedx");
        assert_eq!(first, document_uuid(&report.clone(), "cyclonedx"));
        assert_ne!(first, document_uuid(&report, "spdx"));

        let mut other = report.clone();
        other.subject.digest = Some(Digest::sha256(b"other"));
        assert_ne!(first, document_uuid(&other, "cyclonedx"));

        let mut directory = report;
        directory.subject.digest = None;
        let before = document_uuid(&directory, "cyclonedx");
        directory.inventory.packages.pop();
        assert_ne!(before, document_uuid(&directory, "cyclonedx"));
    }

    #[test]
    fn the_uuid_has_version_eight_and_the_standard_variant() {
        for seed in ["a", "b", "c", "d", "e", "f"] {
            let uuid = uuid_of(&[seed]);
            assert_eq!(uuid.len(), 36);
            assert_eq!(uuid.as_bytes()[14], b'8');
            assert!(matches!(uuid.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
        }
    }

    #[test]
    fn moving_text_between_parts_changes_the_fingerprint() {
        assert_ne!(fingerprint(&["ab", "c"]), fingerprint(&["a", "bc"]));
    }
}
