//! Thresholds and a policy: the exit code, and the last line on standard error.

use std::str::FromStr;

use advisories::Snapshot;
use anyhow::anyhow;
use evidence::{Coverage, Grade, ImageReport, MatchReport, Severity};
use gate::{Decision, Door, EvidenceSet, Policy, Subject, Verdict};
use jiff::Timestamp;
use oci::ImageReference;

use crate::exit::{Exit, Failure};
use crate::output::{Output, plain};

/// What makes a scan fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Threshold {
    /// A finding of this severity or worse.
    Severity(Severity),
    /// A grade worse than this.
    Grade(Grade),
    /// A finding that is known to be exploited.
    KnownExploited,
}

/// The text is no threshold.
#[derive(Debug, thiserror::Error)]
#[error(
    "a threshold is a severity (critical, high, medium, low), `grade:` and a letter from A to F, or `kev`"
)]
pub(super) struct UnknownThreshold;

impl FromStr for Threshold {
    type Err = UnknownThreshold;

    fn from_str(text: &str) -> Result<Self, UnknownThreshold> {
        if text == "kev" {
            return Ok(Self::KnownExploited);
        }
        if let Some(letter) = text.strip_prefix("grade:") {
            return letter
                .parse()
                .map(Self::Grade)
                .map_err(|_| UnknownThreshold);
        }
        match text.parse() {
            // "Unknown or worse" would be everything, and is never meant.
            Ok(Severity::Unknown) | Err(_) => Err(UnknownThreshold),
            Ok(severity) => Ok(Self::Severity(severity)),
        }
    }
}

/// What one threshold says about a report.
enum Crossed {
    No,
    /// Yes, and why.
    Yes(String),
    /// It cannot be said, and why.
    Unknown(String),
}

impl Threshold {
    fn judge(self, matches: &MatchReport) -> Crossed {
        match self {
            Self::Severity(least) => {
                let counts = matches.counts();
                let count: u32 = Severity::WORST_FIRST
                    .iter()
                    .filter(|severity| **severity >= least)
                    .map(|severity| counts.of(*severity))
                    .sum();
                crossed(count, &format!("{} or worse", least.word().to_lowercase()))
            }
            Self::KnownExploited => {
                let ids: std::collections::BTreeSet<&str> = matches
                    .open()
                    .filter(|finding| finding.kev.is_some())
                    .map(|finding| finding.id.as_str())
                    .collect();
                crossed(ids.len() as u32, "known to be exploited")
            }
            Self::Grade(least) => match matches.grade.grade {
                Grade::Unknown => Crossed::Unknown(format!(
                    "the health grade is unknown: {}",
                    matches.grade.reason
                )),
                grade if grade > least => Crossed::Yes(format!("health {grade}, needs {least}")),
                _ => Crossed::No,
            },
        }
    }
}

fn crossed(count: u32, what: &str) -> Crossed {
    match count {
        0 => Crossed::No,
        1 => Crossed::Yes(format!("1 vulnerability is {what}")),
        _ => Crossed::Yes(format!("{count} vulnerabilities are {what}")),
    }
}

/// Judges a report by a policy, as a pipeline would.
pub(super) fn decide(
    policy: &Policy,
    report: &ImageReport,
    snapshot: Option<&Snapshot>,
    now: Timestamp,
) -> Verdict {
    let reference: Option<ImageReference> = report.subject.name.parse().ok();
    let subject = Subject {
        repository: reference
            .as_ref()
            .map_or(&*report.subject.name, |reference| reference.name.as_str()),
        tag: reference
            .as_ref()
            .and_then(|reference| reference.tag.as_ref())
            .map(oci::Tag::as_str),
        digest: report.subject.digest.as_ref(),
        platform: report.inventory.facts.platform.as_deref(),
        ..Subject::default()
    };
    let feeds: Vec<gate::FeedState> = snapshot
        .iter()
        .flat_map(|snapshot| snapshot.info().feed_dates())
        .map(|(name, as_of)| gate::FeedState { name, as_of })
        .collect();
    let evidence = EvidenceSet {
        inventory: Some(&report.inventory),
        matches: report.matches.as_ref(),
        feeds: &feeds,
        ..EvidenceSet::default()
    };
    gate::decide(&[policy], &subject, &evidence, now, Door::Ci)
}

/// Turns thresholds and the verdict into the exit code, and says on standard error why it is not 0.
///
/// Where one threshold cannot be judged and another is crossed, the scan failed: more data would not save it.
pub(super) fn conclude(
    report: &ImageReport,
    verdict: Option<&Verdict>,
    thresholds: &[Threshold],
    exit_zero: bool,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let mut failed = Vec::new();
    let mut unknown = Vec::new();
    for threshold in thresholds {
        match report
            .matches
            .as_ref()
            .map(|matches| threshold.judge(matches))
        {
            Some(Crossed::Yes(why)) => failed.push(why),
            Some(Crossed::Unknown(why)) => unknown.push(why),
            Some(Crossed::No) => {}
            None => unknown.push("no advisories are at hand".to_owned()),
        }
    }
    if !thresholds.is_empty() && report.inventory.coverage == Coverage::Partial {
        unknown.push("not everything in the image could be read".to_owned());
    }
    let decision = verdict.map(|verdict| verdict.verdict);
    if decision == Some(Decision::Deny) {
        failed.extend(verdict.map(gate::explain));
    }
    unknown.dedup();

    if !failed.is_empty() {
        let exit = if exit_zero { Exit::Pass } else { Exit::Failed };
        output.say(&format!(
            "FAILED {} (exit {})",
            plain(&failed.join("; ")),
            exit.code()
        ));
        return Ok(exit);
    }
    if !unknown.is_empty() {
        return Err(Failure::new(anyhow!(
            "the thresholds could not be evaluated: {}",
            unknown.join("; ")
        )));
    }
    if decision == Some(Decision::Pending) {
        let why = verdict.map(gate::explain).unwrap_or_default();
        output.say(&format!(
            "PENDING {} (exit {})",
            plain(&why),
            Exit::Pending.code()
        ));
        return Ok(Exit::Pending);
    }
    Ok(Exit::Pass)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("high", Some(Threshold::Severity(Severity::High)))]
    #[case("Important", Some(Threshold::Severity(Severity::High)))]
    #[case("grade:C", Some(Threshold::Grade(Grade::C)))]
    #[case("grade:b", Some(Threshold::Grade(Grade::B)))]
    #[case("kev", Some(Threshold::KnownExploited))]
    #[case("unknown", None)]
    #[case("grade:Z", None)]
    #[case("grade", None)]
    #[case("", None)]
    fn a_threshold_is_a_severity_a_grade_or_known_exploitation(
        #[case] text: &str,
        #[case] expected: Option<Threshold>,
    ) {
        assert_eq!(text.parse::<Threshold>().ok(), expected);
    }
}
