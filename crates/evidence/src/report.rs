//! Whole reports: an inventory and its matches, bound to a subject and a snapshot.

use jiff::Timestamp;
use oci::Digest;
use serde::{Deserialize, Serialize};

use crate::{Diagnostic, Finding, GradeReport, Inventory, SeverityCounts};

/// The advisory snapshot a report was made with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotRef {
    /// Its logical digest.
    pub id: Digest,
    /// When it was built.
    pub built_at: Timestamp,
}

/// What one snapshot says about one inventory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MatchReport {
    /// The snapshot.
    pub snapshot: SnapshotRef,
    /// When the match was made.
    pub matched_at: Timestamp,
    /// All findings, most urgent first; suppressed ones are included and marked.
    pub findings: Vec<Finding>,
    /// The health grade at `matched_at`.
    pub grade: GradeReport,
    /// What could not be matched (invalid versions, a release without data).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<Diagnostic>,
}

impl MatchReport {
    /// Returns the findings that count.
    pub fn open(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.is_open())
    }

    /// Counts unique vulnerabilities by their worst open severity.
    pub fn counts(&self) -> SeverityCounts {
        unique(self.open())
    }

    /// Counts unique vulnerabilities that have a fix.
    pub fn fixable_counts(&self) -> SeverityCounts {
        unique(self.open().filter(|finding| finding.is_fixable()))
    }
}

fn unique<'a>(findings: impl Iterator<Item = &'a Finding>) -> SeverityCounts {
    let mut worst = std::collections::BTreeMap::new();
    for finding in findings {
        let entry = worst.entry(finding.id.as_str()).or_insert(finding.severity);
        *entry = (*entry).max(finding.severity);
    }
    worst.into_values().collect()
}

/// What a report is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The name people use: `payments/api:2.3.7`, or the file scanned.
    pub name: String,
    /// The manifest's digest; a directory has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

/// Everything known about one image: the document behind the table, the page and the formats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageReport {
    /// The shape's version: 1.
    pub schema_version: u32,
    /// The image.
    pub subject: Subject,
    /// What is inside.
    pub inventory: Inventory,
    /// What is known about it; absent when no advisories were at hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches: Option<MatchReport>,
}
