//! Findings indexed once per decision, and the counting that all `vuln.*` conditions share.
//!
//! Twenty rules over thousands of findings hash every id once, not twenty times: ids become small numbers, and a rule
//! counts distinct ones with a bit set.

use std::collections::HashMap;

use evidence::{Finding, MatchReport, Severity, Status};
use jiff::Timestamp;

use super::case::{Case, Judgement, Missing, Place};
use crate::Outcome;
use crate::policy::{NewFindingGrace, Since};

/// How many findings a sentence names.
const NAMED: usize = 3;

/// The findings of a report that matter to rules.
pub(crate) struct Findings<'a> {
    /// Affected and not suppressed.
    open: Vec<Indexed<'a>>,
    /// Not suppressed, but nobody can say whether affected.
    undecided: Vec<Indexed<'a>>,
    /// How many distinct vulnerabilities there are.
    vulnerabilities: usize,
}

#[derive(Clone, Copy)]
struct Indexed<'a> {
    finding: &'a Finding,
    /// The position in the report.
    position: u32,
    /// The number of its vulnerability.
    vulnerability: u32,
}

impl<'a> Findings<'a> {
    pub(crate) fn new(report: &'a MatchReport) -> Self {
        let mut numbers: HashMap<&str, u32> = HashMap::with_capacity(report.findings.len());
        let mut open = Vec::with_capacity(report.findings.len());
        let mut undecided = Vec::new();
        for (position, finding) in report.findings.iter().enumerate() {
            let is_undecided = finding.suppressed.is_none() && finding.status == Status::Unknown;
            let list = if finding.is_open() {
                &mut open
            } else if is_undecided {
                &mut undecided
            } else {
                continue;
            };
            let next = numbers.len() as u32;
            list.push(Indexed {
                finding,
                position: position as u32,
                vulnerability: *numbers.entry(finding.id.as_str()).or_insert(next),
            });
        }
        Self {
            open,
            undecided,
            vulnerabilities: numbers.len(),
        }
    }

    /// Returns the findings that count.
    pub(crate) fn open(&self) -> impl Iterator<Item = &'a Finding> {
        self.open.iter().map(|indexed| indexed.finding)
    }

    /// Returns the findings that count or may count.
    pub(crate) fn all(&self) -> impl Iterator<Item = &'a Finding> {
        self.open().chain(self.undecided.iter().map(|i| i.finding))
    }
}

/// The name of what is counted.
#[derive(Clone, Debug)]
pub(crate) struct Label {
    pub(crate) one: String,
    pub(crate) many: String,
}

/// What to count, and how many are tolerated.
pub(crate) struct Count<'a> {
    /// What is counted, for people: `fixable critical`.
    pub(crate) label: &'a Label,
    pub(crate) max: u32,
    /// Whether the policy's grace for new findings applies.
    pub(crate) allows_grace: bool,
    /// The date a finding is shown with.
    pub(crate) since: Since,
}

/// Counts distinct vulnerabilities among the findings that `wanted` selects, and judges the number.
pub(crate) fn judge_count(
    case: &Case<'_>,
    count: &Count<'_>,
    wanted: impl Fn(&Finding) -> bool,
) -> Result<Judgement, Missing> {
    let findings = case.findings()?;
    let selected = distinct(&findings.open, findings.vulnerabilities, &wanted);
    if selected.total <= count.max {
        let pass = Judgement::new(Outcome::Pass, describe(&selected, count.label));
        let decided = unless_undecided(findings, count.max - selected.total, pass, &wanted);
        return Ok(case.unless_unmatched(case.unless_incomplete(decided)));
    }
    let first = selected.named.first().map(|indexed| indexed.position);
    let mut judgement = Judgement {
        severity: selected.worst,
        since: selected.since(count.since),
        place: first.map(Place::Finding),
        ..Judgement::new(Outcome::Fail, describe(&selected, count.label))
            .brief(brief(&selected))
            .remedy(remedy(&selected))
    };
    if count.allows_grace
        && let Some(grace) = case.grace
        && let Some(until) = grace_end(findings, grace, count.max, &wanted)
        && until > case.now
    {
        judgement.outcome = Outcome::Grace;
        judgement.grace_until = Some(until);
        judgement = unless_undecided(findings, 0, judgement, &wanted);
        judgement = case.unless_incomplete(judgement.changing_at(until, case.now));
        judgement = case.unless_unmatched(judgement);
    }
    Ok(judgement)
}

/// Returns the date a finding's age is counted from. A fix without a date is no older than the vulnerability, so its
/// publication stands in: that counts the age too high, never too low.
pub(crate) fn dated(finding: &Finding, since: Since) -> Option<Timestamp> {
    let fix_published = match &finding.fix {
        evidence::Fix::Available { published, .. } => *published,
        _ => None,
    };
    match since {
        Since::FixAvailable => fix_published.or(finding.published),
        Since::Published => finding.published,
    }
}

