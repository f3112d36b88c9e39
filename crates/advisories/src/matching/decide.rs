//! What all statements about one vulnerability mean for one installed version.
//!
//! The best-ranked source that speaks decides; several records of that rank are a union. Lower-ranked records may only
//! add a fix that the deciding ones do not know.

use evidence::{Diagnostic, Level, Status};
use versions::{Ecosystem, Version};

use crate::osv::{Verdict, judge};
use crate::record::{Claim, DebianEntry, DebianHandling, DebianStatus, DebianUrgency, Statement};

/// What was decided about a vulnerability in a package.
#[derive(Debug)]
pub(super) struct Decision<'s> {
    pub status: Status,
    pub remedy: Remedy<'s>,
    /// The statement that decided.
    pub statement: &'s Statement,
    pub note: String,
    /// The distribution considers it no security problem.
    pub is_unimportant: bool,
}

/// What can be done, before dates are known.
#[derive(Clone, Debug)]
pub(super) enum Remedy<'s> {
    /// This version, as dated by this statement.
    Version(String, &'s Statement),
    NoneYet,
    Deferred,
    WillNotFix,
    EndOfLife,
}

impl<'s> Decision<'s> {
    /// The version cannot be compared, so nothing can be said.
    pub(super) fn unknown(statement: &'s Statement) -> Self {
        Self {
            status: Status::Unknown,
            remedy: Remedy::NoneYet,
            statement,
            note: "the versions cannot be compared".to_owned(),
            is_unimportant: false,
        }
    }
}

/// What one statement means.
enum Opinion<'s> {
    Silent,
    NotAffected,
    Is(Decision<'s>),
}

/// Decides over the statements about one vulnerability. `None`: not affected, or nobody says so.
pub(super) fn decide<'s>(
    statements: &'s [Statement],
    version: &Version,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Decision<'s>> {
    let mut deciding: Option<(u8, Option<Decision<'s>>)> = None;
    let mut other_fix: Option<(u8, Remedy<'s>)> = None;
    for statement in statements {
        let rank = rank(statement);
        let opinion = match opinion(statement, version, diagnostics) {
            Opinion::Silent => continue,
            Opinion::NotAffected => None,
            Opinion::Is(decision) => Some(decision),
        };
        if let Some(Decision {
            remedy: remedy @ Remedy::Version(..),
            ..
        }) = &opinion
            && other_fix.as_ref().is_none_or(|(known, _)| rank < *known)
        {
            other_fix = Some((rank, remedy.clone()));
        }
        let better = match &deciding {
            None => true,
            Some((known, current)) => {
                rank < *known
                    || (rank == *known && weight(opinion.as_ref()) > weight(current.as_ref()))
            }
        };
        if better {
            deciding = Some((rank, opinion));
        }
    }
    let (_, decision) = deciding?;
    let mut decision = decision?;
    if let (Status::Affected, Remedy::NoneYet, Claim::Osv(_), Some((_, remedy))) = (
        decision.status,
        &decision.remedy,
        &decision.statement.claim,
        other_fix,
    ) {
        decision.remedy = remedy;
    }
    Some(decision)
}

/// Returns who decides, the smallest first: the distribution, the curated source of an ecosystem, GitHub's reviewed
/// advisories, others.
fn rank(statement: &Statement) -> u8 {
    match &statement.claim {
        Claim::Debian(_) => 0,
        Claim::Osv(_) => match statement.record.as_str() {
            record if record.starts_with("PYSEC-") => 1,
            record if record.starts_with("GHSA-") => 2,
            _ => 3,
        },
    }
}

/// Orders the opinions of one rank: the strongest holds, and the one with a fix of two equal ones.
fn weight(decision: Option<&Decision<'_>>) -> (u8, bool) {
    decision.map_or((0, false), |decision| {
        let status = match decision.status {
            Status::Affected => 3,
            Status::UnderInvestigation => 2,
            Status::Unknown => 1,
        };
        (status, matches!(decision.remedy, Remedy::Version(..)))
    })
}

fn opinion<'s>(
    statement: &'s Statement,
    version: &Version,
    diagnostics: &mut Vec<Diagnostic>,
) -> Opinion<'s> {
    let outcome = match &statement.claim {
        Claim::Debian(entry) => return debian(statement, entry, version),
        Claim::Osv(affected) => judge(affected, version),
    };
    match outcome {
        Ok(Verdict::Silent) => Opinion::Silent,
        Ok(Verdict::NotAffected) => Opinion::NotAffected,
        Ok(Verdict::Affected { fixed }) => Opinion::Is(Decision {
            status: Status::Affected,
            remedy: fixed.map_or(Remedy::NoneYet, |fixed| Remedy::Version(fixed, statement)),
            statement,
            note: if statement.record.starts_with("MAL-") {
                "malicious package".to_owned()
            } else {
                String::new()
            },
            is_unimportant: false,
        }),
        Err(error) => {
            let message = format!("{} cannot be compared: {error}", statement.record);
            let diagnostic = Diagnostic::new("version.invalid", Level::Warning, message);
            // Binary packages of one source meet the same record.
            if !diagnostics.contains(&diagnostic) {
                diagnostics.push(diagnostic);
            }
            Opinion::Is(Decision::unknown(statement))
        }
    }
}

