//! The report for people: a head of two lines, then what to do about it.
//!
//! Findings are grouped by the action that removes them, since nobody can act on a list of four hundred. `-o wide` lists
//! them one by one. All foreign text passes through [`plain`].

use std::fmt::Write;

use advisories::advice::{ActionKind, UpgradeAction, upgrade_actions};
use comfy_table::{Attribute, Cell, Color};
use evidence::{
    Finding, Grade, ImageReport, Inventory, MatchReport, Severity, SeverityCounts, Status,
};
use gate::{Decision, Outcome, RuleOutcome, Verdict};
use jiff::Timestamp;

use super::format::Written;
use crate::output::{columns, minute, plain};

/// Actions shown before the rest is counted.
const ACTIONS_SHOWN: usize = 15;

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// The head only.
    Summary,
    /// The head and the actions.
    Actions,
    /// The head and every finding.
    Findings,
}

/// Returns the report as text.
pub(super) fn render(written: &Written, detail: Detail, width: u16, has_color: bool) -> String {
    let paint = Paint { has_color };
    let mut text = head(written);
    if let Some(matches) = &written.report.matches {
        text.push_str(&summary(matches, written, paint));
        match detail {
            Detail::Summary => {}
            Detail::Actions => {
                text.push_str(&actions(matches, &written.report.inventory, width, paint));
            }
            Detail::Findings => text.push_str(&findings(matches, paint)),
        }
    }
    if detail != Detail::Summary {
        text.push_str(&notes(&written.report.inventory, detail));
    }
    if let Some(verdict) = written.verdict {
        text.push_str(&rules(verdict, width, paint));
    }
    text
}

/// `payments/api:2.3.7  linux/amd64  sha256:77ac02de…  rhel 9.4 · 312 packages · advisories of 06:10 UTC`
fn head(written: &Written) -> String {
    let ImageReport {
        subject,
        inventory,
        matches,
        ..
    } = written.report;
    let mut line = plain(&subject.name).into_owned();
    if let Some(platform) = &inventory.facts.platform {
        let _ = write!(line, "  {}", plain(platform));
    }
    match (&subject.digest, written.image_id) {
        (Some(digest), _) => {
            let _ = write!(line, "  {}…", digest.short());
        }
        (None, Some(id)) => {
            let _ = write!(line, "  image {}…", id.short());
        }
        (None, None) => {}
    }
    let distro = inventory
        .distro
        .as_ref()
        .map_or("no distribution".into(), evidence::Distro::label);
    let packages = match inventory.packages.len() {
        1 => "1 package".to_owned(),
        count => format!("{count} packages"),
    };
    let advisories = match matches {
        Some(matches) => format!(
            "advisories of {}",
            time(matches.snapshot.built_at, written.now)
        ),
        None => "no advisories".to_owned(),
    };
    let _ = writeln!(line, "  {} · {packages} · {advisories}", plain(&distro));
    line
}

/// The minute alone for today, with the date otherwise.
fn time(at: Timestamp, now: Timestamp) -> String {
    let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    if day(at) == day(now) {
        at.strftime("%H:%M UTC").to_string()
    } else {
        minute(at)
    }
}

/// `Health D (E in 45 d)    production BLOCKED (3)    1C 6H 19M 40L    52 fixable    1 exploited`
fn summary(matches: &MatchReport, written: &Written, paint: Paint) -> String {
    let grade = &matches.grade;
    let mut health = format!("Health {}", paint.grade(grade.grade));
    match grade.next_drop() {
        Some((next, at)) if at > written.now => {
            let _ = write!(health, " ({next} in {})", days(written.now, at));
        }
        _ if grade.grade == Grade::Unknown => {
            let _ = write!(health, " ({})", plain(&grade.reason));
        }
        _ => {}
    }
    let mut parts = vec![health];
    if let Some(verdict) = written.verdict {
        parts.push(verdict_words(verdict, paint));
    }
    let counts = matches.counts();
    parts.push(if counts.total() == 0 {
        "no known vulnerabilities".to_owned()
    } else {
        letters(counts)
    });
    let fixable = matches.fixable_counts().total();
    if fixable > 0 {
        parts.push(format!("{fixable} fixable"));
    }
    let exploited: std::collections::BTreeSet<&str> = matches
        .open()
        .filter(|finding| finding.kev.is_some())
        .map(|finding| finding.id.as_str())
        .collect();
    if !exploited.is_empty() {
        parts.push(paint.bad(&format!("{} exploited", exploited.len())));
    }
    parts.join("    ") + "\n"
}