struct Selected<'a> {
    /// Distinct vulnerabilities.
    total: u32,
    /// The first of them, most urgent first as in the report.
    named: Vec<Indexed<'a>>,
    worst: Severity,
}

impl Selected<'_> {
    fn since(&self, since: Since) -> Option<Timestamp> {
        self.named
            .iter()
            .filter_map(|indexed| dated(indexed.finding, since))
            .min()
    }
}

fn distinct<'a>(
    list: &[Indexed<'a>],
    vulnerabilities: usize,
    wanted: impl Fn(&Finding) -> bool,
) -> Selected<'a> {
    let mut seen = vec![0_u64; vulnerabilities.div_ceil(64)];
    let mut selected = Selected {
        total: 0,
        named: Vec::new(),
        worst: Severity::Unknown,
    };
    for indexed in list {
        if !wanted(indexed.finding) {
            continue;
        }
        selected.worst = selected.worst.max(indexed.finding.severity);
        let word = &mut seen[indexed.vulnerability as usize / 64];
        let bit = 1 << (indexed.vulnerability % 64);
        if *word & bit != 0 {
            continue;
        }
        *word |= bit;
        selected.total += 1;
        if selected.named.len() < NAMED {
            selected.named.push(*indexed);
        }
    }
    selected
}

/// A pass that findings of unknown status could overturn, because there are more than `tolerated`, is unknown itself.
fn unless_undecided(
    findings: &Findings<'_>,
    tolerated: u32,
    judgement: Judgement,
    wanted: impl Fn(&Finding) -> bool,
) -> Judgement {
    let undecided = distinct(&findings.undecided, findings.vulnerabilities, wanted);
    if undecided.total <= tolerated {
        return judgement;
    }
    let first = undecided.named.first().map(|indexed| indexed.position);
    let observed = format!(
        "{}; {} cannot be decided: {}",
        judgement.observed,
        undecided.total,
        names(&undecided)
    );
    Judgement {
        severity: undecided.worst,
        place: first.map(Place::Finding),
        ..Judgement::unknown(observed)
            .brief(format!("cannot be decided: {}", brief(&undecided)))
            .remedy("see the diagnostics of the image's report")
    }
}

/// Returns the instant at which more than `max` vulnerabilities are too old for the grace. A vulnerability is as old as
/// the oldest of its findings; one without a date or a span has no grace.
fn grace_end(
    findings: &Findings<'_>,
    grace: &NewFindingGrace,
    max: u32,
    wanted: impl Fn(&Finding) -> bool,
) -> Option<Timestamp> {
    let mut ends: Vec<Option<Timestamp>> = vec![None; findings.vulnerabilities];
    for indexed in findings.open.iter().filter(|i| wanted(i.finding)) {
        let span = grace
            .spans
            .iter()
            .find(|(severity, _)| *severity == indexed.finding.severity);
        let end = match (span, dated(indexed.finding, grace.since)) {
            (Some((_, span)), Some(start)) => span.after(start),
            _ => Timestamp::MIN,
        };
        let known = &mut ends[indexed.vulnerability as usize];
        *known = Some(known.map_or(end, |known| known.min(end)));
    }
    let mut ends: Vec<_> = ends.into_iter().flatten().collect();
    ends.sort_unstable();
    ends.get(max as usize).copied()
}

fn describe(selected: &Selected<'_>, label: &Label) -> String {
    match selected.total {
        0 => format!("0 {}", label.many),
        1 => format!("1 {}: {}", label.one, names(selected)),
        total => format!("{total} {}: {}", label.many, names(selected)),
    }
}

fn names(selected: &Selected<'_>) -> String {
    let named: Vec<_> = selected
        .named
        .iter()
        .map(|Indexed { finding, .. }| {
            format!("{} in {} {}", finding.id, finding.package, finding.version)
        })
        .collect();
    with_rest(named.join(", "), selected)
}

fn brief(selected: &Selected<'_>) -> String {
    let Some(Indexed { finding, .. }) = selected.named.first() else {
        return String::new();
    };
    let fix = match finding.fix.version() {
        Some(version) => format!("fixed in {version}"),
        None => finding.fix.word().to_owned(),
    };
    let first = format!(
        "{} {} {}, {fix}",
        finding.id, finding.package, finding.version
    );
    match selected.total - 1 {
        0 => first,
        more => format!("{first}, and {more} more"),
    }
}

fn with_rest(named: String, selected: &Selected<'_>) -> String {
    match selected.total as usize - selected.named.len() {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

fn remedy(selected: &Selected<'_>) -> String {
    let mut updates: Vec<String> = Vec::new();
    for Indexed { finding, .. } in &selected.named {
        if let Some(version) = finding.fix.version() {
            let package = finding.source_package.as_ref().unwrap_or(&finding.package);
            let update = format!("update {package} to {version}");
            if !updates.contains(&update) {
                updates.push(update);
            }
        }
    }
    if updates.is_empty() {
        return "no fix is published; remove the package or ask for a waiver".to_owned();
    }
    with_rest(updates.join(", "), selected)
}
