//! Findings: one vulnerability in one package at one place.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{PackageType, Severity};

/// What is known about a vulnerability in a package that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The installed version is affected.
    Affected,
    /// The vendor is still looking.
    UnderInvestigation,
    /// It cannot be said (an invalid version, a release without data).
    Unknown,
}

/// What can be done about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Fix {
    /// A fixed version is published for this release.
    Available {
        /// The first fixed version (of the source package, for distributions that match by source).
        version: String,
        /// When the fix was published, if known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        published: Option<Timestamp>,
        /// Whether `published` is a lower bound (first seen, CVE date) and not the vendor's own date.
        #[serde(default)]
        estimated: bool,
    },
    /// No fix exists yet.
    NoneYet,
    /// The vendor postponed it.
    Deferred,
    /// The vendor will not fix it.
    WillNotFix,
    /// The release is out of support.
    EndOfLife,
}

impl Fix {
    /// Returns the fixed version, if there is one.
    pub fn version(&self) -> Option<&str> {
        match self {
            Self::Available { version, .. } => Some(version),
            _ => None,
        }
    }

    /// Returns the words shown to people where there is no version.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Available { .. } => "fix available",
            Self::NoneYet => "no fix yet",
            Self::Deferred => "fix deferred",
            Self::WillNotFix => "will not be fixed",
            Self::EndOfLife => "end of life",
        }
    }
}

/// A CVSS base score with its vector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cvss {
    /// The vector as published.
    pub vector: String,
    /// The base score, 0.0 to 10.0.
    pub score: f64,
}

/// The exploit prediction of FIRST: probabilities between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epss {
    /// The probability of exploitation within 30 days.
    pub probability: f64,
    /// The share of vulnerabilities with a lower or equal probability.
    pub percentile: f64,
}

/// An entry of CISA's catalogue of known exploited vulnerabilities.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kev {
    /// `YYYY-MM-DD`.
    pub added: String,
    /// `YYYY-MM-DD`.
    pub due: String,
    /// Whether it is known in ransomware campaigns.
    pub ransomware: bool,
}

/// The statement that decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The feed: `debian`, `osv:PyPI`.
    pub feed: String,
    /// The record in that feed: `CVE-2020-1747`, `GHSA-…`, `PYSEC-…`.
    pub record: String,
}

/// Why a match is not counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    /// A stable word: `owned-by-os-package`, `kernel-not-run`, `unimportant`.
    pub reason: String,
    /// Who says so, for people.
    pub source: String,
}

/// One vulnerability in one package occurrence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The display id: the CVE, else the GHSA, else the feed's own id.
    pub id: String,
    /// The other names of the same flaw.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// The package's kind.
    pub package_type: PackageType,
    /// The package's name.
    pub package: String,
    /// The installed version.
    pub version: String,
    /// The source package that the statement is about, where it differs from `package`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_package: Option<String>,
    /// The path of the evidence.
    pub path: String,
    /// The layer that introduced the package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<u32>,
    /// The severity on the common scale.
    pub severity: Severity,
    /// Who gave the severity: `debian`, `cvss`, `osv`.
    #[serde(default)]
    pub severity_source: String,
    /// The base score, if a vector is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cvss: Option<Cvss>,
    /// Exploit prediction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epss: Option<Epss>,
    /// Known exploitation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kev: Option<Kev>,
    /// The status.
    pub status: Status,
    /// What can be done.
    pub fix: Fix,
    /// What the status and the fix leave unsaid, for people: `minor, no security advisory planned`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// When the vulnerability was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Timestamp>,
    /// One line about the flaw, as plain text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// The statement used.
    pub origin: Origin,
    /// Why it is not counted, if it is not. Suppressed findings stay visible and are never counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressed: Option<Suppression>,
}

impl Finding {
    /// Returns whether the finding counts: affected and not suppressed.
    pub fn is_open(&self) -> bool {
        self.suppressed.is_none() && self.status == Status::Affected
    }

    /// Returns whether a fixed version is published.
    pub fn is_fixable(&self) -> bool {
        self.fix.version().is_some()
    }
}
