//! What a condition sees, and what it says.

use evidence::{Coverage, Inventory, Level as DiagnosticLevel, MatchReport, Severity};
use jiff::Timestamp;

use super::Findings;
use crate::policy::NewFindingGrace;
use crate::{EvidenceSet, Outcome, Subject};

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
    /// Returns the inventory, or the judgement that it is missing.
    pub(crate) fn inventory(&self) -> Result<&'a Inventory, Judgement> {
        self.evidence
            .inventory
            .ok_or_else(|| self.missing("inventory"))
    }

    /// Returns the match report, or the judgement that it is missing.
    pub(crate) fn matches(&self) -> Result<&'a MatchReport, Judgement> {
        self.evidence
            .matches
            .ok_or_else(|| self.missing("vulnerability evidence"))
    }

    /// Returns the findings, or the judgement that they are missing. A match without its inventory is missing too:
    /// nobody could say whether everything was looked at.
    pub(crate) fn findings(&self) -> Result<&'a Findings<'a>, Judgement> {
        self.inventory()?;
        self.findings
            .ok_or_else(|| self.missing("vulnerability evidence"))
    }

    /// Returns whether the caller knows the snapshot's feeds and this one is not among them.
    pub(crate) fn lacks_feed(&self, name: &str) -> bool {
        let feeds = self.evidence.feeds;
        !feeds.is_empty() && !feeds.iter().any(|feed| feed.name == name)
    }

    /// Says that evidence is missing, and why.
    pub(crate) fn missing(&self, what: &str) -> Judgement {
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

    /// Says why the analysis is incomplete, if it is. What was not looked at never counts as a pass.
    pub(crate) fn incomplete(&self) -> Option<String> {
        let inventory = self.evidence.inventory;
        let cause = inventory
            .iter()
            .flat_map(|inventory| &inventory.diagnostics)
            .chain(self.evidence.matches.iter().flat_map(|m| &m.diagnostics))
            .find(|diagnostic| diagnostic.level == DiagnosticLevel::Error);
        let is_partial = inventory.is_some_and(|i| i.coverage == Coverage::Partial);
        match cause {
            Some(cause) => Some(format!("the analysis is incomplete: {}", cause.message)),
            None if is_partial => Some("the analysis is incomplete".to_owned()),
            None => None,
        }
    }

    /// Turns a pass into `unknown` where the analysis is incomplete.
    pub(crate) fn unless_incomplete(&self, judgement: Judgement) -> Judgement {
        if judgement.outcome != Outcome::Pass {
            return judgement;
        }
        let Some(reason) = self.incomplete() else {
            return judgement;
        };
        Judgement {
            outcome: Outcome::Unknown,
            observed: format!("{}; {reason}", judgement.observed),
            summary: Some(reason),
            remediation: Some("see the diagnostics of the image's report".to_owned()),
            ..judgement
        }
    }
}
