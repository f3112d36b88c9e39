//! How far the analysis of an image has come, and what it says.

use evidence::{
    Coverage, Diagnostic, GradeReport, ImageReport, Level, MatchReport, SeverityCounts, SnapshotRef,
};
use jiff::Timestamp;

/// How far the analysis has come. Each state has its own words on the page.
#[derive(Clone, Debug)]
pub enum Analysis {
    /// Nobody asked for it.
    NotScanned,
    /// It waits. The page reloads itself.
    Queued {
        /// Since when.
        since: Timestamp,
        /// How many jobs are before it, if known.
        ahead: Option<usize>,
    },
    /// It runs. The page reloads itself.
    Scanning {
        /// Since when.
        since: Timestamp,
        /// The layer being read, from 1, and how many there are.
        layer: Option<(usize, usize)>,
    },
    /// It ended without a result.
    Failed {
        /// When.
        at: Timestamp,
        /// Why, in one sentence.
        reason: String,
        /// Whether it is tried again by itself.
        retries: bool,
    },
    /// The content is of a kind that is not analysed.
    Unsupported {
        /// The media type concerned.
        media_type: String,
    },
    /// It is done, wholly or in part.
    Ready(Box<Analysed>),
}

/// The result of an analysis.
#[derive(Clone, Debug)]
pub struct Analysed {
    /// When the layers were read.
    pub scanned_at: Timestamp,
    /// Whether everything was looked at.
    pub coverage: Coverage,
    /// What was odd, from reading and from matching.
    pub diagnostics: Vec<Diagnostic>,
    /// The distribution, for people: `Debian GNU/Linux 12 (bookworm)`.
    pub distro: Option<String>,
    /// How many packages were found.
    pub packages: usize,
    /// What the advisories say; `None` until some are imported.
    pub matched: Option<Matched>,
}

/// What one snapshot of advisories says about the image.
#[derive(Clone, Debug)]
pub struct Matched {
    /// The snapshot.
    pub snapshot: SnapshotRef,
    /// When it was asked.
    pub matched_at: Timestamp,
    /// The health grade.
    pub grade: GradeReport,
    /// Unique vulnerabilities that count.
    pub open: SeverityCounts,
    /// Those of them with a fix.
    pub fixable: SeverityCounts,
    /// Findings that do not count.
    pub suppressed: usize,
    /// Unique vulnerabilities that count and are known to be exploited.
    pub exploited: usize,
}

impl Analysed {
    /// Summarises a stored report.
    pub fn from_report(report: &ImageReport, scanned_at: Timestamp) -> Self {
        let inventory = &report.inventory;
        let distro = inventory.distro.as_ref();
        let mut diagnostics = inventory.diagnostics.clone();
        if let Some(matches) = &report.matches {
            diagnostics.extend(matches.diagnostics.iter().cloned());
        }
        Self {
            scanned_at,
            coverage: inventory.coverage,
            diagnostics,
            distro: distro.map(|d| d.pretty_name.clone().unwrap_or_else(|| d.label())),
            packages: inventory.packages.len(),
            matched: report.matches.as_ref().map(Matched::from_report),
        }
    }

    pub(crate) fn is_partial(&self) -> bool {
        self.coverage == Coverage::Partial
    }
}

impl Matched {
    /// Summarises a stored match.
    pub fn from_report(report: &MatchReport) -> Self {
        let exploited: std::collections::BTreeSet<&str> = report
            .open()
            .filter(|finding| finding.kev.is_some())
            .map(|finding| finding.id.as_str())
            .collect();
        Self {
            snapshot: report.snapshot.clone(),
            matched_at: report.matched_at,
            grade: report.grade.clone(),
            open: report.counts(),
            fixable: report.fixable_counts(),
            suppressed: report.findings.len() - report.open().count(),
            exploited: exploited.len(),
        }
    }
}

impl Analysis {
    /// Returns the seconds after which the page reloads itself, while something is under way.
    pub(crate) fn refresh_seconds(&self) -> Option<u32> {
        match self {
            Self::Scanning { .. } => Some(3),
            Self::Queued { .. } => Some(10),
            _ => None,
        }
    }

    pub(crate) fn matched(&self) -> Option<&Matched> {
        match self {
            Self::Ready(analysed) => analysed.matched.as_ref(),
            _ => None,
        }
    }

    pub(crate) fn packages(&self) -> Option<usize> {
        match self {
            Self::Ready(analysed) => Some(analysed.packages),
            _ => None,
        }
    }
}

/// Returns the word of a diagnostic's level.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "templates pass fields by reference"
)]
pub(crate) fn level_word(level: &Level) -> &'static str {
    match level {
        Level::Info => "note",
        Level::Warning => "warning",
        Level::Error => "error",
    }
}
