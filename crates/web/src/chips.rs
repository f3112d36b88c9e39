//! The small marks that appear on many pages: verdict, grade with its next drop, counts by severity.
//!
//! Adding a mark: its words here, a macro in the template, a sample in the gallery.
//!
//! Their words and glyphs are here, their markup is in `templates/chips.html`, their colours in `assets/css/chips.css`.
#![expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "templates pass fields by reference"
)]

use evidence::{Grade, GradeReport, Severity, SeverityCounts};
use gate::{Decision, Verdict};
use jiff::Timestamp;

/// Returns the word of a decision.
pub(crate) fn decision_word(decision: &Decision) -> &'static str {
    match decision {
        Decision::Allow => "Allowed",
        Decision::Warn => "Warn",
        Decision::Pending => "Pending",
        Decision::Deny => "Blocked",
    }
}

/// Returns the glyph that stands before the word.
pub(crate) fn decision_glyph(decision: &Decision) -> &'static str {
    match decision {
        Decision::Allow => "✓",
        Decision::Warn => "!",
        Decision::Pending => "…",
        Decision::Deny => "✕",
    }
}

/// Returns the style class.
pub(crate) fn decision_class(decision: &Decision) -> &'static str {
    match decision {
        Decision::Allow => "allow",
        Decision::Warn => "warn",
        Decision::Pending => "wait",
        Decision::Deny => "deny",
    }
}

/// A verdict in a row: the word, how many rules stand behind it, and where it is explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerdictChip {
    /// The decision.
    pub decision: Decision,
    /// How many rules made it so.
    pub rules: usize,
    /// The id it is stored under, if it is: the chip links to `/d/{id}`.
    pub id: Option<String>,
}

impl From<&Verdict> for VerdictChip {
    fn from(verdict: &Verdict) -> Self {
        Self {
            decision: verdict.verdict,
            rules: verdict.rules_behind().len(),
            id: verdict.id.clone(),
        }
    }
}

/// How many tags of a repository have which verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerdictTally {
    /// Allowed.
    pub allow: u32,
    /// Allowed, with words.
    pub warn: u32,
    /// Blocked.
    pub deny: u32,
    /// Waiting for evidence, or not judged yet.
    pub pending: u32,
}

impl VerdictTally {
    /// Returns the verdicts that occur, strictest first.
    pub(crate) fn shown(&self) -> impl Iterator<Item = (Decision, u32)> + use<> {
        [
            (Decision::Deny, self.deny),
            (Decision::Warn, self.warn),
            (Decision::Pending, self.pending),
            (Decision::Allow, self.allow),
        ]
        .into_iter()
        .filter(|(_, count)| *count > 0)
    }
}

/// A grade in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The grade.
    pub grade: Grade,
    /// Why, in one sentence; empty where only the letter is stored.
    pub reason: String,
    /// The next, lower grade and its date.
    pub next_drop: Option<(Grade, Timestamp)>,
}

impl From<&GradeReport> for Health {
    fn from(report: &GradeReport) -> Self {
        Self {
            grade: report.grade,
            reason: report.reason.clone(),
            next_drop: report.next_drop(),
        }
    }
}

/// Returns the style class of a grade.
pub(crate) fn grade_class(grade: &Grade) -> &'static str {
    match grade {
        Grade::A => "gA",
        Grade::B => "gB",
        Grade::C => "gC",
        Grade::D => "gD",
        Grade::E => "gE",
        Grade::F => "gF",
        Grade::Unknown => "gU",
    }
}

/// How a row says what is known about an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tally {
    /// Shown as `–`.
    NotScanned,
    /// Analysis waits for its turn.
    Queued,
    /// Analysis runs.
    Scanning,
    /// Shown as `?`: analysis failed, or the content is not supported.
    Unknown {
        /// Why, in a few words.
        reason: String,
    },
    /// Counts of unique vulnerabilities, of the worst platform.
    Counted {
        /// What counts: affected and not suppressed.
        open: SeverityCounts,
        /// How many of them have a fix.
        fixable: u32,
        /// Whether something could not be read: the numbers are lower bounds.
        partial: bool,
        /// The build time of the snapshot they were matched with.
        as_of: Timestamp,
    },
}

/// Returns the letter after a count.
pub(crate) fn severity_letter(severity: &Severity) -> &'static str {
    match severity {
        Severity::Critical => "C",
        Severity::High => "H",
        Severity::Medium => "M",
        Severity::Low => "L",
        Severity::Negligible => "N",
        Severity::Unknown => "?",
    }
}

/// Returns the style class of a severity.
pub(crate) fn severity_class(severity: &Severity) -> &'static str {
    match severity {
        Severity::Unknown => "U",
        other => severity_letter(other),
    }
}

/// One count in a row of counts.
pub(crate) struct Count {
    pub(crate) severity: Severity,
    pub(crate) number: u32,
}

/// Returns the counts to show: the first four always, negligible and unknown where there are any.
pub(crate) fn shown_counts(counts: &SeverityCounts) -> impl Iterator<Item = Count> + use<> {
    let counts = *counts;
    Severity::WORST_FIRST
        .into_iter()
        .map(move |severity| Count {
            severity,
            number: counts.of(severity),
        })
        .filter(|count| count.number > 0 || count.severity >= Severity::Low)
}