/// # Source
/// Debian security tracker: status, `fixed_version`, `nodsa_reason`, urgency.
fn debian<'s>(statement: &'s Statement, entry: &'s DebianEntry, version: &Version) -> Opinion<'s> {
    let remark = |sentence: &str| match entry.remark.as_str() {
        "" | "Minor issue" => sentence.to_owned(),
        remark => format!("{sentence}: {remark}"),
    };
    let (status, mut remedy, mut note) = match &entry.status {
        DebianStatus::NeverAffected => return Opinion::NotAffected,
        DebianStatus::Undetermined => (Status::UnderInvestigation, Remedy::NoneYet, String::new()),
        DebianStatus::Open => match entry.handling {
            DebianHandling::Postponed => (Status::Affected, Remedy::Deferred, remark("postponed")),
            DebianHandling::Ignored => (Status::Affected, Remedy::WillNotFix, remark("ignored")),
            DebianHandling::Minor => (Status::Affected, Remedy::NoneYet, remark("minor, no DSA")),
            DebianHandling::Undecided => (Status::Affected, Remedy::NoneYet, String::new()),
        },
        DebianStatus::Fixed {
            version: fixed,
            published,
        } => {
            let Ok(bound) = Version::parse(Ecosystem::Deb, fixed) else {
                // The import keeps only readable versions; a newer order may read less.
                return Opinion::Is(Decision::unknown(statement));
            };
            if version.compare(&bound).is_ge() {
                return Opinion::NotAffected;
            }
            if *published {
                (
                    Status::Affected,
                    Remedy::Version(fixed.clone(), statement),
                    String::new(),
                )
            } else {
                let note = format!("fixed in {fixed}, which is not yet published for this release");
                (Status::Affected, Remedy::NoneYet, note)
            }
        }
    };
    if entry.urgency == DebianUrgency::EndOfLife && !matches!(remedy, Remedy::Version(..)) {
        remedy = Remedy::EndOfLife;
        "out of support in this release".clone_into(&mut note);
    }
    Opinion::Is(Decision {
        status,
        remedy,
        statement,
        note,
        is_unimportant: entry.urgency == DebianUrgency::Unimportant,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Affected, Event};

    fn debian_statement(
        status: DebianStatus,
        urgency: DebianUrgency,
        handling: DebianHandling,
        remark: &str,
    ) -> Statement {
        Statement {
            vulnerability: "CVE-2024-0001".into(),
            record: "CVE-2024-0001".into(),
            claim: Claim::Debian(DebianEntry {
                status,
                urgency,
                handling,
                remark: remark.into(),
            }),
            severity: None,
            fixed_at: None,
            estimated: false,
        }
    }

    fn osv_statement(record: &str, ranges: Vec<Vec<Event>>, versions: &[&str]) -> Statement {
        Statement {
            vulnerability: "CVE-2024-0001".into(),
            record: record.into(),
            claim: Claim::Osv(Affected {
                ranges,
                versions: versions.iter().map(|v| (*v).to_owned()).collect(),
            }),
            severity: None,
            fixed_at: None,
            estimated: true,
        }
    }

    fn tell(order: Ecosystem, statements: &[Statement], version: &str) -> String {
        let version = Version::parse(order, version).expect("a version");
        let Some(decision) = decide(statements, &version, &mut Vec::new()) else {
            return "none".to_owned();
        };
        let remedy = match decision.remedy {
            Remedy::Version(version, _) => format!("fixed in {version}"),
            Remedy::NoneYet => "none yet".to_owned(),
            Remedy::Deferred => "deferred".to_owned(),
            Remedy::WillNotFix => "will not fix".to_owned(),
            Remedy::EndOfLife => "end of life".to_owned(),
        };
        let mut told = format!("{:?}, {remedy}", decision.status);
        if decision.is_unimportant {
            told.push_str(", unimportant");
        }
        if !decision.note.is_empty() {
            told = format!("{told} ({})", decision.note);
        }
        told
    }

    fn fixed(version: &str, published: bool) -> DebianStatus {
        DebianStatus::Fixed {
            version: version.into(),
            published,
        }
    }

    #[test]
    fn every_debian_rule_holds() {
        use DebianHandling::{Ignored, Minor, Postponed, Undecided};
        use DebianUrgency::{EndOfLife, Ordinary, Unimportant};
        let cases = [
            (DebianStatus::NeverAffected, Ordinary, Undecided, "", "none"),
            (
                fixed("3.0-2", true),
                Ordinary,
                Undecided,
                "",
                "Affected, fixed in 3.0-2",
            ),
            (fixed("3.0-1", true), Ordinary, Undecided, "", "none"),
            (
                fixed("3.0-1~deb12u1", true),
                Ordinary,
                Undecided,
                "",
                "none",
            ),
            (
                fixed("1:1-1", true),
                Ordinary,
                Undecided,
                "",
                "Affected, fixed in 1:1-1",
            ),
            (
                fixed("3.0-2", false),
                Ordinary,
                Undecided,
                "",
                "Affected, none yet (fixed in 3.0-2, which is not yet published for this release)",
            ),
            (
                DebianStatus::Open,
                Ordinary,
                Undecided,
                "",
                "Affected, none yet",
            ),
            (
                DebianStatus::Open,
                Ordinary,
                Minor,
                "Minor issue",
                "Affected, none yet (minor, no DSA)",
            ),
            (
                DebianStatus::Open,
                Ordinary,
                Postponed,
                "Minor issue",
                "Affected, deferred (postponed)",
            ),
            (
                DebianStatus::Open,
                Ordinary,
                Ignored,
                "Minor issue, too intrusive",
                "Affected, will not fix (ignored: Minor issue, too intrusive)",
            ),
            (
                DebianStatus::Open,
                Unimportant,
                Undecided,
                "",
                "Affected, none yet, unimportant",
            ),
            (
                fixed("3.0-2", true),
                Unimportant,
                Undecided,
                "",
                "Affected, fixed in 3.0-2, unimportant",
            ),
            (
                DebianStatus::Open,
                EndOfLife,
                Undecided,
                "",
                "Affected, end of life (out of support in this release)",
            ),
            (
                DebianStatus::Undetermined,
                Ordinary,
                Undecided,
                "",
                "UnderInvestigation, none yet",
            ),
        ];
        for (status, urgency, handling, remark, expected) in cases {
            let statement = debian_statement(status, urgency, handling, remark);
            let told = tell(Ecosystem::Deb, std::slice::from_ref(&statement), "3.0-1");
            assert_eq!(told, expected, "{statement:?}");
        }
    }

    fn until(version: &str) -> Vec<Vec<Event>> {
        vec![vec![Event::FromStart, Event::Fixed(version.into())]]
    }

    #[track_caller]
    fn check(statements: &[Statement], version: &str, expected: &str) {
        let mut turned = statements.to_vec();
        turned.reverse();
        for statements in [statements, &turned] {
            assert_eq!(tell(Ecosystem::Pep440, statements, version), expected);
        }
    }

    #[test]
    fn the_curated_source_decides_against_another() {
        let curated = osv_statement("PYSEC-2024-1", until("1.5"), &[]);
        let other = osv_statement("GHSA-a", until("2.0"), &[]);
        check(&[curated.clone(), other.clone()], "1.7", "none");
        check(&[curated, other], "1.2", "Affected, fixed in 1.5");
    }

    #[test]
    fn a_list_of_versions_does_not_silence_another_source() {
        let list = osv_statement("PYSEC-2024-1", vec![], &["1.0", "1.1"]);
        let range = osv_statement("GHSA-a", until("2.0"), &[]);
        check(
            &[list.clone(), range.clone()],
            "1.7",
            "Affected, fixed in 2.0",
        );
        check(&[list, range], "2.0", "none");
    }

    #[test]
    fn a_fix_is_taken_from_whoever_knows_one() {
        let list = osv_statement("PYSEC-2024-1", vec![], &["1.0", "1.1"]);
        let range = osv_statement("GHSA-a", until("2.0"), &[]);
        check(&[list, range], "1.1", "Affected, fixed in 2.0");
    }

    #[test]
    fn records_of_one_rank_are_a_union() {
        let first = osv_statement("GHSA-a", until("1.5"), &[]);
        let second = osv_statement("GHSA-b", until("2.0"), &[]);
        check(&[first, second], "1.7", "Affected, fixed in 2.0");
    }

    #[test]
    fn the_distribution_decides_against_osv() {
        let tracker = debian_statement(
            DebianStatus::NeverAffected,
            DebianUrgency::Ordinary,
            DebianHandling::Undecided,
            "",
        );
        let osv = osv_statement("DEBIAN-CVE-2024-0001", until("9"), &[]);
        assert_eq!(tell(Ecosystem::Deb, &[tracker, osv], "1"), "none");
    }

    #[test]
    fn an_unreadable_bound_is_unknown_and_told_once() {
        let statement = osv_statement("GHSA-a", until("no version"), &[]);
        let version = Version::parse(Ecosystem::Pep440, "1").expect("a version");
        let mut diagnostics = Vec::new();
        for _ in 0..2 {
            let statements = std::slice::from_ref(&statement);
            let decision = decide(statements, &version, &mut diagnostics).expect("a decision");
            assert_eq!(decision.status, Status::Unknown);
        }
        assert_eq!(diagnostics.len(), 1);
        assert_eq!(diagnostics[0].code, "version.invalid");
    }

    #[test]
    fn malware_is_named() {
        let statement = osv_statement("MAL-2024-1", vec![vec![Event::FromStart]], &[]);
        check(&[statement], "1", "Affected, none yet (malicious package)");
    }
}
