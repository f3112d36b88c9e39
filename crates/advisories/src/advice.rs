//! Advice: findings collapsed to the few actions that remove them.
//!
//! Pure: it looks at findings only. It does not know which base images or newer tags exist (that is the catalog's), and
//! it decides nothing.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use evidence::{Finding, Fix, PackageType, Severity, SeverityCounts};
use serde::{Deserialize, Serialize};

/// What kind of thing there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActionKind {
    /// Update an operating system package within its release.
    OsUpdate,
    /// Raise a library to a version that clears its findings.
    LibraryBump,
    /// Nothing will come: postponed, refused, or out of support. Replace the package or accept the risk.
    NoFix,
    /// No fix exists yet.
    Waiting,
}

/// One thing to do, and what it removes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradeAction {
    /// What kind of thing.
    pub kind: ActionKind,
    /// The kind of the packages.
    pub package_type: PackageType,
    /// The name to show: the package, or the source package of several.
    pub name: String,
    /// The installed packages that it touches, sorted.
    pub packages: Vec<String>,
    /// The installed version.
    pub from: String,
    /// The smallest version that clears the findings; absent where there is no fix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// A command that does it, where a package manager has one and every name is safe to paste.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The layer that introduced the packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<u32>,
    /// The findings it removes (or that wait), as positions in the slice given.
    pub findings: Vec<usize>,
    /// The vulnerabilities among them, each counted once at its worst severity.
    pub counts: SeverityCounts,
}

/// Groups open findings by the action that removes them.
///
/// What can be done comes first; within that, what removes the worst. `to` is the greatest of the findings' first fixed
/// versions: each finding's own fix, or a later one. Every open finding belongs to exactly one action.
pub fn upgrade_actions(findings: &[Finding]) -> Vec<UpgradeAction> {
    let mut groups = BTreeMap::<Group<'_>, Vec<usize>>::new();
    for (index, finding) in findings.iter().enumerate() {
        if finding.is_open() {
            groups.entry(Group::of(finding)).or_default().push(index);
        }
    }
    let mut actions: Vec<UpgradeAction> = groups
        .into_iter()
        .map(|(group, members)| action(&group, members, findings))
        .collect();
    // Stable, so equal actions keep the order of their names.
    actions.sort_by_key(|action| {
        Reverse((
            action.to.is_some(),
            removes(&action.counts),
            Reverse(action.kind),
        ))
    });
    actions
}

/// What one action touches: the binaries of one source package or the copies of one library, in one version and layer.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Group<'f> {
    kind: ActionKind,
    package_type: PackageType,
    source: &'f str,
    version: &'f str,
    layer: Option<u32>,
}

impl<'f> Group<'f> {
    fn of(finding: &'f Finding) -> Self {
        Self {
            kind: kind(finding),
            package_type: finding.package_type,
            source: finding
                .source_package
                .as_deref()
                .unwrap_or(&finding.package),
            version: &finding.version,
            layer: finding.layer,
        }
    }
}

fn kind(finding: &Finding) -> ActionKind {
    match &finding.fix {
        Fix::Available { .. } if finding.package_type.is_os() => ActionKind::OsUpdate,
        Fix::Available { .. } => ActionKind::LibraryBump,
        Fix::NoneYet => ActionKind::Waiting,
        Fix::Deferred | Fix::WillNotFix | Fix::EndOfLife => ActionKind::NoFix,
    }
}

fn action(group: &Group<'_>, members: Vec<usize>, findings: &[Finding]) -> UpgradeAction {
    let packages: BTreeSet<&str> = members
        .iter()
        .map(|i| findings[*i].package.as_str())
        .collect();
    let order = group.package_type.version_order();
    let to = members
        .iter()
        .filter_map(|i| findings[*i].fix.version())
        .max_by(|a, b| {
            // Both come from statements that were compared already; an unreadable one would only lose.
            order
                .and_then(|order| versions::compare(order, a, b).ok())
                .unwrap_or_else(|| a.cmp(b))
        })
        .map(str::to_owned);
    let name = match packages.first() {
        Some(only) if packages.len() == 1 => only,
        _ => group.source,
    };
    let mut worst = BTreeMap::<&str, Severity>::new();
    for finding in members.iter().map(|i| &findings[*i]) {
        let severity = worst.entry(&finding.id).or_default();
        *severity = (*severity).max(finding.severity);
    }
    UpgradeAction {
        kind: group.kind,
        package_type: group.package_type,
        name: name.to_owned(),
        command: to
            .as_deref()
            .and_then(|to| command(group.package_type, &packages, to)),
        packages: packages.into_iter().map(str::to_owned).collect(),
        from: group.version.to_owned(),
        to,
        layer: group.layer,
        counts: worst.into_values().collect(),
        findings: members,
    }
}

/// Orders counts: what removes the worst, then what removes more.
fn removes(counts: &SeverityCounts) -> [u32; 6] {
    Severity::WORST_FIRST.map(|severity| counts.of(severity))
}

