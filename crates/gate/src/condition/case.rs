//! What a condition sees, and what it says.

use evidence::{Coverage, Diagnostic, Inventory, Level as DiagnosticLevel, MatchReport, Severity};
use jiff::Timestamp;

use super::Findings;
use crate::policy::NewFindingGrace;
use crate::{EvidenceSet, Outcome, Subject};

/// The stable code by which a match says that there were no advisories for some packages. The health grade has its own
/// word for that, so only conditions on findings look for it.
const NO_DATA: &str = "advisories.no_data";

const SEE_DIAGNOSTICS: &str = "see the diagnostics of the image's report";

/// One subject at one instant.
pub(crate) struct Case<'a> {
    pub(crate) subject: &'a Subject<'a>,
    pub(crate) evidence: &'a EvidenceSet<'a>,
    /// The findings that count, indexed once for all rules; present with the match report.
    pub(crate) findings: Option<&'a Findings<'a>>,
    pub(crate) grace: Option<&'a NewFindingGrace>,
    pub(crate) now: Timestamp,
}

/// What a condition says about a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub(crate) outcome: Outcome,
    pub(crate) observed: String,
    /// The few words of the explain text, where `observed` is too long for it.
    pub(crate) summary: Option<String>,
    /// How bad the worst cause is, for sorting.
    pub(crate) severity: Severity,
    pub(crate) since: Option<Timestamp>,
    pub(crate) place: Option<Place>,
    pub(crate) remediation: Option<String>,
    pub(crate) grace_until: Option<Timestamp>,
    /// The first later instant at which the same evidence would be judged or described differently.
    pub(crate) changes_at: Option<Timestamp>,
}

/// The evidence, by name, that a condition needs and the case does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Missing(pub(crate) &'static str);

/// Where in the stored evidence a fact stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The inventory.
    Inventory,
    /// The match report as a whole.
    Matches,
    /// One finding of the match report, by position.
    Finding(u32),
}

impl Judgement {
    pub(crate) fn new(outcome: Outcome, observed: impl Into<String>) -> Self {
        Self {
            outcome,
            observed: observed.into(),
            summary: None,
            severity: Severity::Unknown,
            since: None,
            place: None,
            remediation: None,
            grace_until: None,
            changes_at: None,
        }
    }

    pub(crate) fn unknown(observed: impl Into<String>) -> Self {
        let observed = observed.into();
        Self {
            summary: Some(observed.clone()),
            ..Self::new(Outcome::Unknown, observed)
        }
    }

    pub(crate) fn pass_if(passes: bool, observed: impl Into<String>) -> Self {
        let outcome = if passes { Outcome::Pass } else { Outcome::Fail };
        Self::new(outcome, observed)
    }

    pub(crate) fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    pub(crate) fn remedy(mut self, remediation: impl Into<String>) -> Self {
        if matches!(self.outcome, Outcome::Fail | Outcome::Unknown) {
            self.remediation = Some(remediation.into());
        }
        self
    }

    pub(crate) fn brief(mut self, summary: impl Into<String>) -> Self {
        self.summary = Some(summary.into());
        self
    }

    pub(crate) fn brief_if_failed(self, summary: impl Into<String>) -> Self {
        if self.outcome == Outcome::Fail {
            return self.brief(summary);
        }
        self
    }

    /// Adds an instant at which the judgement changes; past ones are no change any more.
    pub(crate) fn changing_at(mut self, instant: Timestamp, now: Timestamp) -> Self {
        if instant > now {
            self.changes_at = Some(self.changes_at.map_or(instant, |known| known.min(instant)));
        }
        self
    }
}

