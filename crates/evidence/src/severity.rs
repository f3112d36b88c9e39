//! Severities and counts by severity.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The common severity scale, ordered from least to most severe.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nobody said.
    #[default]
    Unknown,
    /// The vendor considers it unimportant; hidden by default but counted.
    Negligible,
    /// Low.
    Low,
    /// Medium (Red Hat: Moderate).
    Medium,
    /// High (Red Hat: Important).
    High,
    /// Critical.
    Critical,
}

impl Severity {
    /// All severities, most severe first: the order of tables and pages.
    pub const WORST_FIRST: [Self; 6] = [
        Self::Critical,
        Self::High,
        Self::Medium,
        Self::Low,
        Self::Negligible,
        Self::Unknown,
    ];

    /// Returns the word shown to people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unknown => "Unknown",
            Self::Negligible => "Negligible",
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
            Self::Critical => "Critical",
        }
    }

    /// Returns the severity of a CVSS base score.
    ///
    /// # Source
    /// CVSS v3.1 specification, section 5, "Qualitative severity rating scale".
    pub fn from_cvss(score: f64) -> Self {
        match score {
            s if s >= 9.0 => Self::Critical,
            s if s >= 7.0 => Self::High,
            s if s >= 4.0 => Self::Medium,
            s if s > 0.0 => Self::Low,
            _ => Self::Unknown,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// The word is not one of the six severities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a severity is one of critical, high, medium, low, negligible, unknown")]
pub struct UnknownSeverity;

impl FromStr for Severity {
    type Err = UnknownSeverity;

    /// Reads a severity, accepting the vendors' words for the same step (`important`, `moderate`, `unimportant`).
    fn from_str(text: &str) -> Result<Self, UnknownSeverity> {
        match text.to_ascii_lowercase().as_str() {
            "critical" => Ok(Self::Critical),
            "high" | "important" => Ok(Self::High),
            "medium" | "moderate" => Ok(Self::Medium),
            "low" => Ok(Self::Low),
            "negligible" | "unimportant" | "none" => Ok(Self::Negligible),
            "unknown" => Ok(Self::Unknown),
            _ => Err(UnknownSeverity),
        }
    }
}

/// Counts by severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeverityCounts {
    /// Critical.
    pub critical: u32,
    /// High.
    pub high: u32,
    /// Medium.
    pub medium: u32,
    /// Low.
    pub low: u32,
    /// Negligible.
    pub negligible: u32,
    /// Unknown.
    pub unknown: u32,
}

impl SeverityCounts {
    /// Adds one.
    pub fn add(&mut self, severity: Severity) {
        *self.slot(severity) += 1;
    }

    /// Returns the count of one severity.
    pub fn of(&self, severity: Severity) -> u32 {
        let mut copy = *self;
        *copy.slot(severity)
    }

    /// Returns the sum.
    pub fn total(&self) -> u32 {
        Severity::WORST_FIRST.iter().map(|s| self.of(*s)).sum()
    }

    fn slot(&mut self, severity: Severity) -> &mut u32 {
        match severity {
            Severity::Critical => &mut self.critical,
            Severity::High => &mut self.high,
            Severity::Medium => &mut self.medium,
            Severity::Low => &mut self.low,
            Severity::Negligible => &mut self.negligible,
            Severity::Unknown => &mut self.unknown,
        }
    }
}

impl FromIterator<Severity> for SeverityCounts {
    fn from_iter<I: IntoIterator<Item = Severity>>(severities: I) -> Self {
        let mut counts = Self::default();
        severities.into_iter().for_each(|s| counts.add(s));
        counts
    }
}