fn days(now: Timestamp, at: Timestamp) -> String {
    let seconds = at.as_second() - now.as_second();
    match seconds / 86_400 {
        0 => "under 1 d".to_owned(),
        days => format!("{days} d"),
    }
}

fn verdict_words(verdict: &Verdict, paint: Paint) -> String {
    let names: Vec<&str> = verdict
        .policy
        .iter()
        .map(|policy| policy.name.as_str())
        .collect();
    let word = match verdict.verdict {
        Decision::Allow => "ALLOWED".to_owned(),
        Decision::Warn => format!("WARNED ({})", verdict.counts.fail + verdict.counts.warn),
        Decision::Pending => "PENDING".to_owned(),
        Decision::Deny => paint.bad(&format!(
            "BLOCKED ({})",
            verdict.counts.fail + verdict.counts.unknown
        )),
    };
    format!("{} {word}", plain(&names.join(", ")))
}

/// `1C 6H 19M 40L 2 unknown`: what is not there is left out. Negligible ones are hidden unless there is nothing else.
fn letters(counts: SeverityCounts) -> String {
    let mut parts: Vec<String> = [
        (counts.critical, "C"),
        (counts.high, "H"),
        (counts.medium, "M"),
        (counts.low, "L"),
        (counts.unknown, " unknown"),
    ]
    .iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, word)| format!("{count}{word}"))
    .collect();
    if parts.is_empty() {
        parts.push(format!("{} negligible", counts.negligible));
    }
    parts.join(" ")
}

fn actions(matches: &MatchReport, inventory: &Inventory, width: u16, paint: Paint) -> String {
    let actions = upgrade_actions(&matches.findings);
    let (upgrades, rest): (Vec<_>, Vec<_>) =
        actions.into_iter().partition(|action| action.to.is_some());
    let mut text = String::new();
    if !upgrades.is_empty() {
        let names = widest(
            upgrades
                .iter()
                .take(ACTIONS_SHOWN)
                .map(|action| plain(&action.name).chars().count()),
        );
        let versions = widest(
            upgrades
                .iter()
                .take(ACTIONS_SHOWN)
                .map(|action| plain(&action.from).chars().count()),
        );
        let mut table = columns(&["UPGRADE", "REMOVES", "INTRODUCED BY"], width);
        paint.prepare(&mut table);
        for action in upgrades.iter().take(ACTIONS_SHOWN) {
            let upgrade = format!(
                "{:names$} {:versions$} → {}",
                plain(&action.name),
                plain(&action.from),
                plain(action.to.as_deref().unwrap_or_default()),
            );
            table.add_row([
                Cell::new(upgrade),
                paint.counts(action.counts),
                Cell::new(introduced_by(action, inventory)),
            ]);
        }
        let _ = write!(text, "\n{}\n", table.trim_fmt());
        if let Some(more) = upgrades
            .len()
            .checked_sub(ACTIONS_SHOWN)
            .filter(|more| *more > 0)
        {
            let _ = writeln!(text, "… {more} more; -o wide lists each advisory");
        }
    }
    let without_fix = [
        (ActionKind::Waiting, "No fix yet"),
        (ActionKind::NoFix, "Will not be fixed"),
    ];
    let mut separator = "\n";
    for (kind, words) in without_fix {
        let waiting: Vec<&UpgradeAction> =
            rest.iter().filter(|action| action.kind == kind).collect();
        if !waiting.is_empty() {
            let _ = writeln!(
                text,
                "{separator}{words}: {}",
                without_action(&waiting, matches)
            );
            separator = "";
        }
    }
    text
}

fn widest(widths: impl Iterator<Item = usize>) -> usize {
    widths.max().unwrap_or(0)
}