/// Writes the command for a package manager. Names and versions come from an image or a feed, so a command exists only
/// where none of them could mean anything to a shell or be taken for an option.
fn command(package_type: PackageType, packages: &BTreeSet<&str>, to: &str) -> Option<String> {
    let is_plain = |text: &str| {
        !text.is_empty()
            && !text.starts_with('-')
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"@/._+~:-".contains(&b))
    };
    if !is_plain(to) || !packages.iter().all(|name| is_plain(name)) {
        return None;
    }
    let names = packages.iter().copied().collect::<Vec<_>>().join(" ");
    Some(match package_type {
        PackageType::Deb => format!("apt-get install --only-upgrade {names}"),
        PackageType::Apk => format!("apk upgrade {names}"),
        PackageType::Rpm => format!("dnf update {names}"),
        PackageType::PyPi => format!("pip install '{names}>={to}'"),
        PackageType::Npm => format!("npm install '{names}@^{to}'"),
        // The program is built anew, by whoever has its source.
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use evidence::{Origin, Status, Suppression};

    use super::*;

    fn finding(
        kind: PackageType,
        package: &str,
        id: &str,
        severity: Severity,
        fix: Fix,
    ) -> Finding {
        Finding {
            id: id.into(),
            aliases: vec![],
            package_type: kind,
            package: package.into(),
            version: "1.0".into(),
            source_package: None,
            path: String::new(),
            layer: Some(0),
            severity,
            severity_source: String::new(),
            cvss: None,
            epss: None,
            kev: None,
            status: Status::Affected,
            fix,
            note: String::new(),
            published: None,
            summary: String::new(),
            origin: Origin {
                feed: String::new(),
                record: String::new(),
            },
            suppressed: None,
        }
    }

    fn fixed(version: &str) -> Fix {
        Fix::Available {
            version: version.into(),
            published: None,
            estimated: false,
        }
    }

    #[test]
    fn one_version_clears_all_findings_of_a_package() {
        let findings = [
            finding(
                PackageType::PyPi,
                "requests",
                "CVE-1",
                Severity::High,
                fixed("1.9"),
            ),
            finding(
                PackageType::PyPi,
                "requests",
                "CVE-2",
                Severity::Medium,
                fixed("1.10"),
            ),
            finding(
                PackageType::PyPi,
                "requests",
                "CVE-3",
                Severity::Low,
                Fix::NoneYet,
            ),
        ];
        let actions = upgrade_actions(&findings);
        assert_eq!(actions.len(), 2);
        assert_eq!(actions[0].kind, ActionKind::LibraryBump);
        assert_eq!(actions[0].to.as_deref(), Some("1.10"));
        assert_eq!(actions[0].findings, [0, 1]);
        assert_eq!(
            actions[0].command.as_deref(),
            Some("pip install 'requests>=1.10'")
        );
        assert_eq!((actions[0].counts.high, actions[0].counts.medium), (1, 1));
        assert_eq!(actions[1].kind, ActionKind::Waiting);
        assert_eq!(actions[1].findings, [2]);
    }

    #[test]
    fn the_binaries_of_one_source_are_one_update_and_a_flaw_counts_once() {
        let mut findings = ["libssl3", "openssl"].map(|name| {
            let mut finding = finding(
                PackageType::Deb,
                name,
                "CVE-1",
                Severity::High,
                fixed("1.1"),
            );
            finding.source_package = (name != "openssl").then(|| "openssl".to_owned());
            finding
        });
        let actions = upgrade_actions(&findings);
        assert_eq!(actions.len(), 1);
        assert_eq!(actions[0].name, "openssl");
        assert_eq!(actions[0].packages, ["libssl3", "openssl"]);
        assert_eq!(actions[0].counts.total(), 1);
        assert_eq!(
            actions[0].command.as_deref(),
            Some("apt-get install --only-upgrade libssl3 openssl")
        );
        findings[1].layer = Some(3);
        assert_eq!(upgrade_actions(&findings).len(), 2);
    }

    #[test]
    fn what_can_be_done_comes_first_and_the_worst_of_it_before_the_rest() {
        let findings = [
            finding(
                PackageType::Deb,
                "a",
                "CVE-1",
                Severity::Critical,
                Fix::WillNotFix,
            ),
            finding(
                PackageType::Deb,
                "b",
                "CVE-2",
                Severity::Critical,
                Fix::NoneYet,
            ),
            finding(PackageType::Deb, "c", "CVE-3", Severity::Medium, fixed("2")),
            finding(
                PackageType::Npm,
                "d",
                "CVE-4",
                Severity::High,
                fixed("2.0.0"),
            ),
        ];
        let names: Vec<String> = upgrade_actions(&findings)
            .into_iter()
            .map(|a| a.name)
            .collect();
        assert_eq!(names, ["d", "c", "a", "b"]);
    }

    #[test]
    fn what_is_not_open_needs_no_action() {
        let mut suppressed = finding(PackageType::Deb, "a", "CVE-1", Severity::High, fixed("2"));
        suppressed.suppressed = Some(Suppression {
            reason: "unimportant".into(),
            source: "debian".into(),
        });
        let mut waiting = finding(PackageType::Deb, "a", "CVE-2", Severity::High, Fix::NoneYet);
        waiting.status = Status::UnderInvestigation;
        assert!(upgrade_actions(&[suppressed, waiting]).is_empty());
    }

    #[test]
    fn a_name_that_a_shell_would_read_gets_no_command() {
        for name in ["a;reboot", "$(id)", "a b", "-rf", "a'b"] {
            let hostile = finding(PackageType::PyPi, name, "CVE-1", Severity::High, fixed("2"));
            assert_eq!(upgrade_actions(&[hostile])[0].command, None, "{name}");
        }
        let scoped = finding(
            PackageType::Npm,
            "@a/b",
            "CVE-1",
            Severity::High,
            fixed("2.0.0"),
        );
        assert_eq!(
            upgrade_actions(&[scoped])[0].command.as_deref(),
            Some("npm install '@a/b@^2.0.0'")
        );
    }
}