impl<'a> Case<'a> {
    /// Returns the inventory.
    pub(crate) fn inventory(&self) -> Result<&'a Inventory, Missing> {
        self.evidence.inventory.ok_or(Missing("inventory"))
    }

    /// Returns the match report.
    pub(crate) fn matches(&self) -> Result<&'a MatchReport, Missing> {
        self.evidence
            .matches
            .ok_or(Missing("vulnerability evidence"))
    }

    /// Returns the findings. A match without its inventory is missing too:
    /// nobody could say whether everything was looked at.
    pub(crate) fn findings(&self) -> Result<&'a Findings<'a>, Missing> {
        self.inventory()?;
        self.findings.ok_or(Missing("vulnerability evidence"))
    }

    /// Returns whether the caller knows the snapshot's feeds and this one is not among them.
    pub(crate) fn lacks_feed(&self, name: &str) -> bool {
        let feeds = self.evidence.feeds;
        !feeds.is_empty() && !feeds.iter().any(|feed| feed.name == name)
    }

    /// Says that evidence is missing, and why.
    pub(crate) fn missing(&self, missing: Missing) -> Judgement {
        let Missing(what) = missing;
        let evidence = self.evidence;
        let (observed, remedy) = if let Some(reason) = evidence.unsupported {
            (
                format!("unsupported: {reason}"),
                "set `on_missing` for content that cannot be analysed",
            )
        } else if let Some(reason) = evidence.failed {
            let again = if evidence.pending {
                "; another attempt is queued"
            } else {
                ""
            };
            (
                format!("analysis failed: {reason}{again}"),
                "scan the image again; the analysis job's log has the cause",
            )
        } else if evidence.pending {
            ("analysis running".to_owned(), "try again in a moment")
        } else {
            (format!("no {what}"), "scan the image")
        };
        Judgement::unknown(observed).remedy(remedy)
    }

    /// Turns a pass into `unknown` where the image was not read completely, or not matched completely: what was not
    /// looked at never counts as a pass.
    pub(crate) fn unless_incomplete(&self, judgement: Judgement) -> Judgement {
        let judgement = self.unless_unread(judgement);
        let diagnostics = self.evidence.matches.map(|m| m.diagnostics.as_slice());
        match error_among(diagnostics.unwrap_or_default()) {
            Some(cause) => overturn(
                judgement,
                &format!("the match is incomplete: {cause}"),
                SEE_DIAGNOSTICS,
            ),
            None => judgement,
        }
    }

    /// Turns a pass into `unknown` where some packages could not be compared with advisories at all.
    pub(crate) fn unless_unmatched(&self, judgement: Judgement) -> Judgement {
        let diagnostics = self.evidence.matches.map(|m| m.diagnostics.as_slice());
        let mut diagnostics = diagnostics.unwrap_or_default().iter();
        match diagnostics.find(|diagnostic| diagnostic.code == NO_DATA) {
            Some(cause) => overturn(
                judgement,
                &cause.message,
                "import advisories for these packages, or set `on_missing`",
            ),
            None => judgement,
        }
    }

    /// Turns a pass into `unknown` where the image was not read completely.
    pub(crate) fn unless_unread(&self, judgement: Judgement) -> Judgement {
        let Some(inventory) = self.evidence.inventory else {
            return judgement;
        };
        match error_among(&inventory.diagnostics) {
            Some(cause) => overturn(
                judgement,
                &format!("the analysis is incomplete: {cause}"),
                SEE_DIAGNOSTICS,
            ),
            None if inventory.coverage == Coverage::Partial => {
                overturn(judgement, "the analysis is incomplete", SEE_DIAGNOSTICS)
            }
            None => judgement,
        }
    }
}

fn error_among(diagnostics: &[Diagnostic]) -> Option<&str> {
    diagnostics
        .iter()
        .find(|diagnostic| diagnostic.level == DiagnosticLevel::Error)
        .map(|diagnostic| diagnostic.message.as_str())
}

/// A failure stays what it is; more content could only make it worse.
fn overturn(judgement: Judgement, reason: &str, remedy: &str) -> Judgement {
    if !matches!(judgement.outcome, Outcome::Pass | Outcome::Grace) {
        return judgement;
    }
    Judgement {
        outcome: Outcome::Unknown,
        observed: format!("{}; {reason}", judgement.observed),
        summary: Some(reason.to_owned()),
        remediation: Some(remedy.to_owned()),
        grace_until: None,
        ..judgement
    }
}