/// `12 packages, 3H 5M`
fn without_action(actions: &[&UpgradeAction], matches: &MatchReport) -> String {
    let findings: Vec<Finding> = actions
        .iter()
        .flat_map(|action| &action.findings)
        .filter_map(|position| matches.findings.get(*position).cloned())
        .collect();
    let packages: std::collections::BTreeSet<&str> = findings
        .iter()
        .map(|finding| finding.package.as_str())
        .collect();
    // One flaw in several packages counts once, as in the head.
    let mut worst = std::collections::BTreeMap::new();
    for finding in &findings {
        let severity = worst.entry(finding.id.as_str()).or_insert(finding.severity);
        *severity = (*severity).max(finding.severity);
    }
    let noun = if packages.len() == 1 {
        "package"
    } else {
        "packages"
    };
    format!(
        "{} {noun}, {}",
        packages.len(),
        letters(worst.into_values().collect())
    )
}

/// `layer 7  RUN pip install -r requirements.txt`
fn introduced_by(action: &UpgradeAction, inventory: &Inventory) -> String {
    let Some(position) = action.layer else {
        return String::new();
    };
    let instruction = inventory
        .layers
        .get(position as usize)
        .and_then(|layer| layer.created_by.as_deref())
        .unwrap_or_default();
    let text = format!("layer {position}  {}", plain(shorten(instruction)));
    text.trim_end().to_owned()
}

/// The instruction without the shell that BuildKit and docker write around it, cut where it becomes prose.
fn shorten(instruction: &str) -> &str {
    const LONGEST: usize = 60;
    let text = instruction
        .trim_start_matches("/bin/sh -c #(nop) ")
        .trim_start_matches("/bin/sh -c ")
        .trim();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => text[..end].trim_end(),
        None => text,
    }
}

/// Lists findings one by one, as wide as they are: paths are for copying and searching.
fn findings(matches: &MatchReport, paint: Paint) -> String {
    let open: Vec<&Finding> = matches
        .findings
        .iter()
        .filter(|finding| finding.suppressed.is_none())
        .collect();
    if open.is_empty() {
        return String::new();
    }
    let mut table = columns(
        &[
            "SEVERITY",
            "VULNERABILITY",
            "PACKAGE",
            "INSTALLED",
            "FIXED IN",
            "WHERE",
        ],
        u16::MAX,
    );
    paint.prepare(&mut table);
    for finding in open {
        let fixed = match (finding.status, finding.fix.version()) {
            (Status::UnderInvestigation, _) => "under investigation".to_owned(),
            (Status::Unknown, _) => "cannot be said".to_owned(),
            (Status::Affected, Some(version)) => plain(version).into_owned(),
            (Status::Affected, None) => finding.fix.word().to_owned(),
        };
        let id = match finding.kev {
            Some(_) => format!("{} (exploited)", plain(&finding.id)),
            None => plain(&finding.id).into_owned(),
        };
        table.add_row([
            paint.severity(finding.severity),
            Cell::new(id),
            Cell::new(plain(&finding.package)),
            Cell::new(plain(&finding.version)),
            Cell::new(fixed),
            Cell::new(plain(&finding.path)),
        ]);
    }
    format!("\n{}\n", table.trim_fmt())
}

/// What the reader must know about the limits of what was said.
fn notes(inventory: &Inventory, detail: Detail) -> String {
    let mut text = String::new();
    let lost = inventory
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.level == evidence::Level::Error);
    let (lost, shown): (Vec<_>, usize) = match detail {
        Detail::Findings => (lost.collect(), usize::MAX),
        _ => (lost.collect(), 3),
    };
    if lost.is_empty() {
        return text;
    }
    text.push_str("\nNot everything could be read:\n");
    for diagnostic in lost.iter().take(shown) {
        let place = diagnostic
            .path
            .as_deref()
            .map_or(String::new(), |path| format!("{}: ", plain(path)));
        let _ = writeln!(
            text,
            "  {place}{} ({})",
            plain(&diagnostic.message),
            diagnostic.code
        );
    }
    if lost.len() > shown {
        let _ = writeln!(text, "  … {} more; -o wide lists them", lost.len() - shown);
    }
    text
}

