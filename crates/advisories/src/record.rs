//! What a snapshot stores: statements about packages, and facts about vulnerabilities.
//!
//! Everything here is written with postcard, so the order of fields and variants is the format. A change of any of
//! them is a new schema number in `snapshot::file`. No field is skipped when serialised: postcard would lose its place.

use evidence::Severity;
use serde::{Deserialize, Serialize};

use crate::cvss::ScoredVector;

/// One statement of one source about one package: "this flaw concerns these versions".
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Statement {
    /// The vulnerability, by its display id.
    pub vulnerability: String,
    /// The record that says so, by its own id.
    pub record: String,
    /// What it says.
    pub claim: Claim,
    /// The severity word of this record, if it has one.
    pub severity: Option<Severity>,
    /// When the fix was published, in seconds of Unix time. `None` means: first seen in this snapshot.
    pub fixed_at: Option<i64>,
    /// Whether `fixed_at` is a lower bound and not the vendor's own date.
    pub estimated: bool,
}

/// The content of a statement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Claim {
    /// An entry of the Debian security tracker, for one release.
    Debian(DebianEntry),
    /// OSV ranges and versions, all `affected` entries of the package together.
    Osv(Affected),
}

/// The Debian security tracker's entry for one (source package, vulnerability, release).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct DebianEntry {
    /// The tracker's status.
    pub status: DebianStatus,
    /// The tracker's urgency, where it means something.
    pub urgency: DebianUrgency,
    /// The security team's decision, where there will be no advisory.
    pub handling: DebianHandling,
    /// The tracker's words for that decision.
    pub remark: String,
}

/// The tracker's status.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum DebianStatus {
    /// The release was never affected (`fixed_version` is "0").
    NeverAffected,
    /// Fixed in this version.
    Fixed {
        /// The first fixed version.
        version: String,
        /// Whether an archive of the release carries it already.
        published: bool,
    },
    /// Known, and not fixed.
    Open,
    /// Not yet decided.
    Undetermined,
}

/// The tracker's urgencies that are more than a hint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum DebianUrgency {
    /// Any other; Debian's urgencies are not severities.
    #[default]
    Ordinary,
    /// Debian does not consider it a security problem.
    Unimportant,
    /// The package is out of support in this release.
    EndOfLife,
}

/// The security team's decision about an open issue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum DebianHandling {
    /// Nothing is decided.
    #[default]
    Undecided,
    /// Minor: no advisory is planned, a fix may come with a point release.
    Minor,
    /// Postponed until the next advisory.
    Postponed,
    /// It will not be fixed.
    Ignored,
}

/// The versions of a package that an OSV record names.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Affected {
    /// Ranges; a version inside any of them is affected.
    pub ranges: Vec<Vec<Event>>,
    /// Versions named one by one that no range covers.
    pub versions: Vec<String>,
}

/// A point where a range begins or ends. Events are sorted by version when a snapshot is built.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Event {
    /// Affected from the beginning.
    FromStart,
    /// Not affected from this version on: it is the fix.
    Fixed(String),
    /// Not affected after this version, which is no fix.
    LastAffected(String),
    /// The range says nothing from this version on.
    Limit(String),
    /// Affected from this version on.
    Introduced(String),
}

impl Event {
    /// Returns the version, which the beginning of time has not.
    pub(crate) fn version(&self) -> Option<&str> {
        match self {
            Self::FromStart => None,
            Self::Fixed(v) | Self::LastAffected(v) | Self::Limit(v) | Self::Introduced(v) => {
                Some(v)
            }
        }
    }
}

/// What is known about a vulnerability, whoever is affected.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Vulnerability {
    /// The other names, sorted.
    pub aliases: Vec<String>,
    /// One line, plain text.
    pub summary: String,
    /// The earliest publication date given, in seconds of Unix time.
    pub published: Option<i64>,
    /// The best vector known.
    pub cvss: Option<ScoredVector>,
    /// The best severity word known.
    pub severity: Option<Severity>,
}

/// An entry of the KEV catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KevEntry {
    /// `YYYY-MM-DD`.
    pub added: String,
    /// `YYYY-MM-DD`.
    pub due: String,
    /// Known in ransomware campaigns.
    pub ransomware: bool,
}

/// An EPSS row.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct EpssRow {
    /// Probability of exploitation within 30 days.
    pub probability: f64,
    /// Share of vulnerabilities with a lower or equal probability.
    pub percentile: f64,
}