/// One line per rule that did not pass, then how many did.
fn rules(verdict: &Verdict, width: u16, paint: Paint) -> String {
    let mut text = String::from("\n");
    let mut table = columns(&["", "RULE", "OBSERVED", "REQUIRED", "NEXT STEP"], width);
    paint.prepare(&mut table);
    let mut passed = 0;
    for rule in &verdict.rules {
        if matches!(rule.outcome, Outcome::Pass | Outcome::NotApplicable) {
            passed += 1;
            continue;
        }
        table.add_row(rule_row(rule, paint));
    }
    if table.row_count() > 0 {
        let _ = writeln!(text, "{}", table.trim_fmt());
    }
    let noun = if passed == 1 { "rule" } else { "rules" };
    let _ = writeln!(text, "✓ {passed} {noun} passed");
    text
}

fn rule_row(rule: &RuleOutcome, paint: Paint) -> Vec<Cell> {
    let (sign, color) = match (rule.outcome, rule.level) {
        (Outcome::Fail, gate::Level::Deny) => ("✕", Color::Red),
        (Outcome::Fail, gate::Level::Warn) => ("!", Color::Yellow),
        (Outcome::Unknown, _) => ("?", Color::Yellow),
        (Outcome::Grace | Outcome::Waived, _) => ("~", Color::Cyan),
        (Outcome::Pass | Outcome::NotApplicable, _) => ("✓", Color::Green),
    };
    vec![
        paint.cell(sign, color),
        Cell::new(plain(&rule.id)),
        Cell::new(plain(&rule.observed)),
        Cell::new(plain(&rule.required)),
        Cell::new(plain(rule.remediation.as_deref().unwrap_or_default())),
    ]
}

/// Colour, of the sixteen every terminal has. The words say the same without it.
#[derive(Clone, Copy)]
struct Paint {
    has_color: bool,
}

impl Paint {
    fn prepare(self, table: &mut comfy_table::Table) {
        if self.has_color {
            table.enforce_styling();
        }
    }

    fn cell(self, text: &str, color: Color) -> Cell {
        let cell = Cell::new(text);
        if self.has_color { cell.fg(color) } else { cell }
    }

    fn severity(self, severity: Severity) -> Cell {
        let cell = self.cell(severity.word(), color_of(severity));
        if self.has_color && severity == Severity::Critical {
            cell.add_attribute(Attribute::Bold)
        } else {
            cell
        }
    }

    fn counts(self, counts: SeverityCounts) -> Cell {
        let worst = Severity::WORST_FIRST
            .into_iter()
            .find(|severity| counts.of(*severity) > 0);
        self.cell(&letters(counts), color_of(worst.unwrap_or_default()))
    }

    fn grade(self, grade: Grade) -> String {
        let code = match grade {
            Grade::A | Grade::B => "32",
            Grade::C | Grade::D => "33",
            Grade::E | Grade::F => "31",
            Grade::Unknown => return grade.to_string(),
        };
        self.wrap(grade.letter(), code)
    }

    fn bad(self, text: &str) -> String {
        self.wrap(text, "31")
    }

    fn wrap(self, text: &str, code: &str) -> String {
        if self.has_color {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

const fn color_of(severity: Severity) -> Color {
    match severity {
        Severity::Critical | Severity::High => Color::Red,
        Severity::Medium => Color::Yellow,
        Severity::Low => Color::Cyan,
        Severity::Negligible | Severity::Unknown => Color::Grey,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(&[Severity::Critical, Severity::High, Severity::High, Severity::Low], "1C 2H 1L")]
    #[case(&[Severity::Medium, Severity::Negligible], "1M")]
    #[case(&[Severity::Negligible, Severity::Negligible], "2 negligible")]
    #[case(&[Severity::Unknown, Severity::High], "1H 1 unknown")]
    fn counts_are_letters_and_absent_ones_are_left_out(
        #[case] severities: &[Severity],
        #[case] expected: &str,
    ) {
        assert_eq!(letters(severities.iter().copied().collect()), expected);
    }

    #[rstest]
    #[case("/bin/sh -c #(nop) ADD file:1 in / ", "ADD file:1 in /")]
    #[case("/bin/sh -c apt-get update", "apt-get update")]
    #[case("RUN pip install", "RUN pip install")]
    #[case("", "")]
    fn an_instruction_loses_the_shell_around_it(#[case] instruction: &str, #[case] expected: &str) {
        assert_eq!(shorten(instruction), expected);
    }

    #[test]
    fn a_long_instruction_is_cut_at_a_character() {
        assert_eq!(shorten(&"ä".repeat(200)).chars().count(), 60);
    }
}
